"""Reading what is signed of a log: its origins and checkpoints, and the proof of one record.

Works on the log's file or a copy of it, from any process.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gateway.ledger.archives import Archives
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.ledger.redacted import redactions
from gateway.ledger.tree import tiles_of
from gateway.locale import worded
from gateway.proof import merkle, note
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.entry import EntryProof
from gateway.proof.note import Note, NoteError, VerifierKey
from gateway.proof.tiles import subtree_of

LOOK_BACK = 2000
"""So many checkpoints are looked through for one that a quorum cosigned: weeks of a busy gate."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint of the origin that begins with record `first`, as the log's file keeps it."""

    first: int
    checkpoint: Checkpoint
    note: Note

    @property
    def last_seq(self) -> int:
        """The newest record that it covers."""
        return self.first + self.checkpoint.size - 1


class Heads:
    """Read access; every method raises LedgerUnavailable if the file can't be read."""

    def __init__(self, path: Path, *, copy: bool = False) -> None:
        self._path = path
        self._mode = "immutable=1" if copy else "mode=ro"

    def newest(self) -> Signed | None:
        """The newest checkpoint, or None if nothing was signed yet."""
        with self._open() as db:
            row = db.execute(
                "SELECT origin, note FROM checkpoints ORDER BY origin DESC, size DESC LIMIT 1"
            ).fetchone()
            return _signed(*row) if row else None

    def all(self) -> list[Signed]:
        """All checkpoints, in order: those in archives as well, as far as these can be read."""
        found: dict[tuple[int, int], Signed] = {}
        with self._open() as db, self._archives(db) as archives:
            for one in archives.all:
                with contextlib.suppress(LedgerUnavailable):
                    for text in (
                        archives.segment(one).closing.checkpoints if not one.deleted else ()
                    ):
                        signed = _signed(one.origin, text)
                        found[signed.first, signed.checkpoint.size] = signed
            for row in db.execute("SELECT origin, note FROM checkpoints"):
                signed = _signed(*row)
                found[signed.first, signed.checkpoint.size] = signed
        return [found[key] for key in sorted(found)]

    def of(self, text: str) -> Signed | None:
        """The checkpoint with this text, with the cosignatures that came; None if it is not kept
        here."""
        size = Checkpoint.parse(text).size
        with self._open() as db:
            rows = db.execute(
                "SELECT c.origin, c.note FROM (SELECT 1 AS first UNION SELECT first FROM origins) "
                "AS o JOIN checkpoints c ON c.origin = o.first AND c.size = ?",
                (size,),
            ).fetchall()
        found = (_signed(*row) for row in rows)
        return next((one for one in found if one.note.text == text), None)

    def newest_that(self, fits: Callable[[Note], bool]) -> Signed | None:
        """The newest checkpoint that `fits`, among the newest LOOK_BACK; None if none does."""
        with self._open() as db:
            rows = db.execute(
                "SELECT origin, note FROM checkpoints ORDER BY origin DESC, size DESC LIMIT ?",
                (LOOK_BACK,),
            ).fetchall()
        return next((one for one in (_signed(*row) for row in rows) if fits(one.note)), None)

    def consistency(self, signed: Signed, old: int) -> list[bytes]:
        """The proof that the tree of a checkpoint only added to its first `old` records.

        Raises LedgerUnavailable also if records for it are missing, and ValueError if the tree is
        smaller than `old`.
        """
        with self._open() as db:
            tiles = tiles_of(db, signed.first, signed.checkpoint.size)
            try:
                return merkle.consistency(subtree_of(tiles), old, signed.checkpoint.size)
            except LookupError as error:
                raise LedgerUnavailable(str(error)) from error

    @contextmanager
    def subtrees(self, signed: Signed) -> Iterator[merkle.Subtree]:
        """The roots of complete subtrees of a checkpoint's tree, for as long as the context lasts.

        The function raises LookupError or LedgerUnavailable if records for it are missing.
        """
        with self._open() as db, self._archives(db) as archives:
            yield subtree_of(tiles_of(db, signed.first, signed.checkpoint.size, archives))

    def newest_each(self) -> list[Signed]:
        """The newest checkpoint of each origin, in order."""
        newest = {head.first: head for head in self.all()}
        return list(newest.values())

    def log_keys(self) -> list[VerifierKey]:
        """The keys that the log says it is signed with, the newest origin last.

        Each stands in the record just before a checkpoint.  It proves nothing to somebody who did
        not get it some other way.
        """
        found: dict[str, VerifierKey] = {}
        wanted = f'"type":"{EventType.LEDGER_CHECKPOINT}"}}'
        with self._open() as db, self._archives(db) as archives:
            for origin, size in db.execute(
                "SELECT origin, max(size) FROM checkpoints GROUP BY origin ORDER BY origin"
            ).fetchall():
                row = db.execute(
                    "SELECT body FROM events WHERE seq >= ? AND seq < ? AND body LIKE ? "
                    "ORDER BY seq DESC LIMIT 1",
                    (origin, origin + size, f"%{wanted}"),
                ).fetchone()
                body = row[0] if row else None
                for one in reversed(archives.all):
                    if body is None and one.origin == origin and not one.deleted:
                        with contextlib.suppress(LedgerUnavailable):
                            kept = next(archives.segment(one).holding(wanted), None)
                            body = kept.body if kept else None
                if body is not None:
                    key = _key(body)
                    found[str(key)] = key
        return list(found.values())

    def prove(
        self, seq: int, fits: Callable[[Note], bool] = lambda _: True
    ) -> tuple[bytes, EntryProof] | None:
        """The body of record `seq`, and the proof that it is in the log as of the newest checkpoint
        of its origin that covers it and `fits`, or else of the newest one; None if no checkpoint
        covers it yet.

        Raises LedgerUnavailable also if there is no such record.
        """
        with self._open() as db, self._archives(db) as archives:
            body = self._body(db, archives, seq)
            rows = db.execute(
                "SELECT origin, note FROM checkpoints WHERE size > ? - origin AND origin = "
                "(SELECT max(origin) FROM checkpoints WHERE origin <= ?) "
                "ORDER BY size DESC LIMIT ?",
                (seq, seq, LOOK_BACK),
            )
            covering = (_signed(*row) for row in rows)
            if (newest := next(covering, None)) is None:
                return None
            signed = next((one for one in chain([newest], covering) if fits(one.note)), newest)
            tiles = tiles_of(db, signed.first, signed.checkpoint.size, archives)
            index = seq - signed.first
            try:
                hashes = merkle.inclusion(subtree_of(tiles), index, signed.checkpoint.size)
            except LookupError as error:
                raise LedgerUnavailable(str(error)) from error
            return body.encode(), EntryProof(index, tuple(hashes), signed.note)

    @staticmethod
    def _body(db: sqlite3.Connection, archives: Archives, seq: int) -> str:
        row = db.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()
        archives.refresh(db)  # it may have gone into an archive just now
        for kept in archives.rows(seq, seq):
            if kept.redacted is not None:
                raise LedgerUnavailable(worded("event {seq} was redacted", seq=seq))
            return kept.body
        if row is None:
            raise LedgerUnavailable(worded("there is no event {seq}", seq=seq))
        if seq in redactions(db):  # in a copy
            raise LedgerUnavailable(worded("event {seq} was redacted", seq=seq))
        return str(row[0])

    @contextmanager
    def _archives(self, db: sqlite3.Connection) -> Iterator[Archives]:
        with contextlib.closing(Archives(self._path)) as archives:
            archives.refresh(db)
            yield archives

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = None
        try:
            db = sqlite3.connect(f"{self._path.absolute().as_uri()}?{self._mode}", uri=True)
            db.execute("PRAGMA busy_timeout = 2000")
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").fetchone():
                db.execute("CREATE TEMP TABLE checkpoints (origin, size, note)")  # older: none
                db.execute("CREATE TEMP TABLE tiles (origin, level, idx, hashes, root)")
            yield db
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"{self._path}: {error}") from error
        finally:
            if db is not None:
                db.close()


def _key(body: str) -> VerifierKey:
    try:
        return VerifierKey.parse(str(json.loads(body)["data"]["key"]))
    except (NoteError, KeyError, TypeError, ValueError) as error:
        raise LedgerUnavailable(worded("a checkpoint is damaged: {error}", error=error)) from error


def _signed(first: int, text: str) -> Signed:
    try:
        found = note.parse(text)
        return Signed(int(first), Checkpoint.parse(found.text), found)
    except (NoteError, TypeError, ValueError) as error:
        raise LedgerUnavailable(worded("a checkpoint is damaged: {error}", error=error)) from error
