"""Serial boards of digital inputs that speak Modbus RTU, as most of them do.

Wire (Modbus over Serial Line V1.02): ask ``unit 02 firstHi firstLo countHi countLo CRClo CRChi``,
answer ``unit 02 bytes data.. CRClo CRChi``, first input in the lowest bit.  Boards that show
their inputs as coils take function 01.  Sans-I/O: `poll` returns the question when it is due,
`feed` the states in a good answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from drivers import base
from drivers.base import InputState

OVERDUE_S = 0.2
_MAX_BUFFER = 256


class ModbusInputs:
    """`heard_at` is the monotonic time (seconds) of the last good answer; `errors` counts what was
    not an answer."""

    class Options(base.Options):
        unit: Annotated[int, Field(ge=1, le=247)] = 1
        first: Annotated[int, Field(ge=0, le=65535)] = 0
        inputs: Annotated[int, Field(ge=1, le=32)] = 8
        function: Literal[1, 2] = 2
        poll_s: Annotated[float, Field(ge=0.02, le=1.0)] = 0.05

    def __init__(self, options: Options) -> None:
        self.inputs = options.inputs
        self.heard_at: float | None = None
        self.errors = 0
        self._options = options
        self._asked_at: float | None = None
        self._due_at = 0.0
        self._buffer = bytearray()

    def poll(self, now: float) -> bytes:
        """The question when it is due at monotonic `now`, else nothing."""
        if self._asked_at is not None and now - self._asked_at < OVERDUE_S:
            return b""
        if self._asked_at is None and now < self._due_at:
            return b""
        self._buffer.clear()
        self._asked_at, self._due_at = now, now + self._options.poll_s
        body = bytes((self._options.unit, self._options.function))
        body += self._options.first.to_bytes(2, "big") + self.inputs.to_bytes(2, "big")
        return body + crc16(body)

    def feed(self, data: bytes, now: float) -> Sequence[InputState]:
        """The state of every input, when `data` completes the answer to the last question."""
        if self._asked_at is None:
            self.errors += bool(data)
            return []
        self._buffer = (self._buffer + data)[-_MAX_BUFFER:]
        octets = (self.inputs + 7) // 8
        size = 3 + octets + 2
        head = bytes((self._options.unit, self._options.function, octets))
        while (at := self._buffer.find(head)) >= 0:
            frame = bytes(self._buffer[at : at + size])
            if len(frame) < size:
                return []
            if crc16(frame[:-2]) != frame[-2:]:
                self.errors += 1
                del self._buffer[: at + 1]
                continue
            self._asked_at, self.heard_at = None, now
            self._buffer.clear()
            bits = int.from_bytes(frame[3:-2], "little")
            return [InputState(n + 1, bool(bits >> n & 1)) for n in range(self.inputs)]
        return []


def crc16(data: bytes) -> bytes:
    """CRC-16 of Modbus (polynomial 0xA001, initial value 0xFFFF), low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")
