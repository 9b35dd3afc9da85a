"""The types that cross the border between a wire and the gate.

A reader driver is a sans-I/O object: bytes and the monotonic time go in, readings
come out.  It opens no port, reads no clock and knows nothing of people or doors,
so it can be fuzzed, replayed and simulated.  A lock driver only encodes frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Base of every driver's own settings: unknown keys are mistakes, not comments."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BadReadReason(StrEnum):
    """Why bytes on the line were not a card.  Stable: they are written to the ledger."""

    CHECKSUM = "checksum"
    PARITY = "parity"
    FRAMING = "framing"
    TOO_LONG = "too_long"
    NO_MATCH = "no_match"


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card, as the wire gave it.

    `format` is the name of a credential format (``em4100``, ``h10301``, ``text`` ...),
    `facility` its facility (site) code as decimal text or "" where the format has none,
    `number` the card number as decimal text without leading zeros (free text for ``text``).
    `raw` keeps the bits as read, as text, for an installer's eyes; never log it.
    """

    format: str
    facility: str
    number: str
    raw: str = ""

    def __repr__(self) -> str:  # badge numbers stay out of logs and test output
        return f"CardRead({self.format}:…)"


@dataclass(frozen=True, slots=True)
class BadRead:
    """Bytes that looked like a card and were not one; `size` is how many were dropped."""

    reason: BadReadReason
    size: int = 0


Reading = CardRead | BadRead


class ReaderDriver(Protocol):
    """What a reader driver offers; found by name in the entry-point group ``garita.readers``."""

    Options: ClassVar[type[Options]]

    def __init__(self, options: Any) -> None: ...

    def feed(self, data: bytes, now: float) -> Sequence[Reading]:
        """Take bytes that arrived at monotonic time `now` (seconds); never raises for any bytes."""
        ...

    def tick(self, now: float) -> Sequence[Reading]:
        """Called a few times a second, so that an idle line can be flushed."""
        ...


class LockDriver(Protocol):
    """What a relay board driver offers; entry-point group ``garita.locks``."""

    Options: ClassVar[type[Options]]

    def __init__(self, options: Any) -> None: ...

    @property
    def channels(self) -> int:
        """How many relays the board has; they are numbered from 1."""
        ...

    def set(self, channel: int, on: bool) -> bytes:
        """The frame that energises or releases one relay; ValueError for a channel it lacks."""
        ...
