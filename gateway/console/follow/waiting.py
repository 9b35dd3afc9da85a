"""Who waits for a guard's word, from the records alone: a fold without I/O.

A request begins with ``door.confirm_asked`` and ends with the guard's answer, with a decision at
the same reader, when its time is over (`health.confirm_s`), or when the gateway stops.  The daemon
alone says whether an answer comes in time (gateway/doors/confirm.py): what is shown here a moment
too long opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.ledger.event import Event, EventType
from gateway.locale.text import tidy


@dataclass(frozen=True, slots=True)
class Asked:
    """One person who waits at one reader; `why` is what does not work, `until` when the wait
    ends.  `at` is the time of the record, as it stands there."""

    id: str
    door: str
    reader: str
    person: str
    name: str
    company: str
    why: str
    since: datetime
    until: datetime
    extended: bool = False
    at: str = ""
    seq: int = 0


class Waiting:
    """The requests that wait, by id; `confirm_s` is how long a guard has (s)."""

    def __init__(self, confirm_s: float) -> None:
        self.confirm = timedelta(seconds=confirm_s)
        self._asked: dict[str, Asked] = {}

    def all(self, now: datetime) -> list[Asked]:
        """Those whose time is not over at `now`, the oldest first."""
        self._asked = {key: item for key, item in self._asked.items() if item.until > now}
        return sorted(self._asked.values(), key=lambda item: (item.since, item.id))

    @property
    def next_end(self) -> datetime | None:
        """When the next wait ends by itself; None: nobody waits."""
        return min((item.until for item in self._asked.values()), default=None)

    def apply(self, event: Event) -> bool:
        """Take in one record; returns whether who waits has changed."""
        kind, data = event.type, event.data
        before = set(self._asked)
        try:
            if kind == EventType.DOOR_CONFIRM_ASKED:
                self._add(data, event.time, event.seq)
            elif kind == EventType.DOOR_CONFIRM_EXTENDED:
                return self._extend(str(data["id"]), float(data["seconds"]))
            elif kind in (EventType.DOOR_CONFIRMED, EventType.DOOR_CONFIRM_REFUSED):
                self._asked.pop(str(data.get("id", "")), None)
            elif kind in (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED):
                self._end(data)
            elif kind in (EventType.GATEWAY_STARTED, EventType.GATEWAY_STOPPED):
                self._asked.clear()
        except (TypeError, ValueError, KeyError, AttributeError):
            return False
        return set(self._asked) != before

    def adopt(self, told: Iterable[Mapping[str, Any]]) -> bool:
        """The daemon's answer to ``door_waiting``; returns whether who waits has changed."""
        before, known = set(self._asked), self._asked
        self._asked = {}
        for item in told:
            try:
                self._add(item, str(item.get("since", "")), 0)
            except (TypeError, ValueError, KeyError):
                continue
        for key in self._asked.keys() & known.keys():
            self._asked[key] = known[key]  # with the exact time of its record
        return set(self._asked) != before

    def _add(self, data: Mapping[str, Any], at: str, seq: int) -> None:
        since, extended = datetime.fromisoformat(at), data.get("extended") is True
        item = Asked(
            id=str(data["id"]),
            door=str(data["door"]),
            reader=str(data["reader"]),
            person=str(data.get("person", "")),
            name=tidy(data.get("name", "")),
            company=tidy(data.get("company", "")),
            why=str(data.get("why", "")),
            since=since,
            until=since + self.confirm * (2 if extended else 1),
            extended=extended,
            at=at,
            seq=seq,
        )
        self._asked[item.id] = item

    def _extend(self, key: str, seconds: float) -> bool:
        item = self._asked.get(key)
        if item is None or item.extended:
            return False
        until = item.until + timedelta(seconds=seconds)
        self._asked[key] = replace(item, until=until, extended=True)
        return True

    def _end(self, data: Mapping[str, Any]) -> None:
        """A decision: it ends the wait of that person at that reader."""
        person = data.get("person")
        decided = (data.get("reader"), person["id"]) if isinstance(person, Mapping) else None
        for key, item in list(self._asked.items()):
            if (item.reader, item.person) == decided:
                del self._asked[key]
