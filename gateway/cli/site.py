"""`garita check`: the configuration, the files that it names, and what runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.config import Settings, parts
from gateway.config.mistakes import located
from gateway.config.zones import difference
from gateway.daemon import control
from gateway.desk.errors import DeskError
from gateway.desk.freight.settings import freight_policy
from gateway.locale import _
from gateway.people import account
from gateway.people.cardnumbers import impossible_in_force
from gateway.people.vanished import vanished_levels
from gateway.vault.sitekey import KeyFileError, SiteKey
from gateway.wording import words


def check(
    ctx: Context,
    json: common.JsonOption = False,
    online: Annotated[
        bool, typer.Option("--online", help="Connect to the broker, and say what is found there.")
    ] = False,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="What differs from what is in force, and needs a restart."),
    ] = False,
) -> None:
    """Check the configuration; every mistake is named with file, line, key and reason."""
    from gateway.devices import attached  # noqa: PLC0415 - brings the drivers; `status` has no use

    settings = ctx.settings
    if diff:
        from gateway.cli.configuration import show_differences  # noqa: PLC0415 - for this option

        show_differences(settings, json=json)
        return
    warnings = [*settings.warnings, *_zone(settings)]
    warnings += vanished_levels(settings.people_path, settings.site.access_levels)
    try:
        SiteKey.load(settings.tables.site.key_file)
    except KeyFileError as error:
        # It is for the gateway's account, so a gateway that runs has it.
        try:
            control.ask(settings.socket_path, "status")
        except control.ControlError:
            warnings.append(str(error))
    warnings += _credentials(settings)
    try:
        freight_policy(settings)
    except DeskError as error:
        common.fail(f"freight.checklists: {error}", common.BAD_CONFIG)
    warnings += _unknown_operators(settings)
    warnings += _without_faces(settings)
    ports = attached.Machine().findings(settings.tables)
    if ports.mistakes:
        common.mistaken(located(ctx.config, ports.mistakes))
    warnings += ports.warnings
    warnings += impossible_in_force(settings.people_path)
    lines, code = _online(settings) if online else ([], common.OK)
    if json:
        common.print_json({"ok": code == common.OK, "warnings": warnings, "online": lines})
        raise typer.Exit(code)
    for warning in warnings:
        common.out.print(
            _("warning: {warning}").format(warning=warning), markup=False, soft_wrap=True
        )
    wiring = Table(
        _("door"), _("factors"), _("reader"), _("lock relay"), _("wire the lock"), box=None
    )
    for name, item in settings.tables.doors.items():
        contact = "NO" if item.release == "energise" and item.fail == "secure" else "NC"
        if item.release == "de-energise":
            contact = "NO"
        wiring.add_row(
            name,
            words.word(item.mode.value),
            (
                item.reader
                if item.reader_out is None
                else _("{reader}, out {reader_out}").format(
                    reader=item.reader, reader_out=item.reader_out
                )
            ),
            f"{item.lock}:{item.channel}",
            _("through {contact}, {fail}").format(
                contact=contact,
                fail=_("fail-safe") if item.fail == "safe" else _("fail-secure"),
            ),
        )
    common.out.print(wiring)
    common.out.print(_("{config}: good").format(config=ctx.config), markup=False)
    for line in lines:
        common.out.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def _credentials(settings: Settings) -> list[str]:
    """What is wrong with the files that the broker asks for, or soon will be."""
    if settings.tables.mqtt is None:
        return []
    from gateway.uplink.credentials import examine  # noqa: PLC0415 - `status` has no use for it

    return [f"mqtt: {item.message}" for item in examine(settings.tables.mqtt)]


def _without_faces(settings: Settings) -> Iterator[str]:
    missing = parts.face_missing() if settings.tables.cameras else ""
    if missing:
        yield _(
            "cameras: the face match is not installed here, so doors that ask for a face refuse: "
            "{command}"
        ).format(command=missing)


def _unknown_operators(settings: Settings) -> list[str]:
    """Operators whose person is not on the list, or whose account is not on this machine."""
    found = []
    operators = common.operators(settings)
    today = datetime.now(settings.site.zone).date()
    for name, item in settings.tables.operators.items():
        if operators.listed(item.person, today) is None:
            text = _("operators.{name}: nobody on the list has the id {person}")
            found.append(text.format(name=name, person=item.person))
        if item.account and not account.exists(item.account):
            text = _("operators.{name}: this machine has no account {account}")
            found.append(text.format(name=name, account=item.account))
    return found


def _zone(settings: Settings) -> Iterator[str]:
    found = difference(settings.site.zone, datetime.now(UTC))
    if found is not None:
        yield _(
            "timezone: from {day} on the system's zone {zone} shows {used} where the pinned one "
            "shows {pinned}; the gateway uses the system's: update it (Debian: tzdata)"
        ).format(
            day=found.used.date(),
            zone=settings.site.zone.key,
            used=f"{found.used:%H:%M}",
            pinned=f"{found.pinned:%H:%M}",
        )


def _online(settings: Settings) -> tuple[list[str], int]:
    from gateway.cli.online import look_online  # noqa: PLC0415 - only this option needs MQTT

    return look_online(settings)
