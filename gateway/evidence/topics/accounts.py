"""Accounts: which operators there are and what they may do, who signed in at the console and how,
who was refused, and what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
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
    When,
)
from gateway.evidence.taking import Taker
from gateway.evidence.topics import accounttables as tables
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded

MANY = 10
"""So many refused sign-ins of one name on one day are told as an exception."""
_NAMED = 20
_ALONE = frozenset({"password"})
"""Ways to sign in that ask for one factor only."""


@dataclass(slots=True)
class _Operator:
    name: str
    person: str = ""
    roles: list[str] = field(default_factory=list)
    areas: list[str] = field(default_factory=list)
    since: str = ""
    by: Personal = taking.NOBODY
    ended_at: str = ""
    signed_in: int = 0
    last_at: str = ""
    alone: list[int] = field(default_factory=list)
    alone_first: str = ""
    alone_count: int = 0
    records: list[int] = field(default_factory=list)


class Accounts(Taker):
    """Takes what administrators say of operators, and what happens at the console's sign-in."""

    key: ClassVar[str] = "accounts"
    rules: ClassVar[Mapping[str, str]] = {
        "sign_ins_refused": N_("many sign-ins of one name were refused on one day"),
        "sign_in_one_factor": N_("an operator signed in with a password alone"),
        "operator_pin_locked": N_("somebody typed an operator's PIN wrong until it was locked"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.OPERATOR_ADDED,
            EventType.OPERATOR_CHANGED,
            EventType.OPERATOR_ENDED,
            EventType.OPERATOR_PIN_ACCEPTED,
            EventType.OPERATOR_PIN_REFUSED,
            EventType.CONSOLE_SIGNED_IN,
            EventType.CONSOLE_SIGNED_OUT,
            EventType.CONSOLE_SIGN_IN_REFUSED,
            EventType.CONSOLE_SESSION_ENDED,
            EventType.CONSOLE_ACCOUNT_CHANGED,
        }
    )
    before: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.OPERATOR_ADDED, EventType.OPERATOR_CHANGED, EventType.OPERATOR_ENDED}
    )

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._counts: Counter[str] = Counter()
        self._operators: dict[str, _Operator] = {}
        self._refused: dict[tuple[str, date], list[int]] = {}
        self._refused_first: dict[tuple[str, date], str] = {}
        self._locked: list[Deviation] = []
        self._ways: Counter[str] = Counter()

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if when is When.AFTER:
            return
        data, kind = event.data, event.type
        if kind.startswith("operator.") and not kind.startswith("operator.pin"):
            self._operator(event)
        if when is When.BEFORE:
            return
        self._counts[kind] += 1
        match kind:
            case EventType.OPERATOR_ADDED | EventType.OPERATOR_CHANGED | EventType.OPERATOR_ENDED:
                self.place.rows.add(tables.CHANGES, _change(event), (event.seq,))
            case EventType.CONSOLE_ACCOUNT_CHANGED | EventType.CONSOLE_SESSION_ENDED:
                self.place.rows.add(tables.CHANGES, _change(event), (event.seq,))
            case EventType.CONSOLE_SIGNED_IN | EventType.CONSOLE_SIGNED_OUT:
                self._signed(event)
            case EventType.CONSOLE_SIGN_IN_REFUSED:
                self._was_refused(event)
            case EventType.OPERATOR_PIN_REFUSED if data.get("pin") == "locked":
                words = worded(
                    "the PIN of {name} was locked after wrong ones",
                    name=Personal(taking.text(data, "name") or taking.clean(event.subject)),
                )
                handled = worded("the gate refused")
                rule, by = "operator_pin_locked", taking.who(data)
                self._locked.append(Deviation(rule, words, event.time, (event.seq,), handled, by))

    def _named(self, name: str) -> _Operator:
        return self._operators.setdefault(name, _Operator(name))

    def _operator(self, event: Event) -> None:
        data = event.data
        one = self._named(taking.named(data, "name"))
        one.person, one.by = taking.text(data, "person"), taking.who(data)
        one.roles, one.areas = taking.texts(data, "roles"), taking.texts(data, "areas")
        one.since = event.time
        one.ended_at = event.time if event.type == EventType.OPERATOR_ENDED else ""
        one.records = [event.seq]

    def _signed(self, event: Event) -> None:
        data, name = event.data, taking.clean(event.subject)
        into = event.type == EventType.CONSOLE_SIGNED_IN
        how = taking.text(data, "how")
        if into:
            one = self._named(name)
            one.signed_in += 1
            one.last_at = event.time
            self._ways[how] += 1
            if how in _ALONE:
                one.alone_count += 1
                one.alone_first = one.alone_first or event.time
                one.alone = [*one.alone, event.seq][:_NAMED]
        self.place.rows.add(tables.SIGN_INS, _sign_in(event, name, how), (event.seq,))

    def _was_refused(self, event: Event) -> None:
        name, why = taking.text(event.data, "name"), taking.text(event.data, "why")
        at = taking.moment(event.time)
        if at is not None and name:
            key = (name, at.astimezone(self.place.span.zone).date())
            self._refused.setdefault(key, []).append(event.seq)
            self._refused_first.setdefault(key, event.time)
        self.place.rows.add(tables.SIGN_INS, _sign_in(event, name, why), (event.seq,))

    def found(self) -> Found:
        """Who could do what in the span, and who did."""
        shown = tables.all_of(self.place)
        found = Found(self.key, worded("Operators and their accounts"), tables=list(shown))
        for table, often in zip(
            shown, (Frequency.RARE, Frequency.RARE, Frequency.DAILY), strict=True
        ):
            found.populations.append(Population(table.key, table.title, often))
        end = self.place.span.end
        kept = [one for one in self._operators.values() if one.records]
        for one in sorted(kept, key=lambda one: one.name):
            if not one.ended_at or one.ended_at >= self.place.span.begin:
                self.place.rows.add(tables.OPERATORS, _cells(one), tuple(one.records))
        now = [one for one in kept if not one.ended_at or one.ended_at >= end]
        found.figures += self._figures(now)
        found.deviations += [*self._many(), *self._one_factor(), *self._locked]
        found.notes.append(
            worded("Operators who stand in the configuration's file are not in the log.")
        )
        return self.told(found)

    def _figures(self, now: list[_Operator]) -> list[Figure]:
        counts, ins = self._counts, self._counts["console.signed_in"]
        strong = sum(count for how, count in self._ways.items() if how not in _ALONE)
        used = sum(bool(one.signed_in) for one in now)
        changed = sum(counts[f"operator.{what}"] for what in ("added", "changed", "ended"))
        admins = sum("administrator" in one.roles for one in now)
        refused = counts["console.sign_in_refused"]
        ended, accounts = counts["console.session_ended"], counts["console.account_changed"]
        proved, wrong = counts["operator.pin_accepted"], counts["operator.pin_refused"]
        return [
            Figure("operators", worded("operators when the days ended"), len(now)),
            Figure("operators_admin", worded("of them administrators"), admins, of=len(now)),
            Figure("operators_used", worded("of them signed in"), used, of=len(now)),
            Figure("operator_changes", worded("changes of operators"), changed),
            Figure("sign_ins", worded("sign-ins"), ins),
            Figure("sign_ins_strong", worded("with more than a password"), strong, of=ins),
            Figure("sign_in_refusals", worded("sign-ins refused"), refused),
            Figure("sessions_ended", worded("sessions ended by others"), ended),
            Figure("account_changes", worded("changes of accounts"), accounts),
            Figure("second_pins", worded("second person proved by PIN"), proved),
            Figure("second_pins_refused", worded("second person's PIN refused"), wrong),
        ]

    def _many(self) -> list[Deviation]:
        found = []
        for (name, day), records in self._refused.items():
            if len(records) >= MANY:
                words = worded(
                    "{count} sign-ins of {name} were refused on {day}",
                    count=len(records),
                    name=Personal(name),
                    day=day.isoformat(),
                )
                handled, at = worded("the console refused them"), self._refused_first[name, day]
                cut = tuple(records[:_NAMED])
                found.append(Deviation("sign_ins_refused", words, at, cut, handled))
        return found

    def _one_factor(self) -> list[Deviation]:
        return [
            Deviation(
                "sign_in_one_factor",
                worded(
                    "{name} signed in with a password alone {count} times",
                    name=Personal(one.name),
                    count=one.alone_count,
                ),
                one.alone_first,
                tuple(one.alone),
            )
            for one in self._operators.values()
            if one.alone
        ]


def _cells(one: _Operator) -> dict[str, object]:
    return {
        "name": one.name,
        "person": one.person,
        "roles": one.roles,
        "areas": one.areas,
        "since": one.since,
        "by": one.by,
        "ended_at": one.ended_at,
        "signed_in": one.signed_in,
        "last_at": one.last_at,
    }


def _change(event: Event) -> dict[str, object]:
    data = event.data
    return {
        "at": event.time,
        "name": taking.text(data, "name") or taking.clean(event.subject),
        "what": event.type,
        "roles": taking.texts(data, "roles"),
        "detail": taking.text(data, "what") or taking.text(data, "why"),
        "by": taking.who(data),
        "address": taking.text(data, "address"),
    }


def _sign_in(event: Event, name: str, how: str) -> dict[str, object]:
    return {
        "at": event.time,
        "name": name,
        "what": event.type,
        "how": how,
        "address": taking.text(event.data, "address"),
        "device": taking.text(event.data, "device"),
    }
