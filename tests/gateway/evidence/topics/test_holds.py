"""What held trucks: each finding once, with what became of it, and who let it be."""

from __future__ import annotations

from gateway.desk.freight.findings import CODES, Held
from gateway.evidence.model import Personal
from gateway.evidence.topics import TOPICS
from gateway.evidence.topics.holds import ELSEWHERE, RULES, Holds
from tests.gateway.evidence.topics.gate import ALL, DAY, MIN, Gate


def test_a_driver_who_was_not_announced_is_held_and_released_by_name(gate: Gate) -> None:
    number = gate.comes(driver="Pedro Paz").id
    (wrong,) = gate.found(Holds).found.deviations
    assert wrong.rule == "driver_unexpected" and wrong.open
    assert isinstance(wrong.words.facts["about"], Personal)
    gate.now += 5 * MIN
    gate.release(number, "the carrier confirmed him")
    seen = gate.found(Holds)
    (wrong,) = seen.found.deviations
    assert not wrong.open and wrong.handled_by == "Laura Gil" and wrong.handled_at > wrong.at
    (cells,) = seen.cells("releases")
    assert cells["code"] == "driver_unexpected" and cells["reason"] == "the carrier confirmed him"
    assert seen.figures["releases"] == 1 and seen.figures["held_trucks"] == 1


def test_work_that_is_not_done_yet_is_the_gate_at_work(gate: Gate) -> None:
    number = gate.comes().id
    with gate.stopped(Held):
        gate.leave(number)
    seen = gate.found(Holds)
    assert seen.rules == [] and seen.figures["stopped"] == 1 and not seen.rows("holds")


def test_a_missing_document_that_was_released_is_a_deviation(gate: Gate) -> None:
    number = gate.comes(loaded=True, seals=(("5301", "ZZ9000", True, ALL),)).id
    gate.inspect(number)
    with gate.stopped(Held):
        gate.leave(number)
    assert gate.found(Holds).rules == []
    gate.release(number, "the papers come by mail")
    gate.leave(number)
    seen = gate.found(Holds)
    assert seen.rules == ["documents_missing"]
    assert seen.found.deviations[0].handled is not None


def test_a_finding_that_is_tried_twice_is_one_with_both_records(gate: Gate) -> None:
    number = gate.comes(tractor="ZZ-1").id
    gate.inspect(number)
    for _try in range(2):
        gate.now += MIN
        with gate.stopped(Held):
            gate.leave(number)
    seen = gate.found(Holds)
    (row,) = seen.rows("holds")
    assert row.cells["code"] == "tractor_unexpected" and len(row.records) == 3
    assert seen.figures["stopped"] == 2


def test_trucks_that_were_sent_away_or_did_not_come(gate: Gate) -> None:
    here = gate.comes(carrier="Otra SA").id
    gate.turn_away(here, "not a partner of ours")
    other = gate.expect(tractor="B2").id
    gate.turn_away(other, "cancelled")
    seen = gate.found(Holds)
    assert [cells["reason"] for cells in seen.cells("turned_away")] == [
        "not a partner of ours",
        "cancelled",
    ]
    assert set(seen.rules) == {"carrier_unexpected", "carrier_not_cleared"}
    assert all(not one.open and one.handled for one in seen.found.deviations)
    assert seen.figures["sent_away"] == 2


def test_a_release_after_the_span_handles_what_was_held_in_it(gate: Gate) -> None:
    number = gate.comes(driver="Pedro Paz").id
    gate.now += 40 * DAY
    gate.release(number)
    seen = gate.found(Holds)
    assert not seen.found.deviations[0].open
    assert seen.figures["releases"] == 0  # that was in another month


def test_every_code_of_the_desk_is_a_rule_here_or_told_by_another_topic() -> None:
    assert set(RULES) | ELSEWHERE == set(CODES)
    others = {rule for topic in TOPICS if topic is not Holds for rule in topic.rules}
    assert not others & set(RULES)


def test_odd_findings_are_left_out(gate: Gate) -> None:
    gate.write("freight.held", "freight-1", {"findings": [{"code": "seal_broken"}]})
    for findings in (None, "x", [7, {}, {"code": 9}, {"code": "unknown_code", "about": "x"}]):
        gate.write("freight.held", "freight-1", {"freight": 1, "findings": findings})
    gate.write("freight.released", "freight-1", {"freight": 1, "released": ["a", 7], "second": 3})
    seen = gate.found(Holds)
    assert seen.rules == [] and len(seen.found.notes) == 1
