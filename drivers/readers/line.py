"""Readers that send a line of text per card: QR scanners, microcontrollers, converters.

A line ends with CR, LF, CR LF or the terminator of the options; a regular expression names its
parts.  The driver drops a line that is too long up to its end, as one bad reading, so 10 MB without
a terminator cost `max_length` bytes of memory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from drivers import base
from drivers.base import BadRead, BadReadReason, CardRead, Reading
from drivers.readers import wiegand
from drivers.readers.holdoff import HoldOff

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
    or ``bits`` (text of 0 and 1) or ``hex`` (the format's bits, right-aligned) for a Wiegand
    format.  `idle_flush_s` ends a line that has no terminator after that much silence."""

    class Options(base.Options):
        format: Annotated[str, AfterValidator(_format)] = "text"
        pattern: Annotated[str, AfterValidator(_pattern)] = r"(?P<number>[!-~]{1,64})"
        terminator: Annotated[str, Field(max_length=4)] = ""
        max_length: Annotated[int, Field(ge=1, le=4096)] = 128
        idle_flush_s: Annotated[float, Field(gt=0, le=10)] | None = None
        hold_off_s: Annotated[float, Field(ge=0, le=60)] = 1.0

        @model_validator(mode="after")
        def _parts_fit_the_format(self) -> Any:
            groups = set(re.compile(self.pattern).groupindex)
            if groups & {"bits", "hex"} and self.format not in wiegand.FORMATS:
                raise ValueError("bits and hex need a Wiegand format")
            return self

    def __init__(self, options: Options) -> None:
        self._options = options
        self._pattern = re.compile(options.pattern)
        end = options.terminator.encode() or None
        self._end = re.compile(re.escape(end) if end else rb"[\r\n]")
        self._hold_off = HoldOff(options.hold_off_s)
        self._line = bytearray()
        self._dropped = 0  # bytes of an over-long line that were thrown away so far
        self._last_byte_at = 0.0

    def feed(self, data: bytes, now: float) -> Sequence[Reading]:
        """Take bytes; returns the readings that end in them."""
        self._last_byte_at = now
        readings: list[Reading] = []
        # The kept part is shorter than a line and a terminator, so this is linear in `data`.
        self._line += data
        *lines, rest = self._end.split(self._line)
        for line in lines:
            readings += self._finish(bytes(line), now)
        self._line = bytearray(rest)
        keep = len(self._options.terminator) or 1
        if self._dropped or len(rest) > self._options.max_length + keep:
            cut = max(0, len(rest) - keep)  # half a terminator may be at its end
            self._dropped += cut
            del self._line[:cut]
        return readings

    def tick(self, now: float) -> Sequence[Reading]:
        """End a line that stopped without a terminator, where the options say so."""
        idle = self._options.idle_flush_s
        if idle is None or now - self._last_byte_at < idle or not (self._line or self._dropped):
            return ()
        line, self._line = bytes(self._line), bytearray()
        return self._finish(line, now)

    def _finish(self, line: bytes, now: float) -> list[Reading]:
        size, self._dropped = len(line) + self._dropped, 0
        if size > self._options.max_length:
            return [BadRead(BadReadReason.TOO_LONG, size)]
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
        found = self._pattern.fullmatch(text)
        if found is None:
            return bad
        parts = {key: value for key, value in found.groupdict().items() if value}
        name = self._options.format
        if name in wiegand.FORMATS and ("bits" in parts or "hex" in parts):
            return wiegand.decode(_bits(parts, wiegand.FORMATS[name].length), name)
        facility, number = parts.get("facility", ""), parts.get("number", "")
        if name == "text":
            return CardRead(name, facility, number, text) if number else bad
        facility, number = _decimal(facility), _decimal(number)
        if not number or (name in wiegand.FORMATS and not wiegand.fits(name, facility, number)):
            return bad
        return CardRead(name, facility, number, text)


def _bits(parts: dict[str, str], length: int) -> str:
    """The bits of a line; empty where they can't be `length` bits."""
    if "bits" in parts:
        return parts["bits"]
    try:
        value = int(parts["hex"], 16)
    except ValueError:
        return ""
    return f"{value:0{length}b}"


def _decimal(text: str) -> str:
    """`text` without leading zeros; "" when it is not a plain decimal number."""
    if not (text.isascii() and text.isdigit()):
        return ""
    return text.lstrip("0") or "0"
