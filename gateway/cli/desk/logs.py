"""`garita visit log` and `garita freight log`: a log from the records, on screen or as a file."""

from __future__ import annotations

import sys

from gateway.cli import common
from gateway.cli.desk import common as desk
from gateway.desk.logged import FROM_TABLE, Log, named
from gateway.locale import _


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
    for note in log.notes():
        out.print(note, markup=False, soft_wrap=True)
