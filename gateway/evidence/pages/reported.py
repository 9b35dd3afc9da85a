"""The blocks of a standard report: what topics found, without criteria."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from gateway.evidence import saying
from gateway.evidence.model import Deviation, Found, Span, Table
from gateway.evidence.pages import blocks
from gateway.evidence.pages.blocks import Block
from gateway.evidence.pages.shared import MOST_ROWS, deviation_titles, records, told_of
from gateway.evidence.spool import Spool
from gateway.locale import Message, _


def blocks_of(
    span: Span,
    found: Iterable[Found],
    spool: Spool,
    tables: Sequence[str],
    *,
    redacted: bool,
    note: Message | None,
) -> Iterator[Block]:
    """The blocks, at most MOST_ROWS rows of tables; it says where rows are left out."""
    left = MOST_ROWS
    if note is not None:
        yield blocks.text(saying.said(note, redacted=redacted, zone=span.zone), "muted")
    for one in found:
        yield blocks.heading(1, saying.said(one.title))
        if one.figures:
            yield blocks.figures(
                (
                    saying.figure(figure),
                    saying.said(figure.label, redacted=redacted, zone=span.zone),
                    "" if figure.of is None else _("of {count}").format(count=figure.of),
                )
                for figure in one.figures
            )
        if one.deviations:
            given = min(left, len(one.deviations))
            yield blocks.heading(2, _("Deviations and what was done about them"))
            yield _deviations(one.deviations[:given], span, redacted)
            left -= given
            yield from _left_out(len(one.deviations) - given)
        for table in one.tables:
            if tables and table.key not in tables:
                continue
            count = spool.count(table.key)
            yield blocks.heading(2, saying.said(table.title))
            if not count:
                yield blocks.text(_("There is none in these days."), "small")
                continue
            given = min(left, count)
            left -= given
            if given:
                yield _rows(table, spool, given, span, redacted)
            yield from _left_out(count - given)
        for said in one.notes:
            yield blocks.text(saying.said(said, zone=span.zone), "small")


def _deviations(found: Sequence[Deviation], span: Span, redacted: bool) -> Block:
    return blocks.table(
        deviation_titles(),
        [told_of(one, span.zone, redacted=redacted) for one in found],
        about=_("Deviations and what was done about them"),
        marks=["open" if one.open else "done" for one in found],
    )


def _rows(table: Table, spool: Spool, count: int, span: Span, redacted: bool) -> Block:
    return blocks.table(
        [*(_(column.title) for column in table.columns), _("Records")],
        [
            [
                *(
                    saying.cell(c, row.cells.get(c.key), redacted=redacted, zone=span.zone)
                    for c in table.columns
                ),
                records(row.records),
            ]
            for row in islice(spool.rows(table.key), count)
        ],
        about=saying.said(table.title),
    )


def _left_out(count: int) -> Iterator[Block]:
    if count > 0:
        yield blocks.text(
            _("{count} more do not fit here.").format(count=saying.number(count)), "small"
        )
