"""What the page of a person shows beside their card: doors, records, changes, choices."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config import Settings
from gateway.console.follow.board import Board
from gateway.console.follow.view import View, door_in_scope
from gateway.decide.policy import Direction
from gateway.decide.waysout import opens_at
from gateway.decide.whatif import ASKED, settled
from gateway.desk.explain import Facts
from gateway.ledger.event import Event
from gateway.locale import _, language
from gateway.people import losses
from gateway.people.sync import history
from gateway.wording import lists as wording
from gateway.wording import text, words
from gateway.wording.details import detail

CHANGES = 10


@dataclass(frozen=True, slots=True)
class DoorAnswer:
    """What a door would say now: `asks` is what the reader asks for, `opens` when it opens next to
    them, "" if that is not known."""

    door: str
    granted: bool
    reason: str
    detail: str
    asks: str
    opens: str


@dataclass(frozen=True, slots=True)
class Row:
    """A record about a person; `why` is the number by which it is explained, 0 if it is not."""

    seq: int
    at: str
    place: str
    words: str
    tone: str
    why: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What a list changed of a person: lines of "field: before → after"."""

    version: int
    at: str
    by: str
    source: str
    what: str
    lines: tuple[str, ...]


def doors(
    settings: Settings, person: str, names: Sequence[str], status: Mapping[str, Any] | None
) -> list[DoorAnswer]:
    """Each door's answer now, those that open first.  Raises NotListed, RosterUnavailable or
    LedgerUnavailable."""
    when, site = datetime.now(UTC), settings.site
    known = Facts.read(settings, person, when, status)
    found = []
    for name in names:
        request = known.request(name, Direction.IN, when)
        answer = settled(request, site, when)
        decision, opens = answer.decision, ""
        if decision.reason.value in ("denied_out_of_schedule", "denied_not_yet_valid"):
            at = opens_at(request, site, when)
            opens = words.moment(at, site.zone) if at is not None else ""
        found.append(
            DoorAnswer(
                name,
                decision.granted,
                text.reason(decision.reason.value),
                detail(decision.rule) if decision.rule else "",
                ", ".join(text.reason(ASKED[item]) for item in answer.asked),
                opens,
            )
        )
    return sorted(found, key=lambda item: not item.granted)


def row(event: Event, settings: Settings, board: Board, view: View) -> Row | None:
    """A record as a line; None if the operator does not see it."""
    if event.type.startswith("alarm.duress") and not view.secrets:
        return None
    door = str(event.data.get("door", "") or event.subject)
    known = door in settings.tables.doors
    if known and not door_in_scope(board, view, door):
        return None
    decision = event.type in ("access.granted", "access.denied")
    tone = {"access.granted": "good", "access.denied": "bad"}.get(event.type, "plain")
    said = text.describe(event, zone=settings.site.zone)
    why = event.seq if decision else 0
    return Row(event.seq, event.time, door if known else "", said, tone, why)


def changes(db: sqlite3.Connection, person: str, settings: Settings) -> list[Changed]:
    """What lists changed of a person, newest first; badges are masked."""
    found = []
    for item in history.changes(db, person=person, limit=CHANGES):
        before, after = item.before or {}, item.after or {}
        lines = []
        for name in item.fields:
            sides = (wording.cell({name: side.get(name)}, name) for side in (before, after))
            was, now = (side or "…" for side in sides)
            lines.append(f"{words.word(name)}: {was} → {now}")
        found.append(
            Changed(item.version, item.at, item.by, item.source, wording.op(item.op), tuple(lines))
        )
    return found


def gone(db: sqlite3.Connection, person: str, zone: ZoneInfo) -> str:
    """When somebody left the list, and by which list; "" if nobody with that id did."""
    for loss in losses.of(db, person):
        if loss.how == "left_list":
            return _("{person} left the list on {at}: version {version}, by {by}").format(
                person=person,
                at=words.moment(loss.effective_at, zone),
                version=loss.version,
                by=loss.by or "?",
            )
    return ""


def targets(board: Board, view: View) -> list[tuple[str, str, str]]:
    """What a grant may be for, as the operator's areas allow: (kind, name, words)."""
    settings = board.settings
    found = [
        ("door", name, name) for name in settings.site.doors if door_in_scope(board, view, name)
    ]
    shown = titles(settings)
    found += [
        ("area", name, shown["area", name])
        for name in settings.site.areas
        if not view.areas or name in view.areas
    ]
    return found


def titles(settings: Settings) -> dict[tuple[str, str], str]:
    """The site's own names of areas and kinds of requirement, by (table, name)."""
    spoken = language()
    found = {}
    for name, area in settings.tables.areas.items():
        found["area", name] = area.title.said(spoken) if area.title else name
    for name, kind in settings.tables.requirements.items():
        found["requirement", name] = kind.title.said(spoken)
    return found
