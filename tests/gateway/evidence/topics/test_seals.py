"""Seals: what was put on, verified, voided and reconciled, and the inventory at the end."""

from __future__ import annotations

from gateway.desk.freight import arrivals, seals, store
from gateway.desk.freight.findings import Held
from gateway.desk.freight.transaction import Vvtt
from gateway.evidence.topics.seals import Seals
from gateway.evidence.topics.sealstock import SealStock
from tests.gateway.evidence.topics.gate import ALL, DAY, MIN, START, Gate


def reconcile(gate: Gate) -> None:
    trucks = store.find(gate.db, limit=10_000)
    on_trucks = [(tx.id, seal) for tx in trucks for _unit, seal in tx.seals_now]
    seals.reconcile(gate.db, on_trucks, by="boss")
    gate.move()


def test_a_seal_that_was_put_on_and_verified(gate: Gate) -> None:
    number = gate.whole("AB100000")
    seen = gate.found(Seals)
    (cells,) = seen.cells("seals_affixed")
    assert (cells["seal"], cells["truck"], cells["unit"]) == ("AB100000", number, "5301")
    assert (cells["class"], cells["stock"], cells["vvtt"]) == ("H", "ok", True)
    assert seen.figures == {
        "seals_affixed": 1,
        "seals_verified": 1,
        "seals_seen": 0,
        "loaded_departures": 1,
        "sealed_departures": 1,
    }
    assert seen.rules == []


def test_a_seal_without_vvtt_is_told_and_the_second_look_beside_it(gate: Gate) -> None:
    number = gate.comes().id
    gate.inspect(number)
    gate.load(number, "AB100000")
    gate.seal(number, "AB100000", Vvtt(view=True))
    (wrong,) = gate.found(Seals).found.deviations
    assert wrong.rule == "seal_not_verified_vvtt" and wrong.open
    gate.now += MIN
    gate.seal(number, "AB100000", ALL)
    (wrong,) = gate.found(Seals).found.deviations
    assert not wrong.open and wrong.handled_at > wrong.at
    assert gate.found(Seals).figures["seals_verified"] == 0  # not at once


def test_a_replaced_seal_is_void_and_no_deviation(gate: Gate) -> None:
    number = gate.comes().id
    gate.inspect(number)
    gate.load(number, "AB100001")
    gate.seal(number, "AB100000", Vvtt())
    gate.seal(number, "AB100001")
    seen, stock = gate.found(Seals), gate.found(SealStock)
    assert [cells["replaced"] for cells in seen.cells("seals_affixed")] == [True, False]
    assert seen.rules == []
    (cells,) = stock.cells("seals_voided")
    assert (cells["seal"], cells["reason"], cells["was"]) == ("AB100000", "replaced", "used")
    assert stock.figures["seals_void"] == 1 and stock.figures["seals_used"] == 1


def test_the_inventory_at_the_end_of_the_span_counts_what_came_before_it(gate: Gate) -> None:
    gate.receive("CD000001..CD000010")
    seals.issue(gate.db, ["CD000001", "CD000002"], to="Rosa Díaz", by="boss", now=gate.now)
    seals.void(gate.db, "CD000002", reason="broken", by="boss", now=gate.now)
    gate.whole("CD000001")
    gate.now += 40 * DAY
    gate.receive("EF000001..EF000500")
    seen = gate.found(SealStock)
    assert seen.figures["seals_received"] == 10  # the 1000 came before the span
    assert seen.figures["seals_in_stock"] == 1008 and seen.figures["seals_with_people"] == 0
    assert seen.figures["seals_used"] == 1 and seen.figures["seals_void"] == 1
    (batch,) = seen.cells("seal_batches")
    assert batch["certificate"] == "T-1" and batch["seals"] == ["CD000001..CD000010"]
    (issued,) = seen.cells("seals_issued")
    assert issued["to"] == "Rosa Díaz" and issued["count"] == 2
    (voided,) = seen.cells("seals_voided")
    assert voided["was"] == "issued" and voided["reason"] == "broken"


def test_reconciliations_that_differ_and_the_one_that_mended_it(gate: Gate) -> None:
    gate.whole("AB100000")
    assert gate.found(SealStock).rules == ["seals_not_reconciled"]
    gate.db.execute("UPDATE seal SET state = 'stock' WHERE number = 'AB100000'")
    gate.db.commit()
    reconcile(gate)
    (wrong,) = gate.found(SealStock).found.deviations
    assert wrong.rule == "seals_differ" and wrong.open
    gate.db.execute("UPDATE seal SET state = 'used' WHERE number = 'AB100000'")
    gate.db.commit()
    gate.now += DAY
    reconcile(gate)
    seen = gate.found(SealStock)
    (wrong,) = seen.found.deviations
    assert not wrong.open and wrong.handled_by == "boss"
    assert seen.figures["reconciliations"] == 2 and seen.figures["reconciliations_clean"] == 1
    assert seen.cells("reconciliations")[0]["named"] == ["AB100000: inventory_says_stock"]


def test_a_reconciliation_after_the_span_handles_that_there_was_none_in_it(gate: Gate) -> None:
    gate.whole("AB100000")
    gate.now = START + 30 * DAY
    reconcile(gate)
    (wrong,) = gate.found(SealStock).found.deviations
    assert wrong.rule == "seals_not_reconciled" and not wrong.open


def test_the_same_number_on_two_trucks(gate: Gate) -> None:
    gate.whole("AB100000")
    gate.now += DAY
    number = gate.comes().id
    gate.inspect(number)
    gate.load(number, "AB100000")
    gate.seal(number, "AB100000")
    with gate.stopped(Held):
        gate.leave(number)
    seen = gate.found(Seals)
    assert seen.rules == ["seal_on_two_trucks"]
    assert [cells["stock"] for cells in seen.cells("seals_affixed")] == ["ok", "used"]


def test_a_loaded_truck_that_left_without_a_seal(gate: Gate) -> None:
    for code in ("seal_not_affixed", "seal_not_on_documents"):
        gate.policy.actions[code] = "note"  # type: ignore[index]
    number = gate.comes().id
    gate.inspect(number)
    gate.load(number, "AB100000")
    gate.leave(number)
    seen = gate.found(Seals)
    assert seen.rules == ["truck_left_unsealed"] and seen.figures["sealed_departures"] == 0


def test_seals_that_trucks_came_with(gate: Gate) -> None:
    number = gate.comes(loaded=True, seals=(("5301", "ZZ9000", True, Vvtt()),)).id
    arrivals.see_seal(gate.act(), number, "ZZ9000", vvtt=ALL)
    rows = gate.found(Seals).cells("seals_seen")
    assert [(cells["seal"], cells["vvtt"]) for cells in rows] == [
        ("ZZ9000", None),
        ("ZZ9000", True),
    ]


def test_odd_records_of_seals_are_left_out(gate: Gate) -> None:
    for data in ({}, {"seals": ["A..B"]}, {"seals": ["AA0..AA999999999"]}, {"seals": [7]}):
        gate.write("seal.received", "batch-1", data)
        gate.write("seal.issued", "x", data)
    gate.write("seal.voided", "", {})
    gate.write("seal.affixed", "freight-1", {"freight": 1})
    gate.write("seal.reconciled", "seals", {"count": "many"})
    stock, seen = gate.found(SealStock), gate.found(Seals)
    assert stock.found.notes[-1].say("en").startswith("10 ")
    assert seen.found.notes[-1].say("en").startswith("1 ")
    assert stock.figures["seals_in_stock"] == 1000
