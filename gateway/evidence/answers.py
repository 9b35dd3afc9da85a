"""What people did about alarms, for the topics whose deviations raise one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from gateway.evidence.handling import Handled
from gateway.evidence.model import Personal
from gateway.evidence.taking import number, text, who
from gateway.ledger.event import Event, EventType
from gateway.locale import Message, worded
from gateway.state.alarms.kinds import OUTCOMES


@dataclass(frozen=True, slots=True)
class _Act:
    first: int
    upto: int
    at: str
    by: Personal
    words: Message
    closes: bool


class Answers:
    """Takes the acts `seen` and `resolved` on alarms."""

    reads: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.ALARM_SEEN, EventType.ALARM_RESOLVED}
    )

    def __init__(self) -> None:
        self._acts: dict[tuple[str, str], list[_Act]] = {}

    def take(self, event: Event) -> None:
        """The next act.  Raises Odd."""
        data: Any = event.data
        closes = event.type == EventType.ALARM_RESOLVED
        words = worded("somebody saw the alarm")
        if closes:
            outcome, note = text(data, "outcome"), text(data, "note")
            words = Message(OUTCOMES[outcome]) if outcome in OUTCOMES else Message(outcome)
            if note:
                words = worded("{outcome}: {note}", outcome=words, note=note)
        act = _Act(
            number(data, "alarm"), number(data, "upto"), event.time, who(data), words, closes
        )
        self._acts.setdefault((text(data, "kind"), event.subject), []).append(act)

    def of(self, kind: str, subject: str, record: int, stands: bool) -> Handled:
        """What was done about the alarm that this record raised: closed, or else seen.  `stands`
        says whether its cause still goes on."""
        acts = self._acts.get((kind, subject), ())
        mine = [one for one in acts if one.first <= record <= one.upto]
        for one in sorted(mine, key=lambda act: not act.closes)[:1]:
            return Handled(handled=one.words, handled_by=one.by, handled_at=one.at, open=stands)
        return Handled(open=stands)
