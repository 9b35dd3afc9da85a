"""A witness whose file is lost or damaged cosigns nothing, until its owner says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.witness import app
from gateway.proof import note
from gateway.witness.config import WitnessTable, load
from gateway.witness.service import Witness
from gateway.witness.store import StoreError
from tests.gateway.damage import DAMAGED, KINDS, aside, hurt
from tests.gateway.witness.conftest import LOG, NOW, GrowingLog

run = CliRunner().invoke


@pytest.fixture
def table(tmp_path: Path) -> WitnessTable:
    """A witness that has cosigned seven records of the log."""
    path = tmp_path / "witness.toml"
    path.write_text(f'name = "w.example/1"\nlogs = ["{LOG.key}"]\n')
    table = load(path)
    signer, store = table.opened()
    witness = Witness(signer, table.known, store, lambda: NOW)
    assert witness.add_checkpoint(GrowingLog().request(0, 7)).status == 200
    store.close()
    return table


@pytest.mark.parametrize("kind", KINDS)
def test_at_a_start_it_cosigns_nothing_and_the_file_stays(table: WitnessTable, kind: str) -> None:
    path = table.database
    hurt(path, kind)
    before = path.read_bytes() if path.is_file() else None
    for _ in range(2):  # not at the second start either
        with pytest.raises(StoreError, match="cosigns nothing"):
            table.opened()
    assert (path.read_bytes() if path.is_file() else None) == before and not aside(path)
    done = run(app, ["-c", str(path.parent / "witness.toml"), "logs"])
    assert done.exit_code == 5, done.output


@pytest.mark.parametrize("kind", KINDS)
def test_its_owner_begins_anew_and_what_was_damaged_is_kept(table: WitnessTable, kind: str) -> None:
    path, config = table.database, str(table.database.parent / "witness.toml")
    assert run(app, ["-c", config, "anew"]).exit_code == 1  # it is good
    hurt(path, kind)
    done = run(app, ["-c", config, "anew"])
    assert done.exit_code == 0, done.output
    assert len(aside(path)) == (kind != "missing")
    signer, store = table.opened()
    assert Witness(signer, table.known, store).add_checkpoint(GrowingLog().request(0, 3))
    store.close()


@pytest.mark.parametrize("kind", DAMAGED)
def test_while_it_works_it_never_takes_a_log_back(table: WitnessTable, kind: str) -> None:
    """Its file is damaged under it; a log that was cut is not cosigned, now or after a restart."""
    signer, store = table.opened()
    witness = Witness(signer, table.known, store, lambda: NOW)
    hurt(table.database, kind)
    cut, fork = GrowingLog(), GrowingLog(fork=3)
    for request in (cut.request(0, 5), fork.request(0, 9), fork.request(7, 9)):
        assert witness.add_checkpoint(request).status in (409, 422, 503)
    store.close()
    with pytest.raises(StoreError):
        table.opened()


def test_the_key_alone_is_not_a_new_witness(table: WitnessTable) -> None:
    """`garita witness key` makes both; only a witness without a key is new."""
    config = str(table.database.parent / "witness.toml")
    table.database.unlink()
    assert run(app, ["-c", config, "key"]).exit_code == 0  # it can still be named
    assert not table.database.exists()
    table.key_file.unlink()
    assert run(app, ["-c", config, "key"]).exit_code == 0
    assert table.opened()[1].all() == []


def test_a_log_that_a_gate_began_anew_is_a_log_of_its_own_and_is_told(
    table: WitnessTable, caplog: pytest.LogCaptureFixture
) -> None:
    signer, store = table.opened()
    witness = Witness(signer, table.known, store, lambda: NOW)
    began = GrowingLog(note.Signer("garita/gate-1/ffffffffffffffff", LOG.private))
    assert witness.add_checkpoint(began.request(0, 2)).status == 200
    assert "began anew" in caplog.text
    caplog.clear()
    assert witness.add_checkpoint(began.request(2, 4)).status == 200
    assert not caplog.text  # once
    store.close()
    shown = run(app, ["-c", str(table.database.parent / "witness.toml"), "logs", "--json"])
    told = {one["origin"]: one["began_anew"] for one in json.loads(shown.output)}
    assert told == {LOG.name: False, began.signer.name: True}
