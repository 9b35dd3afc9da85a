"""``make bench``: measures and prints every figure that the project states.

Nothing here fails because it is slow.  Each part runs the real daemon or the real commands.  To run
some parts only, name them: ``make bench ARGS="latency memory"``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    accuracy,
    archive,
    areas,
    bus,
    camera,
    collect,
    console,
    detection,
    embedding,
    evidence,
    face,
    faults,
    fleet,
    latency,
    ledger,
    osdp,
    pages,
    roster,
    rules,
    search,
    spoof,
    uplink,
)
from benchmarks.patterns import bench as patterns

logging.getLogger("mqtt").setLevel(logging.ERROR)
PARTS: dict[str, Callable[[Path], Awaitable[None]]] = {
    "latency": latency.run,
    "memory": latency.memory,
    "ledger": ledger.run,
    "archive": archive.run,
    "evidence": evidence.run,
    "roster": roster.run,
    "search": search.run,
    "rules": rules.run,
    "areas": areas.run,
    "osdp": osdp.run,
    "bus": bus.run,
    "faults": faults.run,
    "uplink": uplink.run,
    "collect": collect.run,
    "console": console.run,
    "fleet": fleet.run,
    "camera": camera.run,
    "face": face.run,
    "embed": embedding.run,
    "detect": detection.run,
    "accuracy": accuracy.run,
    "spoof": spoof.run,
    "pages": pages.run,
    "patterns": patterns.bench,
}


def machine() -> str:
    """The processor, cores and Python of this machine."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((line for line in info.splitlines() if line.startswith("model name")), ": ?")
    name = model.split(":", 1)[1].strip()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> int:
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"no such part: {', '.join(unknown)}; there are: {', '.join(PARTS)}")
        return 2
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine()}")
    for name in wanted:
        started = time.monotonic()
        print(f"\n{name}")
        with tempfile.TemporaryDirectory(prefix="garita-bench-") as folder:
            asyncio.run(PARTS[name](Path(folder)))  # type: ignore[arg-type]
        print(f"  ({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
