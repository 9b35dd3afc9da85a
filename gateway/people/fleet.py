"""Which gate has which personnel list, since when, and when a list has reached the last of them.

In: what gates publish of themselves (`<base>/<gw>/state`).  Out: rows for people, and events for
the log of the gate that watches.  A gate's word about itself is not signed here; its records are,
and the views of the collector are made of those (docs/audit.md).  Nothing here does I/O.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.ledger.event import EventType, NewEvent

STATE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class GateList:
    """The list that a gate says it has: its own number for it, since when it decides by it, when it
    was made (None: it does not say), and its SHA-256 in hex ("" if it has none)."""

    gate: str
    version: int
    total: int
    since: datetime
    generated_at: datetime | None
    sha256: str

    @property
    def made(self) -> datetime:
        """When the list was made, as far as is known."""
        return self.generated_at or self.since

    def is_newer_than(self, other: GateList) -> bool:
        return self.made > other.made


def read_state(gate: str, payload: bytes) -> GateList | None:
    """The list in a gate's state; None if it has none, or the message is not in its form."""
    if len(payload) > STATE_BYTES:
        return None
    try:
        return of_people(gate, json.loads(payload)["people"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def of_people(gate: str, people: Any) -> GateList | None:
    """The same from the key ``people`` of a state."""
    try:
        generated = people["generated_at"]
        found = GateList(
            gate,
            int(people["version"]),
            int(people["total"]),
            datetime.fromisoformat(people["applied_at"]),
            datetime.fromisoformat(generated) if generated else None,
            str(people["sha256"])[:64],
        )
    except (ValueError, TypeError, KeyError):
        return None
    times = (found.since, found.made)
    return found if all(time.tzinfo is not None for time in times) else None


class Fleet:
    """What was heard of each gate.  The same gate may be heard on several brokers, of which all but
    one have what it said before it went to another: the list that it took last counts."""

    def __init__(self) -> None:
        self.lists: dict[str, GateList] = {}

    def hear(self, gate: str, payload: bytes) -> None:
        """A state came."""
        found = read_state(gate, payload)
        held = self.lists.get(gate)
        if found is not None and (held is None or found.since >= held.since):
            self.lists[gate] = found

    def newest(self) -> GateList | None:
        """The list that was made last, of those that some gate has."""
        return max(self.lists.values(), key=lambda held: held.made, default=None)


class Reach:
    """Notices when the list of this gate is in force at all `gates`, and when it is not within
    `late_s` seconds."""

    def __init__(self, gates: Collection[str], late_s: float) -> None:
        self._gates = sorted(gates)
        self._late_s = late_s
        self._list: tuple[str, datetime] | None = None
        self._told_late = self._told = False

    def look(
        self, mine: GateList | None, others: Mapping[str, GateList], now: datetime
    ) -> list[NewEvent]:
        """What is to be recorded now; each event has an id, so that it is recorded once."""
        if mine is None or not mine.sha256:
            return []
        if self._list != (mine.sha256, mine.since):
            self._list = mine.sha256, mine.since
            self._told_late = self._told = False
        lacking = [gate for gate in self._gates if not _has(others.get(gate), mine)]
        held = [mine, *(others[gate] for gate in self._gates if gate not in lacking)]
        facts = {
            "version": mine.version,
            "sha256": mine.sha256,
            "generated_at": mine.generated_at.isoformat() if mine.generated_at else None,
        }
        if lacking and not self._told_late and (now - mine.since).total_seconds() > self._late_s:
            self._told_late = True
            seconds = round((now - mine.made).total_seconds(), 1)
            data = {**facts, "gates": lacking, "seconds": seconds}
            return [NewEvent(EventType.ALARM_LIST_LATE, "people", data, id=_mark("late", mine))]
        if lacking or self._told:
            return []
        self._told = True
        last = max(held, key=lambda one: one.since)
        data = {
            **facts,
            "gates": len(held),
            "last_gate": last.gate,
            "last_at": last.since.isoformat(),
            "seconds": max(0.0, round((last.since - mine.made).total_seconds(), 1)),
        }
        kind = EventType.PEOPLE_LIST_EVERYWHERE
        return [NewEvent(kind, "people", data, id=_mark("everywhere", mine))]


def _has(held: GateList | None, mine: GateList) -> bool:
    """Whether a gate has this list, or one that was made after it."""
    return held is not None and (held.sha256 == mine.sha256 or held.is_newer_than(mine))


def _mark(what: str, mine: GateList) -> str:
    parts = (mine.gate, mine.sha256, mine.since.isoformat())
    return f"list-{what}-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
