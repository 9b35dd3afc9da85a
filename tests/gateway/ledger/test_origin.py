"""A log that lost its end, or is another one: it goes on under a new name, and says so."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.origin import MOST_MISSING, Known, Loss, find_loss

FIELDS = ("seq", "id", "hash")


def number(n: int) -> NewEvent:
    return NewEvent(EventType.DOOR_REX, "yard", {"n": n})


async def log_of(path: Path, count: int) -> Event:
    """A log of `count` records beside its first; returns the last."""
    ledger = Ledger.open(path, gateway="g")
    for n in range(count):
        last = await ledger.append(number(n))
    ledger.close()
    return last


def chain_of(path: Path) -> str:
    with closing(LedgerReader(path)) as reader:
        first = reader.get(1)
        assert first is not None
        return str(first.data["chain"])


def rows(path: Path) -> list[Event]:
    with closing(LedgerReader(path)) as reader:
        return reader.after(0, 10_000)


def cut(path: Path, after: int) -> None:
    """The end of the log is gone, as from a card that lost writes."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER events_no_delete")
        db.execute("DELETE FROM events WHERE seq > ?", (after,))
        db.execute("DELETE FROM clock_marks")


async def test_a_log_that_lost_its_end_uses_no_number_and_no_id_twice(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    last = await log_of(path, 20)
    before = {event.id for event in rows(path)}
    cut(path, 12)
    known = Known("cursor", chain_of(path), last.seq)
    ledger = Ledger.open(path, gateway="g", known=[known])
    after = await ledger.append(number(99))
    ledger.close()
    first = rows(path)[12]
    assert (first.seq, first.type) == (last.seq + 1, "ledger.created")
    assert first.data["follows"] == {
        "chain": known.chain,
        "seq": 12,
        "hash": rows(path)[11].hash,
        "known_chain": known.chain,
        "known_seq": last.seq,
        "known_by": "cursor",
        "missing": last.seq - 12,
    }
    assert after.seq == last.seq + 2
    assert {first.id, after.id}.isdisjoint(before)
    assert after.id.startswith(f"{first.data['chain']}-")


async def test_it_goes_on_in_the_new_origin_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    last = await log_of(path, 5)
    cut(path, 3)
    known = [Known("cursor", chain_of(path), last.seq)]
    Ledger.open(path, gateway="g", known=known).close()
    again = Ledger.open(path, gateway="g", known=known)
    record = await again.append(number(1))
    again.close()
    assert [event.type for event in rows(path)].count("ledger.created") == 2
    assert record.id.startswith(str(rows(path)[3].data["chain"]))


async def test_an_older_copy_put_back_is_noticed_by_its_hash_too(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    last = await log_of(path, 5)
    shutil.copy(path, tmp_path / "old.db")
    ledger = Ledger.open(path, gateway="g")
    newer = await ledger.append(number(6))
    ledger.close()
    # The copy is put back and grows again to the same length.
    shutil.copy(tmp_path / "old.db", path)
    ledger = Ledger.open(path, gateway="g")
    other = await ledger.append(number(7))
    ledger.close()
    assert other.seq == newer.seq == last.seq + 1
    known = Known("people.db", chain_of(path), newer.seq, newer.hash)
    ledger = Ledger.open(path, gateway="g", known=[known])
    assert ledger.follows is not None
    ledger.close()


async def test_a_log_that_is_gone_begins_behind_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g", known=[Known("cursor", "0123456789abcdef", 191)])
    record = await ledger.append(number(1))
    ledger.close()
    assert record.seq == 193
    assert rows(path)[1].data["follows"]["known_chain"] == "0123456789abcdef"
    # Who knew that, or less, tells nothing new at the next start.
    told = [Known("cursor", "0123456789abcdef", 191), Known("presence", "0123456789abcdef", 80)]
    ledger = Ledger.open(path, gateway="g", known=told)
    assert (await ledger.append(number(2))).seq == 194
    ledger.close()


async def test_a_whole_log_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    last = await log_of(path, 5)
    known = [Known("cursor", chain_of(path), 3), Known("head", chain_of(path), 6, last.hash)]
    ledger = Ledger.open(path, gateway="g", known=known)
    assert ledger.follows is None
    assert (await ledger.append(number(9))).seq == 7
    ledger.close()


async def test_a_file_exchanged_under_the_running_writer_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    await ledger.append(number(1))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, tmp_path / "old.db")
    for n in range(3):
        last = await ledger.append(number(n))
    assert ledger._pen._db is not None
    ledger._pen._db.execute("PRAGMA query_only = 1")  # the next write fails; then it is opened anew
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.db", path)
    with pytest.raises(Exception, match="readonly"):
        await ledger.append(number(7))
    record = await ledger.append(number(8))
    ledger.close()
    assert record.seq > last.seq
    assert ledger.follows is not None
    assert ledger.follows["known_by"] == "daemon"


async def test_a_new_origin_can_begin_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    chain = chain_of(path)
    assert await ledger.begin_origin([Known("broker", chain, 1)]) is None
    assert await ledger.begin_origin([Known("broker", chain, 50)]) is not None
    assert (await ledger.append(number(1))).seq == 52
    ledger.close()


def test_damaged_knowledge_does_not_push_the_numbers_out_of_reach() -> None:
    loss = Loss(Known("cursor", "c", 2**62), 10)
    assert loss.next_seq == 10 + MOST_MISSING + 1


def test_the_highest_known_number_counts() -> None:
    known = [Known("a", "c", 12), Known("b", "c", 15), Known("d", "c", 3)]
    found = find_loss(known, chains={"c"}, last_seq=10, hash_of=lambda seq: None)
    assert found is not None
    assert found.known.source == "b"
