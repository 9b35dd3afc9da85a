"""What a pattern is made of: a finding, and the detector that makes it.

A finding is worth a look and nothing more: it opens, closes and refuses nothing, and nothing
sounds.  Its words are a `Message`; its score is in bits (how many times a coin would have to fall
alike for the same surprise), and each share of the score has words of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import ClassVar

from gateway.ledger.event import Event
from gateway.locale import Message
from gateway.patterns.read import person
from gateway.patterns.state import Books

MOST_RECORDS = 40
"""So many records at most stand in a finding: the newest."""

Shares = tuple[tuple[Message, float], ...]


class State(StrEnum):
    """The life of a finding, as the records `pattern.finding` say it."""

    NEW = "new"
    LOOKED_AT = "looked_at"
    EXPLAINED = "explained"
    CONFIRMED = "confirmed"
    ACTED_UPON = "acted_upon"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should look at.

    `day` is the local day on which it was seen, `score_bits` the surprise after what was to be
    expected of so many looks, `shares` say what it is made of.  `about` names the things it is
    about (person, door, carrier, driver, ...: ids or names as records have them), `records` the
    numbers of the records that show it.
    """

    id: str
    detector: str
    day: date
    score_bits: float
    words: Message
    shares: Shares
    about: Mapping[str, str]
    records: tuple[int, ...]

    @property
    def subject(self) -> str:
        """By what two findings of one detector are about the same: the detector and `about`."""
        return subject_of(self.detector, self.about)


def subject_of(detector: str, about: Mapping[str, str]) -> str:
    """The detector and what it is about, as one text.  The day and the truck don't count: the same
    driver with another truck is the same subject."""
    parts = [f"{key}={about[key]}" for key in sorted(about) if key not in ("freight", "hour")]
    return "|".join([detector, *parts])


def finding(
    detector: str,
    day: date,
    bits: float,
    words: Message,
    shares: Iterable[tuple[Message, float]],
    about: Mapping[str, str],
    records: Iterable[int],
) -> Finding:
    """A finding with an id that the same log makes again: 10 hex digits of a hash over detector,
    day and what it is about."""
    text = "|".join([detector, day.isoformat(), *(f"{k}={about[k]}" for k in sorted(about))])
    key = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:10]
    kept = tuple(sorted(set(records))[-MOST_RECORDS:])
    ordered = tuple(sorted(shares, key=lambda share: -share[1]))
    return Finding(key, detector, day, round(bits, 1), words, ordered, dict(about), kept)


class Seen:
    """A record with its time at the site: `at` in seconds since 1970, `minute` of the local day (0
    to 1439), and whom it names: id and name, "" for nobody."""

    __slots__ = ("at", "event", "minute", "name", "who")

    def __init__(self, event: Event, at: float, minute: int) -> None:
        self.event, self.at, self.minute = event, at, minute
        self.who, self.name = person(event.data)

    @property
    def hour(self) -> int:
        return self.minute // 60


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding before the budget.  `raw` is the surprise of this one look; the engine takes off
    what so many looks bring by chance."""

    detector: str
    day: date
    raw: float
    words: Message
    shares: Shares
    about: Mapping[str, str]
    records: tuple[int, ...]
    physical: bool = False
    """What cannot be rather than what is rare: no past of the site makes it usual."""


@dataclass(frozen=True, slots=True)
class Day:
    """A local day of the site."""

    date: date
    number: int
    """How many days the engine has seen before it."""

    @property
    def weekend(self) -> bool:
        return self.date.weekday() >= 5


class Detector:
    """One kind of pattern: a small function over the records of its types, with counts that it
    learns.

    `take` gets each record of `reads` of a day in order; `close` says what was odd about the day
    and then learns it.  Nothing here does I/O; `books` keep what was learnt.
    """

    key: ClassVar[str]
    title: ClassVar[Message]
    reads: ClassVar[frozenset[str]]
    warm_up: ClassVar[int] = 21
    """Days that are learnt before anything is said."""

    prior: ClassVar[float] = 0.0
    """Bits that speak for it before anything was counted: how much oftener such a thing is an
    incident than others are.  Chosen by hand on simulated sites (docs/patterns-evaluation.md)."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.tests = 0.0
        """How many looks the day took, set by `close`."""

    def take(self, seen: Seen) -> None:
        """The next record."""
        raise NotImplementedError

    def close(self, day: Day) -> Sequence[Candidate]:
        """What is odd about the day; afterwards the day is learnt."""
        raise NotImplementedError

    def candidate(
        self,
        day: Day,
        raw: float,
        words: Message,
        shares: Iterable[tuple[Message, float]],
        about: Mapping[str, str],
        records: Iterable[int],
        *,
        physical: bool = False,
    ) -> Candidate:
        """A candidate of this detector."""
        return Candidate(
            self.key,
            day.date,
            raw,
            words,
            tuple(shares),
            {name: text for name, text in about.items() if text},
            tuple(records),
            physical,
        )


@dataclass(slots=True)
class Taught:
    """What people said of findings of one detector: how many were explained, how many useful."""

    explained: int = 0
    useful: int = 0
    subjects: dict[str, int] = field(default_factory=dict)
    """How often the same subject was explained."""
