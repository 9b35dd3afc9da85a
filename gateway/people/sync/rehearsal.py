"""A new list tried on the past: who would newly be refused or let in.

Each badge on record, and each face that came without one, is decided twice by `decide()` itself,
under today's policy and at the time of its record: once with the list in force and once with the
new one.  Only the list differs, so every difference comes from the list.  holders.py says who
holds a badge by which list, badgelog.py reads the record.

What nobody can know is counted: a face or PIN that was not asked for then, and refusals with
another cause (a lock that did not answer, a door out of service).  Nothing here writes, prints or
returns a badge number.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gateway.decide import decide
from gateway.decide.model import (
    Decision,
    FaceOutcome,
    FaceResult,
    Lookup,
    Outcome,
    Person,
    PinOutcome,
    Request,
)
from gateway.decide.policy import Direction, Site
from gateway.decide.replay import UNDECIDED, Holder, request_of
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event
from gateway.people.sync.badgelog import badges, mark
from gateway.people.sync.holders import Fingerprints, ListHolder, holders
from gateway.people.sync.plan import Plan

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
"""Refusals with a cause that is not on the list; nobody knows what would have come otherwise."""


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
    last: datetime
    count: int = 0


@dataclass(slots=True)
class Rehearsal:
    """`events` badges were looked at, from `since` on; `unknown` says for how many of them there
    is no answer, and why."""

    since: datetime
    events: int = 0
    shifts: list[Shift] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)


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
    result = Rehearsal(since)
    present, coming = holders(db, plan, key)
    shifts: dict[tuple[str, ...], Shift] = {}
    for event in badges(records, since, progress):
        result.events += 1
        found = mark(event)
        before, after = present.get(found), coming.get(found)
        if before is None or after is None:
            continue  # nobody whom the new list changes holds it
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


def _answer(event: Event, holder: ListHolder, site: Site, plan: Plan) -> Decision:
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
    before: ListHolder,
    after: ListHolder,
    old: Decision,
    new: Decision,
) -> None:
    person = after.person if new.granted else before.person
    if person is None:
        return
    door, way = str(event.data.get("door", event.subject)), Direction.read(event.data.get("way"))
    now = "let_in" if new.granted else "refused"
    at = datetime.fromisoformat(event.time)
    key = (person.id, door, way, now, new.reason.value, new.rule, old.reason.value)
    shift = shifts.get(key)
    if shift is None:
        shift = shifts[key] = Shift(
            person=person.id,
            name=person.name,
            door=door,
            way=way,
            now=now,
            reason=new.reason.value,
            rule=new.rule,
            was=old.reason.value,
            last=at,
        )
    shift.count += 1
    shift.last = max(shift.last, at)
