"""The ledger: what was answered is on disk, in order, without holes, and can be checked."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import Ledger, LedgerBusy, LedgerReader, LedgerUnavailable, chain
from gateway.ledger.event import NewEvent


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g", timeout_s=5)
    yield ledger
    ledger.close()


def reader(tmp_path: Path) -> LedgerReader:
    return LedgerReader(tmp_path / "ledger.db")


def number(seq: int) -> NewEvent:
    return NewEvent("test.event", "door", {"n": seq})


async def test_the_first_record_names_the_chain(ledger: Ledger, tmp_path: Path) -> None:
    event = await ledger.append(number(1))
    first = reader(tmp_path).get(1)
    assert first is not None and first.type == "ledger.created"
    assert event.seq == 2 and event.id == f"{first.data['chain']}-2" and event.prev == first.hash


async def test_order_is_kept_and_all_are_there(ledger: Ledger, tmp_path: Path) -> None:
    futures = [ledger.append_soon(number(n)) for n in range(1000)]
    events = await asyncio.gather(*futures)
    assert [event.seq for event in events] == list(range(2, 1002))
    stored = reader(tmp_path).after(1, 2000)
    assert [event.data["n"] for event in stored] == list(range(1000))
    assert stored == events
    assert reader(tmp_path).verify().ok


async def test_an_id_is_taken_once(ledger: Ledger) -> None:
    one = NewEvent("people.synced", "people", {"version": 1}, id="b2c1")
    first = await ledger.append(one)
    again, other = await asyncio.gather(ledger.append_soon(one), ledger.append_soon(number(1)))
    assert again.seq == first.seq and other.seq == first.seq + 1


async def test_a_second_writer_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(LedgerBusy, match=f"by process {os.getpid()}") as busy:
        Ledger.open(tmp_path / "ledger.db", gateway="g")
    assert busy.value.pid == os.getpid()


async def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for _ in range(3):
        ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
        await ledger.append(number(1))
        ledger.close()
    assert [e.seq for e in reader(tmp_path).after(0, 10)] == [1, 2, 3, 4]
    assert reader(tmp_path).verify().ok


async def test_a_clock_that_jumps_back_does_not_break_the_chain(
    ledger: Ledger, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    for back in (0, 3600, 7200):
        await ledger.append(NewEvent("t", time=now - timedelta(seconds=back)))
    times = [event.time for event in reader(tmp_path).after(1, 10)]
    assert times == sorted(times, reverse=True)
    assert reader(tmp_path).verify().ok


async def test_an_event_that_is_no_json_fails_alone(ledger: Ledger) -> None:
    bad = [{"x": float("nan")}, {"x": object()}, {"x": "\ud800"}]
    futures = [ledger.append_soon(NewEvent("t", data=data)) for data in bad]
    good = ledger.append_soon(number(1))
    for future in futures:
        with pytest.raises(ValueError):
            await future
    assert (await good).seq == 2


async def test_waiting_for_growth(ledger: Ledger) -> None:
    waiting = [asyncio.create_task(ledger.wait_beyond(2)) for _ in range(2)]
    await ledger.append(number(1))
    assert not any(task.done() for task in waiting)
    await ledger.append(number(2))
    async with asyncio.timeout(2):
        await asyncio.gather(*waiting)
    assert await ledger.ping(2.0)


async def test_close_writes_what_is_queued(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    futures = [ledger.append_soon(number(n)) for n in range(50)]
    ledger.close()
    await asyncio.gather(*futures)
    assert reader(tmp_path).last_seq == 51


# Faults of the disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, where we may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_refuses_and_recovers_by_itself(small_disk: Path) -> None:
    path = small_disk / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(b"x" * 4096)
    refused = 0
    with pytest.raises(LedgerUnavailable):
        for _ in range(200):  # what the write-ahead log still has room for is written
            await ledger.append(NewEvent("t", data={"x": "y" * 2000}))
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            await ledger.append(NewEvent("t", data={"x": "y" * 2000}))
        refused += 1
    assert ledger.failed_since == refused + 1
    last = ledger.last_seq
    ballast.unlink()
    event = await ledger.append(number(1))
    assert event.seq == last + 2 and ledger.failed_since == 0
    recovered = LedgerReader(path).get(last + 1)
    assert recovered is not None and recovered.type == "ledger.recovered"
    assert recovered.data == {"refused": refused + 1}
    assert LedgerReader(path).verify().ok
    ledger.close()


async def test_a_read_only_disk_refuses_and_recovers_by_itself(small_disk: Path) -> None:
    path = small_disk / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    await ledger.append(number(1))
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    # A file that is open for writing keeps a disk from being read-only: SQLite's own guard
    # is used instead, on the writer's connection.
    assert ledger._pen._db is not None
    ledger._pen._db.execute("PRAGMA query_only = 1")
    with pytest.raises(LedgerUnavailable, match="readonly"):
        await ledger.append(number(2))
    assert (await ledger.append(number(3))).seq == 4  # opened anew, without the guard
    ledger.close()
    assert subprocess.run(remount, check=False).returncode == 0
    with pytest.raises(LedgerUnavailable):
        Ledger.open(path, gateway="g")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    Ledger.open(path, gateway="g").close()


async def test_somebody_elses_lock_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g", timeout_s=5)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="locked"):
        await ledger.append(number(1))
    other.execute("ROLLBACK")
    assert (await ledger.append(number(2))).seq == 3
    ledger.close()


async def test_a_record_that_comes_too_late_is_followed_by_saying_so(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g", timeout_s=0.2)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match=r"0\.2 s"):
        await ledger.append(number(1))
    other.execute("ROLLBACK")
    async with asyncio.timeout(5):
        while ledger.last_seq < 3:  # the late one reached the disk after all
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    await ledger.append(number(2))
    kinds = [event.type for event in reader(tmp_path).after(1, 10)]
    assert kinds == ["ledger.recovered", "test.event", "ledger.late", "test.event"]
    late = reader(tmp_path).get(4)
    assert late is not None and late.data == {"seqs": [3]}
    ledger.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from gateway.ledger import Ledger
from gateway.ledger.event import NewEvent
async def main():
    ledger = Ledger.open(Path(sys.argv[1]), gateway="g")
    async def one(n):
        event = await ledger.append(NewEvent("t", data={"n": n}))
        print(event.seq, event.hash, flush=True)
    n = 0
    while True:
        await asyncio.gather(*(one(n + i) for i in range(20)))
        n += 20
asyncio.run(main())
"""


