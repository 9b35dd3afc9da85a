"""The past month's badges decided again, by this program and its configuration.

Each decision on record is made once more by `decide()`, at the time of its record, with the facts
of its record and the person as the list had them then.  So a difference comes from the program or
from the configuration, and not from the list.  What can't be decided again is counted, with why.
One walk over the log, a chunk of records in memory at a time; nothing is written, and the daemon
may work meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from gateway.decide.model import Decision
from gateway.decide.policy import Site
from gateway.decide.replay import NotReplayable, replay_event
from gateway.ledger import LedgerReader
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import Message, worded
from gateway.locale.text import name_key
from gateway.people.aswas import PastList
from gateway.people.sync.badgelog import decisions

TOUCHING = (
    EventType.ESCORT_CLEARED,
    EventType.ESCORT_SET,
    EventType.GRANT_ENDED,
    EventType.GRANT_GIVEN,
    EventType.PEOPLE_REINSTATED,
    EventType.REQUIREMENT_REMOVED,
    EventType.REQUIREMENT_SET,
    EventType.VISIT_BADGE_ISSUED,
    EventType.VISIT_EXTENDED,
)
"""Acts that change what decides about somebody and of which no list keeps how it was before."""
_COMPANY = "company\0"


class Turn(StrEnum):
    """What an upgrade would change for a badge."""

    OPENS = "opens"
    """Refused then, let in now."""
    REFUSES = "refuses"
    ASKS = "asks"
    """Something is asked for at the reader now for which nobody asked then."""
    REASON = "reason"
    """Refused then and now, for another reason."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One decision that differs."""

    event: Event
    then: Decision
    now: Decision

    @property
    def turn(self) -> Turn:
        """Which way it differs."""
        if self.now.granted:
            return Turn.OPENS
        if self.now.outcome.value.startswith("need_"):
            return Turn.ASKS
        return Turn.REFUSES if self.then.granted else Turn.REASON

    @property
    def same_policy(self) -> bool:
        """Whether the configuration of then was, byte for byte, this one."""
        return self.then.policy_version == self.now.policy_version


@dataclass(slots=True)
class Tally:
    """`decided` records were decided again; `unknown` says of the others why not."""

    decided: int = 0
    turns: Counter[Turn] = field(default_factory=Counter)
    other_policy: int = 0
    """Differences of records that another configuration decided."""
    unknown: Counter[str] = field(default_factory=Counter)
    _first: dict[str, str] = field(default_factory=dict)

    @property
    def differing(self) -> int:
        return self.turns.total()

    def missed(self, error: Exception) -> None:
        """Count a record that can't be decided again.  Errors of one kind count as one, and are
        told in the words of the first: a log full of damage makes no more of them."""
        told = error.args[0] if error.args else ""
        kind = told.text if isinstance(told, Message) else type(error).__name__
        self.unknown[self._first.setdefault(kind, str(error))] += 1


class ChangedSince(NotReplayable):
    """It differs, and what decided about the person was changed after the record."""


def rehearse(
    ledger: Path,
    people: Path,
    site: Site,
    since: datetime,
    tally: Tally,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Difference]:
    """Decide every access record since `since` (aware) again; yields those that differ, in order,
    and fills `tally`.

    `people` is a people.db of this program's schema.  `progress` gets the number of the record
    that was reached.  Raises LedgerUnavailable and RosterUnavailable.
    """
    with closing(LedgerReader(ledger)) as records, closing(PastList(people)) as past:
        touched = _touched(records, since)
        for event in decisions(records, since, progress):
            try:
                version = int(event.data.get("list_version", 0) or 0)
                moment = past.at(version, datetime.fromisoformat(event.time))
                then, now = replay_event(event, site, moment)
                differs = (then.outcome, then.reason) != (now.outcome, now.reason)
                if differs and _changed_since(event, touched):
                    raise ChangedSince(
                        worded(
                            "it differs, but a grant, an escort, a requirement or a visit of the "
                            "person was changed after it"
                        )
                    )
            except (ValueError, TypeError, AttributeError) as error:  # NotReplayable too
                tally.missed(error)
                continue
            tally.decided += 1
            if differs:
                found = Difference(event, then, now)
                tally.turns[found.turn] += 1
                tally.other_policy += not found.same_policy
                yield found


def _touched(records: LedgerReader, since: datetime) -> dict[str, str]:
    """Whose grants, escorts, requirements or visits changed since, and when last: by id, and by
    the key of a company's name."""
    found: dict[str, str] = {}
    for event in records.back(*TOUCHING, since=utc_text(since)):
        subject = event.subject
        if event.data.get("of") == "company":
            subject = _COMPANY + name_key(subject)
        found.setdefault(subject, event.time)  # newest first
    return found


def _changed_since(event: Event, touched: dict[str, str]) -> bool:
    """Whether something that no list keeps was changed, after this record, of anybody who took
    part in it."""
    data = event.data
    person, facts = data.get("person") or {}, data.get("facts") or {}
    names = [str(person.get("id", "")), _COMPANY + name_key(str(person.get("company", "")))]
    for part in ("companions", "recent"):
        names += [str(key) for key in facts.get(part, ())]
    return any(touched.get(name, "") > event.time for name in names)
