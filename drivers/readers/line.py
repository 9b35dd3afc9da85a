"""Readers that send a line of text per card: QR scanners, microcontrollers, converters.

A line ends with CR, LF, CR LF or the terminator of the options; a regular expression names its
parts.

Part of a line is never read as a card.  The driver is *in step* when the next byte begins a line.
It begins out of step, because the port may open in the middle of a line.  It falls out of step when
a line stops for `timeout_s` without its end, and when a line is too long.  Out of step, it drops
everything up to the next end of a line, as one bad reading; so 10 MB without a terminator cost
`max_length` bytes of memory.  A long silence brings it back in step too.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from drivers import base
from drivers.base import BadRead, BadReadReason, CardRead, Reading
from drivers.readers import wiegand
from drivers.readers.holdoff import HoldOff

# The rest of a line that stopped can come late, through a network or a busy adapter.  After this
# much silence (seconds) it does not come any more.
RESYNC_S = 2.0

PARTS = frozenset({"facility", "number", "bits", "hex"})
FREE_FORMATS = ("text", "em4100")


def _format(name: str) -> str:
    known = (*FREE_FORMATS, *wiegand.FORMATS)
    if name not in known:
        raise ValueError(f"no such format; there are: {', '.join(known)}")
    return name


def _pattern(text: str) -> str:
    try:
        groups = set(re.compile(text).groupindex)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if not groups & {"number", "bits", "hex"}:
        raise ValueError("name the part that is the card: (?P<number>...), (?P<bits>...) or hex")
    if groups - PARTS:
        raise ValueError(f"unknown parts: {', '.join(sorted(groups - PARTS))}")
    return text


class LineReader:
    """`pattern` must fit the whole line.  Its groups: ``number`` and ``facility`` in decimal,
    or ``bits`` (text of 0 and 1) or ``hex`` for a Wiegand format.

    Of ``bits`` and ``hex``, `parity` says whether the parity bits are among them; None is yes,
    where the number of hex digits tells.  `length` is the number of characters of every line.
    `timeout_s` is the longest pause within a line (seconds).  `idle_flush_s` ends a line that has
    no terminator after that much silence.  Then a line that broke off looks like a whole one, so
    only its length tells: the options must fix it.
    """

    class Options(base.Options):
        format: Annotated[str, AfterValidator(_format)] = "text"
        pattern: Annotated[str, AfterValidator(_pattern)] = r"(?P<number>[!-~]{1,64})"
        terminator: Annotated[str, Field(max_length=4)] = ""
        max_length: Annotated[int, Field(ge=1, le=4096)] = 128
        length: Annotated[int, Field(ge=1, le=4096)] | None = None
        timeout_s: Annotated[float, Field(gt=0, le=10)] = 0.25
        idle_flush_s: Annotated[float, Field(gt=0, le=10)] | None = None
        hold_off_s: Annotated[float, Field(ge=0, le=60)] = 1.0
        parity: bool | None = None

        @model_validator(mode="after")
        def _parts_fit_the_format(self) -> Any:
            groups = set(re.compile(self.pattern).groupindex)
            codes = groups & {"bits", "hex"}
            if codes and self.format not in wiegand.FORMATS:
                raise ValueError("bits and hex need a Wiegand format")
            if self.parity is not None and not codes:
                raise ValueError("parity is about bits and hex, and the pattern names neither")
            if self.parity is False and not wiegand.outer_parity(self.format):
                raise ValueError(
                    f"{self.format} has parity bits within the code, not only at its ends: "
                    "let the converter send all bits, with parity = true"
                )
            if "hex" in codes and self.parity is None and _ambiguous(self.format):
                raise ValueError(
                    f"say parity = true or parity = false: {self.format} has as many hex digits "
                    "without its outer parity bits as with them"
                )
            if (
                self.idle_flush_s is not None
                and self.length is None
                and ("number" in groups or self.parity is not None)
            ):
                raise ValueError(
                    "idle_flush_s needs length: where silence ends a line, a scan that broke off "
                    "would be read as a shorter number"
                )
            return self

    def __init__(self, options: Options) -> None:
        self._options = options
        self._pattern = re.compile(options.pattern)
        end = options.terminator.encode() or None
        self._end = re.compile(re.escape(end) if end else rb"[\r\n]")
        self._keep = len(end or b"\n")  # half a terminator may be at the end of what we have
        self._pause_s = options.idle_flush_s or options.timeout_s
        self._hold_off = HoldOff(options.hold_off_s)
        self._line = bytearray()
        self._lost: BadReadReason | None = BadReadReason.FRAMING  # why we are out of step
        self._dropped = 0  # bytes that were thrown away out of step
        self._heard_at: float | None = None  # the last byte, or the opening of the port

    def feed(self, data: bytes, now: float) -> Sequence[Reading]:
        """Take bytes; returns the readings that end in them."""
        readings = list(self.tick(now))
        self._heard_at = now
        # The kept part is shorter than a line and a terminator, so this is linear in `data`.
        self._line += data
        *lines, rest = self._end.split(self._line)
        for line in lines:
            readings += self._finish(bytes(line), now)
        self._line = bytearray(rest)
        if len(rest) > self._options.max_length + self._keep and self._lost is None:
            self._lost = BadReadReason.TOO_LONG
        if self._lost is not None:
            self._drop()
        return readings

    def tick(self, now: float) -> Sequence[Reading]:
        """What follows from silence: the end of a line that has no terminator, a line that broke
        off, or being in step again."""
        if self._heard_at is None:
            self._heard_at = now
        silence = now - self._heard_at
        if silence < self._pause_s:
            return ()
        if self._options.idle_flush_s is not None:
            return self._end_line(now)
        if self._line and self._lost is None:
            self._lost = BadReadReason.FRAMING
            self._drop()
        nothing_came = not self._line and not self._dropped
        if self._lost is not None and (nothing_came or silence >= RESYNC_S):
            return self._end_line(now)
        return ()

    def _drop(self) -> None:
        """Throw away all of the line but what may be half a terminator."""
        cut = max(0, len(self._line) - self._keep)
        self._dropped += cut
        del self._line[:cut]

    def _end_line(self, now: float) -> list[Reading]:
        line, self._line = bytes(self._line), bytearray()
        return self._finish(line, now)

    def _finish(self, line: bytes, now: float) -> list[Reading]:
        """A line ended, and we are in step."""
        lost, self._lost = self._lost, None
        size, self._dropped = len(line) + self._dropped, 0
        if lost is None and size > self._options.max_length:
            lost = BadReadReason.TOO_LONG
        if lost is not None:
            return [BadRead(lost, size)] if size else []
        if not line.strip():
            return []  # CR LF ends a line twice
        reading = self._read(line)
        if not isinstance(reading, CardRead) or self._hold_off.passes(reading, now):
            return [reading]
        return []

    def _read(self, line: bytes) -> Reading:
        bad = BadRead(BadReadReason.NO_MATCH, len(line))
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError:
            return bad
        if self._options.length not in (None, len(text)):
            return BadRead(BadReadReason.LENGTH, len(line))
        found = self._pattern.fullmatch(text)
        if found is None:
            return bad
        parts = {key: value for key, value in found.groupdict().items() if value}
        name = self._options.format
        if name in wiegand.FORMATS and ("bits" in parts or "hex" in parts):
            return self._code(parts, name)
        facility, number = parts.get("facility", ""), parts.get("number", "")
        if name == "text":
            return CardRead(name, facility, number, text) if number else bad
        facility, number = _decimal(facility), _decimal(number)
        if not number or (name in wiegand.FORMATS and not wiegand.fits(name, facility, number)):
            return bad
        return CardRead(name, facility, number, text)

    def _code(self, parts: dict[str, str], name: str) -> Reading:
        """The card of a Wiegand code, which must have the length of its format.

        A code in hex without its parity bits, read as one with them, passes the parity check of
        another card in one case of four.  Only its number of digits tells.
        """
        length, outer = wiegand.FORMATS[name].length, self._options.parity is False
        if outer:
            length -= 2
        bits = parts.get("bits", "")
        if not bits:
            digits = parts["hex"]
            if not set(digits) <= set(string.hexdigits):
                return BadRead(BadReadReason.NO_MATCH, len(digits))
            fits = len(digits) <= _digits(length) if outer else len(digits) == _digits(length)
            bits = f"{int(digits, 16):0{length}b}" if fits else ""
        if len(bits) != length:
            return BadRead(BadReadReason.LENGTH, len(bits or parts["hex"]))
        return wiegand.decode(wiegand.with_parity(bits, name) if outer else bits, name)


def _digits(bits: int) -> int:
    """How many hex digits hold so many bits."""
    return (bits + 3) // 4


def _ambiguous(name: str) -> bool:
    """Whether a format has as many hex digits without its first and last bit as with them."""
    length = wiegand.FORMATS[name].length
    return _digits(length) == _digits(length - 2)


def _decimal(text: str) -> str:
    """`text` without leading zeros; "" when it is not a plain decimal number."""
    if not (text.isascii() and text.isdigit()):
        return ""
    return text.lstrip("0") or "0"
