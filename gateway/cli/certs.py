"""`garita certs`: the certificates of the site's broker and of those who log in there."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway import config
from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.config import ConfigError, MqttSettings
from gateway.locale import N_, GaritaError, _
from gateway.setup import broker as mosquitto
from gateway.setup import clock
from gateway.setup.certs import CA, Certificates, Held, State
from gateway.setup.keeping import replace_kept
from gateway.vault.authority import Kind

app = App()

FolderOption = Annotated[
    Path | None,
    typer.Option("--dir", help="The folder of the certificates; by default certs beside -c."),
]
STATES = {
    State.GOOD: N_("good"),
    State.SOON: N_("[yellow]ends soon[/yellow]"),
    State.EXPIRED: N_("[red]expired[/red]"),
    State.EARLY: N_("[red]not valid yet: a clock was wrong[/red]"),
    State.DAMAGED: N_("[red]damaged[/red]"),
    State.NO_KEY: N_("[red]its key is missing or another's[/red]"),
    State.OPEN_KEY: N_("[red]others may read its key: chmod 600[/red]"),
    State.OTHER_CA: N_("[red]of another authority[/red]"),
}
KINDS = {
    Kind.AUTHORITY: N_("authority"),
    Kind.SERVER: N_("broker"),
    Kind.CLIENT: N_("client"),
}


@app.command()
def new(ctx: Context, folder: FolderOption = None) -> None:
    """Make the site's authority: what signs the certificates of the broker and of its clients.

    Keep a copy of ca.key in a safe.  The broker and the gateways need ca.pem alone.
    """
    held, now = _held(ctx, folder), _now()
    with _saying():
        made = held.new_authority(_gateway(ctx), now)
    _made(made)


@app.command()
def server(
    ctx: Context,
    names: Annotated[
        list[str],
        typer.Argument(help="Names and addresses by which the gateways reach the broker."),
    ],
    folder: FolderOption = None,
) -> None:
    """Make the broker's certificate.  `localhost` is in it too."""
    held, now = _held(ctx, folder), _now()
    with _saying():
        wanted = list(dict.fromkeys([*names, "localhost"]))
        made = held.issue(mosquitto.SERVER, Kind.SERVER, now, names=wanted)
    _made(made)


@app.command()
def client(
    ctx: Context,
    names: Annotated[
        list[str], typer.Argument(help="Accounts at the broker: a gateway, collector, auditor.")
    ],
    folder: FolderOption = None,
) -> None:
    """Make certificates with which a gateway, a collector or a person logs in at the broker.

    The name is the account there: a gateway's is its name in garita.toml.
    """
    held, now = _held(ctx, folder), _now()
    settings = _settings(ctx)
    for name in names:
        ours = settings is not None and name == settings.site.gateway
        reader = settings.tables.site.data_dir if ours and settings is not None else None
        with _saying():
            _made(held.issue(name, Kind.CLIENT, now, reader=reader))


