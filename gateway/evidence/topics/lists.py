"""Lists of people: which one was put in force, by whom, whom it added, changed and removed; lists
that were late, refused or held back; and acts on single people beside the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

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
from gateway.evidence.topics import listtables as tables
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded
from gateway.wording.lists import tripwire_message

_ACTS = frozenset(
    {
        EventType.PEOPLE_ENROLLED,
        EventType.PEOPLE_PIN_SET,
        EventType.PEOPLE_PIN_CLEARED,
        EventType.PEOPLE_REVOKED,
        EventType.PEOPLE_REINSTATED,
        EventType.GRANT_GIVEN,
        EventType.GRANT_ENDED,
        EventType.ESCORT_SET,
        EventType.ESCORT_CLEARED,
    }
)
_NEW = frozenset({EventType.PEOPLE_SYNCED, EventType.PEOPLE_ROLLED_BACK})


@dataclass(slots=True)
class _Open:
    """Something about a source that another record ends."""

    rule: str
    at: str
    record: int
    detail: str
    source: str
    ended_at: str = ""
    ended_by: Personal = taking.NOBODY
    how: str = ""


class Lists(Taker):
    """Takes lists put in force, what happened to their sources, and acts on people."""

    key: ClassVar[str] = "lists"
    rules: ClassVar[Mapping[str, str]] = {
        "list_confirmed": N_("somebody let a list pass that a tripwire held"),
        "list_rolled_back": N_("an earlier list was put in force again"),
        "list_source_failed": N_("a source gave no list"),
        "list_waited": N_("a list was held back until somebody looked at it"),
        "list_late": N_("a list was not in force at all gates in time"),
        "list_refused": N_("a signed list was refused"),
        "tables_accepted": N_("somebody accepted that the list differs from the records"),
    }
    reads: ClassVar[frozenset[EventType]] = (
        _ACTS
        | _NEW
        | {
            EventType.PEOPLE_SYNCED_PART,
            EventType.PEOPLE_SYNC_FAILED,
            EventType.PEOPLE_SYNC_RECOVERED,
            EventType.PEOPLE_SYNC_WAITING,
            EventType.PEOPLE_SYNC_DROPPED,
            EventType.PEOPLE_BUNDLE_REFUSED,
            EventType.PEOPLE_LIST_EVERYWHERE,
            EventType.ALARM_LIST_LATE,
            EventType.TABLES_ACCEPTED,
        }
    )
    before: ClassVar[frozenset[EventType]] = _NEW

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._counts: Counter[str] = Counter()
        self._versions: dict[int, Personal] = {}
        self._held = 0
        self._at_begin = self._at_end = 0
        self._troubles: list[_Open] = []
        self._deviations: list[Deviation] = []
        self._slowest: float | None = None

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        kind, inside = event.type, when is When.INSIDE
        if kind in _NEW:
            self._new(event, when)
        elif kind == EventType.PEOPLE_SYNCED_PART:
            if inside:
                number = taking.number(event.data, "version")
                self._people(event, number, self._versions.get(number, taking.NOBODY))
        elif kind in _ACTS:
            if inside:
                self._act(event)
        else:
            self._source(event, inside=inside)

    def _new(self, event: Event, when: When) -> None:
        data = event.data
        version, total = taking.number(data, "version"), taking.count(data, "total")
        if when is When.BEFORE:
            self._at_begin = self._at_end = total
            return
        source = taking.text(data, "source")
        self._ended(EventType.PEOPLE_SYNC_WAITING, source, event, "in_force")
        if when is When.AFTER:
            return
        if not self._counts["lists"]:
            before = total - taking.count(data, "added") + taking.count(data, "removed")
            self._at_begin = self._at_begin or max(0, before)
        self._at_end = total
        by, agreed = taking.who(data), taking.texts(data, "confirmed")
        self._versions[version] = by
        counts = {name: taking.count(data, name) for name in ("added", "changed", "removed")}
        self._counts.update({"lists": 1, **counts})
        back = event.type == EventType.PEOPLE_ROLLED_BACK
        cells: dict[str, Any] = {
            "version": version,
            "at": event.time,
            "what": "rollback" if back else taking.text(data, "kind"),
            "source": source,
            "by": by,
            **counts,
            "total": total,
            "confirmed": agreed,
            "sha256": taking.text(data, "sha256"),
        }
        self.place.rows.add(tables.LISTS, cells, (event.seq,))
        self._people(event, version, by)
        if agreed:
            names = tuple(map(tripwire_message, agreed))
            words = worded(
                "list {version} was put in force although: {names}", version=version, names=names
            )
            self._tell("list_confirmed", words, event, by)
        if back:
            words = worded("list {version}: an earlier list is in force again", version=version)
            self._tell("list_rolled_back", words, event, by)

    def _tell(self, rule: str, words: Any, event: Event, by: Personal) -> None:
        handled = worded("an act with a name to it")
        self._deviations.append(
            Deviation(rule, words, event.time, (event.seq,), handled, by, event.time)
        )

    def _people(self, event: Event, version: int, by: Personal) -> None:
        people = taking.inner(event.data, "people")
        base = {"at": event.time, "version": version, "by": by}
        add, records = self.place.rows.add, (event.seq,)
        for who in taking.texts(people, "added"):
            row = {**base, "what": "added", "person": who, "name": "", "fields": []}
            add(tables.PEOPLE, row, records)
        changed = taking.inner(people, "changed")
        for who in changed:
            row = {**base, "what": "changed", "person": taking.clean(who), "name": ""}
            add(tables.PEOPLE, {**row, "fields": taking.texts(changed, who)}, records)
        removed = taking.inner(people, "removed")
        for who in removed:
            row = {**base, "what": "removed", "person": taking.clean(who), "fields": []}
            add(tables.PEOPLE, {**row, "name": taking.text(removed, who)}, records)

    def _act(self, event: Event) -> None:
        data = event.data
        self._counts[event.type] += 1
        parts = [taking.text(data, name) for name in ("kind", "target", "reason")]
        cells = {
            "at": event.time,
            "person": taking.clean(event.subject),
            "what": event.type,
            "detail": " ".join(filter(None, [*parts, *taking.texts(data, "escorts")])),
            "until": taking.time(data, "until"),
            "by": taking.who(data),
        }
        self.place.rows.add(tables.ACTS, cells, (event.seq,))

    def _source(self, event: Event, *, inside: bool) -> None:
        data, kind = event.data, event.type
        source = taking.text(data, "source") or taking.clean(event.subject)
        if inside:
            self._counts[kind] += 1
        match kind:
            case EventType.PEOPLE_SYNC_FAILED if inside:
                self._begins("list_source_failed", event, source, taking.text(data, "detail"))
            case EventType.PEOPLE_SYNC_WAITING if inside:
                self._begins("list_waited", event, source, ", ".join(taking.texts(data, "tripped")))
            case EventType.PEOPLE_SYNC_RECOVERED:
                self._ended(EventType.PEOPLE_SYNC_FAILED, source, event, "recovered")
            case EventType.PEOPLE_SYNC_DROPPED:
                self._ended(EventType.PEOPLE_SYNC_WAITING, source, event, "dropped")
            case EventType.PEOPLE_LIST_EVERYWHERE:
                seconds = taking.real(data, "seconds")
                if inside and seconds is not None:
                    self._slowest = max(seconds, self._slowest or 0.0)
                self._ended(EventType.ALARM_LIST_LATE, "", event, "everywhere")
            case EventType.ALARM_LIST_LATE if inside:
                self._begins("list_late", event, "", ", ".join(taking.texts(data, "gates")))
            case EventType.PEOPLE_BUNDLE_REFUSED if inside:
                words = worded("a signed list was refused: {why}", why=taking.text(data, "detail"))
                handled = worded("the list before stayed in force")
                self._deviations.append(
                    Deviation("list_refused", words, event.time, (event.seq,), handled)
                )
            case EventType.TABLES_ACCEPTED if inside and taking.count(data, "part", 1) == 1:
                reason = Personal(taking.text(data, "reason"))
                words = worded("the list differed from the records, and somebody accepted it")
                handled = worded("reason given: {reason}", reason=reason)
                by, at = taking.who(data), event.time
                self._deviations.append(
                    Deviation("tables_accepted", words, at, (event.seq,), handled, by, at)
                )

    def _begins(self, rule: str, event: Event, source: str, detail: str) -> None:
        self._troubles.append(_Open(rule, event.time, event.seq, detail, source))

    def _ended(self, kind: EventType, source: str, event: Event, how: str) -> None:
        rule = _ENDS[kind]
        for trouble in self._troubles:
            if (trouble.rule, trouble.source, trouble.ended_at) == (rule, source, ""):
                trouble.ended_at, trouble.how = event.time, how
                trouble.ended_by = taking.who(event.data)

    def found(self) -> Found:
        """What happened to the lists in the span."""
        shown = tables.all_of(self.place)
        found = Found(self.key, worded("Lists of people and acts on them"), tables=list(shown))
        found.populations += [
            Population(table.key, table.title, frequency)
            for table, frequency in zip(
                shown, (Frequency.RARE, Frequency.DAILY, Frequency.DAILY), strict=True
            )
        ]
        found.deviations += [*self._deviations, *map(self._trouble, self._troubles)]
        found.figures += self._figures()
        return self.told(found)

    def _trouble(self, one: _Open) -> Deviation:
        words = tables.trouble(one.rule, one.source, one.detail)
        handled = tables.ended(one.how, self.local(one.ended_at)) if one.ended_at else None
        return Deviation(
            one.rule,
            words,
            one.at,
            (one.record,),
            handled,
            one.ended_by,
            one.ended_at,
            open=handled is None,
        )

    def _figures(self) -> list[Figure]:
        counts = self._counts
        return [
            Figure("lists", worded("lists put in force"), counts["lists"]),
            Figure("list_begin", worded("people on the list when the days began"), self._at_begin),
            Figure("list_end", worded("people on the list when the days ended"), self._at_end),
            Figure("list_added", worded("people added"), counts["added"]),
            Figure("list_changed", worded("people changed"), counts["changed"]),
            Figure("list_removed", worded("people removed"), counts["removed"]),
            *tables.counted(counts, self._slowest),
        ]


_ENDS: Mapping[EventType, str] = {
    EventType.PEOPLE_SYNC_WAITING: "list_waited",
    EventType.PEOPLE_SYNC_FAILED: "list_source_failed",
    EventType.ALARM_LIST_LATE: "list_late",
}
