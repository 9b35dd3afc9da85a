"""What the test mode of inputs shows: each input as its device reports it, and every change."""

from __future__ import annotations

import asyncio

from drivers.base import InputState, LinkChange
from gateway.daemon.levels import InputLevels
from gateway.daemon.wiring import Plant
from gateway.devices.listeners import Listeners


def board() -> tuple[Listeners, InputLevels]:
    device = Listeners("io")
    return device, InputLevels(Plant(inputs={"io": device}))  # type: ignore[dict-item]


async def test_a_change_is_counted_and_a_repetition_is_not() -> None:
    device, levels = board()
    assert await levels.asked({}) == {"inputs": [], "number": 0}
    for closed in (True, True, False, False, True):
        device.report(InputState(2, closed), 0.0)
    device.report(InputState(1, False), 0.0)
    first, second = (await levels.asked({}))["inputs"]
    assert (first["input"], first["closed"], first["changes"]) == (1, False, 0)
    assert first["changed_at"] is None
    assert (second["input"], second["closed"], second["changes"]) == (2, True, 2)
    assert second["changed_at"] > 0 and second["online"]


async def test_a_device_that_is_away_says_so() -> None:
    device, levels = board()
    device.report(InputState(1, True), 0.0)
    device.report(LinkChange(False, "no answer"), 0.0)
    assert not (await levels.asked({}))["inputs"][0]["online"]
    device.report(LinkChange(True, ""), 0.0)
    assert (await levels.asked({}))["inputs"][0]["online"]


async def test_a_question_waits_for_the_next_change() -> None:
    device, levels = board()
    device.report(InputState(1, True), 0.0)
    number = (await levels.asked({}))["number"]
    waiting = asyncio.create_task(levels.asked({"after": number, "wait_s": 5}))
    await asyncio.sleep(0)
    assert not waiting.done()
    device.report(InputState(1, False), 0.0)
    async with asyncio.timeout(1):
        assert not (await waiting)["inputs"][0]["closed"]


async def test_a_question_without_news_ends_by_itself() -> None:
    _, levels = board()
    async with asyncio.timeout(5):
        assert (await levels.asked({"after": 0, "wait_s": 0.01}))["number"] == 0
