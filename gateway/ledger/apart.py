"""Checking one archive by itself, without the log that it is of.

The file has all that it takes: the roots of the tree before its records and the hash that the first
one was chained to, the records, and a signed checkpoint with the proof that they are part of what
was signed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from gateway.ledger.archives import SUFFIX
from gateway.ledger.chain import canonical, link, old_link, to_event
from gateway.ledger.errors import LedgerDamaged
from gateway.ledger.segment import Segment
from gateway.proof.checkpoint import Checkpoint, open_checkpoint
from gateway.proof.merkle import Frontier, consistent
from gateway.proof.note import NoteError, VerifierKey, parse

MOST_PROBLEMS = 100


@dataclass(slots=True)
class Apart:
    """What an archive shows: records `first` to `last` of the log `origin`, under a checkpoint over
    `size` records that `key` signed.  `key` is that of the log if none was given."""

    origin: str = ""
    first: int = 0
    last: int = 0
    size: int = 0
    redacted: int = 0
    signed: bool = False
    problems: list[tuple[int, str]] = field(default_factory=list)

    def add(self, seq: int, what: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append((seq, what))


def is_archive(path: Path) -> bool:
    """Whether `path` has the name of an archive."""
    return path.name.endswith(SUFFIX)


def check(
    path: Path, keys: Sequence[VerifierKey], progress: Callable[[int], None] | None = None
) -> Apart:
    """Check the archive at `path`; `keys` are the public keys that the log may be signed with.

    Raises OSError if it can't be read.
    """
    found = Apart()
    try:
        with closing(Segment(path)) as segment:
            _check(segment, keys, found, progress)
    except LedgerDamaged as error:
        found.add(found.first, str(error))
    return found


def _check(
    segment: Segment,
    keys: Sequence[VerifierKey],
    found: Apart,
    progress: Callable[[int], None] | None,
) -> None:
    opening = segment.opening
    found.first, found.last = segment.first, segment.last
    begin = segment.first - opening.origin
    try:
        tree = Frontier(begin, opening.subtrees)
    except ValueError as error:
        found.add(segment.first, str(error))
        return
    prev, expected = opening.prev, segment.first
    for kept in segment.rows(segment.first, segment.last):
        linked = kept.prev == prev and kept.seq == expected
        if kept.redacted is not None:
            found.redacted += 1
            linked = linked and (
                kept.redacted.old or kept.hash == link(prev, kept.seq, kept.digest)
            )
        elif linked and kept.old:
            linked = kept.hash == old_link(prev, kept.seq, kept.body)
        if not linked:
            found.add(kept.seq, "the record or its link was changed")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            event = to_event(kept.seq, kept.body, kept.hash, prev)
            held = ("id", "time", "type", "subject", "data")
            if canonical({name: getattr(event, name) for name in held}) != kept.body:
                found.add(kept.seq, "the record is not in canonical form")
        tree.add(kept.leaf)
        prev, expected = kept.hash, kept.seq + 1
        if progress is not None and kept.seq % 2000 == 0:
            progress(kept.seq)
    if prev != segment.closing.hash or expected != segment.last + 1:
        found.add(segment.last, "the records do not end as the archive says")
    _check_signature(segment, tree, keys, found)


def _check_signature(
    segment: Segment, tree: Frontier, keys: Sequence[VerifierKey], found: Apart
) -> None:
    closing_part = segment.closing
    if not closing_part.checkpoints:
        return
    try:
        note = parse(closing_part.checkpoints[-1])
        head = Checkpoint.parse(note.text)
        found.origin, found.size = head.origin, head.size
        if head.size < tree.size:
            return  # the end of an origin that nobody signed any more
        if not consistent(tree.root(), tree.size, head.root, head.size, closing_part.consistency):
            found.add(segment.last, "the records up to here are not those that were signed")
            return
        key = next((one for one in keys if one.name == head.origin), None)
        if key is None:
            if keys:
                found.add(segment.last, f"the key of {head.origin} is not known")
            return
        open_checkpoint(note, key)
        found.signed = True
    except NoteError as error:
        found.add(segment.last, str(error))
