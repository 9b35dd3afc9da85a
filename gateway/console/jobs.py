"""What takes long, begun by somebody at the console: an export, a verification, a packet.

Each is a process of its own (gateway/console/work.py) and leaves a file for a while.  They are kept
in memory: after a restart of the console nobody misses them, and the folder of files is emptied.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from gateway.config import Settings
from gateway.console.site import Site
from gateway.locale import GaritaError, language, worded

log = logging.getLogger("garita.console.jobs")

KEPT_S = 3600.0
MOST = 12
_LINE = 1024 * 1024


class Busy(GaritaError):
    """Another one is under way."""


@dataclass(slots=True)
class Job:
    """One of them.  `at` of `of` records were gone through, `stage` is what it is at ("" if it says
    nothing of it); `done` is what came out of it, `refused` why nothing did.  `by` is the account
    that began it, `file` what there is to take, for `keeps` seconds."""

    act: str
    by: str
    title: str
    keeps: float = KEPT_S
    begun: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    at: int = 0
    of: int = 0
    stage: str = ""
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


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do: `module` is run with ``python -m`` and does `act` with `order`."""

    module: str
    act: str
    order: dict[str, Any] = field(default_factory=dict)


class Jobs:
    """Those of one console; one works at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.tables.console.data_dir / "exports"
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
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

    def every(self) -> list[Job]:
        """All jobs, the newest first, for a screen that shows its own of them to several."""
        self._forget()
        return list(reversed(self._jobs.values()))

    def begin(
        self, work: Work, by: str, title: str, end: Finished, *, keeps: float = KEPT_S
    ) -> Job:
        """Begin one; `end` puts on record what came out of it, before anybody sees it.  Raises
        Busy."""
        self._forget()
        if any(job.running for job in self._jobs.values()):
            raise Busy(
                worded("another export, verification or packet is under way: try again in a moment")
            )
        job = Job(work.act, by, title, keeps)
        folder = self._folder / job.id
        folder.mkdir(parents=True, mode=0o700)
        told = {"act": work.act, "config": str(self._settings.path), "language": language()}
        order = {**work.order, **told, "folder": str(folder)}
        self._jobs[job.id] = job
        self._tasks[job.id] = task = asyncio.create_task(self._work(job, work.module, order, end))
        task.add_done_callback(lambda _done: self._tasks.pop(job.id, None))
        return job

    async def stop(self, job: Job) -> None:
        """End one that goes on: its process is killed, and what it wrote is gone."""
        task = self._tasks.get(job.id)
        if task is None or not job.running:
            return
        job.refused = str(worded("it was stopped; nothing of it is left"))
        task.cancel()
        await asyncio.wait([task])
        await asyncio.to_thread(shutil.rmtree, self._folder / job.id, ignore_errors=True)

    async def _work(self, job: Job, module: str, order: dict[str, Any], end: Finished) -> None:
        result: dict[str, Any] | None = None
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE,
                start_new_session=True,
            )
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(json.dumps(order).encode() + b"\n")
                await process.stdin.drain()
                async for line in process.stdout:
                    said = json.loads(line)
                    job.at, job.of = int(said.get("at", job.at)), int(said.get("of", job.of))
                    job.stage = str(said.get("stage", job.stage))
                    job.refused = str(said.get("refused", ""))
                    result = said.get("done", result)
                await process.wait()
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)  # with what it started itself
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
        now = time.time()
        over = [job for job in self._jobs.values() if not job.running]
        old = [job for job in over if job.begun < now - job.keeps]
        for job in old + over[: max(0, len(over) - MOST)]:
            self._jobs.pop(job.id, None)
            with contextlib.suppress(OSError):
                shutil.rmtree(self._folder / job.id)


_all: WeakKeyDictionary[Site, Jobs] = WeakKeyDictionary()


def jobs_of(site: Site) -> Jobs:
    """The jobs of a console."""
    if site not in _all:
        _all[site] = Jobs(site.settings)
    return _all[site]
