"""Drivers: whose photo ID was verified, by whom, and whether before any cargo moved."""

from __future__ import annotations

from gateway.desk.freight import arrivals
from gateway.desk.freight.findings import Held
from gateway.desk.identity import Shown
from gateway.evidence.model import Personal
from gateway.evidence.topics.drivers import Drivers
from gateway.ledger.event import EventType
from tests.gateway.evidence.topics.gate import MIN, Gate


def test_each_driver_with_the_id_that_was_verified_and_by_whom(gate: Gate) -> None:
    gate.whole("AB100000")
    seen = gate.found(Drivers)
    (cells,) = seen.cells("drivers")
    assert (cells["driver"], cells["id_kind"], cells["by"]) == ("Juan Pérez", "licence", "desk")
    assert cells["verified_at"] == cells["arrived_at"] and cells["before_cargo"] is True
    assert seen.figures == {
        "drivers": 1,
        "verified_at_arrival": 1,
        "verified_later": 0,
        "not_verified": 0,
    }
    assert seen.rules == []


def test_an_id_that_is_shown_later_counts_from_then(gate: Gate) -> None:
    number = gate.comes(shown=None).id
    gate.now += 10 * MIN
    arrivals.identify(gate.act(), number, Shown("ine"))
    seen = gate.found(Drivers)
    (cells,) = seen.cells("drivers")
    assert cells["id_kind"] == "ine" and cells["verified_at"].startswith("2026-10-05T15:10:00")
    assert seen.figures["verified_later"] == 1 and seen.rules == []


def test_a_driver_without_an_id_is_a_deviation_with_what_became_of_it(gate: Gate) -> None:
    here = gate.comes(shown=None).id
    (wrong,) = gate.found(Drivers).found.deviations
    assert wrong.rule == "driver_not_identified" and wrong.open
    assert isinstance(wrong.words.facts["driver"], Personal)
    gate.turn_away(here, "no licence")
    (wrong,) = gate.found(Drivers).found.deviations
    assert not wrong.open and wrong.handled is not None
    assert "no licence" in wrong.handled.say("en") and wrong.handled_by == "desk"
    assert gate.found(Drivers).figures["not_verified"] == 1


def test_cargo_that_moved_before_the_check_is_told_although_the_check_came_later(
    gate: Gate,
) -> None:
    gate.policy.actions["driver_id_missing"] = "hold"  # type: ignore[index]
    number = gate.comes(shown=None).id
    gate.release(number, "the carrier sent a picture")
    gate.inspect(number)
    gate.load(number, "AB100000")
    arrivals.identify(gate.act(), number, Shown("ine"))
    seen = gate.found(Drivers)
    (wrong,) = seen.found.deviations
    assert wrong.rule == "cargo_moved_unidentified" and not wrong.open
    first = next(one.seq for one in gate.kept if EventType.FREIGHT_LOADING in one.body)
    assert wrong.records[-1] == first
    assert seen.cells("drivers")[0]["before_cargo"] is False


def test_the_gate_itself_lets_no_cargo_move_before(gate: Gate) -> None:
    number = gate.comes(shown=None).id
    gate.inspect(number)
    with gate.stopped(Held):
        gate.load(number, "AB100000")
    assert gate.found(Drivers).rules == ["driver_not_identified"]
