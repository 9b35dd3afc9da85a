"""Makes an archive of the oldest records in ledger.db, in a process of its own.

    python -m gateway.ledger.archiver LEDGER_DB [--before TIME] [--above-mb N] [--now]

It reads the log beside the gateway that writes it, checks each record as it goes, writes the file,
reads it again and compares.  It changes nothing in ledger.db.  It prints one line of JSON, the row
for the table `archives`, or ``null`` if nothing is due.  The gateway then enters the row and takes
the records out of ledger.db (pen.py).  A run that was killed leaves nothing that counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gateway.ledger import chain
from gateway.ledger.archives import FOLDER, Archive, file_name, list_of
from gateway.ledger.errors import LedgerDamaged, LedgerUnavailable
from gateway.ledger.heads import Heads, Signed
from gateway.ledger.kept import Kept
from gateway.ledger.redacted import redactions
from gateway.ledger.segment import Opening, Segment, SegmentWriter
from gateway.ledger.tree import tiles_of
from gateway.locale import GaritaError, english, worded
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.merkle import Frontier, Subtree, consistency, consistent
from gateway.proof.tiles import subtree_of
from gateway.vault.files import adopt, new_file

MOST = 65_536
"""Records in one archive at most: 256 tiles, about 5 MB."""
STEP = 4_096
"""Records in one archive at least, except where the archive is asked for at once."""
STAYS = 10_000
"""So many of the newest records stay in ledger.db when it is archived for its size."""
_CHUNK = 1_000
_SIZE = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
_SIZE += "pragma_freelist_count, pragma_page_size"


@dataclass(frozen=True, slots=True)
class Wanted:
    """When records go into an archive: those of before the time `before` (RFC 3339, UTC; "" for
    none), the oldest while ledger.db has more than `above_mb` (0: however large), or `now` all that
    a checkpoint covers."""

    before: str = ""
    above_mb: int = 0
    now: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records `first` to `last` of the origin that begins with record `origin`."""

    origin: int
    chain: str
    first: int
    last: int


