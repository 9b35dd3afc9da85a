"""An annex: a long table as a PDF of its own, for people who would rather leaf than filter."""

from __future__ import annotations

import json
import tempfile
from itertools import islice
from pathlib import Path

from gateway.evidence import saying
from gateway.evidence.model import Table
from gateway.evidence.packet import Packet
from gateway.evidence.pages import first, render
from gateway.evidence.pages.shared import records
from gateway.evidence.spool import Spool
from gateway.locale import _, speaking

MOST_ROWS = 10_000
"""Rows of an annex: about 400 pages, which nobody leafs through; the CSV has all of them."""


def annex(packet: Packet, spool: Spool, table: Table, language: str, output: Path) -> None:
    """Write the rows of `table` to the PDF `output`, in `language`; at most MOST_ROWS of them.

    The same packet gives the same bytes.  Raises PagesError, and OSError if the disk is full.
    """
    with (
        speaking(language),
        tempfile.TemporaryDirectory(prefix=".pages-", dir=output.parent) as name,
    ):
        place, zone = Path(name), packet.span.zone
        count = spool.count(table.key)
        with (place / "rows.jsonl").open("w", encoding="utf-8", errors="replace") as lines:
            for row in islice(spool.rows(table.key), MOST_ROWS):
                cells = [
                    saying.cell(c, row.cells.get(c.key), redacted=packet.redacted, zone=zone)
                    for c in table.columns
                ]
                told = [*cells, records(row.records)]
                lines.write(json.dumps(told, ensure_ascii=False) + "\n")
        told = [first.subtitle(packet), _("rows: {count}").format(count=saying.number(count))]
        if count > MOST_ROWS:
            told.append(
                _("the first {shown}; all are in tables/{table}.csv").format(
                    shown=saying.number(MOST_ROWS), table=table.key
                )
            )
        gateway = packet.settings.site.gateway
        order = {
            "is": "annex",
            "title": f"{saying.said(table.title)} · {gateway}",
            "subtitle": " · ".join(told),
            "author": gateway,
            "foot": first.as_of(packet),
            "page-of": _("page {page} of {pages}"),
            "titles": [*(_(column.title) for column in table.columns), _("Records")],
            "widths": [*(column.width for column in table.columns), 0.9],
            "language": language,
            "fonts": str(packet.settings.tables.evidence.font_dir or ""),
            "timestamp": int(packet.as_of.timestamp()),
        }
        render.run(order, place)
        (place / "made.pdf").replace(output)
