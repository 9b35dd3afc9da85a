"""What ties the quoted records to the log: one file for all of them, instead of a proof for each.

``proofs/records.jsonl`` goes through the tree of a checkpoint from its first leaf to its last:

    {"origin":{"checkpoint":"proofs/checkpoint-1.txt","first":1,"size":4711}}
    {"hidden":{"hash":"<hex>","level":8}}      the root over the next 2^level records
    {"leaf":{"hash":"<hex>","seq":300}}        one record that is withheld
    {"data":{...},"id":...}                    one record, the exact bytes that are in the log

Whoever adds these to a tree (RFC 6962, section 2.1) gets the root of the checkpoint, and then each
record shown is in the log, at its number, unchanged.  A quoted record costs no hash where the one
before it is quoted too.  In a redacted edition a record is withheld and its leaf is here: whoever
gets the record itself some other way can hold it against that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.ledger import LedgerReader, LedgerUnavailable, chain
from gateway.ledger.heads import Heads, Signed
from gateway.ledger.kept import Kept
from gateway.locale import Message, worded
from gateway.proof.merkle import Frontier, Subtree, leaf_hash
from gateway.proof.note import Note, VerifierKey

FILE = "proofs/records.jsonl"
_NEAR = 64
"""Quoted records that are so near each other are read together."""
_CHUNK = 2000
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Proven:
    """How many quoted records the file shows and withholds, and which could not be proven.

    `why` says what kept records from being proven; `files` are the checkpoints' names.
    """

    shown: int = 0
    withheld: int = 0
    unproven: int = 0
    why: Message | None = None
    files: tuple[str, ...] = ()


def write(
    path: Path,
    heads: Sequence[Signed],
    keys: Sequence[VerifierKey],
    quoted: Sequence[int],
    folder: Path,
    *,
    withhold: bool,
    progress: Progress = lambda done, of: None,
) -> Proven:
    """Write the file and the checkpoints into `folder`, for the log at `path`.

    `heads` are the newest checkpoint of each origin, `quoted` numbers in order, each once.  With
    `withhold` no record is shown.  Raises OSError.
    """
    made = Proven()
    names = []
    target = folder / FILE
    target.parent.mkdir(exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file, closing(LedgerReader(path)) as log:
        left = list(quoted)
        for head in heads:
            mine = [seq for seq in left if head.first <= seq <= head.last_seq]
            left = [seq for seq in left if not head.first <= seq <= head.last_seq]
            if not mine and head is not heads[-1]:
                continue
            name = f"proofs/checkpoint-{head.first}.txt"
            (folder / name).write_text(note_of(head.note, keys), encoding="utf-8", newline="")
            names.append(name)
            _write_origin(path, log, head, name, mine, file, made, withhold, progress)
        made.unproven += len(left)
        if left and made.why is None:
            made.why = worded("no checkpoint covers them")
    made.files = tuple(names)
    return made


def note_of(note: Note, keys: Sequence[VerifierKey]) -> str:
    """A checkpoint with the signatures of `keys` alone, so that nothing in it stays unchecked."""
    known = {(key.name, key.key_id) for key in keys}
    lines = tuple(one for one in note.signatures if (one.name, one.key_id) in known)
    return Note(note.text, lines).write()


def _write_origin(
    path: Path,
    log: LedgerReader,
    head: Signed,
    name: str,
    quoted: Sequence[int],
    file: IO[str],
    made: Proven,
    withhold: bool,
    progress: Progress,
) -> None:
    size = head.checkpoint.size
    begin = {"origin": {"checkpoint": name, "first": head.first, "size": size}}
    file.write(chain.canonical(begin) + "\n")
    tree, before = _Written(file), (made.shown, made.withheld)
    try:
        with Heads(path).subtrees(head) as subtree:
            for count, kept in enumerate(_records(log, quoted)):
                index = kept.seq - head.first
                tree.hide(subtree, index)
                _write_record(tree, kept, subtree(0, index), made, withhold)
                if count % _CHUNK == 0:
                    progress(count, len(quoted))
            tree.hide(subtree, size)
    except (LookupError, LedgerUnavailable) as error:
        made.unproven += len(quoted)
        made.why = worded("records for the proof are missing: {error}", error=str(error))
        return
    if tree.frontier.root() != head.checkpoint.root:
        # Which record it is, nobody can tell: none of this origin is proven.
        made.shown, made.withheld, made.unproven = *before, made.unproven + len(quoted)
        made.why = worded("the records are not those that were signed")
    progress(len(quoted), len(quoted))


def _write_record(tree: _Written, kept: Kept, leaf: bytes, made: Proven, withhold: bool) -> None:
    true = kept.redacted is None and leaf_hash(kept.body.encode()) == leaf
    if true and not withhold:
        tree.show(kept.body, leaf)
        made.shown += 1
        return
    tree.withhold(kept.seq, leaf)
    if true or kept.redacted is not None:
        made.withheld += 1
    else:
        made.unproven += 1
        made.why = worded("records were changed after they were signed")


class _Written:
    """Writes the lines of one origin, and follows the tree over them."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.frontier = Frontier()

    def hide(self, subtree: Subtree, end: int) -> None:
        """The leaves up to `end` (not included), in as few complete subtrees as there are."""
        while (at := self.frontier.size) < end:
            level = (end - at).bit_length() - 1
            while at & ((1 << level) - 1):
                level -= 1
            root = subtree(level, at >> level)
            self.frontier.add_subtree(root, level)
            line = {"hidden": {"hash": root.hex(), "level": level}}
            self._file.write(chain.canonical(line) + "\n")

    def show(self, body: str, leaf: bytes) -> None:
        self.frontier.add(leaf)
        self._file.write(f"{body}\n")

    def withhold(self, seq: int, leaf: bytes) -> None:
        self.frontier.add(leaf)
        self._file.write(chain.canonical({"leaf": {"hash": leaf.hex(), "seq": seq}}) + "\n")


def _records(log: LedgerReader, quoted: Sequence[int]) -> Iterator[Kept]:
    """The quoted records, in order; those near each other are read together."""
    at = 0
    while at < len(quoted):
        end = at + 1
        while (
            end < len(quoted)
            and quoted[end] - quoted[end - 1] <= _NEAR
            and quoted[end] - quoted[at] < _CHUNK
        ):
            end += 1
        wanted = frozenset(quoted[at:end])
        for kept in log.between(quoted[at], quoted[end - 1]):
            if kept.seq in wanted:
                yield kept
        at = end
