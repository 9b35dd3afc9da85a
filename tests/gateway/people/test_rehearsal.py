"""A new list tried on past badges: real decisions, and nothing guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.decide import decide
from gateway.decide.model import Credential, FaceOutcome, FaceResult, Lookup, PinOutcome, Request
from gateway.decide.policy import (
    DAYS,
    AccessLevel,
    DoorPolicy,
    Identify,
    Mode,
    Period,
    Schedule,
    Site,
)
from gateway.decide.record import access_event
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import NewEvent
from gateway.people import Roster
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.people.sync.rehearsal import OF_THE_MOMENT, Rehearsal, rehearse
from gateway.vault.sitekey import SiteKey

KEY = SiteKey(bytes(32))
HEAD = ",".join(COLUMNS)
NOW = datetime(2026, 11, 25, 18, tzinfo=UTC)
ALWAYS = Schedule("always", (Period(frozenset(DAYS), time(0), None),))
DAY = Schedule("day", (Period(frozenset(DAYS), time(6), time(12)),))
SITE = Site(
    "gate",
    ZoneInfo("America/Tijuana"),
    {
        "gate": DoorPolicy("gate", Mode.BADGE),
        "vault": DoorPolicy("vault", Mode.BADGE_PIN),
        "kiosk": DoorPolicy(
            "kiosk", Mode.BADGE, face_min_templates=1, identify=Identify(0.36, 100)
        ),
        "lab": DoorPolicy("lab", Mode.BADGE_FACE, face_min_templates=1),
    },
    {"always": ALWAYS, "day": DAY},
    {date(2026, 11, 16): "Revolución"},
    {
        "plant": AccessLevel("plant", dict.fromkeys(("gate", "vault", "lab", "kiosk"), "always")),
        "day": AccessLevel("day", {"gate": "day"}),
    },
)


class Gate:
    """A list, a log, and badges shown at the gate of the past."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = open_admin(folder / "people.db")
        self.ledger = Ledger.open(folder / "ledger.db", gateway="gate")
        self.n = 0

    def plan(self, *rows: str) -> sync.Plan:
        path = self.folder / "people.csv"
        path.write_text("\n".join([HEAD, *rows]) + "\n")
        found = read_people(path, levels=SITE.access_levels, zone=UTC)
        assert found.errors == []
        return sync.plan(self.db, found)

    def apply(self, *rows: str) -> None:
        sync.apply(self.db, self.plan(*rows), by="x")

    def badge(self, number: int, door: str = "gate", *, hours_ago: float = 1, **more: Any) -> None:
        """As the lane does it: look-up, decide, record."""
        credential = Credential("h10301", "1", str(number))
        found = Roster(self.folder / "people.db").find(credential)
        lookup = Lookup.FOUND if found.person else Lookup.UNKNOWN
        request = Request(
            door,
            credential,
            lookup,
            found.person,
            found.list_version,
            found.templates,
            has_pin=found.has_pin,
            **more,
        )
        at = NOW - timedelta(hours=hours_ago)
        event = access_event(request, decide(request, SITE, at), SITE, KEY, {"way": "in"})
        self.ledger.append_sync(NewEvent(event.type, event.subject, event.data, at))

    def face(self, person: str, *, hours_ago: float = 1) -> None:
        """Somebody known at the kiosk without a badge."""
        found = Roster(self.folder / "people.db").find_person(person)
        request = Request(
            "kiosk",
            None,
            Lookup.FOUND,
            found.person,
            found.list_version,
            1,
            face=FaceResult(FaceOutcome.MATCH, 0.2, 3),
            identified=True,
            enrolled=5,
        )
        at = NOW - timedelta(hours=hours_ago)
        event = access_event(request, decide(request, SITE, at), SITE, KEY, {"way": "in"})
        self.ledger.append_sync(NewEvent(event.type, event.subject, event.data, at))

    def rehearse(self, plan: sync.Plan, days: int = 30) -> Rehearsal:
        with closing(LedgerReader(self.folder / "ledger.db")) as records:
            return rehearse(self.db, plan, SITE, KEY, records, NOW - timedelta(days=days))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.ledger.close()


