"""One pass over the log: each record goes to the topics that read its type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.config.criteria import EDITION, editions
from gateway.evidence.model import Found, Place, Topic, When
from gateway.ledger import chain
from gateway.ledger.event import Event
from gateway.ledger.kept import Kept

ODD = (ValueError, KeyError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What code that reads a record of another form raises."""
_EDITION = f'"{EDITION}":'


@dataclass(slots=True)
class Gathered:
    """What all topics found, and how many records of each part of time there were.

    `unreadable` are records whose body can't be read, `odd` those that a topic could not take
    because they have another form.  `old_numbers` are the criteria that records of the span name by
    the first table of numbers, with those of today.
    """

    found: dict[str, Found] = field(default_factory=dict)
    records: dict[When, int] = field(default_factory=lambda: dict.fromkeys(When, 0))
    unreadable: list[int] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)
    topics: dict[str, Topic] = field(default_factory=dict)
    old_numbers: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Gatherer:
    """Takes the records in order and hands each to the topics that read its type."""

    def __init__(self, place: Place, kinds: Sequence[type[Topic]]) -> None:
        self._span = place.span
        self._made = Gathered(topics={kind.key: kind(place) for kind in kinds})
        self._early: dict[str, list[Topic]] = {}
        self._later: dict[str, list[Topic]] = {}
        for topic in self._made.topics.values():
            for type_ in topic.reads | topic.before:
                self._later.setdefault(type_, []).append(topic)
            for type_ in topic.before:
                self._early.setdefault(type_, []).append(topic)
        self._counts = dict.fromkeys(When, 0)

    def take(self, kept: Kept) -> None:
        """The next record.  One that can't be read is named, and goes to no topic."""
        # The last two keys of a canonical body; no other part of it can end like this.
        head, _, kind = kept.body[-200:].rpartition('","type":"')
        when = self._span.when(head.rpartition('"time":"')[2])
        self._counts[when] += 1
        if when is When.BEFORE:
            wanted = self._early.get(kind[:-2], ())
            if not wanted:
                return
        else:
            wanted = self._later.get(kind[:-2], ())
            if when is When.INSIDE and '"criteria":[' in kept.body and _EDITION not in kept.body:
                self._old(kept)
            if not wanted:
                return
        try:
            event = chain.to_event(kept.seq, kept.body, kept.hash, kept.prev)
        except (*ODD, RecursionError):
            self._made.unreadable.append(kept.seq)
            return
        for topic in wanted:
            self._give(topic, event, when)

    def _give(self, topic: Topic, event: Event, when: When) -> None:
        try:
            topic.take(event, when)
        except ODD:  # the record of another version, or a hostile one: it must not end the packet
            self._made.odd.append(event.seq)

    def _old(self, kept: Kept) -> None:
        """The record names criteria by the first table."""
        try:
            item = json.loads(kept.body)
            for one in editions.named(item["type"], item["data"]):
                if one.old and one.moved:
                    known = self._made.old_numbers.get(one.id, ())
                    now = (*known, *(new for new in one.now if new not in known))
                    self._made.old_numbers[one.id] = now
        except (*ODD, RecursionError):
            return  # whoever reads it says so

    def done(self) -> Gathered:
        """All records were taken: what each topic found."""
        self._made.records = self._counts
        self._made.found = {key: topic.found() for key, topic in self._made.topics.items()}
        return self._made


def gather(kept: Iterable[Kept], place: Place, kinds: Sequence[type[Topic]]) -> Gathered:
    """Hand every record of `kept` to the topics, in order."""
    gatherer = Gatherer(place, kinds)
    for one in kept:
        gatherer.take(one)
    return gatherer.done()
