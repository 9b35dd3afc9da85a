"""Readers that share a line, as the gateway sees them.

`ReaderBus` is where a bus driver (drivers/buses.py) meets a serial port: it runs the bus with one
timer and hands each event to the reader that it came from.  `BusReader` hands the event to those
who listen, and sends orders to the driver.  Nothing here knows people, policy or the bytes on the
line.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from drivers import registry
from drivers.base import (
    CardRead,
    CommandDone,
    KeyInstalled,
    LinkChange,
    Refused,
    Restarted,
    Signal,
)
from drivers.buses import Bus, BusDevice, BusEvent, BusPlace
from drivers.serialport import PortClosed
from gateway.config import BusTable, ReaderTable
from gateway.devices.listeners import Listeners
from gateway.devices.ports import OnDevice, open_port
from gateway.ledger.event import EventType, NewEvent
from gateway.locale import N_, catalogue, english
from gateway.vault.files import FileThread
from gateway.vault.readerkeys import ReaderKeys, ReaderKeysError

log = logging.getLogger("garita.devices.bus")

GATHER_S = 10.0  # a noisy line gets one record at once, then at most one in this time
ORDER_S = 0.5  # an order to a lock that was not sent by then is dropped
AWAY = "the reader is not there"

WORDS: Mapping[Signal, str] = {
    Signal.IDLE: N_("SHOW BADGE"),
    Signal.WAIT: N_("WAIT"),
    Signal.PIN: N_("PIN AND #"),
    Signal.LOOK: N_("LOOK AT CAMERA"),
    Signal.LEFT: N_("TURN HEAD LEFT"),
    Signal.RIGHT: N_("TURN HEAD RIGHT"),
    Signal.STRAIGHT: N_("LOOK STRAIGHT"),
    Signal.GRANTED: N_("COME IN"),
    Signal.DENIED: N_("NO ACCESS"),
    Signal.ALARM: N_("CLOSE THE DOOR"),
}
"""What a reader's display shows.  A display has 16 characters and shows ASCII only, so a
translation must fit too."""

Note = Callable[[NewEvent], None]


class BusReader(Listeners):
    """One reader on a bus.  `kick` lets the bus send a waiting command at once."""

    def __init__(
        self,
        name: str,
        device: BusDevice,
        *,
        kick: Callable[[], None],
        on_device: OnDevice,
        language: str,
    ) -> None:
        super().__init__(name)
        self.device = device
        self.key_told: KeyInstalled | None = None  # how the last install window ended
        self.detail = ""  # why it is offline, as far as that is known
        self.keyless = ""  # why its keys can't be had, if they can't
        self._kick = kick
        self._on_device = on_device
        self._words = catalogue(language)
        self._ordered: dict[int, bool | None] = {}  # each output's last order; None: not known
        self._done: dict[int, Callable[[bool, str], None]] = {}
        self._showing = Signal.IDLE

    @property
    def online(self) -> bool:
        return self.device.online

    def take(self, event: object, now: float) -> None:
        """Something that the reader reported at monotonic `now`.  Those who listen get it before
        anything is sent to the reader."""
        if isinstance(event, LinkChange):
            self.detail = event.detail
            if self.keyless and not event.online:
                self.detail = f"its key can't be read: {self.keyless}"
            self._on_device("reader", self.name, event.online, self.detail)
        elif isinstance(event, KeyInstalled):
            self.key_told = event
        self.report(event, now)
        if isinstance(event, CardRead):
            self.signal(Signal.WAIT)
        elif isinstance(event, Restarted) or (isinstance(event, LinkChange) and event.online):
            self.signal(self._showing)  # it may have been without power
        elif isinstance(event, CommandDone):
            done = self._done.pop(event.id, None)
            if done is not None:
                done(event.good, event.detail)

    def signal(self, signal: Signal) -> None:
        """Show something to the person at the reader.  A reader that is offline shows nothing."""
        if signal in (Signal.IDLE, Signal.ALARM):
            self._showing = signal  # what it returns to, also after it was offline
        self.device.show(signal, self._words.gettext(WORDS[signal]), time.monotonic())
        self._kick()

    def output(self, number: int, on: bool, seconds: float, failed: Callable[[], None]) -> bool:
        """Switch output `number` (from 1) now or never.  With `seconds` above 0 the reader
        switches it back itself.  Returns False when the reader is offline; calls `failed` when
        the order fails later."""
        sent = self.device.output(
            number, on=on, seconds=seconds, now=time.monotonic(), ttl_s=ORDER_S
        )
        if sent is None:
            return False

        def done(good: bool, detail: str) -> None:
            self._ordered[number] = on if good else None
            if not good:
                failed()

        self._done[sent] = done
        self._kick()
        return True

    def ordered(self, number: int) -> bool | None:
        """The last order to output `number` that the reader carried out; None when that is not
        known."""
        return self._ordered.get(number)

    async def ping(self, timeout_s: float = 3.0) -> tuple[bool, str]:
        """Ask something harmless; returns whether an answer came, and what went wrong."""
        return await self._result(self.device.ping(time.monotonic(), timeout_s), timeout_s)

    async def set_line(
        self, address: int, baudrate: int, timeout_s: float = 3.0
    ) -> tuple[bool, str]:
        """Give the reader another address and speed (baud); returns whether it took them, and
        what it answered."""
        sent = self.device.set_line(address, baudrate, time.monotonic(), timeout_s)
        return await self._result(sent, timeout_s)

    async def _result(self, sent: int | None, timeout_s: float) -> tuple[bool, str]:
        """How the command with number `sent` ends."""
        if sent is None:
            return False, AWAY
        answer: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        self._done[sent] = lambda good, detail: (
            None if answer.done() else answer.set_result((good, detail))
        )
        self._kick()
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            return False, "no answer"

    def status(self) -> dict[str, Any]:
        """Link quality and identity, for `garita reader list | show`; JSON values."""
        device, told = self.device, self.key_told
        return {
            "address": device.address,
            "online": device.online,
            "detail": self.detail,
            "secure": device.secured,
            "installing": device.installing,
            "key": {"done": told.done, "detail": told.detail} if told else None,
            **device.about(),
            "stats": {k: round(v, 1) for k, v in asdict(device.stats).items()},
        }


class ReaderBus:
    """A bus and its readers, by name."""

    def __init__(
        self,
        name: str,
        table: BusTable,
        readers: Mapping[str, ReaderTable],
        keys: ReaderKeys,
        on_device: OnDevice,
        note: Note,
        language: str = "en",
    ) -> None:
        self.name = name
        self._keys = keys
        self._files = FileThread(f"keys of readers on {name}")  # what is new and what is taken
        self._on_device = on_device
        self._note = note
        factory = registry.load("buses", table.driver)
        check = factory.cls.ReaderOptions.model_validate
        at = {reader: item.address for reader, item in readers.items() if item.address is not None}
        self._keyless: dict[str, str] = {}
        places = [
            BusPlace(address, check(readers[reader].options), self._keys_of(reader))
            for reader, address in at.items()
        ]
        self._bus: Bus = factory.make(table.options).line(places, table.baudrate)
        self.readers: dict[str, BusReader] = {
            reader: BusReader(
                reader,
                self._bus.devices[address],
                kick=self._kick,
                on_device=on_device,
                language=language,
            )
            for reader, address in at.items()
        }
        self._at = {address: self.readers[reader] for reader, address in at.items()}
        for item in self.readers.values():
            item.keyless = self._keyless.get(item.name, "")
            item.listen(KeyInstalled, partial(self._key_installed, item.name))
            item.listen(Refused, partial(self._gather, EventType.READER_REFUSED, item.name))
            item.listen(Restarted, partial(self._gather, EventType.READER_RESTARTED, item.name))
        self._timer: asyncio.TimerHandle | None = None
        self._kicked = False
        self._gathered: dict[tuple[EventType, str], tuple[float, int]] = {}
        self.port = open_port(table, on_bytes=self._bytes, on_tick=self._tick, on_state=self._state)

    def _keys_of(self, reader: str) -> list[bytes]:
        """Without a key that opens, this reader stays offline, and the others go on."""
        try:
            return self._keys.candidates(reader)
        except ReaderKeysError as error:
            log.critical("reader %s has no key: %s", reader, error)
            self._keyless[reader] = self._keys.damage or english(error)
            return []

    def name_of(self, address: int) -> str | None:
        """The name of the reader that the configuration puts at `address`."""
        reader = self._at.get(address)
        return reader.name if reader else None

    async def install(self, reader: str, seconds: float, by: str) -> None:
        """Give `reader` a key of its own, in a window of `seconds`; `by` asked for it.  The key is
        on the disk before it is sent; raises ReaderKeysError if it can't be written."""
        key = await self._files.run(self._keys.new, reader)
        self.readers[reader].key_told = None
        self.readers[reader].device.install(time.monotonic(), seconds, key)
        self._note(
            NewEvent(EventType.READER_INSTALL_OPENED, reader, {"seconds": seconds, "by": by})
        )
        self._kick()

    def end_install(self, reader: str) -> None:
        """Close the install window of `reader` before its time, if one is open."""
        self.readers[reader].device.end_install(time.monotonic())
        self._kick()

    async def settled(self) -> None:
        """Wait until every key that a reader took is on the disk."""
        await self._files.run(lambda: None)

    def _bytes(self, data: bytes, now: float) -> None:
        self._dispatch(self._bus.feed(data, now), now)
        self._pump()

    def _tick(self, now: float) -> None:
        self._flush_gathered(now)
        self._pump()

    def _state(self, online: bool, detail: str) -> None:
        now = time.monotonic()
        self._on_device("bus", self.name, online, detail)
        if online:
            self._pump()
            return
        self._dispatch(self._bus.reset(now), now)
        if self._timer is not None:
            self._timer.cancel()

    def _kick(self) -> None:
        """A command waits: run the bus now rather than at its next turn."""
        if not self._kicked and self.port.connected:
            self._kicked = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Run one step of the bus, and set the timer for the next."""
        self._kicked = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.port.connected:
            return
        now = time.monotonic()
        step = self._bus.step(now)
        if step.send:
            try:
                self.port.write(step.send)
            except PortClosed as error:  # the port reports that itself
                log.debug("bus %s: %s", self.name, error)
        self._dispatch(step.events, now)
        if not self.port.connected:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, step.wake_at - time.monotonic()), self._pump)

    def _dispatch(self, events: Sequence[BusEvent], now: float) -> None:
        for address, event in events:
            reader = self._at[address]
            try:
                reader.take(event, now)
            except Exception:  # a fault at one reader must not stop the bus
                log.exception("reader %s: handler failed", reader.name)

    def _key_installed(self, reader: str, event: KeyInstalled, now: float) -> None:
        if event.done:
            # Nobody waits: if it fails, the file has this key among others, and all are tried.
            self._files.soon(self._keys.taken, reader, event.key)
        kind = EventType.READER_KEY_SET if event.done else EventType.READER_KEY_FAILED
        self._note(NewEvent(kind, reader, {"detail": event.detail}))

    def _gather(self, kind: EventType, name: str, event: Refused | Restarted, now: float) -> None:
        """Record the first at once, and count those that follow."""
        if (kind, name) in self._gathered:
            until, count = self._gathered[kind, name]
            self._gathered[kind, name] = (until, count + 1)
        else:
            self._gathered[kind, name] = (now + GATHER_S, 0)
            self._note(NewEvent(kind, name, {"detail": event.detail, "count": 1}))

    def _flush_gathered(self, now: float) -> None:
        for (kind, name), (until, count) in list(self._gathered.items()):
            if now >= until:
                del self._gathered[kind, name]
                if count:
                    self._gathered[kind, name] = (now + GATHER_S, 0)
                    self._note(NewEvent(kind, name, {"detail": "repeated", "count": count}))
