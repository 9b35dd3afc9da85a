"""Cells of tables in words: what `Column.words` does with times, codes and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config.desk import IdKindTable
from gateway.locale import _, choose
from gateway.wording import words
from gateway.wording.text import duration


def at(zone: ZoneInfo) -> Callable[[Any], str]:
    """A time as records have it, as local time of the site; "" stays empty."""
    return lambda cell: words.moment(cell, zone) if isinstance(cell, str) and cell else ""


def day(cell: Any) -> str:
    """An ISO day as the language writes it."""
    return words.day(cell) if isinstance(cell, str) and cell else ""


def lasting(cell: Any) -> str:
    """Seconds as a duration; None stays empty."""
    return duration(cell) if isinstance(cell, int | float) else ""


def coded(known: Mapping[str, str]) -> Callable[[Any], str]:
    """A code by the words of `known` (English, marked by `N_`); another one stays as it is."""
    return lambda cell: _(known[cell]) if cell in known else str(cell)


def listed(cell: Any) -> str:
    """The texts of a list."""
    return ", ".join(map(str, cell)) if isinstance(cell, list) else str(cell or "")


def each(known: Mapping[str, str]) -> Callable[[Any], str]:
    """The codes of a list by the words of `known`, as `coded` says one."""
    one = coded(known)
    return lambda cell: ", ".join(map(one, cell)) if isinstance(cell, list) else str(cell or "")


def photo_id(kinds: Mapping[str, IdKindTable]) -> Callable[[Any], str]:
    """A kind of photo ID as the site names it."""

    def shown(cell: Any) -> str:
        kind = kinds.get(str(cell))
        return choose((kind.en, kind.es)) if kind else str(cell)

    return shown


def yes(cell: Any) -> str:
    """A flag as yes or no; None stays empty."""
    return "" if cell is None else words.yes(cell)


def share(cell: Any) -> str:
    """A share of 0 to 1 in percent."""
    return f"{words.number(cell * 100, 1)} %" if isinstance(cell, int | float) else ""


def optional(cell: Any) -> str:
    """A cell as it is; None stays empty."""
    return "" if cell is None else str(cell)
