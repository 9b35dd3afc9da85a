"""What can be told of a disk, and what follows from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.selftest import storage
from gateway.selftest.finding import State
from gateway.selftest.storage import Disk, Syncs

FLASH = Disk("ext4", frozenset({"rw"}), "mmcblk0", turns=False, cached=True)


def syncs(ms: float, flushes: int | None = 100, count: int = 100) -> Syncs:
    return Syncs([ms] * count, flushes)


@pytest.mark.parametrize(
    ("disk", "took", "state", "said"),
    [
        (FLASH, syncs(3.0), State.GOOD, "333 syncs a second"),
        (Disk("tmpfs"), syncs(0.01, None), State.BAD, "is memory"),
        (
            Disk("ext4", frozenset({"rw", "barrier=0"}), "sda", False, True),
            syncs(3),
            State.BAD,
            "barrier=0",
        ),
        (FLASH, syncs(0.1, flushes=0), State.BAD, "got 0 flushes for 100 syncs"),
        (Disk("ext4", frozenset(), "sda", True, True), syncs(0.3), State.WARN, "platters"),
        (Disk("ext4", frozenset(), "sda", True, True), syncs(9), State.GOOD, "111 syncs"),
        (Disk("ext4", frozenset(), "nvme0n1", False, False), syncs(0.01, 0), State.WARN, "battery"),
        (Disk("ext4", frozenset(), "nvme0n1", False, False), syncs(0.05, 0), State.GOOD, "syncs"),
        (FLASH, syncs(80.0), State.WARN, "each badge waits"),
        (Disk("overlay"), syncs(3.0, None), State.UNKNOWN, "overlay"),
    ],
)
def test_syncs_are_judged(disk: Disk, took: Syncs, state: State, said: str) -> None:
    found = storage.judge(disk, took)
    assert found.state == state
    assert said in str(found.said)


def test_the_disk_under_a_folder_is_found(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    root = tmp_path / "root"
    block = root / "sys/devices/sda"
    (block / "sda1").mkdir(parents=True)
    (block / "sda1/partition").write_text("1\n")
    (block / "queue").mkdir()
    (block / "queue/rotational").write_text("1\n")
    (block / "queue/write_cache").write_text("write back\n")
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/dev/block" / number).symlink_to(block / "sda1")
    (root / "sys/class/block").mkdir(parents=True)
    (root / "sys/class/block/sda").symlink_to(block)
    (block / "stat").write_text(" ".join(str(n) for n in range(17)) + "\n")
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(
        f"27 1 {number} / / rw,relatime - ext4 /dev/sda1 rw,nobarrier\n"
    )
    disk = storage.disk_of(tmp_path, root)
    assert disk == Disk("ext4", frozenset({"rw", "relatime", "nobarrier"}), "sda", True, True)
    took = storage.measure(tmp_path, disk, root)
    assert took.flushes == 0  # the counter stands still
    assert storage.judge(disk, took).state == State.BAD
    assert not list(tmp_path.glob(".selftest*"))


def test_no_room_is_bad_and_little_room_is_to_be_looked_at(tmp_path: Path) -> None:
    stat = os.statvfs(tmp_path)
    free = stat.f_bavail * stat.f_frsize // 1_000_000
    assert storage.room(tmp_path, 1).state == State.GOOD
    assert storage.room(tmp_path, free // 2).state == State.WARN
    assert storage.room(tmp_path, free * 2).state == State.BAD


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (found,) = storage.look(tmp_path / "none", 1)
    assert found.state == State.BAD
    assert "No such file or directory" in str(found.said)
