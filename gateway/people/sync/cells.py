"""One cell of a personnel list as a value: text, a day, a time, a badge, a list of names.

A cell is text (CSV, JSON, LDAP), or a date, a time or `Spoiled` (workbooks, databases).  Nothing
here opens a file.  What is wrong goes to the caller's `wrong(column, message)`; a message never
repeats a badge number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import Any

from gateway.decide.model import Credential
from gateway.locale import Message, worded
from gateway.locale import text as rule
from gateway.people.days import day_of, last_day_before

MAX_FIELD = 1000
MAX_ITEMS = 100
FIRST_DAYS = frozenset({"valid_from"})  # all other days are last good days
SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d{1,3}|\d[.,]\d+E-\d{1,3}", re.IGNORECASE)
# What a spreadsheet writes in place of a value, in English and Spanish: #N/A, #N/D, #REF!,
# #¡REF!, #NAME?, #¿NOMBRE?, #VALOR!, #DIV/0!, and ##### where a column was too narrow.
_EXCEL_ERROR = re.compile(
    r"#(?:N/[AD]|[¡¿]?[A-ZÑ][A-ZÑ_/0]*[!?]|[A-Z]+_[A-Z]+|#{2,})", re.IGNORECASE
)
_DECIMALS = re.compile(r"\d+\.0+")
EXCEL_ERROR = worded(
    "an error of Excel, such as #N/A, and not a value: mend the formula in the sheet, or write the "
    "value, and save it again"
)
SHORTENED = worded(
    "Excel has shortened this number (such as 1.001E+03) and its digits are lost; in the original "
    "file format the column as Text, or as Number without decimals, and save it again"
)
_PAIR = re.compile(r"\d{1,5}\s*[-/,. ]\s*\d{1,10}")
_DATE_LIKE = re.compile(
    r"(?:\d{1,2}|\d{4})[/. -](?:de )?(?:\d{1,2}|\w{3,10})\.?[/. -](?:de )?(?:\d{2}|\d{4})"
    r"(?:[ T][\d:]{4,8}.{0,10})?"
)
_BADGE_LIKE = re.compile(r"\d{3,}|:.*", re.DOTALL)

Wrong = Callable[[str, Message], None]


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A cell whose value is lost; `why` says how, and what to do."""

    why: Message


def text(value: Any, name: str, wrong: Wrong, *, required: bool = False) -> str:
    """A cell as text by the rule for all text; "" if it is empty or wrong."""
    if value is None:
        value = ""
    if isinstance(value, Spoiled):
        wrong(name, value.why)
        return ""
    if isinstance(value, date):
        wrong(name, worded("holds a date; if Excel made it one, format the column as Text"))
        return ""
    if not isinstance(value, str):
        wrong(name, worded("expected text"))
        return ""
    if len(value) > MAX_FIELD:
        wrong(name, worded("longer than {n} characters", n=MAX_FIELD))
        return ""
    found = value.strip()
    if not found and required:
        wrong(name, worded("is empty"))
    elif why := rule.id_flaw(found) if name == "id" else rule.flaw(found):
        wrong(name, why)
        return ""
    elif error := excel_error(found):
        wrong(name, error)
    elif name == "id" and SCIENTIFIC.fullmatch(found):
        wrong(name, SHORTENED)
    elif name == "id" and _DECIMALS.fullmatch(found):
        wrong(name, worded("a number with decimals, such as 12345.0: write 12345"))
    return rule.plain(found)


def day(value: Any, name: str, wrong: Wrong, zone: tzinfo) -> date | None:
    """A cell as a day of the site; None if it is empty or wrong.

    An instant with its zone becomes a day in the site's `zone`: for `valid_from` the day on which
    it falls, for all other columns the last day before it.
    """
    if value is None or value == "":
        return None
    if isinstance(value, Spoiled):
        wrong(name, value.why)
        return None
    last = name not in FIRST_DAYS
    try:
        if isinstance(value, str):
            return _written(value, zone, last)
        if isinstance(value, datetime):
            return _from_time(value, zone, last)
        if isinstance(value, date):
            return value
    except _NoZone:
        wrong(
            name,
            worded("a time without its zone; write the day alone, or the time with its zone"),
        )
        return None
    except ValueError:
        pass
    if isinstance(value, str) and (error := excel_error(value)):
        wrong(name, error)
    elif isinstance(value, str) and re.search(r"\d[/.]\d", value[:MAX_FIELD]):
        message = worded(
            "'{read}': expected a date such as 2026-11-30; a profile says which number is the day "
            "(garita people map)",
            read=shown(value),
        )
        wrong(name, message)
    else:
        wrong(name, worded("'{read}': expected a date such as 2026-11-30", read=shown(value)))
    return None


