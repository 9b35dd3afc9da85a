"""A log's change of key: the old key and the new one both sign a note that names them.

    <origin>
    key-change/v1
    <old key as name+id+base64>
    <new key>

The note is kept in a record of the log (`ledger.key_changed`), so the tree says from which size on
the new key speaks.  Whoever trusts one of the two keys follows the note to the other.  A checkpoint
has its size in the second line, so no signature of the one can be taken for one of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.proof.checkpoint import open_checkpoint
from gateway.proof.note import Note, NoteError, Signer, VerifierKey, parse

_FORM = "key-change/v1"
_NOT_FOLLOWED = "the key was changed, and the one before it did not sign that"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """`old` and `new` are keys of one log, and both say so."""

    old: VerifierKey
    new: VerifierKey

    @classmethod
    def open(cls, text: str) -> KeyChange:
        """Read and check such a note; raises NoteError."""
        note = parse(text)
        lines = note.text.split("\n")
        if len(lines) != 5 or lines[1] != _FORM:
            raise NoteError("this is not a change of a log's key")
        found = cls(VerifierKey.parse(lines[2]), VerifierKey.parse(lines[3]))
        if not lines[0] == found.old.name == found.new.name or found.old == found.new:
            raise NoteError("a change of key is between two keys of one log")
        if not (found.old.signed(note) and found.new.signed(note)):
            raise NoteError("the old key and the new one must both sign")
        return found


def sign_change(old: Signer, new: Signer) -> str:
    """The note for the change from `old` to `new`; raises NoteError."""
    text = f"{old.name}\n{_FORM}\n{old.key}\n{new.key}\n"
    return Note(text, (old.sign(text), new.sign(text))).write()


class UnknownKey(NoteError):
    """Nobody whom the verifier trusts speaks for this log."""


@dataclass(slots=True)
class LogKeys:
    """Which key speaks for one log at which size of its tree.

    `trusted` are keys that somebody got elsewhere, in any order.  `own_word` says that nobody did:
    then the first key that the log names itself has to do.
    """

    trusted: Sequence[VerifierKey] = ()
    own_word: bool = False
    _first: VerifierKey | None = None
    _changes: list[tuple[int, KeyChange]] = field(default_factory=list)
    _broken_at: int | None = None

    def named(self, key: VerifierKey) -> None:
        """The log names its key, in the order of its records; the first one counts."""
        if self._first is None:
            self._first = key

    def change(self, size: int, text: object) -> None:
        """The record that makes the tree `size` large says that the key changes.

        Raises NoteError if it is not signed by the key so far: nothing after it is then believed.
        """
        try:
            found = KeyChange.open(str(text))
            held = self._changes[-1][1].new if self._changes else self._first
            if self._broken_at is not None or (held is not None and held != found.old):
                raise NoteError(_NOT_FOLLOWED)
        except NoteError as error:
            if self._broken_at is None:
                self._broken_at = size
            raise NoteError(_NOT_FOLLOWED) from error
        self._changes.append((size, found))

    def of_size(self, size: int) -> Sequence[VerifierKey]:
        """The keys of which one must have signed the checkpoint of this size; raises UnknownKey."""
        if self._changes:
            line = [self._changes[0][1].old, *(change.new for _, change in self._changes)]
        else:
            line = [self._first] if self._first is not None and self.own_word else []
        if not self.own_word and not any(key in self.trusted for key in line):
            line = []
        if not line:
            if not self.trusted:
                raise UnknownKey("the key of the log is not known")
            return self.trusted
        if self._broken_at is not None and size >= self._broken_at:
            raise UnknownKey(_NOT_FOLLOWED)
        passed = sum(1 for at, _ in self._changes if at <= size)
        return [line[passed]]

    def check(self, size: int, note: Note) -> None:
        """Whether a checkpoint of this log is signed by the key that speaks for it at its size;
        raises NoteError."""
        keys = self.of_size(size)
        for key in keys:
            if key.lines(note):
                open_checkpoint(note, key)
                return
        raise NoteError(_not_signed(keys, note))


def _not_signed(keys: Iterable[VerifierKey], note: Note) -> str:
    name = next(iter(keys)).name
    if any(line.name == name for line in note.signatures):
        return f"another key of {name} signed it, and no record says that the key changed"
    return f"{name} did not sign the checkpoint"
