"""Annexes: long tables as PDFs of their own, for people who would rather leaf than filter.

One child makes all of them: its libraries take a second to load.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.evidence import saying
from gateway.evidence.model import Table
from gateway.evidence.packet import Packet
from gateway.evidence.pages import first, render
from gateway.evidence.pages.numbered import Numbered
from gateway.evidence.pages.shared import DEVIATIONS, deviation_titles, records, told_of
from gateway.evidence.spool import Spool
from gateway.locale import _, language, speaking

MOST_ROWS = 5_000
"""Rows of an annex, about 180 pages: whoever wants more of a table filters its CSV."""
MOST_OF_ALL = 10_000
"""Rows of all annexes of a packet in one language; the short tables come first."""


@dataclass(frozen=True, slots=True)
class _Annex:
    key: str
    title: str
    titles: Sequence[str]
    widths: Sequence[float]
    rows: Iterable[Sequence[str]]
    count: int


def write(
    packet: Packet,
    spool: Spool,
    tables: Sequence[Table],
    spoken: str,
    folder: Path,
    *,
    deviations: bool = False,
) -> list[str]:
    """Write an annex of each table, and with `deviations` one of them, in the language `spoken`.

    A table of more than MOST_ROWS rows has none, and none has one beyond MOST_OF_ALL.  The same
    packet gives the same bytes.  Returns the names of the new files in `folder`, which is made if
    there are any.  Raises PagesError, and OSError if the disk is full.
    """
    with speaking(spoken):
        wanted = [_deviations(packet)] if deviations else []
        left = MOST_OF_ALL - sum(one.count for one in wanted)
        for table in sorted(tables, key=lambda one: (spool.count(one.key), one.key)):
            count = spool.count(table.key)
            if 0 < count <= min(MOST_ROWS, left):
                wanted.append(_table(packet, spool, table))
                left -= count
        if not wanted:
            return []
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pages-", dir=folder) as name:
            place = Path(name)
            render.run(
                {"is": "annexes", "all": [_order(packet, one, place) for one in wanted]}, place
            )
            names = [f"{one.key}.{spoken}.pdf" for one in wanted]
            for one, file in zip(wanted, names, strict=True):
                (place / f"{one.key}.pdf").replace(folder / file)
    return names


def _table(packet: Packet, spool: Spool, table: Table) -> _Annex:
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
    return _Annex(table.key, saying.said(table.title), titles, widths, rows, spool.count(table.key))


def _deviations(packet: Packet) -> _Annex:
    """All deviations, with what was done about each; of more than MOST_ROWS the first ones."""
    zone, found = packet.span.zone, Numbered(packet.sections).all
    rows = (
        [
            one.label,
            ", ".join(one.criteria),
            *told_of(one.deviation, zone, redacted=packet.redacted),
        ]
        for one in found[:MOST_ROWS]
    )
    titles = [_("No."), _("Criteria"), *deviation_titles()]
    title = _("Deviations and what was done about them")
    return _Annex(DEVIATIONS, title, titles, [0.6, 1, 1.4, 4, 3.4, 0.9, 1.4], rows, len(found))


def _order(packet: Packet, one: _Annex, place: Path) -> dict[str, Any]:
    """What the child needs for one annex; its rows go into a file of their own."""
    with (place / f"{one.key}.jsonl").open("w", encoding="utf-8", errors="replace") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in one.rows)
    told = [first.subtitle(packet), _("rows: {count}").format(count=saying.number(one.count))]
    if one.count > MOST_ROWS:
        told.append(
            _("the first {shown}; all are in {file}").format(
                shown=saying.number(MOST_ROWS), file="packet.json"
            )
        )
    gateway = packet.settings.site.gateway
    return {
        "key": one.key,
        "title": f"{one.title} · {gateway}",
        "subtitle": " · ".join(told),
        "author": gateway,
        "foot": first.as_of(packet),
        "page-of": _("page {page} of {pages}"),
        "titles": list(one.titles),
        "widths": list(one.widths),
        "language": language(),
        "fonts": str(packet.settings.tables.evidence.font_dir or ""),
        "timestamp": int(packet.as_of.timestamp()),
    }
