"""`garita evidence`: the auditor's packet, by one command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway import locale
from gateway.cli import common, evidencepapers, evidenceready, logfresh
from gateway.cli.app import App, Group
from gateway.cli.context import Context, config_option
from gateway.evidence import compare
from gateway.evidence.errors import PacketError, UnknownCriterion
from gateway.evidence.make import STEPS, Made, Order, check, make
from gateway.evidence.model import Span
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.ledger.heads import Heads
from gateway.locale import _, ngettext
from gateway.proof.keychange import KeyChange
from gateway.proof.note import NoteError
from gateway.proof.standalone import PROGRAM, source


class Evidence(Group):
    """The group is a command as well, and so it has `-c` itself."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.params.append(config_option())


app = App(cls=Evidence, no_args_is_help=False)
app.command("attach")(evidencepapers.attach)
app.command("documents")(evidencepapers.list_documents)
app.command("retire")(evidencepapers.retire)
app.command("review")(evidencepapers.review)
app.command("coverage")(evidenceready.coverage)
app.command("profile")(evidenceready.profile)
LANGUAGES = {"es": ("es",), "en": ("en",), "both": ("es", "en")}


@app.callback(invoke_without_command=True)
def evidence(
    ctx: Context,
    first: Annotated[
        str, typer.Option("--from", help="The first day (2026-10-01), in the site's zone.")
    ] = "",
    last: Annotated[
        str, typer.Option("--to", help="The last day, included. Left out: the end of that month.")
    ] = "",
    criterion: Annotated[
        list[str], typer.Option("--criterion", help="Only this criterion; may be given again.")
    ] = [],  # noqa: B006 - Typer's way
    lang: Annotated[str, typer.Option("--lang", help="es, en or both.")] = "both",
    word: Annotated[
        str,
        typer.Option(
            "--word",
            callback=common.typed,
            help="The auditor's word: with the log's signed root it decides which rows are drawn.",
        ),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The new folder; a zip comes beside it.")
    ] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Withhold who people are; the proofs stay good.")
    ] = False,
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of",
            help="span: the first signed head after the last day. newest: the newest one.",
        ),
    ] = "span",
    zip: Annotated[bool, typer.Option("--zip/--no-zip", help="Also as one file.")] = True,
    before: Annotated[
        Path | None,
        typer.Option("--compare", help="An earlier packet: the new one says what changed since."),
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="With pages for people.")] = True,
) -> None:
    """The auditor's packet: what the log shows about each criterion, with its proofs."""
    if ctx.invoked_subcommand is not None:
        return
    if output is None:
        common.fail(_("-o FOLDER says where the packet goes"), common.USAGE)
    if lang not in LANGUAGES:
        common.fail(_("--lang is es, en or both"), common.USAGE)
    if as_of not in {"span", "newest"}:
        common.fail(_("--as-of is span or newest"), common.USAGE)
    settings = ctx.settings
    order = Order(
        _span(ctx, first, last),
        tuple(dict.fromkeys(criterion)),
        word,
        redact,
        newest=as_of == "newest",
        languages=LANGUAGES[lang],
        by=ctx.operator,
        zip=zip,
        pdf=pdf,
        compare=before,
    )
    try:
        check(settings, order)
        logfresh.fresh(settings)
        with common.progress() as bars, common.ended_in_order():
            made = make(settings, order, output, _told(bars))
    except UnknownCriterion as error:
        common.fail(str(error), common.USAGE)
    except PacketError as error:
        common.fail(str(error), common.REFUSED)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    _say(made)


def _told(bars: object) -> Callable[[str, int, int], None]:
    from rich.progress import Progress  # noqa: PLC0415 - common.progress made it

    assert isinstance(bars, Progress)
    tasks = {}

    def told(step: str, done: int, of: int) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(_(STEPS[step]), total=of)
        bars.update(tasks[step], completed=done, total=of)

    return told


