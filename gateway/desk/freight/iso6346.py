"""Numbers of freight containers with their check digit (ISO 6346:2022, clause 4 and annex A).

In: text as it is painted, with or without spaces and hyphens.  A number has three letters of the
owner, one of the category (U freight container, J detachable equipment, Z trailer or chassis), six
digits and one check digit.
"""

from __future__ import annotations

import re

_FORM = re.compile(r"([A-Z]{3})([UJZ])([0-9]{6})([0-9])")
# A is 10; 11, 22 and 33 are left out, because they are multiples of the modulus.
_VALUES = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (n for n in range(10, 39) if n % 11), strict=True))


def compact(text: str) -> str:
    """Upper case, without spaces, hyphens and the box around the check digit."""
    return re.sub(r"[\s\-\[\].]", "", text).upper()


def looks_like(text: str) -> bool:
    """Whether `text` has the form of a container number; the check digit may be wrong."""
    return text.isascii() and _FORM.fullmatch(compact(text)) is not None


def check_digit(first_ten: str) -> int:
    """The check digit of owner, category and serial number (annex A); raises ValueError."""
    if not re.fullmatch(r"[A-Z]{4}[0-9]{6}", first_ten):
        raise ValueError("expected four letters and six digits")
    total = sum(
        (_VALUES[char] if char in _VALUES else int(char)) << place
        for place, char in enumerate(first_ten)
    )
    return total % 11 % 10


def is_valid(text: str) -> bool:
    """Whether `text` is a container number with the right check digit."""
    return looks_like(text) and check_digit(compact(text)[:10]) == int(compact(text)[10])
