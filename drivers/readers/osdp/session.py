"""One reader on the bus as the control panel sees it: sequence, retries, secure channel.

The bus calls `next_frame(now)` when it is this reader's turn, then `on_reply(frame, now)` or
`on_silence(now)`; times are monotonic seconds.  They return bytes for the line and events
(drivers/base.py).  The session opens no port and reads no clock; its only randomness is the nonces.

It keeps three rules.  Where the secure channel is required, it takes no card from outside it.  It
uses the default key in an install window only.  A card that waited in the reader while the line was
down is a bad read.

This file is longer than 400 lines because it is one state machine: every method changes the same
step, sequence number and channel.  What has no part in that has files of its own: the queue
(commands.py), the keys (keyring.py), the reports (reports.py) and the handshake (handshake.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drivers.base import (
    CommandDone,
    DeviceEvent,
    KeyInstalled,
    LinkChange,
    LinkStats,
    OutputState,
    Refused,
    Restarted,
)
from drivers.readers.osdp import frame, messages
from drivers.readers.osdp.cards import CardDecoder
from drivers.readers.osdp.commands import Command, CommandQueue
from drivers.readers.osdp.frame import Frame
from drivers.readers.osdp.handshake import Handshake, no_key
from drivers.readers.osdp.keyring import KeyRing
from drivers.readers.osdp.messages import Capability, Cmd, Nak, Reply
from drivers.readers.osdp.reports import Reports
from drivers.readers.osdp.secure import SCS_14, SCS_18, SecureChannel, SecureChannelError

ANSWER_S = 0.5  # how long a question that follows a command may wait to be sent
OFFLINE_AFTER_S = 2.0  # the standard gives up after 8 s; a cut cable should be known sooner
PROBE_S = 0.4  # how often a reader that is away is asked for
STALE_AFTER_S = 1.0  # after such a gap, what a reader has kept is old
WINDOW_S = (0.02, 0.2)  # shortest and longest wait for the first byte of an answer


class Step(StrEnum):
    """Where a session is, in the order of a start."""

    OFFLINE = "offline"
    CAPABILITIES = "capabilities"
    CHALLENGE = "challenge"
    CRYPT = "crypt"
    ONLINE = "online"


@dataclass(slots=True)
class _Sent:
    """What was sent last: the bytes, which a retry sends again, and the command."""

    raw: bytes
    payload: bytes
    command: Command | None = None
    tries: int = 1


class ReaderSession:
    """`keys` are the reader's own keys to try, newest last; empty before the first install.  With
    `secure` False the session takes cards in clear.  `poll_s` is the time between two questions and
    `hold_off_s` how long a held card is one reading (seconds)."""

    def __init__(
        self,
        address: int,
        cards: CardDecoder,
        *,
        secure: bool = True,
        keys: Sequence[bytes] = (),
        poll_s: float = 0.025,
        hold_off_s: float = 0.0,
        nonce: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.address = address
        self.stats = LinkStats()
        self.identity: messages.Identity | None = None
        self.capabilities: dict[int, tuple[int, int]] = {}
        self.step = Step.OFFLINE
        self.due_at = 0.0
        self.suspect = True  # it did not answer last time, so the bus asks the others first
        self.secure = secure
        self.poll_s = poll_s
        self._reports = Reports(cards, hold_off_s, self.stats)
        self._ring = KeyRing(keys)
        self._nonce = nonce
        self._using_default = False
        self._online = False
        self._told: tuple[bool, str] | None = None
        self._heard_at: float | None = None
        self._fresh = False
        self._sequence = 0
        self._crc = True  # False: the older checksum, for readers that know only that
        self._crc_asked = False  # the reader said that it knows the CRC, and we tried it
        self._handshake = Handshake((), bytes(8))
        self._channel: SecureChannel | None = None
        self._sent: _Sent | None = None
        self._sent_at = 0.0
        self._queue = CommandQueue()
        self._latency_s = 0.0  # the slowest answer of late
        self._refusal = ""

    # What the gateway asks for

    @property
    def online(self) -> bool:
        """Whether cards can come from this reader: in secure channel, where that is required."""
        return self._online

    @property
    def secured(self) -> bool:
        """Whether the reader is in the secure channel under a key of its own."""
        return self.step is Step.ONLINE and self._channel is not None and not self._using_default

    @property
    def window_s(self) -> float:
        """How long to wait for the first byte of an answer (seconds): twice what this reader needed
        lately."""
        return min(WINDOW_S[1], max(WINDOW_S[0], 2 * self._latency_s))

    def submit(
        self, payload: bytes, now: float, ttl_s: float = 2.0, *, then: bytes = b""
    ) -> int | None:
        """Queue a command; returns its number, or None when the reader is offline or too many
        commands wait.  The session drops a command that it did not send within `ttl_s` seconds.
        `then` is a question to send once the reader has carried the command out."""
        if not self._online or self._queue.full:
            return None
        command = Command(payload, now + ttl_s, then)
        self._queue.add(command)
        self.due_at = min(self.due_at, now)
        return command.id

    def show(self, payloads: Sequence[bytes], now: float, ttl_s: float = 2.0) -> None:
        """Queue what the reader is to show, in place of what it did not show yet.  A reader that
        is offline shows nothing."""
        if self._online:
            self._queue.show(payloads, now + ttl_s)
            self.due_at = min(self.due_at, now)

    def install(self, now: float, seconds: float, new_key: bytes) -> None:
        """Give the reader `new_key`: in its present session when it has a key of ours, else
        under the default key, which the session accepts for `seconds` and not longer."""
        self._ring.open_window(new_key, now + seconds, default_first=not self.secured)
        if self.secured:
            self._offer_key()
        else:
            self._restart(now)

    def end_install(self, now: float) -> None:
        """Close the install window before its time; the next step reports that."""
        self._ring.end_window(now)

    @property
    def installing(self) -> bool:
        return self._ring.new is not None

    # What the bus calls

    def next_frame(self, now: float) -> bytes:
        """The bytes to send now.  Without an answer to the last ones, they are the same again."""
        if self._sent is None:
            self._sent = self._next(now)
        else:
            self._sent.tries += 1
            self.stats.retries += self.step is not Step.OFFLINE
        self._sent_at = now
        self.stats.polls += self.step is Step.ONLINE
        return self._sent.raw

    def on_reply(self, reply: Frame, now: float) -> tuple[bool, list[DeviceEvent]]:
        """Take a frame from this reader's address.  Returns whether it is the answer to the last
        question (if not, the answer can still come), and the events in it."""
        events: list[DeviceEvent] = []
        if self._sent is None:
            return False, events
        latency = now - self._sent_at
        if reply.code == Reply.BUSY and not reply.scb and reply.sequence == 0:
            self.stats.busy += 1
            self._heard(latency)
            self.due_at = now + self.poll_s
            return True, events
        if reply.sequence != self._sequence and not _session_lost(reply):
            self.stats.errors += 1
            return False, events
        payload = self._open(reply, events)
        if payload is None:
            return False, events
        self._heard(latency)
        sent, self._sent = self._sent, None
        stale = self._heard_at is None or now - self._heard_at > STALE_AFTER_S
        if self.step is Step.ONLINE:
            self._heard_at = now
            self._fresh = self._fresh and not stale
        self._sequence = self._sequence % 3 + 1
        self.due_at = now if self._queue else max(now, self._sent_at + self.poll_s)
        code, data = payload[0], payload[1:]
        if code == Reply.NAK:
            self._on_nak(sent, data, now, events)
        elif self.step is Step.ONLINE:
            self._on_online(sent, code, data, now, events)
        else:
            self._on_start(reply, code, data, now, events)
        return True, events

    def on_silence(self, now: float) -> list[DeviceEvent]:
        """No answer came in time; returns the events that follow from that."""
        self.suspect = True
        if self.step is Step.OFFLINE:
            self._sent = None
            self._crc = not self._crc
            self.due_at = now + PROBE_S
        else:
            self.stats.timeouts += 1
            self.due_at = now
            if self.step is not Step.ONLINE and self._sent and self._sent.tries >= 2:
                self._ring.other_kind_next()
                self._restart(now)
            elif self._old_order(now):
                self._restart(now)
        return self.expire(now)

    def _old_order(self, now: float) -> bool:
        """Whether the last question is an order to a lock that is too late now.  A retry would send
        the same bytes, so the session must end."""
        order = self._sent.command if self._sent else None
        return order is not None and order.code == Cmd.OUT and order.expires_at < now

    def expire(self, now: float) -> list[DeviceEvent]:
        """Drop what is too old.  Returns the events: commands that ended, an install window that
        closed, a reader that is offline."""
        events: list[DeviceEvent] = []
        old = self._queue.take_expired(now)
        events += [CommandDone(c.id, False, "it could not be sent in time") for c in old]
        if self._ring.expired(now):
            events.append(KeyInstalled(False, "the install window has closed"))
            if self._using_default or self._handshake.default:
                self._restart(now)
        if self._heard_at is None:
            self._heard_at = now
        if now - self._heard_at >= OFFLINE_AFTER_S:
            if self.step is Step.ONLINE:
                self._restart(now + PROBE_S)
            if self._online or self._told is None:
                self._refusal = ""
                self._drop_queue(events)
                self._tell(False, "no answer", events)
            elif self._refusal:
                self._tell(False, self._refusal, events)
        return events

    def unplugged(self, now: float) -> list[DeviceEvent]:
        """The bus went away: the session starts anew when it is back."""
        events: list[DeviceEvent] = []
        self._restart(now)
        self._drop_queue(events)
        if self._online or self._told is None:
            self._tell(False, "the bus is not there", events)
        return events

    def late(self, now: float) -> None:
        """The answer came after the bus had gone on: this reader needs a longer window."""
        if self._sent_at:
            self._latency_s = max(self._latency_s, min(WINDOW_S[1], now - self._sent_at))

    # Building what is sent

    def _next(self, now: float) -> _Sent:
        if self.step is Step.OFFLINE:
            self._sequence = 0
            self._channel = None
            return self._plain(bytes((Cmd.ID, 0)))
        if self.step is Step.CAPABILITIES:
            return self._plain(bytes((Cmd.CAP, 0)))
        if self.step is Step.CHALLENGE:
            default = self._ring.wants_default(now)
            self._handshake = Handshake(self._ring.keys, self._nonce(8), default=default)
            return self._plain(*self._handshake.challenge())
        if self.step is Step.CRYPT:
            return self._plain(*self._handshake.scrypt())
        command = self._queue.next()
        payload = command.payload if command else bytes((Cmd.POLL,))
        if self._channel is None:
            return self._plain(payload, command=command)
        raw = self._channel.seal(self.address, self._sequence, payload, crc=self._crc)
        return _Sent(raw, payload, command)

    def _plain(self, payload: bytes, scb: bytes = b"", command: Command | None = None) -> _Sent:
        raw = frame.plain(self.address, self._sequence, payload, scb=scb, crc=self._crc)
        return _Sent(raw, payload, command)

    # Understanding what comes back

    def _open(self, reply: Frame, events: list[DeviceEvent]) -> bytes | None:
        """The payload of a reply, or None when it must not be believed."""
        if self._channel is None or self.step is not Step.ONLINE:
            if reply.security > SCS_14:
                self.stats.errors += 1
                return None
            return reply.payload
        try:
            payload = self._channel.open(reply)
            if reply.security != SCS_18 and payload[0] in _SECRET:
                raise SecureChannelError("a card or a key in clear")
            return payload
        except SecureChannelError as error:
            if _session_lost(reply):
                # It has lost the session (power, or another panel).  Worth no more than a
                # new handshake, which only the holder of the key can complete.
                return reply.payload
            self.stats.refused += 1
            events.append(Refused(str(error)))
            return None

    def _on_nak(self, sent: _Sent, data: bytes, now: float, events: list[DeviceEvent]) -> None:
        self.stats.naks += 1
        reason = data[0] if data else 0
        if self.step is Step.CAPABILITIES:  # some know no CAP
            self._after_capabilities(now, events)
            return
        if self.step in (Step.CHALLENGE, Step.CRYPT):
            self._fail(now, no_key(self._handshake.default, bool(self._ring.keys)), events)
            return
        if self.step is not Step.ONLINE:
            if reason == Nak.CHECK:
                self._crc = not self._crc
            self._restart(now + PROBE_S)
            return
        if reason in (*_LOST_SESSION, Nak.CHECK):
            if sent.command is not None:
                self._queue.put_back(sent.command)
            events.append(Restarted(f"the reader has lost the session (NAK {reason})"))
            self._restart(now)
            return
        if sent.payload[0] == Cmd.KEYSET and self.installing:
            self._ring.close_window()
            events.append(KeyInstalled(False, f"the reader refused the key (NAK {reason})"))
            if self._using_default:
                self._restart(now + PROBE_S)
        if sent.command is not None:
            events.append(CommandDone(sent.command.id, False, f"NAK {reason}"))

    def _on_start(
        self, reply: Frame, code: int, data: bytes, now: float, events: list[DeviceEvent]
    ) -> None:
        """The answers on the way to a session: to ID, CAP, CHLNG and SCRYPT."""
        self.due_at = now
        if self.step is Step.OFFLINE and code == Reply.PDID:
            self.identity = messages.identity(data)
            self.step = Step.CAPABILITIES
        elif self.step is Step.CAPABILITIES and code == Reply.PDCAP:
            self.capabilities = messages.capabilities(data) or {}
            self._after_capabilities(now, events)
        elif self.step is Step.CHALLENGE and code == Reply.CCRYPT:
            if why := self._handshake.on_ccrypt(reply):
                self._fail(now, why, events)
            else:
                self.step = Step.CRYPT
        elif self.step is Step.CRYPT and code == Reply.RMAC_I:
            if not self._handshake.on_rmac(reply):
                self._fail(now, "it did not accept our key", events)
                return
            self._channel, self._using_default = self._handshake.channel, self._handshake.default
            self.stats.handshakes += 1
            self._enter_online(now, events)
        else:
            self._fail(now, "it answers what was not asked", events)

    def _after_capabilities(self, now: float, events: list[DeviceEvent]) -> None:
        self.due_at = now
        if not (self._crc or self._crc_asked) and self.capabilities.get(Capability.CHECK, (0,))[0]:
            # It was the checksum's turn when the reader came back.  Try the CRC once: some readers
            # say that they know it, and do not.
            self._crc = self._crc_asked = True
            self._restart(now)
        elif not self.secure:
            self._enter_online(now, events)
        elif not self._ring.keys and not self._ring.wants_default(now):
            self._fail(now, no_key(False, False), events)
        else:
            self.step = Step.CHALLENGE

    def _enter_online(self, now: float, events: list[DeviceEvent]) -> None:
        self.step = Step.ONLINE
        self._crc_asked = False
        self._heard_at, self._fresh = now, False
        if self._using_default and self._channel is not None:
            self._drop_queue(events)
            self._offer_key()
            return
        if self._channel is not None:
            if self._ring.is_news(self._handshake.key):
                self._now_holds(self._handshake.key, events)
            if self.installing:
                self._offer_key()
        self._refusal = ""
        self._online = True
        asked = self._queue.take_out(_STATUS)
        events += [CommandDone(c.id, False, "the session was lost") for c in asked]
        for code, needs in _STATUS.items():
            if needs is None or self.capabilities.get(needs, (0, 0))[1]:
                self._queue.put_back(Command(bytes((code,)), now + OFFLINE_AFTER_S))
        self._tell(True, "" if self._channel else "without secure channel", events)

    def _on_online(
        self, sent: _Sent, code: int, data: bytes, now: float, events: list[DeviceEvent]
    ) -> None:
        if code == Reply.BUSY:  # said in step, as some do
            self.stats.busy += 1
            if sent.command is not None:
                self._queue.put_back(sent.command)
            self.due_at = now + self.poll_s
            return
        if sent.payload[0] == Cmd.KEYSET and code == Reply.ACK:
            self._now_holds(sent.payload[3:], events)
            self._restart(now)
            return
        if self._using_default and self._channel is not None:
            return  # under the default key nothing counts but the answer to our new key
        if code == Reply.OSTATR:
            # Asked for, it is how things are now; told at a poll it may be from before an order.
            if sent.payload[0] == Cmd.OSTAT:
                events += [OutputState(n, bool(value)) for n, value in enumerate(data, 1)]
        elif code == Reply.ACK:
            self._fresh = self._fresh or sent.command is None
        else:
            events += self._reports.read(code, data, now, fresh=self._fresh)
        if sent.command is not None:
            answer = messages.com(data) if code == Reply.COM else None
            detail = "" if answer is None else f"address {answer[0]}, {answer[1]} baud"
            events.append(CommandDone(sent.command.id, True, detail))
            if sent.command.then:
                self._queue.add(Command(sent.command.then, now + ANSWER_S))
                self.due_at = now

    def _offer_key(self) -> None:
        """Send the new key next, and no other key."""
        assert self._ring.new is not None
        self._queue.take_out((Cmd.KEYSET,))
        self._queue.add(Command(messages.keyset(self._ring.new), self._ring.until))

    def _now_holds(self, key: bytes, events: list[DeviceEvent]) -> None:
        """The reader said or proved that it holds `key`."""
        self._ring.holds(key)
        self._queue.take_out((Cmd.KEYSET,))
        events.append(KeyInstalled(True, "", key))

    # Coming and going

    def _heard(self, latency: float) -> None:
        self.suspect = False
        self.stats.worst_latency_ms = max(self.stats.worst_latency_ms, latency * 1000)
        # Forgets a slow moment in time, but not at once.
        self._latency_s = max(latency, self._latency_s * 0.98)

    def _fail(self, now: float, why: str, events: list[DeviceEvent]) -> None:
        """There is no session, for a reason that an installer should see."""
        if not self.installing or self._handshake.default:
            self._refusal = why
            if not self._online:
                self._tell(False, why, events)
        self._ring.other_kind_next()
        self._restart(now + PROBE_S)

    def _restart(self, due_at: float) -> None:
        if self._sent is not None and self._sent.command is not None:
            self._queue.put_back(self._sent.command)  # nobody knows whether it was heard
        self.step = Step.OFFLINE
        self._channel = None
        self._using_default = False
        self._sent = None
        self._fresh = False
        self.due_at = due_at

    def _drop_queue(self, events: list[DeviceEvent]) -> None:
        """Drop what waits for a reader that is offline: an order to unlock must not wait for it."""
        events += [CommandDone(c.id, False, "the reader is away") for c in self._queue.take_all()]

    def _tell(self, online: bool, detail: str, events: list[DeviceEvent]) -> None:
        self._online = online
        if self._told != (online, detail):
            self._told = (online, detail)
            events.append(LinkChange(online, detail))


_SECRET = (Reply.RAW, Reply.FMT, Reply.KEYPAD)
_LOST_SESSION = (Nak.SEQUENCE, Nak.SECURITY_BLOCK, Nak.SECURITY)
_STATUS = {Cmd.ISTAT: Capability.CONTACTS, Cmd.LSTAT: None}


def _session_lost(reply: Frame) -> bool:
    """Whether a reader says, in plain text as it must, that it knows of no session."""
    return (
        not reply.scb
        and reply.code == Reply.NAK
        and len(reply.data) > 0
        and reply.data[0] in _LOST_SESSION
    )
