"""The packet as a folder: whole or not at all, the same bytes twice, every byte accounted for."""

from __future__ import annotations

import csv
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from gateway.evidence.make import Order, make
from gateway.evidence.manifest import digest
from gateway.proof import merkle
from gateway.proof.entry import EntryProof
from tests.gateway.evidence.conftest import OCTOBER, Gate, visit


def order(gate: Gate, **more: object) -> Order:
    return Order(gate.span, ("10.2",), "tecolote", **{"pdf": False, **more})  # type: ignore[arg-type]


def test_a_packet_has_what_it_lists_and_follows_its_schema(gate: Gate, tmp_path: Path) -> None:
    steps = []
    made = make(gate.settings, order(gate), tmp_path / "out", lambda *told: steps.append(told))
    folder = made.folder
    manifest = json.loads((folder / "manifest.json").read_text())
    for one in manifest["files"]:
        path = folder / one["path"]
        assert (path.stat().st_size, digest(path)) == (one["bytes"], one["sha256"])
    listed = {one["path"] for one in manifest["files"]}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there - listed == {
        "manifest.json",
        "manifest.seal.json",
        "manifest.seal.tlog-proof",
    }
    told = json.loads((folder / "packet.json").read_text())
    schema = json.loads((folder / "packet.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(told)
    assert told["log"]["ok"] and made.unsealed is None
    (section,) = told["sections"]
    sample = next(one for one in section["samples"] if one["table"] == "visitors")
    assert (sample["count"], len(sample["drawn"])) == (40, 25)
    with (folder / "tables" / "visitors.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40 and list(rows[0].values())[1] == "Visitor 0"
    assert [step for step, _, _ in steps][-1] == "seal" and steps[0][0] == "log"
    with zipfile.ZipFile(made.zip) as zipped:  # type: ignore[arg-type]
        assert set(zipped.namelist()) == there
        assert all(zipped.read(name) == (folder / name).read_bytes() for name in there)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_every_quoted_record_is_proven_up_to_the_signed_root(gate: Gate, tmp_path: Path) -> None:
    made = make(gate.settings, order(gate), tmp_path / "out")
    shown = dict(records_of(made.folder))
    told = json.loads((made.folder / "packet.json").read_text())
    (section,) = told["sections"]
    named = {seq for row in section["samples"][0]["rows"] for seq in row["records"]}
    assert named <= shown.keys() and len(shown) == 80
    assert all(json.loads(body)["type"].startswith("visit.") for body in shown.values())
    assert made.proven.unproven == 0


def records_of(folder: Path) -> list[tuple[int, str]]:
    """The records that a packet shows, after following its tree as docs/evidence.md says."""
    found, tree, origin = [], merkle.Frontier(), {}
    for line in (folder / "proofs" / "records.jsonl").read_text().splitlines():
        item = json.loads(line)
        if "origin" in item:
            origin = item["origin"]
        elif "hidden" in item:
            tree.add_subtree(bytes.fromhex(item["hidden"]["hash"]), item["hidden"]["level"])
        elif "leaf" in item:
            assert item["leaf"]["seq"] == origin["first"] + tree.size
            tree.add(bytes.fromhex(item["leaf"]["hash"]))
        else:
            found.append((origin["first"] + tree.size, line))
            tree.add(merkle.leaf_hash(line.encode()))
    told = json.loads((folder / "packet.json").read_text())
    assert tree.root().hex() == told["log"]["checkpoint"]["root"]
    assert tree.size == told["log"]["checkpoint"]["size"] == origin["size"]
    return found


def test_the_same_order_gives_the_same_bytes_although_the_log_grew(
    gate: Gate, tmp_path: Path
) -> None:
    first = make(gate.settings, order(gate), tmp_path / "first")
    gate.note(visit(91, OCTOBER + timedelta(days=50), "Later"))
    gate.sign()
    second = make(gate.settings, order(gate), tmp_path / "second")
    assert first.sha256 == second.sha256
    unlisted = {"manifest.seal.json", "manifest.seal.tlog-proof"}
    for path in first.folder.rglob("*"):
        if path.is_file() and path.name not in unlisted:
            twin = second.folder / path.relative_to(first.folder)
            assert path.read_bytes() == twin.read_bytes(), path
    newest = make(gate.settings, order(gate, newest=True), tmp_path / "third")
    assert newest.packet.last_seq > second.packet.last_seq
    other = make(gate.settings, Order(gate.span, ("10.2",), "buho", pdf=False), tmp_path / "fourth")
    assert other.packet.seed != first.packet.seed


def test_the_seal_is_a_record_that_the_log_signs(gate: Gate, tmp_path: Path) -> None:
    made = make(gate.settings, order(gate), tmp_path / "out")
    body = (made.folder / "manifest.seal.json").read_bytes()
    proof = EntryProof.parse((made.folder / "manifest.seal.tlog-proof").read_text())
    (key,) = made.packet.keys
    proof.check(body, key)
    told = json.loads(body)
    assert told["type"] == "evidence.made" and told["data"]["manifest"] == made.sha256
    assert told["data"]["as_of_size"] == made.packet.last_seq


def test_a_redacted_packet_has_no_name_and_its_proofs_hold(gate: Gate, tmp_path: Path) -> None:
    made = make(gate.settings, order(gate, redacted=True), tmp_path / "out")
    for path in made.folder.rglob("*"):
        if path.is_file():
            assert b"Visitor 1" not in path.read_bytes(), path
            assert b"Ana" not in path.read_bytes() or path.suffix in {".html", ".py"}, path
    assert records_of(made.folder) == []
    assert made.proven.withheld == 80
    told = json.loads((made.folder / "packet.json").read_text())
    row = told["sections"][0]["samples"][0]["rows"][0]
    assert row["cells"]["name"] == "—" and row["cells"]["company"] == "Acme"


def test_a_span_without_records_is_a_packet_too(bare: Gate, tmp_path: Path) -> None:
    bare.sign()
    made = make(bare.settings, Order(bare.span, pdf=False), tmp_path / "out")
    assert made.packet.records["inside"] == 0 and made.packet.log.ok
    standings = {str(one.standing) for one in made.packet.sections}
    assert standings == {"not_shown"}


def test_whoever_interrupts_it_leaves_nothing(gate: Gate, tmp_path: Path) -> None:
    for step in ("log", "tables", "proofs", "seal"):

        def stop(at: str, done: int, of: int, step: str = step) -> None:
            if at == step:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make(gate.settings, order(gate), tmp_path / "out", stop)
        assert not [p for p in tmp_path.iterdir() if p.name != "site"], step


def test_the_command_makes_it_and_says_what_it_found(gate: Gate, tmp_path: Path) -> None:
    out = tmp_path / "october"
    days = ("--from", "2026-10-01", "--to", "2026-10-31", "--criterion", "10.2", "--no-pdf")
    done = gate.run("evidence", *days, "--word", "x", "-o", str(out))
    assert done.exit_code == 0, done.output
    assert "signed up to record" in done.output and "sealed" in done.output
    assert (tmp_path / "october.zip").exists()
    again = gate.run("evidence", *days, "-o", str(out))
    assert again.exit_code == 1 and "already" in again.output
    wrong = gate.run("evidence", *days, "--criterion", "99.9", "-o", str(tmp_path / "x"))
    assert wrong.exit_code == 2 and "99.9" in wrong.output
    for odd in ("2026-13-01", "yesterday", "2026-10-99"):
        assert gate.run("evidence", "--from", odd, "-o", str(out)).exit_code == 2
    late = gate.run("evidence", "--from", "2026-10-02", "--to", "2026-10-01", "-o", str(out) + "2")
    assert late.exit_code == 1
