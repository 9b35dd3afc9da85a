"""Readers on an RS-485 bus, as the gate sees them: cards, keys, inputs, outputs, signals.

Where the sans-I/O control panel (drivers/readers/osdp) meets a serial port.  One timer runs the
bus; whatever arrives is handed to whoever listens.  Nothing here knows people or policy.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from drivers import registry
from drivers.base import (
    BadRead,
    CardRead,
    CommandDone,
    InputState,
    KeyInstalled,
    Keys,
    LinkChange,
    OutputState,
    Reading,
    Refused,
    Restarted,
    Signal,
    Tamper,
)
from drivers.readers.osdp import ReaderSession, feedback, messages
from drivers.readers.osdp.bus import Event
from drivers.serialport import PortClosed
from gateway.config import BusTable, ReaderTable
from gateway.devices.ports import OnDevice, open_port
from gateway.ledger.event import EventType, NewEvent
from gateway.vault.readerkeys import ReaderKeys, ReaderKeysError

log = logging.getLogger("garita.devices.bus")

GATHER_S = 10.0  # what a noisy line brings is recorded at once, then at most this often
ORDER_S = 0.5  # an order to a lock that was not sent by then is none any more

WORDS: Mapping[str, Mapping[Signal, str]] = {
    "en": {
        Signal.IDLE: "SHOW BADGE",
        Signal.WAIT: "WAIT",
        Signal.PIN: "PIN AND #",
        Signal.LOOK: "LOOK AT CAMERA",
        Signal.LEFT: "TURN HEAD LEFT",
        Signal.RIGHT: "TURN HEAD RIGHT",
        Signal.STRAIGHT: "LOOK STRAIGHT",
        Signal.GRANTED: "COME IN",
        Signal.DENIED: "NO ACCESS",
        Signal.ALARM: "CLOSE THE DOOR",
    },
    "es": {
        Signal.IDLE: "MUESTRE GAFETE",
        Signal.WAIT: "ESPERE",
        Signal.PIN: "NIP Y #",
        Signal.LOOK: "MIRE LA CAMARA",
        Signal.LEFT: "GIRE A IZQUIERDA",
        Signal.RIGHT: "GIRE A DERECHA",
        Signal.STRAIGHT: "MIRE DE FRENTE",
        Signal.GRANTED: "PASE",
        Signal.DENIED: "SIN ACCESO",
        Signal.ALARM: "CIERRE LA PUERTA",
    },
}
"""For displays of 16 characters, which know ASCII alone."""

Note = Callable[[NewEvent], None]


class BusReader:
    """One reader on a bus."""

    def __init__(
        self, name: str, session: ReaderSession, kick: Callable[[], None], words: str
    ) -> None:
        self.name = name
        self.session = session
        self._kick = kick
        self._words = WORDS[words]
        self._on_reading: Callable[[Reading, float], None] = lambda reading, now: None
        self._on_tamper: list[Callable[[bool], None]] = []
        self._on_input: dict[int, list[Callable[[bool], None]]] = {}
        self._on_link: list[Callable[[bool, str], None]] = []
        self._on_output: dict[int, Callable[[bool, bool], None]] = {}
        self._switched: dict[int, bool | None] = {}  # outputs as last ordered; None: not known
        self._done: dict[int, Callable[[bool, str], None]] = {}
        self._showing = Signal.IDLE
        self.key_told: KeyInstalled | None = None  # how the last install window ended

    @property
    def online(self) -> bool:
        return self.session.online

    def on_reading(self, callback: Callable[[Reading, float], None]) -> None:
        self._on_reading = callback

    def on_tamper(self, callback: Callable[[bool], None]) -> None:
        self._on_tamper.append(callback)

    def on_input(self, number: int, callback: Callable[[bool], None]) -> None:
        """`callback` gets whether the circuit of input `number` (from 1) is closed."""
        self._on_input.setdefault(number, []).append(callback)

    def on_output(self, number: int, callback: Callable[[bool, bool], None]) -> None:
        """`callback` gets, after each order to output `number`, what it says and what was
        ordered; from readers alone that have outputs to report."""
        self._on_output[number] = callback

    def on_link(self, callback: Callable[[bool, str], None]) -> None:
        self._on_link.append(callback)

    def signal(self, signal: Signal) -> None:
        """Show something to whoever stands there; no reader, no signal."""
        if signal in (Signal.IDLE, Signal.ALARM):
            self._showing = signal  # what it goes back to, also after it was away
        words = self._words[signal]
        for payload in feedback.payloads(signal, self.session.capabilities, words):
            self.session.submit(payload, time.monotonic())
        self._kick()

    def output(self, number: int, on: bool, seconds: float, failed: Callable[[], None]) -> bool:
        """Switch output `number` (from 1) now or never; False if the reader is not there."""
        payload = messages.output(number - 1, on=on, seconds=seconds)
        sent = self.session.submit(payload, time.monotonic(), ORDER_S)
        if sent is None:
            return False

        def done(good: bool, detail: str) -> None:
            self._switched[number] = on if good else None
            if not good:
                failed()
            elif self.session.capabilities.get(messages.Capability.OUTPUTS, (0, 0))[1] >= number:
                question = bytes((messages.Cmd.OSTAT,))
                self.session.submit(question, time.monotonic(), ORDER_S)
                self._kick()

        self._done[sent] = done
        self._kick()
        return True

    async def ask(self, payload: bytes, timeout_s: float = 3.0) -> tuple[bool, str]:
        """Send a command; whether it was carried out, and what the reader said."""
        answer: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        sent = self.session.submit(payload, time.monotonic(), timeout_s)
        if sent is None:
            return False, "the reader is not there"
        self._done[sent] = lambda good, detail: (
            None if answer.done() else answer.set_result((good, detail))
        )
        self._kick()
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            return False, "no answer"

    def take(self, event: object, now: float) -> None:
        """Something the session told that concerns those who listen to this reader."""
        if isinstance(event, CardRead):
            self.signal(Signal.WAIT)
            self._on_reading(event, now)
        elif isinstance(event, BadRead | Keys):
            self._on_reading(event, now)
        elif isinstance(event, Tamper):
            for told in self._on_tamper:
                told(event.active)
        elif isinstance(event, InputState):
            for told in self._on_input.get(event.number, ()):
                told(event.active)
        elif isinstance(event, OutputState):
            ordered = self._switched.get(event.number)
            if ordered is not None and event.number in self._on_output:
                self._on_output[event.number](event.active, ordered)
        elif isinstance(event, Restarted):
            self.signal(self._showing)  # once it is back: it may have been without power
        elif isinstance(event, LinkChange):
            if event.online:
                self.signal(self._showing)
            for link in self._on_link:
                link(event.online, event.detail)
        elif isinstance(event, CommandDone):
            done = self._done.pop(event.id, None)
            if done is not None:
                done(event.good, event.detail)

    def status(self) -> dict[str, Any]:
        """Link quality and identity, for `garita reader list | show`."""
        session, told = self.session, self.key_told
        stats = {k: round(v, 1) for k, v in asdict(session.stats).items()}
        return {
            "address": session.address,
            "step": session.step.value,
            "online": session.online,
            "secure": session.secured,
            "installing": session.installing,
            "key": {"done": told.done, "detail": told.detail} if told else None,
            "identity": asdict(session.identity) if session.identity else None,
            "capabilities": {
                item.name.lower(): list(session.capabilities[item])
                for item in messages.Capability
                if item in session.capabilities
            },
            "stats": stats,
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
        self._on_device = on_device
        self._note = note
        panel = registry.load("buses", table.driver).make(table.options)
        sessions: dict[int, ReaderSession] = {}
        self.readers: dict[str, BusReader] = {}
        for reader, item in readers.items():
            assert item.address is not None
            session = panel.session(item.address, item.options, keys.candidates(reader))
            sessions[item.address] = session
            self.readers[reader] = BusReader(reader, session, self._kick, language)
        self._names = {r.session.address: n for n, r in self.readers.items()}
        self._bus = panel.bus(sessions, table.baudrate)
        self._timer: asyncio.TimerHandle | None = None
        self._kicked = False
        self._gathered: dict[tuple[EventType, str], list[float]] = {}
        self.port = open_port(table, on_bytes=self._bytes, on_tick=self._tick, on_state=self._state)

    def name_of(self, address: int) -> str | None:
        """The reader that the configuration puts at `address`."""
        return self._names.get(address)

    def install(self, reader: str, seconds: float, by: str) -> None:
        """Give `reader` a key of its own; under the default key for `seconds` at most."""
        key = self._keys.new(reader)
        self.readers[reader].key_told = None
        self.readers[reader].session.install(time.monotonic(), seconds, key)
        self._note(
            NewEvent(EventType.READER_INSTALL_OPENED, reader, {"seconds": seconds, "by": by})
        )
        self._kick()

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
        """A command waits: let it go now rather than at the next turn."""
        if not self._kicked and self.port.connected:
            self._kicked = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """One step of the bus, and a timer for the next."""
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
            except PortClosed as error:  # the port tells that it is away
                log.debug("bus %s: %s", self.name, error)
        self._dispatch(step.events, now)
        if not self.port.connected:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, step.wake_at - time.monotonic()), self._pump)

    def _dispatch(self, events: Sequence[Event], now: float) -> None:
        for address, event in events:
            name = self._names[address]
            try:
                self._take(name, event, now)
            except Exception:  # one reader's bug must not stop the bus
                log.exception("reader %s: handler failed", name)

    def _take(self, name: str, event: object, now: float) -> None:
        if isinstance(event, Refused | Restarted):
            kind = (
                EventType.READER_REFUSED
                if isinstance(event, Refused)
                else EventType.READER_RESTARTED
            )
            self._gather(kind, name, event.detail, now)
            self.readers[name].take(event, now)
        elif isinstance(event, KeyInstalled):
            self.readers[name].key_told = event
            if event.done:
                self._taken(name, event.key)
            kind = EventType.READER_KEY_SET if event.done else EventType.READER_KEY_FAILED
            self._note(NewEvent(kind, name, {"detail": event.detail}))
        else:
            if isinstance(event, LinkChange):
                self._on_device("reader", name, event.online, event.detail)
            self.readers[name].take(event, now)

    def _taken(self, reader: str, key: bytes) -> None:
        try:
            self._keys.taken(reader, key)
        except ReaderKeysError as error:  # the file holds the key among others: all are tried
            log.error("reader %s: %s", reader, error)

    def _gather(self, kind: EventType, name: str, detail: str, now: float) -> None:
        """Record the first at once, and count what follows."""
        held = self._gathered.get((kind, name))
        if held is None:
            self._gathered[kind, name] = [now + GATHER_S, 0]
            self._note(NewEvent(kind, name, {"detail": detail, "count": 1}))
        else:
            held[1] += 1

    def _flush_gathered(self, now: float) -> None:
        for (kind, name), (until, count) in list(self._gathered.items()):
            if now >= until:
                del self._gathered[kind, name]
                if count:
                    self._gathered[kind, name] = [now + GATHER_S, 0]
                    data = {"detail": "repeated", "count": int(count)}
                    self._note(NewEvent(kind, name, data))
