"""Inspections and pests in the packet: who looked, who signed, what was found and became of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway import locale
from gateway.desk.freight import inspections, store
from gateway.desk.freight.findings import Held, required
from gateway.desk.freight.inspections import Answers
from gateway.evidence.topics.inspections import Inspections
from gateway.evidence.topics.pests import Pests
from tests.gateway.evidence.topics.gate import DAY, HOUR, MIN, START, Gate


def test_the_inspections_of_a_truck_with_points_times_inspector_and_signature(gate: Gate) -> None:
    number = gate.comes().id
    gate.inspect(number)
    seen = gate.found(Inspections)
    rows = {cells["checklist"]: cells for cells in seen.cells("inspections")}
    lists = gate.policy.checklists.lists
    assert {name: cells["points"] for name, cells in rows.items()} == {
        name: len(lists[name].points) for name in ("tractor-7", "trailer-10", "pests")
    }
    cells = rows["trailer-10"]
    assert cells["inspectors"] == ["Rosa"] and cells["signed_by"] == "Laura Gil"
    assert cells["took_s"] == 9 * 60 and cells["bad"] == 0 and cells["unit"] == "5301"
    assert cells["begun_at"] < cells["signed_at"]
    assert seen.figures["inspections"] == seen.figures["inspections_signed"] == 3
    assert seen.rules == []
    pests = gate.found(Pests)
    assert pests.figures["pest_inspections"] == pests.figures["pest_inspections_clean"] == 1
    assert pests.rules == [] and not pests.rows("pests")


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_was_found_is_named_point_by_point_in_words(gate: Gate, language: str) -> None:
    number = gate.comes().id
    point = gate.policy.checklists.lists["trailer-10"].points[3]
    gate.look(number, "trailer-10", "5301", **{point.id: "false wall"})
    seen = gate.found(Inspections)
    (cells,) = seen.cells("inspection_findings")
    assert cells["note"] == "false wall" and cells["inspector"] == "Rosa"
    locale.use(language)
    table = seen.found.tables[1]
    words = {column.key: column.words for column in table.columns}
    assert words["point"](cells["point"]) == locale.choose(point.words)
    (wrong,) = seen.found.deviations
    assert wrong.rule == "inspection_failed" and wrong.open


def test_a_second_inspection_that_was_signed_handles_what_the_first_one_found(gate: Gate) -> None:
    number = gate.comes().id
    bad = {gate.policy.checklists.lists["trailer-10"].points[0].id: "hole"}
    gate.look(number, "trailer-10", "5301", **bad)
    gate.sign(number)
    gate.look(number, "trailer-10", "5301", again=True)
    gate.now += MIN
    gate.sign(number)
    (wrong,) = gate.found(Inspections).found.deviations
    assert not wrong.open and wrong.handled is not None
    assert wrong.handled_at == gate.found(Inspections).cells("inspections")[1]["signed_at"]


def test_a_release_handles_it_with_the_reason_and_the_name(gate: Gate) -> None:
    number = gate.comes().id
    bad = {gate.policy.checklists.lists["trailer-10"].points[0].id: "scratch"}
    gate.look(number, "trailer-10", "5301", **bad)
    gate.sign(number)
    gate.release(number, "an old scratch", codes=["checklist_failed"])
    (wrong,) = gate.found(Inspections).found.deviations
    assert wrong.handled is not None and "an old scratch" in wrong.handled.say("en")
    assert wrong.handled_by == "Laura Gil" and not wrong.open


def test_a_release_that_names_no_inspection_covers_those_before_it_alone(gate: Gate) -> None:
    found = {"inspector": "Rosa", "answers": {"door": "bad"}, "finished": True, "by": "rosa"}
    base = {"freight": 7, "checklist": "trailer-10", "unit": "1", **found}
    gate.write("freight.inspected", "freight-7", {**base, "inspection": 1})
    gate.now += MIN
    second = {"account": "l", "person": "e9", "name": "Laura Gil"}
    told = {"freight": 7, "released": ["checklist_failed:door"], "second": second, "reason": "old"}
    gate.write("freight.released", "freight-7", told)
    gate.now += MIN
    gate.write("freight.inspected", "freight-7", {**base, "inspection": 2})
    one, two = gate.found(Inspections).found.deviations
    assert one.handled_by == "Laura Gil" and not one.open
    assert two.open and two.handled is None


def test_pests_stand_in_their_own_topic_until_the_truck_is_gone_or_clean(gate: Gate) -> None:
    number = gate.comes().id
    first = gate.policy.checklists.lists["pests"].points[0].id
    gate.look(number, "pests", "5301", **{first: "snails"})
    assert gate.found(Inspections).rules == []
    seen = gate.found(Pests)
    (cells,) = seen.cells("pests")
    assert (
        cells["notes"] == ["snails"] and cells["open"] is True and seen.figures["pest_finds"] == 1
    )
    gate.turn_away(number, "to be washed")
    (wrong,) = gate.found(Pests).found.deviations
    assert wrong.rule == "pests_on_truck" and not wrong.open and wrong.handled is not None
    assert "to be washed" in wrong.handled.say("en")


def test_an_inspection_faster_than_somebody_can_look_is_told(gate: Gate) -> None:
    number = gate.comes().id
    points = gate.policy.checklists.lists["trailer-10"].points
    told = Answers(checklist="trailer-10", points=[], inspector="Rosa", unit="5301")
    inspections.inspect(gate.act("rosa-account"), number, told)
    gate.now += MIN / 4
    inspections.inspect(gate.act("rosa-account"), number, replace(told, rest_good=True))
    (wrong,) = gate.found(Inspections).found.deviations
    assert wrong.rule == "inspection_hasty" and not wrong.open
    assert f"{len(points)} points in 15 s" in wrong.words.say("en")


def test_what_the_gate_prevents_is_no_deviation_and_what_a_policy_lets_pass_is(gate: Gate) -> None:
    number = gate.comes().id
    with gate.stopped(Held):
        gate.leave(number)
    assert gate.found(Inspections).rules == []
    for code in ("checklist_missing", "checklist_unfinished", "checklist_unsigned"):
        gate.policy.actions[code] = "note"  # type: ignore[index]
    gate.leave(number)
    assert gate.found(Inspections).rules == ["inspection_missing"]
    gate.now += DAY
    other = gate.comes().id
    (name, unit), *_rest = required(store.load(gate.db, other), gate.policy)
    gate.look(other, name, unit)
    gate.leave(other)
    assert gate.found(Inspections).rules == ["inspection_missing", "inspection_unsigned"]


def test_an_inspection_counts_on_the_day_on_which_it_began(gate: Gate) -> None:
    gate.now = START.replace(month=10, day=1, hour=6, minute=57)  # 23:57 of 30 September there
    number = gate.comes().id
    gate.look(number, "trailer-10", "5301")
    seen = gate.found(Inspections)
    assert seen.figures["inspections"] == 0 and seen.found.notes == []
    gate.now += HOUR
    gate.look(number, "tractor-7", "5301")
    assert [cells["checklist"] for cells in gate.found(Inspections).cells("inspections")] == [
        "tractor-7"
    ]


def test_whoever_inspected_does_not_sign_and_a_record_that_says_so_is_told(gate: Gate) -> None:
    base = {"freight": 7, "checklist": "pests", "unit": "1", "inspection": 1, "finished": True}
    answers = {"inspector": "Rosa", "answers": {"a": "ok"}, "took_s": 500, "by": "rosa"}
    gate.write("freight.inspected", "freight-7", {**base, **answers})
    second = {"account": "", "person": "", "name": "ROSA"}
    gate.write("freight.signed", "freight-7", {"freight": 7, "second": second})
    assert gate.found(Inspections).rules == ["inspection_self_signed"]


def test_odd_records_of_inspections_are_left_out(gate: Gate) -> None:
    for data in (
        {},
        {"freight": 1},
        {"freight": 1, "inspection": "1"},
        {"freight": 1, "inspection": 1, "answers": ["x"], "pictures": 3, "took_s": "fast"},
        {"freight": 1, "inspection": 1, "answers": {"door": {"a": 1}}, "finished": "yes"},
    ):
        gate.write("freight.inspected", "freight-1", data)
    gate.write("freight.signed", "freight-1", {"freight": 1, "second": "Laura"})
    seen = gate.found(Inspections)
    assert seen.figures["inspections"] == 1 and seen.figures["inspections_finished"] == 0
    assert seen.found.notes[-1].say("en").startswith("3 ")
