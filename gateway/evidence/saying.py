"""What a packet says in the language in use: messages, cells of tables and figures.

Every writer for people goes through here, so that a redacted edition withholds the same things in
all of its files.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

from gateway.evidence.model import Column, Deviation, Figure, Personal, Unit
from gateway.locale import Message, _, language
from gateway.wording import words
from gateway.wording.text import duration

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def withheld() -> str:
    """What stands for a name in a redacted edition."""
    return _("(withheld)")


def said(message: Message | None, *, redacted: bool = False, zone: ZoneInfo | None = None) -> str:
    """A message in the language in use; "" for none.

    With `redacted` its `Personal` facts are withheld, at any depth.  With a `zone` facts that are
    times of records are said as local times.
    """
    if message is None:
        return ""
    facts = {name: _fact(fact, redacted, zone) for name, fact in message.facts.items()}
    return replace(message, facts=facts).say()


def cell(
    column: Column, value: Any, *, redacted: bool = False, zone: ZoneInfo | None = None
) -> str:
    """A cell of a table in words: "" for nothing, yes or no, a local time for a record's time."""
    if value is None or value == "":
        return ""
    if redacted and column.personal:
        return withheld()
    if isinstance(value, bool):
        value = _("yes") if value else _("no")
    text = column.words(value)
    if isinstance(value, list | tuple) and text == str(value):
        text = ", ".join(str(one) for one in value)
    return moments(text, zone)


def moments(text: str, zone: ZoneInfo | None) -> str:
    """`text` as a local time if it is a time as records have them, as a day if it is an ISO day;
    anything else as it is."""
    try:
        if zone is not None and _MOMENT.fullmatch(text):
            return words.moment(text, zone)
        if _DAY.fullmatch(text):
            return day(date.fromisoformat(text))
    except (ValueError, OverflowError):
        pass
    return text


def day(at: date) -> str:
    """A day as the language writes it."""
    return words.day(at)


def figure(one: Figure) -> str:
    """The value of a figure with its unit; a dash if there was nothing to measure."""
    value = one.value
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if one.unit is Unit.SECONDS:
        return duration(value) if value >= 10 else f"{number(value, 1)} s"
    if one.unit is Unit.SHARE:
        return f"{number(100 * value, 1)} %"
    if one.unit is Unit.DAYS:
        return _("{count} d").format(count=number(value, 1))
    return number(value, 2)


def number(value: float, digits: int = 0) -> str:
    """A number with at most `digits` digits behind its point, as the language writes it."""
    return format_decimal(round(value, digits), "#,##0." + "#" * digits, locale=language())


def handling(one: Deviation, *, redacted: bool, zone: ZoneInfo) -> str:
    """How a deviation was dealt with, by whom and when, in one text; "" if nobody did."""
    by = withheld() if redacted and one.handled_by else one.handled_by
    parts = [said(one.handled, redacted=redacted, zone=zone), by, moments(one.handled_at, zone)]
    return " · ".join(part for part in parts if part)


def _fact(fact: Any, redacted: bool, zone: ZoneInfo | None) -> Any:
    if isinstance(fact, Message):
        return said(fact, redacted=redacted, zone=zone)
    if isinstance(fact, tuple | list):
        return tuple(_fact(item, redacted, zone) for item in fact)
    if isinstance(fact, Personal):
        return withheld() if redacted else str(fact)
    if isinstance(fact, str):
        return moments(fact, zone)
    return fact
