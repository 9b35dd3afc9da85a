"""One badge: what is known of it, what it needs next, and in the end its verdicts.

    facts + factor results -> decide() -> a need, or the verdicts

`AccessAttempt.next` gathers all facts anew, calls `decide()` and returns what the attempt needs:
a PIN, a face, another person's badge or a guard's word.  The caller (gateway/doors/reader.py) asks
for it, hands the result to the attempt and calls `next` again, until `next` returns the verdicts.
Because the facts are new each time, a person whom somebody revokes while they type stays out.

An attempt waits for nothing, records nothing and opens nothing.  Whatever it can't look up is a
fact that denies.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, replace

from gateway.decide import decide, needs_escort
from gateway.decide.model import (
    AreaFacts,
    Confirmation,
    Decision,
    FaceResult,
    Lookup,
    Outcome,
    Person,
    PinOutcome,
    Reason,
    Request,
)
from gateway.decide.policy import Subsystem
from gateway.decide.replay import THE_OTHER
from gateway.doors.hardware import DoorCondition
from gateway.doors.rules import Rules
from gateway.doors.services import AccessPoint, Services, loop_time
from gateway.doors.steps import (
    CompanyNeeded,
    FaceNeeded,
    GuardNeeded,
    Need,
    PinNeeded,
    Presented,
    Verdict,
)
from gateway.people import Found, RosterUnavailable

log = logging.getLogger("garita.doors.attempt")

REMEMBERED = 16  # people let through of late, for visitors whose escort went first


@dataclass(frozen=True, slots=True)
class FactorResults:
    """What was found out so far by asking."""

    pin: PinOutcome | None = None
    pin_locked: bool = False
    face: FaceResult | None = None
    companions: tuple[Person, ...] = ()
    waited: bool = False
    confirmation: Confirmation | None = None


class RecentlyAdmitted:
    """Whom one reader let through of late, so that a visitor may follow their escort."""

    def __init__(self) -> None:
        self._admitted: deque[tuple[Presented, float]] = deque(maxlen=REMEMBERED)

    def add(self, request: Request) -> None:
        """Somebody passes now, by badge or by face."""
        person = request.person.id if request.person is not None else ""
        presented = Presented(request.credential, "" if request.credential else person)
        self._admitted.append((presented, loop_time()))

    def within(self, seconds: float) -> list[Presented]:
        """Those of the last `seconds`, oldest first."""
        since = loop_time() - seconds
        return [presented for presented, at in self._admitted if at >= since]


class AccessAttempt:
    """One badge (or one face without a badge) at one reader.

    `read_at` is the loop's time (seconds) of the reading.  `recent` tells whom this reader let
    through before.  `companions` are people who are here already and wait for this one; an
    attempt with companions needs no other company.  `rules` are those that it goes by to its end;
    by default those in force.
    """

    def __init__(
        self,
        services: Services,
        point: AccessPoint,
        presented: Presented,
        read_at: float,
        recent: RecentlyAdmitted,
        companions: tuple[Person, ...] = (),
        rules: Rules | None = None,
    ) -> None:
        self.presented = presented
        self.read_at = read_at
        self.rules = rules if rules is not None else services.rules.now
        self._services = services
        self._point = point
        self._recent = recent
        self._age_s = 0.0 if presented.identified else loop_time() - read_at
        self._results = FactorResults(
            face=presented.face, companions=companions, waited=bool(companions)
        )
        self._holder = ""  # the id of the person for whom the results count
        self._asked: set[Outcome] = set()
        self._request: Request | None = None
        self._companion: AccessAttempt | None = None

    def next(self, door: DoorCondition) -> Need | tuple[Verdict, ...]:
        """What this attempt needs next, or the verdicts that end it.

        `door` is the condition of the door at this moment.  The last of the verdicts is on this
        attempt; the verdict on whoever came along stands before it.  Either all are granted, or
        none is.

        Raises RuntimeError if the same thing would be needed twice, which is a fault of ours.
        """
        verdict = self._judge(door)
        decision = verdict.decision
        if decision.outcome in (Outcome.GRANT, Outcome.DENY):
            if self._companion is None:
                return (verdict,)
            return self._together(verdict, self._companion, door)
        if decision.outcome in self._asked:
            raise RuntimeError(f"{decision.outcome} comes twice")
        self._asked.add(decision.outcome)
        person = verdict.request.person
        assert person is not None  # no rule asks nobody for a factor
        return self._need(decision, person)

    def _need(self, decision: Decision, person: Person) -> Need:
        match decision.outcome:
            case Outcome.NEED_PIN:
                return PinNeeded(person)
            case Outcome.NEED_FACE:
                return FaceNeeded(person)
            case Outcome.NEED_CONFIRM:
                return GuardNeeded(person, decision.rule)
            case Outcome.NEED_ESCORT:
                return CompanyNeeded(person, self.rules.escort_s)
        site = self.rules.site
        area = site.areas.get(site.doors[self._point.door].leads_to(self._point.direction))
        return CompanyNeeded(person, self.rules.escort_s if area is None else area.second_s)

    def add_pin(self, outcome: PinOutcome, *, locked: bool) -> None:
        """What became of the PIN; `locked`: too many wrong ones came before it."""
        self._results = replace(self._results, pin=outcome, pin_locked=locked)

    def add_face(self, face: FaceResult) -> None:
        """What the camera saw."""
        self._results = replace(self._results, face=face)

    def add_confirmation(self, confirmation: Confirmation) -> None:
        """The guard's word."""
        self._results = replace(self._results, confirmation=confirmation)

    def companion(self, presented: Presented, read_at: float) -> AccessAttempt | None:
        """The attempt of somebody whose badge was read while this attempt waits for company.

        Returns None if it is the same badge once more.
        """
        request = self._request
        if request is None or request.person is None or presented.credential == request.credential:
            return None
        return AccessAttempt(
            self._services,
            self._point,
            presented,
            read_at,
            self._recent,
            (request.person,),
            self.rules,
        )

    def add_company(self, other: AccessAttempt | None) -> None:
        """The wait for company is over: `other` came along and may pass; None: nobody did."""
        known = other._request if other is not None else None
        if known is None or known.person is None:
            self._results = replace(self._results, waited=True)
        else:
            self._results = replace(self._results, waited=True, companions=(known.person,))
            self._companion = other

    def failed(self, error: Exception) -> tuple[Verdict, ...]:
        """The verdicts when our program has a fault: nobody passes, each has a record."""
        request = Request(
            door=self._point.door,
            credential=self.presented.credential,
            lookup=Lookup.UNAVAILABLE,
            direction=self._point.direction,
        )
        decision = Decision(Outcome.DENY, Reason.DENIED_INTERNAL_ERROR, type(error).__name__)
        others = self._companion.failed(error) if self._companion is not None else ()
        return (*others, Verdict(request, decision, self.read_at))

    def _judge(self, door: DoorCondition) -> Verdict:
        """Decide on the facts of this moment."""
        request = self._request = self._facts(door)
        if request.person is not None:
            self._holder = request.person.id
        return Verdict(request, self._decide(request), self.read_at)

    def _decide(self, request: Request) -> Decision:
        return decide(request, self.rules.site, self._services.clock.latest())

    def _together(
        self, own: Verdict, companion: AccessAttempt, door: DoorCondition
    ) -> tuple[Verdict, ...]:
        """The verdicts on two who come together; neither passes without the other.

        The companion is judged once more, because somebody may have revoked them while a guard was
        asked about this person.
        """
        other = companion._judge(door)
        if own.decision.granted and not other.decision.granted:
            request = replace(own.request, companions=(), waited=True)
            decision = self._decide(request)
            if decision.granted:  # they may pass alone, but they did not come alone
                decision = without_the_other(decision)
            own = replace(own, request=request, decision=decision)
        elif other.decision.granted and not own.decision.granted:
            request = replace(other.request, companions=(), waited=True)
            other = replace(other, request=request, decision=without_the_other(other.decision))
        return (other, own)

    def _facts(self, door: DoorCondition) -> Request:
        """Everything that is known at this moment."""
        services, point, results = self._services, self._point, self._results
        lookup, found = Lookup.UNKNOWN, Found()
        try:
            found = self._find(self.presented)
            lookup = Lookup.FOUND if found.person else Lookup.UNKNOWN
        except RosterUnavailable as error:
            log.error("door %s: the personnel list can't be read: %s", point.door, error)
            lookup = Lookup.UNAVAILABLE
        services.clock.check()
        now, person = services.clock.latest(), found.person
        if person is not None and self._holder not in ("", person.id):
            lookup, person = Lookup.UNKNOWN, None  # the badge has another holder since
        area, apart = AreaFacts(), dict[Subsystem, str]()
        if services.presence is not None and person is not None:
            area = services.presence.facts(point.door, point.direction, person.id, now)
            apart = services.presence.failing(point.door, point.direction)
        locked = results.pin_locked
        if results.pin is None and person is not None:
            locked = services.pin_limits.locked(person.id, loop_time())
        return Request(
            door=point.door,
            credential=self.presented.credential,
            lookup=lookup,
            person=person,
            list_version=found.list_version,
            templates=found.templates,
            age_s=self._age_s,
            clock_trusted=services.clock.trusted,
            lock_ready=door.lock_ready,
            direction=point.direction,
            out_of_service=door.out_of_service,
            tampered=door.tampered,
            interlocked=door.blocked_by,
            has_pin=found.has_pin,
            pin_locked=locked,
            pin=results.pin,
            face=results.face,
            identified=self.presented.identified,
            enrolled=self.presented.enrolled,
            face_until=found.face_until,
            area=area,
            threat=services.threat(),
            failing={**services.failing(point.reader, found.applied_at, now), **apart},
            companions=results.companions,
            recent=self._recently(person),
            waited=results.waited,
            confirmation=results.confirmation,
        )

    def _find(self, presented: Presented) -> Found:
        roster = self._services.roster
        if presented.credential is not None:
            return roster.find(presented.credential)
        return roster.find_person(presented.person_id) if presented.person_id else Found()

    def _recently(self, visitor: Person | None) -> tuple[Person, ...]:
        """Who was let through here of late, as the list has them now; only a visitor needs it."""
        if visitor is None or not needs_escort(visitor, self.rules.site):
            return ()
        try:
            found = [
                self._find(presented) for presented in self._recent.within(self.rules.escort_s)
            ]
        except RosterUnavailable:
            return ()
        return tuple(item.person for item in found if item.person is not None)


def without_the_other(decision: Decision) -> Decision:
    """The denial of a person who may pass, because the one with whom they came may not.

    No request of one person holds that, so gateway/decide/replay.py knows it by its rule.
    """
    return replace(
        decision,
        outcome=Outcome.DENY,
        reason=Reason.DENIED_NO_SECOND_PERSON,
        rule=THE_OTHER,
    )
