"""One archive file: a closed stretch of one origin's records, with what proves them.

The file is zstd (RFC 8878) and nothing else: ``zstdcat FILE`` prints JSON lines.

    line 1        what comes before: origin, chain, first, prev, subtrees
    the records   one a line, the exact bytes that are hashed; 256 of them are one frame
    the last line what closes it: last, hash, time, old, types, consistency, checkpoints

`prev` is the hash of the record before, and `subtrees` are the roots of the complete subtrees over
the records of this origin before `first` (the largest first).  With the records behind them they
give the root of the tree up to `last`.  `consistency` shows that this tree is part of the one whose
checkpoint is the last of `checkpoints` (RFC 6962, 2.1.2).  So a file is checked without the others,
and two files fit together where one goes on as the other ends.

The hash of each record follows from the one before it, so it is not stored.  `old` names the
stretches whose records have the link of earlier versions (chain.py).

Behind the frames stands an index in a skippable frame, for whoever wants one record: the number of
the first record of each frame, its place, and the hash before it.

A redacted record (redact.py) stands as ``{"redacted": {...}, "rest": {...}}``: the digests of what
it was, and what is left of it.
"""

from __future__ import annotations

import json
import os
import struct
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

from gateway.ledger import chain
from gateway.ledger.errors import LedgerDamaged
from gateway.ledger.kept import REDACTED, Kept, Redaction
from gateway.locale import worded
from gateway.proof.merkle import leaf_hash

FORM = "garita-archive/1"
FRAME = 256
"""So many records are one frame at most.  Frames begin where tiles begin."""
LEVEL = 7
_MAGIC = 0x184D2A5E  # a skippable frame (RFC 8878, 3.1.2)
_TRAILER = struct.Struct("<I8s")  # the length of the index, and a mark
_MARK = b"garitaIX"
_FULL_FRAME = 4 << 20  # bytes after which a frame ends early
_MOST_FRAME = 256 << 20  # bytes that one frame may become: a hostile file must not fill the memory


