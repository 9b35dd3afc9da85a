"""Cleans the text that people type, before a record holds it."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable
from typing import IO

from gateway.desk.errors import DeskError
from gateway.locale import Message, _

MAX_TEXT = 200


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(value: str, field: str, *, most: int = MAX_TEXT, needed: bool = True) -> str:
    """`value` in Unicode's NFC with single spaces.

    `field` names it in messages; `most` is the largest number of characters.  Raises DeskError if
    it is longer, if it is empty and `needed`, or if it has control or invisible characters: those
    could forge a line of a log or hide a difference between two names.
    """
    named = Message(field)
    if len(value) > 4 * most:  # checked first, so that huge text costs nothing
        raise DeskError("too_long", "{field}: at most {most} characters", field=named, most=most)
    if any(unicodedata.category(char) in _UNSEEN for char in value):
        raise DeskError("bad_text", "{field}: has characters that can't be seen", field=named)
    text = " ".join(unicodedata.normalize("NFC", value).split())
    if len(text) > most:
        raise DeskError("too_long", "{field}: at most {most} characters", field=named, most=most)
    if needed and not text:
        raise DeskError("missing", "{field} is missing", field=named)
    return text


def fold(text: str) -> str:
    """`text` for comparing names: without case, accents and double spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def write_csv(file: IO[str], heads: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table as CSV: `heads` in the language in use, and no cell that is a formula."""
    writer = csv.writer(file)
    writer.writerow(_(head) for head in heads)
    writer.writerows([defused(cell) for cell in row] for row in rows)


def defused(cell: object) -> str:
    """A cell of a CSV file, with a quote before what a spreadsheet would run as a formula."""
    value = "" if cell is None else str(cell)
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
