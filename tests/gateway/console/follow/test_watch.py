"""How often the daemon is asked, and what is shown when it does not answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.console.follow.board import GATE, INSIDE, Board
from gateway.console.follow.watch import LEAST_S, Watch
from gateway.daemon.control import Unreachable
from gateway.ledger.event import Event
from gateway.locale import worded
from tests.gateway.console.site import write_site


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(write_site(tmp_path))


class Daemon:
    """Answers, or does not; counts how often it is asked."""

    def __init__(self, inside: int = 0) -> None:
        self.inside, self.away, self.asked = inside, False, 0

    async def ask(self, op: str) -> dict[str, Any]:
        if self.away:
            raise Unreachable(worded("the gateway is not running"))
        if op == "door_waiting":
            return {"waiting": []}
        self.asked += 1
        areas = {"plant": {"inside": self.inside}}
        return {"last_seq": 0, "doors": {}, "areas": areas, "ledger": {"ok": True}}


async def from_files() -> dict[str, int]:
    return {"plant": 7}


def entered(seq: int) -> Event:
    at = "2026-11-27T05:00:00.000Z"
    return Event(seq, f"x-{seq}", at, "door.entered", "main", {"grant": 1}, "0" * 64, "0" * 64)


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_many_who_move_cost_the_daemon_one_question_a_second(board: Board) -> None:
    daemon = Daemon()
    watch = Watch(board, daemon.ask, from_files, lambda: None)
    running = asyncio.create_task(watch.run())
    await until(lambda: daemon.asked == 1)
    loop = asyncio.get_running_loop()
    begun, seq = loop.time(), 0
    while loop.time() - begun < 2 * LEAST_S:
        seq += 1
        board.take([entered(seq)])
        watch.look()
        await asyncio.sleep(0.01)
    running.cancel()
    assert seq > 20
    assert 2 <= daemon.asked <= 4


async def test_a_gateway_that_does_not_answer_is_told_and_its_files_say_who_is_inside(
    board: Board,
) -> None:
    daemon, told = Daemon(inside=3), 0

    def tell() -> None:
        nonlocal told
        told += 1

    assert board.inside == {"plant": None, "office": None}
    watch = Watch(board, daemon.ask, from_files, tell)
    running = asyncio.create_task(watch.run())
    await until(lambda: board.gate.answers)
    assert board.inside == {"plant": 3, "office": 0}
    have = board.version
    daemon.away = True
    board.stale = True
    watch.look()
    await until(lambda: board.gate.answers is False)
    await until(lambda: board.inside["plant"] == 7)
    assert {GATE, INSIDE} <= set(board.changed(have))
    assert told >= 2
    daemon.away = False
    await until(lambda: board.gate.answers and board.inside["plant"] == 3)
    running.cancel()


async def test_nonsense_from_the_daemon_ends_nothing(board: Board) -> None:
    async def ask(op: str) -> dict[str, Any]:
        return {"areas": 5, "last_seq": "many", "waiting": None}

    watch = Watch(board, ask, from_files, lambda: None)
    running = asyncio.create_task(watch.run())
    await until(lambda: board.gate.answers is False)
    assert not running.done()
    running.cancel()
