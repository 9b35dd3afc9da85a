"""`garita log ...`: read, verify and export the log, while the gateway writes it."""

from __future__ import annotations

import csv
import json as jsonlib
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.markup import escape

from gateway.cli import common, criteria, text, words
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.config.criteria import editions
from gateway.desk.text import defused
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import _, system
from gateway.vault.files import new_text_file

app = App()

COLUMNS = (
    "seq",
    "time",
    "type",
    "subject",
    "reason",
    "rule",
    "person_id",
    "person_name",
    "badge",
    "hash",
    "data",
)
SinceOption = Annotated[
    str,
    typer.Option(
        help="From this on: a day of the site (2026-11-24), or a UTC time (2026-11-24T05:00)."
    ),
]
UntilOption = Annotated[str, typer.Option(help="Before this day of the site or UTC time.")]
TypeOption = Annotated[str, typer.Option("--type", help="Events of this kind, such as access.")]


@app.command()
def tail(
    ctx: Context,
    count: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new ones.")] = False,
    json: common.JsonOption = False,
) -> None:
    """The newest events."""
    settings = ctx.settings
    with _reading(settings) as ledger:
        seq = 0
        for event in ledger.tail(count):
            _print(event, settings, json)
            seq = event.seq
        while follow:
            for event in ledger.after(seq, 500):
                _print(event, settings, json)
                seq = event.seq
            time.sleep(0.5)


@app.command()
def show(
    ctx: Context,
    seq: Annotated[int, typer.Argument(help="The event's number.")],
    json: common.JsonOption = False,
) -> None:
    """One event, whole."""
    settings = ctx.settings
    with _reading(settings) as ledger:
        event = ledger.get(seq)
    if event is None:
        common.fail(_("there is no event {seq}").format(seq=seq), common.REFUSED)
    named = editions.named(event.type, event.data)
    if json:
        now = {item.id: list(item.now) for item in named if item.moved}
        common.print_json(_record(event) | ({"criteria_now": now} if now else {}))
        return
    _print(event, settings, json=False)
    common.out.print_json(jsonlib.dumps(dict(event.data), ensure_ascii=False))
    for line in criteria.lines(settings, named):
        common.out.print(line, markup=False, highlight=False, soft_wrap=True)
    common.out.print(f"id   {event.id}\nprev {event.prev}\nhash {event.hash}", markup=False)


@app.command()
def verify(
    ctx: Context,
    head: Annotated[
        str, typer.Option(help="SEQ:HASH noted elsewhere, which this log must contain.")
    ] = "",
    json: common.JsonOption = False,
) -> None:
    """Check every record and its link to the one before; exit code 3 if anything is wrong."""
    settings = ctx.settings
    with _reading(settings) as ledger, common.progress() as bars:
        bar = bars.add_task(_("verifying"), total=ledger.last_seq)
        report = ledger.verify(lambda seq: bars.update(bar, completed=seq), _head(head))
    if json:
        common.print_json(
            {
                "ok": report.ok,
                "count": report.count,
                "head": {"seq": report.head_seq, "hash": report.head_hash},
                "problems": [{"seq": p.seq, "what": p.what} for p in report.problems],
            }
        )
    else:
        for problem in report.problems:
            common.out.print(
                _("event {seq}: {what}").format(seq=problem.seq, what=problem.what), markup=False
            )
        verdict = _("[green]good[/green]") if report.ok else _("[red]BROKEN[/red]")
        common.out.print(_("{count} events: {verdict}").format(count=report.count, verdict=verdict))
        common.out.print(
            _("head {head_seq}:{head_hash}").format(
                head_seq=report.head_seq, head_hash=report.head_hash
            ),
            soft_wrap=True,
        )
    if not report.ok:
        raise typer.Exit(common.CHECK_FAILED)


@app.command()
def export(
    ctx: Context,
    format: Annotated[str, typer.Option(help="jsonl or csv.")] = "jsonl",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Not stdout.")] = None,
    type: TypeOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
) -> None:
    """Events as JSON lines or CSV."""
    if format not in ("jsonl", "csv"):
        common.fail(_("--format is jsonl or csv"), common.USAGE)
    settings = ctx.settings
    with _reading(settings) as ledger, common.progress() as bars:
        bar = bars.add_task(_("exporting"), total=ledger.last_seq)
        events = ledger.search(
            type_prefix=type,
            since=_begin(settings, since),
            until=_begin(settings, until),
            progress=lambda seq: bars.update(bar, completed=seq),
        )
        if output is None:
            _write(events, format, sys.stdout)
            return
        try:
            with new_text_file(output) as file:
                _write(events, format, file)
        except OSError as error:
            common.fail(f"{output}: {system(error.strerror)}", common.REFUSED)


def _write(events: Iterable[Event], format: str, file: IO[str]) -> None:
    if format == "jsonl":
        for event in events:
            file.write(jsonlib.dumps(_record(event), ensure_ascii=False) + "\n")
        return
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for event in events:
        person = event.data.get("person") or {}
        writer.writerow(
            defused(cell)
            for cell in (
                event.seq,
                event.time,
                event.type,
                event.subject,
                event.data.get("reason", ""),
                event.data.get("rule", ""),
                person.get("id", ""),
                person.get("name", ""),
                (event.data.get("credential") or {}).get("masked", ""),
                event.hash,
                jsonlib.dumps(dict(event.data), ensure_ascii=False),
            )
        )


def _begin(settings: Settings, given: str) -> str:
    """An option's day or time as the log writes times: UTC.  A day begins at midnight of the site;
    a time is UTC unless it names its zone."""
    if not given:
        return ""
    try:
        found = datetime.fromisoformat(given)
        if found.tzinfo is None:
            found = found.replace(tzinfo=settings.site.zone if len(given) == 10 else UTC)
        return utc_text(found)
    except (ValueError, OverflowError):
        common.fail(
            f"{given}: expected a day such as 2026-11-24, or a time such as 2026-11-24T05:00Z",
            common.USAGE,
        )


def _record(event: Event) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "id": event.id,
        "time": event.time,
        "type": event.type,
        "subject": event.subject,
        "data": dict(event.data),
        "prev": event.prev,
        "hash": event.hash,
    }


_COLORS: Mapping[str, str] = {EventType.ACCESS_GRANTED: "green", EventType.ACCESS_DENIED: "red"}


def _print(event: Event, settings: Settings, json: bool) -> None:
    if json:
        common.print_json(_record(event))
        return
    colour = _COLORS.get(event.type, "dim")
    sentence = escape(text.describe(event))
    subject = escape(event.subject)
    at = words.moment(event.time, settings.site.zone, seconds=True, named=True)
    common.out.print(
        f"{event.seq:>7}  {at}  [{colour}]{event.type:<18}[/{colour}]  {subject}: {sentence}",
        soft_wrap=True,
    )


def _head(value: str) -> tuple[int, str] | None:
    if not value:
        return None
    seq, _colon, digest = value.partition(":")
    if not (seq.isdigit() and len(digest) == 64):
        common.fail(_("--head is SEQ:HASH, as verify prints it"), common.USAGE)
    return int(seq), digest


@contextmanager
def _reading(settings: Settings) -> Iterator[LedgerReader]:
    ledger = LedgerReader(settings.ledger_path)
    try:
        yield ledger
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    finally:
        ledger.close()
