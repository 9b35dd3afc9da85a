"""Rows of tables: what the lottery drew, or all where they are few.

A table of many columns stands on a page that lies, behind the criteria; its section says on which.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.evidence import saying
from gateway.evidence.model import Row, Table
from gateway.evidence.packet import Sample, Section
from gateway.evidence.pages import blocks
from gateway.evidence.pages.blocks import Block
from gateway.evidence.pages.shared import Pages, more, records
from gateway.locale import _

_UPRIGHT = 7
"""A table with more columns than this lies."""

Pairs = list[tuple[int, Row]]


def sample(pages: Pages, section: Section, drawn: Sample) -> Iterator[Block]:
    """What the lottery drew of a population, in the order of its rows."""
    key = drawn.population.table
    table = next(
        (t for found in pages.packet.found.values() for t in found.tables if t.key == key), None
    )
    if table is None:
        return
    if drawn.count > len(drawn.drawn):
        told = _("{drawn} of {count}, drawn by lot; all are in tables/{table}.csv.").format(
            drawn=len(drawn.drawn), count=saying.number(drawn.count), table=key
        )
    else:
        told = _all(drawn.count)
    pairs = sorted(zip(drawn.drawn, drawn.rows, strict=True), key=lambda pair: pair[0])
    yield from _print(pages, section, table, pairs, drawn.count, told)


def whole(pages: Pages, section: Section, table: Table) -> Iterator[Block]:
    """A table from which nothing is drawn: its first rows."""
    count = pages.spool.count(table.key)
    most = min(count, pages.room)
    rows = zip(range(most), pages.spool.rows(table.key), strict=False)
    yield from _print(pages, section, table, list(rows), count, _all(count))


def _all(count: int) -> str:
    return _("All of them: {count}.").format(count=saying.number(count))


def _print(
    pages: Pages, section: Section, table: Table, pairs: Pairs, count: int, told: str
) -> Iterator[Block]:
    title, key = saying.said(table.title), f"table-{table.key}"
    if table.key in pages.printed:
        yield blocks.see(_("{title}: page {{page}}.").format(title=title), pages.printed[table.key])
        return
    if not count:
        yield blocks.text(_("{title}: there is none in these days.").format(title=title), "small")
        return
    given = pages.take(len(pairs))
    if given == count:
        pages.whole.add(table.key)
    if not given:
        yield from more(count, f"tables/{table.key}.csv")
        return
    rows = _rows(pages, table, pairs[:given], numbered=len(pairs) < count)
    lies = len(table.columns) + 1 > _UPRIGHT
    made = [
        blocks.heading(2 if lies else 3, title, key=key, outlined=lies),
        blocks.text(told, "under"),
        blocks.table(*rows, about=title, wide=lies),
        *more(len(pairs) - given, f"tables/{table.key}.csv"),
    ]
    pages.printed[table.key] = key
    if lies:
        pages.wide += made
        yield blocks.see(_("{title}, page {{page}}: {what}").format(title=title, what=told), key)
    else:
        yield from made


def _rows(
    pages: Pages, table: Table, pairs: Pairs, *, numbered: bool
) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of a table; `numbered` puts the number of the row in front (from 0)."""
    packet = pages.packet
    front = [_("Row")] if numbered else []
    titles = [*front, *(_(column.title) for column in table.columns), _("Records")]
    rows = []
    for at, row in pairs:
        cells = [
            saying.cell(c, row.cells.get(c.key), redacted=packet.redacted, zone=packet.span.zone)
            for c in table.columns
        ]
        rows.append([*([str(at)] if numbered else []), *cells, records(row.records)])
    return titles, rows
