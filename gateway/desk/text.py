"""Text that people type: cleaned before it may stand in a record."""

from __future__ import annotations

import unicodedata

from gateway.desk.errors import DeskError
from gateway.locale import Message

MAX_TEXT = 200


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(value: str, field: str, *, most: int = MAX_TEXT, needed: bool = True) -> str:
    """One line of text as it may stand in a record: NFC, single spaces, at most `most`
    characters; raises DeskError for control and invisible characters, which could forge a
    line of a log or hide a difference, and for nothing where something is `needed`."""
    named = Message(field)
    if len(value) > 4 * most:  # before anything is done with all of it
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
    """The form in which names are compared: no case, accents or double spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def defused(cell: object) -> str:
    """A cell of a CSV that no spreadsheet takes for a formula."""
    value = "" if cell is None else str(cell)
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
