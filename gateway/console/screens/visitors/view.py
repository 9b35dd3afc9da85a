"""What the pages of visitors show: the board, one visit, and the choices of its forms."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.config import Settings
from gateway.desk.act import day_bounds, parse
from gateway.desk.visits import records, regulars
from gateway.desk.visits.regulars import Known
from gateway.desk.visits.visit import Visit, VisitPolicy
from gateway.locale import _, choose
from gateway.locale.text import name_key

HOURS = (1, 2, 4, 8)
_HINTS = 40


@dataclass(frozen=True, slots=True)
class Card:
    """A visit on the board; `late_min` is how many minutes ago it should have been over, or begun
    for one that is expected."""

    visit: Visit
    late_min: int = 0


@dataclass(frozen=True, slots=True)
class Board:
    """Today at the desk.  `missing` are visitors who left without returning their badge, `missed`
    visits of days before to which nobody came."""

    overdue: list[Card] = field(default_factory=list)
    expected: list[Card] = field(default_factory=list)
    inside: list[Card] = field(default_factory=list)
    missing: list[Card] = field(default_factory=list)
    later: list[Card] = field(default_factory=list)
    missed: list[Card] = field(default_factory=list)
    left: list[Card] = field(default_factory=list)


def board(db: sqlite3.Connection, now: datetime, zone: ZoneInfo) -> Board:
    """The board of `now`."""
    today = now.astimezone(zone).date()
    begin, end = day_bounds(today, today, zone)
    late = records.overdue(db, now)
    overdue = {visit.id for visit in late}
    inside = [v for v in records.find(db, states=("on_site",)) if v.id not in overdue]
    inside.sort(key=lambda visit: visit.expected_until)
    # Whose time was over before today: a visit until midnight is not of the next day.
    missed = [v for v in records.expected(db, "", begin) if v.expected_until < begin]
    later = [v for v in records.expected(db, end, "") if v.expected_from >= end]
    return Board(
        overdue=[Card(v, _minutes(parse(v.expected_until), now)) for v in late],
        expected=[
            Card(v, max(0, _minutes(parse(v.expected_from), now)))
            for v in records.expected(db, begin, end)
        ],
        inside=[Card(v) for v in inside],
        missing=[Card(v) for v in records.badges_out(db, departed_only=True)],
        later=[Card(v) for v in later],
        missed=[Card(v) for v in missed],
        left=[Card(v) for v in records.departed_since(db, begin)],
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What three letters find: visits that are expected or on site, and people who came before."""

    visits: list[Card] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)


def find(db: sqlite3.Connection, typed: str, now: datetime) -> Found:
    """Whom `typed` fits.  Somebody who is expected or here stands among the visits only."""
    if len("".join(typed.split())) < regulars.LETTERS:
        return Found()
    visits = records.find(db, states=("expected", "on_site"), search=typed[:200], limit=8)
    here = {(name_key(visit.name), name_key(visit.company)) for visit in visits}
    known = [
        item
        for item in regulars.known(db, typed)
        if (name_key(item.name), name_key(item.company)) not in here
    ]
    cards = [
        Card(visit, _minutes(parse(visit.expected_until), now) if visit.overdue(now) else 0)
        for visit in visits
    ]
    return Found(cards, known)


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of the forms: kinds of photo ID, times of an end, kinds of visitor (each a value
    and its words), and what was typed before."""

    id_kinds: list[tuple[str, str]]
    ends: list[tuple[str, str]]
    kinds: list[tuple[str, str]]
    hosts: list[str]
    companies: list[str]


def choices(db: sqlite3.Connection, policy: VisitPolicy, now: datetime) -> Choices:
    """The choices of now."""
    kinds = [(name, choose(words)) for name, words in policy.id_kinds.items()]
    return Choices(
        id_kinds=kinds,
        ends=list(ends(now, policy.zone)),
        kinds=[
            ("visitor", _("visitor")),
            ("vendor", _("vendor")),
            ("service", _("service provider")),
        ],
        hosts=_recent(db, "host"),
        companies=_recent(db, "company"),
    )


def ends(now: datetime, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """Times at which a visit may end, each as a form sends it and in words.

    They are on the next quarter of an hour, which somebody can say aloud.
    """
    for hours in HOURS:
        end = now.astimezone(zone) + timedelta(hours=hours)
        end += timedelta(minutes=-end.minute % 15)
        end = end.replace(second=0, microsecond=0)
        yield (
            end.isoformat(),
            _("{n} h (until {time})").format(n=hours, time=end.strftime("%H:%M")),
        )


def _recent(db: sqlite3.Connection, column: str) -> list[str]:
    """What was typed of late, the newest first, each spelling once."""
    rows = db.execute(
        f"SELECT {column}, max(id) AS at FROM (SELECT * FROM visit ORDER BY id DESC LIMIT 500) "  # noqa: S608 - our own names
        f"WHERE {column} <> '' GROUP BY {column} ORDER BY at DESC LIMIT ?",
        (_HINTS,),
    )
    return [text for text, _at in rows]


def id_kind(settings: Settings, kind: str) -> str:
    """A kind of photo ID as the site names it; "" for none."""
    known = settings.tables.visits.id_kinds.get(kind)
    return choose((known.en, known.es)) if known else kind


def _minutes(since: datetime, now: datetime) -> int:
    return int((now - since).total_seconds() // 60)
