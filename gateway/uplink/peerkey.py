"""The key of another gate's log, and what it changed to.

The record of a change holds a note that the old key and the new one signed (gateway/proof/
keychange.py), so it needs no signed head that leads to it.  From then on the old key counts for
nothing.  Whoever was away when the key changed hears a head of an unknown key, and looks for the
record of the change behind the last head that it knows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from gateway.proof.keychange import KeyChange
from gateway.proof.note import NoteError, VerifierKey, parse

CHANGES = 16  # that are kept until the one before them has come
BLOCK = 1000  # records that are asked for at once
ASK_S = 10.0  # before it is asked again
AGAIN_S = 600.0  # before it is looked for again behind the same record
IN_VAIN = 3  # questions without an answer


class PeerKey:
    """`configured` is the key of the configuration, `now` the one in force."""

    def __init__(self, configured: VerifierKey) -> None:
        self.configured = self.now = configured
        self._changes: list[KeyChange] = []
        self._seek: int | None = None  # from which record on a change is looked for
        self._asked_at: float | None = None
        self._asked = 0
        self._sought = 0, 0.0  # behind which record it was looked for, and when

    def resume(self, kept: Mapping[str, Any]) -> None:
        """Go on with the key that an earlier run followed to, if the configuration is the same."""
        if kept.get("configured") == self.configured.public.hex():
            with contextlib.suppress(KeyError, NoteError, ValueError):
                public = bytes.fromhex(str(kept["key"]))
                self.now = VerifierKey(self.configured.name, public)

    @property
    def kept(self) -> dict[str, str]:
        """What the next run has to know; empty if the key never changed."""
        if self.now == self.configured:
            return {}
        return {"key": self.now.public.hex(), "configured": self.configured.public.hex()}

    def hear_change(self, text: str) -> None:
        """A record has this note; changes may come in any order."""
        try:
            found = KeyChange.open(text)
        except NoteError:
            return
        if found.old.name.rpartition("/")[0] != self.configured.name.rpartition("/")[0]:
            return
        self._changes = [*self._changes[1 - CHANGES :], found]
        for _ in self._changes:
            for one in self._changes:
                if one.old.public == self.now.public:
                    self.now = VerifierKey(self.configured.name, one.new.public)
                    self._seek, self._sought = None, (0, 0.0)

    def looks_for(self, payload: bytes, origin: str, seq: int, now: float) -> bool:
        """Whether a head that the key in force did not sign, and that came at `now` (Unix seconds),
        may be of one that is looked for; `origin` and `seq` are of the last head that is known."""
        try:
            note = parse(payload)
            name = note.text.split("\n", 1)[0]
            theirs = any(line.name == name for line in note.signatures)
            claimed = VerifierKey(name, self.now.public).lines(note)
        except NoteError:
            return False
        if not theirs or claimed or name != origin:
            return False
        before, at = self._sought
        if self._seek is None and (before != seq or now - at > AGAIN_S):
            self._seek, self._sought, self._asked_at, self._asked = seq + 1, (seq, now), None, 0
        return self._seek is not None

    def wants(self, now: float) -> tuple[int, int] | None:
        """The records to ask for at `now` (seconds of any clock that goes on): first and last."""
        if self._seek is None or (self._asked_at is not None and now - self._asked_at < ASK_S):
            return None
        if self._asked >= IN_VAIN:
            self._seek = None
            return None
        self._asked_at, self._asked = now, self._asked + 1
        return self._seek, self._seek + BLOCK - 1

    def hear_answered(self, first: int, last: int, count: int) -> None:
        """An answer ended; without a record there is nothing behind it."""
        if first == self._seek:
            self._seek, self._asked = (last + 1 if count > 0 else None), 0
