"""The crash lab finds what a careless program would lose, and nothing in ours.

GARITA_SOAK_TRIALS=500 makes the long form: so many crashes of each kind.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.rig import Rig
from gateway.ledger import Ledger
from gateway.ledger.event import EventType, NewEvent
from gateway.selftest.crashes import Crashes
from gateway.selftest.judge import Judge, Promises
from gateway.selftest.nursery import Nursery
from gateway.selftest.soak import KINDS, soak
from gateway.selftest.sqlitevfs import NoSqlite
from gateway.selftest.tally import Tally, highest_rate

TRIALS = int(os.environ.get("GARITA_SOAK_TRIALS", "0"))


@pytest.mark.slow
@pytest.mark.timeout(120 + 5 * TRIALS)
@pytest.mark.parametrize("kind", ["kill", "power", "full", "errors"])
def test_the_logs_writer_loses_nothing(tmp_path: Path, kind: str) -> None:
    result = soak(tmp_path, seed=random.getrandbits(32), trials=TRIALS or 12, kinds=(kind,))
    (tally,) = result.tallies
    assert tally.faults == []
    assert tally.tried == (TRIALS or 12)
    assert tally.promised > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.timeout(400 + 10 * TRIALS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("gate-")])
def test_the_gateway_loses_nothing_and_opens_no_door_without_a_record(
    tmp_path: Path, kind: str
) -> None:
    result = soak(tmp_path, seed=random.getrandbits(32), trials=TRIALS or 3, kinds=(kind,))
    (tally,) = result.tallies
    assert tally.faults == []
    assert tally.tried == (TRIALS or 3)


@pytest.mark.slow
async def test_a_disk_that_lies_is_found_by_the_lab(tmp_path: Path) -> None:
    """The lab can fail: on a disk that syncs nothing, what was promised is gone."""
    nursery = Nursery()
    tally = Tally("power")
    try:
        await Crashes(tmp_path, nursery, 1).run("lies", 40, float("inf"), tally)
    finally:
        await nursery.close()
    assert any("is gone" in fault or "are here" in fault for fault in tally.faults)
    assert list(tmp_path.glob("fault-*"))


def test_a_door_that_opened_without_a_record_is_found(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ledger = Ledger.open(data / "ledger.db", gateway="g")
    record = ledger.append_sync(NewEvent(EventType.ACCESS_GRANTED, "yard", {}))
    ledger.close()
    judge = Judge(data, tmp_path / "judge")
    judge.look(Promises(records=[(record.seq, record.id, record.hash)], opened=1))
    assert judge.faults == []
    judge = Judge(data, tmp_path / "judge")
    judge.look(Promises(records=[(2, record.id, "00"), (3, "x", "00")], opened=2, acts=[1]))
    said = " ".join(judge.faults)
    assert "a door was unlocked 2 times, and 1 grants are on record" in said
    assert "record 2 is another one than was acknowledged" in said
    assert "record 3 was acknowledged and is gone" in said


def test_a_python_with_its_own_sqlite_skips_the_power_cuts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise NoSqlite

    monkeypatch.setattr("gateway.selftest.soak.find_vfs", none)
    result = soak(tmp_path, seed=1, trials=1, kinds=("power", "gate-power", "full", "errors"))
    assert result.tallies == []
    assert result.skipped == ("power", "gate-power", "full", "errors")


def test_the_rule_of_three() -> None:
    assert highest_rate(0) == 1.0
    for trials in (30, 300, 5000):
        exact = 1 - 0.05 ** (1 / trials)
        assert exact < highest_rate(trials) < exact * 1.06


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_the_command_says_what_was_tried(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    (rig.folder / "data").mkdir()
    done = await rig.acli(
        "selftest", "--soak", "--trials", "1", "--json", "--seed", "5", process=True
    )
    said = json.loads(done.stdout)
    assert said["ok"]
    assert {item["kind"] for item in said["trials"]} == set(KINDS)
    assert list((rig.folder / "data").iterdir()) == []