@app.command()
def renew(
    ctx: Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="Which ones; without it, those that end soon.")
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Other names for the broker's certificate; may be repeated."),
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Make certificates anew for the keys that are there: those that expired or end within 30 days.

    Also those that a wrong clock made.  Whoever uses a certificate on another machine needs the new
    file there.
    """
    held, now = _held(ctx, folder), _now()
    if host and names != [mosquitto.SERVER]:
        said = _("--host is for the broker's certificate: garita certs renew broker --host NAME")
        common.fail(said, common.USAGE)
    with _saying():
        made = held.renew(names or [], now, names_of_server=host or [])
    for item in made:
        _made(item)
    if not made:
        common.say(_("nothing to renew"))
    elif any(item.name == CA for item in made):
        common.say(_("the authority has a new certificate: every broker and gateway needs ca.pem"))
    if any(item.name in (CA, mosquitto.SERVER) for item in made):
        common.say(_("then: garita certs mosquitto, and systemctl reload mosquitto"))


@app.command("list")
def list_(ctx: Context, folder: FolderOption = None, json: common.JsonOption = False) -> None:
    """The certificates, with the days that they have left; exit code 3 if one is not good.

    One that ends within 30 days is still good.
    """
    held, now = _held(ctx, folder), _now(judge=False)
    with _saying():
        found = held.all(now)
    if json:
        common.print_json([_plain(item) for item in found])
    elif not found:
        common.say(_("no certificates in {folder}").format(folder=held.folder))
    else:
        table = Table(_("name"), _("kind"), _("for"), _("ends"), _("days left"), _("state"))
        for item in found:
            ends = f"{item.ends:%Y-%m-%d}" if item.ends else ""
            left = "" if item.days_left is None else str(item.days_left)
            kind = _(KINDS[item.kind]) if item.kind else ""
            row = (item.name, kind, ", ".join(item.names), ends, left)
            table.add_row(*row, _(STATES[item.state]))
        common.out.print(table)
    if any(item.state not in (State.GOOD, State.SOON) for item in found):
        raise typer.Exit(common.CHECK_FAILED)


@app.command("mosquitto")
def mosquitto_(
    ctx: Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The broker's port.")] = (
        mosquitto.PORT
    ),
    allow: Annotated[
        list[str] | None,
        typer.Option(help="Let a client of the ACL in, such as collector; may be repeated."),
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Write what a mosquitto on this box needs: configuration, ACL, certificates; and try it.

    A file that was changed here is kept beside the new one.
    """
    held = _held(ctx, folder)
    places = mosquitto.BrokerPlaces.of(ctx.config)
    with _saying():
        for item in mosquitto.files(places, held, port=port, people=allow or []):
            kept = replace_kept(item.path, item.data, item.mode)
            if item.mode == 0o600:
                mosquitto.own(item.path)
            if kept.old is not None:
                common.say(_("{path}: the old one is {old}").format(path=item.path, old=kept.old))
            elif kept.changed:
                common.say(_("{path}: made").format(path=item.path))
    name = _gateway(ctx)
    if mosquitto.program() is None or not held.cert_path(name).exists():
        return
    with _saying():
        version = mosquitto.tried(places, login(held, name), name)
    said = _("tried: {gateway} logs in at this broker (MQTT {version})")
    common.say(said.format(gateway=name, version=version))


def login(held: Certificates, name: str) -> MqttSettings:
    """How the gateway `name` logs in with its certificate; the host is another's business."""
    return MqttSettings(
        host="localhost",
        tls=True,
        ca_file=held.cert_path(CA),
        cert_file=held.cert_path(name),
        key_file=held.key_path(name),
    )


def _held(ctx: Context, folder: Path | None) -> Certificates:
    return Certificates((folder or ctx.config.parent / "certs").absolute())


def _settings(ctx: Context) -> config.Settings | None:
    """The gate's settings; None before there is a configuration that can be read."""
    try:
        return config.load(ctx.config)
    except ConfigError:
        return None


def _gateway(ctx: Context) -> str:
    settings = _settings(ctx)
    return settings.site.gateway if settings is not None else socket.gethostname()


def _now(*, judge: bool = True) -> datetime:
    """The time; ends the command if it can't be right."""
    now = clock.now()
    if judge and (why := clock.impossible(now)) is not None:
        common.fail(str(why), common.REFUSED)
    return now


def _made(item: Held) -> None:
    ends = f"{item.ends:%Y-%m-%d}" if item.ends else ""
    said = _("{path}: made; it ends on {day}, days left: {days}")
    common.say(said.format(path=item.path, day=ends, days=item.days_left))


def _plain(item: Held) -> dict[str, object]:
    names: Sequence[str] = item.names
    return {
        "name": item.name,
        "kind": item.kind,
        "names": list(names),
        "begins": item.begins.isoformat() if item.begins else None,
        "ends": item.ends.isoformat() if item.ends else None,
        "days_left": item.days_left,
        "state": item.state,
        "file": str(item.path),
    }


@contextmanager
def _saying() -> Iterator[None]:
    try:
        yield
    except (GaritaError, OSError) as error:
        common.fail(str(error), common.REFUSED)
