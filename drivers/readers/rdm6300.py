"""RDM6300 and ID-12LA readers for 125 kHz cards (EM4100).

Wire (9600 8N1, from the modules' datasheets): ``02``, ten ASCII hex digits (five bytes), two
digits that are the exclusive-or of those bytes, ``03``.  The ID-12LA sends CR LF before the
``03``.  A held card repeats its frame.

Bytes in, readings out; the buffer never holds more than one frame.  A ``02`` always starts
anew, so garbage and half frames cost nothing but themselves.  A frame takes 15 ms on the wire; one
that stops for longer than `TIMEOUT_S` is dropped, because one check byte does not tell half a frame
and the rest of another from a card.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import xor
from typing import Annotated, Literal

from pydantic import Field

from drivers import base
from drivers.base import BadRead, BadReadReason, CardRead, Reading
from drivers.readers.holdoff import HoldOff

TIMEOUT_S = 0.25
STX, ETX = 0x02, 0x03
DIGITS = 12
HEX = frozenset(b"0123456789ABCDEFabcdef")
LINE_END = frozenset(b"\r\n")


class Rdm6300Reader:
    """`format` says how the five bytes become a credential: ``em4100`` takes the first as
    facility and the last four as number; ``h10301`` the third and the last two, as printed
    on many cards (188,24910)."""

    class Options(base.Options):
        hold_off_s: Annotated[float, Field(ge=0, le=60)] = 1.0
        format: Literal["em4100", "h10301"] = "em4100"

    def __init__(self, options: Options) -> None:
        self._options = options
        self._hold_off = HoldOff(options.hold_off_s)
        self._digits: bytearray | None = None  # None: outside a frame
        self._heard_at = 0.0

    def feed(self, data: bytes, now: float) -> Sequence[Reading]:
        """Take bytes; returns the readings that end in them."""
        readings = list(self.tick(now))
        self._heard_at = now
        for byte in data:
            if byte == STX:
                self._digits = bytearray()
            elif self._digits is None:
                continue  # between frames: noise, or the rest of a frame that was dropped
            elif byte == ETX:
                reading = self._frame(bytes(self._digits))
                self._digits = None
                if not isinstance(reading, CardRead) or self._hold_off.passes(reading, now):
                    readings.append(reading)
            elif byte in HEX and len(self._digits) < DIGITS:
                self._digits.append(byte)
            elif byte not in LINE_END or len(self._digits) != DIGITS:
                readings.append(BadRead(BadReadReason.FRAMING, len(self._digits) + 2))
                self._digits = None
        return readings

    def tick(self, now: float) -> Sequence[Reading]:
        """Drop a frame that stopped before its end."""
        if self._digits is None or now - self._heard_at < TIMEOUT_S:
            return ()
        size, self._digits = len(self._digits) + 1, None
        return [BadRead(BadReadReason.FRAMING, size)]

    def _frame(self, digits: bytes) -> Reading:
        if len(digits) != DIGITS:
            return BadRead(BadReadReason.FRAMING, len(digits) + 2)
        values = bytes.fromhex(digits.decode("ascii"))
        card, check = values[:5], values[5]
        if reduce(xor, card) != check:
            return BadRead(BadReadReason.CHECKSUM, DIGITS + 2)
        raw = card.hex().upper()
        if self._options.format == "h10301":
            return CardRead("h10301", str(card[2]), str(int.from_bytes(card[3:], "big")), raw)
        return CardRead("em4100", str(card[0]), str(int.from_bytes(card[1:], "big")), raw)


def encode(card: bytes, *, id12la: bool = False) -> bytes:
    """The frame of a five-byte card, as the reader sends it; for simulators and tests."""
    if len(card) != 5:
        raise ValueError("an EM4100 card has five bytes")
    body = (card + bytes([reduce(xor, card)])).hex().upper().encode()
    return bytes([STX]) + body + (b"\r\n" if id12la else b"") + bytes([ETX])