@pytest.mark.slow
async def test_kill_9_under_load_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    answered: dict[int, str] = {}
    for round_ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, str(path), stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(300 + 77 * round_):
            seq, digest = (await process.stdout.readline()).split()
            answered[int(seq)] = digest.decode()
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    stored = {event.seq: event.hash for event in reader(tmp_path).after(0, 100_000)}
    assert answered.items() <= stored.items()
    report = reader(tmp_path).verify()
    assert report.ok and report.count == report.head_seq == len(stored)


# Verification


async def fill(path: Path, count: int = 20) -> None:
    ledger = Ledger.open(path, gateway="g")
    await asyncio.gather(*(ledger.append_soon(number(n)) for n in range(count)))
    ledger.close()


def tamper(path: Path, sql: str) -> None:
    db = sqlite3.connect(path)
    db.executescript("DROP TRIGGER events_no_update; DROP TRIGGER events_no_delete;")
    db.executescript(sql)
    db.close()


TAMPERING = [
    ("UPDATE events SET body = replace(body, '\"n\":5', '\"n\":6') WHERE seq = 7", 7, "changed"),
    ("UPDATE events SET hash = zeroblob(32) WHERE seq = 7", 7, "changed"),
    ("UPDATE events SET hash = 'x' WHERE seq = 7", 7, "not in its form"),
    ("DELETE FROM events WHERE seq = 7", 7, "records 7 to 7 are missing"),
    ("DELETE FROM events WHERE seq BETWEEN 7 AND 9", 7, "records 7 to 9 are missing"),
    ("DELETE FROM events WHERE seq = 1", 1, "missing"),
    ("UPDATE events SET seq = 100 WHERE seq = 7", 7, "missing"),
    ("UPDATE events SET id = 'other' WHERE seq = 7", 7, "id was changed"),
    ("UPDATE events SET body = '{' WHERE seq = 7", 7, "changed"),
    ("DROP TRIGGER IF EXISTS x; DELETE FROM events", 0, "empty"),
]


@pytest.mark.parametrize(("sql", "seq", "what"), TAMPERING)
async def test_tampering_is_found(tmp_path: Path, sql: str, seq: int, what: str) -> None:
    await fill(tmp_path / "ledger.db")
    assert reader(tmp_path).verify().ok
    tamper(tmp_path / "ledger.db", sql)
    report = reader(tmp_path).verify()
    assert not report.ok
    assert any(p.seq == seq and what in p.what for p in report.problems), report.problems


async def test_a_log_cut_off_or_written_anew_is_found_by_a_head_noted_elsewhere(
    tmp_path: Path,
) -> None:
    await fill(tmp_path / "ledger.db")
    head = reader(tmp_path).verify()
    noted = (head.head_seq, head.head_hash)
    assert reader(tmp_path).verify(head=noted).ok
    tamper(tmp_path / "ledger.db", "DELETE FROM events WHERE seq > 10")
    assert reader(tmp_path).verify().ok  # the chain alone can't tell
    assert not reader(tmp_path).verify(head=noted).ok
    (tmp_path / "ledger.db").unlink()
    await fill(tmp_path / "ledger.db")
    assert not reader(tmp_path).verify(head=noted).ok


async def test_the_table_refuses_changes_by_accident(tmp_path: Path) -> None:
    await fill(tmp_path / "ledger.db")
    db = sqlite3.connect(tmp_path / "ledger.db")
    for sql in ("UPDATE events SET body = '{}'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(sql)
    db.close()


def test_no_log_and_no_database_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="no log yet"):
        reader(tmp_path).tail(1)
    (tmp_path / "ledger.db").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(LedgerUnavailable, match="not a database"):
        reader(tmp_path).tail(1)
    with pytest.raises(LedgerUnavailable, match="not a database"):
        Ledger.open(tmp_path / "ledger.db", gateway="g")


async def test_reading(tmp_path: Path) -> None:
    await fill(tmp_path / "ledger.db")
    log = reader(tmp_path)
    assert [e.seq for e in log.tail(3)] == [19, 20, 21]
    assert log.get(0) is None and log.get(22) is None
    assert [e.data["n"] for e in log.search(type_prefix="test", subject="door")] == list(range(20))
    assert list(log.search(since="2100-01-01")) == []
    chained = log.after(0, 100)
    assert all(a.hash == b.prev for a, b in zip(chained, chained[1:], strict=False))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), json_values))
def test_a_body_reads_back_as_it_was_and_is_canonical(data: dict[str, object]) -> None:
    try:
        body = chain.body_of(NewEvent("t", data=data), "id", datetime.now(UTC))
    except ValueError:
        return  # a lone surrogate
    event = chain.to_event(1, body, b"", b"")
    assert event.data == data
    assert (
        chain.canonical({"data": data, "id": "id", "subject": "", "time": event.time, "type": "t"})
        == body
    )
