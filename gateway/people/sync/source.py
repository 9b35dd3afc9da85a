"""A personnel list that was read: its people, and everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from gateway.decide.model import Person


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong, and where.

    `line` counts from 1 (in JSON it is the person's place in the list, 0 is the whole file).
    `column` is a column's name, or "" for the row or file as a whole.
    """

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else "file"
        return (
            f"{where}, {self.column}: {self.message}" if self.column else f"{where}: {self.message}"
        )


@dataclass(slots=True)
class Source:
    """A list that was read: its people in its order, everything wrong with it, and its hash.

    A source with one error must not be used at all.

    `kinds` are the requirements that the list keeps; `requirements` is what each person has of
    them (last good day).  Kinds that the list does not name are left alone.  `revoked_at` says
    when the source revoked a person, `generated_at` when the source made the list, both aware.
    `removals` is None for a whole list; a delta names there the people who go, and says in `ops`
    what it does to the others (add or change).  `serial` counts the bundles of one signer.
    """

    name: str
    people: list[Person] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    sha256: str = ""
    requirements: dict[str, dict[str, date]] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    revoked_at: dict[str, datetime] = field(default_factory=dict)
    generated_at: datetime | None = None
    modified_at: datetime | None = None
    serial: int | None = None
    removals: list[str] | None = None
    ops: dict[str, str] = field(default_factory=dict)

    @property
    def delta(self) -> bool:
        """Whether this list names only the people whom it changes."""
        return self.removals is not None
