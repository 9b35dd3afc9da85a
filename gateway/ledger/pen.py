"""What writes records into the log's file: transactions, the chain, the tree, origins.

A `Pen` belongs to one thread, the writer's.  What it raises is sqlite3.Error or OSError: nothing of
what was asked for is in the file then, and the file is opened again for the next thing.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.ledger import chain, file, marks
from gateway.ledger.archives import Archive, archived_seq, enter, list_of, prune
from gateway.ledger.errors import LedgerDamaged
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.file import End
from gateway.ledger.origin import KEY_LOST, Known, Loss
from gateway.ledger.tree import LedgerTree, tiles_of
from gateway.locale import worded
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.merkle import range_hash
from gateway.proof.note import Note, Signature, parse
from gateway.proof.tiles import subtree_of

PRUNED = 200
"""So many records leave the file in one transaction: a badge waits for one at most."""

log = logging.getLogger("garita.ledger.pen")


@dataclass(frozen=True, slots=True)
class Head:
    """What a checkpoint says: the origin's chain, and `size` and `root` of the tree over its
    records; `seq` and `hash` (hex) are of the newest of them."""

    chain: str
    size: int
    root: bytes
    seq: int
    hash: str


class Pen:
    """Writes the log of `gateway` at `path`; creates it if there is none.

    `complete` adds to each event what every record of its type has to hold; `about` is what the
    first record of a log that is created says.
    """

    def __init__(
        self,
        path: Path,
        gateway: str,
        complete: Callable[[NewEvent], NewEvent],
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        self._gateway = gateway
        self._complete = complete
        self._db: sqlite3.Connection | None
        self._db, self.end = file.connect(path, gateway, about)
        self._tree = LedgerTree(self.end.first)
        self.clock_is_sure: Callable[[], bool] = _never
        self.committed: Callable[[float], None] = _not_counted
        """Is told how many seconds each commit took."""
        self.refused = 0
        """Events that could not be written since the last one that could."""
        self.late: list[int] = []
        """Numbers of records that came after their caller had given up."""
        self.follows = file.followed(self._db, self.end.first)
        """What the present origin says of the one before it; None if it is the log's first."""
        self.is_new = False
        self.pruning = True
        """Whether records that are in archives may still be in the file."""

    @property
    def behind(self) -> bool:
        """Whether records of before there was a tree are still to be added to it."""
        return self._tree.behind(self.end.seq)

    def write(self, events: Sequence[NewEvent]) -> list[Event | Exception]:
        """Write `events` in one transaction.  Each gives its record, or the ValueError or TypeError
        that says why it can't be one."""
        results: list[Event | Exception] = []
        with self._transaction() as db:
            end, bodies = self.end, list[str]()
            late = list(self.late)
            for event in self._about_ourselves(late):
                end, _ = self._insert(db, event, end, bodies)
            for event in events:
                try:
                    end, record = self._insert(db, event, end, bodies)
                    results.append(record)
                except (ValueError, TypeError) as error:
                    results.append(error)
            marks.write(db, end.seq, end.marks)
            count = self._tree.store(db)
        self._tree.stored(count)
        if not self.behind:
            self._tree.add(bodies)
        self.end, self.refused = end, 0
        del self.late[: len(late)]  # the event loop's thread may have added more
        return results

    def take_over(self) -> None:
        """Add some of the records to the tree that are not in it yet."""
        with self._open() as db:
            self._tree.take_over(db)
        if self._tree.waiting:
            with self._transaction() as db:
                count = self._tree.store(db)
            self._tree.stored(count)

    def sign(self, sign: Callable[[Head], Note]) -> tuple[Head, Note] | None:
        """Have the head signed and keep the checkpoint; None while the tree is behind."""
        if self.behind:
            return None
        with self._transaction() as db:
            head = self.head()
            assert head is not None
            note = sign(head)
            row = (self.end.first, head.size, note.write())
            db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)", row)
        return head, note

    def cosigned(self, text: str, lines: Sequence[Signature]) -> Note | None:
        """Add cosignatures to the checkpoint with this text; returns it, or None if it is not kept
        here.

        No record waits for the disk because of them: the next commit syncs them too, and what a
        power cut takes away the witnesses give again.
        """
        size = Checkpoint.parse(text).size
        with self._open() as db:
            firsts = {1, *(first for (first,) in db.execute("SELECT first FROM origins"))}
            for first in sorted(firsts, reverse=True):
                row = db.execute(
                    "SELECT note FROM checkpoints WHERE origin = ? AND size = ?", (first, size)
                ).fetchone()
                held = parse(row[0]) if row is not None else None
                if held is None or held.text != text:
                    continue
                note = held.with_signatures(lines)
                if note != held:
                    db.execute("PRAGMA synchronous = NORMAL")
                    try:
                        db.execute(
                            "UPDATE checkpoints SET note = ? WHERE origin = ? AND size = ?",
                            (note.write(), first, size),
                        )
                    finally:
                        db.execute("PRAGMA synchronous = FULL")
                return note
        return None

    def head(self) -> Head | None:
        """The head as it is now; None while the tree is behind."""
        if self.behind:
            return None
        end = self.end
        return Head(end.chain, self._tree.size, self._tree.root(), end.seq, end.digest.hex())

    def root_at(self, size: int) -> bytes | None:
        """The root over the first `size` records of the present origin; None if it has fewer."""
        if size > self.end.seq + 1 - self.end.first:
            return None
        with self._open() as db:
            return range_hash(subtree_of(tiles_of(db, self.end.first, size)), 0, size)

    def hold_against(self, known: Iterable[Known]) -> Loss | None:
        """Begin a new origin if the log lacks what is `known` elsewhere; returns what it lacks."""
        with self._open() as db:
            return self._hold_against(db, known)

    def enter(self, one: Archive) -> None:
        """Enter an archive into the table; from then on its records are read there.

        It must go on where the one before ended.  Raises LedgerDamaged if its end is not the record
        that is here.
        """
        with self._open() as db:
            row = db.execute("SELECT hash FROM events WHERE seq = ?", (one.last,)).fetchone()
            held = list_of(db)
            newest = held[-1].last if held else 0
            if row is None or row[0] != one.hash or not newest < one.first <= one.last:
                said = worded("the archive {file} is not of this log", file=one.file)
                raise LedgerDamaged(said)
            enter(db, one)
        self.pruning = True

    def forget_archive(self, last: int) -> None:
        """Note that the archive that ends with record `last` is deleted, as is on record."""
        with self._transaction() as db:
            db.execute("UPDATE archives SET deleted = 1 WHERE last = ?", (last,))

    def prune(self) -> None:
        """Take some of the records that are in archives out of the file.

        The first record of each origin stays, and so does the newest checkpoint of each.
        """
        with self._transaction() as db:
            self.pruning = prune(db, PRUNED)

    def close(self) -> None:
        """Let go of the file."""
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file; it is let go of after a failure, and what was not committed is rolled back."""
        try:
            yield self._db or self._connect()
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            begun = time.perf_counter()
            db.execute("COMMIT")
            self.committed(time.perf_counter() - begun)

    def _connect(self) -> sqlite3.Connection:
        """Open the file again.  It may be an older copy by now, or another file: what this process
        wrote is known, and must be in it."""
        mine = Known("daemon", self.end.chain, self.end.seq, self.end.digest.hex())
        self._db, self.end = file.connect(self.path, self._gateway)
        self._hold_against(self._db, [mine])
        return self._db

    def _hold_against(self, db: sqlite3.Connection, known: Iterable[Known]) -> Loss | None:
        loss = file.held_against(self.path, db, self.end, known)
        if loss is not None:
            self.end = file.begin_origin(db, self._gateway, self.end, loss)
            self._tree = LedgerTree(self.end.first)
            self.follows = file.followed(db, self.end.first)
            self.is_new = True
            if loss.known.source == KEY_LOST:
                said = (
                    "the key that signed the log is gone: number %d begins a new name and a new key"
                )
                log.critical(said, self.end.seq)
                return loss
            log.critical(
                "the log ends with record %d, and %s knows record %d: records are lost. The log "
                "goes on with number %d under a new name",
                loss.last_seq,
                loss.known.source,
                loss.known.seq,
                self.end.seq,
            )
        return loss

    def _about_ourselves(self, late: Sequence[int]) -> Iterator[NewEvent]:
        """What the log has to say of itself before it goes on."""
        if self.refused:
            data = {"refused": self.refused}
            yield NewEvent(EventType.LEDGER_RECOVERED, self._gateway, data)
        if late:
            yield NewEvent(EventType.LEDGER_LATE, self._gateway, {"seqs": list(late)})

    def _insert(
        self, db: sqlite3.Connection, event: NewEvent, end: End, bodies: list[str]
    ) -> tuple[End, Event]:
        """Add one record inside the transaction, and its body to `bodies`; an id that is there
        already adds nothing."""
        if event.id:
            row = db.execute(
                "SELECT seq, body, hash FROM events WHERE id = ?", (event.id,)
            ).fetchone()
            if row is not None:
                return end, chain.to_event(row[0], row[1], row[2], b"")
            if (archived := archived_seq(db, event.id)) is not None:
                # Its archive is not read here: it may be far away, and somebody may wait.
                when = chain.utc_text(event.time or datetime.now(UTC))
                return end, Event(
                    archived, event.id, when, event.type, event.subject, event.data, "", ""
                )
        event = self._complete(event)
        seq, given = end.seq + 1, event.id or None
        key, moment = given or f"{end.chain}-{seq}", event.time or datetime.now(UTC)
        body = chain.body_of(event, key, moment)
        digest = chain.link(end.digest, seq, chain.digest_of(body))
        db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (seq, given, body, digest))
        bodies.append(body)
        when = chain.utc_text(moment)
        record = Event(
            seq, key, when, event.type, event.subject, event.data, digest.hex(), end.digest.hex()
        )
        known = end.marks.after(event.type, when, sure=self.clock_is_sure())
        return End(seq, digest, known, end.first, end.chain), record


def _never() -> bool:
    return False


def _not_counted(seconds: float) -> None:
    pass
