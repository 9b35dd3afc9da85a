"""The text log stops nobody: not when its reader stands still, nor when there is none."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.rig import ROOT, Rig
from gateway.daemon.control import ControlError, ask
from gateway.daemon.textlog import WAITING, TextLog


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def line(text: str, *args: object, place: int = 0, level: int = logging.WARNING) -> Any:
    """A line of a place of its own, or of `place`: lines of one place are counted."""
    place = place or next(PLACES)
    return logging.LogRecord("garita.x", level, f"{ROOT}/gateway/x.py", place, text, args, None)


PLACES = itertools.count(1000)


def test_lines_are_written_in_order_and_what_is_lost_is_counted(pipe: tuple[int, int]) -> None:
    log = TextLog(pipe[1])
    begun = time.monotonic()
    for number in range(WAITING + 3000):  # a pipe holds some 700 of these
        log.handle(line(f"{number:05} " + "x" * 80))
    assert time.monotonic() - begun < 2
    read = b""
    while b"later" not in read:
        read += os.read(pipe[0], 65536)
        log.handle(line("later"))
    log.close()
    assert b"lines were lost" in read
    numbers = [int(row.split()[2]) for row in read.decode().splitlines() if "xxx" in row]
    assert numbers == sorted(numbers) and len(numbers) >= WAITING


def test_a_reader_that_is_gone_is_no_error(pipe: tuple[int, int]) -> None:
    log = TextLog(pipe[1])
    os.close(pipe[0])
    log.handle(line("nobody hears it"))
    log.close()
    assert not log._thread.is_alive()


async def test_doors_go_on_while_nobody_reads_the_log(make_rig: Callable[..., Rig]) -> None:
    """As after Ctrl-S in the terminal of `garita run`: the loop stood still in a write."""
    rig = make_rig()
    person = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}
    await rig.acli("people", "sync", str(rig.write_people([person])), "--apply")
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    os.set_blocking(write, True)
    command = (sys.executable, "-m", "gateway.daemon", "-c", str(rig.config))
    rig.daemon = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.DEVNULL, stderr=write, cwd=ROOT, start_new_session=True
    )
    os.close(write)
    await rig.until(rig._ready)

    def nonsense() -> None:
        for _ in range(40):
            with pytest.raises(ControlError):
                ask(rig.socket, "door_confirm", id="x")

    await asyncio.to_thread(nonsense)
    rig.yard_reader.present(18, 1001)
    last: dict[str, Any] = (await rig.until(lambda s: s["last"]["yard"]))["last"]["yard"]
    assert last["reason"] == "granted"
    assert await rig.stop_daemon() == 0
    held = os.read(read, 1 << 20)
    os.close(read)
    assert held.strip(b"x") == b""  # the pipe was full, and no line got through
