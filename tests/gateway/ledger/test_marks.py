"""The times by which the clock is judged: kept with each record, over restarts and kills."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.ledger import Ledger, LedgerReader, chain
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.marks import Marks

NOW = datetime.now(UTC).replace(microsecond=0)


def at(hours: float, kind: EventType = EventType.DOOR_OPENED) -> NewEvent:
    return NewEvent(kind, "gate", time=NOW + timedelta(hours=hours))


def reopened(path: Path) -> Ledger:
    ledger = Ledger.open(path, gateway="g")
    ledger.close()
    return ledger


def newest(path: Path) -> timedelta:
    """How far the greatest time lies from NOW, as a new start reads it."""
    found = reopened(path).marks.newest
    assert found is not None
    return found - NOW


async def test_a_wrong_clock_does_not_become_the_yardstick_at_its_second_boot(
    tmp_path: Path,
) -> None:
    """A1: the time of the newest record counted, which the wrong clock itself had written."""
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    await ledger.append(at(1))
    ledger.close()
    for _ in range(3):
        ledger = Ledger.open(path, gateway="g")
        await ledger.append(at(-24 * 365, EventType.GATEWAY_STARTED))
        ledger.close()
    assert newest(path) == timedelta(hours=1)


async def test_an_accepted_time_is_the_yardstick_from_there_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    for event in (at(90_000), at(1, EventType.CLOCK_ACCEPTED), at(0.5)):
        await ledger.append(event)
    ledger.close()
    assert newest(path) == timedelta(hours=1)
    assert ledger.marks.proven == NOW + timedelta(hours=1)


async def test_only_a_clock_beyond_doubt_moves_the_sure_time(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    assert ledger.marks.proven is None
    ledger.judge_clock_by(lambda: True)
    await ledger.append(at(1))
    ledger.judge_clock_by(lambda: False)
    await ledger.append(at(90_000))
    ledger.close()
    marks = reopened(path).marks
    assert marks.proven == NOW + timedelta(hours=1)
    assert marks.newest == NOW + timedelta(hours=90_000)
    with closing(LedgerReader(path)) as reader:
        assert reader.marks() == marks


_WRITER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from gateway.ledger import Ledger
from gateway.ledger.event import EventType, NewEvent

async def main():
    ledger = Ledger.open(Path(sys.argv[1]), gateway="g")
    n = 0
    while True:  # ahead and back again, in turn: the newest record is not the greatest time
        n += 1
        days = n if n % 2 else -n
        event = NewEvent(EventType.DOOR_OPENED, "g", time=datetime.now(UTC) + timedelta(days=days))
        record = await ledger.append(event)
        print(record.time, flush=True)

asyncio.run(main())
"""


async def test_kill_9_loses_no_yardstick_that_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [await asyncio.to_thread(process.stdout.readline) for _ in range(25)]
    os.kill(process.pid, signal.SIGKILL)
    told += process.stdout.read().splitlines()[:-1]  # the last line may be half written
    process.wait()
    process.stdout.close()
    found = reopened(path).marks
    with closing(LedgerReader(path)) as reader:
        times = [event.time for event in reader.after(0, 10_000)]
    assert found.high == max(times) >= max(line.strip() for line in told)
    assert found.high != times[-1] or len(times) % 2 == 0


async def old(path: Path, *events: NewEvent) -> None:
    """A log as the program of before the marks left it."""
    ledger = Ledger.open(path, gateway="g")
    for event in events:
        await ledger.append(event)
    ledger.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE clock_marks")


async def test_a_log_of_before_the_marks_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    accepted = at(3, EventType.CLOCK_ACCEPTED)
    await old(path, at(90_000), accepted, at(4), at(-9000))
    with closing(LedgerReader(path)) as reader:
        assert reader.marks() == Marks()
    ledger = Ledger.open(path, gateway="g")
    assert ledger.marks.newest == ledger.marks.proven == NOW + timedelta(hours=4)
    await ledger.append(at(-9000))
    ledger.close()
    assert newest(path) == timedelta(hours=4)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE clock_marks SET seq = 99",  # of another log
        "UPDATE clock_marks SET high = 'later'",
        "UPDATE clock_marks SET sure = '?'",
        "DELETE FROM clock_marks",
    ],
)
async def test_marks_that_cant_be_of_this_log_are_read_from_the_records(
    tmp_path: Path, sql: str
) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    await ledger.append(at(5))
    await ledger.append(at(-5))
    ledger.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql)
    assert newest(path) == timedelta(hours=5)


async def test_records_that_an_older_program_added_count(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    ledger.judge_clock_by(lambda: True)
    await ledger.append(at(1))
    ledger.close()
    with closing(sqlite3.connect(path)) as db, db:
        (digest,) = db.execute("SELECT hash FROM events WHERE seq = 2").fetchone()
        for seq, event in ((3, at(7)), (4, at(-7))):
            body = chain.body_of(event, f"x-{seq}", NOW)
            digest = chain.link(digest, seq, chain.digest_of(body))
            db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (seq, body, digest))
    marks = reopened(path).marks
    assert marks.newest == NOW + timedelta(hours=7)
    assert marks.proven == NOW + timedelta(hours=1)  # it judged no clock


async def test_a_damaged_record_in_an_old_log_does_not_become_the_yardstick(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    await old(path, at(1), at(2), at(3))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER events_no_update")
        db.execute('UPDATE events SET body = \'{"time":"zzzz"}\' WHERE seq = 2')
        db.execute("UPDATE events SET body = '{' WHERE seq = 3")
    assert newest(path) == timedelta(hours=3)


async def test_a_long_log_does_not_make_the_start_slow(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path, gateway="g").close()
    body = chain.body_of(at(0), "x", NOW)
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "INSERT INTO events VALUES (?, NULL, ?, ?)",
            ((seq, body, bytes(32)) for seq in range(2, 200_001)),
        )
    reopened(path)  # reads all, once
    ledger = Ledger.open(path, gateway="g")
    await ledger.append(at(0))
    ledger.close()
    begun = time.process_time()
    reopened(path)
    assert time.process_time() - begun < 0.1
