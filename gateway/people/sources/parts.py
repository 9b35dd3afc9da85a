"""A bundle in parts, for brokers that take small messages only.

Each part is retained under a topic of its own number and says to which bundle it belongs:
``GARITA-PART-1 <id> <number> <of>``, a line, then the bytes.  `Joiner` puts them together in
whatever order they come; parts of an older bundle that are still retained are passed over once a
newer is whole.  What is joined is judged by its signature, so a forged part only spoils.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

PART_BYTES = 96 * 1024
MAX_BYTES = 64 * 1024 * 1024
_HEAD = re.compile(rb"GARITA-PART-1 ([0-9a-f]{16}) (\d{1,4}) (\d{1,4})\n")


def split(raw: bytes) -> list[bytes]:
    """A bundle as parts, each small enough for a broker's limit of 128 KiB."""
    name = hashlib.sha256(raw).hexdigest()[:16]
    pieces = [raw[at : at + PART_BYTES] for at in range(0, len(raw), PART_BYTES)]
    return [
        f"GARITA-PART-1 {name} {number} {len(pieces)}\n".encode() + piece
        for number, piece in enumerate(pieces)
    ]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A bundle in pieces, in order; `name` is what its parts say of its digest."""

    pieces: list[bytes]
    name: str = ""

    @property
    def size(self) -> int:
        """How many bytes the bundle has."""
        return sum(map(len, self.pieces))

    def digest(self) -> str | None:
        """SHA-256 in hex; None if it is not the one that the parts name.  Takes a while for a
        large bundle: call it in a thread."""
        digest = hashlib.sha256()
        for piece in self.pieces:
            digest.update(piece)
        found = digest.hexdigest()
        return found if found.startswith(self.name) else None


class Joiner:
    """Bytes in, a whole bundle out when its last part is there; keeps two bundles at most, each
    of at most 64 MiB."""

    def __init__(self) -> None:
        self._open: dict[bytes, dict[int, bytes]] = {}

    def feed(self, payload: bytes) -> Pieces | None:
        """One message; the bundle, if all its parts are there now.  A message that is not a part
        is taken for a whole bundle.  Returns at once: nothing is copied or hashed."""
        head = _HEAD.match(payload[:64])
        if head is None:
            return Pieces([payload])
        name, number, count = head[1], int(head[2]), int(head[3])
        if not number < count <= MAX_BYTES // PART_BYTES or len(payload) > PART_BYTES + 64:
            return None
        parts = self._open.setdefault(name, {})
        parts[number] = payload[head.end() :]
        while len(self._open) > 2:
            del self._open[next(key for key in self._open if key != name)]
        if len(parts) < count:
            return None
        del self._open[name]
        return Pieces([parts[key] for key in sorted(parts)], name.decode())
