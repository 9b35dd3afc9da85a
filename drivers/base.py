"""What passes between a driver and the gateway: values, and one Protocol for each kind of driver.

| kind    | entry points     | Protocol                      | who reads and writes the port |
|---------|------------------|-------------------------------|-------------------------------|
| readers | `garita.readers` | `ReaderDriver`                | the gateway                   |
| buses   | `garita.buses`   | `BusDriver` (drivers/buses.py)| the gateway                   |
| inputs  | `garita.inputs`  | `InputBoard` or `InputLines`  | the gateway, or the driver    |
| locks   | `garita.locks`   | `LockDriver`                  | the gateway                   |
| cameras | `garita.cameras` | `CameraDriver`                | the driver, in a thread       |

A driver of a serial device is sans-I/O: it gets bytes and the monotonic time, and it returns
values.  It opens no port, reads no clock and knows nothing of people or doors, so a test can
fuzz it, replay a recording to it and simulate its device.  docs/drivers.md shows how to write
one of each kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Options(BaseModel):
    """Base of every driver's own settings.  A key that the driver does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# What devices report


class BadReadReason(StrEnum):
    """Why bytes on the line were not a card.  The ledger holds these words: never rename one."""

    CHECKSUM = "checksum"
    PARITY = "parity"
    FRAMING = "framing"
    TOO_LONG = "too_long"
    NO_MATCH = "no_match"
    STALE = "stale"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card, as the reader sent it.

    `format` is the name of a credential format (``em4100``, ``h10301``, ``text`` ...).
    `facility` is its facility (site) code as decimal text, or "" where the format has none.
    `number` is the card number as decimal text without leading zeros (any text for ``text``).
    `raw` holds the bits as the reader sent them, as text, for an installer.  Never log it.
    """

    format: str
    facility: str
    number: str
    raw: str = ""

    def __repr__(self) -> str:  # keeps badge numbers out of logs and test output
        return f"CardRead({self.format}:…)"


@dataclass(frozen=True, slots=True)
class BadRead:
    """Bytes that began like a card and are not one.  `size` counts the bytes dropped."""

    reason: BadReadReason
    size: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that somebody pressed, in order: digits, ``*`` and ``#``."""

    pressed: str

    def __repr__(self) -> str:  # keeps a PIN out of logs and test output
        return f"Keys({len(self.pressed)})"


Reading = CardRead | BadRead | Keys


@dataclass(frozen=True, slots=True)
class InputState:
    """The state of a digital input.  `number` counts from 1; `active` means a closed circuit."""

    number: int
    active: bool


@dataclass(frozen=True, slots=True)
class OutputState:
    """What a reader answers when asked for the state of an output.  `number` counts from 1."""

    number: int
    active: bool


@dataclass(frozen=True, slots=True)
class Tamper:
    """Somebody opened the cover of the device (`active`), or closed it again."""

    active: bool


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A device came online or went offline.  `detail` tells an installer why."""

    online: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """A device on a bus lost its session, and the driver began a new one."""

    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that the session did not make: forged, replayed, or in plain text."""

    detail: str


@dataclass(frozen=True, slots=True)
class KeyInstalled:
    """How an install window ended: whether the reader has a new key (`done`), and which."""

    done: bool
    detail: str
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CommandDone:
    """How a command ended.  `id` is the number that the driver returned for the command."""

    id: int
    good: bool
    detail: str


DeviceEvent = (
    Reading
    | InputState
    | OutputState
    | Tamper
    | LinkChange
    | Restarted
    | Refused
    | KeyInstalled
    | CommandDone
)


@dataclass(slots=True)
class LinkStats:
    """The quality of a link since the start."""

    polls: int = 0
    errors: int = 0  # frames with a wrong check, or out of sequence
    naks: int = 0
    busy: int = 0
    retries: int = 0
    timeouts: int = 0
    refused: int = 0
    handshakes: int = 0
    worst_latency_ms: float = 0.0
    power_fault: bool = False


class Signal(StrEnum):
    """What a reader shows to the person in front of it."""

    IDLE = "idle"
    WAIT = "wait"
    PIN = "pin"
    LOOK = "look"
    LEFT = "left"  # turn the head to the person's own left
    RIGHT = "right"
    STRAIGHT = "straight"
    GRANTED = "granted"
    DENIED = "denied"
    ALARM = "alarm"


