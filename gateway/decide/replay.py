"""Decide a past badge again, from its record.

In: an access event, a policy, and a list of people (the one in force, or one that is to come).
Out: what was decided then, and what `decide()` says now.  If the policy asks today for a factor for
which nobody asked then, the answer is that need (`pin_required`).  Nothing here reads a file or a
clock, and nothing opens a door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from gateway.decide import Step, decide, explain
from gateway.decide.model import (
    AreaFacts,
    Confirmation,
    Credential,
    Decision,
    FaceOutcome,
    FaceResult,
    Liveness,
    Lookup,
    Outcome,
    Person,
    PinOutcome,
    Place,
    Reason,
    Request,
)
from gateway.decide.policy import Direction, Site, Subsystem
from gateway.ledger.event import Event, EventType
from gateway.locale import GaritaError, worded

_BADGE = Credential("recorded", "", "0")  # its number is not on record, and no rule looks at it
THE_OTHER = "the other may not"  # of two who came together, one was refused for the other's sake
UNDECIDED = frozenset(("denied_ledger_unavailable", "denied_internal_error"))


class NotReplayable(GaritaError, ValueError):
    """The event is not a decision, or its record is too old to hold what decided."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a badge.  None for `templates` or `has_pin`: as the record says."""

    person: Person | None = None
    templates: int | None = None
    has_pin: bool | None = None
    list_version: int = 0


class Snapshot(Protocol):
    """A list to decide by.  `holder` gets the badge's fingerprint (`SiteKey.fingerprint` of the
    credential's key) and the id of who held it then ("" if nobody did); `person` one by id."""

    def holder(self, fingerprint: str, person_id: str) -> Holder: ...
    def person(self, person_id: str) -> Person | None: ...


def replay_event(event: Event, site: Site, snapshot: Snapshot) -> tuple[Decision, Decision]:
    """What was decided then, and what is decided now.  Raises NotReplayable."""
    then, request, when = _rebuilt(event, snapshot)
    return then, decide(request, site, when)


def replay_steps(
    event: Event, site: Site, snapshot: Snapshot
) -> tuple[Decision, Decision, tuple[Step, ...]]:
    """As `replay_event`, and what each rule says now."""
    then, request, when = _rebuilt(event, snapshot)
    now, steps = explain(request, site, when)
    return then, now, steps


def _rebuilt(event: Event, snapshot: Snapshot) -> tuple[Decision, Request, datetime]:
    try:
        then = recorded(event)
        if then.reason.value in UNDECIDED:
            raise NotReplayable(
                worded("{reason}: there was nothing decided", reason=then.reason.value)
            )
        if then.rule == THE_OTHER:
            raise NotReplayable(worded("refused for the sake of the other, whose event says why"))
        return then, request_of(event.data, snapshot), datetime.fromisoformat(event.time)
    except NotReplayable:
        raise
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise NotReplayable(
            worded("the record is not in its form: {error}", error=error)
        ) from error


def recorded(event: Event) -> Decision:
    """The decision that an access event holds.  Raises NotReplayable, or LookupError, TypeError or
    ValueError if the record is not in its form."""
    if event.type not in (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED):
        raise NotReplayable(worded("{type} is not a decision", type=event.type))
    data = event.data
    if "facts" not in data:
        raise NotReplayable(worded("recorded by an older version, without what it was made of"))
    granted = event.type == EventType.ACCESS_GRANTED
    return Decision(
        outcome=Outcome.GRANT if granted else Outcome.DENY,
        reason=Reason(data["reason"]),
        rule=str(data.get("rule", "")),
        list_version=int(data.get("list_version", 0)),
        policy_version=str(data.get("policy_version", "")),
        degraded=tuple(data.get("degraded", ())),
        fallback=dict(data.get("fallback", {})),
        criteria=tuple(data.get("criteria", ())),
    )


