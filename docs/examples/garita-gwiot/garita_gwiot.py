"""The Gwiot 7941E reader for 125 kHz cards (EM4100), in UART mode.

Wire (9600 8N1, from the module's description as its sellers print it): ``02``, the length of the
frame ``0A``, the kind of card ``02``, five bytes of the card, the exclusive-or of the seven bytes
after the first, ``03``.  Their example is ``02 0A 02 2E 00 B6 D7 B5 F2 03``.

Bytes in, readings out.  A frame begins after silence or right after a good frame.  After anything
else the driver drops all bytes until `PAUSE_S` of silence: one check byte does not tell the rest of
a frame and a part of another from a card.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import xor

from drivers import base
from drivers.base import BadRead, BadReadReason, CardRead, Reading

PAUSE_S = 0.1  # a whole frame takes 11 ms on the wire
HEAD = b"\x02\x0a\x02"
SIZE = 10
ETX = 0x03


class GwiotReader:
    """The first of the five bytes is the facility, the other four are the number."""

    class Options(base.Options):
        """It has no settings."""

    def __init__(self, options: Options) -> None:
        self._frame = bytearray()
        self._dropped = 0  # bytes dropped since the last silence; 0: nothing is wrong
        self._heard_at = 0.0

    def feed(self, data: bytes, now: float) -> Sequence[Reading]:
        """Take bytes; returns the readings that end in them.  Raises nothing."""
        readings = list(self.tick(now))
        self._heard_at = now
        for byte in data:
            if self._dropped:
                self._dropped += 1
                continue
            self._frame.append(byte)
            if not HEAD.startswith(self._frame[: len(HEAD)]):
                readings.append(self._drop(BadReadReason.FRAMING))
            elif len(self._frame) == SIZE:
                readings.append(self._card())
        return readings

    def tick(self, now: float) -> Sequence[Reading]:
        """Silence ends what went wrong, and drops a frame that stopped half way."""
        if now - self._heard_at < PAUSE_S:
            return ()
        half, self._dropped = len(self._frame), 0
        self._frame.clear()
        return [BadRead(BadReadReason.FRAMING, half)] if half else ()

    def _card(self) -> Reading:
        card, check, end = bytes(self._frame[3:8]), self._frame[8], self._frame[9]
        if end != ETX:
            return self._drop(BadReadReason.FRAMING)
        if reduce(xor, self._frame[1:8]) != check:
            return self._drop(BadReadReason.CHECKSUM)
        self._frame.clear()
        return CardRead("em4100", str(card[0]), str(int.from_bytes(card[1:], "big")), card.hex())

    def _drop(self, reason: BadReadReason) -> BadRead:
        self._dropped = len(self._frame)
        self._frame.clear()
        return BadRead(reason, self._dropped)
