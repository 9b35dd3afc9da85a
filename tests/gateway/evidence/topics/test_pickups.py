"""The pickup log of the packet: every truck of the days, and nothing that its records don't say."""

from __future__ import annotations

from datetime import timedelta

from gateway.evidence.topics.pickups import Pickups
from tests.gateway.evidence.topics.gate import DAY, FIRST, HOUR, START, Gate


def test_a_truck_stands_in_the_log_with_the_items_of_the_criterion(gate: Gate) -> None:
    number = gate.whole("AB100000")
    seen = gate.found(Pickups)
    (row,) = seen.rows("pickups")
    assert row.cells == {
        "truck": number,
        "driver": "Juan Pérez",
        "arrived_at": "2026-10-05T15:00:00Z",
        "employer": "Transportes Norte",
        "tractor": "118 / AB123C",
        "units": ["5301"],
        "departed_at": "2026-10-05T15:54:00Z",
        "seals": ["AB100000"],
        "outcome": "departed",
        "guard": "desk",
    }
    assert seen.figures["trucks"] == seen.figures["departed"] == 1
    assert seen.figures["stay"] == seen.figures["longest_stay"] == 54 * 60
    assert seen.rules == [] and seen.found.notes == []
    types = [gate.kept[seq - 1].body.rpartition('"type":"')[2][:-2] for seq in row.records]
    assert types == ["freight.arrived", "seal.affixed", "freight.departed"]


def test_a_truck_counts_on_the_day_of_its_arrival_and_its_departure_comes_after(
    gate: Gate,
) -> None:
    gate.now = START.replace(month=11, day=1, hour=3)  # the evening of the 31st at the site
    number = gate.comes().id
    gate.now += 20 * HOUR
    gate.turn_away(number, "broken down")
    seen = gate.found(Pickups)
    assert [cells["outcome"] for cells in seen.cells("pickups")] == ["turned_away"]
    assert (
        gate.found(Pickups, FIRST + timedelta(days=31), FIRST + timedelta(days=60)).figures[
            "trucks"
        ]
        == 0
    )


def test_a_truck_without_departure_is_a_deviation_after_a_day(gate: Gate) -> None:
    gate.comes()
    gate.now += 23 * HOUR
    assert gate.found(Pickups).rules == []
    assert gate.found(Pickups).figures["still_here"] == 1
    gate.now += 2 * HOUR
    (wrong,) = gate.found(Pickups).found.deviations
    assert wrong.rule == "pickup_not_left" and wrong.open and wrong.handled is None
    assert wrong.at == "2026-10-05T15:00:00Z"
    assert "Transportes Norte" in wrong.words.say("en")


def test_a_number_that_is_used_again_is_another_truck(gate: Gate) -> None:
    gate.whole("AB100000")
    gate.db.execute("DELETE FROM freight")
    gate.db.commit()
    gate.now += DAY
    again = gate.comes(tractor="ZZ-9").id
    rows = gate.found(Pickups).cells("pickups")
    assert [cells["truck"] for cells in rows] == [again, again]
    assert [cells["outcome"] for cells in rows] == ["departed", "here"]


def test_records_of_another_form_are_left_out_and_counted(gate: Gate) -> None:
    gate.write("freight.arrived", "freight-x", {"freight": "seven", "driver": "x"})
    gate.write("freight.arrived", "freight-x", {})
    gate.write("freight.departed", "freight-x", {"freight": True, "seals": ["x"]})
    gate.write("freight.arrived", "freight-9", {"freight": 9, "units": 7, "arrived_at": "late"})
    gate.write("freight.departed", "freight-9", {"freight": 9, "seals": 3, "departed_at": None})
    seen = gate.found(Pickups)
    assert len(seen.rows("pickups")) == 1
    assert seen.rules == ["pickup_incomplete"]
    assert "3 " in seen.found.notes[0].say("en")


def test_an_empty_span_has_figures_and_no_rows(gate: Gate) -> None:
    seen = gate.found(Pickups)
    assert seen.figures["trucks"] == 0 and seen.figures["stay"] is None
    assert [one.key for one in seen.found.tables] == ["pickups"] and not seen.rows("pickups")
