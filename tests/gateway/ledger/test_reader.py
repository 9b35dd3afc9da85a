"""Questions that are asked of the log: newest, backwards, by type and person, in its form."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable, chain
from gateway.ledger import reader as module
from gateway.ledger.event import EventType, NewEvent

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Log:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.ledger = Ledger.open(self.path, gateway="g")
        self.reader = LedgerReader(self.path)

    async def add(self, kind: EventType, subject: str = "", minute: int = 0, **data: object) -> int:
        event = NewEvent(kind, subject, data, time=NOON + timedelta(minutes=minute))
        return (await self.ledger.append(event)).seq

    def put(self, body: str) -> None:
        """A record as a forger writes it: chained rightly, with a body of their own."""
        with closing(sqlite3.connect(self.path)) as db, db:
            seq, prev = db.execute("SELECT seq, hash FROM events ORDER BY seq DESC").fetchone()
            digest = chain.link(prev, seq + 1, chain.digest_of(body))
            db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (seq + 1, body, digest))


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Log]:
    log = Log(tmp_path)
    yield log
    log.reader.close()
    log.ledger.close()


async def test_the_newest_of_a_type(log: Log) -> None:
    assert log.reader.newest("threat.changed") is None
    for level in ("high", "low"):
        await log.add(EventType.THREAT_CHANGED, level=level)
    await log.add(EventType.DOOR_OPENED, "x", text='"type":"threat.changed"}')
    newest = log.reader.newest("threat.changed")
    assert newest is not None and newest.data["level"] == "low"


async def test_backwards_over_many_records(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    for minute in range(20):
        kind = EventType.ACCESS_DENIED if minute % 5 == 0 else EventType.DOOR_CLOSED
        await log.add(kind, str(minute), minute, quoted='"type":"access.denied"')
    found = [e.subject for e in log.reader.back("access.denied")]
    assert found == ["15", "10", "5", "0"]
    since = chain.utc_text(NOON + timedelta(minutes=10))
    assert [e.subject for e in log.reader.back("access.denied", since=since)] == ["15", "10"]
    assert [e.subject for e in log.reader.back("access.denied", most=8)] == ["15"]
    first = next(log.reader.back("access.denied"))
    before = log.reader.get(first.seq - 1)
    assert before is not None and first.prev == before.hash
    assert [e.seq for e in log.reader.back("ledger.created")] == [1]


async def test_a_search_fits_everything_that_is_asked_for(log: Log) -> None:
    await log.add(EventType.ACCESS_GRANTED, "gate", 1, person={"id": "e1"})
    await log.add(EventType.ACCESS_DENIED, "yard", 2, person={"id": "e1"})
    await log.add(EventType.ACCESS_DENIED, "yard", 3, person=None)
    seen: list[int] = []

    def seqs(**asked: str) -> list[int]:
        return [e.seq for e in log.reader.search(**asked, progress=seen.append)]  # type: ignore[arg-type]

    assert seqs(type_prefix="access.") == [2, 3, 4]
    assert seqs(person="e1", subject="yard") == [3]
    assert seqs(type_prefix="access.", since=chain.utc_text(NOON + timedelta(minutes=3))) == [4]
    assert seqs(type_prefix="access.", until=chain.utc_text(NOON + timedelta(minutes=2))) == [2]
    assert seen[-1] == 4
    assert [e.seq for e in log.reader.tail(2)] == [3, 4]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('{"b":1, "a":2}', "can't be read"),
        ("not json", "can't be read"),
        ('{"data":{},"id":"x","subject":"","time":"t", "type":"a"}', "not in canonical form"),
    ],
)
async def test_a_record_that_is_chained_and_not_in_its_form_is_found(
    log: Log, body: str, what: str
) -> None:
    log.put(body)
    report = log.reader.verify()
    assert [p.seq for p in report.problems] == [2] and what in report.problems[0].what
    if what == "can't be read":
        with pytest.raises(LedgerUnavailable, match="record 2 can't be read"):
            log.reader.after(0, 10)


async def test_a_log_that_begins_with_another_record_is_found(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    body = chain.body_of(NewEvent(EventType.DOOR_OPENED), "x-1", NOON)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(chain.SCHEMA)
        digest = chain.link(chain.GENESIS, 1, chain.digest_of(body))
        db.execute("INSERT INTO events VALUES (1, 'y-1', ?, ?)", (body, digest))
    with closing(LedgerReader(path)) as reader:
        found = [p.what for p in reader.verify().problems]
    assert found == ["the record's id was changed", "the log does not begin with its first record"]
    with pytest.raises(LedgerUnavailable, match="first record is missing"):
        Ledger.open(path, gateway="g")


async def test_an_empty_log_and_a_hundred_faults(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(chain.SCHEMA)
    with closing(LedgerReader(path)) as reader:
        assert [p.what for p in reader.verify().problems] == ["the log is empty"]
        assert reader.last_seq == 0 and reader.get(1) is None
    with closing(sqlite3.connect(path)) as db, db:
        rows = [(seq, b"x", b"y") for seq in range(1, 300)]
        db.executemany("INSERT INTO events VALUES (?, NULL, ?, ?)", rows)
    with closing(LedgerReader(path)) as reader:
        assert len(reader.verify().problems) == module.MAX_PROBLEMS
