"""A new list tried on the past: who would newly be refused or let in.

Each badge on record, and each face that came without one, is decided twice by `decide()` itself,
under today's policy and at the time of its record: once with the list in force and once with the
new one.  Only the list differs, so whatever comes out differently comes from it.  Badges that
nobody on either list holds, and people whom the new list leaves as they are, need no second look.

What can't be known is counted and said, not guessed: a face or PIN that was not asked for then,
and refusals that came from the moment (a lock that was away, a door out of service).  Writes
nothing, and neither prints nor returns a badge number.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

from gateway.decide import decide
from gateway.decide.model import (
    Credential,
    Decision,
    FaceOutcome,
    FaceResult,
    Lookup,
    Outcome,
    Person,
    PersonStatus,
    PinOutcome,
    Request,
    Requirement,
    TemporaryGrant,
)
from gateway.decide.policy import Direction, Site
from gateway.decide.replay import UNDECIDED, Holder, request_of
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.people.sync.plan import Plan, person_of, requirements_of

CHUNK = 2000
OF_THE_MOMENT = frozenset(
    {
        "denied_unknown_door",
        "denied_busy",
        "denied_stale_badge",
        "denied_bad_read",
        "denied_list_unavailable",
        "denied_clock_untrusted",
        "denied_lock_unavailable",
        "denied_out_of_service",
        "denied_tampered",
        "denied_interlock",
        "denied_pin_locked",
        "denied_face_unavailable",
        "denied_camera_fault",
        "denied_ledger_unavailable",
        "denied_internal_error",
        "denied_degraded",
        "denied_passback",
        "denied_area_full",
        "denied_threat_level",
        "denied_first_person",
        "denied_no_escort",
        "denied_no_second_person",
        "denied_not_confirmed",
    }
)
"""Refusals that say nothing of a list: had they not been, nobody knows what would have come."""


class Fingerprints(Protocol):
    def fingerprint(self, credential_key: str) -> str: ...


@dataclass(slots=True)
class Shift:
    """One person at one door whose answer the new list changes: `now` is ``refused`` or
    ``let_in``, `reason` and `rule` those of the new answer, `was` the reason with the list in
    force; how often in the past, and when last."""

    person: str
    name: str
    door: str
    way: Direction
    now: str
    reason: str
    rule: str
    was: str
    count: int = 0
    last: str = ""


@dataclass(slots=True)
class Rehearsal:
    """`events` badges were looked at, from `since` on; `unknown` says for how many of them there
    is no answer, and why."""

    since: str
    events: int = 0
    shifts: list[Shift] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who holds a badge by one list (None: a person without one), with what `decide()` asks of
    people.db beside it."""

    credential: Credential | None
    person: Person | None = None
    templates: int = 0
    has_pin: bool = False


def rehearse(
    db: sqlite3.Connection,
    plan: Plan,
    site: Site,
    key: Fingerprints,
    records: LedgerReader,
    since: datetime,
    progress: Callable[[int], None] | None = None,
) -> Rehearsal:
    """Replay the badges since `since` (aware) against `plan`.  Raises LedgerUnavailable."""
    result = Rehearsal(since.isoformat(timespec="seconds"))
    present, coming = _holders(db, plan, key)
    shifts: dict[tuple[str, ...], Shift] = {}
    for event in _badges(records, since, result, progress):
        mark = _mark(event)
        before, after = present.get(mark), coming.get(mark)
        if before is None or after is None:
            continue  # held by nobody whom the new list touches
        why = str(event.data.get("reason", ""))
        if why in (UNDECIDED if "facts" in event.data else OF_THE_MOMENT):
            result.unknown[why] += 1
            continue
        old, new = _answer(event, before, site, plan), _answer(event, after, site, plan)
        open_ended = next((d for d in (old, new) if d.outcome not in _ENDS), None)
        if open_ended is not None:
            result.unknown[open_ended.reason.value] += 1
        elif old.granted == new.granted:
            continue
        elif failing := [_FAILING[name] for name in _degraded(event) if name in _FAILING]:
            result.unknown[failing[0]] += 1
        else:
            _count(shifts, event, before, after, old, new)
    result.shifts = sorted(
        shifts.values(), key=lambda s: (s.now != "refused", -s.count, s.person, s.door)
    )
    return result


