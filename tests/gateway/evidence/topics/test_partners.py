"""Business partners: their standing, what lapsed, and the carriers whose trucks came."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gateway.desk import partners
from gateway.desk.partners import Partner
from gateway.evidence.topics.partners import Partners
from gateway.ledger.operator import Operator
from tests.gateway.evidence.topics.gate import DAY, NORTE, START, Gate


def put(gate: Gate, partner: Partner) -> None:
    partners.put(gate.db, partner, gate.policy.partners, by=Operator("boss"), now=gate.now)
    gate.move()


def test_a_cleared_carrier_and_its_trucks(gate: Gate) -> None:
    gate.whole("AB100000")
    seen = gate.found(Partners)
    (cells,) = seen.cells("partners")
    assert cells["standing"] == "partner_cleared" and cells["valid_until"] == "2027-05-31"
    (carrier,) = seen.cells("carriers")
    assert (carrier["trucks"], carrier["cleared"]) == (1, 1)
    assert seen.figures["trucks_cleared"] == 1 and seen.rules == []


def test_a_status_that_ended_in_the_span_and_was_renewed_too_late(gate: Gate) -> None:
    put(gate, replace(NORTE, valid_until=date(2026, 10, 10)))
    gate.now = START.replace(day=12)
    gate.comes()
    gate.now = START.replace(day=30)
    seen = gate.found(Partners)
    assert seen.rules == ["partner_status_over", "carrier_without_status"]
    assert seen.found.deviations[0].open
    assert seen.cells("partners")[0]["standing"] == "partner_lapsed"
    put(gate, replace(NORTE, valid_until=date(2027, 10, 10)))
    seen = gate.found(Partners)
    assert not seen.found.deviations[0].open and seen.found.deviations[0].handled_by == "boss"
    assert seen.figures["partners_changed"] == 2 and seen.figures["partners_cleared"] == 1
    assert seen.cells("carriers")[0]["standing"] == "partner_lapsed"


def test_a_status_that_was_renewed_in_time(gate: Gate) -> None:
    put(gate, replace(NORTE, valid_until=date(2026, 10, 10)))
    gate.now = START.replace(day=9)
    put(gate, replace(NORTE, valid_until=date(2027, 10, 10)))
    gate.now = START.replace(month=12)
    assert gate.found(Partners).rules == []


def test_a_questionnaire_that_became_too_old(gate: Gate) -> None:
    old = Partner("Sur SA", "supplier", "none", "", date(2025, 10, 15), date(2030, 1, 1))
    put(gate, old)
    gate.now += 40 * DAY
    seen = gate.found(Partners)
    assert seen.rules == ["partner_questions_old"]
    assert "2026-10-14" in seen.found.deviations[0].words.say("en")
    assert seen.figures["partners_asked"] == 1 and seen.figures["partners_programme"] == 1


def test_a_carrier_that_is_not_in_the_register(gate: Gate) -> None:
    gate.comes(carrier="Otra SA")
    seen = gate.found(Partners)
    assert seen.rules == ["carrier_without_status"]
    assert seen.cells("carriers")[0]["standing"] == "partner_unknown"


def test_odd_partners_are_left_out(gate: Gate) -> None:
    gate.write("partner.added", "x", {"name": "X", "valid_until": "soon"})
    gate.write("partner.added", "x", {"name": "", "valid_until": "2026-10-10"})
    gate.write("partner.changed", "x", {"name": "Y", "valid_until": "2026-10-10", "kind": 7})
    seen = gate.found(Partners)
    assert seen.figures["partners"] == 2 and seen.found.notes[-1].say("en").startswith("2 ")
