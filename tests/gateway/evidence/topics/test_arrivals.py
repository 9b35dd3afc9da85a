"""Arrivals against announcements: what differed, by how much, and what never came."""

from __future__ import annotations

from gateway.evidence.topics.arrivals import Arrivals
from tests.gateway.evidence.topics.gate import DAY, HOUR, MIN, START, Gate


def test_a_truck_that_comes_as_announced(gate: Gate) -> None:
    number = gate.expect().id
    gate.now += 20 * MIN
    gate.arrive(number, driver="JUAN PEREZ")
    seen = gate.found(Arrivals)
    (cells,) = seen.cells("arrivals")
    assert cells["announced"] is True and cells["differs"] == [] and cells["off_s"] == 1200
    assert seen.figures["as_announced"] == 1 and seen.figures["off_by"] == 1200
    assert seen.rules == []


def test_what_differs_is_named_and_the_time_that_is_off_is_a_deviation(gate: Gate) -> None:
    number = gate.expect(eta=START + 3 * HOUR, units=("5302",)).id
    gate.arrive(number, driver="Pedro Paz", tractor="ZZ-1")
    seen = gate.found(Arrivals)
    (cells,) = seen.cells("arrivals")
    assert cells["differs"] == ["driver", "tractor", "units"] and cells["off_s"] == -3 * 3600
    assert seen.rules == ["arrival_off_time"]
    assert "-180 min" in seen.found.deviations[0].words.say("en")
    assert seen.figures["differing"] == 1 and seen.figures["as_announced"] == 0
    (table,) = seen.found.tables
    words = {column.key: column.words for column in table.columns}
    assert words["off_s"](cells["off_s"]) == "-3 h"
    assert words["differs"](cells["differs"]) == "Driver, Tractor, Trailer or container"


def test_an_announcement_from_before_the_span_counts_for_the_arrival_in_it(gate: Gate) -> None:
    gate.now = START.replace(month=9, day=30)
    number = gate.expect(eta=START).id
    gone = gate.expect(eta=START, tractor="OLD1").id
    gate.now = START
    gate.arrive(number)
    gate.turn_away(gone, "cancelled by the carrier")
    figures = gate.found(Arrivals).figures
    assert figures["arrived_announced"] == 1 and figures["announced"] == 0
    assert figures["cancelled"] == 1


def test_a_truck_that_nobody_announced(gate: Gate) -> None:
    gate.arrive()
    seen = gate.found(Arrivals)
    (cells,) = seen.cells("arrivals")
    assert cells["announced"] is False and cells["eta"] == "" and cells["off_s"] is None
    assert seen.figures["arrived"] == 1 and seen.figures["arrived_announced"] == 0


def test_an_arrival_after_the_span_changes_nothing_in_it(gate: Gate) -> None:
    number = gate.expect(eta=START + 40 * DAY).id
    before = gate.found(Arrivals).figures
    gate.now = START + 40 * DAY
    gate.arrive(number)
    assert gate.found(Arrivals).figures == before


def test_odd_announcements_are_left_out(gate: Gate) -> None:
    gate.write("freight.expected", "freight-3", {"eta": "soon", "driver": ["x"], "freight": 3})
    gate.write("freight.expected", "freight-3", {"eta": 7})
    gate.write("freight.arrived", "freight-3", {"freight": 3, "units": "5301"})
    seen = gate.found(Arrivals)
    (cells,) = seen.cells("arrivals")
    assert cells["eta"] == "" and cells["announced"] is True
    assert len(seen.found.notes) == 2
