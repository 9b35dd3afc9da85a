"""Which card numbers a format can hold at all.

A number that no card has was copied wrongly: digits of two cards in one cell, a facility code in
the number's place, or a number of another format.  Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from drivers.readers.wiegand import FORMATS

_EM4100 = (1 << 8, 1 << 32)  # its first byte as facility, the others as number


class Fault(StrEnum):
    """What is wrong with the numbers of a card."""

    NO_FACILITY = "no_facility"  # the format has none
    FACILITY_MISSING = "facility_missing"
    FACILITY_TOO_LARGE = "facility_too_large"
    NUMBER_TOO_LARGE = "number_too_large"


class Misfit(NamedTuple):
    """Why no card of a format has such numbers; `most` is the largest that one can have."""

    fault: Fault
    most: int = 0


def misfit(name: str, facility: str, number: str) -> Misfit | None:
    """What is wrong with a card of the format `name`; None if it can exist, or if the format is
    not one of ours.  `facility` and `number` are decimal text, as a list has them."""
    if name == "em4100":
        facilities, numbers = _EM4100
        optional = True  # a converter may print the number alone
    elif name in FORMATS:
        item = FORMATS[name]
        facilities = _count(item.facility) if item.facility else 0
        numbers, optional = _count(item.number), False
    else:
        return None
    if facility and not facilities:
        return Misfit(Fault.NO_FACILITY)
    if facilities and not facility and not optional:
        return Misfit(Fault.FACILITY_MISSING)
    if facility and _exceeds(facility, facilities):
        return Misfit(Fault.FACILITY_TOO_LARGE, facilities - 1)
    if _exceeds(number, numbers):
        return Misfit(Fault.NUMBER_TOO_LARGE, numbers - 1)
    return None


def _count(span: tuple[int, int]) -> int:
    return 1 << (span[1] - span[0] + 1)


def _exceeds(text: str, count: int) -> bool:
    """Whether a decimal text is `count` or more.  A text of any length costs no time."""
    digits = text.lstrip("0")
    return len(digits) > 20 or int(digits or "0") >= count
