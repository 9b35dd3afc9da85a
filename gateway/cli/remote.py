"""`garita remote ...`: signed commands to a gate from elsewhere, by an operator with a key.

They need no configuration of a gateway: a file of the operator's own says who they are and where
the brokers are (gateway/config/remote.py).
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from gateway import config
from gateway.cli import common
from gateway.cli.app import App
from gateway.config.remote import RemoteTable, load_remote
from gateway.daemon.signed import RULES, sign
from gateway.locale import _, system
from gateway.people import account
from gateway.vault import commandkey
from gateway.wording import text
from gateway.wording.details import detail

app = App()

PROFILE = Path("~/.config/garita/remote.toml")
SHORTEST_PASSPHRASE = 8

GatewayArgument = Annotated[str, typer.Argument(help="The gateway's name.")]
DoorArgument = Annotated[str, typer.Argument(help="The door's name in its configuration.")]
ProfileOption = Annotated[
    Path, typer.Option("--profile", help="Who you are, and where the brokers are.")
]
PrintOption = Annotated[
    str,
    typer.Option(
        "--print-for",
        metavar="BOOT",
        help="Print the message for that run of the gateway (`boot` in its state), send nothing.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Act:
    """A command to one gateway: its name, and what its body has beside what each has."""

    gateway: str
    name: str
    body: Mapping[str, Any]


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="The file for the private key.")],
    bare: Annotated[
        bool, typer.Option("--no-passphrase", help="For a machine: the file alone is enough.")
    ] = False,
) -> None:
    """Make an operator's key.  The line that it prints goes into [command_keys] of each gateway."""
    phrase = "" if bare else _passphrase(new=True)
    if not bare and len(phrase) < SHORTEST_PASSPHRASE:
        common.fail(
            _("the passphrase has fewer than {count} characters").format(count=SHORTEST_PASSPHRASE),
            common.USAGE,
        )
    try:
        public = commandkey.make(path, phrase)
    except OSError as error:
        common.fail(f"{path}: {system(error.strerror)}", common.REFUSED)
    common.out.print(f'public_key = "{public}"', markup=False)


@app.command("open")
def open_(
    gateway: GatewayArgument,
    door: DoorArgument,
    reason: common.ReasonOption,
    profile: ProfileOption = PROFILE,
    print_for: PrintOption = "",
) -> None:
    """Open a door once, if its configuration says remote_open = true."""
    answer = _do(_Act(gateway, "door_open", {"door": door, "reason": reason}), profile, print_for)
    common.say(
        _("{door}: opened; record {seq} of {gateway}").format(
            door=door, seq=answer.get("seq", "?"), gateway=gateway
        )
    )


@app.command()
def confirm(
    gateway: GatewayArgument,
    door: DoorArgument,
    request: Annotated[str, typer.Argument(help="The id of the request that waits.")],
    refuse: Annotated[bool, typer.Option("--refuse", help="They may not pass.")] = False,
    profile: ProfileOption = PROFILE,
    print_for: PrintOption = "",
) -> None:
    """Say who the person is who waits at a door where something failed, and that they may pass.

    The id is in the record door.confirm_asked.
    """
    body = {"door": door, "request": request, "yes": not refuse}
    answer = _do(_Act(gateway, "door_confirm", body), profile, print_for)
    told = _("{name}: may not pass") if refuse else _("{name}: may pass")
    common.say(told.format(name=answer.get("name", request)))


@app.command("out-of-service")
def out_of_service(
    gateway: GatewayArgument,
    door: DoorArgument,
    reason: common.ReasonOption,
    profile: ProfileOption = PROFILE,
    print_for: PrintOption = "",
) -> None:
    """Let nobody in by this door until it is back in service."""
    body = {"door": door, "reason": reason}
    _do(_Act(gateway, "door_out_of_service", body), profile, print_for)
    common.say(_("{door}: out of service").format(door=door))


@app.command("in-service")
def in_service(
    gateway: GatewayArgument,
    door: DoorArgument,
    profile: ProfileOption = PROFILE,
    print_for: PrintOption = "",
) -> None:
    """Back into service."""
    _do(_Act(gateway, "door_in_service", {"door": door}), profile, print_for)
    common.say(_("{door}: back in service").format(door=door))


@app.command()
def revoke(
    gateway: GatewayArgument,
    person: Annotated[str, typer.Argument(help="The person's id in the list.")],
    reason: common.ReasonOption,
    profile: ProfileOption = PROFILE,
    print_for: PrintOption = "",
) -> None:
    """Let a person pass no more at that gateway, from the next badge on."""
    body = {"person": person, "reason": reason}
    answer = _do(_Act(gateway, "person_revoke", body), profile, print_for)
    told = _("{person}: revoked") if answer.get("changed") else _("{person}: was revoked before")
    common.say(told.format(person=person))


def _do(act: _Act, profile: Path, print_for: str) -> Mapping[str, Any]:
    """Send a command and return the gateway's answer, or end with what is wrong."""
    # The MQTT client is loaded for sending alone.
    from gateway.uplink.sender import NotSent, Signed, send  # noqa: PLC0415

    try:
        who = load_remote(profile.expanduser())
        private = commandkey.load(who.key_file, lambda: _passphrase(new=False))
    except config.ConfigError as error:
        common.mistaken(error.mistakes)
    except commandkey.CommandKeyError as error:
        common.fail(str(error), common.REFUSED)

    def made(boot: str) -> Signed:
        body = _body(act, boot)
        seconds = int(RULES[act.name].longest.total_seconds())
        return Signed(sign(body, who.name, private), who.name, body["counter"], seconds)

    if print_for:
        sys.stdout.write(made(print_for).text + "\n")
        raise typer.Exit
    try:
        answer = asyncio.run(send(who.mqtt, act.gateway, made))
    except NotSent as error:
        common.fail(str(error), common.UNREACHABLE)
    if not answer["done"]:
        _refused(who, act, str(answer.get("why", "")))
    return answer


def _refused(who: RemoteTable, act: _Act, why: str) -> NoReturn:
    said = text.reason(why) if why in text.REASONS else detail(why)
    common.fail(
        _("{gateway} refused the command of {name}: {why}").format(
            gateway=act.gateway, name=who.name, why=said
        ),
        common.REFUSED,
    )


def _body(act: _Act, boot: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        **act.body,
        "gateway": act.gateway,
        "command": act.name,
        "by": account.own(),
        "boot": boot,
        "nonce": secrets.token_hex(16),
        "counter": int(now.timestamp() * 1000),
        "issued": now.isoformat(timespec="milliseconds"),
        "expires": (now + RULES[act.name].longest).isoformat(timespec="milliseconds"),
    }


def _passphrase(*, new: bool) -> str:
    """The passphrase of the key from whoever sits here, not shown, or a line from a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    asked: str = typer.prompt(_("passphrase"), hide_input=True, confirmation_prompt=new, err=True)
    return asked
