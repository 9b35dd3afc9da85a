"""The gateway gives old records to archives and deletes archives whose time is over."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config.log import LogTable
from gateway.daemon.archiving import Archiving, ArchivingFailed
from gateway.daemon.control import ControlError
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.archiver import Wanted
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.pen import Head
from gateway.proof.checkpoint import Checkpoint, sign
from gateway.proof.note import Note, Signer

PRIVATE = Ed25519PrivateKey.generate()
NOW = Wanted(now=True)


class World:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.ledger = Ledger.open(self.path, gateway="g")
        self.now: datetime | None = datetime.now(UTC)

    def archiving(self, **more: int) -> Archiving:
        return Archiving(
            path=self.path,
            name="g",
            ledger=self.ledger,
            table=LogTable(**more),
            now=lambda: self.now,
        )

    async def add(self, count: int) -> None:
        events = [NewEvent(EventType.DOOR_REX, "yard", {"n": n}) for n in range(count)]
        await asyncio.gather(*(self.ledger.append(event) for event in events))
        key = str(Signer(f"x/g/{self.ledger.chain}", PRIVATE).key)
        await self.ledger.append(NewEvent(EventType.LEDGER_CHECKPOINT, "g", {"key": key}))
        assert await self.ledger.sign(self._signed)

    def kinds(self) -> list[str]:
        with closing(LedgerReader(self.path)) as reader:
            return [event.type for event, _ in reader.walk()]

    def _signed(self, head: Head) -> Note:
        signer = Signer(f"x/g/{head.chain}", PRIVATE)
        return sign(Checkpoint(signer.name, head.size, head.root), signer)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.ledger.close()


async def test_an_archive_is_made_entered_and_put_on_record(world: World) -> None:
    await world.add(40)
    archiving = world.archiving()
    assert await archiving.archive(Wanted(above_mb=1000)) is None
    made = await archiving.archive(NOW)
    assert made is not None
    assert (made.first, made.last) == (1, 41)
    await world.ledger.prune()
    assert (await archiving.asked({})) == {"file": ""}
    with closing(LedgerReader(world.path)) as reader:
        told = reader.newest(EventType.LEDGER_ARCHIVED)
        assert told is not None
        assert (told.data["first"], told.data["last"]) == (1, 41)
        assert reader.verify().problems == []
    assert archiving.status() == {
        "files": 1,
        "bytes": made.bytes,
        "last_seq": 41,
        "missing": [],
        "error": "",
    }
    (world.path.parent / "archive" / made.file).unlink()
    assert (await archiving.asked({})) == {"file": ""}
    assert archiving.status()["missing"] == [made.file]


async def test_a_badge_that_comes_meanwhile_is_recorded_and_waits_for_nothing(
    world: World,
) -> None:
    await world.add(3000)
    task = asyncio.create_task(world.archiving().archive(NOW))
    count = 0
    while not task.done():
        await world.ledger.append(NewEvent(EventType.DOOR_REX, "yard", {"m": count}))
        count += 1
        await asyncio.sleep(0.002)
    assert await task is not None
    await world.ledger.prune()
    assert count > 0
    assert world.kinds().count(EventType.DOOR_REX) == 3000 + count


async def test_what_is_too_old_is_deleted_on_record_and_by_a_clock_beyond_doubt(
    world: World,
) -> None:
    await world.add(40)
    archiving = world.archiving(delete_archives_after_days=30)
    made = await archiving.archive(NOW)
    assert made is not None
    file = world.path.parent / "archive" / made.file
    await archiving.delete_old()
    assert file.exists()
    future = datetime.now(UTC) + timedelta(days=31)
    world.now = None
    await archiving.delete_old()
    assert file.exists()
    world.now = future
    await archiving.delete_old()
    assert not file.exists()
    await world.add(10)
    with closing(LedgerReader(world.path)) as reader:
        report = reader.verify()
        told = reader.newest(EventType.LEDGER_ARCHIVE_DELETED)
        assert told is not None
        assert (told.data["last"], told.data["days"]) == (made.last, 30)
    assert (report.problems, report.begins) == ([], made.last + 1)
    file.write_bytes(b"half a deletion")  # killed between the record and the file
    await archiving.delete_old()
    assert not file.exists()


async def test_a_changed_record_stays_where_it_is_and_that_is_said(world: World) -> None:
    await world.add(40)
    with closing(sqlite3.connect(world.path)) as db:
        db.execute("DROP TRIGGER events_no_update")
        db.execute("UPDATE events SET body = replace(body, 'yard', 'gate') WHERE seq = 7")
        db.commit()
    with pytest.raises(ArchivingFailed, match="record 7"):
        await world.archiving().archive(NOW)
    with pytest.raises(ControlError, match="record 7"):
        await world.archiving().asked({})
    assert not list((world.path.parent / "archive").glob("*.zst"))


async def test_a_folder_that_can_t_be_made_stops_nothing(world: World) -> None:
    await world.add(40)
    (world.path.parent / "archive").write_text("somebody's file")
    with pytest.raises(ArchivingFailed):
        await world.archiving().archive(NOW)
    assert (await world.ledger.append(NewEvent(EventType.DOOR_REX, "yard"))).seq == 43
