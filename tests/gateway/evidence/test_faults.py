"""A log that is broken, archives that are missing, a clock that jumped, a disk that is full, a
process that is killed: the packet says so, or nothing of it is there."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.daemon.openlog import open_log
from gateway.evidence.collect import Order
from gateway.evidence.errors import PacketError
from gateway.evidence.make import Made, make
from gateway.ledger import archiver
from gateway.ledger.archiver import Wanted
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.evidence.conftest import OCTOBER, Gate, visit
from tests.gateway.evidence.test_checked import check


def packet(gate: Gate, output: Path, **more: object) -> Made:
    order = Order(gate.span, ("10.2",), "x", **{"pdf": False, **more})  # type: ignore[arg-type]
    return make(gate.settings, order, output)


def changed(gate: Gate, *statements: str) -> None:
    """What somebody does to the file who wants to hide something."""
    with closing(sqlite3.connect(gate.settings.ledger_path)) as db, db:
        for name in ("events_no_update", "events_no_delete"):
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert db.execute(statement).rowcount


HIDDEN = """UPDATE events SET body = replace(body, 'Visitor 7"', 'Nobody at all"')
            WHERE body LIKE '%Visitor 7"%'"""


def test_a_record_that_was_changed_is_told_first_and_not_proven(gate: Gate, tmp_path: Path) -> None:
    changed(gate, HIDDEN)
    made = packet(gate, tmp_path / "out")
    assert not made.packet.log.ok
    assert [what for _, what in made.packet.log.problems if "changed" in what]
    assert made.proven.unproven == 80  # the log is small: its tree has no stored part to compare
    told = json.loads((made.folder / "packet.json").read_text())
    assert told["log"]["ok"] is False and told["log"]["problems"]
    done = check(made.folder)
    assert done.returncode == 3 and "says itself that the log is not whole" in done.stdout


def test_in_a_larger_log_the_others_are_proven_all_the_same(gate: Gate, tmp_path: Path) -> None:
    gate.note([one for n in range(100) for one in visit(200 + n, OCTOBER + timedelta(days=3))])
    gate.sign()
    changed(gate, HIDDEN)
    made = packet(gate, tmp_path / "out")
    assert not made.packet.log.ok and made.proven.unproven == 2
    done = check(made.folder)
    assert done.returncode == 0, done.stdout  # what it shows is proven
    assert "2 quoted records could not be proven, as the packet says itself" in done.stdout


def test_records_that_were_taken_out_are_told(gate: Gate, tmp_path: Path) -> None:
    changed(gate, "DELETE FROM events WHERE seq BETWEEN 30 AND 39")
    made = packet(gate, tmp_path / "out")
    assert (30, "records 30 to 39 are missing") in made.packet.log.problems
    assert made.proven.why is not None
    done = check(made.folder)
    assert done.returncode == 3 and "not those that were signed" in done.stdout


def test_a_body_that_cannot_be_read_and_odd_ones_do_not_end_it(gate: Gate, tmp_path: Path) -> None:
    odd: list[object] = [None, [], {"id": []}, "x" * 100_000, 10**30, {"en": {"es": 1}}]
    for value in odd:
        data = {"visit": value, "name": value, "host": value, "arrived_at": value, "by": value}
        gate.note([NewEvent(EventType.VISIT_ARRIVED, "9", data, OCTOBER)])
        gate.note([NewEvent(EventType.VISIT_DEPARTED, "9", data, OCTOBER)])
    gate.sign()
    made = packet(gate, tmp_path / "out", newest=True)
    assert made.packet.log.ok
    everything = make(
        gate.settings, Order(gate.span, pdf=False, newest=True, zip=False), tmp_path / "all"
    )
    assert everything.packet.log.ok


def test_a_clock_that_jumped_is_told_and_breaks_nothing(gate: Gate, tmp_path: Path) -> None:
    gate.note(visit(70, OCTOBER + timedelta(days=2)))
    gate.sign()
    made = packet(gate, tmp_path / "out")
    assert made.packet.log.ok and made.packet.log.clock_back
    assert made.packet.last_seq > 85  # the late record is of the span, and is covered
    told = json.loads((made.folder / "packet.json").read_text())
    assert told["log"]["clock_back"][0]["seconds"] > 86_400


def test_a_disk_that_is_full_leaves_nothing(gate: Gate, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    for limit in (50_000, 120_000, 200_000):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(PacketError):
                packet(gate, tmp_path / "out")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert set(tmp_path.iterdir()) == before, limit


def test_a_folder_that_is_not_there_or_not_empty_is_refused(gate: Gate, tmp_path: Path) -> None:
    with pytest.raises(PacketError):
        packet(gate, tmp_path / "no" / "such" / "out")
    (tmp_path / "out").mkdir()
    packet(gate, tmp_path / "out")  # an empty folder is as good as none
    with pytest.raises(PacketError):
        packet(gate, tmp_path / "out")
    (tmp_path / "two.zip").write_text("mine")
    with pytest.raises(PacketError):
        packet(gate, tmp_path / "two")
    assert (tmp_path / "two.zip").read_text() == "mine" and not (tmp_path / "two").exists()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PacketError):
        packet(gate, tmp_path / "link")


_SLOW = """
import sys, time
from gateway.cli import evidence
from gateway.cli.main import app
whole = evidence.make
def slow(settings, order, output, progress):
    def stop(step, done, of):
        if step == "proofs":
            print("there", flush=True)
            time.sleep(60)
    return whole(settings, order, output, stop)
