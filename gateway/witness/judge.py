"""Which checkpoint a witness cosigns: c2sp.org/tlog-witness 1.0.0, in the order of its text.

No I/O.  What arrives is a stranger's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.proof.checkpoint import Checkpoint
from gateway.proof.merkle import EMPTY, consistent
from gateway.proof.note import NoteError, VerifierKey, opened
from gateway.proof.submission import Submission

TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"

# A gateway's log is named <name>/<gateway>/<chain>; when it lost its end it goes on under the same
# name with another chain, 16 random hex digits (gateway/ledger/origin.py).
_CHAIN = re.compile(r"(.+/)[0-9a-f]{16}")


class Refused(Exception):
    """The request is refused with an HTTP status, a body and its media type."""

    def __init__(self, status: int, body: str, media: str = TEXT) -> None:
        super().__init__(body)
        self.status = status
        self.body = body
        self.media = media


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs that a witness knows, by their public keys.

    With `new_origins` it also takes the logs that a gateway begins after it lost records: the same
    key, and a name that differs in the chain alone.
    """

    keys: tuple[VerifierKey, ...]
    new_origins: bool = True

    def began_anew(self, origin: str) -> bool:
        """Whether no key names this log: a gate began it in the place of one that a key names."""
        return all(key.name != origin for key in self.keys)

    def of(self, origin: str) -> list[VerifierKey]:
        """The keys that may sign for the log `origin`; several after a key was changed."""
        known = [key for key in self.keys if key.name == origin]
        if known or not self.new_origins or (found := _CHAIN.fullmatch(origin)) is None:
            return known
        begins = [
            VerifierKey(origin, key.public)
            for key in self.keys
            if (own := _CHAIN.fullmatch(key.name)) is not None and own[1] == found[1]
        ]
        return list(dict.fromkeys(begins))


def known_log(submission: Submission, logs: Logs) -> Checkpoint:
    """The checkpoint that was sent, if a log that the witness knows signed it; raises Refused."""
    try:
        checkpoint = Checkpoint.parse(submission.checkpoint.text)
    except NoteError as error:
        raise Refused(400, f"{error}\n") from error
    keys = logs.of(checkpoint.origin)
    if not keys:
        raise Refused(404, "this witness does not know the log\n")
    try:
        opened(submission.checkpoint, keys)
    except NoteError as error:
        raise Refused(403, f"{error}\n") from error
    if submission.old > checkpoint.size:
        raise Refused(400, "the old size is larger than the checkpoint's\n")
    return checkpoint


def check_grown(submission: Submission, new: Checkpoint, held: Checkpoint | None) -> None:
    """Raise Refused unless `new` only added to what the witness cosigned last (None: nothing)."""
    size, root = (held.size, held.root) if held is not None else (0, EMPTY)
    if submission.old != size:
        raise Refused(409, f"{size}\n", SIZE)
    if not consistent(root, size, new.root, new.size, submission.hashes):
        raise Refused(422, "the proof does not show that the log only added to what it had\n")


def only_of(signatures: Iterable[VerifierKey]) -> set[tuple[str, bytes]]:
    """Names and ids of keys, as signature lines have them."""
    return {(key.name, key.key_id) for key in signatures}
