"""Relay boards: exact frames, and a board that is put to rest by whoever survives."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivers.locks.deadman import DeadMan
from drivers.locks.lcus import LcusBoard
from drivers.simulated.relay import VirtualRelayBoard

pytestmark = pytest.mark.slow

ON, OFF = bytes.fromhex("A00101A2"), bytes.fromhex("A00100A1")


def test_the_frames_of_the_manual() -> None:
    board = LcusBoard(LcusBoard.Options(channels=2))
    assert board.set(1, True) == ON
    assert board.set(1, False) == OFF
    assert board.set(2, True) == bytes.fromhex("A00201A3")
    for channel in (0, 3, -1):
        with pytest.raises(ValueError, match="relay"):
            board.set(channel, True)


async def test_the_virtual_board_understands_only_whole_frames(tmp_path: Path) -> None:
    board = VirtualRelayBoard(tmp_path / "board")
    board.received(b"\xa0\x01\x01\xa3" + ON[:2])
    board.received(ON[2:])
    assert board.state == {1: True} and board.bad == 4
    board.close()


PARENT = """
import os, sys, time
from drivers.locks.deadman import DeadMan
port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
guard = DeadMan.arm(port, bytes.fromhex("A00100A1"))
os.write(port, bytes.fromhex("A00101A2"))
print(guard.pid, flush=True)
if sys.argv[2] == "disarm":
    guard.disarm()
    sys.exit()
time.sleep(60)
"""


async def parent(board: VirtualRelayBoard, what: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(board.path), what, stdout=subprocess.PIPE
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_a_relay_does_not_outlive_its_gateway(tmp_path: Path, number: signal.Signals) -> None:
    board = VirtualRelayBoard(tmp_path / "board")
    process = await parent(board, "wait")
    assert process.stdout is not None
    guard = int(await process.stdout.readline())
    await board.wait_for(1, True)
    os.kill(process.pid, number)
    await board.wait_for(1, False)
    await process.wait()
    async with asyncio.timeout(5):
        while alive(guard):
            await asyncio.sleep(0.01)
    board.close()


async def test_a_guard_ignores_signals_meant_for_the_gateway(tmp_path: Path) -> None:
    board = VirtualRelayBoard(tmp_path / "board")
    process = await parent(board, "wait")
    assert process.stdout is not None
    guard = int(await process.stdout.readline())
    await board.wait_for(1, True)
    await asyncio.sleep(0.3)  # let it reach its wait
    os.kill(guard, signal.SIGTERM)
    await asyncio.sleep(0.2)
    assert alive(guard) and board.state[1] is True
    process.kill()
    await board.wait_for(1, False)
    await process.wait()
    board.close()


async def test_a_disarmed_guard_leaves_the_board_alone(tmp_path: Path) -> None:
    board = VirtualRelayBoard(tmp_path / "board")
    process = await parent(board, "disarm")
    assert process.stdout is not None
    guard = int(await process.stdout.readline())
    assert await process.wait() == 0
    async with asyncio.timeout(5):
        while alive(guard):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert board.state == {1: True}
    board.close()


async def test_a_guard_that_hangs_holds_up_nobody_who_disarms_it(tmp_path: Path) -> None:
    """The loop waited up to two seconds for its end, and every door with it."""
    board = VirtualRelayBoard(tmp_path / "board")
    port = os.open(board.path, os.O_RDWR | os.O_NOCTTY)
    guard = DeadMan.arm(port, OFF)
    os.kill(guard.pid, signal.SIGSTOP)
    begun = time.monotonic()
    guard.disarm()
    assert time.monotonic() - begun < 0.1
    async with asyncio.timeout(10):
        while alive(guard.pid):  # it is killed
            await asyncio.sleep(0.05)
    os.close(port)
    board.close()


async def test_disarming_twice_or_after_its_death_is_no_error(tmp_path: Path) -> None:
    board = VirtualRelayBoard(tmp_path / "board")
    port = os.open(board.path, os.O_RDWR | os.O_NOCTTY)
    guard = DeadMan.arm(port, OFF)
    os.kill(guard.pid, signal.SIGKILL)
    guard.disarm()
    os.close(port)
    board.close()
