"""The packet as a value: what the writers (PDF, JSON, CSV, OSCAL) write, each in its own form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.config import Settings
from gateway.config.criteria import Criterion
from gateway.evidence.model import Deviation, Figure, Found, Population, Row, Span, Table
from gateway.ledger.heads import Signed
from gateway.locale import Message
from gateway.proof.note import VerifierKey


class Standing(StrEnum):
    """What the packet says about a criterion.  None of them means that it is fulfilled: that is for
    people to judge."""

    DEVIATIONS = "deviations"  # a rule failed, whatever was done about it
    SHOWN = "shown"  # records or documents are here, and no rule failed
    NOT_SHOWN = "not_shown"  # neither records nor a document


@dataclass(frozen=True, slots=True)
class Document:
    """A document that the site registered for criteria, as the log has it (`document.attached`).

    `path` is its place in the packet, or "" if its file is missing or is not the one of the record;
    then `missing` says why.  Dates are ISO days, "" if none was given.
    """

    id: str
    title: str
    criteria: tuple[str, ...]
    sha256: str
    bytes: int
    approved_by: str
    approved_on: str
    review_due: str
    by: str
    at: str
    record: int
    path: str = ""
    missing: Message | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A review that somebody recorded (`review.recorded`): of the log, of footage, of accesses, the
    risk assessment and the like.  `begin` and `end` are the days that it looked at."""

    kind: str
    begin: str
    end: str
    found: str
    action: str
    next_due: str
    by: str
    at: str
    record: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What the lottery drew of a population: `drawn` are the numbers of the rows (from 0) of
    `count`, in the order in which they were drawn; `rows` are those rows."""

    population: Population
    count: int
    drawn: tuple[int, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the evidence says to one question of the portal's security profile.  `stand` is
    ``supported``, ``document``, ``not_gate`` or ``open``, `text` says why, `documents` are ids."""

    question: int
    criterion: str
    stand: str
    text: Message
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One criterion.

    `enforces`, `records` and `cannot` are by language: what the gate enforces, what it only
    records, and what it can't show.  `topics` are the keys of what was found for it; figures,
    deviations and samples are those that count for this criterion.
    """

    criterion: Criterion
    standing: Standing
    enforces: Mapping[str, str]
    records: Mapping[str, str]
    cannot: Mapping[str, str]
    topics: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    tables: tuple[Table, ...] = ()
    samples: tuple[Sample, ...] = ()
    documents: tuple[Document, ...] = ()
    reviews: tuple[Review, ...] = ()
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The numbers of the same in other programmes, such as ``{"oea-2020": ("4.1",)}``."""


@dataclass(frozen=True, slots=True)
class LogState:
    """Whether the log itself can be believed, as of the checkpoint.

    `problems` are (number, words) from its verification; `missing` are archives that can't be read
    (first, last, why); `clock_back` the numbers at which the time went back, with the seconds.
    `signed` are the records that the checkpoint covers, `cosigned` the names of its witnesses.
    """

    problems: tuple[tuple[int, str], ...] = ()
    missing: tuple[tuple[int, int, str], ...] = ()
    clock_back: tuple[tuple[int, int], ...] = ()
    begins: int = 1
    redacted: int = 0
    unreadable: tuple[int, ...] = ()
    signed: bool = False
    cosigned: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing of it is broken."""
        return self.signed and not (self.problems or self.missing or self.unreadable)


@dataclass(frozen=True, slots=True)
class Change:
    """What differs from the packet of a year before: a figure of a criterion, then and now."""

    criterion: str
    label: Message
    then: int | float | str | None
    now: int | float | str | None


@dataclass(slots=True)
class Packet:
    """Everything.  `as_of` is the time of the last record that the checkpoint covers; `head` is
    None if nothing is signed.  `seed` is the lottery's (hex)."""

    settings: Settings
    span: Span
    as_of: datetime
    head: Signed | None
    last_seq: int
    keys: tuple[VerifierKey, ...]
    log: LogState
    word: str
    seed: str
    redacted: bool
    found: dict[str, Found] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    compared: Mapping[str, Any] | None = None
    """The packet of before that `changes` compare with: its span and its manifest's hash."""
    old_numbers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Numbers of the first table of criteria that records in the span carry, and today's."""
    records: dict[str, int] = field(default_factory=dict)
