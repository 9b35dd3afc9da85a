"""The auditor's packet of one month over a year's log of a million records, by the real command.

``GARITA_RECORDS=200000 make bench ARGS=evidence`` takes a smaller log.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from benchmarks.figures import say
from benchmarks.site import log
from demo.rig import example_config
from gateway import config
from gateway.evidence import manifest
from gateway.people.schema import open_admin
from gateway.vault import logkey
from gateway.vault.sitekey import SiteKey

RECORDS = int(os.environ.get("GARITA_RECORDS", "1000000"))
PEOPLE = 140  # they make a million records in about a year
_MEASURED = """
import resource, sys
from gateway.cli.main import app
try:
    app(sys.argv[1:])
finally:
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    peak = [resource.getrusage(kind).ru_maxrss for kind in kinds]
    print("peak", max(peak) // 1024, peak[0] // 1024, file=sys.stderr)
"""


@dataclass(frozen=True)
class Took:
    """What one command took: seconds, and the largest memory of a process of it, MB."""

    seconds: float
    peak_mb: int
    own_mb: int


async def run(folder: Path) -> None:
    path, written = await asyncio.to_thread(_gate, folder)
    say("log", f"{written.last_seq} records, {written.first} to {written.last}")
    middle = written.first + (written.last - written.first) / 2
    first = middle.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    days = ("--from", first.isoformat(), "--to", last.isoformat(), "--word", "tecolote")
    out = folder / "all"
    took = await asyncio.to_thread(_garita, path, *days, "-o", str(out), "--lang", "es")
    told = json.loads((out / "packet.json").read_text(encoding="utf-8"))
    count = told["log"]["records"]["inside"]
    say("packet of a month, all criteria, Spanish (s)", f"{took.seconds:.1f}", "60 s")
    say("  largest process (MB)", f"{took.peak_mb} (the command itself {took.own_mb})", "400 MB")
    say("  records of the month, quoted", f"{count}, {told['log']['proofs']['shown']}")
    size = sum(one.stat().st_size for one in out.rglob("*") if one.is_file())
    say("  size of the folder (MB)", f"{size / 1e6:.1f}")
    took = await asyncio.to_thread(
        _garita, path, *days, "-o", str(folder / "data"), "--no-pdf", "--no-zip"
    )
    say("the same without pages and zip (s)", f"{took.seconds:.1f}")
    say("  largest process (MB)", f"{took.peak_mb}")
    same = manifest.digest(out / "packet.json") == manifest.digest(folder / "data" / "packet.json")
    say("  packet.json has the same bytes", "yes" if same else "NO", "yes")
    took = await asyncio.to_thread(
        _garita, path, *days, "-o", str(folder / "one"), "--lang", "es", "--criterion", "10.2"
    )
    say("packet of one criterion (s)", f"{took.seconds:.1f}")
    for program in ([sys.executable, "-I", str(out / "garita_check.py"), str(out)],):
        begun = time.perf_counter()
        done = await asyncio.to_thread(subprocess.run, program, capture_output=True, check=False)
        say("garita_check.py over it (s)", f"{time.perf_counter() - begun:.1f}")
        say("  finds it right", "yes" if done.returncode == 0 else done.stdout.decode(), "yes")


def _gate(folder: Path) -> tuple[Path, log.Written]:
    """A gate whose log has RECORDS records, and its configuration file."""
    path = example_config(folder / "gate")
    path.write_text(re.sub(r"(?ms)^\[mqtt\]$.*?(?=^\[)", "", path.read_text()))
    settings = config.load(path)
    subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "key", "new", _key_file(settings)],
        check=True,
        capture_output=True,
    )
    open_admin(settings.people_path).close()
    written = log.write(
        settings.ledger_path,
        first=date(2026, 1, 1),
        people=PEOPLE,
        records=RECORDS,
        gateway=settings.site.gateway,
    )
    logkey.settle(settings.log_key_path, SiteKey.load(_key_file(settings)), log.KEY)
    return path, written


def _key_file(settings: config.Settings) -> str:
    return settings.tables.site.key_file


def _garita(path: Path, *arguments: str) -> Took:
    """Run `garita evidence` with these arguments on the gate at `path`."""
    command = [sys.executable, "-c", _MEASURED, "evidence", *arguments, "-c", str(path)]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    peak = done.stderr.rpartition("peak ")[2].split()
    return Took(seconds, int(peak[0]), int(peak[1]))