class CameraState(StrEnum):
    """How a camera's feed is.  The ledger holds these words (the detail of `device.offline`):
    never rename one."""

    OK = "ok"
    NO_SIGNAL = "no_signal"
    UNREACHABLE = "unreachable"
    LOGIN_REFUSED = "login_refused"
    NO_STREAM = "no_stream"
    DELAYED = "delayed"
    FROZEN = "frozen"
    LOOPING = "looping"
    BLACK = "black"
    UNDEREXPOSED = "underexposed"
    OVEREXPOSED = "overexposed"
    COVERED = "covered"
    DEFOCUSED = "defocused"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture: shape (height, width, 3), BGR, uint8.  `at` is the monotonic time in seconds at
    which it was taken, as well as the driver knows; `number` counts the frames of one camera from
    1."""

    image: NDArray[np.uint8]
    at: float
    number: int


# What each kind of driver offers


class ReaderDriver(Protocol):
    """A badge reader on a serial port of its own.

    The gateway makes a new driver each time the port opens, so that bytes from before and after a
    replug never make one reading.  The port may open while the reader is sending.
    """

    Options: ClassVar[type[Options]]

    def __init__(self, options: Any) -> None: ...

    def feed(self, data: bytes, now: float) -> Sequence[Reading]:
        """Take bytes that arrived at monotonic time `now` (seconds).  Raises nothing, whatever
        the bytes."""
        ...

    def tick(self, now: float) -> Sequence[Reading]:
        """The gateway calls this when the port has opened and then ten times a second, for what
        follows from silence."""
        ...


class LockDriver(Protocol):
    """A relay board on a serial port."""

    Options: ClassVar[type[Options]]

    def __init__(self, options: Any) -> None: ...

    @property
    def channels(self) -> int:
        """How many relays the board has.  They count from 1."""
        ...

    def set(self, channel: int, on: bool) -> bytes:
        """The frame that energises or releases one relay.  Raises ValueError for a channel that
        the board does not have."""
        ...


class InputBoard(Protocol):
    """Digital inputs on a serial port: the gateway asks the board again and again.  It makes a new
    driver each time the port opens."""

    Options: ClassVar[type[Options]]

    def __init__(self, options: Any) -> None: ...

    @property
    def heard_at(self) -> float | None:
        """The monotonic time (seconds) of the last good answer, None before the first.  The
        gateway calls the board offline after a second without one."""
        ...

    def poll(self, now: float) -> bytes:
        """The question to send at monotonic time `now`; empty while none is due.  The gateway
        calls this fifty times a second."""
        ...

    def feed(self, data: bytes, now: float) -> Sequence[InputState]:
        """The state of every input, when `data` completes a good answer.  Raises nothing,
        whatever the bytes."""
        ...


class InputLines(Protocol):
    """Digital inputs of the box itself: the driver holds a descriptor that the kernel makes
    readable when an input changes.  Its table in the configuration has no `port`."""

    Options: ClassVar[type[Options]]

    def __init__(self, options: Any) -> None: ...

    def open(self) -> int:
        """Take the lines; returns the descriptor.  Raises OSError with a reason when that
        fails; the gateway tries again after a second."""
        ...

    def states(self) -> Sequence[InputState]:
        """The state of every input now."""
        ...

    def read(self) -> Sequence[InputState]:
        """Take what made the descriptor readable; returns the state of every input now.  The
        gateway can call this when nothing is left to read: BlockingIOError is no failure then."""
        ...

    def close(self) -> None:
        """Let the lines go.  The gateway calls this also after a failed `open`."""
        ...


class CameraDriver(Protocol):
    """A camera.  It lives in the face process, which may use threads, OpenCV and NumPy."""

    Options: ClassVar[type[Options]]

    def __init__(self, options: Any) -> None: ...

    @property
    def label(self) -> str:
        """The source in words, without a password."""
        ...

    @property
    def state(self) -> CameraState:
        """How the feed is now."""
        ...

    @property
    def detail(self) -> str:
        """The word of `state`, and the figure behind it where there is one."""
        ...

    @property
    def scene(self) -> bytes | None:
        """What the camera should see, for `use_scene` after a restart; None where the driver does
        not watch over that."""
        ...

    def use_scene(self, scene: bytes) -> None:
        """Expect this scene.  The gateway calls it before `start`."""
        ...

    def accept_scene(self) -> None:
        """Learn anew what the camera should see: an operator said that the view is right."""
        ...

    def set_rate(self, fps: float | None) -> None:
        """Decode only `fps` frames a second (at least 1), to save power; None: all frames.
        Raises ValueError below 1."""
        ...

    def start(self) -> None:
        """Begin to read, in a thread that does not keep the process alive."""
        ...

    def stop(self) -> None:
        """Stop reading."""
        ...

    def next(self, after: int, timeout_s: float) -> Frame | None:
        """The newest frame with a number above `after`; None when none comes within `timeout_s`
        seconds."""
        ...
