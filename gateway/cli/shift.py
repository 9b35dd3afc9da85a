"""`garita shift ...`: the page at the end of a shift, signed by who leaves and who takes over."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import common, logexport
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.cli.logfresh import fresh
from gateway.daemon import control
from gateway.desk.handover import acts, page
from gateway.desk.handover.verify import Verified
from gateway.desk.handover.verify import verify as checked
from gateway.ledger.event import EventType
from gateway.locale import _, system
from gateway.proof import note, qrcode
from gateway.state.alarms.follow import AlarmLog, rules_of
from gateway.vault.files import write_new
from gateway.wording import handover as said
from gateway.wording import words

app = App()
_KEYS = ("seq", "time", "by", "taken")

Seq = Annotated[int, typer.Argument(help="The number of the record that hands over.")]
Remark = Annotated[
    str,
    typer.Option("--note", callback=common.typed, help="What the next shift should know."),
]


@app.command()
def show(
    ctx: Context,
    seq: Annotated[
        int, typer.Argument(help="A handover on record; left out: as the gate is now.")
    ] = 0,
    qr: Annotated[
        Path | None, typer.Option("--qr", help="Write the log's head to a .png or .svg file.")
    ] = None,
    json: common.JsonOption = False,
) -> None:
    """The page: open alarms, who is inside, what is out, held or overridden."""
    found = _now(ctx) if not seq else _recorded(ctx, seq).event.data["page"]
    if json:
        common.print_json(found)
    else:
        for line in said.lines(found, ctx.settings.site.zone):
            common.say(line)
    if qr is not None:
        _draw(found, qr)


@app.command()
def leave(ctx: Context, note: Remark = "") -> None:
    """Sign the page as it is now, and hand the shift over."""
    found = _now(ctx)
    settings = ctx.settings
    with desk.opened(settings) as db, logexport.reading(settings.ledger_path) as ledger:
        acts.hand_over(db, ledger, found, by=ctx.operator, note=note)
    for line in said.lines(found, settings.site.zone):
        common.say(line)
    common.say(_("handed over; the next one signs with: garita shift take"))


@app.command()
def take(
    ctx: Context,
    seq: Annotated[int, typer.Argument(help="The handover's number; left out: the newest.")] = 0,
    note: Remark = "",
) -> None:
    """Sign that you take over a shift."""
    settings = ctx.settings
    with desk.opened(settings) as db, logexport.reading(settings.ledger_path) as ledger:
        known = (one for one in acts.handovers(ledger) if one.type == EventType.SHIFT_HANDED_OVER)
        number = seq or next((one.seq for one in known), 0)
        acts.take_over(db, ledger, number, by=ctx.operator, note=note)
    common.say(_("the shift that event {seq} hands over is yours").format(seq=number))


@app.command("list")
def list_(ctx: Context, json: common.JsonOption = False) -> None:
    """The handovers on record, newest first."""
    settings = ctx.settings
    with logexport.reading(settings.ledger_path) as ledger:
        found = acts.handovers(ledger)
    taken = {e.data.get("handover"): e for e in found if e.type == EventType.SHIFT_TAKEN_OVER}
    handed = [one for one in found if one.type == EventType.SHIFT_HANDED_OVER]
    if json:
        rows = [{"seq": e.seq, "time": e.time, "by": e.data.get("by")} for e in handed]
        common.print_json(
            [{**r, "taken": e.seq in taken} for r, e in zip(rows, handed, strict=True)]
        )
        return
    table = desk.table(_("event"), _("time"), _("who left"), _("who took over"))
    for event in handed:
        by, to = event.data, taken[event.seq].data if event.seq in taken else {}
        at = words.moment(event.time, settings.site.zone)
        who = (str(one.get("by_name") or one.get("by") or "-") for one in (by, to))
        desk.add(table, event.seq, at, *who)
    common.out.print(table)


@app.command()
def verify(ctx: Context, seq: Seq) -> None:
    """Whether a handover is as it was signed, in a log that is whole."""
    fresh(ctx.settings)
    found = _recorded(ctx, seq)
    for line in said.verified(found, ctx.settings.site.zone):
        common.say(line)
    if not found.good:
        raise typer.Exit(common.CHECK_FAILED)


def _now(ctx: Context) -> page.Page:
    """The page as the gate is now; the log's head is signed first, if it can be."""
    settings = ctx.settings
    fresh(settings)
    try:
        inside = control.ask(settings.socket_path, "muster")["people"]
    except control.ControlError:
        inside = None
    log = AlarmLog(settings.ledger_path, rules_of(settings))
    with (
        closing(log),
        desk.opened(settings, act=False) as db,
        logexport.reading(settings.ledger_path) as ledger,
    ):
        return page.gather(settings, db, log.now_book, ledger, inside, now=datetime.now(UTC))


def _recorded(ctx: Context, seq: int) -> Verified:
    settings = ctx.settings
    with logexport.reading(settings.ledger_path) as ledger:
        found = checked(ledger, settings.ledger_path, seq)
    if found is None:
        common.fail(_("event {number} hands over no shift").format(number=seq), common.REFUSED)
    return found


def _draw(found: Mapping[str, Any], output: Path) -> None:
    text = str(found["head"]["note"])
    if not text:
        common.fail(_("nothing is signed yet: start the gateway, or wait a minute"), common.REFUSED)
    try:
        write_new(output, qrcode.picture(qrcode.of(note.parse(text)), output.suffix.lower()))
    except qrcode.UnknownFormat:
        common.fail(_("--qr is a .png or .svg file"), common.USAGE)
    except OSError as error:
        common.fail(f"{output}: {system(error.strerror)}", common.REFUSED)
