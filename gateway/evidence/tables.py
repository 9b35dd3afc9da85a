"""The tables of a packet as CSV, one file each, for whoever works on them with a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.desk.text import MARK, defused
from gateway.evidence.model import Table
from gateway.evidence.spool import Spool
from gateway.locale import Message

FOLDER = "tables"
RECORDS = "records"


def name_of(table: Table) -> str:
    """The file of a table, from the packet's folder."""
    return f"{FOLDER}/{table.key}.csv"


def write(table: Table, spool: Spool, languages: Sequence[str], path: Path) -> None:
    """Write a table: its titles in each language, then its rows as the packet's JSON has cells.

    The last column names the records that show the row.  Raises OSError.
    """
    keys = [column.key for column in table.columns]
    heads = [
        " / ".join(dict.fromkeys(Message(column.title).say(one) for one in languages))
        for column in table.columns
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(MARK)
        writer = csv.writer(file)
        writer.writerow([*heads, RECORDS])
        writer.writerows(
            [*(_cell(row.cells.get(key)) for key in keys), " ".join(map(str, row.records))]
            for row in spool.rows(table.key)
        )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return defused("; ".join(_cell(one) for one in value))
    if isinstance(value, dict):
        return defused(json.dumps(value, ensure_ascii=False, sort_keys=True))
    return defused(value)
