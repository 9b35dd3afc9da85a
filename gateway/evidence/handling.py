"""What became of a truck with which something was wrong: released, sent away, or put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from gateway.evidence.model import Personal
from gateway.evidence.taking import text, texts, time, who
from gateway.evidence.trucks import objects, supervisor
from gateway.ledger.event import Event, EventType
from gateway.locale import Message, worded

ENDS = frozenset(
    {
        EventType.FREIGHT_RELEASED,
        EventType.FREIGHT_DEPARTED,
        EventType.FREIGHT_TURNED_AWAY,
    }
)
"""The types of record that `Way.take` reads."""


class Handled(TypedDict, total=False):
    """What a `Deviation` takes of it."""

    handled: Message | None
    handled_by: str
    handled_at: str
    open: bool


@dataclass(slots=True)
class Release:
    """A second person let findings be, by `code:about`."""

    by: str
    at: str
    reason: str
    record: int


@dataclass(slots=True)
class Way:
    """How a truck's stay went on."""

    released: dict[str, Release] = field(default_factory=dict)
    ended: str = ""
    ended_at: str = ""
    ended_by: str = ""
    reason: str = ""
    records: list[int] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """A record of one of the types ENDS."""
        data = event.data
        if event.type == EventType.FREIGHT_RELEASED:
            given = Release(supervisor(data), event.time, text(data, "reason"), event.seq)
            for key in released_keys(data):
                self.released.setdefault(key, given)
        else:
            self.ended, self.ended_by = event.type.removeprefix("freight."), who(data)
            self.ended_at = time(data, "departed_at") or event.time
            self.reason = text(data, "reason")
            self.records.append(event.seq)

    def of(self, key: str, put_right: str = "") -> Handled:
        """What became of the finding `code:about`.  `put_right` is the time at which a later fact
        took it away, "" if none did."""
        given = self.released.get(key)
        if given is not None:
            words = worded("released: {reason}", reason=given.reason)
            return Handled(handled=words, handled_by=Personal(given.by), handled_at=given.at)
        if put_right:
            return Handled(handled=worded("put right"), handled_at=put_right)
        if self.ended == "turned_away":
            words = worded("the truck was turned away: {reason}", reason=self.reason)
            by, at = Personal(self.ended_by), self.ended_at
            return Handled(handled=words, handled_by=by, handled_at=at)
        if self.ended:
            words = worded("put right before the departure")
            by, at = Personal(self.ended_by), self.ended_at
            return Handled(handled=words, handled_by=by, handled_at=at)
        return Handled(open=True)


def released_keys(data: Mapping[str, Any]) -> list[str]:
    """The findings that a release names, as `code:about`."""
    named = objects(data, "findings")
    if named:
        return [f"{text(one, 'code')}:{text(one, 'about')}" for one in named]
    return texts(data, "released")
