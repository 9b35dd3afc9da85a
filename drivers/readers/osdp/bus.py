"""The RS-485 bus: which reader's turn it is.

One question is on the line at a time.  The bus asks the readers that answered last time every
`poll_s`.  It asks a reader that did not answer only when that costs the others at most one short
wait a turn.  So a dead reader does not slow the rest, and the bus finds one that returns.

Sans-I/O: `feed(bytes, now)` and `step(now)` return bytes for the line, the time of the next step,
and events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from drivers import base
from drivers.buses import BusEvent, BusPlace, BusStep
from drivers.readers import wiegand
from drivers.readers.osdp.cards import CSN, CardDecoder
from drivers.readers.osdp.device import OsdpDevice
from drivers.readers.osdp.frame import Decoder
from drivers.readers.osdp.session import ReaderSession

GAP_S = 0.03  # USB adapters hand over what they received every 16 ms
LONGEST_S = 0.4  # no answer may hold the bus longer, however it trickles


def _formats(names: list[str]) -> list[str]:
    lengths: dict[int, str] = {}
    for name in names:
        if name == CSN:
            continue
        if name not in wiegand.FORMATS:
            raise ValueError(f"no format {name}; there are: {CSN}, {', '.join(wiegand.FORMATS)}")
        other = lengths.setdefault(wiegand.FORMATS[name].length, name)
        if other != name:
            raise ValueError(f"{other} and {name} have the same length and can't be told apart")
    return names


class ReaderOptions(base.Options):
    """The options of an OSDP reader in the configuration."""

    formats: Annotated[list[str], Field(min_length=1), AfterValidator(_formats)] = Field(
        default_factory=lambda: ["h10301"]
    )
    secure: bool = True
    hold_off_s: Annotated[float, Field(ge=0, le=60)] = 1.0


class BusOptions(base.Options):
    poll_s: Annotated[float, Field(ge=0.005, le=1)] = 0.025


class OsdpBus:
    """The control panel of one bus.  `baudrate` (baud) tells how long bytes take on the line.
    Raises ValueError for more than 32 readers."""

    def __init__(self, sessions: Mapping[int, ReaderSession], baudrate: int) -> None:
        if len(sessions) > 32:
            raise ValueError("more than 32 readers on one bus")
        self.sessions = dict(sessions)
        self.devices = {address: OsdpDevice(s) for address, s in sessions.items()}
        self._byte_s = 10 / baudrate
        self._decoder = Decoder()
        self._asked: ReaderSession | None = None
        self._deadline = 0.0
        self._latest = 0.0
        self._quiet_until = 0.0
        self._suspects_at = 0.0
        self._poll_s = min((s.poll_s for s in sessions.values()), default=0.025)

    def feed(self, data: bytes, now: float) -> list[BusEvent]:
        """Take bytes that arrived at monotonic `now`; returns the events in them.  Raises nothing,
        whatever the bytes."""
        events: list[BusEvent] = []
        before = self._decoder.errors
        for message in self._decoder.feed(data):
            session = self.sessions.get(message.address)
            if not message.reply or session is None:
                continue
            if session is not self._asked:
                session.late(now)
                continue
            answered, told = session.on_reply(message, now)
            events += [BusEvent(session.address, event) for event in told]
            if answered:
                self._done(now)
        if self._asked is not None:
            self._asked.stats.errors += self._decoder.errors - before
            if self._decoder.partial:
                self._deadline = min(self._latest, max(self._deadline, now + GAP_S))
        return events

    def step(self, now: float) -> BusStep:
        """What to send now, if a reader is due; gives up on an answer that did not come."""
        events: list[BusEvent] = []
        if self._asked is not None:
            if now < self._deadline:
                return BusStep(b"", self._deadline, events)
            session = self._asked
            if self._decoder.partial:
                session.late(now)
            self._done(now)
            self._suspects_at = now + self._poll_s
            events += [BusEvent(session.address, e) for e in session.on_silence(now)]
        for session in self.sessions.values():
            events += [BusEvent(session.address, e) for e in session.expire(now)]
        if now < self._quiet_until:
            return BusStep(b"", self._quiet_until, events)
        chosen = self._choose(now)
        if chosen is None:
            return BusStep(b"", self._next_due(now), events)
        self._decoder.reset()
        raw = chosen.next_frame(now)
        self._asked = chosen
        on_line = len(raw) * self._byte_s
        self._deadline = now + on_line + chosen.window_s
        self._latest = now + on_line + LONGEST_S
        return BusStep(raw, self._deadline, events)

    def reset(self, now: float) -> list[BusEvent]:
        """The port was lost or opened anew: no answer comes to the last question."""
        self._decoder.reset()
        self._asked = None
        events: list[BusEvent] = []
        for session in self.sessions.values():
            events += [BusEvent(session.address, e) for e in session.unplugged(now)]
        return events

    def _done(self, now: float) -> None:
        self._asked = None
        # Two characters of silence, so that the reader has let go of the pair of wires.
        self._quiet_until = now + 2 * self._byte_s

    def _choose(self, now: float) -> ReaderSession | None:
        suspects = now >= self._suspects_at
        ready = [
            s for s in self.sessions.values() if s.due_at <= now and (suspects or not s.suspect)
        ]
        if not ready:
            return None
        # A reader that did not answer goes first when it may be asked at all: on a full bus it
        # would never have its turn otherwise.
        return min(ready, key=lambda s: (not s.suspect, s.due_at))

    def _next_due(self, now: float) -> float:
        times = (
            max(s.due_at, self._suspects_at) if s.suspect else s.due_at
            for s in self.sessions.values()
        )
        return max(now, min(times, default=now + 1.0))


class OsdpPanel:
    """The driver ``osdp`` of the group ``garita.buses``."""

    Options = BusOptions
    ReaderOptions = ReaderOptions

    def __init__(self, options: BusOptions) -> None:
        self._options = options

    def line(self, places: Sequence[BusPlace], baudrate: int) -> OsdpBus:
        """The bus with these readers.  Raises ValueError for more than 32."""
        sessions = {place.address: self._session(place) for place in places}
        return OsdpBus(sessions, baudrate)

    def _session(self, place: BusPlace) -> ReaderSession:
        options: ReaderOptions = place.options
        return ReaderSession(
            place.address,
            CardDecoder(options.formats),
            secure=options.secure,
            keys=place.keys,
            poll_s=self._options.poll_s,
            hold_off_s=options.hold_off_s,
        )