def request_of(data: Mapping[str, Any], snapshot: Snapshot) -> Request:
    """The request that led to an access event with this data, with the people of `snapshot`.

    Raises LookupError, TypeError, AttributeError or ValueError if the data is not in its form.  A
    direction that nobody knows is read as ``in``.
    """
    facts, badge = data["facts"], data.get("credential")
    then = data.get("person") or {}
    unavailable = data.get("reason") == "denied_list_unavailable" and not then
    lookup, holder = Lookup.UNAVAILABLE if unavailable else Lookup.UNKNOWN, Holder()
    if badge is not None and not unavailable:
        holder = snapshot.holder(str(badge["fingerprint"]), str(then.get("id", "")))
        lookup = Lookup.FOUND if holder.person is not None else Lookup.UNKNOWN
    age = facts.get("age_s", 0.0)
    known = {
        name: tuple(p for key in facts.get(name, ()) if (p := snapshot.person(key)) is not None)
        for name in ("companions", "recent")
    }
    found = data.get("identified")
    if found is not None and not unavailable:  # a face without a badge
        person = snapshot.person(str(then.get("id", "")))
        holder = Holder(person)
        lookup = Lookup.FOUND if person is not None else Lookup.UNKNOWN
    until = facts.get("face_until")
    return Request(
        door=str(data["door"]),
        credential=_BADGE if badge is not None else None,
        lookup=lookup,
        person=holder.person,
        list_version=holder.list_version,
        templates=int(facts.get("templates", 0)) if holder.templates is None else holder.templates,
        face=_face(data.get("face")),
        age_s=float("nan") if age is None else float(age),
        clock_trusted=bool(facts.get("clock_trusted", True)),
        lock_ready=bool(facts.get("lock_ready", True)),
        busy=bool(facts.get("busy", False)),
        direction=Direction.read(data.get("way")),
        out_of_service=bool(facts.get("out_of_service", False)),
        tampered=bool(facts.get("tampered", False)),
        interlocked=str(facts.get("interlocked", "")),
        has_pin=bool(facts.get("has_pin", False)) if holder.has_pin is None else holder.has_pin,
        pin_locked=bool(facts.get("pin_locked", False)),
        pin=PinOutcome(data["pin"]) if "pin" in data else None,
        area=_area(facts),
        threat=str(facts.get("threat", "")),
        failing={Subsystem(name): str(why) for name, why in facts.get("failing", {}).items()},
        companions=known["companions"],
        recent=known["recent"],
        identified=found is not None,
        enrolled=int(found["enrolled"]) if found is not None else 0,
        face_until=date.fromisoformat(until) if until else None,
        waited=bool(facts.get("waited", False)),
        confirmation=Confirmation(data["confirmation"]) if "confirmation" in data else None,
    )


def _area(facts: Mapping[str, Any]) -> AreaFacts:
    place = facts.get("place")
    entered = facts.get("entered", {})
    return AreaFacts(
        place=Place(
            area=str(place[0]),
            since=datetime.fromisoformat(place[1]),
            free=bool(place[2]),
            gate=str(place[3]) if len(place) > 3 else "",
        )
        if place
        else None,
        occupancy=int(facts.get("occupancy", 0)),
        entered={level: datetime.fromisoformat(at) for level, at in entered.items()},
        known=bool(facts.get("known", True)),
    )


def _face(data: Mapping[str, Any] | None) -> FaceResult | None:
    if data is None:
        return None
    distance = data.get("distance")
    return FaceResult(
        outcome=FaceOutcome(data["outcome"]),
        distance=None if distance is None else float(distance),
        frames=int(data.get("frames", 0)),
        detail=str(data.get("detail", "")),
        liveness=_liveness(data),
    )


def _liveness(data: Mapping[str, Any]) -> Liveness | None:
    suspect, challenge = data.get("suspect"), data.get("challenge")
    if suspect is None and challenge in (None, "off", "not_done"):
        return None
    done = {"passed": True, "failed": False}.get(str(challenge))
    return Liveness(done, suspect is not False, str(data.get("liveness", "")))
