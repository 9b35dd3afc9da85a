"""A simulated OSDP reader: the other end of the protocol, for the demo, tests and newcomers.

`SimulatedReader` is sans-I/O: commands in, replies out, with the secure channel.
`VirtualOsdpBus` puts any number of them on a pty.  Tested against libosdp's control panel, so
that both of our ends were checked by somebody else's.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from drivers.readers.osdp import frame
from drivers.readers.osdp.frame import Decoder, Frame
from drivers.readers.osdp.messages import Cmd, Colour, Nak, Reply
from drivers.readers.osdp.secure import (
    SCBK_DEFAULT,
    SCS_11,
    SCS_12,
    SCS_13,
    SCS_14,
    SecureChannel,
    SecureChannelError,
)
from drivers.simulated.port import VirtualPort

_CLEAR = (Cmd.ID, Cmd.CAP, Cmd.CHLNG, Cmd.SCRYPT)


class SimulatedReader:
    """A reader with keypad, display, buzzer, one LED, two inputs and two outputs.

    `key` None: it was never given one, and takes the default key (install mode).  `crc` False:
    it is an old one that knows only the checksum.  What it was told is in `led`, `flash`,
    `beeps`, `shown` and `outputs`.
    """

    def __init__(self, address: int, key: bytes | None = None, *, crc: bool = True) -> None:
        self.address = address
        self.crc = crc
        self.key = key
        self.led = Colour.BLACK
        self.flash: Colour | None = None
        self.beeps = 0
        self.shown = ""
        self.outputs = [False, False]
        self.inputs = [False, False]
        self.tampered = False
        self._told: deque[bytes] = deque()
        self._decoder = Decoder()
        self._channel: SecureChannel | None = None
        self._rnd_b = b""
        self._open = False
        self._sequence = 0
        self._last = (-1, b"", b"")  # sequence, what was asked, what was answered

    def power_cycle(self) -> None:
        """It loses its session and what it had not told yet."""
        self._channel, self._open = None, False
        self._told.clear()
        self._last = (-1, b"", b"")
        self._sequence = 0

    # What people do to it

    def card(self, bits: str) -> None:
        """A card is held to it; `bits` as text of 0 and 1."""
        size = -(-len(bits) // 8)
        packed = int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")
        head = bytes((Reply.RAW, 0, 1, len(bits) & 0xFF, len(bits) >> 8))
        self._told.append(head + packed)

    def press(self, keys: str) -> None:
        codes = {"#": 0x0D, "*": 0x7F}
        pressed = bytes(codes.get(key, ord(key)) for key in keys)
        self._told.append(bytes((Reply.KEYPAD, 0, len(pressed))) + pressed)

    def tamper(self, active: bool) -> None:
        self.tampered = active
        self._told.append(self._local())

    def input(self, number: int, active: bool) -> None:
        """Input `number` (from 1): a contact closes or opens."""
        self.inputs[number - 1] = active
        self._told.append(bytes((Reply.ISTATR, *self.inputs)))

    # The wire

    def feed(self, data: bytes, now: float = 0.0) -> bytes:
        """Bytes from the bus; returns the answer, b"" if it was not for us."""
        answer = b""
        for message in self._decoder.feed(data):
            ours = message.address in (self.address, frame.BROADCAST)
            if ours and not message.reply and (self.crc or not message.crc):
                answer += self._answer(message)
        return answer

    def _answer(self, message: Frame) -> bytes:
        sequence, asked, answered = self._last
        if message.sequence == 0:
            self._channel, self._open, self._sequence = None, False, 0
        elif message.sequence == sequence and message.signed == asked:
            return answered  # our answer was lost: the same again
        elif message.sequence != self._sequence % 3 + 1:
            return self._plain(message, bytes((Reply.NAK, Nak.SEQUENCE)))
        self._sequence = message.sequence
        reply = self._reply(message)
        self._last = (message.sequence, message.signed, reply)
        return reply

    def _reply(self, message: Frame) -> bytes:
        if self._open and self._channel is not None and message.code not in _CLEAR:
            try:
                payload = self._channel.open(message)
            except SecureChannelError:
                self._channel, self._open = None, False
                return self._plain(message, bytes((Reply.NAK, Nak.SECURITY)))
            said = self._do(payload[0], payload[1:])
            return self._channel.seal(
                self.address, message.sequence, said, reply=True, crc=message.crc
            )
        if message.code == Cmd.CHLNG and message.security == SCS_11:
            return self._challenge(message)
        if message.code == Cmd.SCRYPT and message.security == SCS_13:
            return self._scrypt(message)
        if message.code in (Cmd.ID, Cmd.CAP):
            return self._plain(message, self._do(message.code, message.data))
        return self._plain(message, bytes((Reply.NAK, Nak.SECURITY)))

    def _challenge(self, message: Frame) -> bytes:
        own = message.scb[1:] == b"\x01"
        key = self.key if own else SCBK_DEFAULT if self.key is None else None
        if key is None or len(message.data) != 8:
            return self._plain(message, bytes((Reply.NAK, Nak.SECURITY_BLOCK)))
        self._channel = SecureChannel(key, message.data)
        self._rnd_b = secrets.token_bytes(8)
        uid = b"GARITA" + bytes((0, self.address))
        cryptogram = self._channel.client_cryptogram(self._rnd_b)
        payload = bytes((Reply.CCRYPT,)) + uid + self._rnd_b + cryptogram
        return self._plain(message, payload, bytes((SCS_12, own)))

    def _scrypt(self, message: Frame) -> bytes:
        channel = self._channel
        if channel is None or not hmac.compare_digest(
            channel.server_cryptogram(self._rnd_b), message.data
        ):
            return self._plain(message, bytes((Reply.NAK, Nak.SECURITY)))
        rmac = channel.start(self._rnd_b)
        self._open = True
        return self._plain(message, bytes((Reply.RMAC_I,)) + rmac, bytes((SCS_14, 1)))

    def _do(self, code: int, data: bytes) -> bytes:
        """Carry out a command; returns the reply's payload."""
        ack = bytes((Reply.ACK,))
        if code == Cmd.POLL:
            return self._told.popleft() if self._told else ack
        if code == Cmd.ID:
            return bytes((Reply.PDID, 0x47, 0x41, 0x52, 1, 1, self.address, 0, 0, 0, 1, 0, 0))
        if code == Cmd.CAP:
            have = (
                (1, 2, 2),
                (2, 2, 2),
                (3, 1, 0),
                (4, 4, 1),
                (5, 2, 1),
                (6, 1, 1),
                (8, self.crc, 0),
                (9, 1, 1),
            )
            return bytes((Reply.PDCAP,)) + b"".join(map(bytes, have))
        if code == Cmd.LSTAT:
            return self._local()
        if code == Cmd.ISTAT:
            return bytes((Reply.ISTATR, *self.inputs))
        if code == Cmd.OSTAT:
            return bytes((Reply.OSTATR, *self.outputs))
        if code == Cmd.LED and len(data) == 14:
            self.flash = Colour(data[5] & 7) if data[2] == 2 else None
            if data[9] == 1:
                self.led = Colour(data[12] & 7)
            return ack
        if code == Cmd.BUZ and len(data) == 5:
            self.beeps += data[4]
            return ack
        if code == Cmd.TEXT and len(data) >= 6:
            self.shown = data[6:].decode("ascii", "replace")
            return ack
        if code == Cmd.OUT and len(data) == 4 and data[0] < len(self.outputs):
            self.outputs[data[0]] = data[1] in (2, 4, 5)
            return ack
        if code == Cmd.COMSET and len(data) == 5:
            return bytes((Reply.COM,)) + data
        if code == Cmd.KEYSET and len(data) == 18 and self._open:
            self.key = data[2:]
            return ack
        return bytes((Reply.NAK, Nak.UNKNOWN_COMMAND))

    def _local(self) -> bytes:
        return bytes((Reply.LSTATR, self.tampered, 0))

    def _plain(self, message: Frame, payload: bytes, scb: bytes = b"") -> bytes:
        return frame.plain(
            self.address, message.sequence, payload, scb=scb, reply=True, crc=message.crc
        )


class VirtualOsdpBus(VirtualPort):
    """Readers on one pair of wires; one whose address is in `dead` does not answer."""

    def __init__(self, path: Path, readers: Sequence[SimulatedReader]) -> None:
        self.readers = {reader.address: reader for reader in readers}
        self.dead: set[int] = set()
        super().__init__(path)

    def received(self, data: bytes) -> None:
        for address, reader in self.readers.items():
            if address not in self.dead and (answer := reader.feed(data)):
                self.send(answer)
