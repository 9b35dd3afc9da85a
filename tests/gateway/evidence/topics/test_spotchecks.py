"""Random searches: the lot, the search, and what it found."""

from __future__ import annotations

from gateway.desk.freight import inspections
from gateway.desk.freight.findings import Held
from gateway.desk.second import Second
from gateway.evidence.topics.spotchecks import SpotChecks
from tests.gateway.evidence.topics.gate import MIN, Gate

PACO = Second("paco-account", "e4", "Paco Ruiz", "pin")


def check(gate: Gate, number: int, *, ok: bool, note: str = "") -> None:
    inspections.spot_check(gate.act("paco-account"), number, ok=ok, checker=PACO, note=note)
    gate.move()


def drawn(gate: Gate) -> int:
    number = gate.comes().id
    gate.inspect(number)
    with gate.stopped(Held):
        gate.leave(number, drawn=True)
    return number


def test_every_draw_counts_and_each_that_was_drawn_has_a_row(gate: Gate) -> None:
    gate.whole("AB100000")
    number = drawn(gate)
    gate.now += MIN
    check(gate, number, ok=True)
    gate.leave(number)
    seen = gate.found(SpotChecks)
    (cells,) = seen.cells("spot_checks")
    assert cells["truck"] == number and cells["checker"] == "Paco Ruiz" and cells["ok"] is True
    assert seen.figures == {
        "spot_draws": 2,
        "spot_drawn": 1,
        "spot_share": 0.5,
        "spot_percent": "5",
        "spot_done": 1,
        "spot_found": 0,
    }
    assert seen.rules == []


def test_a_truck_that_leaves_without_its_search(gate: Gate) -> None:
    number = drawn(gate)
    assert gate.found(SpotChecks).rules == []  # it is still here
    gate.policy.actions["spot_check_open"] = "note"  # type: ignore[index]
    gate.leave(number)
    (wrong,) = gate.found(SpotChecks).found.deviations
    assert wrong.rule == "spot_check_not_done" and wrong.open


def test_what_a_search_found_and_that_it_was_released(gate: Gate) -> None:
    number = drawn(gate)
    check(gate, number, ok=False, note="a loose panel")
    (wrong,) = gate.found(SpotChecks).found.deviations
    assert wrong.rule == "spot_check_found" and wrong.open
    gate.release(number, "looked at with the driver")
    (wrong,) = gate.found(SpotChecks).found.deviations
    assert not wrong.open and wrong.handled_by == "Laura Gil"


def test_odd_draws_are_left_out(gate: Gate) -> None:
    gate.write("freight.spot_drawn", "freight-1", {"drawn": True})
    gate.write("freight.spot_drawn", "freight-1", {"freight": 1, "drawn": "yes", "percent": "5"})
    seen = gate.found(SpotChecks)
    assert seen.figures["spot_draws"] == 1 and seen.figures["spot_drawn"] == 0
    assert seen.figures["spot_percent"] is None and len(seen.found.notes) == 1
