"""`garita log ...`: read, verify and export the log, while the gateway writes it."""

from __future__ import annotations

import json as jsonlib
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from gateway.cli import (
    checker,
    common,
    logaccept,
    logarchive,
    logexport,
    logproof,
    logredact,
    logtrust,
)
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.config.criteria import editions
from gateway.desk.auditor.verify import verified
from gateway.ledger import export as proofs
from gateway.ledger.apart import is_archive
from gateway.ledger.copies import is_log, lacks_wal
from gateway.ledger.event import Event, EventType
from gateway.ledger.reader import VerifyReport
from gateway.locale import _, ngettext, system
from gateway.people import RosterUnavailable, audit
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.note import Note, NoteError, VerifierKey
from gateway.proof.note import parse as parse_note
from gateway.wording import criteria, text, words
from gateway.wording.details import detail

app = App()
app.command()(logaccept.accept)
app.command()(logarchive.archive)
app.command("redact")(logredact.redact_person)
app.command()(logexport.copy)
app.command("export")(logexport.export_)
app.command()(logproof.key)
app.command()(logproof.checkpoint)
app.command()(logproof.prove)
app.command()(logproof.trust)
app.command("checker")(checker.checker)


@app.command()
def tail(
    ctx: Context,
    count: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new ones.")] = False,
    json: common.JsonOption = False,
) -> None:
    """The newest events."""
    settings = ctx.settings
    with logexport.reading(settings.ledger_path) as ledger:
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
    with logexport.reading(settings.ledger_path) as ledger:
        event = ledger.get(seq)
    if event is None:
        common.fail(_("there is no event {seq}").format(seq=seq), common.REFUSED)
    named = editions.named(event.type, event.data)
    if json:
        now = {item.id: list(item.now) for item in named if item.moved}
        common.print_json(proofs.record(event) | ({"criteria_now": now} if now else {}))
        return
    _print(event, settings, json=False)
    common.out.print_json(jsonlib.dumps(dict(event.data), ensure_ascii=False))
    for line in criteria.lines(settings, named):
        common.out.print(line, markup=False, highlight=False, soft_wrap=True)
    common.out.print(f"id   {event.id}\nprev {event.prev}\nhash {event.hash}", markup=False)


