"""Many messages at a time: their PUBLISH packets in one write, their PUBACKs out of one read.

paho takes each packet by itself: one `send` for it, three `recv` for its answer, and objects for
reason and properties.  That is 90 µs a message, most of what a backlog cost.  Here are the two
packets of MQTT 3.1.1 and 5 that a backlog consists of.  Everything else stays with paho: the
packets that `publishes` made go through its queue, so that they stand in line with its own, and
`PacketSocket` hands it all that is not an answer to one of ours.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import Any

CHUNK = 64 * 1024
PUBACK = 0x40
PUBLISH_QOS1 = b"\x32"
_MOST = 4  # bytes of a packet's length


def publish_packet(topic: str, payload: bytes, number: int, *, properties: bool) -> bytes:
    """A PUBLISH with QoS 1 under the packet identifier `number`; `properties`: with the (empty)
    properties of MQTT 5 (sections 3.3 of both standards)."""
    name = topic.encode()
    head = len(name).to_bytes(2, "big") + name + number.to_bytes(2, "big")
    head += b"\0" if properties else b""
    return PUBLISH_QOS1 + _length(len(head) + len(payload)) + head + payload


def _length(size: int) -> bytes:
    """A length as a variable byte integer (MQTT 5, 1.5.5)."""
    found = bytearray()
    while True:
        size, low = divmod(size, 128)
        found.append(low | (128 if size else 0))
        if not size:
            return bytes(found)


class PacketSocket:
    """A connected socket for paho.  It reads as much as there is, and keeps the answers to our own
    messages from paho: `acknowledged(number, code)` is called with each PUBACK, code 0 without a
    reason, and returns whether the message was one of ours."""

    def __init__(self, sock: Any, acknowledged: Callable[[int, int], bool]) -> None:
        self._sock = sock
        self._acknowledged = acknowledged
        self._raw = bytearray()  # the begin of a packet whose kind is not known yet
        self._ready = bytearray()  # what paho gets
        self._through = 0  # bytes of a packet for paho that are still to come

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes for paho, b"" at the end.  Raises BlockingIOError, also if all that
        came was ours."""
        if not self._ready:
            data = self._sock.recv(CHUNK)
            if not data:
                return b""
            self._raw += data
            self._sort()
            if not self._ready:
                raise BlockingIOError
        found = bytes(self._ready[:size])
        del self._ready[:size]
        return found

    def pending(self) -> int:
        """Bytes that `select` does not know of."""
        below = self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0
        return len(self._ready) + below

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _sort(self) -> None:
        """Take our answers out of what came; the rest is paho's."""
        raw, at = self._raw, 0
        while at < len(raw):
            if self._through:
                taken = min(self._through, len(raw) - at)
                self._ready += raw[at : at + taken]
                self._through -= taken
                at += taken
                continue
            size = _packet_size(raw, at)
            if size is None:
                break
            if raw[at] == PUBACK:
                if at + size > len(raw):
                    break
                code = raw[at + 4] if size > 4 else 0
                if self._acknowledged(int.from_bytes(raw[at + 2 : at + 4], "big"), code):
                    at += size
                    continue
            self._through = size
        del raw[:at]


def _packet_size(raw: Sequence[int], at: int) -> int | None:
    """The size of the packet that begins at `at`; None if its length has not come yet.  A length of
    more than four bytes is paho's to refuse."""
    size, place = 0, 0
    while place < _MOST:
        if at + 1 + place >= len(raw):
            return None
        byte = raw[at + 1 + place]
        size += (byte & 127) << 7 * place
        place += 1
        if byte < 128:
            break
    return 1 + place + size
