"""What a log hands to a witness, and what comes back: c2sp.org/tlog-witness 1.0.0, add-checkpoint.

    old 4700                         the size that the witness cosigned last
    <base64 of a hash>               one line for each of the proof of consistency
                                     a blank line, then the checkpoint with its signatures

The answer is the witness's cosignature of the checkpoint, as a signature line.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from gateway.proof.checkpoint import cosignature_time
from gateway.proof.merkle import HASH_SIZE
from gateway.proof.note import Note, NoteError, Signature, VerifierKey, decode, parse, parse_line

MOST_HASHES = 63
MOST_LINES = 16
"""So many signature lines of an answer are looked at."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint, and the proof that its log only added to what it had at size `old`."""

    old: int
    hashes: tuple[bytes, ...]
    checkpoint: Note

    def write(self) -> str:
        """The body of the request."""
        proof = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.hashes)
        return f"old {self.old}\n{proof}\n{self.checkpoint.write()}"

    @classmethod
    def parse(cls, data: bytes) -> Submission:
        """Read such a body; nothing is checked but its form.  Raises NoteError."""
        try:
            head, blank, note = data.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise NoteError("the request is not UTF-8") from error
        first, *rest = head.split("\n")
        if not blank or not first.startswith("old "):
            raise NoteError("the request does not begin with an old size and a proof")
        if len(rest) > MOST_HASHES:
            raise NoteError("the proof has more hashes than any tree")
        hashes = tuple(decode(row) for row in rest)
        if any(len(one) != HASH_SIZE for one in hashes):
            raise NoteError("a hash of the proof does not have 32 bytes")
        return cls(read_size(first.removeprefix("old ")), hashes, parse(note))


def read_size(text: str) -> int:
    """The size of a tree in decimal, as requests and answers have it; raises NoteError."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or str(int(text)) != text:
        raise NoteError("a size is a decimal number without leading zeros")
    return int(text)


def cosignature_in(answer: bytes, text: str, key: VerifierKey) -> Signature | None:
    """The cosignature by `key` of the checkpoint's `text`, out of a witness's answer.

    Lines of other keys, and lines that are wrong, count for nothing: None if none is left.
    """
    for row in answer[: MOST_LINES * 8192].split(b"\n")[:MOST_LINES]:
        try:
            line = parse_line(row.decode())
        except (NoteError, UnicodeDecodeError):
            continue
        if (line.name, line.key_id) == (key.name, key.key_id) and cosignature_time(text, line, key):
            return line
    return None
