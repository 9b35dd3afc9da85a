"""decide(): each reason by example, and what must hold for every request by property."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import decide as module
from gateway.decide import decide, explain, is_open
from gateway.decide.model import (
    AreaFacts,
    Confirmation,
    Credential,
    FaceOutcome,
    FaceResult,
    Liveness,
    Lookup,
    Outcome,
    Person,
    PersonStatus,
    PinOutcome,
    Place,
    Reason,
    Request,
    Requirement,
    TemporaryGrant,
)
from gateway.decide.policy import (
    DAYS,
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

ROOT = Path(__file__).parents[3]
TIJUANA = ZoneInfo("America/Tijuana")
WEEK = frozenset(DAYS)
BADGE = Credential("h10301", "12", "34567")
ANA = Person(
    "e1",
    "Ana",
    valid_from=date(2026, 1, 1),
    valid_until=date(2026, 12, 31),
    credentials=(BADGE,),
    access_levels=("plant",),
)
SITE = Site(
    gateway="g",
    zone=TIJUANA,
    doors={
        "gate": DoorPolicy("gate", Mode.BADGE),
        "lab": DoorPolicy("lab", Mode.BADGE_FACE),
        "vault": DoorPolicy("vault", Mode.BADGE),
        "safe": DoorPolicy("safe", Mode.BADGE_PIN),
        "kiosk": DoorPolicy("kiosk", Mode.BADGE, identify=Identify(0.40, 100)),
        "portal": DoorPolicy("portal", Mode.BADGE_FACE, challenge=True),
        "cell": DoorPolicy("cell", Mode.BADGE_FACE, deny_suspect=True),
        "yard": DoorPolicy("yard", Mode.BADGE, area="yard"),
        "dock": DoorPolicy("dock", Mode.BADGE, area="dock", from_area="yard"),
        "cage": DoorPolicy("cage", Mode.BADGE, area="cage", from_area="dock"),
        "exit": DoorPolicy("exit", Mode.BADGE, area="", from_area="yard"),
        "studio": DoorPolicy("studio", Mode.BADGE_FACE, area="studio"),
        "astray": DoorPolicy("astray", Mode.BADGE, area="nowhere"),
    },
    schedules={
        "led": Schedule("led", (Period(WEEK, time(6), time(18)),), first_in="boss"),
        "day": Schedule("day", (Period(WEEK, time(6), time(18)),)),
        "night": Schedule("night", (Period(frozenset({"fri"}), time(22), time(6)),)),
        "holiday": Schedule("holiday", (Period(frozenset({"holiday"}), time(8), time(12)),)),
    },
    holidays={date(2026, 12, 25): "Christmas"},
    access_levels={
        "plant": AccessLevel(
            "plant", dict.fromkeys(("gate", "lab", "safe", "kiosk", "portal", "cell"), "day")
        ),
        "wary": AccessLevel("wary", {"gate": "day"}, Mode.BADGE_PIN),
        "yard": AccessLevel("yard", {}, areas={"yard": "day"}),
        "boss": AccessLevel("boss", {"gate": "day"}, may_escort=True),
        "led": AccessLevel("led", {"gate": "led"}),
        "docks": AccessLevel("docks", {}, areas={"yard": "day", "dock": "day", "cage": "day"}),
        "guest": AccessLevel("guest", {}, areas={"yard": "day"}, needs_escort=True),
        "studio": AccessLevel("studio", {"studio": "day", "astray": "day"}),
    },
    policy_version="p1",
    areas={
        "yard": Area("yard", passback=Passback.SOFT),
        "dock": Area("dock", ("check", "partner"), Passback.HARD, maximum=3),
        "cage": Area("cage", passback=Passback.TIMED, passback_minutes=10, two_person=True),
        "studio": Area("studio", degraded={Subsystem.CAMERA: Action.BADGE_PIN}),
    },
    requirements={
        "check": RequirementKind("check", criteria=("11.1",)),
        "partner": RequirementKind("partner", "company", exempt=("",)),
    },
    threat_levels={
        "normal": ThreatLevel("normal", 0),
        "high": ThreatLevel("high", 1, pin=True, face_threshold=0.4, two_person=("yard",)),
        "lockdown": ThreatLevel("lockdown", 2, closed=("*",), open_to=("boss",)),
        "partial": ThreatLevel("partial", 2, closed=("dock",)),
    },
    evidence={"granted": ("10.1",), "denied_requirement_lapsed": ("11.2",)},
)
NOON = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # Tuesday 12:00 in Tijuana
GOOD = Request("gate", BADGE, Lookup.FOUND, ANA, 7, 3, has_pin=True, threat="normal")
LAB = replace(GOOD, door="lab")
SAFE = replace(GOOD, door="safe")
WARY = replace(ANA, access_levels=("plant", "wary"))  # one more level, and it asks for a PIN
MATCH = FaceResult(FaceOutcome.MATCH, 0.31, 1, 0.04)
KIOSK = replace(GOOD, door="kiosk", credential=None, face=MATCH, identified=True, enrolled=100)
LIVE = replace(LAB, door="portal", face=replace(MATCH, liveness=Liveness(challenge=True)))
CELL = replace(LAB, door="cell", face=replace(MATCH, liveness=Liveness()))
CHECK = Requirement("check", "person", date(2026, 11, 24))
BEN = replace(
    ANA, id="e2", name="Ben", access_levels=("docks", "boss", "studio"), requirements=(CHECK,)
)
EVA = replace(BEN, id="e3", name="Eva")
GUEST = replace(ANA, id="v1", access_levels=("guest",))
YARD = replace(GOOD, door="yard", person=BEN)
DOCK = replace(GOOD, door="dock", person=BEN, area=AreaFacts(occupancy=0))
CAGE = replace(GOOD, door="cage", person=BEN, area=AreaFacts(occupancy=2))
VISIT = replace(GOOD, door="yard", person=GUEST)
STUDIO = replace(GOOD, door="studio", person=BEN)
BLACK = FaceResult(FaceOutcome.CAMERA_FAULT, detail="black")


def been(area: str, minutes: float, request_: Request = DOCK, *, free: bool = False) -> Request:
    """Who asks was last seen going into `area`."""
    place = Place(area, NOON - timedelta(minutes=minutes), free)
    return replace(request_, area=replace(request_.area, place=place))


def lacking(*held: Requirement, company: str = "") -> Request:
    return replace(DOCK, person=replace(BEN, requirements=held, company=company))


def granted_for(kind: str, target: str, hours: float = 1.0) -> Person:
    grant = TemporaryGrant(kind, target, NOON, NOON + timedelta(hours=hours))
    return replace(ANA, access_levels=(), grants=(grant,))


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=TIJUANA).astimezone(UTC)  # type: ignore[misc, arg-type]


CASES = [
    (GOOD, NOON, Reason.GRANTED),
    (replace(GOOD, door="attic"), NOON, Reason.DENIED_UNKNOWN_DOOR),
    (replace(GOOD, busy=True), NOON, Reason.DENIED_BUSY),
    (replace(GOOD, age_s=5.01), NOON, Reason.DENIED_STALE_BADGE),
    (replace(GOOD, age_s=-1.0), NOON, Reason.DENIED_STALE_BADGE),
    (replace(GOOD, age_s=float("nan")), NOON, Reason.DENIED_STALE_BADGE),
    (replace(GOOD, credential=None), NOON, Reason.DENIED_BAD_READ),
    (replace(GOOD, lookup=Lookup.UNAVAILABLE), NOON, Reason.DENIED_LIST_UNAVAILABLE),
    (replace(GOOD, lookup=Lookup.UNKNOWN), NOON, Reason.DENIED_UNKNOWN_CREDENTIAL),
    (replace(GOOD, person=None), NOON, Reason.DENIED_UNKNOWN_CREDENTIAL),
    (
        replace(GOOD, person=replace(ANA, status=PersonStatus.REVOKED)),
        NOON,
        Reason.DENIED_REVOKED,
    ),
    (
        replace(GOOD, person=replace(ANA, status=PersonStatus.SUSPENDED)),
        NOON,
        Reason.DENIED_SUSPENDED,
    ),
    (replace(GOOD, clock_trusted=False), NOON, Reason.DENIED_CLOCK_UNTRUSTED),
    (GOOD, local(2025, 12, 31, 23, 59), Reason.DENIED_NOT_YET_VALID),
    (GOOD, local(2026, 1, 1, 6, 0), Reason.GRANTED),
    (GOOD, local(2026, 12, 31, 17, 59), Reason.GRANTED),
    (GOOD, local(2027, 1, 1, 6, 0), Reason.DENIED_EXPIRED),
    (replace(GOOD, door="vault"), NOON, Reason.DENIED_NO_ACCESS_LEVEL),
    (
        replace(GOOD, person=replace(ANA, access_levels=("plant2",))),
        NOON,
        Reason.DENIED_NO_ACCESS_LEVEL,
    ),
    (GOOD, local(2026, 11, 24, 5, 59), Reason.DENIED_OUT_OF_SCHEDULE),
    (GOOD, local(2026, 11, 24, 18, 0), Reason.DENIED_OUT_OF_SCHEDULE),
    (GOOD, local(2026, 12, 25, 12, 0), Reason.DENIED_OUT_OF_SCHEDULE),
    (replace(GOOD, lock_ready=False), NOON, Reason.DENIED_LOCK_UNAVAILABLE),
    (replace(GOOD, out_of_service=True), NOON, Reason.DENIED_OUT_OF_SERVICE),
    (replace(GOOD, tampered=True), NOON, Reason.DENIED_TAMPERED),
    (replace(GOOD, interlocked="other"), NOON, Reason.DENIED_INTERLOCK),
    (replace(SAFE, has_pin=False), NOON, Reason.DENIED_PIN_NOT_SET),
    (replace(SAFE, pin_locked=True, pin=PinOutcome.CORRECT), NOON, Reason.DENIED_PIN_LOCKED),
    (SAFE, NOON, Reason.PIN_REQUIRED),
    (replace(SAFE, pin=PinOutcome.MISSING), NOON, Reason.DENIED_NO_PIN),
    (replace(SAFE, pin=PinOutcome.WRONG), NOON, Reason.DENIED_WRONG_PIN),
    (replace(SAFE, pin=PinOutcome.UNAVAILABLE), NOON, Reason.DENIED_LIST_UNAVAILABLE),
    (replace(SAFE, pin=PinOutcome.CORRECT), NOON, Reason.GRANTED),
    (replace(SAFE, pin=PinOutcome.DURESS), NOON, Reason.GRANTED),
    (replace(SAFE, direction=Direction.OUT), NOON, Reason.GRANTED),
    (replace(GOOD, person=WARY), NOON, Reason.PIN_REQUIRED),
    (replace(GOOD, person=WARY, direction=Direction.OUT, has_pin=False), NOON, Reason.GRANTED),
    (replace(LAB, templates=2), NOON, Reason.DENIED_FACE_NOT_ENROLLED),
    (
        replace(LAB, face=MATCH, face_until=date(2026, 11, 23)),
        NOON,
        Reason.DENIED_FACE_NOT_ENROLLED,
    ),
    (replace(LAB, face=MATCH, face_until=date(2026, 11, 24)), NOON, Reason.GRANTED),
    (replace(GOOD, face_until=date(2026, 11, 23)), NOON, Reason.GRANTED),  # no face is asked for
    (LAB, NOON, Reason.FACE_REQUIRED),
    (replace(LAB, face=MATCH), NOON, Reason.GRANTED),
    (replace(LAB, face=replace(MATCH, distance=0.4)), NOON, Reason.GRANTED),
    (replace(LAB, face=replace(MATCH, distance=0.4001)), NOON, Reason.DENIED_FACE_MISMATCH),
    (replace(LAB, face=replace(MATCH, distance=None)), NOON, Reason.DENIED_FACE_MISMATCH),
    (replace(LAB, face=replace(MATCH, distance=-0.1)), NOON, Reason.DENIED_FACE_MISMATCH),
    (replace(LAB, face=replace(MATCH, distance=float("nan"))), NOON, Reason.DENIED_FACE_MISMATCH),
    (
        replace(LAB, face=FaceResult(FaceOutcome.MISMATCH, 0.2)),
        NOON,
        Reason.DENIED_FACE_MISMATCH,
    ),
    (replace(LAB, face=FaceResult(FaceOutcome.NO_FACE)), NOON, Reason.DENIED_NO_FACE),
    (
        replace(LAB, face=FaceResult(FaceOutcome.CAMERA_FAULT, detail="black")),
        NOON,
        Reason.DENIED_CAMERA_FAULT,
    ),
    (
        replace(LAB, face=FaceResult(FaceOutcome.UNAVAILABLE)),
        NOON,
        Reason.DENIED_FACE_UNAVAILABLE,
    ),
    (replace(KIOSK, enrolled=101), NOON, Reason.DENIED_IDENTIFY_LIMIT),
    (replace(KIOSK, person=None, lookup=Lookup.UNKNOWN), NOON, Reason.DENIED_NOT_IDENTIFIED),
    (KIOSK, NOON, Reason.GRANTED),
    (replace(KIOSK, enrolled=0), NOON, Reason.DENIED_IDENTIFY_LIMIT),
    (replace(KIOSK, door="lab"), NOON, Reason.DENIED_IDENTIFY_LIMIT),
    (replace(KIOSK, identified=False), NOON, Reason.DENIED_BAD_READ),
    (replace(KIOSK, face=replace(MATCH, distance=0.41)), NOON, Reason.DENIED_FACE_MISMATCH),
    (LIVE, NOON, Reason.GRANTED),
    (replace(LIVE, face=replace(MATCH, liveness=None)), NOON, Reason.DENIED_NOT_LIVE),
    (replace(LIVE, face=replace(MATCH, liveness=Liveness())), NOON, Reason.DENIED_NOT_LIVE),
    (replace(LIVE, face=replace(MATCH, liveness=Liveness(False))), NOON, Reason.DENIED_NOT_LIVE),
    (
        replace(LIVE, face=FaceResult(FaceOutcome.MISMATCH, liveness=Liveness(False))),
        NOON,
        Reason.DENIED_NOT_LIVE,
    ),
    (CELL, NOON, Reason.GRANTED),
    (replace(CELL, face=MATCH), NOON, Reason.DENIED_NOT_LIVE),
    (
        replace(CELL, face=replace(MATCH, liveness=Liveness(None, True))),
        NOON,
        Reason.DENIED_NOT_LIVE,
    ),
    # areas and temporary grants
    (replace(GOOD, door="astray", person=BEN), NOON, Reason.DENIED_UNKNOWN_DOOR),
    (YARD, NOON, Reason.GRANTED),
    (DOCK, NOON, Reason.GRANTED),
    (replace(YARD, door="exit"), NOON, Reason.GRANTED),  # out of the yard, to nowhere else
    (replace(YARD, person=ANA), NOON, Reason.DENIED_NO_ACCESS_LEVEL),
    (
        replace(DOCK, person=replace(BEN, access_levels=("yard",))),
        NOON,
        Reason.DENIED_NO_ACCESS_LEVEL,
    ),
    (YARD, local(2026, 11, 24, 18, 0), Reason.DENIED_OUT_OF_SCHEDULE),
    (replace(GOOD, person=granted_for("door", "gate")), NOON, Reason.GRANTED),
    (replace(YARD, person=granted_for("area", "yard")), NOON, Reason.GRANTED),
    (replace(YARD, person=granted_for("area", "dock")), NOON, Reason.DENIED_NO_ACCESS_LEVEL),
    (
        replace(GOOD, person=granted_for("door", "gate")),
        NOON - timedelta(seconds=1),
        Reason.DENIED_OUT_OF_SCHEDULE,
    ),
    (
        replace(GOOD, person=granted_for("door", "gate")),
        NOON + timedelta(hours=1),
        Reason.DENIED_OUT_OF_SCHEDULE,
    ),
    (replace(GOOD, person=granted_for("room", "gate")), NOON, Reason.DENIED_NO_ACCESS_LEVEL),
    # somebody goes first
    (replace(GOOD, person=replace(ANA, access_levels=("led",))), NOON, Reason.DENIED_FIRST_PERSON),
    (
        replace(
            GOOD,
            person=replace(ANA, access_levels=("led",)),
            area=AreaFacts(entered={"boss": local(2026, 11, 23, 12, 0)}),
        ),
        NOON,
        Reason.DENIED_FIRST_PERSON,
    ),
    (
        replace(
            GOOD,
            person=replace(ANA, access_levels=("led",)),
            area=AreaFacts(entered={"boss": local(2026, 11, 24, 6, 0)}),
        ),
        NOON,
        Reason.GRANTED,
    ),
    (replace(GOOD, person=replace(ANA, access_levels=("led", "boss"))), NOON, Reason.GRANTED),
    (
        replace(GOOD, direction=Direction.OUT, person=replace(ANA, access_levels=("led",))),
        NOON,
        Reason.GRANTED,
    ),
    # threat levels
    (replace(GOOD, threat=""), NOON, Reason.DENIED_THREAT_LEVEL),
    (replace(GOOD, threat="none such"), NOON, Reason.DENIED_THREAT_LEVEL),
    (replace(GOOD, threat="lockdown"), NOON, Reason.DENIED_THREAT_LEVEL),
    (replace(GOOD, threat="lockdown", direction=Direction.OUT), NOON, Reason.GRANTED),
    (replace(GOOD, threat="lockdown", person=BEN), NOON, Reason.GRANTED),
    (replace(GOOD, threat="partial"), NOON, Reason.GRANTED),
    (replace(DOCK, threat="partial"), NOON, Reason.DENIED_THREAT_LEVEL),
    (replace(GOOD, threat="high"), NOON, Reason.PIN_REQUIRED),
    (
        replace(LAB, threat="high", face=replace(MATCH, distance=0.41), pin=PinOutcome.CORRECT),
        NOON,
        Reason.DENIED_FACE_MISMATCH,
    ),
    (replace(YARD, threat="high", pin=PinOutcome.CORRECT), NOON, Reason.SECOND_REQUIRED),
    # requirements
    (lacking(), NOON, Reason.DENIED_REQUIREMENT_MISSING),
    (lacking(replace(CHECK, of="company")), NOON, Reason.DENIED_REQUIREMENT_MISSING),
    (lacking(CHECK, company="ACME"), NOON, Reason.DENIED_REQUIREMENT_MISSING),
    (lacking(CHECK, Requirement("partner", "company"), company="ACME"), NOON, Reason.GRANTED),
    (
        lacking(replace(CHECK, valid_until=date(2026, 11, 23))),
        NOON,
        Reason.DENIED_REQUIREMENT_LAPSED,
    ),
    (replace(lacking(), direction=Direction.OUT), NOON, Reason.GRANTED),
    # what failed
    (replace(YARD, failing={Subsystem.BROKER: "away"}), NOON, Reason.GRANTED),
    (replace(YARD, failing={Subsystem.LIST_OLD: "31 h"}), NOON, Reason.DENIED_DEGRADED),
    (replace(STUDIO, face=BLACK), NOON, Reason.PIN_REQUIRED),
    (replace(STUDIO, face=BLACK, pin=PinOutcome.WRONG), NOON, Reason.DENIED_WRONG_PIN),
    (replace(STUDIO, face=BLACK, pin=PinOutcome.CORRECT), NOON, Reason.GRANTED),
    (
        replace(STUDIO, face=BLACK, pin=PinOutcome.CORRECT, templates=0),
        NOON,
        Reason.DENIED_FACE_NOT_ENROLLED,
    ),
    # passback and how many
    (been("", 600), NOON, Reason.DENIED_PASSBACK),
    (been("yard", 5), NOON, Reason.GRANTED),
    (been("dock", 600), NOON, Reason.DENIED_PASSBACK),
    (been("dock", 600, free=True), NOON, Reason.GRANTED),
    (been("", 600, replace(DOCK, direction=Direction.OUT)), NOON, Reason.GRANTED),
    (been("yard", 5, YARD), NOON, Reason.GRANTED),  # soft: told, below
    (been("cage", 9, CAGE), NOON, Reason.DENIED_PASSBACK),
    (been("cage", 10, CAGE), NOON, Reason.GRANTED),
    (replace(DOCK, area=AreaFacts(occupancy=0, known=False)), NOON, Reason.DENIED_PASSBACK),
    (replace(DOCK, area=AreaFacts(occupancy=3)), NOON, Reason.DENIED_AREA_FULL),
    (replace(DOCK, area=AreaFacts(occupancy=None)), NOON, Reason.DENIED_AREA_FULL),
    (replace(DOCK, area=AreaFacts(occupancy=2)), NOON, Reason.GRANTED),
    # company
    (VISIT, NOON, Reason.ESCORT_REQUIRED),
    (replace(VISIT, waited=True), NOON, Reason.DENIED_NO_ESCORT),
    (replace(VISIT, companions=(BEN,)), NOON, Reason.GRANTED),
    (replace(VISIT, recent=(BEN,)), NOON, Reason.GRANTED),
    (replace(VISIT, companions=(ANA,)), NOON, Reason.ESCORT_REQUIRED),  # may escort nobody
    (replace(VISIT, companions=(replace(BEN, needs_escort=True),)), NOON, Reason.ESCORT_REQUIRED),
    (
        replace(VISIT, person=replace(GUEST, escorts=("e9",)), recent=(BEN,)),
        NOON,
        Reason.ESCORT_REQUIRED,
    ),
    (replace(VISIT, person=replace(GUEST, escorts=("e2",)), recent=(BEN,)), NOON, Reason.GRANTED),
    (replace(VISIT, direction=Direction.OUT), NOON, Reason.GRANTED),
    (CAGE, NOON, Reason.GRANTED),
    (replace(CAGE, area=AreaFacts(occupancy=0)), NOON, Reason.SECOND_REQUIRED),
    (replace(CAGE, area=AreaFacts(known=True)), NOON, Reason.SECOND_REQUIRED),
    (replace(CAGE, area=AreaFacts(occupancy=0), waited=True), NOON, Reason.DENIED_NO_SECOND_PERSON),
    (replace(CAGE, area=AreaFacts(occupancy=0), companions=(BEN,)), NOON, Reason.SECOND_REQUIRED),
    (replace(CAGE, area=AreaFacts(occupancy=0), companions=(EVA,)), NOON, Reason.GRANTED),
    (replace(CAGE, area=AreaFacts(occupancy=0), companions=(GUEST,)), NOON, Reason.SECOND_REQUIRED),
]
CONFIRM = replace(SITE, degraded={Subsystem.CHANNEL: Action.CONFIRM})
IN_CLEAR = replace(YARD, failing={Subsystem.CHANNEL: "in clear"})
CONFIRMS = [
    (IN_CLEAR, Reason.CONFIRM_REQUIRED),
    (replace(IN_CLEAR, confirmation=Confirmation.CONFIRMED), Reason.GRANTED),
    (replace(IN_CLEAR, confirmation=Confirmation.REFUSED), Reason.DENIED_NOT_CONFIRMED),
    (replace(IN_CLEAR, confirmation=Confirmation.MISSING), Reason.DENIED_NOT_CONFIRMED),
]


@pytest.mark.parametrize(("request_", "now", "reason"), CASES)
def test_each_reason(request_: Request, now: datetime, reason: Reason) -> None:
    decision = decide(request_, SITE, now)
    assert decision.reason is reason
    assert decision.granted == (reason is Reason.GRANTED)
    assert decision.list_version == 7
    assert decision.policy_version == "p1"


@pytest.mark.parametrize(("request_", "reason"), CONFIRMS)
def test_a_guard_stands_in_for_what_failed(request_: Request, reason: Reason) -> None:
    decision = decide(request_, CONFIRM, NOON)
    assert decision.reason is reason
    assert decision.degraded == ("channel",) and decision.fallback == {"channel": "confirm"}


@pytest.mark.parametrize(("request_", "now", "reason"), CASES)
def test_explain_decides_as_decide_does(request_: Request, now: datetime, reason: Reason) -> None:
    decision, steps = explain(request_, SITE, now)
    assert decision == decide(request_, SITE, now) and decision.reason is reason
    last = steps[-1].end
    assert last.reason is reason if last else len(steps) == len(module.RULES)
    assert all(step.end is None for step in steps[:-1])


def test_the_docs_list_the_codes_in_the_order_of_the_contract() -> None:
    contract = re.findall(r"-> (denied_\w+|granted)", module.decide.__doc__ or "")
    docs = (ROOT / "docs" / "reasons.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", docs, re.MULTILINE) == contract


def test_a_soft_passback_passes_and_is_told() -> None:
    decision = decide(been("yard", 5, YARD), SITE, NOON)
    assert decision.granted and [kind for kind, _ in decision.notes] == ["area.passback"]
    assert "in yard since 2026-11-24 11:55" in decision.notes[0][1]
    out = decide(been("", 5, replace(YARD, direction=Direction.OUT)), SITE, NOON)
    assert out.granted and out.notes[0][1] == "leaves yard, was outside"


def test_a_decision_names_the_criteria_that_it_evidences() -> None:
    assert decide(GOOD, SITE, NOON).criteria == ("10.1",)
    assert decide(DOCK, SITE, NOON).criteria == ("10.1", "11.1")
    late = lacking(replace(CHECK, valid_until=date(2026, 11, 23)))
    denied = decide(late, SITE, NOON)
    assert denied.criteria == ("11.2", "11.1") and denied.rule == "check until 2026-11-23"


def test_a_grant_names_the_rule_and_a_denial_its_cause() -> None:
    assert decide(GOOD, SITE, NOON).rule == "plant/day"
    assert decide(GOOD, SITE, local(2027, 1, 1, 6, 0)).rule == "valid until 2026-12-31"
    night = decide(GOOD, SITE, local(2026, 11, 24, 3, 0))
    assert night.rule == "plant/day"


def test_the_docstring_lists_every_reason_in_the_order_of_the_code() -> None:
    codes = re.findall(r"(granted|\w+_required|denied_\w+)", module.decide.__doc__ or "")
    assert set(codes) == {reason.value for reason in Reason}
    examples = [reason.value for _, _, reason in CASES] + [r.value for _, r in CONFIRMS]
    elsewhere = {"denied_ledger_unavailable", "denied_internal_error", "denied_remote_off"}
    assert set(codes) - set(examples) == elsewhere


def test_overnight_belongs_to_the_day_it_began() -> None:
    night = SITE.schedules["night"]  # Friday 22:00 to 06:00
    at = lambda *parts: datetime(*parts, tzinfo=TIJUANA)  # noqa: E731
    assert is_open(night, at(2026, 11, 27, 23, 0), SITE)
    assert is_open(night, at(2026, 11, 28, 5, 59), SITE)
    assert not is_open(night, at(2026, 11, 28, 6, 0), SITE)
    assert not is_open(night, at(2026, 11, 28, 23, 0), SITE)
    assert not is_open(night, at(2026, 11, 27, 5, 0), SITE)


def test_holidays_count_only_for_periods_that_name_them() -> None:
    at = datetime(2026, 12, 25, 9, 0, tzinfo=TIJUANA)
    assert is_open(SITE.schedules["holiday"], at, SITE)
    assert not is_open(SITE.schedules["day"], at, SITE)
    assert not is_open(SITE.schedules["holiday"], at + timedelta(days=1), SITE)


def test_daylight_saving_keeps_the_printed_hours() -> None:
    # Tijuana follows the US: clocks go back on 2026-11-01 at 02:00, forward on 2026-03-08.
    schedule = Schedule("s", (Period(WEEK, time(1), time(2)),))
    first = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)  # 01:30 daylight time
    second = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)  # 01:30 again, standard time
    after = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
    assert is_open(schedule, first.astimezone(TIJUANA), SITE)
    assert is_open(schedule, second.astimezone(TIJUANA), SITE)
    assert not is_open(schedule, after.astimezone(TIJUANA), SITE)
    skipped = Schedule("s", (Period(WEEK, time(2), time(3)),))
    minutes = (datetime(2026, 3, 8, 8, tzinfo=UTC) + timedelta(minutes=m) for m in range(240))
    assert not any(is_open(skipped, m.astimezone(TIJUANA), SITE) for m in minutes)


# Properties

times = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
people = st.builds(
    Person,
    id=st.just("e1"),
    name=st.just("Ana"),
    valid_from=st.none() | st.dates(date(2025, 6, 1), date(2026, 6, 1)),
    valid_until=st.none() | st.dates(date(2026, 1, 1), date(2027, 6, 1)),
    status=st.sampled_from(PersonStatus),
    access_levels=st.lists(st.sampled_from(["plant", "wary", "ghost", ""]), max_size=3).map(tuple),
)
faces = st.builds(
    FaceResult,
    outcome=st.sampled_from(FaceOutcome),
    distance=st.none() | st.floats(allow_nan=True, allow_infinity=True),
)
requests = st.builds(
    Request,
    door=st.sampled_from(["gate", "lab", "safe", "vault", "attic", ""]),
    out_of_service=st.booleans(),
    tampered=st.booleans(),
    interlocked=st.sampled_from(["", "other"]),
    has_pin=st.booleans(),
    pin_locked=st.booleans(),
    pin=st.none() | st.sampled_from(PinOutcome),
    credential=st.none() | st.just(BADGE),
    lookup=st.sampled_from(Lookup),
    person=st.none() | people,
    list_version=st.integers(0, 5),
    templates=st.integers(-1, 5),
    face=st.none() | faces,
    age_s=st.floats(-1, 10) | st.just(float("nan")),
    clock_trusted=st.booleans(),
    lock_ready=st.booleans(),
    busy=st.booleans(),
)


@given(requests, times)
def test_a_grant_means_that_everything_was_in_order(request_: Request, now: datetime) -> None:
    decision = decide(request_, SITE, now)
    assert (decision.outcome is Outcome.GRANT) == (decision.reason is Reason.GRANTED)
    assert (decision.outcome is Outcome.NEED_PIN) == (decision.reason is Reason.PIN_REQUIRED)
    assert (decision.outcome is Outcome.NEED_FACE) == (decision.reason is Reason.FACE_REQUIRED)
    if not decision.granted:
        return
    person, door = request_.person, SITE.doors[request_.door]
    today = now.astimezone(TIJUANA).date()
    assert request_.lookup is Lookup.FOUND and person is not None
    assert person.status is PersonStatus.ACTIVE
    assert person.valid_from is None or person.valid_from <= today
    assert person.valid_until is None or today <= person.valid_until
    assert {"plant", "wary"} & set(person.access_levels)
    assert request_.clock_trusted and request_.lock_ready and not request_.busy
    assert not (request_.out_of_service or request_.tampered or request_.interlocked)
    if door.mode.pin or (request_.door == "gate" and "wary" in person.access_levels):
        assert request_.has_pin and not request_.pin_locked
        assert request_.pin in (PinOutcome.CORRECT, PinOutcome.DURESS)
    if door.mode is Mode.BADGE_FACE:
        assert request_.templates >= 3
        assert request_.face is not None and request_.face.outcome is FaceOutcome.MATCH
        assert request_.face.distance is not None and 0 <= request_.face.distance <= 0.4


restrictions = st.sampled_from(
    [
        lambda r: replace(r, person=r.person and replace(r.person, status=PersonStatus.SUSPENDED)),
        lambda r: replace(r, person=r.person and replace(r.person, valid_until=date(2024, 1, 1))),
        lambda r: replace(r, person=r.person and replace(r.person, access_levels=())),
        lambda r: replace(r, clock_trusted=False),
        lambda r: replace(r, lock_ready=False),
        lambda r: replace(r, lookup=Lookup.UNKNOWN),
        lambda r: replace(r, credential=None),
        lambda r: replace(r, busy=True),
        lambda r: replace(r, out_of_service=True),
        lambda r: replace(r, tampered=True),
        lambda r: replace(r, interlocked="other"),
        lambda r: replace(r, door="safe", pin=None),
        lambda r: replace(r, door="safe", pin_locked=True),
        lambda r: replace(r, templates=0, face=None, door="lab"),
    ]
)


@given(requests, times, restrictions)
def test_a_restriction_never_grants(request_: Request, now: datetime, restrict) -> None:  # type: ignore[no-untyped-def]
    assert not decide(restrict(request_), SITE, now).granted


junk = st.none() | st.integers() | st.text(max_size=5) | st.just(object())


@given(junk, junk, junk, junk, junk)
def test_decide_never_raises_and_never_grants_nonsense(a, b, c, d, e) -> None:  # type: ignore[no-untyped-def]
    request_ = Request(a, b, c, d, templates=e, face=e)
    assert not decide(request_, SITE, NOON).granted
    assert not decide(replace(GOOD, person=d), SITE, a).granted
    assert not decide(a, SITE, NOON).granted
    assert not decide(GOOD, b, NOON).granted


def test_explain_shows_an_error_of_ours_as_the_last_step() -> None:
    decision, steps = explain(replace(GOOD, age_s="soon"), SITE, NOON)  # type: ignore[arg-type]
    assert decision.reason is Reason.DENIED_INTERNAL_ERROR and decision.rule == "TypeError"
    assert steps[-1].name == "error" and steps[-1].end is not None
    assert steps[-1].end.reason is Reason.DENIED_INTERNAL_ERROR


def test_a_requirement_of_a_kind_that_the_policy_lacks_denies() -> None:
    areas = {name: replace(area, requires=("nonsense",)) for name, area in SITE.areas.items()}
    decision = decide(been("", 600, DOCK), replace(SITE, areas=areas), NOON)
    assert decision.reason is Reason.DENIED_REQUIREMENT_MISSING
    assert decision.rule == "nonsense: no such kind"


def test_the_holder_of_a_suspended_badge_and_of_one_with_an_odd_status_is_denied() -> None:
    odd = replace(ANA, status="on holiday")  # type: ignore[arg-type]
    assert decide(replace(GOOD, person=odd), SITE, NOON).reason is Reason.DENIED_SUSPENDED


def test_a_visit_ends_at_its_minute() -> None:
    until = NOON + timedelta(minutes=1)
    request = replace(GOOD, person=replace(ANA, until=until))
    assert decide(request, SITE, NOON).granted
    late = decide(request, SITE, until)
    assert late.reason is Reason.DENIED_EXPIRED and late.rule.startswith("valid until 20")