def _say(made: Made) -> None:
    packet = made.packet
    deviations = {id(one): one for s in packet.sections for one in s.deviations}
    still = sum(one.open for one in deviations.values())
    common.say(str(made.folder) if made.zip is None else f"{made.folder}, {made.zip}")
    if packet.log.ok:
        common.say(_("the log is whole and signed up to record {seq}").format(seq=packet.last_seq))
    else:
        common.say(_("the log is not whole, or not signed: the packet says what is wrong"))
    count = len(deviations)
    said = ngettext("{count} deviation", "{count} deviations", count).format(count=count)
    common.say(_("{deviations}, {open} of them still open").format(deviations=said, open=still))
    if made.unsealed is None:
        common.say(_("sealed: the log names its manifest {sha256}").format(sha256=made.sha256))
    else:
        common.say(_("manifest {sha256}").format(sha256=made.sha256))
        common.say(_("note: the packet is not sealed: {why}").format(why=made.unsealed))
    if made.unsigned:
        common.say(_("note: the PDFs are not signed: {why}").format(why=made.unsigned))


def _span(ctx: Context, first: str, last: str) -> Span:
    zone = ctx.settings.site.zone
    if not first and not last:
        common.fail(_("--from and --to say which days"), common.USAGE)
    begin = _day(first or last)
    end = _day(last) if last else _end_of_month(begin)
    return Span(begin, end, zone)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        common.fail(_("{day} is not a day: write 2026-10-01").format(day=text[:40]), common.USAGE)


def _end_of_month(day: date) -> date:
    after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return after - timedelta(days=1)


@app.command("compare")
def compare_(
    ctx: Context,
    then: Annotated[Path, typer.Argument(help="The earlier packet, a folder or zip.")],
    now: Annotated[Path, typer.Argument(help="The later one.")],
    json: common.JsonOption = False,
) -> None:
    """What changed from one packet to another: figures and deviations, by criterion."""
    try:
        earlier, later = compare.load(then), compare.load(now)
        found = list(compare.between(earlier, later, locale.language()))
    except PacketError as error:
        common.fail(str(error), common.REFUSED)
    if json:
        common.print_json([asdict(one) for one in found])
        return
    table = Table(_("criterion"), _("what"), _("then"), _("now"))
    for one in found:
        row = (one.criterion, one.label, _shown(one.then), _shown(one.now))
        table.add_row(*(escape(text) for text in row))
    if found:
        common.out.print(table)
    else:
        common.say(_("no figure changed"))


def _shown(value: object) -> str:
    return "" if value is None else str(value)


@app.command("check")
def check_(
    ctx: Context,
    packet: Annotated[Path, typer.Argument(help="The packet, a folder or zip.")],
    key: Annotated[
        list[str],
        typer.Option("--key", help="The log's public key; left out: the keys of this gate's log."),
    ] = [],  # noqa: B006 - Typer's way
) -> None:
    """Check a packet as an auditor does: each file, the seal, the proofs, the lottery."""
    keys = key or _own_keys(ctx)
    program = [sys.executable, "-I", str(source(PROGRAM))]
    known = [word for one in keys for word in ("--key", one)]
    language = "es" if locale.language() == "es" else "C"
    done = subprocess.run(
        [*program, *known, str(packet)],
        check=False,
        env={**os.environ, "LANG": language, "PYTHONIOENCODING": "utf-8"},
    )
    raise typer.Exit(done.returncode and (common.CHECK_FAILED if done.returncode == 3 else 1))


def _own_keys(ctx: Context) -> list[str]:
    """The keys of this gate's log, also those that it had before its key was changed."""
    path = ctx.settings.ledger_path
    try:
        keys = {str(one) for one in Heads(path).log_keys()}
        with closing(LedgerReader(path)) as ledger:
            for event in ledger.back(EventType.LEDGER_KEY_CHANGED):
                with suppress(NoteError):
                    keys.add(str(KeyChange.open(str(event.data.get("note"))).old))
        return sorted(keys)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
