"""OSDP frames: bytes of the line to frames and back (IEC 60839-11-5, clause 5).

    53 addr lenLo lenHi ctrl [scbLen scbType scbData..] code data.. [MAC4] CRClo CRChi

`addr` has its top bit set in a reply.  `ctrl`: bits 0-1 the sequence number, bit 2 CRC rather
than a checksum, bit 3 a security block follows.  `len` counts from 53 to the last check byte.
An FF mark may stand before a frame and does not belong to it.  Nothing here knows keys.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass

SOM = 0x53
MARK = 0xFF
REPLY = 0x80
BROADCAST = 0x7F
MAX_FRAME = 1440  # the largest that the standard lets a device announce
HEADER = 5
MAC_SIZE = 4

_CRC = 0x04
_SCB = 0x08


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose check was good.

    `scb` is the security block without its length byte (type first), b"" if there is none;
    `payload` is the code byte and its data as they were on the line (in SCS_17 and SCS_18 the
    data is cipher text); `mac` the four bytes of SCS_15 to SCS_18; `signed` what the MAC
    covers.
    """

    address: int
    reply: bool
    sequence: int
    scb: bytes
    payload: bytes
    mac: bytes
    signed: bytes

    @property
    def code(self) -> int:
        return self.payload[0]

    @property
    def data(self) -> bytes:
        return self.payload[1:]

    @property
    def crc(self) -> bool:
        """Whether the check was a CRC.  An answer has the form of its question."""
        return bool(self.signed[4] & _CRC)

    @property
    def security(self) -> int:
        """The security block's type (0x11 to 0x18), 0 for plain text."""
        return self.scb[0] if self.scb else 0

    def __repr__(self) -> str:  # a payload may hold a badge number or a PIN
        kind = "reply" if self.reply else "command"
        return f"Frame({kind} {self.code:#04x} of {self.address}, seq {self.sequence})"


def crc16(data: bytes) -> int:
    """CRC-16 of the standard's annex: polynomial 0x1021, initial value 0x1D0F."""
    return binascii.crc_hqx(data, 0x1D0F)


def checksum(data: bytes) -> int:
    """The older check: two's complement of the sum of all bytes."""
    return -sum(data) & 0xFF


def head(
    address: int,
    sequence: int,
    scb: bytes,
    payload_size: int,
    *,
    reply: bool = False,
    crc: bool = True,
) -> bytes:
    """Everything before the code byte; `payload_size` counts code, data and MAC."""
    block = bytes((len(scb) + 1,)) + scb if scb else b""
    size = HEADER + len(block) + payload_size + (2 if crc else 1)
    if size > MAX_FRAME:
        raise ValueError(f"a frame of {size} bytes; {MAX_FRAME} is the most")
    control = (sequence & 3) | (_CRC if crc else 0) | (_SCB if scb else 0)
    addressed = address | (REPLY if reply else 0)
    return bytes((SOM, addressed, size & 0xFF, size >> 8, control)) + block


def close(body: bytes) -> bytes:
    """`body` with its check, as its control byte announces it."""
    if body[4] & _CRC:
        return body + crc16(body).to_bytes(2, "little")
    return body + bytes((checksum(body),))


def plain(
    address: int,
    sequence: int,
    payload: bytes,
    *,
    scb: bytes = b"",
    reply: bool = False,
    crc: bool = True,
) -> bytes:
    """A whole frame without MAC or encryption, the handshake's included."""
    start = head(address, sequence, scb, len(payload), reply=reply, crc=crc)
    return close(start + payload)


class Decoder:
    """Finds frames in a stream of bytes.  Holds at most one frame's worth of them."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.errors = 0  # frames whose check was wrong, or that could not be frames

    @property
    def partial(self) -> bool:
        """Whether the beginning of a frame waits for its end."""
        return bool(self._buffer)

    def reset(self) -> None:
        """Forget the beginning of a frame whose end will not come."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes; never raises for any bytes."""
        found: list[Frame] = []
        # In pieces, so that a flood takes no more memory than a frame.
        for start in range(0, len(data), MAX_FRAME):
            self._buffer += data[start : start + MAX_FRAME]
            found += self._take()
        return found

    def _take(self) -> Iterator[Frame]:
        buffer = self._buffer
        while True:
            begin = buffer.find(SOM)
            if begin < 0:
                buffer.clear()
                return
            del buffer[:begin]
            if len(buffer) < HEADER:
                return
            size = buffer[2] | buffer[3] << 8
            check = 2 if buffer[4] & _CRC else 1
            if not HEADER + 1 + check <= size <= MAX_FRAME:
                self._skip()
                continue
            if len(buffer) < size:
                return
            raw = bytes(buffer[:size])
            frame = _parse(raw, check)
            if frame is None:
                self._skip()
                continue
            del buffer[:size]
            yield frame

    def _skip(self) -> None:
        """This was not a frame: look for one behind its first byte."""
        self.errors += 1
        del self._buffer[0]


def _parse(raw: bytes, check: int) -> Frame | None:
    """A frame of exactly `raw`, or None if its check or its parts are wrong."""
    if close(raw[:-check]) != raw:
        return None
    body = raw[:-check]
    start, scb = HEADER, b""
    if body[4] & _SCB:
        block = body[HEADER]
        if block < 2 or HEADER + block >= len(body):
            return None
        scb = body[HEADER + 1 : HEADER + block]
        start += block
    end = len(body)
    if scb and 0x15 <= scb[0] <= 0x18:
        end -= MAC_SIZE
    if end <= start:
        return None
    return Frame(
        address=body[1] & 0x7F,
        reply=bool(body[1] & REPLY),
        sequence=body[4] & 3,
        scb=scb,
        payload=body[start:end],
        mac=body[end:],
        signed=body[:end],
    )
