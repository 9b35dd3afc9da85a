"""What a packet is made of: days, tables, figures, deviations, and what each topic found.

Nothing here holds words in one language.  Words are a `Message`, or a `Column` that turns a cell
into words; whoever writes a page says them in the language in use.  What says something about a
person is marked (`Personal`, `Column.personal`), so that a redacted edition can leave it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar, Protocol
from zoneinfo import ZoneInfo

from gateway.config import Settings
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import Message


class When(StrEnum):
    """Where the time of a record lies against the days of a packet."""

    BEFORE = "before"
    INSIDE = "inside"
    AFTER = "after"  # up to the checkpoint: what became of things that began inside


@dataclass(frozen=True)
class Span:
    """The local days `first` to `last` at the site, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @cached_property
    def begin(self) -> str:
        """The first moment of it, as records have times (RFC 3339, UTC)."""
        return self.midnight(self.first)

    @cached_property
    def end(self) -> str:
        """The first moment after it, likewise."""
        return self.midnight(self.last + timedelta(days=1))

    def when(self, moment: str) -> When:
        """Where a record's time lies."""
        if moment < self.begin:
            return When.BEFORE
        return When.INSIDE if moment < self.end else When.AFTER

    def midnight(self, day: date) -> str:
        """The first moment of a local day, as records have times."""
        return utc_text(datetime.combine(day, time(), self.zone))


class Personal(str):
    """A text that says who somebody is, in a `Message`: a redacted edition withholds it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    `title` is English, marked by `N_`.  `words` says a cell in the language in use.  `width` is its
    share of the page's width.  `personal` cells are withheld in a redacted edition.
    """

    key: str
    title: str
    words: Callable[[Any], str] = str
    width: float = 1.0
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the packet; its rows are in the spool under its key, which also names its file."""

    key: str
    title: Message
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its cells by the keys of the columns (JSON values, times as records have them), and
    the numbers of the records that show it."""

    cells: Mapping[str, Any]
    records: tuple[int, ...]


class Unit(StrEnum):
    """The unit of a figure."""

    COUNT = "count"
    SECONDS = "s"
    DAYS = "days"
    SHARE = "share"  # 0 to 1
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that the topic counted, such as the visits that began in the span.

    `value` None says that nothing was there to measure.  `of` is what it is a part of, if anything.
    """

    key: str
    label: Message
    value: int | float | str | None
    unit: Unit = Unit.COUNT
    of: int | None = None


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that was not as the criterion asks, and what became of it.

    `rule` is a stable code, one for each kind (`visit_not_left`).  `at` is the time of the first
    record that shows it.  `handled` says how it was dealt with, by whom and when; if it is None,
    nobody did.  `open` says whether it still is so at the checkpoint.
    """

    rule: str
    words: Message
    at: str
    records: tuple[int, ...]
    handled: Message | None = None
    handled_by: str = ""
    handled_at: str = ""
    open: bool = False


class Frequency(StrEnum):
    """How often the things of a population happen: of what is daily a sample is drawn by lot, what
    is rare is shown whole."""

    DAILY = "daily"
    RARE = "rare"


@dataclass(frozen=True, slots=True)
class Population:
    """The rows of a table from which a sample is drawn."""

    table: str
    title: Message
    frequency: Frequency


@dataclass(slots=True)
class Found:
    """What a topic found in the span."""

    key: str
    title: Message
    figures: list[Figure] = field(default_factory=list)
    deviations: list[Deviation] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    populations: list[Population] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    """What a reader has to know, such as what the records of this site can't show."""


class Rows(Protocol):
    """Where rows of tables are put (spool.py)."""

    def add(self, table: str, cells: Mapping[str, Any], records: tuple[int, ...]) -> None: ...


@dataclass(frozen=True)
class Place:
    """What a topic works with: the site's settings, the days, where rows go, and the time of the
    last record that the packet takes in, which stands for now."""

    settings: Settings
    span: Span
    rows: Rows
    as_of: datetime


class Topic(Protocol):
    """One subject, such as visitors.  It gets the records in order and then says what it found.

    `reads` are the types that it gets from inside the span and after it, `before` those that it
    gets from before it too (for what was so when the span began).  `rules` are the codes of the
    deviations that it may find, each with what it means (English, marked by `N_`).  It finds its
    figures and tables also in an empty log, with nothing in them.
    """

    key: ClassVar[str]
    rules: ClassVar[Mapping[str, str]]
    reads: ClassVar[frozenset[EventType]]
    before: ClassVar[frozenset[EventType]]

    def __init__(self, place: Place) -> None: ...

    def take(self, event: Event, when: When) -> None: ...

    def found(self) -> Found: ...
