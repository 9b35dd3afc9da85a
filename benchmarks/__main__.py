"""``make bench``: measures and prints every figure that the project states.

Nothing here fails because it is slow.  Each part runs the real daemon or the real commands.  To run
some parts only, name them: ``make bench ARGS="latency memory"``.  The end is a table beside the
last run that was committed; ``SAVE=1`` puts this run in its place.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
    figures,
    fleet,
    last,
    latency,
    ledger,
    listcopy,
    osdp,
    pages,
    roster,
    rules,
    search,
    spoof,
    uplink,
)
from benchmarks.floor import floor_ms
from benchmarks.patterns import bench as patterns
from benchmarks.peer import bench as peer

logging.getLogger("mqtt").setLevel(logging.ERROR)
PARTS: dict[str, Callable[[Path], Coroutine[Any, Any, None]]] = {
    "latency": latency.run,
    "memory": latency.memory,
    "peer": peer.run,
    "ledger": ledger.run,
    "archive": archive.run,
    "evidence": evidence.run,
    "roster": roster.run,
    "listcopy": listcopy.run,
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


async def measured(name: str, folder: Path) -> last.Part:
    """One part, with the floor of the machine before and after it."""
    load, floors = os.getloadavg()[0], [await floor_ms(folder / "before")]
    figures.told.clear()
    (folder / "part").mkdir()
    await PARTS[name](folder / "part")
    floors.append(await floor_ms(folder / "after"))
    floor = sum(floors) / len(floors)
    return last.Part(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=last.commit(),
        machine=machine(),
        load=(round(load, 1), round(os.getloadavg()[0], 1)),
        floor_ms=round(floor, 3),
        figures=last.scaled(figures.told, floor),
    )


def main() -> int:
    keep = "--save" in sys.argv
    wanted = [name for name in sys.argv[1:] if name != "--save"] or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"no such part: {', '.join(unknown)}; there are: {', '.join(PARTS)}")
        return 2
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine()}")
    parts: dict[str, last.Part] = {}
    for name in wanted:
        started = time.monotonic()
        print(f"\n{name}")
        with tempfile.TemporaryDirectory(prefix="garita-bench-") as folder:
            try:
                parts[name] = asyncio.run(measured(name, Path(folder)))
            except Exception:  # the other parts are measured all the same
                traceback.print_exc()
        print(f"  ({time.monotonic() - started:.0f} s)")
    print("\nbeside the last run that was committed (times in multiples of the floor)")
    for line in last.table(last.load(), parts):
        print(line)
    if failed := [name for name in wanted if name not in parts]:
        print(f"\nfailed: {', '.join(failed)}")
    if keep:
        last.save(parts)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