def row(key: str, number: int, *, until: str = "", status: str = "", levels: str = "plant") -> str:
    return f"{key},N {key},,,,{until},{status},h10301:1:{number},{levels}"


def told(tried: Rehearsal) -> list[tuple[str, str, str, str, int]]:
    return [(s.person, s.now, s.reason, s.was, s.count) for s in tried.shifts]


def test_who_would_newly_be_refused_by_which_rule_how_often_and_when_last(gate: Gate) -> None:
    gate.apply(row("a", 1), row("b", 2), row("c", 3), row("d", 4), row("e", 5))
    for hours in (30, 20, 10):  # 04:00, 14:00 and 00:00 at the gate
        for number in (1, 2, 3, 4, 5):
            gate.badge(number, hours_ago=hours)
    tried = gate.rehearse(
        gate.plan(
            row("a", 1, until="2026-11-24"),
            row("b", 2, status="suspended"),
            row("c", 3, levels="day"),
            row("e", 5),
        )
    )
    assert tried.events == 15
    assert told(tried) == [
        ("b", "refused", "denied_suspended", "granted", 3),
        ("c", "refused", "denied_out_of_schedule", "granted", 3),
        ("d", "refused", "denied_unknown_credential", "granted", 3),
        ("a", "refused", "denied_expired", "granted", 1),
    ]
    assert (tried.shifts[0].name, tried.shifts[0].door) == ("N b", "gate")
    assert tried.shifts[1].rule == "day/day"
    assert tried.shifts[3].rule == "valid until 2026-11-24"
    assert tried.shifts[3].last == datetime(2026, 11, 25, 8, tzinfo=UTC)
    assert not tried.unknown and "h10301" not in json.dumps([str(s) for s in tried.shifts])


def test_an_unknown_badge_of_the_past_is_known_by_its_fingerprint(gate: Gate) -> None:
    gate.apply(row("a", 1))
    gate.badge(77)
    gate.badge(78)
    tried = gate.rehearse(gate.plan(row("a", 1), row("z", 77)))
    assert told(tried) == [("z", "let_in", "granted", "denied_unknown_credential", 1)]
    assert tried.shifts[0].rule == "plant/always"


def test_a_badge_that_changes_hands(gate: Gate) -> None:
    gate.apply(row("a", 1), row("b", 2, levels=""))
    gate.badge(1)
    gate.badge(2)
    assert told(gate.rehearse(gate.plan(row("a", 2), row("b", 1, levels="")))) == [
        ("a", "refused", "denied_no_access_level", "granted", 1),
        ("a", "let_in", "granted", "denied_no_access_level", 1),
    ]


def test_only_the_days_asked_for_and_only_what_the_list_changes(gate: Gate) -> None:
    gate.apply(row("a", 1), row("b", 2))
    gate.badge(1, hours_ago=24 * 40)
    gate.badge(1, hours_ago=24 * 3)
    gate.badge(2, hours_ago=24 * 2)
    plan = gate.plan(row("b", 2))
    assert told(gate.rehearse(plan)) == [
        ("a", "refused", "denied_unknown_credential", "granted", 1)
    ]
    assert (gate.rehearse(plan, 1).events, gate.rehearse(plan, 365).events) == (0, 3)
    assert told(gate.rehearse(gate.plan(row("a", 1), row("b", 2)))) == []


def test_a_person_revoked_here_is_refused_by_either_list(gate: Gate) -> None:
    gate.apply(row("a", 1))
    gate.badge(1)
    sync.set_revoked(gate.db, "a", revoked=True, why="w", by="x")
    assert told(gate.rehearse(gate.plan())) == []


def test_what_can_not_be_known_is_said(gate: Gate) -> None:
    gate.apply(row("a", 1, levels=""), row("b", 2))
    with gate.db as db:
        for key in "ab":
            db.execute("INSERT INTO pin VALUES (?, 'h', NULL, 'now', 'x')", (key,))
        db.execute("INSERT INTO template VALUES ('t', 'a', 'm', 'now', '{}', x'00')")
    gate.badge(1, "vault")  # refused for want of a level: the PIN was never asked for
    gate.badge(1, "lab")  # nor the face
    gate.badge(1, lock_ready=False)
    gate.badge(2, lock_ready=False)
    gate.badge(2, busy=True)
    gate.badge(2, "vault", pin=PinOutcome.CORRECT)
    gate.badge(2, "vault", pin=PinOutcome.WRONG)
    tried = gate.rehearse(gate.plan(row("a", 1), row("b", 2, status="suspended")))
    assert told(tried) == [("b", "refused", "denied_suspended", "granted", 1)]
    assert tried.unknown == {
        "pin_required": 1,
        "face_required": 1,
    }


