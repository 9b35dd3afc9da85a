"""Rows of somebody's own list, by a profile, as rows of a personnel list.

In: lines of cells, the header among them, and a `Profile`.  Out: rows by our columns, for
`rows.collect`.  Nothing is guessed: a date whose order the profile does not say, a department
without levels, and a number that Excel has shortened are errors, each with the way out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from gateway.locale import worded
from gateway.locale.text import fold
from gateway.people.sync.cells import SCIENTIFIC, Spoiled, excel_error
from gateway.people.sync.header import OPTIONAL, REQUIRES, fit
from gateway.people.sync.profile import OTHERS, Profile
from gateway.people.sync.rows import Row
from gateway.people.sync.source import RowError, Source

DAYS = ("valid_from", "valid_until")
_NUMBERS = re.compile(r"(\d{1,4})[/.-](\d{1,2})[/.-](\d{1,4})(?:[ T]0?0:00(?::00)?)?")
_NAMED = re.compile(r"(\d{1,2})[ /.-](?:de )?([a-z]{3,10})\.?[ /.-](?:de )?(\d{2}|\d{4})")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("ene", "jan"),
            ("feb",),
            ("mar",),
            ("abr", "apr"),
            ("may",),
            ("jun",),
            ("jul",),
            ("ago", "aug"),
            ("sep",),
            ("oct",),
            ("nov",),
            ("dic", "dec"),
        ),
        1,
    )
    for name in names
}
_PAIR = re.compile(r"(\d{1,5})\s*[-/,. ]\s*(\d{1,10})")
_PRINTED = re.compile(r"(\d{3})[,/](\d{5})")  # as on the card: facility and number
_TEN = re.compile(r"0\d{9}")  # as on the card: four bytes as one number
_OTHER_CARD = worded(
    "a card as it is printed, of another facility or format than the profile's credential_prefix; "
    'credential_prefix = "h10301:" reads facility and number from the cell'
)
_NO_ORDER = worded(
    "is 03/04 the third of April or the fourth of March? The profile must say: "
    'dates = "day-first" or "month-first" (garita people map asks)'
)


def rows(lines: Iterable[tuple[int, list[Any]]], profile: Profile, source: Source) -> Iterator[Row]:
    """The rows of `lines` by our columns; what is wrong goes to `source.errors`."""
    places: dict[str, int] = {}
    levels_at = -1
    for line, cells in lines:
        if line < profile.header_row:
            continue
        if not places:
            found = _header(line, cells, profile, source)
            if found is None:
                return
            places, levels_at = found
            source.kinds.update(n.removeprefix(REQUIRES) for n in places if n.startswith(REQUIRES))
            source.absent.update(set(OPTIONAL).difference(places))
            width = max((n for n, cell in enumerate(cells, 1) if str(cell).strip()), default=0)
            heads = ["-"] * width  # what the profile does not name may hold anything
            continue
        if (fitted := fit(line, cells, heads, source)) is None:
            continue
        row = {name: _cell(name, fitted[at], profile) for name, at in places.items()}
        given = row.get("access_levels", "")
        row["access_levels"] = _levels(line, given, fitted, levels_at, profile, source)
        yield line, row
    if not places and not source.errors:
        source.errors.append(RowError(0, "", worded("the file has no header row")))


def _header(
    line: int, cells: list[Any], profile: Profile, source: Source
) -> tuple[dict[str, int], int] | None:
    """Where the columns of the profile are, and the one of the levels (-1: none)."""
    heads = [fold(str(cell)) for cell in cells]
    wanted = dict(profile.columns)
    if profile.levels_from:
        wanted[""] = profile.levels_from
    places = {}
    for name, head in wanted.items():
        count = heads.count(fold(head))
        if count == 1:
            places[name] = heads.index(fold(head))
            continue
        said = (
            worded("this column is missing") if not count else worded("this column is there twice")
        )
        source.errors.append(RowError(line, head[:60], said))
    if len(places) < len(wanted):
        return None
    return {name: at for name, at in places.items() if name}, places.get("", -1)


def _cell(name: str, cell: Any, profile: Profile) -> Any:
    if name in DAYS or name.startswith(REQUIRES):
        return day(cell, profile.dates) if isinstance(cell, str) else cell
    if name == "credentials":
        return _credentials(cell, profile)
    if not isinstance(cell, str):
        return cell
    if name == "id" and (digits := profile.digits.get("id")) and cell.strip().isdigit():
        return cell.strip().zfill(digits)
    if name == "status":
        known = {fold(key): value for key, value in profile.statuses.items()}
        return known.get(fold(cell), cell)
    return cell


def day(text: str, order: str | None) -> date | Spoiled | str:
    """A date as people write it; text that does not look like one is left for `cells.day`.

    A year of two digits is one of 2000 to 2099.
    """
    value = fold(text)
    try:
        if found := _NAMED.fullmatch(value):
            month = _MONTHS.get(found[2][:3])
            return date(_year(found[3]), month, int(found[1])) if month else text
        found = _NUMBERS.fullmatch(value)
        if found is None:
            return text
        first, second, third = found.groups()
        if len(first) == 4:
            return date(int(first), int(second), int(third))
        if order is None:
            return Spoiled(_NO_ORDER)
        if order == "year-first":
            return date(_year(first), int(second), int(third))
        if len(first) > 2:
            return text
        if order == "month-first":
            first, second = second, first
        return date(_year(third), int(second), int(first))
    except ValueError:
        return Spoiled(worded("{date} is not a date, read {order}", date=text[:20], order=order))


def _year(text: str) -> int:
    if len(text) == 2:
        return 2000 + int(text)
    if len(text) != 4:
        raise ValueError("not a year")
    return int(text)


def _credentials(cell: Any, profile: Profile) -> Any:
    """The badges of a cell, each with the profile's prefix before it."""
    if not isinstance(cell, str):
        return cell
    return [
        _credential(part.strip(), profile)
        for part in cell.replace("|", ";").split(";")
        if part.strip()
    ]


