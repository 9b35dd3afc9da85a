"""A PDF of some 300 pages, set by typst as those of a packet.

A packet never has so long a PDF: its pages hold 1,500 rows, and its annexes 10,000 each.
"""

from __future__ import annotations

import re
import resource
import time
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

from benchmarks.figures import say
from demo.rig import example_config
from gateway import config
from gateway.evidence.model import Column, Found, Span, Table
from gateway.evidence.pages import reported
from gateway.evidence.pages.write import report
from gateway.evidence.spool import Spool
from gateway.locale import N_, worded

ROWS = 15_000


async def run(folder: Path) -> None:
    settings = config.load(example_config(folder / "gate"))
    span = Span(date(2026, 10, 1), date(2026, 10, 31), settings.site.zone)
    keys = ("Time", "Door", "Name", "Company", "Reason")
    table = Table("rows", worded("Access log"), tuple(Column(key, N_(key)) for key in keys))
    with closing(Spool(folder / "rows.db")) as spool:
        for n in range(ROWS):
            cells = ("2026-10-20T15:00:00.000Z", "main-1", f"José Núñez {n}", "Norte", "granted")
            spool.add(table.key, dict(zip(keys, cells, strict=True)), (n,))
        found = [Found("rows", table.title, tables=[table])]
        most, reported.MOST_ROWS = reported.MOST_ROWS, ROWS
        try:
            begun = time.perf_counter()
            output = folder / "long.pdf"
            as_of = datetime.fromisoformat(span.end)
            report(settings, span, table.title, found, spool, "es", output, as_of)
            took = time.perf_counter() - begun
        finally:
            reported.MOST_ROWS = most
    pages = max(map(int, re.findall(rb"/Count (\d+)", output.read_bytes())))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    say(f"PDF of {pages} pages, {ROWS} rows (s)", f"{took:.1f}", "20 s for 300 pages")
    say("  memory of the child (MB)", str(peak))
