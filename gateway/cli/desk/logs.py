"""`garita visit log` and `garita freight log`: a log from the records, on screen or as a file."""

from __future__ import annotations

import sys

from gateway.cli import common
from gateway.cli.desk import common as desk
from gateway.desk.logged import FROM_TABLE, Log, named
from gateway.locale import _, ngettext


def show(log: Log, *, csv: bool, json: bool) -> None:
    """Print the log, and what an auditor has to know of it: to stderr beside a file."""
    if json:
        common.print_json(log.public())
    elif csv:
        log.write_csv(sys.stdout)
    else:
        more = [_(FROM_TABLE)] if log.completed else []
        table = desk.table(*map(_, log.columns.values()), *more)
        for row in log.rows:
            desk.add(table, *row.cells.values(), *([named(log, row)] if more else []))
        common.out.print(table)
    out = common.err if csv or json else common.out
    for note in _notes(log):
        out.print(note, markup=False, soft_wrap=True)


def _notes(log: Log) -> list[str]:
    found = []
    if log.completed:
        found.append(
            _(
                "note: an earlier version recorded less; the cells that a row names at its end "
                "come from the table in people.db and not from the record"
            )
        )
    if log.waiting:
        found.append(
            ngettext(
                "note: {count} act is not recorded yet, so it is missing here",
                "note: {count} acts are not recorded yet, so they are missing here",
                log.waiting,
            ).format(count=log.waiting)
        )
    if log.unrecorded:
        found.append(
            ngettext(
                "note: the table in people.db has {count} more arrival on these days, without a "
                "record",
                "note: the table in people.db has {count} more arrivals on these days, without a "
                "record",
                log.unrecorded,
            ).format(count=log.unrecorded)
        )
    return found
