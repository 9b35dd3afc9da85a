"""The other end of forks.py: starts a program for each trial, and kills it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

_LONGEST_LINE = 1 << 20


class NurseryEnded(Exception):
    """The process that forks the trials has ended, which is a fault of the lab."""


class Nursery:
    """Use it in one event loop, one trial at a time, and `close` it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def trial(
        self,
        job: dict[str, Any],
        told: Callable[[dict[str, Any]], None],
        *,
        kill: Callable[[], Awaitable[None]] | None = None,
    ) -> int:
        """Run one trial to its end; returns its exit code (negative: the signal that ended it).

        `told` gets each thing that the program says.  It is killed when `kill()` has ended, if it
        runs still.  Raises NurseryEnded.
        """
        process = await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job).encode() + b"\n")
        killer: asyncio.Task[None] | None = None
        pid = 0
        try:
            while line := await process.stdout.readline():
                said = json.loads(line)
                if said["what"] == "started":
                    pid = said["pid"]
                    if kill is not None:
                        killer = asyncio.create_task(_kill(pid, kill))
                elif said["what"] == "ended":
                    pid = 0
                    return int(said["code"])
                else:
                    told(said)
        finally:
            if killer is not None:
                killer.cancel()
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        raise NurseryEnded

    async def _start(self) -> asyncio.subprocess.Process:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.selftest.forks",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                limit=_LONGEST_LINE,
            )
        return self._process

    async def close(self) -> None:
        """End it."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()


async def _kill(pid: int, when: Callable[[], Awaitable[None]]) -> None:
    await when()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