def due(db: sqlite3.Connection, wanted: Wanted) -> Stretch | None:
    """The next stretch to be archived.  Raises sqlite3.Error."""
    held = list_of(db)
    after = held[-1].last if held else 0
    first = db.execute("SELECT min(seq) FROM events WHERE seq > ?", (after,)).fetchone()[0]
    if first is None:
        return None
    origin, name = _origin_of(db, first)
    newest = db.execute("SELECT max(seq) FROM events").fetchone()[0]
    follower = db.execute("SELECT min(first) FROM origins WHERE first > ?", (first,)).fetchone()[0]
    if follower is not None:  # an origin that has ended: what nobody signed is closed as well
        bound = db.execute("SELECT max(seq) FROM events WHERE seq < ?", (follower,)).fetchone()[0]
    else:
        signed = db.execute(
            "SELECT max(size) FROM checkpoints WHERE origin = ?", (origin,)
        ).fetchone()[0]
        bound = min(newest - 1, origin + (signed or 0) - 1)
    last = min(bound, origin + ((first - origin) // MOST + 1) * MOST - 1)
    if wanted.now:
        # One record stays: that it was archived is a record too, and so there is always one more.
        return Stretch(origin, name, first, last) if last > first else None
    if wanted.above_mb and db.execute(_SIZE).fetchone()[0] > wanted.above_mb << 20:
        end = min(last, newest - STAYS)
    else:
        end = _old_enough(db, first, last, wanted.before) if wanted.before else first - 1
    closed = follower is not None and end == bound
    return Stretch(origin, name, first, end) if end - first + 1 >= (1 if closed else STEP) else None


def _old_enough(db: sqlite3.Connection, first: int, last: int, before: str) -> int:
    """The last record of those that are all older than `before`, in whole steps."""
    end = first - 1
    while end < last:
        step = min(end + STEP, last)
        row = db.execute(
            "SELECT json_extract(body, '$.time') FROM events WHERE seq = ? AND json_valid(body)",
            (step,),
        ).fetchone()
        if row is None or str(row[0]) >= before:
            break
        end = step
    return end


def _origin_of(db: sqlite3.Connection, seq: int) -> tuple[int, str]:
    row = db.execute(
        "SELECT first, chain FROM origins WHERE first <= ? ORDER BY first DESC LIMIT 1", (seq,)
    ).fetchone()
    if row is not None:
        return int(row[0]), str(row[1])
    body, digest = db.execute("SELECT body, hash FROM events WHERE seq = 1").fetchone()
    return 1, str(chain.to_event(1, body, digest, b"").data.get("chain", ""))


def make(path: Path, stretch: Stretch) -> Archive:
    """Write the archive of a stretch, and check it.

    Raises LedgerDamaged if a record is not as it was written, LedgerUnavailable and OSError.
    """
    folder = path.absolute().parent / FOLDER
    if not folder.is_dir():
        folder.mkdir(mode=0o750)
        adopt(folder)
    to = folder / file_name(stretch.chain, stretch.first, stretch.last)
    to.unlink(missing_ok=True)  # of a run that was killed before the gateway knew of it
    notes = [signed for signed in Heads(path).all() if signed.first == stretch.origin]
    size = stretch.last - stretch.origin + 1
    inside = [one for one in notes if stretch.first <= one.last_seq < stretch.last]
    covering = next((one for one in notes if one.checkpoint.size >= size), None)
    closing_ones = [*inside, *([covering] if covering else [])] or notes[-1:]
    try:
        with closing(_connect(path)) as db, new_file(to) as part:
            subtree = subtree_of(tiles_of(db, stretch.origin, max(size, _size(covering))))
            begin = stretch.first - stretch.origin
            roots = tuple(_roots(subtree, begin))
            prev = _hash_before(db, stretch.first)
            tree = Frontier(begin, roots)
            opening = Opening(stretch.origin, stretch.chain, stretch.first, prev, roots)
            with part.open("wb") as file:
                writer = SegmentWriter(file, opening)
                for kept in _checked(db, stretch, prev):
                    writer.add(kept)
                    tree.add(kept.leaf)
                proof = _proof(subtree, tree, covering.checkpoint if covering else None)
                writer.finish(proof, tuple(one.note.write() for one in closing_ones))
                file.flush()
                os.fsync(file.fileno())
            check_again(part, tree, writer.closing.hash)
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"{path}: {error}") from error
    made = writer.closing
    return Archive(
        first=stretch.first,
        last=stretch.last,
        origin=stretch.origin,
        file=to.name,
        hash=made.hash,
        roots=b"".join(tree.roots),
        time=made.time,
        types=chain.canonical(made.types),
        bytes=to.stat().st_size,
        deleted=0,
    )


def check_again(path: Path, tree: Frontier, last_hash: bytes) -> None:
    """Read a new archive from its beginning to its end.  Raises LedgerDamaged."""
    with closing(Segment(path)) as segment:
        again = Frontier(segment.first - segment.opening.origin, list(segment.opening.subtrees))
        found = b""
        for kept in segment.rows(segment.first, segment.last):
            again.add(kept.leaf)
            found = kept.hash
        if found != last_hash or again.root() != tree.root():
            raise LedgerDamaged(worded("{path} does not hold what was written to it", path=path))


def _proof(subtree: Subtree, tree: Frontier, signed: Checkpoint | None) -> tuple[bytes, ...]:
    """That the tree up to the archive's end is part of the one that was signed."""
    if signed is None:
        return ()
    found = tuple(consistency(subtree, tree.size, signed.size))
    if not consistent(tree.root(), tree.size, signed.root, signed.size, found):
        raise LedgerDamaged(worded("the records up to here are not those that were signed"))
    return found


def _checked(db: sqlite3.Connection, stretch: Stretch, prev: bytes) -> Iterator[Kept]:
    """The records of a stretch; raises LedgerDamaged at one that is not as it was written."""
    seq = stretch.first
    gone = redactions(db)  # of a copy that was put in the log's place
    while seq <= stretch.last:
        rows = db.execute(
            "SELECT seq, body, hash FROM events WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?",
            (seq, stretch.last, _CHUNK),
        ).fetchall()
        for number, body, digest in rows:
            try:
                kept = Kept(number, body, digest, prev, gone.get(number))
                old = digest != chain.link(prev, seq, kept.digest)
                if kept.redacted is not None:
                    fits = kept.redacted.old or not old
                else:
                    fits = not old or digest == chain.old_link(prev, seq, body)
                good = number == seq and fits
            except (ValueError, TypeError, AttributeError):
                good = False
            if not good:
                raise LedgerDamaged(worded("record {seq} or its link was changed", seq=seq))
            yield replace(kept, old=old)
            prev, seq = digest, seq + 1
        if not rows:
            raise LedgerDamaged(worded("record {seq} is missing", seq=seq))


def _hash_before(db: sqlite3.Connection, seq: int) -> bytes:
    held = list_of(db)
    row = db.execute(
        "SELECT seq, hash FROM events WHERE seq < ? ORDER BY seq DESC LIMIT 1", (seq,)
    ).fetchone()
    if held and (row is None or row[0] <= held[-1].last):
        return held[-1].hash
    return bytes(row[1]) if row else chain.GENESIS


def _roots(subtree: Subtree, size: int) -> Iterator[bytes]:
    """The roots of the complete subtrees of a tree of `size` leaves, the largest first."""
    begin = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            yield subtree(level, begin >> level)
            begin += 1 << level


def _size(signed: Signed | None) -> int:
    return signed.checkpoint.size if signed is not None else 0


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)


def next_archive(path: Path, wanted: Wanted) -> Archive | None:
    """Make the next archive that is due; None if none is.  Raises as `make` does."""
    try:
        with closing(_connect(path)) as db:
            stretch = due(db, wanted)
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"{path}: {error}") from error
    return make(path, stretch) if stretch else None


def written(one: Archive | None) -> str:
    """The line of JSON for a row of the table."""
    if one is None:
        return "null"
    return json.dumps({**asdict(one), "hash": one.hash.hex(), "roots": one.roots.hex()})


def read(line: str | bytes) -> Archive | None:
    """The row that such a line names.  Raises ValueError, KeyError or TypeError."""
    item = json.loads(line)
    if item is None:
        return None
    item |= {key: bytes.fromhex(item[key]) for key in ("hash", "roots")}
    return Archive(**item)


def main() -> int:
    """The process."""
    parser = argparse.ArgumentParser(prog="python -m gateway.ledger.archiver")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--before", default="")
    parser.add_argument("--above-mb", type=int, default=0)
    parser.add_argument("--now", action="store_true")
    asked = parser.parse_args()
    with contextlib.suppress(OSError):
        os.nice(19)  # a badge comes first
    try:
        found = next_archive(asked.ledger, Wanted(asked.before, asked.above_mb, asked.now))
    except (GaritaError, OSError, LookupError) as error:
        print(english(error) if isinstance(error, GaritaError) else error, file=sys.stderr)
        return 1
    print(written(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
