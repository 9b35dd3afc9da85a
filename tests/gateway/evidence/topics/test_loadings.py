"""Loading and documents: when, on whose account, and whether the papers name what left."""

from __future__ import annotations

from gateway.evidence.topics.loadings import Loadings
from tests.gateway.evidence.topics.gate import HOUR, MIN, START, Gate


def test_a_loading_with_its_papers_and_the_seals_that_left(gate: Gate) -> None:
    gate.whole("AB100000")
    seen = gate.found(Loadings)
    (cells,) = seen.cells("loadings")
    assert cells["papers"] == ["bill_of_lading=BL-1"] and cells["on_papers"] == ["AB100000"]
    assert cells["sealed"] == ["AB100000"] and cells["matches"] is True
    assert cells["begun_by"] == cells["finished_by"] == "desk"
    assert seen.figures["loading_time"] == 30 * 60
    assert seen.figures["papers_complete"] == seen.figures["papers_match"] == 1
    assert seen.rules == []
    words = {column.key: column.words for column in seen.found.tables[0].columns}
    assert words["papers"](cells["papers"]) == "bill of lading BL-1"


def test_papers_that_name_another_seal_or_are_missing(gate: Gate) -> None:
    for code in ("documents_missing", "seal_not_on_documents"):
        gate.policy.actions[code] = "note"  # type: ignore[index]
    number = gate.comes().id
    gate.inspect(number)
    gate.load(number, "AB100000", on_paper="AB100009")
    gate.seal(number, "AB100000")
    gate.leave(number)
    seen = gate.found(Loadings)
    assert seen.rules == ["papers_other_seal"] and seen.figures["papers_match"] == 0
    gate.settings.tables.freight.documents.append("manifest")
    seen = gate.found(Loadings)
    assert seen.rules == ["papers_missing", "papers_other_seal"]
    assert "manifest" in seen.found.deviations[0].words.say("en")


def test_a_loading_counts_on_the_day_on_which_it_began(gate: Gate) -> None:
    gate.now = START.replace(month=10, day=1, hour=6)  # 23:00 of 30 September at the site
    number = gate.comes().id
    gate.inspect(number)
    gate.load(number, "AB100000")
    gate.now += 10 * HOUR
    gate.seal(number, "AB100000")
    gate.leave(number)
    assert gate.found(Loadings).figures["loadings"] == 0
    gate.now += MIN
    gate.whole("AB100001")
    assert gate.found(Loadings).figures["loadings"] == 1


def test_a_truck_that_is_sent_away_is_not_asked_for_papers(gate: Gate) -> None:
    number = gate.comes().id
    gate.inspect(number)
    gate.load(number, "AB100000")
    gate.turn_away(number)
    seen = gate.found(Loadings)
    assert seen.rules == [] and seen.figures["loaded_left"] == 0


def test_odd_loadings_are_left_out(gate: Gate) -> None:
    gate.write("freight.loading", "freight-1", {"done": True})
    gate.write("freight.loading", "freight-1", {"freight": 1, "done": 1, "documents": "BL"})
    gate.write("freight.departed", "freight-1", {"freight": 1, "seals": ["x"]})
    seen = gate.found(Loadings)
    assert seen.figures["loadings"] == 1
    assert seen.rules == ["loading_not_finished", "papers_missing"]
    assert seen.found.notes[-1].say("en").startswith("1 ")
