"""What is read at a reader is held only while somebody watches it."""

from __future__ import annotations

import asyncio

import pytest

from drivers.base import BadRead, BadReadReason, CardRead, Keys
from gateway.daemon import watching
from gateway.daemon.control import Refused
from gateway.daemon.watching import Watching
from gateway.daemon.wiring import Plant
from gateway.devices.listeners import Listeners

CARD = CardRead("h10301", "18", "1001")


def watched() -> tuple[Listeners, Watching]:
    reader = Listeners("gate-in")
    plant = Plant(readers=[reader])  # type: ignore[list-item]
    return reader, Watching(plant)


async def test_a_badge_that_nobody_watches_is_not_held() -> None:
    reader, watching = watched()
    reader.report(CARD, 0.0)
    first = await watching.asked({"reader": "gate-in"})
    assert first == {"readings": [], "next": 0}
    reader.report(CARD, 1.0)
    reader.report(Keys("4711"), 2.0)
    reader.report(BadRead(BadReadReason.LENGTH, 6), 3.0)
    found = await watching.asked({"reader": "gate-in", "after": 0})
    shown = [{k: v for k, v in item.items() if k != "at"} for item in found["readings"]]
    assert shown == [{"card": "h10301:18:1001"}, {"keys": 4}, {"bad": "length"}]
    assert found["next"] == 3


async def test_a_badge_is_forgotten_when_nobody_asks_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "LEASE_S", 0.02)
    reader, watches = watched()
    await watches.asked({"reader": "gate-in"})
    reader.report(CARD, 0.0)
    held = watches._watched["gate-in"]
    assert held._held
    async with asyncio.timeout(5):
        while held._held:
            await asyncio.sleep(0.01)
    reader.report(CARD, 1.0)
    assert not held._held


async def test_a_question_waits_for_the_next_reading_and_not_for_ever() -> None:
    reader, watching = watched()
    await watching.asked({"reader": "gate-in"})
    waiting = asyncio.create_task(watching.asked({"reader": "gate-in", "after": 0, "wait_s": 5}))
    await asyncio.sleep(0)
    reader.report(CARD, 0.0)
    assert len((await asyncio.wait_for(waiting, 1))["readings"]) == 1
    none = await watching.asked({"reader": "gate-in", "after": 1, "wait_s": 0.01})
    assert none == {"readings": [], "next": 1}
    with pytest.raises(Refused, match="no door has the reader other"):
        await watching.asked({"reader": "other"})
