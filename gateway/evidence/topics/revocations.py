"""Revocations: from the decision that somebody's access ends until this gate denied, and whether
they passed a door after it."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import ClassVar

from gateway.evidence import taking
from gateway.evidence.model import (
    Deviation,
    Figure,
    Found,
    Frequency,
    Personal,
    Place,
    Population,
    Unit,
    When,
)
from gateway.evidence.taking import Taker
from gateway.evidence.topics.losses import HERE, TABLE, Loss, cells_of, table_of
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded
from gateway.wording.text import duration

SLOW_S = 86_400.0
"""A revocation that took longer than a day from the decision is told as an exception."""
_PASSES = 200
"""So many of the newest passes of each person are kept, to look back to a decision."""
_NAMED = 20


class Revocations(Taker):
    """Takes what takes access away, and the passes of those people."""

    key: ClassVar[str] = "revocations"
    rules: ClassVar[Mapping[str, str]] = {
        "access_after_revocation": N_("somebody passed a door after their access had ended"),
        "access_before_in_force": N_("somebody passed between the decision and the gate's knowing"),
        "revocation_slow": N_("it took more than a day from the decision until the gate denied"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.ACCESS_GRANTED,
            EventType.ACCESS_DENIED,
            EventType.PEOPLE_REVOKED,
            EventType.PEOPLE_REINSTATED,
            EventType.PEOPLE_REVOCATION_EFFECTIVE,
            EventType.PEOPLE_SYNCED,
            EventType.PEOPLE_ROLLED_BACK,
            EventType.PEOPLE_SYNCED_PART,
        }
    )
    before: ClassVar[frozenset[EventType]] = reads - {
        EventType.ACCESS_GRANTED,
        EventType.ACCESS_DENIED,
    }

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._losses: list[Loss] = []
        self._out: dict[bool, dict[str, Loss]] = {True: {}, False: {}}  # by whether it was here
        self._over: list[Loss] = []
        self._holders: dict[str, str] = {}
        self._passes: dict[str, array[int]] = {}
        self._reinstated = 0

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        match event.type:
            case EventType.ACCESS_GRANTED | EventType.ACCESS_DENIED:
                self._at_a_door(event)
            case EventType.PEOPLE_REVOKED | EventType.PEOPLE_REVOCATION_EFFECTIVE:
                self._lost(event, when)
            case EventType.PEOPLE_REINSTATED:
                self._reinstated += when is When.INSIDE
                self._back(taking.clean(event.subject), event.time, here=True)
            case _:
                people = taking.inner(event.data, "people")
                back = [*taking.texts(people, "added")]
                changed = taking.inner(people, "changed")
                back += [who for who in changed if "status" in taking.texts(changed, who)]
                for who in back:
                    self._back(taking.clean(who), event.time, here=False)

    def _at_a_door(self, event: Event) -> None:
        person, badge = taking.inner(event.data, "person"), taking.inner(event.data, "credential")
        who, mark = taking.text(person, "id"), taking.text(badge, "fingerprint")
        if who and mark:
            self._holders[mark] = who
        elif mark:  # whoever left the list is nobody at the door, and the badge is the same
            who = self._holders.get(mark, "")
        granted = event.type == EventType.ACCESS_GRANTED
        loss = self._out[True].get(who) or self._out[False].get(who)
        if loss is not None:
            loss.name = loss.name or Personal(taking.text(person, "name"))
            if granted:
                loss.passed_after.append(event.seq)
            else:
                loss.refused_after += 1
                loss.refused_at = loss.refused_at or event.time
        if granted and who and (at := taking.moment(event.time)) is not None:
            kept = self._passes.setdefault(who, array("q"))
            kept.extend((event.seq, int(at.timestamp() * 1000)))
            if len(kept) > 4 * _PASSES:
                del kept[: 2 * _PASSES]

    def _lost(self, event: Event, when: When) -> None:
        data = event.data
        here = event.type == EventType.PEOPLE_REVOKED
        who = taking.clean(event.subject)
        if not who:
            raise taking.Odd("subject")
        seconds = taking.real(data, "seconds")
        loss = Loss(
            who,
            Personal(taking.text(taking.inner(data, "person"), "name")),
            (HERE,) if here else tuple(filter(None, taking.text(data, "how").split(","))),
            taking.text(data, "detail"),
            taking.time(data, "revoked_at"),
            taking.text(data, "known_by"),
            event.time,
            None if seconds is None else max(0.0, seconds),
            taking.count(data, "version") or None,
            taking.who(data),
            taking.text(data, "reason"),
            when is When.INSIDE,
            event.seq,
        )
        if when is When.INSIDE:
            self._losses.append(loss)
            if loss.shut_out:
                loss.passed_before = self._since(who, loss.decided_at)
        if loss.shut_out and when is not When.AFTER:
            self._out[here][who] = loss

    def _since(self, who: str, begin: str) -> list[int]:
        """The passes of a person at `begin` or later."""
        at, kept = taking.moment(begin), self._passes.get(who)
        if at is None or not kept:
            return []
        first = at.timestamp() * 1000
        return [kept[n] for n in range(0, len(kept), 2) if kept[n + 1] >= first]

    def _back(self, who: str, at: str, *, here: bool) -> None:
        # A revocation made here is stronger than the list, and goes by a word here alone.
        loss = self._out[here].pop(who, None)
        if loss is not None:
            loss.ended = at
            self._over.append(loss)

    def found(self) -> Found:
        """What was taken away in the span, and how fast."""
        table = table_of(self.place)
        found = Found(self.key, worded("Access that ended"), tables=[table])
        found.populations.append(Population(TABLE, table.title, Frequency.RARE))
        for loss in self._losses:
            self.place.rows.add(TABLE, cells_of(loss), (loss.record,))
        early = [*self._over, *self._out[True].values(), *self._out[False].values()]
        told = [*self._losses, *(loss for loss in early if not loss.inside)]
        for loss in told:
            found.deviations += self._deviations(loss)
        found.figures += self._figures(sum(len(loss.passed_after) for loss in told))
        found.notes.append(
            worded(
                "A pass before a decision is looked for among the newest {count} of each person.",
                count=_PASSES,
            )
        )
        return self.told(found)

    def _figures(self, after: int) -> list[Figure]:
        out = [loss for loss in self._losses if loss.shut_out]
        took = sorted(loss.seconds for loss in out if loss.seconds is not None)

        def measured(key: str, label: Message, at: float | None) -> Figure:
            return Figure(key, label, at, Unit.SECONDS)

        return [
            Figure("revocations", worded("people whose access ended"), len(out)),
            Figure("badges_withdrawn", worded("badges withdrawn"), len(self._losses) - len(out)),
            measured(
                "revocation_median",
                worded("decision until denied: median"),
                took[len(took) // 2] if took else None,
            ),
            measured(
                "revocation_p95",
                worded("decision until denied: 95 of 100 within"),
                took[min(len(took) - 1, -(-95 * len(took) // 100) - 1)] if took else None,
            ),
            measured(
                "revocation_slowest",
                worded("decision until denied: slowest"),
                took[-1] if took else None,
            ),
            Figure(
                "revoked_refused",
                worded("people who came after it and were refused"),
                sum(bool(loss.refused_after) for loss in out),
                of=len(out),
            ),
            Figure("revoked_passed", worded("passes after it"), after),
            Figure("reinstated", worded("people reinstated here"), self._reinstated),
        ]

    def _deviations(self, loss: Loss) -> list[Deviation]:
        found, name = [], loss.name or Personal(loss.person)
        own = (loss.record,)
        if loss.passed_after:
            words = worded(
                "{name} passed {count} times after their access had ended at {at}",
                name=name,
                count=len(loss.passed_after),
                at=self.local(loss.effective_at),
            )
            records = own + tuple(loss.passed_after[:_NAMED])
            found.append(
                Deviation(
                    "access_after_revocation",
                    words,
                    loss.effective_at,
                    records,
                    open=not loss.ended,
                )
            )
        if loss.passed_before:
            words = worded(
                "{name} passed {count} times after the decision at {at} and before the gate knew",
                name=name,
                count=len(loss.passed_before),
                at=self.local(loss.decided_at),
            )
            records = own + tuple(loss.passed_before[:_NAMED])
            found.append(self._in_force("access_before_in_force", words, records, loss))
        if loss.inside and loss.shut_out and (loss.seconds or 0) > SLOW_S:
            words = worded(
                "{name}: {time} from the decision until the gate denied",
                name=name,
                time=duration(loss.seconds or 0),
            )
            found.append(self._in_force("revocation_slow", words, own, loss))
        return found

    def _in_force(
        self, rule: str, words: Message, records: tuple[int, ...], loss: Loss
    ) -> Deviation:
        handled = worded("denied from {at} on", at=self.local(loss.effective_at))
        by, at = loss.by, loss.effective_at
        return Deviation(rule, words, loss.decided_at or at, records, handled, by, at)
