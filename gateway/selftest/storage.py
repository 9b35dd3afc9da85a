"""Does a sync reach the disk, how long does it take, and how much room is there?

A gateway unlocks a door when its record is synced, so a disk that says so and does not do it makes
every promise void.  No program can see what is on the platter.  What can be told: how long syncs
take, whether the kernel sent the disk a flush for each (the counter of flush requests,
kernel.org: Documentation/block/stat.rst), and whether the disk could be that quick at all.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.locale import N_, worded
from gateway.selftest.finding import Finding, bad, good, unknown, warn

SYNCS = 200
LONGEST_S = 4.0
BLOCK = 4096
IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
NO_FLUSH = frozenset({"nobarrier", "barrier=0", "nobarriers"})
FASTEST_TURN_MS = 2.0
"""A quarter of a turn at 7,200 rpm: no disk with platters is quicker, time after time."""
SLOW_MS = 50.0
QUICK_MS = 0.02
_FLUSHES = 15  # the column of flush requests in /sys/block/*/stat, since Linux 5.5
_COMMON = 5  # times the least room that is asked for: then it is time to look


@dataclass(frozen=True, slots=True)
class Disk:
    """What is known of the disk under a folder; None where the system does not say."""

    kind: str
    """The file system's."""
    options: frozenset[str] = frozenset()
    name: str = ""
    turns: bool | None = None
    cached: bool | None = None
    """Whether it has a cache that forgets without power."""


@dataclass(frozen=True, slots=True)
class Syncs:
    """How long syncs took (ms, sorted), and how many flushes the disk got for them (None: not
    known)."""

    took_ms: Sequence[float]
    flushes: int | None = None

    @property
    def median_ms(self) -> float:
        return statistics.median(self.took_ms)

    @property
    def worst_ms(self) -> float:
        return self.took_ms[-1]


def look(folder: Path, least_mb: int, *, root: Path = Path("/")) -> list[Finding]:
    """Look at the disk under `folder`, with some seconds of writes; `root` is where /proc and /sys
    are."""
    try:
        disk = disk_of(folder, root)
        return [judge(disk, measure(folder, disk, root)), room(folder, least_mb)]
    except OSError as error:
        said = worded("{folder}: {error}", folder=folder, error=error.strerror or str(error))
        return [bad("disk", N_("disk"), said)]


def disk_of(folder: Path, root: Path = Path("/")) -> Disk:
    """The disk under `folder`, from /proc/self/mountinfo and /sys/dev/block; raises OSError."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    kind, options = "", frozenset[str]()
    for line in (root / "proc/self/mountinfo").read_text("utf-8").splitlines():
        before, _, after = line.partition(" - ")
        fields, more = before.split(), after.split()
        if fields[2] == number and len(more) >= 3:
            kind, options = more[0], frozenset(fields[5].split(",") + more[2].split(","))
    block = (root / "sys/dev/block" / number).resolve()
    if (block / "partition").exists():
        block = block.parent
    return Disk(
        kind=kind,
        options=options,
        name=block.name if block.exists() else "",
        # A virtual disk (vda) says that it turns; nobody asked the host.
        turns=block.name.startswith(("sd", "hd"))
        and _flag(block / "queue/rotational", {"0": False, "1": True}),
        cached=_flag(block / "queue/write_cache", {"write back": True, "write through": False}),
    )


def measure(folder: Path, disk: Disk, root: Path = Path("/")) -> Syncs:
    """Write and sync small blocks in `folder`, for `LONGEST_S` at most; raises OSError."""
    path = folder / f".selftest-{os.getpid()}"
    before = _flushes(disk, root)
    took = []
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + LONGEST_S
        for number in range(SYNCS):
            os.pwrite(handle, os.urandom(BLOCK), number * BLOCK)
            begun = time.perf_counter()
            os.fdatasync(handle)
            took.append((time.perf_counter() - begun) * 1000)
            if time.monotonic() > end:
                break
    finally:
        os.close(handle)
        path.unlink()
    after = _flushes(disk, root)
    sent = after - before if before is not None and after is not None else None
    return Syncs(sorted(took), sent)


def judge(disk: Disk, syncs: Syncs) -> Finding:
    """Whether syncs may be believed."""
    facts = {
        "median": syncs.median_ms,
        "worst": syncs.worst_ms,
        "rate": 1000 / max(syncs.median_ms, 0.001),
        "kind": disk.kind or "?",
    }
    count = len(syncs.took_ms)
    if disk.kind in IN_MEMORY:
        said = worded("{kind} is memory: everything is gone without power", **facts)
        return bad("sync", N_("sync"), said)
    if off := NO_FLUSH & disk.options:
        said = worded("mounted with {option}: a sync does not reach the disk", option=min(off))
        return bad("sync", N_("sync"), said)
    if disk.cached and syncs.flushes is not None and syncs.flushes < count // 2:
        said = worded(
            "the disk has a cache and got {flushes} flushes for {count} syncs: it loses records "
            "without power",
            flushes=syncs.flushes,
            count=count,
        )
        return bad("sync", N_("sync"), said)
    if disk.turns and syncs.median_ms < FASTEST_TURN_MS:
        said = worded(
            "a sync takes {median:.2f} ms, which no disk with platters can do without a battery: "
            "it may answer before it has written",
            **facts,
        )
        return warn("sync", N_("sync"), said)
    if syncs.median_ms < QUICK_MS:
        said = worded(
            "a sync takes {median:.3f} ms: only a disk with a battery is that quick. Pull the plug "
            "while `garita log tail -f` runs, and compare",
            **facts,
        )
        return warn("sync", N_("sync"), said)
    if syncs.median_ms > SLOW_MS:
        said = worded(
            "a sync takes {median:.0f} ms, at worst {worst:.0f} ms: each badge waits for one",
            **facts,
        )
        return warn("sync", N_("sync"), said)
    said = worded(
        "{rate:.0f} syncs a second; one takes {median:.2f} ms, at worst {worst:.1f} ms ({kind})",
        **facts,
    )
    if disk.cached is None:
        return unknown("sync", N_("sync"), said)
    return good("sync", N_("sync"), said)


def room(folder: Path, least_mb: int) -> Finding:
    """Free space and free inodes; raises OSError."""
    stat = os.statvfs(folder)
    free_mb = stat.f_bavail * stat.f_frsize // 1_000_000
    if stat.f_files and not stat.f_favail:
        return bad("space", N_("space"), worded("no inode is free: no file can be made"))
    facts = {"free": free_mb, "least": least_mb}
    if free_mb < least_mb:
        return bad("space", N_("space"), worded("{free} MB free, fewer than {least} MB", **facts))
    if free_mb < _COMMON * least_mb:
        return warn("space", N_("space"), worded("{free} MB free, which is not much", **facts))
    return good("space", N_("space"), worded("{free} MB free", **facts))


def _flushes(disk: Disk, root: Path) -> int | None:
    """Flush requests of the disk so far."""
    try:
        fields = (root / "sys/class/block" / disk.name / "stat").read_text("ascii").split()
        return int(fields[_FLUSHES])
    except (OSError, ValueError, IndexError):
        return None


def _flag(path: Path, words: dict[str, bool]) -> bool | None:
    try:
        return words.get(path.read_text("ascii").strip())
    except OSError:
        return None
