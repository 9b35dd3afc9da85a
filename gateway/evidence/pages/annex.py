"""An annex: a long table as a PDF of its own, for people who would rather leaf than filter."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from gateway.evidence import saying
from gateway.evidence.model import Table
from gateway.evidence.packet import Packet
from gateway.evidence.pages import first, render
from gateway.evidence.pages.numbered import Numbered
from gateway.evidence.pages.shared import deviation_titles, records, told_of
from gateway.evidence.spool import Spool
from gateway.locale import _, language, speaking

MOST_ROWS = 10_000
"""Rows of an annex: about 400 pages, which nobody leafs through; the CSV has all of them."""


def annex(packet: Packet, spool: Spool, table: Table, spoken: str, output: Path) -> None:
    """Write the rows of `table` to the PDF `output`, in the language `spoken`: at most
    MOST_ROWS.

    The same packet gives the same bytes.  Raises PagesError, and OSError if the disk is full.
    """
    with speaking(spoken):
        zone = packet.span.zone
        rows = (
            [
                *(
                    saying.cell(c, row.cells.get(c.key), redacted=packet.redacted, zone=zone)
                    for c in table.columns
                ),
                records(row.records),
            ]
            for row in spool.rows(table.key)
        )
        titles = [*(_(column.title) for column in table.columns), _("Records")]
        widths = [*(column.width for column in table.columns), 0.9]
        count, file = spool.count(table.key), f"tables/{table.key}.csv"
        _write(packet, saying.said(table.title), titles, widths, rows, count, file, output)


def deviations(packet: Packet, spoken: str, output: Path) -> None:
    """Write all deviations, with what was done about each; likewise."""
    with speaking(spoken):
        zone, found = packet.span.zone, Numbered(packet.sections).all
        rows = (
            [
                one.label,
                ", ".join(one.criteria),
                *told_of(one.deviation, zone, redacted=packet.redacted),
            ]
            for one in found
        )
        titles = [_("No."), _("Criteria"), *deviation_titles()]
        widths = [0.6, 1, 1.4, 4, 3.4, 0.9, 1.4]
        title = _("Deviations and what was done about them")
        _write(packet, title, titles, widths, rows, len(found), "packet.json", output)


def _write(
    packet: Packet,
    title: str,
    titles: Sequence[str],
    widths: Sequence[float],
    rows: Iterable[Sequence[str]],
    count: int,
    file: str,
    output: Path,
) -> None:
    """Have the child set the first MOST_ROWS of `count` rows; `file` has all."""
    with tempfile.TemporaryDirectory(prefix=".pages-", dir=output.parent) as name:
        place = Path(name)
        with (place / "rows.jsonl").open("w", encoding="utf-8", errors="replace") as lines:
            lines.writelines(
                json.dumps(row, ensure_ascii=False) + "\n" for row in islice(rows, MOST_ROWS)
            )
        told = [first.subtitle(packet), _("rows: {count}").format(count=saying.number(count))]
        if count > MOST_ROWS:
            told.append(
                _("the first {shown}; all are in {file}").format(
                    shown=saying.number(MOST_ROWS), file=file
                )
            )
        gateway = packet.settings.site.gateway
        order = {
            "is": "annex",
            "title": f"{title} · {gateway}",
            "subtitle": " · ".join(told),
            "author": gateway,
            "foot": first.as_of(packet),
            "page-of": _("page {page} of {pages}"),
            "titles": list(titles),
            "widths": list(widths),
            "language": language(),
            "fonts": str(packet.settings.tables.evidence.font_dir or ""),
            "timestamp": int(packet.as_of.timestamp()),
        }
        render.run(order, place)
        (place / "made.pdf").replace(output)
