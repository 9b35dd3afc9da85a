"""What changed against an earlier packet."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.evidence.collect import Order
from gateway.evidence.errors import PacketError
from gateway.evidence.make import make
from gateway.evidence.manifest import digest
from gateway.evidence.model import Span
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.evidence.conftest import OCTOBER, Gate, visit


def test_a_packet_says_what_changed_since_another(gate: Gate, tmp_path: Path) -> None:
    older = make(gate.settings, Order(gate.span, ("10.2",), pdf=False), tmp_path / "older")
    again = OCTOBER + timedelta(days=70)
    gate.note([*visit(95, again), NewEvent(EventType.VISIT_ARRIVED, "96", {"visit": 96}, again)])
    gate.sign()
    december = Span(date(2026, 12, 1), date(2026, 12, 31), gate.settings.site.zone)
    for earlier in (older.folder, older.zip):
        order = Order(december, ("10.2",), pdf=False, zip=False, compare=earlier)
        made = make(gate.settings, order, tmp_path / f"new-{earlier.name}")  # type: ignore[union-attr]
        told = json.loads((made.folder / "packet.json").read_text())
        assert told["compared"]["manifest"] == older.sha256
        assert told["compared"]["first"] == "2026-10-01"
        pairs = {(one["then"], one["now"]) for one in told["changes"]}
        assert (40, 2) in pairs and (0, 1) in pairs
    done = gate.run("evidence", "compare", str(older.folder), str(made.folder), "--json")
    assert done.exit_code == 0, done.output
    assert {"criterion": "10.2", "label": "deviations", "then": 0, "now": 1} in json.loads(
        done.output
    )
    same = gate.run("evidence", "compare", str(older.folder), str(older.zip))
    assert same.exit_code == 0 and "no figure changed" in same.output


def test_what_is_no_packet_is_refused(gate: Gate, tmp_path: Path) -> None:
    older = make(gate.settings, Order(gate.span, ("10.2",), pdf=False), tmp_path / "older")
    said = older.folder / "packet.json"
    good = said.read_text()
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK\3\4" + bytes(100))
    cases = [tmp_path / "missing", bad, tmp_path]
    for path in cases:
        order = Order(gate.span, ("10.2",), pdf=False, compare=path)
        with pytest.raises(PacketError):
            make(gate.settings, order, tmp_path / "new")
    for text in ("", "[]", '{"form": 3}', "[" * 100_000, good.replace('"value":40', '"value":41')):
        said.write_text(text)
        order = Order(gate.span, ("10.2",), pdf=False, compare=older.folder)
        with pytest.raises(PacketError):
            make(gate.settings, order, tmp_path / "new")
    # A hostile one whose manifest fits: odd values are left out, nothing ends in an error.
    odd = json.loads(good)
    odd["sections"] = [
        {"id": "10.2", "figures": [{"key": "visits", "value": {}}, 5], "deviations": 7}
    ]
    said.write_text(json.dumps(odd))
    listed = json.loads((older.folder / "manifest.json").read_text())
    for one in listed["files"]:
        if one["path"] == "packet.json":
            one |= {"bytes": said.stat().st_size, "sha256": digest(said)}
    (older.folder / "manifest.json").write_text(json.dumps(listed))
    order = Order(gate.span, ("10.2",), pdf=False, compare=older.folder)
    made = make(gate.settings, order, tmp_path / "new")
    assert made.packet.compared is not None


def test_the_command_checks_a_packet_with_this_gates_key(gate: Gate, tmp_path: Path) -> None:
    made = make(gate.settings, Order(gate.span, ("10.2",), pdf=False), tmp_path / "out")
    assert gate.run("evidence", "check", str(made.folder)).exit_code == 0
    assert gate.run("evidence", "check", str(made.zip)).exit_code == 0
    (made.folder / "trust.txt").write_text("")
    assert gate.run("evidence", "check", str(made.folder)).exit_code == 3
    assert gate.run("evidence", "check", str(tmp_path / "nothing")).exit_code == 1
