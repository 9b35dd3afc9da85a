"""One request to the witness: judged, the new head stored, and only then the cosignature told."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.proof.checkpoint import cosign
from gateway.proof.note import Note, NoteError, Signer
from gateway.proof.submission import Submission
from gateway.witness.judge import TEXT, Logs, Refused, check_grown, known_log, only_of
from gateway.witness.store import Held, Store, StoreError

log = logging.getLogger("garita.witness.service")

CLOCK_BACK_S = 60
"""A clock that lies further behind our own newest cosignature is not believed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: str
    media: str = TEXT


class Witness:
    """Cosigns with `signer` for `logs`; `clock` gives Unix seconds."""

    def __init__(
        self,
        signer: Signer,
        logs: Logs,
        store: Store,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signer = signer
        self._logs = logs
        self._store = store
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer POST add-checkpoint; blocks until the new head is on the disk."""
        origin = ""
        try:
            try:
                submission = Submission.parse(body)
            except NoteError as error:
                raise Refused(400, f"{error}\n") from error
            new = known_log(submission, self._logs)
            origin = new.origin
            signers = only_of(self._logs.of(origin))

            def step(held: Held | None, newest: int) -> Held:
                if held is None and self._logs.began_anew(origin):
                    log.warning("%s: a gate's log began anew, under this name", origin)
                check_grown(submission, new, held.checkpoint if held else None)
                now = int(self._clock())
                if now < newest - CLOCK_BACK_S:
                    log.error("the clock lies behind our newest cosignature: nothing is cosigned")
                    raise Refused(503, "the clock of this witness is wrong\n")
                line = cosign(submission.checkpoint.text, self._signer, now)
                kept = [
                    one
                    for one in submission.checkpoint.signatures
                    if (one.name, one.key_id) in signers
                ]
                return Held(new, Note(submission.checkpoint.text, (*kept, line)), now)

            made = self._store.advance(origin, step)
        except Refused as refused:
            if refused.status in {403, 422}:
                log.warning("%s: %d %s", origin or "?", refused.status, refused.body.strip())
            return Answer(refused.status, refused.body, refused.media)
        except StoreError as error:
            log.error("%s", error)
            return Answer(503, "this witness can't store what it would cosign\n")
        return Answer(200, f"{made.note.signatures[-1].line()}\n")

    def checkpoint(self, digest: str) -> Answer:
        """Answer GET <origin hash>/checkpoint: the newest head that we cosigned."""
        try:
            held = self._store.named(digest, hashed)
        except StoreError as error:
            log.error("%s", error)
            return Answer(503, "this witness can't read what it holds\n")
        if held is None:
            return Answer(404, "nothing of such a log was cosigned here\n")
        return Answer(200, held.note.write())


def hashed(origin: str) -> str:
    """The name of a log as addresses have it: SHA-256, in hex."""
    return hashlib.sha256(origin.encode()).hexdigest()