def _credential(text: str, profile: Profile) -> str | Spoiled:
    prefix = profile.credential_prefix
    if excel_error(text):
        return text
    if SCIENTIFIC.fullmatch(text):  # the reader of badges says what that means
        return f"{prefix or '::'}{text}"
    if not prefix or text.count(":") >= 2:
        return text
    if prefix.count(":") == 1:  # the format alone: the cell holds facility and number
        pair = _PAIR.fullmatch(text)
        if pair:
            return f"{prefix}{pair[1]}:{pair[2]}"
        if prefix == "h10301:" and _TEN.fullmatch(text):  # the same bytes, printed as one number
            return f"{prefix}{int(text) >> 16 & 0xFF}:{int(text) & 0xFFFF}"
        return f"{prefix}{text}"
    form, facility = prefix.split(":")[:2]
    if pair := _PRINTED.fullmatch(text):
        if form != "em4100" and int(facility or 0) == int(pair[1]):
            return f"{prefix}{pair[2]}"
        return Spoiled(_OTHER_CARD)
    digits = profile.digits.get("credentials", 0)
    return prefix + (text.zfill(digits) if text.isdigit() else text)


def _levels(
    line: int, given: Any, cells: list[Any], at: int, profile: Profile, source: Source
) -> list[Any]:
    """The access levels of a row: everybody's, those in the row, those of its department."""
    found: list[Any] = list(profile.access_levels)
    if isinstance(given, str):
        found += [part.strip() for part in given.replace("|", ";").split(";") if part.strip()]
    if at < 0:
        return found
    value = cells[at]
    if isinstance(value, Spoiled) or not isinstance(value, str):
        why = value.why if isinstance(value, Spoiled) else worded("expected text")
        source.errors.append(RowError(line, profile.levels_from, why))
        return found
    if error := excel_error(value):
        source.errors.append(RowError(line, profile.levels_from, error))
        return found
    known = {fold(key): names for key, names in profile.levels.items()}
    names = known.get(fold(value), known.get(OTHERS))
    if names is None:
        message = worded(
            "the profile gives no levels to '{value}'; add it to [levels], or \"*\" for all others",
            value=value.strip()[:60],
        )
        source.errors.append(RowError(line, profile.levels_from, message))
        return found
    return [*found, *names]
