"""Who holds which badge by the list in force, and who by the new one.

Only people whom the new list adds, changes or removes are looked at: for everybody else the two
lists say the same.  Reads people.db, writes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from gateway.decide.model import Credential, Person, PersonStatus, Requirement, TemporaryGrant
from gateway.locale.text import name_key
from gateway.people.sync.badgelog import FACE
from gateway.people.sync.plan import Plan, person_of, requirements_of


class Fingerprints(Protocol):
    def fingerprint(self, credential_key: str) -> str: ...


@dataclass(frozen=True, slots=True)
class ListHolder:
    """Who holds a badge by one list, with what `decide()` needs from people.db beside it.

    `credential` is None for a person without a badge.
    """

    credential: Credential | None
    person: Person | None = None
    templates: int = 0
    has_pin: bool = False


def holders(
    db: sqlite3.Connection, plan: Plan, key: Fingerprints
) -> tuple[dict[str, ListHolder], dict[str, ListHolder]]:
    """The holders of all badges and faces that the plan touches, by mark (badgelog.py).

    Returns two dictionaries with the same keys: whose each is by the list in force, and whose by
    the new list.
    """
    templates = dict(db.execute("SELECT person_id, count(*) FROM template GROUP BY person_id"))
    pins = {row[0] for row in db.execute("SELECT person_id FROM pin")}

    whole = _Beside(db, plan)

    def held(people: Iterable[Person], stay: bool, new: bool = True) -> Iterator[ListHolder]:
        for person in people:
            person = whole.person(person, stay=stay, new=new)  # noqa: PLW2901
            if person.id in plan.revoked:
                person = replace(person, status=PersonStatus.REVOKED)  # noqa: PLW2901
            for badge in person.credentials or (None,):
                count = templates.get(person.id, 0) if stay else 0
                yield ListHolder(badge, person, count, stay and person.id in pins)

    def by_mark(holders: Iterable[ListHolder]) -> dict[str, ListHolder]:
        found = {}
        for item in holders:
            if item.credential is not None:
                found[key.fingerprint(item.credential.key)] = item
            if item.person is not None:
                found[FACE + item.person.id] = item
        return found

    present = by_mark(held((person_of(name, e) for name, e in plan.before.items()), True, False))
    coming = by_mark((*held(plan.updates, True), *held(plan.added, False)))
    for mark, item in list(present.items()):
        coming.setdefault(mark, ListHolder(item.credential))
    for mark, item in coming.items():
        present.setdefault(mark, ListHolder(item.credential))
    return present, coming


def badges(plan: Plan) -> list[str]:
    """The keys of all badges whose fingerprints `holders` asks for."""
    before = (person_of(name, entry) for name, entry in plan.before.items())
    people = (*before, *plan.updates, *plan.added)
    return list(dict.fromkeys(badge.key for person in people for badge in person.credentials))


class _Beside:
    """What people.db holds of people beside the list; those who stay keep it."""

    def __init__(self, db: sqlite3.Connection, plan: Plan) -> None:
        self._plan = plan
        self._companies: dict[str | None, list[Requirement]] = {}
        for company, kind, day in db.execute(
            "SELECT key, kind, valid_until FROM requirement WHERE subject_kind = 'company'"
        ):
            last = date.fromisoformat(day) if day else None
            self._companies.setdefault(company, []).append(Requirement(kind, "company", last))
        self._grants: dict[str, list[TemporaryGrant]] = {}
        for key, kind, target, since, until in db.execute(
            "SELECT person_id, kind, target, since, until FROM temporary_grant"
        ):
            grant = TemporaryGrant(
                kind, target, datetime.fromisoformat(since), datetime.fromisoformat(until)
            )
            self._grants.setdefault(key, []).append(grant)
        self._escorts = dict(db.execute("SELECT person_id, escorts FROM escort"))

    def person(self, person: Person, *, stay: bool, new: bool) -> Person:
        """`person` with requirements, by the new list or the one in force, grants and escorts."""
        key, plan = person.id, self._plan
        shown = requirements_of(plan.before[key]) if stay else {}
        if new:
            days = plan.requirements.get(key, {})
            shown = {kind: day for kind, day in shown.items() if kind not in plan.kinds}
            shown |= days
        own = (Requirement(kind, "person", day) for kind, day in shown.items())
        escorts = self._escorts.get(key) if stay else None
        return replace(
            person,
            requirements=(*own, *self._companies.get(name_key(person.company) or None, ())),
            grants=tuple(self._grants.get(key, ())) if stay else (),
            needs_escort=escorts is not None,
            escorts=tuple(json.loads(escorts)) if escorts else (),
        )
