"""The desk's words for text that can't be taken, and its tables as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import IO

from gateway.desk.errors import DeskError
from gateway.locale import Message, _
from gateway.locale import text as rule
from gateway.locale.text import MAX_TEXT

MARK = "\ufeff"


def clean(value: str, field: str, *, most: int = MAX_TEXT, needed: bool = True) -> str:
    """`value` by the rule for all text (gateway/locale/text.py), in NFC with single spaces.

    `field` names it in messages; `most` is the largest number of characters.  Raises DeskError.
    """
    try:
        return rule.clean(value, most=most, needed=needed)
    except rule.TextError as error:
        raise DeskError(
            error.code, "{field}: {why}", field=Message(field), why=error.message
        ) from error


def write_csv(file: IO[str], heads: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table as CSV: `heads` in the language in use, and no cell that is a formula.

    The byte order mark lets Excel read it as UTF-8 when somebody opens the file.
    """
    file.write(MARK)
    writer = csv.writer(file)
    writer.writerow(_(head) for head in heads)
    writer.writerows([defused(cell) for cell in row] for row in rows)


def defused(cell: object) -> str:
    """A cell of a CSV file, with a quote before what a spreadsheet would run as a formula."""
    value = "" if cell is None else str(cell)
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
