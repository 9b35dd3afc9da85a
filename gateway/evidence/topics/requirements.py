"""Requirements (training, checks, licences): those set, about to lapse and lapsed, and whether
anybody passed a door after that.

The daily warnings say what will lapse.  A requirement counts as lapsed if the gate warned until its
last day; a warning that ends sooner was answered, by an act here or by a list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from gateway.decide.model import Reason
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
from gateway.evidence.topics.requirementtables import (
    ACTS,
    DUE,
    Due,
    Key,
    cells_of,
    tables_of,
)
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded
from gateway.locale.text import name_key

_NAMED = 20
_REFUSED = frozenset({Reason.DENIED_REQUIREMENT_LAPSED, Reason.DENIED_REQUIREMENT_MISSING})


class Requirements(Taker):
    """Takes what people and companies have to have."""

    key: ClassVar[str] = "requirements"
    rules: ClassVar[Mapping[str, str]] = {
        "requirement_lapsed": N_("a requirement lapsed and was not renewed"),
        "passed_while_lapsed": N_("somebody passed a door after a requirement had lapsed"),
        "requirement_removed": N_("a requirement that somebody had was taken away"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.REQUIREMENT_SET,
            EventType.REQUIREMENT_REMOVED,
            EventType.REQUIREMENT_EXPIRING,
            EventType.ACCESS_GRANTED,
            EventType.ACCESS_DENIED,
        }
    )
    before: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.REQUIREMENT_SET,
            EventType.REQUIREMENT_REMOVED,
            EventType.REQUIREMENT_EXPIRING,
        }
    )

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._counts: Counter[str] = Counter()
        self._due: dict[Key, dict[str, Due]] = {}  # by the last good day
        self._lapsing: dict[str, list[tuple[Key, Due]]] = {}  # by person's id
        self._companies: dict[str, list[tuple[Key, Due]]] = {}  # by company's key
        self._keys: dict[str, str] = {}
        self._removed: list[Deviation] = []

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        match event.type:
            case EventType.ACCESS_GRANTED if when is When.INSIDE:
                self._passed(event)
            case EventType.ACCESS_DENIED if when is When.INSIDE:
                reason = taking.text(event.data, "reason")
                if reason in _REFUSED:
                    self._counts[reason] += 1
            case EventType.REQUIREMENT_EXPIRING:
                if when is not When.AFTER:
                    self._expiring(event, when)
            case EventType.REQUIREMENT_SET | EventType.REQUIREMENT_REMOVED:
                self._act(event, when)

    def _key(self, data: Mapping[str, Any]) -> Key:
        of, subject = taking.named(data, "of"), taking.named(data, "subject")
        who = self._company(subject) if of == "company" else subject
        return of, who, taking.named(data, "kind")

    def _company(self, name: str) -> str:
        if name not in self._keys:
            self._keys[name] = name_key(name)
        return self._keys[name]

    def _expiring(self, event: Event, when: When) -> None:
        data = event.data
        key, until = self._key(data), taking.named(data, "valid_until")
        if taking.day(until) is None:
            raise taking.Odd("valid_until")
        due = self._due.setdefault(key, {}).get(until)
        if due is None:
            subject = taking.named(data, "subject")
            due = Due(subject, until, event.time, event.time, event.seq)
            self._due[key][until] = due
            watched = self._companies if key[0] == "company" else self._lapsing
            watched.setdefault(key[1], []).append((key, due))
        due.last_at, due.record = event.time, event.seq
        due.warnings += 1
        self._counts["warnings"] += when is When.INSIDE

    def _act(self, event: Event, when: When) -> None:
        data, key = event.data, self._key(event.data)
        inside, by = when is When.INSIDE, taking.who(data)
        until, is_set = taking.text(data, "valid_until"), event.type == EventType.REQUIREMENT_SET
        for last, due in self._due.get(key, {}).items():
            if is_set and not due.renewed_at and (not until or until > last):
                due.renewed_at, due.renewed_by, due.renewed_until = event.time, by, until
        if not inside:
            return
        self._counts[event.type] += 1
        subject = taking.named(data, "subject")
        row = {
            "at": event.time,
            "what": event.type,
            "of": key[0],
            "subject": subject,
            "kind": key[2],
            "valid_until": until,
            "number": taking.text(data, "number"),
            "note": taking.text(data, "note"),
            "by": by,
        }
        self.place.rows.add(ACTS, row, (event.seq,))
        if not is_set:
            words = worded("{kind} of {who} was taken away", kind=key[2], who=Personal(subject))
            self._removed.append(
                Deviation("requirement_removed", words, event.time, (event.seq,), None, by)
            )

    def _passed(self, event: Event) -> None:
        person = taking.inner(event.data, "person")
        company = taking.text(person, "company")
        watched = self._lapsing.get(taking.text(person, "id"), ())
        if company and self._companies:
            watched = [*watched, *self._companies.get(self._company(company), ())]
        for key, due in watched:
            if event.time >= self._over(due) and not self._renewed(key, due, event.time):
                due.passed_count += 1
                if len(due.passed) < _NAMED:
                    due.passed.append(event.seq)

    def _over(self, due: Due) -> str:
        """The first moment after its last good day, as records have times."""
        day = taking.day(due.until)
        return "9" if day is None else self.place.span.midnight(day + timedelta(days=1))

    def _renewed(self, key: Key, due: Due, at: str) -> bool:
        """Whether something later is known by `at`, or the gate stopped warning before the end."""
        later = any(until > due.until for until in self._due[key])
        return later or bool(due.renewed_at and due.renewed_at <= at) or not self._to_the_end(due)

    def _to_the_end(self, due: Due) -> bool:
        last, warned = taking.day(due.until), taking.moment(due.last_at)
        if last is None or warned is None:
            return False
        return warned.astimezone(self.place.span.zone).date() >= last - timedelta(days=1)

    def found(self) -> Found:
        """What was due in the span and became of it."""
        tables = tables_of(self.place)
        found = Found(self.key, worded("Requirements"), tables=list(tables))
        for table in tables:
            found.populations.append(Population(table.key, table.title, Frequency.DAILY))
        lapsed = 0
        for key, every in sorted(self._due.items()):
            for due in every.values():
                over = self._over(due)
                if over <= self.place.span.begin and not due.passed:
                    continue  # it was over before the days began
                state = self._state(key, due, over)
                lapsed += state == "lapsed" and self.place.span.begin < over
                self.place.rows.add(DUE, cells_of(key, due, state), (due.record,))
                found.deviations += self._deviations(key, due, state, over)
        found.deviations += self._removed
        found.figures += self._figures(lapsed)
        found.notes.append(
            worded(
                "What a list renews has no record of its own; the gate then stops warning of it."
            )
        )
        return self.told(found)

    def _state(self, key: Key, due: Due, over: str) -> str:
        if due.renewed_at or any(until > due.until for until in self._due[key]):
            return "renewed"
        now = utc_text(self.place.as_of)
        if over > now:
            return "due"
        return "lapsed" if self._to_the_end(due) else "answered"

    def _deviations(self, key: Key, due: Due, state: str, over: str) -> list[Deviation]:
        found, who, kind = [], Personal(due.subject), key[2]
        late = bool(due.renewed_at and due.renewed_at > over and self._to_the_end(due))
        if (state == "lapsed" or late) and self.place.span.begin < over < self.place.span.end:
            words = worded("{kind} of {who} lapsed on {day}", kind=kind, who=who, day=due.until)
            handled = by = None
            if late:
                handled = worded("renewed at {at}", at=self.local(due.renewed_at))
                by = due.renewed_by
            found.append(
                Deviation(
                    "requirement_lapsed",
                    words,
                    over,
                    (due.record,),
                    handled,
                    by or "",
                    due.renewed_at if late else "",
                    open=handled is None,
                )
            )
        if due.passed:
            words = worded(
                "{who}: {count} passes after {kind} had lapsed on {day}",
                who=who,
                count=due.passed_count,
                kind=kind,
                day=due.until,
            )
            records = (due.record, *due.passed)
            found.append(
                Deviation("passed_while_lapsed", words, over, records, open=state == "lapsed")
            )
        return found

    def _figures(self, lapsed: int) -> list[Figure]:
        counts = self._counts
        people = {key[1] for key in self._due if key[0] == "person"}
        return [
            Figure("requirements_set", worded("requirements set"), counts["requirement.set"]),
            Figure(
                "requirements_removed",
                worded("requirements removed"),
                counts["requirement.removed"],
            ),
            Figure("requirement_warnings", worded("daily warnings"), counts["warnings"]),
            Figure("requirement_people", worded("people warned of"), len(people)),
            Figure("requirements_lapsed", worded("lapsed and not renewed"), lapsed),
            Figure(
                "refused_lapsed",
                worded("refused because something had lapsed"),
                counts[Reason.DENIED_REQUIREMENT_LAPSED],
            ),
            Figure(
                "refused_missing",
                worded("refused because something was missing"),
                counts[Reason.DENIED_REQUIREMENT_MISSING],
            ),
        ]
