"""Locks as the gateway drives them: relay boards on a serial port, and outputs of readers."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from drivers import registry
from drivers.base import LinkChange, LockDriver, OutputState
from drivers.locks.deadman import DeadMan
from drivers.serialport import PortClosed
from gateway.config import DoorTable, LockTable
from gateway.devices.bus import BusReader
from gateway.devices.ports import OnDevice, open_port

log = logging.getLogger("garita.devices.locks")

# A frame lost on the wire must not leave a door unlocked: the rest state is sent again this often.
REASSERT_S = 5.0


class Wired(Protocol):
    """What a relay does: which one of the board, and whether it pulls or drops to release."""

    @property
    def channel(self) -> int: ...
    @property
    def release(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SirenRelay:
    """The relay of a siren: it pulls to sound."""

    channel: int
    release: str = "energise"


class LockBoard:
    """A relay board on its serial port, with the dead man that puts it to rest after a crash.

    `doors` are the doors wired to it, and a siren.  When the board appears, all go to rest before
    anything else: it may have kept a relay energised while the gateway was off.
    """

    def __init__(
        self, name: str, table: LockTable, doors: Mapping[str, Wired], on_device: OnDevice
    ) -> None:
        self.name = name
        self._driver: LockDriver = registry.load("locks", table.driver).make(table.options)
        self._doors = doors
        self._released: set[str] = set()
        self._on_device = on_device
        self._on_lost: list[Callable[[], None]] = []
        self._deadman: DeadMan | None = None
        self._asserted_at = 0.0
        self.port = open_port(
            table, on_bytes=lambda data, now: None, on_tick=self._tick, on_state=self._state
        )

    @property
    def ready(self) -> bool:
        return self.port.connected

    def on_lost(self, callback: Callable[[], None]) -> None:
        """`callback` is called when the board goes away."""
        self._on_lost.append(callback)

    def drive(self, door: str, released: bool) -> None:
        """Unlock or lock `door` now.  Raises PortClosed when the board is offline; the order is
        then dropped, not kept for later.
        """
        self.port.write(self._frame(door, released))
        if released:
            self._released.add(door)
        else:
            self._released.discard(door)

    def rest(self) -> bytes:
        """The frames that put every door of this board to its state of rest."""
        return b"".join(self._frame(door, False) for door in self._doors)

    def close(self) -> None:
        """Put all doors to rest and end the dead man; for a clean stop."""
        try:
            self.port.write(self.rest())
        except PortClosed:
            log.warning("lock %s: not there at stop; its board keeps the state it had", self.name)
        if self._deadman is not None:
            self._deadman.disarm()
            self._deadman = None

    def _frame(self, door: str, released: bool) -> bytes:
        table = self._doors[door]
        return self._driver.set(table.channel, released == (table.release == "energise"))

    def _state(self, online: bool, detail: str) -> None:
        self._released.clear()
        if self._deadman is not None:
            self._deadman.disarm()
            self._deadman = None
        if online:
            self.port.write(self.rest())
            try:
                self._deadman = DeadMan.arm(self.port.fileno(), self.rest())
            except OSError as error:
                detail = f"without a dead man: {error}"
                log.error("lock %s: %s", self.name, detail)
        else:
            for callback in self._on_lost:
                callback()
        self._on_device("lock", self.name, online, detail)

    def _tick(self, now: float) -> None:
        if not self.ready or now - self._asserted_at < REASSERT_S:
            return
        self._asserted_at = now
        for door in self._doors.keys() - self._released:
            self.port.write(self._frame(door, False))


def rest_board(name: str, table: LockTable, doors: Mapping[str, Wired]) -> None:
    """Open a board, put its doors to rest, close it.  Raises OSError when it can't be opened."""
    board = LockBoard(name, table, doors, lambda *_: None)
    with board.port.opened() as port:
        port.write(board.rest())
        port.flush()


class OutputLock:
    """The outputs of a reader on a bus as locks.

    The reader times each release itself, a second longer than the gateway does: when the gateway or
    the wire dies, the output returns to rest by itself.  A reader that can report its outputs is
    asked after each order.
    """

    def __init__(
        self, name: str, reader: BusReader, doors: Mapping[str, DoorTable], on_device: OnDevice
    ) -> None:
        self.name = name
        self._reader = reader
        self._doors = doors
        self._on_device = on_device
        self._on_lost: list[Callable[[], None]] = []
        self._on_wrong: dict[str, Callable[[str], None]] = {}
        self._wrong: set[str] = set()
        self._door_of = {table.channel: door for door, table in doors.items()}
        reader.listen(LinkChange, self._link)
        reader.listen(OutputState, self._reported)

    @property
    def ready(self) -> bool:
        return self._reader.online

    def on_lost(self, callback: Callable[[], None]) -> None:
        self._on_lost.append(callback)

    def drive(self, door: str, released: bool) -> None:
        """Unlock or lock `door` now.  Raises PortClosed when the reader is offline."""
        table = self._doors[door]
        seconds = table.pulse_s + 1 if released else 0.0
        if not self._reader.output(table.channel, released, seconds, self._failed):
            raise PortClosed(errno.ENODEV, "the reader is not there", self.name)

    def on_wrong(self, door: str, callback: Callable[[str], None]) -> None:
        """`callback` gets what is wrong when the output of `door` is not as ordered."""
        self._on_wrong[door] = callback

    def _reported(self, state: OutputState, now: float) -> None:
        door, ordered = self._door_of.get(state.number), self._reader.ordered(state.number)
        if door is None or ordered is None:
            return
        if state.active == ordered:
            self._wrong.discard(door)
        elif door not in self._wrong:
            self._wrong.add(door)
            if door in self._on_wrong:
                said = ("at rest", "released")
                detail = f"its output says {said[state.active]}, ordered was {said[ordered]}"
                self._on_wrong[door](detail)

    def close(self) -> None:
        """Nothing: the reader itself returns its outputs to rest."""

    def _link(self, change: LinkChange, now: float) -> None:
        if change.online:
            try:
                for door in self._doors:
                    self.drive(door, False)
            except PortClosed as error:
                log.warning("lock %s: not put to rest: %s", self.name, error)
        else:
            self._failed()
        self._on_device("lock", self.name, change.online, change.detail)

    def _failed(self) -> None:
        for callback in self._on_lost:
            callback()
