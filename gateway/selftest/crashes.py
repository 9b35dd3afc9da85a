"""The trials of the log's writer: the same gate is crashed again and again, and judged each time.

A chapter is a gate that begins with a new log, is crashed `CHAPTER` times, and is stopped in order
at the end; then its log is verified as an auditor would.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

from gateway.daemon.__main__ import TRY_AGAIN
from gateway.selftest.judge import Judge, Promises
from gateway.selftest.nursery import Nursery
from gateway.selftest.tally import Tally
from gateway.selftest.trialgate import (
    begin_anew,
    cut_job,
    keep,
    make_gate,
    power_is_back,
    verified,
    write_config,
)
from gateway.selftest.writer import SMALL

CHAPTER = 40
LONGEST_S = 0.25
"""A writer's work takes about half of that."""
KILLED = -9


class _End:
    """When a writer is killed: after some time, or just after it said something."""

    def __init__(self, chance: random.Random) -> None:
        self._left = chance.randrange(1, 60) if chance.random() < 0.7 else 0
        self._wait_s = chance.uniform(0.0, 0.003 if self._left else LONGEST_S)
        self._said = asyncio.Event()

    def told(self) -> None:
        """It said something."""
        self._left -= 1
        if self._left == 0:
            self._said.set()

    async def wait(self) -> None:
        """Until it is time."""
        if self._left > 0:
            await self._said.wait()
        await asyncio.sleep(self._wait_s)


class Crashes:
    """Crashes the log's writer in `folder`, which is on the disk that is to be tried."""

    def __init__(self, folder: Path, nursery: Nursery, seed: int) -> None:
        self._folder = folder
        self._nursery = nursery
        self._chance = random.Random(seed)  # noqa: S311 - trials that can be repeated
        self._template = folder / "writer-template"

    def prepare(self) -> None:
        """Make the gate that each chapter begins with, which takes some seconds; raises as
        `make_gate`."""
        if not self._template.exists():
            make_gate(self._template)

    async def run(self, kind: str, trials: int, until: float, tally: Tally) -> None:
        """`kind` is ``kill``, ``power``, ``full``, ``errors`` or ``lies``; ends after `trials`, or
        when time.monotonic() reaches `until`."""
        self.prepare()
        begun = time.monotonic()
        try:
            while tally.tried < trials and time.monotonic() < until and not tally.faults:
                await self._chapter(kind, min(CHAPTER, trials - tally.tried), until, tally)
        finally:
            tally.seconds += time.monotonic() - begun

    async def _chapter(self, kind: str, trials: int, until: float, tally: Tally) -> None:
        gate = self._folder / f"writer-{kind}"
        gate.mkdir(exist_ok=True)
        begin_anew(gate, self._template)
        write_config(gate, gate / "run")  # the writer has no socket
        judge = Judge(gate / "data", gate / "judge")
        judge.look(Promises())
        for _ in range(trials):
            if time.monotonic() > until:
                break
            seed = self._chance.getrandbits(48)
            promises = await self._trial(gate, kind, seed, judge)
            tally.take(promises)
            if judge.faults:
                tally.faults += [f"seed {seed}: {fault}" for fault in judge.faults]
                keep(gate, seed)
                return
        await self._end(gate, judge, tally)

    async def _trial(self, gate: Path, kind: str, seed: int, judge: Judge) -> Promises:
        promises = Promises()
        job: dict[str, Any] = {"what": "writer", "config": str(gate / "garita.toml"), "seed": seed}
        end = _End(self._chance)
        if kind != "kill":
            job["cut"] = cut_job(gate, self._chance, kind)

        def told(said: dict[str, Any]) -> None:
            promises.take(said)
            end.told()

        kill = end.wait if kind == "kill" else None
        code = await self._nursery.trial(job, told, kill=kill)
        fails = kind in ("full", "errors")
        if code not in (0, KILLED) and not (fails and code == TRY_AGAIN):
            judge.faults.append(f"the program ended with {code}")
        if not fails:
            judge.faults += promises.damage
        power_is_back(gate)
        judge.look(promises, small=gate / "data" / SMALL)
        return promises

    async def _end(self, gate: Path, judge: Judge, tally: Tally) -> None:
        """Let it stop in order, and verify the log."""
        promises = Promises()
        job = {"what": "writer", "config": str(gate / "garita.toml"), "seed": 1}
        code = await self._nursery.trial(job, promises.take)
        judge.look(promises, small=gate / "data" / SMALL)
        judge.finish()
        tally.records += judge.records
        tally.faults += judge.faults + verified(gate / "data")
        if code != 0:
            tally.faults.append(f"the gate does not stop in order: {code}")
        if tally.faults:
            keep(gate, 1)
