"""A part that fails is recorded and started again after a growing pause."""

from __future__ import annotations

import asyncio

import pytest

from gateway.daemon import supervisor
from gateway.daemon.supervisor import end, start
from gateway.ledger.event import NewEvent


async def test_a_part_that_fails_is_started_again_and_takes_no_other_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "RETRY_S", (0.001, 0.004))
    noted: list[NewEvent] = []
    begun: list[float] = []
    loop = asyncio.get_running_loop()

    async def fails() -> None:
        begun.append(loop.time())
        if len(begun) % 2:
            raise ValueError("a bug")

    async def works() -> None:
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        tasks = start(group, {"pulls": fails, "outbox": works}, noted.append)
        async with asyncio.timeout(10):
            while len(begun) < 6:
                await asyncio.sleep(0.001)
        assert not tasks[1].done()
        await end(tasks)
    assert [event.data["detail"] for event in noted[:2]] == ["ValueError", "ended"]
    assert {(event.type, event.subject) for event in noted} == {("gateway.task_failed", "pulls")}
    pauses = [b - a for a, b in zip(begun, begun[1:], strict=False)]
    assert pauses[0] >= 0.001 and pauses[1] >= 0.002 and pauses[-1] >= 0.004