@dataclass(frozen=True, slots=True)
class Opening:
    """What comes before the records of a segment."""

    origin: int  # the number of the origin's first record
    chain: str
    first: int
    prev: bytes
    subtrees: tuple[bytes, ...]

    def line(self) -> str:
        return chain.canonical(
            {
                "form": FORM,
                "origin": self.origin,
                "chain": self.chain,
                "first": self.first,
                "prev": self.prev.hex(),
                "subtrees": [one.hex() for one in self.subtrees],
            }
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        item = json.loads(text)
        if item["form"] != FORM:
            raise ValueError(f"not {FORM}")
        return cls(
            int(item["origin"]),
            str(item["chain"]),
            int(item["first"]),
            bytes.fromhex(item["prev"]),
            tuple(bytes.fromhex(one) for one in item["subtrees"]),
        )


@dataclass(slots=True)
class Closing:
    """What closes a segment; `time` is the latest on record in it, `types` counts its records."""

    last: int = 0
    hash: bytes = b""
    time: str = ""
    old: list[tuple[int, int]] = field(default_factory=list)
    types: dict[str, int] = field(default_factory=dict)
    consistency: tuple[bytes, ...] = ()
    checkpoints: tuple[str, ...] = ()

    def line(self) -> str:
        return chain.canonical(
            {
                "last": self.last,
                "hash": self.hash.hex(),
                "time": self.time,
                "old": self.old,
                "types": self.types,
                "consistency": [one.hex() for one in self.consistency],
                "checkpoints": self.checkpoints,
            }
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        item = json.loads(text)
        return cls(
            int(item["last"]),
            bytes.fromhex(item["hash"]),
            str(item["time"]),
            [(int(begin), int(end)) for begin, end in item["old"]],
            {str(kind): int(count) for kind, count in item["types"].items()},
            tuple(bytes.fromhex(one) for one in item["consistency"]),
            tuple(str(one) for one in item["checkpoints"]),
        )


class SegmentWriter:
    """Writes a segment to a binary file: `add` each record, then `finish`."""

    def __init__(self, file: IO[bytes], opening: Opening) -> None:
        import zstandard  # noqa: PLC0415 - most processes never read an archive

        self._zstd = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self._file = file
        self._opening = opening
        self._frames: list[tuple[int, int, int, str]] = []
        self._lines: list[str] = []
        self._waiting = 0
        self._start: tuple[int, bytes] | None = None
        self._at = 0
        self._types: Counter[str] = Counter()
        self.closing = Closing()
        self._put(opening.line() + "\n")

    def add(self, kept: Kept) -> None:
        """The next record."""
        if self._start is None:
            self._start = (kept.seq, kept.prev)
        closing = self.closing
        kind, time = _told(kept.body)
        if kept.old:
            if closing.old and closing.old[-1][1] == kept.seq - 1:
                closing.old[-1] = (closing.old[-1][0], kept.seq)
            else:
                closing.old.append((kept.seq, kept.seq))
        if kept.redacted:
            self._lines.append(kept.redacted.line(kept.body, kept.hash if kept.old else None))
        else:
            self._lines.append(kept.body)
        self._waiting += len(kept.body)
        self._types[kind] += 1
        closing.time = max(closing.time, time)
        closing.last, closing.hash = kept.seq, kept.hash
        if (kept.seq - self._opening.origin + 1) % FRAME == 0 or self._waiting > _FULL_FRAME:
            self._flush()

    def finish(self, consistency: tuple[bytes, ...], checkpoints: tuple[str, ...]) -> None:
        """No more records come."""
        self._flush()
        closing = self.closing
        closing.consistency, closing.checkpoints = consistency, checkpoints
        closing.types = dict(self._types)
        end = self._at
        self._put(closing.line() + "\n")
        held = {"old": closing.old, "end": end, "last": closing.last, "frames": self._frames}
        index = chain.canonical(held).encode()
        body = index + _TRAILER.pack(len(index), _MARK)
        self._file.write(struct.pack("<II", _MAGIC, len(body)) + body)

    def _flush(self) -> None:
        if self._start is not None:
            seq, prev = self._start
            at = self._at
            size = self._put("".join(f"{line}\n" for line in self._lines))
            self._frames.append((seq, at, size, prev.hex()))
            self._lines.clear()
            self._start, self._waiting = None, 0

    def _put(self, text: str) -> int:
        packed = self._zstd.compress(text.encode())
        self._file.write(packed)
        self._at += len(packed)
        return len(packed)


class Segment:
    """Reads the segment at `path`; raises OSError if it can't be read and LedgerDamaged if it is
    not in its form."""

    def __init__(self, path: Path) -> None:
        import zstandard  # noqa: PLC0415 - most processes never read an archive

        self._zstd = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        self._content_size = zstandard.frame_content_size
        self._errors = (
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            struct.error,
            zstandard.ZstdError,
        )
        self.path = path
        self._file = path.open("rb")
        self._inode = os.fstat(self._file.fileno()).st_ino
        self._held: tuple[int, list[Kept]] = (-1, [])
        try:
            self._read_index()
        except self._errors as error:
            self.close()
            raise self._damaged(error) from error
        except BaseException:
            self.close()
            raise

    def rows(self, begin: int, end: int) -> Iterator[Kept]:
        """The records from `begin` to `end`, in order."""
        number = max(0, bisect_right(self._firsts, begin) - 1)
        while number < len(self._firsts) and self._firsts[number] <= end:
            yield from (kept for kept in self._frame(number) if begin <= kept.seq <= end)
            number += 1

    def leaves(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """The numbers and leaf hashes of the records from `begin` to `end`, in order."""
        number = max(0, bisect_right(self._firsts, begin) - 1)
        while number < len(self._firsts) and self._firsts[number] <= end:
            try:
                for seq, line in enumerate(self._lines(number), self._firsts[number]):
                    if begin <= seq <= end:
                        text = line.decode()
                        gone = text.startswith(REDACTED)
                        yield seq, _redaction(text)[0].leaf if gone else leaf_hash(line)
            except self._errors as error:
                raise self._damaged(error) from error
            number += 1

    def holding(self, *texts: str) -> Iterator[Kept]:
        """Records in whose line one of `texts` stands, the newest first; frames without any of
        them are not read further."""
        wanted = [text.encode() for text in texts]
        for number in reversed(range(len(self._firsts))):
            try:
                raw = self._raw(number)
            except self._errors as error:
                raise self._damaged(error) from error
            if any(text in raw for text in wanted):
                for kept in reversed(self._frame(number)):
                    if any(text in kept.body for text in texts):
                        yield kept

    def is_current(self) -> bool:
        """Whether the file is still the one that is open: a redaction puts another in its place."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        self._file.close()

    def _read_index(self) -> None:
        size = self._file.seek(0, 2)
        self._file.seek(max(0, size - _TRAILER.size))
        length, mark = _TRAILER.unpack(self._file.read(_TRAILER.size))
        if mark != _MARK or length > size:
            raise ValueError("no index at its end: the file was cut, or is no archive")
        start = size - _TRAILER.size - length
        self._file.seek(start)
        index = json.loads(self._file.read(length))
        self._frames = [
            (int(a), int(b), int(c), bytes.fromhex(d)) for a, b, c, d in index["frames"]
        ]
        self._firsts = [frame[0] for frame in self._frames]
        self._old = [(int(begin), int(end)) for begin, end in index["old"]]
        if not self._frames or self._firsts != sorted(set(self._firsts)):
            raise ValueError("its index is wrong")
        self.first, self.last = self._firsts[0], int(index["last"])
        self._end = (int(index["end"]), start - 8)

    @cached_property
    def opening(self) -> Opening:
        """What comes before its records."""
        try:
            found = Opening.parse(self._unpacked(0, self._frames[0][1]).decode())
            if found.first != self.first:
                raise ValueError("its index is wrong")
        except self._errors as error:
            raise self._damaged(error) from error
        return found

    @cached_property
    def closing(self) -> Closing:
        """What closes it."""
        begin, end = self._end
        try:
            found = Closing.parse(self._unpacked(begin, end - begin).decode())
            if (found.last, found.old) != (self.last, self._old):
                raise ValueError("its index is wrong")
        except self._errors as error:
            raise self._damaged(error) from error
        return found

    def _frame(self, number: int) -> list[Kept]:
        if self._held[0] != number:
            try:
                self._held = (number, list(self._parsed(number)))
            except self._errors as error:
                raise self._damaged(error) from error
        return self._held[1]

    def _parsed(self, number: int) -> Iterator[Kept]:
        seq, _at, _size, prev = self._frames[number]
        for raw in self._lines(number):
            line = raw.decode()
            redacted, stored, body = None, None, line
            if line.startswith(REDACTED):
                redacted, stored, body = _redaction(line)
            is_old = any(begin <= seq <= end for begin, end in self._old)
            if is_old:
                digest = stored or chain.old_link(prev, seq, body)
            else:
                whole = redacted.digest if redacted else chain.digest_of(body)
                digest = chain.link(prev, seq, whole)
            yield Kept(seq, body, digest, prev, redacted, is_old)
            prev, seq = digest, seq + 1
        after = self._firsts[number + 1] if number + 1 < len(self._firsts) else self.last + 1
        if seq != after:
            raise ValueError(f"records are missing before {after}")

    def _lines(self, number: int) -> list[bytes]:
        return self._raw(number).removesuffix(b"\n").split(b"\n")

    def _raw(self, number: int) -> bytes:
        _seq, at, size, _prev = self._frames[number]
        return self._unpacked(at, size)

    def _unpacked(self, at: int, size: int) -> bytes:
        if at < 0 or size <= 0:
            raise ValueError("its index is wrong")
        self._file.seek(at)
        packed = self._file.read(size)
        if self._content_size(packed) > _MOST_FRAME:
            raise ValueError("a frame is too large")
        return bytes(self._zstd.decompress(packed, max_output_size=_MOST_FRAME))

    def _damaged(self, error: Exception) -> LedgerDamaged:
        said = worded("the archive {path} is damaged: {error}", path=self.path, error=error)
        return LedgerDamaged(said)


def _told(body: str) -> tuple[str, str]:
    """The type and time of a record.  They stand last in a body, whose keys are sorted."""
    head, mark, tail = body.rpartition('","type":"')
    if mark and tail.endswith('"}') and head[-32:-24] == '"time":"':
        return tail[:-2], head[-24:]
    item = json.loads(body)
    return str(item["type"]), str(item["time"])


def _redaction(line: str) -> tuple[Redaction, bytes | None, str]:
    item: dict[str, Any] = json.loads(line)
    held = item["redacted"]
    digests = (bytes.fromhex(held["body"]), bytes.fromhex(held["leaf"]))
    stored = bytes.fromhex(held["hash"]) if "hash" in held else None
    return (
        Redaction(str(held["act"]), *digests, stored is not None),
        stored,
        chain.canonical(item["rest"]),
    )