def test_faces_on_record_count_and_new_people_have_none(gate: Gate) -> None:
    gate.apply(row("a", 1))
    with gate.db as db:
        db.execute("INSERT INTO template VALUES ('t', 'a', 'm', 'now', '{}', x'00')")
    gate.badge(1, "lab", face=FaceResult(FaceOutcome.MATCH, 0.3))
    gate.badge(1, "lab", face=FaceResult(FaceOutcome.MISMATCH, 0.9))
    assert told(gate.rehearse(gate.plan(row("z", 1)))) == [
        ("a", "refused", "denied_face_not_enrolled", "granted", 1)
    ]


def test_records_of_another_shape_are_passed_over(gate: Gate) -> None:
    gate.apply(row("a", 1))
    for data in ({}, {"credential": "x"}, {"credential": {"fingerprint": 5}}):
        gate.ledger.append_sync(NewEvent("access.granted", "gate", data, NOW))
    mark = {"fingerprint": KEY.fingerprint("h10301:1:1")}
    for data in (
        {"credential": mark, "door": "gone", "reason": "granted"},
        {"credential": mark, "door": "lab", "reason": "granted", "face": {"outcome": "x"}},
        {"credential": mark, "door": "vault", "reason": "granted", "pin": ["x"], "way": 5},
    ):
        gate.ledger.append_sync(NewEvent("access.granted", "gate", data, NOW))
    assert told(gate.rehearse(gate.plan())) == []


def test_every_reason_of_the_moment_is_a_reason() -> None:
    assert "denied_lock_unavailable" in OF_THE_MOMENT and "denied_expired" not in OF_THE_MOMENT


def test_requirements_count_as_the_new_list_has_them(gate: Gate) -> None:
    from dataclasses import replace as put

    from gateway.decide.policy import Area, RequirementKind

    global SITE  # noqa: PLW0603
    before = SITE
    SITE = put(
        SITE,
        doors={**SITE.doors, "gate": put(SITE.doors["gate"], area="yard")},
        areas={"yard": Area("yard", requires=("training",))},
        requirements={"training": RequirementKind("training", of="person")},
    )
    try:
        head = HEAD + ",requires:training"

        def plan(*rows: str) -> sync.Plan:
            path = gate.folder / "people.csv"
            path.write_text("\n".join([head, *rows]) + "\n")
            return sync.plan(gate.db, read_people(path, levels=SITE.access_levels, zone=UTC))

        sync.apply(gate.db, plan(row("a", 1) + ",2027-01-01", row("b", 2) + ","), by="x")
        gate.badge(1)
        gate.badge(2)
        tried = gate.rehearse(plan(row("a", 1) + ",2026-11-01", row("b", 2) + ",2027-01-01"))
        assert told(tried) == [
            ("a", "refused", "denied_requirement_lapsed", "granted", 1),
            ("b", "let_in", "granted", "denied_requirement_missing", 1),
        ]
    finally:
        SITE = before


def test_faces_without_a_badge_are_tried_too(gate: Gate) -> None:
    """By the person: a new badge changes nothing for them, and some have none."""
    bare = "e,N e,,,,,,,plant"
    gate.apply(row("a", 1), row("b", 2), row("c", 3), row("d", 4), bare)
    for person in ("a", "b", "c", "d", "e", "e"):
        gate.face(person)
    tried = gate.rehearse(
        gate.plan(row("a", 1), row("b", 9), row("c", 3, status="suspended"), row("f", 6))
    )
    assert tried.events == 6 and not tried.unknown
    assert sorted(told(tried)) == [
        ("c", "refused", "denied_suspended", "granted", 1),
        ("d", "refused", "denied_not_identified", "granted", 1),
        ("e", "refused", "denied_not_identified", "granted", 2),
    ]
