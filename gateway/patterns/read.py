"""Reading values out of records, which may hold anything: what has another form raises TypeError,
and the engine passes the record over."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_LONGEST = 200


def text(data: Mapping[str, Any], key: str) -> str:
    """A text or whole number of a record as text, "" if it is missing or null."""
    value: Any = data.get(key)
    if value.__class__ is str:
        return value[:_LONGEST]
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{key} is no text")
    return str(value)[:_LONGEST]


def need(data: Mapping[str, Any], key: str) -> str:
    """The same; raises ValueError if there is none."""
    found = text(data, key)
    if not found:
        raise ValueError(f"{key} is missing")
    return found


def number(data: Mapping[str, Any], key: str) -> float | None:
    """A number, None if it is missing or null."""
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise TypeError(f"{key} is no number")
    return float(value)


def texts(data: Mapping[str, Any], key: str) -> list[str]:
    """A list of texts, [] if it is missing or null."""
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{key} is no list of texts")
    return [item[:_LONGEST] for item in value[:99]]


def person(data: Mapping[str, Any]) -> tuple[str, str]:
    """Id and name of the record's person; ("", "") if it names none."""
    found = data.get("person")
    if found is None:
        return "", ""
    if not isinstance(found, dict):
        # A name or an id alone, as records of PINs have it, is no person of a badge.
        if isinstance(found, str):
            return "", ""
        raise TypeError("person has another form")
    return need(found, "id"), text(found, "name")


def key(name: str) -> str:
    """A name for comparing: case and spaces don't count."""
    return " ".join(name.casefold().split())
