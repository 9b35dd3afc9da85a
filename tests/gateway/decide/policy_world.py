"""A small policy with one of everything, and requests at its doors, for tests by property."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from gateway.decide.model import (
    AreaFacts,
    Confirmation,
    Credential,
    FaceOutcome,
    FaceResult,
    Liveness,
    Lookup,
    Person,
    PersonStatus,
    PinOutcome,
    Place,
    Request,
    Requirement,
)
from gateway.decide.policy import (
    AccessLevel,
    Action,
    Area,
    Direction,
    DoorPolicy,
    Identify,
    Mode,
    Passback,
    Period,
    RequirementKind,
    Schedule,
    Site,
    Subsystem,
    ThreatLevel,
)

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
WEEK = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"))
BADGE = Credential("em4100", "1", "2")
SITE = Site(
    gateway="g",
    zone=ZoneInfo("America/Tijuana"),
    doors={
        "gate": DoorPolicy("gate", Mode.BADGE, area="yard"),
        "vault": DoorPolicy("vault", Mode.BADGE_FACE_PIN, area="vault", from_area="yard"),
        "kiosk": DoorPolicy(
            "kiosk", Mode.BADGE, challenge=True, identify=Identify(0.32, 500), area="yard"
        ),
    },
    schedules={"a": Schedule("a", (Period(WEEK, time(6), time(18)),), first_in="boss")},
    holidays={},
    access_levels={
        "all": AccessLevel("all", {}, areas={"yard": "a", "vault": "a"}),
        "boss": AccessLevel("boss", {"gate": "a"}, may_escort=True),
        "guest": AccessLevel("guest", {"gate": "a"}, needs_escort=True),
    },
    areas={
        "yard": Area("yard", ("check",), Passback.SOFT),
        "vault": Area(
            "vault",
            (),
            Passback.HARD,
            maximum=4,
            two_person=True,
            degraded={Subsystem.CAMERA: Action.CONFIRM, Subsystem.CLOCK: Action.CONFIRM},
        ),
    },
    requirements={"check": RequirementKind("check", criteria=("11.1",))},
    threat_levels={"normal": ThreatLevel("normal"), "high": ThreatLevel("high", 1, ("vault",))},
    degraded={Subsystem.DISK: Action.BADGE_PIN},
    evidence={"granted": ("9.4",)},
    policy_version="p1",
)
CHECK = Requirement("check", "person", date(2026, 12, 1))
ANA = Person("e1", "Ana", access_levels=("all", "boss"), requirements=(CHECK,))
BEN = Person("e2", "Ben", access_levels=("boss",))
GOOD = Request("gate", BADGE, Lookup.FOUND, ANA, 7, 3, threat="normal", has_pin=True)


people = st.builds(
    Person,
    id=st.just("e1"),
    name=st.just("Ana"),
    valid_until=st.none() | st.just(date(2026, 11, 1)),
    status=st.sampled_from([PersonStatus.ACTIVE, *PersonStatus]),
    access_levels=st.sampled_from([("all",), ("all", "boss"), ("guest",), ("ghost",)]),
    requirements=st.sampled_from([(), (CHECK,), (replace(CHECK, valid_until=date(2026, 1, 1)),)]),
    needs_escort=st.booleans(),
)
facts = st.builds(
    AreaFacts,
    place=st.none()
    | st.builds(
        Place,
        st.sampled_from(["", "yard", "vault"]),
        st.just(NOW - timedelta(hours=1)),
        st.booleans(),
    ),
    occupancy=st.integers(0, 5),
    entered=st.sampled_from([{}, {"boss": NOW}, {"boss": NOW - timedelta(days=2)}]),
    known=st.booleans(),
)
requests = st.builds(
    Request,
    door=st.sampled_from(["gate", "vault", "kiosk", "attic"]),
    credential=st.sampled_from([BADGE, BADGE, None]),
    lookup=st.just(Lookup.FOUND),
    person=people,
    list_version=st.integers(0, 5),
    templates=st.sampled_from([0, 3]),
    face=st.none()
    | st.builds(
        FaceResult,
        st.sampled_from(FaceOutcome),
        st.none() | st.sampled_from([0.1, 0.3, 0.32001, 0.36, 0.40004, 0.5]),
        liveness=st.none()
        | st.builds(Liveness, st.sampled_from([True, True, False, None]), st.booleans()),
    ),
    face_until=st.sampled_from([None, None, date(2026, 11, 24), date(2026, 11, 25)]),
    identified=st.booleans(),
    enrolled=st.sampled_from([100, 100, 0, 501]),
    age_s=st.sampled_from([0.0, 0.5, 9.0, -1.0, float("nan")]),
    clock_trusted=st.booleans(),
    lock_ready=st.sampled_from([True, True, False]),
    busy=st.sampled_from([False, False, True]),
    direction=st.sampled_from(Direction),
    out_of_service=st.sampled_from([False, False, True]),
    interlocked=st.sampled_from(["", "", "x"]),
    has_pin=st.booleans(),
    pin_locked=st.sampled_from([False, False, True]),
    pin=st.none() | st.sampled_from([p for p in PinOutcome if p is not PinOutcome.DURESS]),
    area=facts,
    threat=st.sampled_from(["normal", "normal", "high", "none"]),
    failing=st.sampled_from([{}, {Subsystem.DISK: "1 MB"}, {Subsystem.SYNC: "x"}]),
    companions=st.sampled_from([(), (BEN,)]),
    recent=st.sampled_from([(), (BEN,)]),
    waited=st.booleans(),
    confirmation=st.none() | st.sampled_from(Confirmation),
).map(lambda r: replace(r, credential=None) if r.identified else r)