class _NoZone(ValueError):
    """A time of day without its zone."""


@lru_cache(maxsize=10_000)
def _written(value: str, zone: tzinfo, last: bool) -> date | None:
    found = value.strip()
    if not found:
        return None
    if len(found) == 10:
        return date.fromisoformat(found)
    if not 16 <= len(found) <= 40 or found[4] != "-":
        raise ValueError("not a date")
    return _from_time(datetime.fromisoformat(found), zone, last)


def _from_time(value: datetime, zone: tzinfo, last: bool) -> date:
    if value.tzinfo is not None:
        return last_day_before(value, zone) if last else day_of(value, zone)
    if value.time() != time(0):  # midnight is how databases write a day
        raise _NoZone
    return value.date()


def moment(value: Any) -> datetime:
    """A time with its zone (RFC 3339 text, or aware), in UTC; raises ValueError."""
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, str) and len(value) <= 40:
        found = datetime.fromisoformat(value.strip())
    else:
        raise ValueError("not a time")
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("not a time") from error


def items(value: Any, name: str, wrong: Wrong) -> list[Any]:
    """A cell as a list: in CSV parted by semicolons, or by bars where semicolons part the
    columns."""
    if value is None:
        return []
    if isinstance(value, Spoiled | date):
        text(value, name, wrong)
        return []
    if isinstance(value, str):
        if len(value) > MAX_FIELD:
            wrong(name, worded("longer than {n} characters", n=MAX_FIELD))
            return []
        return [part.strip() for part in value.replace("|", ";").split(";") if part.strip()]
    if isinstance(value, list) and len(value) <= MAX_ITEMS:
        return value
    wrong(name, worded("expected a list of at most {n}", n=MAX_ITEMS))
    return []


def credential(item: Any) -> Credential:
    """One badge: ``format:facility:number``, or an object with these keys; raises ValueError."""
    if isinstance(item, dict) and set(item) <= {"format", "facility", "number"}:
        parts = (item.get("format", ""), item.get("facility", ""), item.get("number", ""))
        if all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
            item = ":".join(str(part) for part in parts)
    if isinstance(item, Spoiled):
        raise ValueError(item.why)
    if not isinstance(item, str):
        raise ValueError(worded("expected format:facility:number"))
    if len(item) > MAX_FIELD:
        raise ValueError(worded("longer than {n} characters", n=MAX_FIELD))
    if why := rule.flaw(item.strip()):
        raise ValueError(why)
    if error := excel_error(item.rpartition(":")[2]):
        raise ValueError(error)
    if SCIENTIFIC.fullmatch(item.rpartition(":")[2].strip()):
        raise ValueError(SHORTENED)
    return Credential.parse(item)


def excel_error(value: object) -> Message | None:
    """Why a text is refused that only a spreadsheet writes (#N/A); None for any other."""
    if not isinstance(value, str) or "#" not in value:
        return None
    return EXCEL_ERROR if _EXCEL_ERROR.fullmatch(value.strip()) else None


def printed(text: str) -> Message | None:
    """What to write in place of what is printed on a card: facility and number, or a number
    alone.  It does not say how this site's readers read the card, so it is not guessed."""
    if _PAIR.fullmatch(text.strip()):
        return worded(
            "a card as it is printed, facility and number: write it with its format, such as "
            "h10301:12:345, or let a profile do that for the column (garita people map); garita "
            "reader watch NAME shows how a reader reads a card"
        )
    if text.strip().isdigit():
        return worded(
            "a card's number alone: write it with format and facility, such as em4100:18:345 or "
            "h10301:12:345, or let a profile do that for the column (garita people map); garita "
            "reader watch NAME shows how a reader reads a card"
        )
    return None


def shown(value: Any) -> str:
    """What a message repeats of a cell that should hold a day or a time."""
    if not isinstance(value, str):
        return "…"
    text = value[:MAX_FIELD].strip()
    return rule.tidy(text, 40) if _DATE_LIKE.fullmatch(text) else hint(text)


def hint(value: str) -> str:
    """What a message may repeat of a cell.

    Columns get mixed up, and then a badge number stands where a word belongs.
    """
    return rule.tidy(_BADGE_LIKE.sub("…", value[:MAX_FIELD]), 40)
