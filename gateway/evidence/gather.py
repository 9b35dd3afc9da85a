"""One pass over the log: each record goes to the topics that read its type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.evidence.model import Found, Place, Topic, When
from gateway.ledger import chain
from gateway.ledger.kept import Kept


@dataclass(slots=True)
class Gathered:
    """What all topics found, and how many records of each part of time there were."""

    found: dict[str, Found] = field(default_factory=dict)
    records: dict[When, int] = field(default_factory=lambda: dict.fromkeys(When, 0))
    unreadable: list[int] = field(default_factory=list)


def gather(kept: Iterable[Kept], place: Place, kinds: Sequence[type[Topic]]) -> Gathered:
    """Hand every record up to the checkpoint to the topics, in order.

    A record whose body can't be read is named in `unreadable` and goes to no topic.
    """
    topics = [kind(place) for kind in kinds]
    readers: dict[str, list[Topic]] = {}
    early: dict[str, list[Topic]] = {}
    for topic in topics:
        for type_ in topic.reads:
            readers.setdefault(type_, []).append(topic)
        for type_ in topic.before:
            early.setdefault(type_, []).append(topic)
    made = Gathered()
    for one in kept:
        # The last two keys of a canonical body; no other part of it can end like this.
        head, _, kind = one.body[-200:].rpartition('","type":"')
        when = place.span.when(head.rpartition('"time":"')[2])
        made.records[when] += 1
        wanted = (early if when is When.BEFORE else readers).get(kind[:-2], ())
        if not wanted:
            continue
        try:
            event = chain.to_event(one.seq, one.body, one.hash, one.prev)
        except (ValueError, KeyError, TypeError):
            made.unreadable.append(one.seq)
            continue
        for topic in wanted:
            topic.take(event, when)
    made.found = {topic.key: topic.found() for topic in topics}
    return made
