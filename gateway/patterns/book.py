"""Findings between the engine and the log: as records hold them, what people taught by them, and
the record of the patterns themselves ("of 20 shown, 11 were useful")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from gateway.desk.findings import Known
from gateway.locale import LANGUAGES, Message
from gateway.patterns.model import Finding, Taught, subject_of


def as_record(item: Finding) -> dict[str, Any]:
    """A finding as the data of its first record, without who and state."""
    return {
        "finding": item.id,
        "detector": item.detector,
        "day": item.day.isoformat(),
        "bits": item.score_bits,
        "words": in_all(item.words),
        "shares": [[in_all(words), round(bits, 1)] for words, bits in item.shares],
        "about": dict(item.about),
        "records": list(item.records),
    }


def in_all(words: Message) -> dict[str, str]:
    """A message in every language that has a catalogue."""
    return {language: words.say(language) for language in LANGUAGES}


def taught(found: Iterable[Known]) -> dict[str, Taught]:
    """What people said of findings, by detector."""
    lessons: dict[str, Taught] = {}
    for one in found:
        lesson = lessons.setdefault(one.detector, Taught())
        if one.useful:
            lesson.useful += 1
        elif one.state == "explained":
            lesson.explained += 1
            subject = subject_of(one.detector, one.about)
            lesson.subjects[subject] = lesson.subjects.get(subject, 0) + 1
    return lessons


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings of a time were shown, and what became of them."""

    shown: int = 0
    waiting: int = 0
    """New ones, which nobody looked at."""
    explained: int = 0
    useful: int = 0
    """Confirmed or acted upon."""


def tally(found: Iterable[Known]) -> Tally:
    """The record of the patterns over these findings."""
    all_ = list(found)
    return Tally(
        len(all_),
        sum(one.state == "new" for one in all_),
        sum(one.state == "explained" for one in all_),
        sum(one.useful for one in all_),
    )


def of_week(found: Iterable[Known], monday: date) -> list[Known]:
    """The findings of the week that begins on `monday`, the strangest first."""
    days = {(monday + timedelta(n)).isoformat() for n in range(7)}
    return sorted((one for one in found if one.day in days), key=lambda one: (-one.bits, one.id))
