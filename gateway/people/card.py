"""One person as the list and this gate know them, for a screen: everything but secrets.

Badges are masked, a PIN is there or not, faces are a number.  Standard library.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from gateway.decide.model import Credential
from gateway.decide.policy import Site
from gateway.locale.text import name_key
from gateway.people import permits
from gateway.people.permits import Grant
from gateway.people.standing import standing


@dataclass(frozen=True, slots=True)
class Held:
    """A requirement of a person, or of the company for which they come.

    `state` is good, soon (it lapses within the kind's days of warning), lapsed, missing, or exempt.
    `days` are those until the last good day, negative after it, None without one.  `areas` require
    it.
    """

    kind: str
    of: str
    state: str
    until: date | None = None
    days: int | None = None
    areas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge: its place among the person's badges by number, from 1, how it is shown, and since
    when it is lost ("": it is not), with by whom and why."""

    place: int
    masked: str
    lost_at: str = ""
    lost_by: str = ""
    lost_why: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A person.  `standing` is a code of gateway/people/standing.py; `revoked_at`, `revoked_by` and
    `revoked_why` are of a revocation that was made at this gate."""

    id: str
    name: str
    company: str
    role: str
    valid_from: date | None
    valid_until: date | None
    standing: str
    list_status: str
    levels: tuple[str, ...]
    badges: tuple[Badge, ...]
    faces: int
    has_pin: bool
    consent_at: str
    consent_until: str
    escorts: tuple[str, ...] | None
    revoked_at: str
    revoked_by: str
    revoked_why: str
    requirements: tuple[Held, ...]
    grants: tuple[Grant, ...]
    list_version: int


def read(db: sqlite3.Connection, person: str, site: Site, today: date) -> Card | None:
    """The person of that id; None if nobody on the list has it.  Raises sqlite3.Error."""
    row = db.execute(_PERSON, (person,)).fetchone()
    if row is None:
        return None
    key, name, company, role, first, last, status, levels, at, by, why = row[:11]
    given, until, escorts, pin, faces, version = row[11:]
    badges = db.execute(
        "SELECT c.key, l.at, l.by, l.why FROM credential c "
        "LEFT JOIN lost_badge l ON l.key = c.key AND l.person_id = c.person_id "
        "WHERE c.person_id = ? ORDER BY c.key",
        (person,),
    )
    granted = tuple(json.loads(levels))
    return Card(
        id=key,
        name=name,
        company=company,
        role=role,
        valid_from=_day(first),
        valid_until=_day(last),
        standing=standing(status, at is not None, first, last, today),
        list_status=status,
        levels=granted,
        badges=tuple(
            Badge(place, Credential(*badge.split(":", 2)).masked, *(item or "" for item in lost))
            for place, (badge, *lost) in enumerate(badges, 1)
        ),
        faces=faces,
        has_pin=bool(pin),
        consent_at=given or "",
        consent_until=until or "",
        escorts=tuple(json.loads(escorts)) if escorts is not None else None,
        revoked_at=at or "",
        revoked_by=by or "",
        revoked_why=why or "",
        requirements=tuple(_requirements(db, person, company, granted, site, today)),
        grants=tuple(permits.grants(db, person)),
        list_version=version or 0,
    )


_PERSON = """
SELECT p.id, p.name, p.company, p.role, p.valid_from, p.valid_until, p.status, p.access_levels,
       r.at, r.by, r.why, f.given_at, f.until, e.escorts,
       EXISTS (SELECT 1 FROM pin WHERE pin.person_id = p.id),
       (SELECT count(*) FROM template t WHERE t.person_id = p.id),
       (SELECT max(number) FROM list_version)
  FROM person p
  LEFT JOIN revocation r ON r.person_id = p.id
  LEFT JOIN face_consent f ON f.person_id = p.id
  LEFT JOIN escort e ON e.person_id = p.id
 WHERE p.id = ?"""


def _requirements(
    db: sqlite3.Connection,
    person: str,
    company: str,
    levels: Sequence[str],
    site: Site,
    today: date,
) -> list[Held]:
    """What the areas that their levels open require, and what else is on record; what keeps them
    out first."""
    held = {
        (of, kind): _day(until)
        for of, kind, until in db.execute(
            "SELECT subject_kind, kind, valid_until FROM requirement WHERE "
            "(subject_kind = 'person' AND key = ?) OR (subject_kind = 'company' AND key = ?)",
            (person, name_key(company)),
        )
    }
    needed = _needed(levels, site)
    found = []
    for kind in site.requirements.values():
        there = (kind.of, kind.name) in held
        if not there and kind.name not in needed:
            continue
        until = held.get((kind.of, kind.name))
        days = (until - today).days if until is not None else None
        exempt = kind.of == "company" and name_key(company) in map(name_key, kind.exempt)
        state = "exempt" if exempt else _state(there, days, kind.warn_days)
        areas = needed.get(kind.name, ())
        found.append(Held(kind.name, kind.of, state, until, days, tuple(areas)))
    order = ("missing", "lapsed", "soon", "good", "exempt")
    return sorted(found, key=lambda item: (order.index(item.state), item.kind))


def _state(there: bool, days: int | None, warn: int) -> str:
    if not there:
        return "missing"
    if days is None:
        return "good"
    if days < 0:
        return "lapsed"
    return "soon" if days <= warn else "good"


def _needed(levels: Sequence[str], site: Site) -> dict[str, list[str]]:
    """By kind of requirement, the areas that require it and that one of `levels` opens."""
    known = [site.access_levels[name] for name in levels if name in site.access_levels]
    found: dict[str, list[str]] = {}
    for area in site.areas.values():
        doors = {name for name, door in site.doors.items() if door.area == area.name}
        if any(area.name in level.areas or doors & set(level.grants) for level in known):
            for kind in area.requires:
                found.setdefault(kind, []).append(area.name)
    return found


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
