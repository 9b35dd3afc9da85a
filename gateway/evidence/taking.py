"""Takes values out of a record's data, whatever an old or hostile log has there.

What a topic can't do without raises `Odd`; the rest comes as "" or None.  Texts are cut to LONGEST
and can always be written as UTF-8.  `Taker` is what topics stand on: a record in another form than
the gateway writes is left out and counted, and never ends a packet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from gateway.evidence.model import Found, Personal, Place, When
from gateway.ledger.event import Event
from gateway.locale import worded

NOBODY = Personal("")
LONGEST = 500
"""Characters of a text in a table or a sentence; the desk lets nobody type more than 200."""


class Odd(ValueError):
    """A record is not in the form in which the gateway writes records of its type."""


class Taker:
    """Hands each record to `record`, and counts those that are not in their form."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.odd = 0

    def take(self, event: Event, when: When) -> None:
        """The next record."""
        try:
            self.record(event, when)
        except Odd:
            self.odd += 1

    def local(self, moment_text: str) -> str:
        """A time as records have it in local time of the site, for a sentence."""
        found = moment(moment_text)
        return f"{found.astimezone(self.place.span.zone):%Y-%m-%d %H:%M}" if found else moment_text

    def record(self, event: Event, when: When) -> None:
        """What the topic does with a record; it may raise Odd before it keeps anything."""
        raise NotImplementedError

    def told(self, found: Found) -> Found:
        """`found`, with a note about the records that were left out."""
        if self.odd:
            found.notes.append(
                worded("{count} records in an unknown form are left out", count=self.odd)
            )
        return found


def number(data: Mapping[str, Any], key: str) -> int:
    """A whole number; raises Odd."""
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise Odd(key)
    return value


def count(data: Mapping[str, Any], key: str, otherwise: int = 0) -> int:
    """A whole number from 0 on, or `otherwise`."""
    try:
        return max(0, number(data, key))
    except Odd:
        return otherwise


def real(data: Mapping[str, Any], key: str) -> float | None:
    """A finite number, or None."""
    value = data.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) >= 2**63:
        return None
    return float(value) if math.isfinite(value) else None


def text(data: Mapping[str, Any], key: str) -> str:
    """A text, "" if there is none."""
    value = data.get(key)
    if value.__class__ is not str:
        return ""
    # A short ASCII text is the ordinary case, and a month has millions of them.
    return value if value.isascii() and len(value) <= LONGEST else clean(value)


def named(data: Mapping[str, Any], key: str) -> str:
    """A text that must be there; raises Odd."""
    value = text(data, key)
    if not value:
        raise Odd(key)
    return value


def texts(data: Mapping[str, Any], key: str) -> list[str]:
    """The texts of a list; [] if there is none."""
    value = data.get(key)
    return [clean(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []


def inner(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object inside; {} if there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def time(data: Mapping[str, Any], key: str) -> str:
    """A time as records have it; "" if it is none."""
    value = text(data, key)
    return value if moment(value) is not None else ""


def who(data: Mapping[str, Any]) -> Personal:
    """Who did it: the person's name, or else the account."""
    return Personal(text(data, "by_name") or text(data, "by"))


def clean(value: str) -> str:
    """A text as it can be written, at most LONGEST characters."""
    if len(value) > LONGEST:
        value = value[: LONGEST - 1] + "…"
    # A lone surrogate is legal in JSON, and nothing can be done with it.
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def moment(text: str) -> datetime | None:
    """The aware moment of a time as records have it, or None."""
    try:
        found = datetime.fromisoformat(text)
        return found if found.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def day(text: str) -> date | None:
    """An ISO day that a calendar of the site can hold, or None."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2 <= found.year < 9999 else None


def seconds(begin: str, end: str) -> float | None:
    """From one time to another; None if either is none."""
    a, b = moment(begin), moment(end)
    return None if a is None or b is None else round((b - a).total_seconds(), 3)
