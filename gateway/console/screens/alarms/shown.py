"""An alarm as its templates show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from gateway.config.alarms import AlarmsTable
from gateway.console.page import Page
from gateway.desk import alarms
from gateway.locale import _
from gateway.state.alarms.book import Book
from gateway.state.alarms.kinds import OUTCOMES
from gateway.state.alarms.model import Alarm, Mark, Shelf
from gateway.wording import alarms as said
from gateway.wording import text

SPANS = (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=4), timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of what to do, and who did it."""

    key: str
    text: str
    done: Mark | None


@dataclass(frozen=True, slots=True)
class Told:
    """A line of an alarm's history: when, who (with "" for the gateway), what, and the record."""

    at: datetime
    who: str
    what: str
    note: str
    seq: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One alarm.  `version` changes with everything that its page shows."""

    alarm: Alarm
    shelf: Shelf | None
    steps: tuple[Step, ...]
    required: bool
    history: tuple[Told, ...]
    version: str

    @property
    def steps_open(self) -> bool:
        """Whether a step that must be done is not."""
        return self.required and any(step.done is None for step in self.steps)


def shown(alarm: Alarm, book: Book, table: AlarmsTable, now: datetime) -> Shown:
    """`alarm` in the language in use."""
    known, required = alarms.steps_of(alarm, table)
    steps = tuple(Step(one.key, one.text, alarm.ticked.get(one.key)) for one in known)
    shelf = book.shelf(alarm, now)
    parts = (
        alarm.seq,
        alarm.event.seq,
        alarm.stands,
        [mark.seq for mark in alarm.history],
        sorted((key, mark.seq) for key, mark in alarm.ticked.items()),
        len(alarm.escalated),
        shelf is not None,
        alarm.resolved is not None,
    )
    version = f"{crc32(repr(parts).encode()):x}"
    return Shown(alarm, shelf, steps, required, tuple(_history(alarm)), version)


def spans(table: AlarmsTable) -> list[tuple[str, str]]:
    """For how long a source may be shelved: minutes, and the words."""
    longest = timedelta(hours=table.shelve_max_h)
    found = [span for span in SPANS if span <= longest] or [longest]
    minutes = [int(span.total_seconds() // 60) for span in found]
    return [(str(count), text.duration(count * 60)) for count in minutes]


def outcomes() -> list[tuple[str, str]]:
    """What may have become of an alarm: codes and words."""
    return [(code, said.outcome(code)) for code in OUTCOMES]


def policy_of(page: Page) -> alarms.Policy:
    """What the site says of alarms; whoever is at the console is an operator."""
    return alarms.Policy(page.site.settings.tables.alarms, named=True)


def _history(alarm: Alarm) -> list[Told]:
    found = [Told(alarm.raised_at, "", _("began"), "", alarm.id)]
    if alarm.count > 1:
        again = _("came again, {count} times in all").format(count=alarm.count)
        found.append(Told(alarm.last_at, "", again, "", alarm.seq))
    if alarm.over_at is not None:
        found.append(Told(alarm.over_at, "", _("its cause is over"), "", 0))
    for mark in alarm.escalated:
        late = _("nobody had answered; it went to {to}").format(to=mark.note)
        found.append(Told(mark.at, "", late, "", mark.seq))
    for key, mark in alarm.ticked.items():
        step = _(key) if key in alarm.kind.steps else key
        found.append(Told(mark.at, mark.name, step, "", mark.seq))
    for mark in alarm.history:
        what = _("seen") if mark.outcome == "seen" else said.outcome(mark.outcome)
        found.append(Told(mark.at, mark.name, what, mark.note, mark.seq))
    return sorted(found, key=lambda one: one.at)
