"""The trials of the whole gateway: the real daemon at a simulated door, disturbed and crashed.

The reader and the relay board are ptys that speak the devices' real frames.  Badges are shown all
the time.  A door that was unlocked must have its record, whatever happened in between, and after
the end of the gateway the relay must be at rest.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard
from gateway.daemon import control
from gateway.selftest.flapping import FlappingBroker
from gateway.selftest.judge import Judge, Promises
from gateway.selftest.nursery import Nursery
from gateway.selftest.tally import Tally
from gateway.selftest.trialgate import (
    CARD,
    begin_anew,
    cut_job,
    keep,
    make_gate,
    power_is_back,
    verified,
    write_config,
)

CHAPTER = 25
REST_S = 10.0  # how long a relay may stay energised after a kill, on a busy machine
CALM_S = 150.0  # how long a gate may take to publish what waited
DAY_S = 86_400.0
WRITTEN_S = 3.0  # in which a gate has written all that it had to


class GateTrials:
    """Crashes the daemon in `folder`; use it in one event loop and `close` it."""

    def __init__(self, folder: Path, nursery: Nursery, seed: int) -> None:
        self._folder = folder
        self._nursery = nursery
        self._chance = random.Random(seed)  # noqa: S311 - trials that can be repeated
        self._template = folder / "gate-template"
        self._gate = folder / "gate"
        self._run_dir = tempfile.TemporaryDirectory(prefix="garita-")
        self._socket = Path(self._run_dir.name) / "garita.sock"
        (self._gate / "dev").mkdir(parents=True)
        self._reader = VirtualRdm6300(self._gate / "dev" / "reader")
        self._board = VirtualRelayBoard(self._gate / "dev" / "board")
        self._broker: FlappingBroker | None = None
        self.longest_rest_s = 0.0
        """How long after the end of a gateway its relay was at rest, in the worst case."""

    async def close(self) -> None:
        """Take the devices away."""
        self._reader.close()
        self._board.close()
        self._run_dir.cleanup()
        if self._broker is not None:
            await self._broker.close()

    def prepare(self) -> None:
        """Make the gate that each chapter begins with, which takes some seconds; raises as
        `make_gate`."""
        if not self._template.exists():
            make_gate(self._template)

    async def run(self, kind: str, trials: int, until: float, tally: Tally) -> None:
        """`kind` is ``kill``, ``power``, ``noise``, ``unplug``, ``broker`` or ``clock``; ends after
        `trials`, or when time.monotonic() reaches `until`."""
        self.prepare()
        if kind == "broker" and self._broker is None:
            self._broker = FlappingBroker(self._chance)
            await self._broker.start()
        begun = time.monotonic()
        try:
            while tally.tried < trials and time.monotonic() < until and not tally.faults:
                await self._chapter(kind, min(CHAPTER, trials - tally.tried), until, tally)
        finally:
            tally.seconds += time.monotonic() - begun

    async def _chapter(self, kind: str, trials: int, until: float, tally: Tally) -> None:
        begin_anew(self._gate, self._template)
        broker = self._broker if kind == "broker" else None
        write_config(self._gate, self._socket.parent, broker_port=broker.port if broker else 0)
        judge = Judge(self._gate / "data", self._gate / "judge")
        judge.look(Promises())
        if broker is not None:
            broker.calm = False
            broker.forget()
        for _ in range(trials):
            if time.monotonic() > until:
                break
            seed = self._chance.getrandbits(48)
            promises = await self._trial(kind, seed, judge)
            judge.look(promises)
            tally.take(promises)
            if judge.faults:
                tally.faults += [f"seed {seed}: {fault}" for fault in judge.faults]
                keep(self._gate, seed)
                return
        if broker is not None and broker.real:
            tally.faults += await self._published(broker, judge)
        tally.records += judge.records
        tally.faults += judge.faults + verified(self._gate / "data")
        if tally.faults:
            keep(self._gate, 0)

    async def _trial(self, kind: str, seed: int, judge: Judge) -> Promises:
        promises = Promises()
        job: dict[str, Any] = {
            "what": "gate",
            "config": str(self._gate / "garita.toml"),
            "seed": seed,
        }
        if kind == "power":
            job["cut"] = cut_job(self._gate, self._chance, kind, most=150)
        if kind == "clock":
            job["clock"] = self._jumps()
        since = len(self._board.log)
        works: list[Coroutine[Any, Any, None]] = [self._badges(), self._ask(promises)]
        if kind == "noise":
            works.append(self._noise())
        if kind == "unplug":
            works.append(self._unplug())
        disturbing = [asyncio.create_task(work) for work in works]
        try:
            await self._nursery.trial(job, promises.take, kill=self._end(kind, since))
        finally:
            for task in disturbing:
                task.cancel()
            await asyncio.gather(*disturbing, return_exceptions=True)
            self._reader.replug()
            self._board.replug()
        promises.opened = sum(switch.on for switch in self._board.log[since:])
        power_is_back(self._gate)
        if kind == "unplug":
            self._board.state.clear()  # a board without power holds nothing; this one remembers
        else:
            await self._rest(time.monotonic(), judge)
        return promises

    async def _rest(self, ended: float, judge: Judge) -> None:
        if 1 not in self._board.state:
            return
        try:
            await self._board.wait_for(1, False, REST_S)
        except TimeoutError:
            judge.faults.append("the relay stayed energised")
        else:
            rested = [switch.at for switch in self._board.log if switch.channel == 1][-1]
            self.longest_rest_s = max(self.longest_rest_s, rested - ended)

    async def _published(self, broker: FlappingBroker, judge: Judge) -> list[str]:
        """What is missing at the subscriber after the gate had a calm time."""
        broker.calm = True

        async def until_published() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CALM_S):
                    while True:
                        await asyncio.sleep(0.2)
                        with suppress(control.ControlError):
                            said = await asyncio.to_thread(control.ask, self._socket, "status")
                            if said["mqtt"]["connected"] and said["mqtt"]["waiting"] == 0:
                                break
            await asyncio.sleep(0.2)

        job = {"what": "gate", "config": str(self._gate / "garita.toml"), "seed": 1}
        await self._nursery.trial(job, lambda _: None, kill=until_published)
        known = dict(judge.hashes)
        judge.look(Promises())
        missing = [
            f"event {name} was never published" for name in known if name not in broker.received
        ]
        wrong = [
            f"event {name} was published, and is not on record"
            for name, digest in broker.received.items()
            if judge.hashes.get(name) != digest
        ]
        return missing[:10] + wrong[:10] + broker.contradictions[:10]

    def _end(self, kind: str, since: int) -> Callable[[], Awaitable[None]]:
        """When to kill: at any time, or as a door is being unlocked."""
        chance = self._chance
        at_random = chance.uniform(0.0, 1.2)
        opening = chance.random() < 0.4
        more = chance.choice((0.0, chance.uniform(0.0, 0.003), chance.uniform(0.0, 0.3)))

        async def end() -> None:
            if kind == "power":  # it ends by itself, or has done all that it had to write
                await asyncio.sleep(WRITTEN_S)
            elif opening:
                with suppress(TimeoutError):
                    await self._board.energised(since, 3.0)
                await asyncio.sleep(more)
            else:
                await asyncio.sleep(at_random)

        return end

    async def _badges(self) -> None:
        while True:
            with suppress(OSError):
                self._reader.present(*CARD)
            await asyncio.sleep(self._chance.uniform(0.01, 0.12))

    async def _ask(self, promises: Promises) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.05, 0.6))
            with suppress(control.ControlError, OSError):
                said = await asyncio.to_thread(
                    control.ask, self._socket, "checkpoint", timeout_s=2.0
                )
                promises.take({"what": "checkpoint", "note": said["checkpoint"]})

    async def _noise(self) -> None:
        chance = self._chance
        while True:
            with suppress(OSError):
                if chance.random() < 0.5:
                    self._reader.garbage()
                else:
                    self._reader.send(chance.randbytes(chance.randrange(1, 200)))
                self._board.send(chance.randbytes(chance.randrange(1, 20)))
            await asyncio.sleep(chance.uniform(0.0, 0.05))

    async def _unplug(self) -> None:
        while True:
            device = self._chance.choice((self._reader, self._board))
            await asyncio.sleep(self._chance.uniform(0.0, 0.4))
            device.unplug()
            await asyncio.sleep(self._chance.uniform(0.0, 0.3))
            device.replug()

    def _jumps(self) -> list[tuple[float, float]]:
        """A clock of 1970, of yesterday, of in ten years, or one that jumps while it runs."""
        chance = self._chance
        places = (-1.7e9, -DAY_S, -60.0, 0.0, 60.0, DAY_S, 10 * 365 * DAY_S)
        return [(0.0, chance.choice(places)), (chance.uniform(0.1, 1.0), chance.choice(places))]
