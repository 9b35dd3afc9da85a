"""What every act at the guard's desk shares: clean text, one transaction, a refusal in words.

Visitors (gateway/visits), trucks (gateway/freight) and partners go through the same few
functions, whoever asks: a command today, the guard's web console later.  Nothing here prints,
reads a clock or knows a table.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Words = tuple[str, str]
"""A sentence in English and in Spanish."""

MAX_TEXT = 200
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class DeskError(Exception):
    """What was asked is not done, and nothing is half done.  `code` is stable; `words` says why
    in both languages; `criteria` are those that the refusal serves."""

    def __init__(self, code: str, en: str, es: str, criteria: tuple[str, ...] = ()) -> None:
        self.code, self.words, self.criteria = code, (en, es), criteria
        super().__init__(en)

    def say(self, language: str) -> str:
        return self.words[1 if language == "es" else 0]


class NotFound(DeskError):
    """There is nothing of that number or name."""


class Conflict(DeskError):
    """Somebody else changed it in the meantime: look again, then decide again."""


class Unwritable(DeskError):
    """people.db can't be written or read."""


def clean(value: str, field: Words, *, most: int = MAX_TEXT, needed: bool = True) -> str:
    """One line of text as it may stand in a record: NFC, single spaces, at most `most`
    characters; raises DeskError for control and invisible characters, which could forge a
    line of a log or hide a difference, and for nothing where something is `needed`."""
    en, es = field
    if len(value) > 4 * most:  # before anything is done with all of it
        raise DeskError("too_long", f"{en}: at most {most} characters", f"{es}: máximo {most}")
    if any(unicodedata.category(char) in _UNSEEN for char in value):
        raise DeskError(
            "bad_text",
            f"{en}: has characters that can't be seen",
            f"{es}: tiene caracteres que no se ven",
        )
    text = " ".join(unicodedata.normalize("NFC", value).split())
    if len(text) > most:
        raise DeskError("too_long", f"{en}: at most {most} characters", f"{es}: máximo {most}")
    if needed and not text:
        raise DeskError("missing", f"{en} is missing", f"falta: {es}")
    return text


def fold(text: str) -> str:
    """The form in which names are compared: no case, accents or double spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction for an act and its event, undone whole by whatever is raised in it."""
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    except (sqlite3.Error, OverflowError) as error:
        raise Unwritable(
            "unwritable", f"it could not be written: {error}", f"no se pudo escribir: {error}"
        ) from error


def stamp(moment: datetime) -> str:
    """A time for a row: RFC 3339, UTC, whole seconds.  Takes aware times only."""
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """A time from a row."""
    return datetime.fromisoformat(text)


def local(text: str | None, zone: ZoneInfo, form: str = "%Y-%m-%d %H:%M") -> str:
    """A row's time as the site's wall clock has it; "" for None."""
    return parse(text).astimezone(zone).strftime(form) if text else ""


def moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """A time as a guard types it: ``14:30`` (today), ``2026-11-25 14:30`` in the site's zone, or
    with an offset or Z; raises DeskError."""
    value = text.strip()
    try:
        if len(value) <= 5:
            today = now.astimezone(zone).date()
            found = datetime.fromisoformat(f"{today}T{value.zfill(5)}")
        else:
            found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            found = found.replace(tzinfo=zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DeskError(
            "bad_time",
            f"{value[:40]!r} is no time; write 14:30 or 2026-11-25T14:30",
            f"{value[:40]!r} no es una hora; escriba 14:30 o 2026-11-25T14:30",
        ) from error


def day_bounds(first: date, last: date, zone: ZoneInfo) -> tuple[str, str]:
    """From the beginning of `first` to the end of `last`, local days, as texts of rows."""
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    after = last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    return stamp(begin), stamp(end)


def defused(cell: object) -> str:
    """A cell of a CSV that no spreadsheet takes for a formula."""
    value = "" if cell is None else str(cell)
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
