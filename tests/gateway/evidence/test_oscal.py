"""The packet's OSCAL files, held against NIST's own schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.evidence.make import Order, make
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.evidence.conftest import OCTOBER, Gate

SCHEMAS = Path(__file__).parents[2] / "data" / "oscal"


def schema(name: str) -> Any:
    """NIST's schema; Python's `re` lacks the two classes of characters that it uses."""
    text = (SCHEMAS / f"oscal_{name}_schema.json").read_text(encoding="utf-8")
    return json.loads(text.replace("\\\\p{L}", "[^\\\\W\\\\d_]").replace("\\\\p{N}", "\\\\d"))


@pytest.mark.parametrize("redacted", [False, True])
def test_both_files_follow_nists_schemas(gate: Gate, tmp_path: Path, redacted: bool) -> None:
    odd = {"visit": 99, "name": '"><b>\u202e', "host": "", "company": " ", "id_kind": "INE"}
    gate.note([NewEvent(EventType.VISIT_ARRIVED, "99", odd, OCTOBER)])
    gate.sign()
    order = Order(gate.span, word="x", pdf=False, redacted=redacted, newest=True)
    made = make(gate.settings, order, tmp_path / "out")
    catalog = json.loads((made.folder / "oscal/catalog.json").read_text())
    results = json.loads((made.folder / "oscal/assessment-results.json").read_text())
    for value, name in ((catalog, "catalog"), (results, "assessment-results")):
        jsonschema.Draft7Validator(schema(name)).validate(value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema("catalog")).validate({"catalog": {"uuid": "x"}})
    controls = {one["id"] for one in catalog["catalog"]["controls"]}
    assert controls == {f"c{key}" for key in gate.settings.criteria.criteria}
    (result,) = results["assessment-results"]["results"]
    states = {one["target"]["status"]["state"] for one in result["findings"]}
    assert states == {"not-satisfied"}  # nobody is told that they fulfil something
    failed = {s.criterion.id for s in made.packet.sections if s.deviations}
    assert {one["target"]["target-id"] for one in result["findings"]} == {
        f"c{key}_smt" for key in failed
    }
    known = {one["uuid"] for one in result["observations"]}
    assert len(known) == len(result["observations"])
    for one in result["findings"]:
        assert {each["observation-uuid"] for each in one["related-observations"]} <= known
