"""Rows of the log, out of the file and its archives, from any process.

Opens the file read-only and holds no transaction for longer than one chunk, so a long reader never
hinders the writer.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from gateway.ledger import chain
from gateway.ledger.archives import Archive, Archives
from gateway.ledger.errors import LedgerDamaged, LedgerUnavailable, is_damage
from gateway.ledger.kept import Kept, Redaction
from gateway.ledger.origin import followed
from gateway.ledger.redacted import redactions
from gateway.locale import worded

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Gone:
    """An archive that can't be read, and why; "" if its time was over and it was deleted."""

    archive: Archive
    why: str


class Rows:
    """Read access to the log at `path` with its archives (archives.py); every method raises
    LedgerUnavailable if it can't.

    `copy` says that nobody writes the file: SQLite then makes no files beside it, and a folder that
    can't be written is no hindrance.
    """

    def __init__(self, path: Path, *, copy: bool = False) -> None:
        self._path = path
        self._mode = "immutable=1" if copy else "mode=ro"
        self._db: sqlite3.Connection | None = None
        self._archives = Archives(path)
        self._redacted: dict[int, Redaction] = {}

    @property
    def last_seq(self) -> int:
        """The newest record's number; 0 for an empty log."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    def _archived(self) -> Archives:
        """The archives as they are now.  Whoever reads `events` asks for them afterwards: records
        are in an archive before they leave that table."""
        self._rows("SELECT 1")
        try:
            assert self._db is not None
            self._archives.refresh(self._db)
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"{self._path}: {error}") from error
        return self._archives

    def _span(self, begin: int, end: int, limit: int) -> list[Kept]:
        """Up to `limit` records from `begin` to `end`, in order."""
        # One row more in front, for the hash that the first of them was chained to.
        rows = self._rows(
            "SELECT seq, body, hash FROM events WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?",
            (begin - 1, end, limit + 1),
        )
        archives = self._archived()
        if begin <= archives.last:
            found = list(islice(archives.rows(begin, min(end, archives.last)), limit))
            if len(found) < limit and end > archives.last:
                found += self._span(archives.last + 1, end, limit - len(found))
            return found
        if not rows or rows[0][0] >= begin:
            rows.insert(0, (begin - 1, "", self._hash_before(begin)))
        pairs = pairwise(rows)
        return [
            Kept(seq, body, digest, before[2], self._redacted.get(seq))
            for before, (seq, body, digest) in islice(pairs, limit)
        ]

    def _holding(self, begin: int, end: int, marks: Sequence[Sequence[str]]) -> list[Kept]:
        """The records after `begin` up to `end` whose body has of each of `marks` at least one
        text, the newest first.  The texts are parts of a body as it is kept."""
        if begin >= self._archived().last:
            each = " OR ".join
            wanted = [f"({each('instr(e.body, ?)' for _ in texts)})" for texts in marks]
            rows = self._rows(
                "SELECT e.seq, e.body, e.hash, p.hash FROM events e "  # noqa: S608 - all marks
                "LEFT JOIN events p ON p.seq = e.seq - 1 "
                f"WHERE {' AND '.join(['e.seq > ? AND e.seq <= ?', *wanted])} "
                "ORDER BY e.seq DESC",
                (begin, end, *(text for texts in marks for text in texts)),
            )
            if begin >= self._archived().last:
                return [
                    Kept(seq, body, digest, prev or self._hash_before(seq), self._redacted.get(seq))
                    for seq, body, digest, prev in rows
                ]
        span = self._span(begin + 1, end, end - begin)
        return [
            kept
            for kept in reversed(span)
            if all(any(text in kept.body for text in texts) for texts in marks)
        ]

    def _hash_before(self, seq: int) -> bytes:
        """The hash that record `seq`, which is in no archive, was chained to."""
        rows = self._rows(
            "SELECT seq, hash FROM events WHERE seq < ? ORDER BY seq DESC LIMIT 1", (seq,)
        )
        archives = self._archives
        if archives.last and (not rows or rows[0][0] <= archives.last):
            return archives.all[-1].hash
        return bytes(rows[0][1]) if rows else chain.GENESIS

    def _stays(self, seq: int) -> list[Kept]:
        """The first record of an origin, which stays in the file."""
        rows = self._rows("SELECT body, hash FROM events WHERE seq = ?", (seq,))
        if not rows:
            return []
        told = followed(rows[0][0])
        prev = bytes.fromhex(told["hash"]) if told else chain.GENESIS
        body, digest = rows[0]
        return [Kept(seq, body, digest, prev, self._redacted.get(seq))]

    def _all(
        self, progress: Callable[[int], None] | None, last: int | None = None
    ) -> Iterator[tuple[Kept, str | None] | Gone]:
        """Every record up to `last` with the id under which it was handed in, and the archives that
        can't be read."""
        last, seq = self.last_seq if last is None else last, 0
        while seq < last:
            if seq < self._archived().last:
                one = next(one for one in self._archives.all if one.last > seq)
                try:
                    for kept in self._archives.rows(max(seq + 1, one.first), min(last, one.last)):
                        yield kept, None
                        seq = kept.seq
                        if progress is not None and seq % CHUNK == 0:
                            progress(seq)
                    why = ""
                except LedgerUnavailable as error:
                    why = str(error)
                if why or one.deleted:
                    yield Gone(one, why)
                seq = one.last
                continue
            rows = self._rows(
                "SELECT seq, id, body, hash FROM events WHERE seq > ? AND seq <= ? "
                "ORDER BY seq LIMIT ?",
                (seq, last, CHUNK),
            )
            if seq < self._archived().last:
                continue
            if not rows:
                return
            prev = self._hash_before(rows[0][0])
            for seq, given_id, body, digest in rows:
                yield Kept(seq, body, digest, prev, self._redacted.get(seq)), given_id
                prev = digest
            if progress is not None:
                progress(seq)

    def _rows(self, sql: str, values: tuple[int | str, ...] = ()) -> list[tuple]:  # type: ignore[type-arg]
        try:
            if self._db is None:
                if not self._path.exists():
                    raise LedgerUnavailable(worded("{path}: there is no log yet", path=self._path))
                self._db = sqlite3.connect(
                    f"{self._path.absolute().as_uri()}?{self._mode}{self._alone()}",
                    uri=True,
                    check_same_thread=False,
                )
                self._db.execute("PRAGMA busy_timeout = 2000")
                self._redacted = redactions(self._db)
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self.close()
            kind = LedgerDamaged if is_damage(error) else LedgerUnavailable
            raise kind(f"{self._path}: {error}") from error

    def _alone(self) -> str:
        """For a guard while the gateway is stopped: the file as it is.

        A guard may not make the side files by which SQLite would see a writer; a gateway that
        stopped in order leaves none, and all in this one file.
        """
        if os.access(self._path.parent, os.W_OK) or Path(f"{self._path}-wal").exists():
            return ""
        return "&immutable=1"

    def close(self) -> None:
        """Let go of the files; the next read opens them again."""
        self._archives.close()
        if self._db is not None:
            self._db.close()
            self._db = None
