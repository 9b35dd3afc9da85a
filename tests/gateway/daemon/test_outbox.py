"""Admin acts reach the ledger once, and nobody waits in the loop for who holds the list."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.daemon.outbox import Outbox
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.people import RosterUnavailable
from gateway.people.schema import open_admin, put_event


class World:
    def __init__(self, folder: Path) -> None:
        self.people = folder / "people.db"
        self.ledger_path = folder / "ledger.db"
        open_admin(self.people).close()
        self.ledger = Ledger.open(self.ledger_path, gateway="g")
        self.outbox = Outbox(self.people, self.ledger.append, lambda: self.ledger.chain)

    def act(self, *subjects: str) -> None:
        """As a command does."""
        with closing(sqlite3.connect(self.people)) as db, db:
            for subject in subjects:
                put_event(db, EventType.VISIT_ARRIVED, subject, {})

    def recorded(self) -> list[str]:
        with closing(LedgerReader(self.ledger_path)) as reader:
            return [e.subject for e in reader.search(type_prefix="visit.")]

    def waiting(self) -> int:
        with closing(sqlite3.connect(self.people)) as db:
            return int(db.execute("SELECT count(*) FROM outbox").fetchone()[0])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


async def test_acts_are_recorded_in_order_and_once(world: World) -> None:
    told: list[NewEvent] = []
    world.outbox.on_act(told.append)
    names = [f"v{n:03}" for n in range(250)]  # more than one batch
    world.act(*names)
    await world.outbox.move()
    await world.outbox.move()
    assert world.recorded() == names == [event.subject for event in told]
    assert world.waiting() == 0


async def test_an_act_that_was_recorded_before_we_died_is_not_recorded_again(world: World) -> None:
    world.act("v1", "v2")

    async def dies(event: NewEvent) -> Event:
        await world.ledger.append(event)
        raise LedgerUnavailable("killed")

    with pytest.raises(LedgerUnavailable):
        await Outbox(world.people, dies, lambda: "c").move()
    assert world.recorded() == ["v1"] and world.waiting() == 2
    await world.outbox.move()
    assert world.recorded() == ["v1", "v2"] and world.waiting() == 0


async def test_a_list_that_another_process_holds_does_not_hold_up_the_loop(world: World) -> None:
    """A sync of many people is one transaction; the loop waited for its end up to two seconds."""
    world.act("v1")
    sync = sqlite3.connect(world.people, isolation_level=None)
    sync.execute("BEGIN IMMEDIATE")
    moving = asyncio.create_task(world.outbox.move())
    longest, end = 0.0, time.monotonic() + 1.0
    while time.monotonic() < end:
        begun = time.monotonic()
        await asyncio.sleep(0.002)
        longest = max(longest, time.monotonic() - begun)
    assert world.recorded() == ["v1"] and not moving.done()
    assert longest < 0.5  # it was all of the second, and more
    sync.execute("COMMIT")
    sync.close()
    await moving
    assert world.waiting() == 0


async def test_acts_wait_while_the_list_is_away_and_a_nudge_is_heard(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.act("v1")
    away = world.people.with_name("away")
    world.people.rename(away)
    with pytest.raises(RosterUnavailable):
        await world.outbox.move()
    running = asyncio.create_task(world.outbox.run())
    async with asyncio.timeout(10):
        while "admin acts wait" not in caplog.text:
            await asyncio.sleep(0.01)
        away.rename(world.people)
        world.outbox.nudge()  # not only after RETRY_S
        while not world.recorded():
            await asyncio.sleep(0.01)
    running.cancel()
