"""The wiring: what the daemon works out from the settings, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.rig import Rig
from gateway import config
from gateway.daemon import service
from gateway.daemon.build import build
from gateway.daemon.supervisor import end
from gateway.face.service import CHALLENGE_S
from gateway.ledger import Ledger
from gateway.vault.sitekey import SiteKey


@pytest.mark.parametrize(("more", "at_least"), [("", 0.0), ("challenge = true", 2 * CHALLENGE_S)])
async def test_the_watchdog_lets_two_people_turn_their_heads(
    make_rig: Callable[..., Rig], tmp_path: Path, more: str, at_least: float
) -> None:
    settings = config.load(make_rig(camera=True, gate_more=more).config)
    ledger = Ledger.open(tmp_path / "ledger.db", gateway=settings.site.gateway)
    try:
        limit_s = build(settings, SiteKey(bytes(32)), ledger).limits.seconds
        tables = settings.tables
        company = 2 * tables.pin.timeout_s + tables.presence.escort_s
        assert limit_s >= company + 3 * tables.face.timeout_s + at_least
        assert limit_s <= company + 3 * tables.face.timeout_s + at_least + 10
    finally:
        ledger.close()


async def test_a_part_that_forgets_a_cancellation_is_ended_all_the_same() -> None:
    """As a connection does whose loss and whose end come together."""

    times = 0

    async def fails_as_it_is_cancelled() -> None:
        nonlocal times
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            times += 1
            if times == 1:
                raise OSError("lost") from None
            raise

    async def connection() -> None:
        while True:
            with contextlib.suppress(OSError):
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(fails_as_it_is_cancelled())
                        await asyncio.sleep(60)
                except* OSError as lost:
                    raise OSError from lost
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(connection()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await end(tasks)
    assert times >= 1
    assert all(task.done() for task in tasks) and time.monotonic() - began < 5


async def test_systemd_waits_longer_for_a_start_that_may_read_a_long_log(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log of before the marks of the clock is read once: a slow box must not be killed in it."""
    settings = config.load(make_rig().config)
    told: list[dict[str, int]] = []
    monkeypatch.setattr(service, "notify", lambda **fields: told.append(fields))
    (await service._open(settings)).close()
    (await service._open(settings)).close()
    assert told == []
    monkeypatch.setattr(service, "LONG_LOG", 1)
    (await service._open(settings)).close()
    assert told == [{"EXTEND_TIMEOUT_USEC": service.LONG_START_US}]
