"""The types that cross the border between a wire and the gate.

A reader driver is a sans-I/O object: bytes and the monotonic time go in, readings
come out.  It opens no port, reads no clock and knows nothing of people or doors,
so it can be fuzzed, replayed and simulated.  A lock driver only encodes frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    STALE = "stale"


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


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that were pressed, in order: digits, ``*`` and ``#``."""

    pressed: str

    def __repr__(self) -> str:  # a PIN stays out of logs and test output
        return f"Keys({len(self.pressed)})"


Reading = CardRead | BadRead | Keys


@dataclass(frozen=True, slots=True)
class InputState:
    """A digital input, numbered from 1; `active` is a closed circuit."""

    number: int
    active: bool


@dataclass(frozen=True, slots=True)
class Tamper:
    """Somebody opened the device's cover, or closed it again."""

    active: bool


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A device on a bus came or went; `detail` says why, for an installer."""

    online: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """A device on a bus had to be greeted anew."""

    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Something arrived that this session did not make: forged, replayed, or in plain text."""

    detail: str


@dataclass(frozen=True, slots=True)
class KeyInstalled:
    """The end of an install window: whether the reader has the new key, and which it holds."""

    done: bool
    detail: str
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CommandDone:
    """How a command ended."""

    id: int
    good: bool
    detail: str


ReaderEvent = (
    Reading | InputState | Tamper | LinkChange | Restarted | Refused | KeyInstalled | CommandDone
)


@dataclass(slots=True)
class LinkStats:
    """The quality of a link, since the start."""

    polls: int = 0
    errors: int = 0  # frames with a wrong check, or out of step
    naks: int = 0
    busy: int = 0
    retries: int = 0
    timeouts: int = 0
    refused: int = 0
    handshakes: int = 0
    worst_latency_ms: float = 0.0
    power_fault: bool = False


class Signal(StrEnum):
    """What a reader shows the person in front of it."""

    IDLE = "idle"
    WAIT = "wait"
    PIN = "pin"
    LOOK = "look"
    LEFT = "left"  # turn the head; the person's own left
    RIGHT = "right"
    STRAIGHT = "straight"
    GRANTED = "granted"
    DENIED = "denied"
    ALARM = "alarm"


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