evidence.make = slow
app(sys.argv[1:])
"""


@pytest.mark.slow
def test_whoever_is_ended_or_killed_in_the_middle_leaves_nothing(
    gate: Gate, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    words = ("evidence", "--from", "2026-10-01", "--criterion", "10.2", "--no-pdf")
    command = [sys.executable, "-c", _SLOW, *words, "-o", str(folder / "out")]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        with subprocess.Popen(
            [*command, "-c", str(gate.settings.path)], stdout=subprocess.PIPE, env=os.environ
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"there\n"
            process.send_signal(number)
            process.wait(20)
        left = list(folder.iterdir())
        if number is not signal.SIGKILL:
            assert left == [], number
    assert len(left) == 1 and left[0].name.startswith(".out.")
    time.sleep(0.01)
    packet(gate, folder / "out")  # the next one takes away what was left
    assert {one.name for one in folder.iterdir()} == {"out", "out.zip"}


def test_an_archive_that_is_missing_is_told_and_the_rest_is_shown(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiver, "STEP", 256)
    monkeypatch.setattr(archiver, "MOST", 256)
    gate.note([one for n in range(200) for one in visit(200 + n, OCTOBER + timedelta(days=9))])
    gate.sign()
    path = gate.settings.ledger_path
    whole = packet(gate, tmp_path / "whole")

    async def archive() -> None:
        with closing(open_log(gate.settings)) as ledger:
            made = archiver.next_archive(path, Wanted(before="9999"))
            assert made is not None
            await ledger.enter_archive(made)
            await ledger.prune()

    asyncio.run(archive())
    kept = packet(gate, tmp_path / "kept")
    assert kept.sha256 == whole.sha256  # archived or not, it is the same packet
    (file,) = (path.parent / "archive").iterdir()
    file.unlink()
    made = packet(gate, tmp_path / "out")
    ((first, last, why),) = made.packet.log.missing
    assert (first, last) == (1, 256) and file.name in why and not made.packet.log.ok
    assert made.packet.log.signed and made.proven.unproven == 0
    told = json.loads((made.folder / "packet.json").read_text())
    assert told["log"]["missing"][0]["last"] == last
    done = check(made.folder)
    assert done.returncode == 0 and "not whole" in done.stdout, done.stdout