_ENDS = (Outcome.GRANT, Outcome.DENY)
_FAILING = {
    "list": "denied_list_unavailable",
    "clock": "denied_clock_untrusted",
    "lock": "denied_lock_unavailable",
}


def _degraded(event: Event) -> list[str]:
    """What did not work when that badge was read."""
    found = event.data.get("degraded")
    return [str(name) for name in found] if isinstance(found, list) else []


def _holders(
    db: sqlite3.Connection, plan: Plan, key: Fingerprints
) -> tuple[dict[str, _Holder], dict[str, _Holder]]:
    """By mark, the badges and faces of everybody whom the plan touches: whose they are by the
    list in force, and whose by the new one."""
    templates = dict(db.execute("SELECT person_id, count(*) FROM template GROUP BY person_id"))
    pins = {row[0] for row in db.execute("SELECT person_id FROM pin")}

    whole = _Whole(db, plan)

    def held(people: Iterable[Person], stay: bool, new: bool = True) -> Iterator[_Holder]:
        for person in people:
            person = whole.person(person, stay=stay, new=new)  # noqa: PLW2901
            if person.id in plan.revoked:
                person = replace(person, status=PersonStatus.REVOKED)  # noqa: PLW2901
            for badge in person.credentials or (None,):
                count = templates.get(person.id, 0) if stay else 0
                yield _Holder(badge, person, count, stay and person.id in pins)

    def by_mark(holders: Iterable[_Holder]) -> dict[str, _Holder]:
        found = {}
        for item in holders:
            if item.credential is not None:
                found[key.fingerprint(item.credential.key)] = item
            if item.person is not None:
                found[_FACE + item.person.id] = item
        return found

    present = by_mark(held((person_of(name, e) for name, e in plan.before.items()), True, False))
    coming = by_mark((*held(plan.updates, True), *held(plan.added, False)))
    for mark, item in list(present.items()):
        coming.setdefault(mark, _Holder(item.credential))
    for mark, item in coming.items():
        present.setdefault(mark, _Holder(item.credential))
    return present, coming


class _Whole:
    """What people.db holds of people beside the list: it stays with those who stay."""

    def __init__(self, db: sqlite3.Connection, plan: Plan) -> None:
        self._plan = plan
        self._companies: dict[str, list[Requirement]] = {}
        for company, kind, day in db.execute(
            "SELECT subject, kind, valid_until FROM requirement WHERE subject_kind = 'company'"
        ):
            self._companies.setdefault(company, []).append(_shown(kind, "company", day))
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
            shown |= {kind: day.isoformat() for kind, day in days.items()}
        own = (_shown(kind, "person", day) for kind, day in shown.items())
        escorts = self._escorts.get(key) if stay else None
        return replace(
            person,
            requirements=(*own, *self._companies.get(person.company, ())),
            grants=tuple(self._grants.get(key, ())) if stay else (),
            needs_escort=escorts is not None,
            escorts=tuple(json.loads(escorts)) if escorts else (),
        )


def _shown(kind: str, of: str, day: str | None) -> Requirement:
    return Requirement(kind, of, date.fromisoformat(day) if day else None)


def _badges(
    records: LedgerReader,
    since: datetime,
    result: Rehearsal,
    progress: Callable[[int], None] | None,
) -> Iterator[Event]:
    """Badges on record since then, and faces that were known without one, in order; what held no
    valid card is neither."""
    start = since.timestamp()
    seq, last = _first(records, start) - 1, records.last_seq
    while seq < last:
        events = records.after(seq, CHUNK)
        if not events:
            return
        seq = events[-1].seq
        if progress is not None:
            progress(result.events)
        for event in events:
            if (
                event.type not in (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED)
                or _at(event) < start
            ):
                continue
            if _mark(event):
                result.events += 1
                yield event


