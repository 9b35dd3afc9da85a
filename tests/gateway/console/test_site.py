"""What keeps the pages fresh goes on after a fault."""

from __future__ import annotations

import asyncio

import pytest

from gateway.console import site as module
from gateway.console.site import Site


async def test_a_part_that_fails_begins_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    began = asyncio.Event()
    tries: list[int] = []

    async def once_broken() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("a record that nobody foresaw")
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(site.feed, "run", once_broken)
    following = asyncio.create_task(site.follow())
    try:
        async with asyncio.timeout(30):
            await began.wait()
        assert not following.done()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
