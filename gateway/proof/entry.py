"""The proof of one entry: c2sp.org/tlog-proof, version 1.

It shows one entry of a log without showing the others: the entry's number, the hashes beside its
way up the tree, and the log's signed checkpoint.

    c2sp.org/tlog-proof@v1
    extra <base64>              (may be missing)
    index 4710
    <base64 of a hash>          one line for each
                                a blank line, then the checkpoint with its signatures
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from gateway.proof import merkle
from gateway.proof.checkpoint import Checkpoint, open_checkpoint
from gateway.proof.note import Note, NoteError, VerifierKey, decode, parse

_FIRST = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class EntryProof:
    """Entry `index` (from 0) is in the tree of `checkpoint`; `hashes` lead up to its root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes | None = None

    def write(self) -> str:
        """The proof as a `.tlog-proof` file has it."""
        lines = [_FIRST]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "\n".join(lines) + "\n\n" + self.checkpoint.write()

    @classmethod
    def parse(cls, text: str) -> EntryProof:
        """Read such a file; nothing is checked but its form.  Raises NoteError."""
        head, blank, note = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or lines[0] != _FIRST:
            raise NoteError("this is not a proof of version 1 (c2sp.org/tlog-proof@v1)")
        rest = lines[1:]
        extra = None
        if rest and rest[0].startswith("extra "):
            extra = decode(rest.pop(0).removeprefix("extra "))
        number = rest.pop(0).removeprefix("index ") if rest and rest[0][:6] == "index " else ""
        if not (number.isascii() and number.isdigit()) or len(number) > 19:
            raise NoteError("the proof does not say which entry it is about")
        if str(int(number)) != number:
            raise NoteError("the index of a proof is a decimal number without leading zeros")
        if len(rest) > MOST_HASHES:
            raise NoteError("the proof has more hashes than any tree")
        hashes = tuple(decode(row) for row in rest)
        if any(len(one) != merkle.HASH_SIZE for one in hashes):
            raise NoteError("a hash of the proof does not have 32 bytes")
        return cls(int(number), hashes, parse(note), extra)

    def check(self, entry: bytes, key: VerifierKey) -> Checkpoint:
        """The checkpoint that holds `entry`, if this proof and the log's `key` show it.

        Raises NoteError that says what does not fit.
        """
        found = open_checkpoint(self.checkpoint, key)
        leaf = merkle.leaf_hash(entry)
        if not merkle.includes(found.root, found.size, self.index, leaf, self.hashes):
            raise NoteError("the entry is not in the log at this place")
        return found
