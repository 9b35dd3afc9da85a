"""Looking at what is new in the log: whole local days, in order, each into the engine once.

Of a record that no detector reads only the end of its body is looked at, where its type stands.
The state is saved with the number of the last record that it holds, so a look that is interrupted
is done again from there, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.ledger import LedgerReader, chain
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event
from gateway.ledger.kept import Kept
from gateway.patterns.engine import Engine
from gateway.patterns.model import Finding

CHUNK = 5000
SAVE_DAYS = 30
_GAP = timedelta(62)
"""Days without any record are taken in as such, unless they are so many that a clock was wrong."""
Progress = Callable[[int], None]


@dataclass(slots=True)
class Looked:
    """What a look did: how many days and records, which findings are to be shown, how many records
    had another form than ours."""

    days: int = 0
    records: int = 0
    unreadable: int = 0
    findings: list[Finding] = field(default_factory=list)


def look(
    engine: Engine,
    reader: LedgerReader,
    zone: ZoneInfo,
    today: date,
    progress: Progress | None = None,
) -> Looked:
    """Take in all whole days before `today` that are not in yet.

    Raises LedgerUnavailable and PatternsUnavailable; what was saved until then stays.
    """
    done = Looked()
    begin = int(engine.progress.get("seq", 0))
    if begin > reader.last_seq:  # another log than the one that was learnt: it was restored
        begin = 0
    before = engine.unreadable
    for day, last, events in _days(engine, reader, zone, begin, today, done, progress):
        engine.day(day, events)
        engine.progress["seq"] = last
        done.days += 1
        done.findings += [item for item in engine.week(day) if item not in done.findings]
        if done.days % SAVE_DAYS == 0:
            engine.save()
    engine.save()
    done.unreadable = engine.unreadable - before
    return done


def _days(
    engine: Engine,
    reader: LedgerReader,
    zone: ZoneInfo,
    begin: int,
    today: date,
    done: Looked,
    progress: Progress | None,
) -> Iterator[tuple[date, int, list[Event]]]:
    """Each day with the number of its last record and the records that are read.

    A record belongs to the day in which the log stands: its time counts only where it goes forward
    and not into the future, so a clock that was wrong for a while tears no day apart.
    """
    reads = engine.reads
    day: date | None = None
    end = ""
    events: list[Event] = []
    last = begin
    for kept in _kept(reader, begin):
        head, _, kind = kept.body[-200:].rpartition('","type":"')
        at = head.rpartition('"time":"')[2]
        moment = _moment(at, zone) if at >= end else None
        if moment is not None and moment.date() <= today + timedelta(1):
            if day is not None:
                yield day, last, events
                events = []
            following = moment.date()
            if following >= today:
                return
            if day is not None and following - day < _GAP:
                for n in range(1, (following - day).days):
                    yield day + timedelta(n), last, []
            day = following
            end = utc_text(datetime.combine(day + timedelta(1), time(), zone))
        last = kept.seq
        done.records += 1
        if progress is not None and done.records % CHUNK == 0:
            progress(last)
        if kind[:-2] in reads:
            try:
                events.append(chain.to_event(kept.seq, kept.body, kept.hash, kept.prev))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                engine.unreadable += 1
    if day is not None and day < today:
        yield day, last, events


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(zone)
    except (ValueError, OverflowError):
        return None


def _kept(reader: LedgerReader, begin: int) -> Iterator[Kept]:
    """The records after number `begin`, as they are kept; those that were redacted are not read."""
    while chunk := reader.kept_after(begin, CHUNK):
        for kept in chunk:
            if kept.redacted is None:
                yield kept
        begin = chunk[-1].seq
