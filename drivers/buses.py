"""The Protocols of a bus driver: readers that share one line (entry points ``garita.buses``).

A `BusDriver` makes one `Bus` from the readers of the configuration.  The gateway owns the port and
the timer: it hands arriving bytes to `Bus.feed`, calls `Bus.step` when the last step said so, and
writes what the step returns.  Orders to one reader go through its `BusDevice`.  All of it is
sans-I/O, as drivers/base.py says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from drivers import base
from drivers.base import DeviceEvent, LinkStats, Signal


class BusEvent(NamedTuple):
    """What the device at `address` of a bus reported."""

    address: int
    event: DeviceEvent


class BusStep(NamedTuple):
    """One step of a bus: bytes to send now (often none), the monotonic time of the next step in
    seconds, and what happened."""

    send: bytes
    wake_at: float
    events: Sequence[BusEvent]


@dataclass(frozen=True, slots=True)
class BusPlace:
    """A reader of the configuration: its `address`, its `options` (checked against the driver's
    `ReaderOptions`), and the keys that it may hold, newest last (none for a new reader)."""

    address: int
    options: Any
    keys: Sequence[bytes] = field(default=(), repr=False)


class BusDevice(Protocol):
    """One reader on a bus.

    Methods that send a command return its number, or None when the reader is offline or too many
    commands wait.  The end of each numbered command is a `CommandDone` event.  A command that
    the driver could not send within `ttl_s` seconds ends as not good: the driver must not send
    it later, because an old order could open a door.
    """

    @property
    def address(self) -> int: ...

    @property
    def online(self) -> bool:
        """Whether badges can come from this reader now."""
        ...

    @property
    def keyed(self) -> bool:
        """Whether this reader uses a key of its own, so that `install` has a meaning."""
        ...

    @property
    def secured(self) -> bool:
        """Whether the link is encrypted under this reader's own key now."""
        ...

    @property
    def installing(self) -> bool:
        """Whether an install window is open."""
        ...

    @property
    def stats(self) -> LinkStats: ...

    def show(self, signal: Signal, words: str, now: float) -> None:
        """Show `signal` by light and sound, and `words` (ASCII, at most 16 characters) where the
        reader has a display.  A newer signal takes the place of one that waits."""
        ...

    def output(
        self, number: int, *, on: bool, seconds: float, now: float, ttl_s: float
    ) -> int | None:
        """Switch output `number` (from 1).  With `seconds` above 0 the reader itself switches it
        back after that time.  A driver whose reader can tell the state of its outputs asks for
        it afterwards; the answer is an `OutputState` event."""
        ...

    def ping(self, now: float, ttl_s: float) -> int | None:
        """Ask something harmless, to measure the time of an answer."""
        ...

    def set_line(self, address: int, baudrate: int, now: float, ttl_s: float) -> int | None:
        """Give the reader another address and speed, for after its answer."""
        ...

    def install(self, now: float, seconds: float, new_key: bytes) -> None:
        """Open an install window of `seconds`, in which the reader takes `new_key`.  Ends with a
        `KeyInstalled` event."""
        ...

    def end_install(self, now: float) -> None:
        """Close the install window before its time, if one is open.  Ends with a `KeyInstalled`
        event too."""
        ...

    def about(self) -> Mapping[str, Any]:
        """For `garita reader show`, as JSON values: `step` (where the session is),
        `answers` (whether it answered the last question; optional), `identity`
        and `capabilities` (mappings, or None)."""
        ...


class Bus(Protocol):
    """One line with its readers.  The gateway owns the port and the timer."""

    @property
    def devices(self) -> Mapping[int, BusDevice]:
        """The readers by address."""
        ...

    def feed(self, data: bytes, now: float) -> Sequence[BusEvent]:
        """Take bytes that arrived at monotonic time `now` (seconds).  Raises nothing, whatever
        the bytes."""
        ...

    def step(self, now: float) -> BusStep:
        """What to send now, if anything.  The gateway calls this after every `feed`, after every
        command, and at `wake_at` of the step before."""
        ...

    def reset(self, now: float) -> Sequence[BusEvent]:
        """The port went away: no answer comes any more.  Every reader is offline after this, and
        no waiting command is sent later."""
        ...


class BusDriver(Protocol):
    """Readers that share one line.  `ReaderOptions` checks the options of each reader."""

    Options: ClassVar[type[base.Options]]
    ReaderOptions: ClassVar[type[base.Options]]

    def __init__(self, options: Any) -> None: ...

    def line(self, places: Sequence[BusPlace], baudrate: int) -> Bus:
        """The bus with these readers.  Raises ValueError when the line can't carry them."""
        ...
