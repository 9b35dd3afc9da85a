"""A personnel list that was read: its people, and everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from gateway.decide.model import Person
from gateway.locale import Message, worded


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong, and where.

    `line` counts from 1 (in JSON it is the person's place in the list, 0 is the whole file).
    `column` is a column's name, or "" for the row or file as a whole.
    """

    line: int
    column: str
    message: Message | str

    @property
    def sentence(self) -> Message:
        """Where and what, for people of any language."""
        line, column, what = self.line, self.column, self.message
        if line:
            if column:
                return worded("line {line}, {column}: {what}", line=line, column=column, what=what)
            return worded("line {line}: {what}", line=line, what=what)
        if column:
            return worded("file, {column}: {what}", column=column, what=what)
        return worded("file: {what}", what=what)

    def __str__(self) -> str:
        return self.sentence.say()


@dataclass(slots=True)
class Source:
    """A list that was read: its people in its order, everything wrong with it, and its hash.

    A source with one error must not be used at all.

    `kinds` are the requirements that the list keeps; `requirements` is what each person has of
    them (last good day).  Kinds that the list does not name are left alone.  `heads` is how the
    sheet writes our columns; `absent` are the columns that a list may have and this one does not.
    `revoked_at` says when the source revoked a person, `generated_at` when the source made the
    list, `received_at` when this gate got it, all aware.  `removals` is None for a whole list; a
    delta names there the people who go, and says in `ops` what it does to the others (add or
    change).  `serial` counts the bundles of one signer.
    """

    name: str
    people: list[Person] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    sha256: str = ""
    requirements: dict[str, dict[str, date]] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    heads: dict[str, str] = field(default_factory=dict, compare=False)
    absent: set[str] = field(default_factory=set)
    revoked_at: dict[str, datetime] = field(default_factory=dict)
    generated_at: datetime | None = None
    modified_at: datetime | None = None
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)
    serial: int | None = None
    removals: list[str] | None = None
    ops: dict[str, str] = field(default_factory=dict)

    @property
    def delta(self) -> bool:
        """Whether this list names only the people whom it changes."""
        return self.removals is not None
