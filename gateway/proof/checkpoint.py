"""Checkpoints and cosignatures: c2sp.org/tlog-checkpoint 1.0.0, c2sp.org/tlog-cosignature 1.0.1.

A checkpoint is a signed note whose text says how large a log is and what its root is:

    example.com/garita/gate-1        the origin: the name of the log and of its key
    4711                             the number of its entries
    b64b64b64b64b64b64b64b64b64=     the root of its tree

A witness adds a cosignature: as of this time, this is the largest head of this log that I have
seen, and it holds all that I saw before.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass

from gateway.proof.merkle import HASH_SIZE, LARGEST
from gateway.proof.note import (
    COSIGNATURE,
    Note,
    NoteError,
    Signature,
    Signer,
    VerifierKey,
    check_text,
    decode,
    good_name,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: how many entries it has, and the 32-byte root of their tree."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The text that is signed; raises NoteError if it can't be one."""
        if not good_name(self.origin) or not 0 <= self.size <= LARGEST:
            raise NoteError("the origin or the size can't stand in a checkpoint")
        if len(self.root) != HASH_SIZE:
            raise NoteError("a root has 32 bytes")
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode()]
        text = "".join(f"{line}\n" for line in (*lines, *self.extensions))
        check_text(text)
        return text

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a checkpoint's text; raises NoteError."""
        check_text(text)
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3 or not all(lines):
            raise NoteError("a checkpoint has three lines or more, none of them empty")
        origin, size, root = lines[:3]
        if not (size.isascii() and size.isdigit()) or len(size) > 19 or str(int(size)) != size:
            raise NoteError("the size of a checkpoint is a decimal number without leading zeros")
        found = cls(origin, int(size), decode(root), tuple(lines[3:]))
        if found.text() != text:
            raise NoteError("the checkpoint is not in its form")
        return found


def sign(checkpoint: Checkpoint, signer: Signer) -> Note:
    """The signed checkpoint of a log; the signer's name is the origin.  Raises NoteError."""
    if signer.name != checkpoint.origin:
        raise NoteError("the origin of a checkpoint is the name of its log's key")
    text = checkpoint.text()
    return Note(text, (signer.sign(text),))


def open_checkpoint(note: Note, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a note, if `key` signed it and it is of that log; raises NoteError."""
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != key.name:
        raise NoteError(f"the checkpoint is of {checkpoint.origin} and not of {key.name}")
    if not key.signed(note):
        raise NoteError(f"{key.name} did not sign the checkpoint")
    return checkpoint


def cosign(text: str, signer: Signer, time: int) -> Signature:
    """A witness's signature of a checkpoint's text; `time` in Unix seconds.

    Raises NoteError if the key is not one for cosignatures: one key serves one role.
    """
    if signer.kind != COSIGNATURE:
        raise NoteError("this key is not one for cosignatures")
    Checkpoint.parse(text)
    value = struct.pack(">Q", time) + signer.private.sign(_cosigned(text, time))
    return Signature(signer.name, signer.key.key_id, value)


def cosigned_at(note: Note, key: VerifierKey) -> int | None:
    """When the witness with `key` cosigned this note, in Unix seconds; None if it did not.

    The newest time, if it did so more than once.  Raises NoteError if a line that claims to be of
    this key is wrong.
    """
    times: list[int] = []
    for line in key.lines(note):
        time = cosignature_time(note.text, line, key)
        if time is None:
            raise NoteError(f"the cosignature of {key.name} is wrong")
        times.append(time)
    return max(times, default=None)


def cosignature_time(text: str, line: Signature, key: VerifierKey) -> int | None:
    """The time of one cosignature, or None if `key` did not make it for this text."""
    if key.kind != COSIGNATURE or len(line.value) != 8 + 64:
        return None
    time = int.from_bytes(line.value[:8], "big")
    if time > LARGEST or not key.verifies(_cosigned(text, time), line.value[8:]):
        return None
    return time


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
