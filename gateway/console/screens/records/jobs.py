"""Exports and verifications that somebody began: each a process of its own, and a file for a while.

They are kept in memory: after a restart of the console nobody misses them, and the folder of files
is emptied.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.locale import GaritaError, language, worded

log = logging.getLogger("garita.console.records")

KEPT_S = 3600.0
MOST = 12
_LINE = 1024 * 1024


class Busy(GaritaError):
    """Another one is under way."""


@dataclass(slots=True)
class Job:
    """One of them.  `at` of `of` records were gone through; `done` is what came out of it,
    `refused` why nothing did.  `by` is the account that began it, `file` what there is to take."""

    act: str
    by: str
    title: str
    begun: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    at: int = 0
    of: int = 0
    done: dict[str, Any] | None = None
    refused: str = ""
    file: Path | None = None

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.done is None and not self.refused

    @property
    def percent(self) -> int:
        """How far it is."""
        return min(100, 100 * self.at // self.of) if self.of else 0


Finished = Callable[[dict[str, Any]], Awaitable[None]]


class Jobs:
    """Those of one console; one works at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.tables.console.data_dir / "exports"
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        shutil.rmtree(self._folder, ignore_errors=True)

    def of(self, key: str, by: str, *, all_: bool = False) -> Job | None:
        """A job, if it is that of `by` (or `all_` may see it)."""
        self._forget()
        job = self._jobs.get(key)
        return job if job is not None and (all_ or job.by == by) else None

    def all(self, by: str) -> list[Job]:
        """The jobs of `by`, the newest first."""
        self._forget()
        return [job for job in reversed(self._jobs.values()) if job.by == by]

    def begin(self, act: str, by: str, title: str, order: dict[str, Any], end: Finished) -> Job:
        """Begin one; `end` puts on record what came out
        of it, before anybody sees it.  Raises Busy."""
        self._forget()
        if any(job.running for job in self._jobs.values()):
            raise Busy(worded("another export or verification is under way: try again in a moment"))
        job = Job(act, by, title)
        folder = self._folder / job.id
        folder.mkdir(parents=True, mode=0o700)
        told = {"act": act, "config": str(self._settings.path), "language": language()}
        self._jobs[job.id] = job
        task = asyncio.create_task(self._work(job, {**order, **told, "folder": str(folder)}, end))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def _work(self, job: Job, order: dict[str, Any], end: Finished) -> None:
        result: dict[str, Any] | None = None
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.console.screens.records.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE,
            )
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(json.dumps(order).encode() + b"\n")
                await process.stdin.drain()
                async for line in process.stdout:
                    said = json.loads(line)
                    job.at, job.of = int(said.get("at", job.at)), int(said.get("of", job.of))
                    job.refused = str(said.get("refused", ""))
                    result = said.get("done", result)
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if result is not None:
                if "file" in result:
                    job.file = Path(order["folder"]) / str(result["file"])
                await end(result)
                job.done = result
        except (OSError, ValueError, GaritaError) as error:
            log.warning("%s: %s", job.act, error)
        if job.running:
            job.refused = str(worded("it ended before its time; journalctl says why"))

    def _forget(self) -> None:
        """Let go of what is too old, with its file."""
        old = time.time() - KEPT_S
        over = [job for job in self._jobs.values() if not job.running]
        for job in [job for job in over if job.begun < old] + over[: max(0, len(over) - MOST)]:
            self._jobs.pop(job.id, None)
            with contextlib.suppress(OSError):
                shutil.rmtree(self._folder / job.id)