_FACE = "face of "  # no fingerprint has a space


def _mark(event: Event) -> str:
    """By what a record is found to be of somebody: the badge's fingerprint, or the person whose
    face came without one; "" for neither."""
    badge, person = event.data.get("credential"), event.data.get("person")
    if isinstance(badge, dict):
        mark = badge.get("fingerprint")
        return mark if isinstance(mark, str) else ""
    if "identified" in event.data and isinstance(person, dict):
        return _FACE + str(person.get("id", ""))
    return ""


def _first(records: LedgerReader, start: float) -> int:
    """The first record that may be as new as `start`, by halving: records are in order of time,
    but for steps of the clock, which a day to spare covers."""
    low, high = 1, records.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        event = records.get(middle)
        if event is not None and _at(event) < start - 86400:
            low = middle + 1
        else:
            high = middle
    return low


def _at(event: Event) -> float:
    try:
        return datetime.fromisoformat(event.time).timestamp()
    except (ValueError, OverflowError):
        return 0.0


@dataclass(frozen=True, slots=True)
class _One:
    """The list as one record needs it.  Who stood beside the person is not looked up: an escort
    or a second person counts as not there."""

    found: Holder

    def holder(self, fingerprint: str, person_id: str) -> Holder:
        return self.found

    def person(self, person_id: str) -> Person | None:
        person = self.found.person  # of a face without a badge
        return person if person is not None and person.id == person_id else None


def _answer(event: Event, holder: _Holder, site: Site, plan: Plan) -> Decision:
    """What `decide()` says to that badge, with the factors that are on record."""
    data = event.data
    person = holder.person
    now = datetime.fromisoformat(event.time)
    if "facts" in data:
        found = Holder(person, holder.templates, holder.has_pin, plan.base)
        return decide(request_of(data, _One(found)), site, now)
    request = Request(
        door=str(data.get("door", event.subject)),
        credential=holder.credential,
        lookup=Lookup.UNKNOWN if person is None else Lookup.FOUND,
        person=person,
        list_version=plan.base,
        templates=holder.templates,
        direction=Direction.read(data.get("way")),
        has_pin=holder.has_pin,
    )
    decision = decide(request, site, now)
    if decision.outcome is Outcome.NEED_PIN and (pin := _pin(data)):
        request = replace(request, pin=pin)
        decision = decide(request, site, now)
    if decision.outcome is Outcome.NEED_FACE and (face := _face(data)):
        decision = decide(replace(request, face=face), site, now)
    return decision


def _pin(data: Mapping[str, Any]) -> PinOutcome | None:
    try:
        return PinOutcome(data["pin"])
    except (KeyError, ValueError):
        return None


def _face(data: Mapping[str, Any]) -> FaceResult | None:
    found = data.get("face")
    try:
        return FaceResult(FaceOutcome(found["outcome"]), found["distance"]) if found else None
    except (KeyError, ValueError, TypeError):
        return None


def _count(
    shifts: dict[tuple[str, ...], Shift],
    event: Event,
    before: _Holder,
    after: _Holder,
    old: Decision,
    new: Decision,
) -> None:
    person = after.person if new.granted else before.person
    if person is None:
        return
    door, way = str(event.data.get("door", event.subject)), Direction.read(event.data.get("way"))
    now = "let_in" if new.granted else "refused"
    mark = (person.id, door, way, now, new.reason.value, new.rule, old.reason.value)
    shift = shifts.get(mark)
    if shift is None:
        shift = shifts[mark] = Shift(
            person.id, person.name, door, way, now, new.reason.value, new.rule, old.reason.value
        )
    shift.count += 1
    shift.last = max(shift.last, event.time)
