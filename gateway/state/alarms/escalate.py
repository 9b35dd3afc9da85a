"""Whom the gateway turns to when nobody answers an alarm, and whether the siren sounds.

Pure: a book of alarms and the time in, events and a yes or no out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.config.alarms import AlarmsTable, SirenTable
from gateway.ledger.event import EventType, NewEvent
from gateway.state.alarms.book import Book
from gateway.state.alarms.model import Alarm


def due(book: Book, table: AlarmsTable, language: str, now: datetime) -> list[NewEvent]:
    """An event for each alarm and each step of `[[alarms.escalation]]` whose time is over and
    nobody has seen the alarm.  Its id is of the alarm and the step, so the log takes it once."""
    found = []
    for alarm in book.calling(now):
        for level, one in enumerate(table.escalation, 1):
            late = now - alarm.unseen_since >= timedelta(seconds=one.after_s)
            if alarm.priority in one.priorities and late and level not in _told(alarm):
                data = {
                    "alarm": alarm.id,
                    "kind": alarm.kind.name,
                    "upto": alarm.seq,
                    "level": level,
                    "after_s": one.after_s,
                    "to": one.to.said(language),
                    "siren": one.siren and not alarm.kind.restricted,
                }
                key = f"alarm.escalated-{alarm.id}-{alarm.seq}-{level}-{alarm.event.id}"
                found.append(NewEvent(EventType.ALARM_ESCALATED, alarm.subject, data, id=key))
    return found


def sounds(book: Book, siren: SirenTable, now: datetime) -> bool:
    """Whether the siren sounds at `now`: for an alarm of its priorities since it called, for any
    other since an escalation with `siren`; for so long as `[alarms.siren] seconds` says.  A duress
    alarm makes no sound."""
    longest = timedelta(seconds=siren.seconds)

    def begins(alarm: Alarm) -> list[datetime]:
        told = (mark for mark in alarm.escalated if mark.seq > alarm.seq)
        at = [mark.at for mark in told if mark.outcome == "siren"]
        return [*at, alarm.unseen_since] if alarm.priority in siren.priorities else at

    return any(
        at <= now < at + longest
        for alarm in book.calling(now, secret=False)
        for at in begins(alarm)
    )


def _told(alarm: Alarm) -> set[int]:
    """The steps that were told since it called last."""
    return {mark.level for mark in alarm.escalated if mark.seq > alarm.seq}