@app.command()
def verify(
    ctx: Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A copy of the log, an archive, or a .jsonl export with its .proof beside it."
        ),
    ] = None,
    head: Annotated[
        str, typer.Option(help="SEQ:HASH noted elsewhere, which this log must contain.")
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="The log's public key (garita log key), noted elsewhere; repeat for more."
        ),
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(help="A trust file (garita log trust): whose signatures have to be there."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            help="A checkpoint kept elsewhere (a QR code's text), which this log must hold; repeat"
            " for more."
        ),
    ] = None,
    json: common.JsonOption = False,
) -> None:
    """Check every record, its link to the one before, and what was signed; exit code 3 if anything
    is wrong."""
    settings, noted, keys = ctx.settings, _head(head), _keys(key)
    kept = _checkpoints(checkpoint or [])
    path, alone = file or settings.ledger_path, False
    if file is not None:
        try:
            if is_archive(file):
                return logarchive.verify(file, keys, json)
            if not is_log(file):
                return logexport.verify(file, noted, json, keys, kept, trust)
            alone = lacks_wal(file)
        except OSError as error:
            common.fail(f"{file}: {system(error.strerror)}", common.UNREACHABLE)
    trusted, keys = logtrust.read(trust, path, keys, copy=alone)
    with logexport.reading(path, copy=alone) as ledger, common.progress() as bars:
        bar = bars.add_task(_("verifying"), total=ledger.last_seq)
        people = None if file else settings.people_path
        try:
            found = verified(
                ledger,
                people,
                lambda seq: bars.update(bar, completed=seq),
                head=noted,
                keys=keys,
                checkpoints=kept,
            )
        except RosterUnavailable as error:
            common.fail(str(error), common.UNREACHABLE)
    report, tables, trail = found.report, found.tables, found.trail
    good = report.ok and not tables and not (trusted and trusted.problem)
    if json:
        end = {"seq": report.head_seq, "hash": report.head_hash, "time": report.head_time}
        common.print_json(
            {
                "ok": good,
                "count": report.count,
                "head": end,
                "signed": {"last_seq": report.covered.last_seq, "checkpoints": report.covered.good},
                "trusted": trusted and trusted.shown(),
                "before": report.before,
                "keys_lost": report.covered.keys_lost,
                "begins": report.begins,
                "redacted": report.redacted,
                "clock_back": [{"seq": seq, "seconds": s} for seq, s in report.clock_back],
                "wal_missing": alone,
                "problems": [{"seq": p.seq, "what": p.what} for p in report.problems],
                "tables": [asdict(item) for item in tables],
                "tables_accepted": [
                    {**asdict(item.difference), "accepted": item.seq} for item in trail.accepted
                ],
                "tables_since": trail.since.seq if trail.since else None,
            }
        )
    else:
        for problem in report.problems:
            common.out.print(
                _("event {seq}: {what}").format(seq=problem.seq, what=detail(problem.what)),
                markup=False,
                soft_wrap=True,
            )
        for item in tables:
            common.say(audit.sentence(item))
        for known in trail.accepted:
            said = audit.sentence(known.difference)
            common.say(_("note: {what} (accepted, event {seq})").format(what=said, seq=known.seq))
        if trail.since is not None:
            at = words.moment(trail.since.time, settings.site.zone, named=True)
            common.say(
                _(
                    "visits, trucks, seals and lists in people.db were compared, from event {seq}"
                    " ({time}) on"
                ).format(seq=trail.since.seq, time=at)
            )
        verdict = _("[green]good[/green]") if good else _("[red]BROKEN[/red]")
        common.out.print(_("{count} events: {verdict}").format(count=report.count, verdict=verdict))
        common.out.print(
            _("head {head_seq}:{head_hash}").format(
                head_seq=report.head_seq, head_hash=report.head_hash
            ),
            soft_wrap=True,
        )
        _say_clock(report)
        if report.before is not None:
            said = _(
                "another log came before this one: {known_chain}, with records up to {known_seq};"
                " check it as well"
            )
            common.say(said.format(**report.before))
        _say_kept(report)
        logexport.signed(report.covered, report.head_seq, named=keys is not None)
        if trusted is not None:
            trusted.say(report.head_seq)
        if alone:
            _warn_of_wal(settings, report)
    if not good:
        raise typer.Exit(common.CHECK_FAILED)


def _say_clock(report: VerifyReport) -> None:
    for seq, seconds in report.clock_back:
        said = _("note: the clock went back by {seconds} s at event {seq}")
        common.say(said.format(seconds=seconds, seq=seq))


def _say_kept(report: VerifyReport) -> None:
    if report.begins > 1:
        said = _("events before {seq} are not kept any more: their archives were deleted")
        common.say(said.format(seq=report.begins))
    if report.redacted:
        said = ngettext("{count} event is redacted", "{count} events are redacted", report.redacted)
        common.say(said.format(count=report.redacted))


def _keys(given: list[str] | None) -> list[VerifierKey] | None:
    try:
        return [VerifierKey.parse(one) for one in given] if given else None
    except NoteError as error:
        common.fail(f"--key: {error}", common.USAGE)


def _checkpoints(paths: list[Path]) -> list[Note]:
    found = []
    for path in paths:
        try:
            found.append(parse_note(path.read_bytes()))
            Checkpoint.parse(found[-1].text)
        except NoteError as error:
            common.fail(f"{path}: {error}", common.USAGE)
        except OSError as error:
            common.fail(f"{path}: {system(error.strerror)}", common.UNREACHABLE)
    return found


def _warn_of_wal(settings: Settings, report: VerifyReport) -> None:
    common.err.print(
        _(
            "note: the file was copied without its -wal file, so newer events may be missing."
            " It ends with event {seq} of {time}: compare that with garita status at the gate, or"
            " ask for a copy made with garita log copy"
        ).format(
            seq=report.head_seq,
            time=words.moment(report.head_time, settings.site.zone, seconds=True, named=True)
            if report.head_time
            else "-",
        ),
        markup=False,
        soft_wrap=True,
    )


_COLORS: Mapping[str, str] = {EventType.ACCESS_GRANTED: "green", EventType.ACCESS_DENIED: "red"}


def _print(event: Event, settings: Settings, json: bool) -> None:
    if json:
        common.print_json(proofs.record(event))
        return
    colour = _COLORS.get(event.type, "dim")
    sentence = escape(text.describe(event, zone=settings.site.zone))
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
