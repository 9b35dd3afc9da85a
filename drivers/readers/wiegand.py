"""Wiegand card formats: bits to facility code and card number, and back.

The table holds each format's fields and parity bits; nothing else in this file knows a
format.  Bit 0 is the first on the wire.  Length and parity do not tell the formats of one
length apart, so the format is part of a reader's settings; nothing guesses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.base import BadRead, BadReadReason, CardRead

EVEN, ODD = 0, 1


@dataclass(frozen=True, slots=True)
class Parity:
    """The parity bit at `bit`: with it, the number of ones among `covers` is even or odd."""

    bit: int
    sense: int
    covers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """`facility` and `number` are (first, last) bits, or None; `parity` in order of encoding."""

    name: str
    length: int
    facility: tuple[int, int] | None
    number: tuple[int, int]
    parity: tuple[Parity, ...]
    title: str


def _span(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def _mask(length: int, mask: int) -> tuple[int, ...]:
    """The bits that a mask names; its lowest bit is the last on the wire."""
    return tuple(bit for bit in range(length) if mask >> (length - 1 - bit) & 1)


def _corporate(name: str, length: int, split: int, even: int, odd: int) -> Format:
    """Corporate 1000: an even and an odd parity over masks, then one over all the rest."""
    return Format(
        name,
        length,
        (2, split - 1),
        (split, length - 2),
        (
            Parity(1, EVEN, tuple(bit for bit in _mask(length, even) if bit != 1)),
            Parity(length - 1, ODD, tuple(b for b in _mask(length, odd) if b != length - 1)),
            Parity(0, ODD, _span(1, length - 1)),
        ),
        f"HID Corporate 1000, {length} bits",
    )


FORMATS: Mapping[str, Format] = {
    item.name: item
    for item in (
        Format(
            "h10301",
            26,
            (1, 8),
            (9, 24),
            (Parity(0, EVEN, _span(1, 12)), Parity(25, ODD, _span(13, 24))),
            "HID H10301, the open 26-bit format",
        ),
        Format(
            "ind26",
            26,
            (1, 12),
            (13, 24),
            (Parity(0, EVEN, _span(1, 12)), Parity(25, ODD, _span(13, 24))),
            "Indala, 26 bits",
        ),
        Format(
            "d10202",
            33,
            (1, 7),
            (8, 31),
            (Parity(0, EVEN, _span(1, 16)), Parity(32, ODD, _span(16, 31))),
            "DSX D10202, 33 bits",
        ),
        Format(
            "h10306",
            34,
            (1, 16),
            (17, 32),
            (Parity(0, EVEN, _span(1, 16)), Parity(33, ODD, _span(17, 32))),
            "HID H10306, 34 bits",
        ),
        _corporate("c1k35", 35, 14, 0x1B6DB6DB6, 0x36DB6DB6C),
        Format(
            "s12906",
            36,
            (1, 8),
            (11, 34),
            (Parity(0, ODD, _span(1, 17)), Parity(35, ODD, _span(17, 34))),
            "HID Simplex S12906, 36 bits (issue level in bits 9 and 10)",
        ),
        Format(
            "h10302",
            37,
            None,
            (1, 35),
            (Parity(0, EVEN, _span(1, 18)), Parity(36, ODD, _span(18, 35))),
            "HID H10302, 37 bits without facility code",
        ),
        Format(
            "h10304",
            37,
            (1, 16),
            (17, 35),
            (Parity(0, EVEN, _span(1, 18)), Parity(36, ODD, _span(18, 35))),
            "HID H10304, 37 bits with facility code",
        ),
        _corporate("c1k48", 48, 24, 0x1B6DB6DB6DB6, 0x36DB6DB6DB6C),
    )
}


def decode(bits: str, name: str) -> CardRead | BadRead:
    """A card from its bits (text of 0 and 1) in the format `name`; KeyError for no format."""
    fmt = FORMATS[name]
    if len(bits) != fmt.length or set(bits) - {"0", "1"}:
        return BadRead(BadReadReason.FRAMING, len(bits))
    if any(_parity(bits, rule) != rule.sense for rule in fmt.parity):
        return BadRead(BadReadReason.PARITY, len(bits))
    facility = "" if fmt.facility is None else str(_field(bits, fmt.facility))
    return CardRead(name, facility, str(_field(bits, fmt.number)), bits)


def encode(name: str, facility: int, number: int) -> str:
    """The bits of a card, parity included; ValueError if a number does not fit."""
    fmt = FORMATS[name]
    bits = ["0"] * fmt.length
    if not fits(name, str(facility) if fmt.facility else "", str(number)):
        raise ValueError(f"these numbers do not fit {name}")
    for span, value in ((fmt.facility, facility), (fmt.number, number)):
        if span is not None:
            width = span[1] - span[0] + 1
            bits[span[0] : span[1] + 1] = f"{value:0{width}b}"
    return _set_parity(bits, fmt)


def outer_parity(name: str) -> bool:
    """Whether the parity bits of a format are its first and its last bit, and no others.  Common
    converters drop these two and hand on the rest."""
    fmt = FORMATS[name]
    return {rule.bit for rule in fmt.parity} == {0, fmt.length - 1}


def with_parity(bits: str, name: str) -> str:
    """The bits of a format with `outer_parity` whose parity bits a converter dropped."""
    return _set_parity(["0", *bits, "0"], FORMATS[name])


def fits(name: str, facility: str, number: str) -> bool:
    """Whether decimal texts are a facility code and number that the format can hold."""
    fmt = FORMATS[name]
    if fmt.facility is None and facility:
        return False
    for span, text in ((fmt.facility, facility), (fmt.number, number)):
        if span is not None and not (
            text.isascii() and text.isdigit() and int(text) < 1 << (span[1] - span[0] + 1)
        ):
            return False
    return True


def _set_parity(bits: list[str], fmt: Format) -> str:
    for rule in fmt.parity:
        bits[rule.bit] = "0"
        bits[rule.bit] = str(_parity("".join(bits), rule) ^ rule.sense)
    return "".join(bits)


def _parity(bits: str, rule: Parity) -> int:
    return (int(bits[rule.bit]) + sum(bits[bit] == "1" for bit in rule.covers)) % 2


def _field(bits: str, span: tuple[int, int]) -> int:
    return int(bits[span[0] : span[1] + 1], 2)
