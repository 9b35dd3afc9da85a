"""`garita selftest --soak`: the crash lab, from its plan to its figures.

Nothing here touches the site's own log, list or devices: each trial works on a gate of its own, in
a folder on the same disk.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.locale import N_
from gateway.selftest.crashes import Crashes
from gateway.selftest.gate import GateTrials
from gateway.selftest.nursery import Nursery
from gateway.selftest.sqlitevfs import NoSqlite, find_vfs
from gateway.selftest.tally import Tally


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trial: what people call it, its share of the time, and whether it needs the
    simulated disk."""

    title: str
    share: float
    on_disk: bool = False


KINDS: Mapping[str, Kind] = {
    "kill": Kind(N_("the log's writer is killed (kill -9)"), 0.2),
    "power": Kind(N_("power cut: unsynced writes are lost, torn, out of order"), 0.3, True),
    "full": Kind(N_("the disk is full for a while, then a power cut"), 0.05, True),
    "errors": Kind(N_("the disk fails for a while (I/O errors), then a power cut"), 0.05, True),
    "gate-kill": Kind(N_("the gateway is killed while badges are shown"), 0.15),
    "gate-power": Kind(N_("the gateway loses power while badges are shown"), 0.05, True),
    "gate-noise": Kind(N_("noise on the lines of reader and lock, then a kill"), 0.05),
    "gate-unplug": Kind(N_("reader and lock are unplugged and back, then a kill"), 0.05),
    "gate-broker": Kind(N_("the broker comes and goes, then a kill"), 0.05),
    "gate-clock": Kind(N_("the clock jumps, then a kill"), 0.05),
}
NEVER = float("inf")
MOST = 1_000_000


@dataclass(slots=True)
class Result:
    """What a run found; `kept` is the folder with what the faults left, None if there are none."""

    tallies: list[Tally]
    skipped: tuple[str, ...] = ()
    """Kinds that can't be tried with this Python (sqlitevfs.find_vfs)."""
    longest_rest_s: float = 0.0
    kept: Path | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing was lost."""
        return not any(tally.faults for tally in self.tallies)


def soak(
    disk: Path,
    *,
    seed: int,
    minutes: float | None = None,
    trials: int | None = None,
    kinds: tuple[str, ...] = tuple(KINDS),
    begun: Callable[[Tally], None] = lambda tally: None,
) -> Result:
    """Try `kinds` for `minutes` in all, or `trials` of each, in a new folder in `disk`.

    `begun` is called with the tally of each kind, which then grows.  Raises OSError if there can be
    no such folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="garita-selftest-", dir=disk.absolute()))
    skipped = _impossible(kinds)
    result = Result([Tally(kind) for kind in kinds if kind not in skipped], skipped)
    limits = Limits(seed, minutes, trials)
    try:
        asyncio.run(_soak(folder, limits, result, begun))
    finally:
        if any(folder.glob("fault-*")):
            result.kept = folder
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return result


def _impossible(kinds: tuple[str, ...]) -> tuple[str, ...]:
    try:
        find_vfs()
    except NoSqlite:
        return tuple(kind for kind in kinds if KINDS[kind].on_disk)
    return ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the trials go on."""

    seed: int
    minutes: float | None
    trials: int | None


async def _soak(
    folder: Path, limits: Limits, result: Result, begun: Callable[[Tally], None]
) -> None:
    shares = sum(KINDS[tally.kind].share for tally in result.tallies)
    nursery = Nursery()
    trials: GateTrials | Crashes
    gate = GateTrials(folder, nursery, limits.seed)
    crashes = Crashes(folder, nursery, limits.seed)
    try:
        for tally in result.tallies:
            begun(tally)
            trials = gate if tally.kind.startswith("gate-") else crashes
            trials.prepare()
            until = NEVER
            if limits.minutes is not None:
                share = KINDS[tally.kind].share / shares
                until = time.monotonic() + limits.minutes * 60 * share
            kind = tally.kind.removeprefix("gate-")
            await trials.run(kind, limits.trials or MOST, until, tally)
    finally:
        result.longest_rest_s = gate.longest_rest_s
        await gate.close()
        await nursery.close()
