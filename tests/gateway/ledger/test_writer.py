"""The writer beside its main path: events for which nobody waits, pings, damaged files."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, EventType, NewEvent

OPENED = NewEvent(EventType.DOOR_OPENED, "gate")


async def test_an_event_for_which_nobody_waits_is_recorded_or_missed_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    ledger.note(OPENED)
    ledger.note(NewEvent(EventType.DOOR_OPENED, "gate", {"x": object()}))
    assert await ledger.ping(5.0)
    await ledger.append(OPENED)
    assert ledger.last_seq == 3 and "could not be recorded" in caplog.text
    ledger.close()


async def test_a_ping_answers_while_the_thread_lives_and_leaves_no_record(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    assert all(await asyncio.gather(*(ledger.ping(5.0) for _ in range(20))))
    assert ledger.last_seq == 1
    ledger.close()
    assert not await ledger.ping(0.05)


async def test_an_observer_sees_each_record_and_can_do_no_harm(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    seen: list[int] = []

    def observe(event: Event) -> None:
        seen.append(event.seq)
        raise ValueError("a bug of the observer")

    ledger.observe(observe)
    for _ in range(3):
        await ledger.append(OPENED)
    assert seen == [2, 3, 4]
    ledger.close()


def test_without_a_loop_and_after_its_end(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    assert ledger.append_sync(OPENED).seq == 2

    async def nobody_waits() -> None:
        ledger.append_soon(OPENED)

    asyncio.run(nobody_waits())
    assert ledger.append_sync(OPENED).seq == 4
    ledger.close()
    with closing(LedgerReader(tmp_path / "ledger.db")) as reader:
        assert reader.verify().ok


@pytest.mark.parametrize("body", ["", "[]", '{"id": 1}', '{"time":"x","type":"a","data":{}}'])
async def test_a_newest_record_that_is_damaged_is_not_written_after(
    tmp_path: Path, body: str
) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path, gateway="g").close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO events VALUES (2, NULL, ?, ?)", (body, b"x"))
    with pytest.raises(LedgerUnavailable, match="a record is damaged"):
        Ledger.open(path, gateway="g")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 2


async def test_a_caller_that_gave_up_leaves_no_record(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g", batch=1)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = ledger.append_soon(OPENED)
        gone = ledger.append_soon(NewEvent(EventType.DOOR_CLOSED, "gate"))
        gone.cancel()
        other.execute("COMMIT")
    assert (await first).seq == 2
    assert (await ledger.append(OPENED)).seq == 3
    with closing(LedgerReader(tmp_path / "ledger.db")) as reader:
        assert [e.type for e in reader.after(1, 9)] == [EventType.DOOR_OPENED] * 2
    ledger.close()
