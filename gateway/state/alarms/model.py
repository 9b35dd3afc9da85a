"""One alarm, and what belongs to it: who did what, how often it called, what is shelved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.config.alarms import Priority
from gateway.ledger.event import Event
from gateway.state.alarms.kinds import Kind


@dataclass(frozen=True, slots=True)
class Mark:
    """Who did something about an alarm, and when.  `by` is the account, `name` the person's name or
    the account; `seq` is the record's number, 0 while it waits to be recorded.  `level` is the step
    of an escalation."""

    at: datetime
    by: str
    name: str
    note: str = ""
    outcome: str = ""
    seq: int = 0
    level: int = 0


@dataclass(slots=True)
class Raise:
    """One time that an alarm called for somebody (an annunciation in the words of ISA-18.2)."""

    at: datetime
    kind: str
    subject: str
    priority: Priority
    alarm: int
    seq: int
    over_at: datetime | None = None
    seen_at: datetime | None = None
    shelved: bool = False
    lasts: bool = False
    """Whether its cause is one that stands until it is over, and no moment."""


@dataclass(slots=True)
class Alarm:
    """One alarm.

    `id` is the number of the record that raised it, `seq` of the one that raised it last, and
    `count` how often.  `stands` says whether its cause goes on; None for a cause that was a moment.
    `from_at` is when it begins to count.  `event` is the record that raised it last.
    """

    id: int
    kind: Kind
    key: str
    subject: str
    priority: Priority
    event: Event
    raised_at: datetime
    from_at: datetime
    last_at: datetime
    seq: int
    stands: bool | None
    count: int = 1
    over_at: datetime | None = None
    unsure_since: datetime | None = None
    seen: Mark | None = None
    resolved: Mark | None = None
    ticked: dict[str, Mark] = field(default_factory=dict)
    escalated: list[Mark] = field(default_factory=list)
    history: list[Mark] = field(default_factory=list)
    """Everything that people did about it, in order; `outcome` says what."""

    @property
    def done(self) -> bool:
        """Whether nobody has to do anything more about it."""
        if self.resolved is not None:
            return True
        return self.kind.answer == "seen" and self.seen is not None and not self.stands

    @property
    def unseen_since(self) -> datetime:
        """Since when it calls for somebody, or called."""
        return max(self.from_at, self.last_at)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A source that a supervisor shelved: it calls nobody until `until`."""

    kind: str
    subject: str
    until: datetime
    reason: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Rules:
    """What the site says of alarms: priorities by kind, and how long a device has to be away."""

    priorities: Mapping[str, Priority] = field(default_factory=dict)
    delay: timedelta = timedelta(seconds=10)

    def priority(self, kind: Kind) -> Priority:
        return self.priorities.get(kind.name, kind.priority)
