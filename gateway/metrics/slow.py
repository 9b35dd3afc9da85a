"""Figures that cost something: made anew at most every so often, in the server's thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.metrics.text import Samples


class Slow:
    """Keeps what was made last, by name."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Samples]] = {}

    def __call__(self, name: str, every_s: float, look: Callable[[], Samples]) -> Samples:
        """What `look` returned last, or now if that is older than `every_s` seconds."""
        at, samples = self._kept.get(name, (float("-inf"), Samples()))
        if time.monotonic() - at > every_s:
            samples = look()
            self._kept[name] = (time.monotonic(), samples)
        return samples


def of_disk(folder: Path) -> Samples:
    """Space on the disk of `folder`; nothing if it can't be had.  Blocks."""
    found = Samples()
    with suppress(OSError):
        stat = os.statvfs(folder)
        found.put("garita_disk_free_bytes", stat.f_bavail * stat.f_frsize)
        found.put("garita_disk_size_bytes", stat.f_blocks * stat.f_frsize)
    return found
