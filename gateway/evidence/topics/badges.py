"""Badges: those seen at the doors, those reported lost and found, visitors' badges given out.

The log has no inventory of the drawer: it knows a badge from the first time that it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
from gateway.evidence.topics.badgetables import (
    LOST,
    OUT,
    SEEN,
    Lost,
    Seen,
    lost_cells,
    seen_cells,
    tables_of,
)
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded

_NAMED = 20


class Badges(Taker):
    """Takes what happens to badges."""

    key: ClassVar[str] = "badges"
    rules: ClassVar[Mapping[str, str]] = {
        "lost_badge_passed": N_("a badge that was reported lost opened a door"),
        "lost_badge_shown": N_("a badge that was reported lost was shown at a door"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.ACCESS_GRANTED,
            EventType.ACCESS_DENIED,
            EventType.PEOPLE_BADGE_LOST,
            EventType.PEOPLE_BADGE_FOUND,
            EventType.VISIT_BADGE_ISSUED,
            EventType.VISIT_BADGE_RETURNED,
            EventType.VISIT_DEPARTED,
        }
    )
    before: ClassVar[frozenset[EventType]] = reads - {
        EventType.ACCESS_GRANTED,
        EventType.ACCESS_DENIED,
    }

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._counts: Counter[str] = Counter()
        self._seen: dict[str, Seen] = {}
        self._lost: list[Lost] = []
        self._by_mark: dict[str, list[Lost]] = {}
        self._visitors: dict[int, dict[str, Any]] = {}
        self._records: dict[int, list[int]] = {}
        self._out_at_begin: int | None = None
        self._out_at_end: int | None = None

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if when is not When.BEFORE and self._out_at_begin is None:
            self._out_at_begin = self._out()
        if when is When.AFTER and self._out_at_end is None:
            self._out_at_end = self._out()
        if event.type in (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED):
            self._read(event, when)
            return
        self._counts[event.type] += when is When.INSIDE
        match event.type:
            case EventType.PEOPLE_BADGE_LOST:
                if when is not When.AFTER:
                    self._is_lost(event, inside=when is When.INSIDE)
            case EventType.PEOPLE_BADGE_FOUND:
                self._is_found(event)
            case _:
                self._visitors_badge(event, when)

    def _read(self, event: Event, when: When) -> None:
        badge, person = taking.inner(event.data, "credential"), taking.inner(event.data, "person")
        mark, who = taking.text(badge, "fingerprint"), taking.text(person, "id")
        if not mark:
            return
        granted = event.type == EventType.ACCESS_GRANTED
        masked, name = taking.text(badge, "masked"), Personal(taking.text(person, "name"))
        for lost in self._by_mark.get(mark, ()):
            if not lost.found_at:
                (lost.granted if granted else lost.refused).append(event.seq)
        if when is not When.INSIDE:
            return
        seen = self._seen.get(mark)
        if seen is None:
            seen = self._seen[mark] = Seen(masked, who, name, event.time, event.time)
            seen.records = [event.seq, event.seq]
        seen.last, seen.records[1] = event.time, event.seq
        seen.granted += granted
        seen.denied += not granted
        if who:
            seen.person, seen.name = who, name
            seen.holders.add(who)

    def _is_lost(self, event: Event, *, inside: bool) -> None:
        data, who = event.data, taking.clean(event.subject)
        badge = taking.named(data, "badge")
        reason, by = taking.text(data, "reason"), taking.who(data)
        lost = Lost(who, badge, reason, by, event.time, inside, [event.seq])
        self._lost.append(lost)
        # A badge is shown by its last digits, which another one of the same person may have too.
        known = [m for m, one in self._seen.items() if one.badge == badge and who in one.holders]
        if len(known) == 1:
            lost.name = self._seen[known[0]].name
            self._by_mark.setdefault(known[0], []).append(lost)

    def _is_found(self, event: Event) -> None:
        who, badge = taking.clean(event.subject), taking.named(event.data, "badge")
        for lost in self._lost:
            if (lost.person, lost.badge, lost.found_at) == (who, badge, ""):
                lost.found_at, lost.found_by = event.time, taking.who(event.data)
                lost.records.append(event.seq)

    def _visitors_badge(self, event: Event, when: When) -> None:
        data, number = event.data, taking.number(event.data, "visit")
        if event.type == EventType.VISIT_BADGE_ISSUED:
            if when is not When.AFTER:
                self._visitors[number] = {
                    "visit": number,
                    "name": taking.text(data, "name"),
                    "badge": taking.text(data, "badge"),
                    "issued_at": event.time,
                    "until": taking.time(data, "until"),
                    "by": taking.who(data),
                    "returned_at": "",
                }
                self._records[number] = [event.seq]
        elif number in self._visitors:
            given = self._visitors[number]
            back = event.type == EventType.VISIT_BADGE_RETURNED or data.get("badge_out") is False
            if back and not given["returned_at"]:
                given["returned_at"] = event.time
                self._records[number].append(event.seq)
                if when is When.BEFORE:
                    del self._visitors[number], self._records[number]

    def _out(self) -> int:
        return sum(not given["returned_at"] for given in self._visitors.values())

    def found(self) -> Found:
        """What happened to badges in the span."""
        tables = tables_of(self.place)
        found = Found(self.key, worded("Badges"), tables=list(tables))
        for table, frequency in zip(
            tables, (Frequency.DAILY, Frequency.RARE, Frequency.DAILY), strict=True
        ):
            found.populations.append(Population(table.key, table.title, frequency))
        add = self.place.rows.add
        for mark, seen in sorted(self._seen.items()):
            add(SEEN, seen_cells(mark, seen), tuple(dict.fromkeys(seen.records)))
        told = [lost for lost in self._lost if lost.inside or lost.granted or lost.refused]
        for lost in told:
            add(LOST, lost_cells(lost), tuple(lost.records))
            found.deviations += self._deviations(lost)
        for number, given in self._visitors.items():
            add(OUT, given, tuple(self._records[number]))
        found.figures += self._figures()
        found.notes.append(
            worded("A badge is known from its first reading on; those in store are not in the log.")
        )
        return self.told(found)

    def _figures(self) -> list[Figure]:
        seen, counts = self._seen.values(), self._counts
        out = [given for given in self._visitors.values() if not given["returned_at"]]
        unknown = sum(not one.holders for one in seen)
        moved = sum(len(one.holders) > 1 for one in seen)
        at_end = self._out() if self._out_at_end is None else self._out_at_end
        still = sum(not lost.found_at for lost in self._lost)
        lost, returned = counts["people.badge_lost"], counts["people.badge_found"]
        return [
            Figure("badges_seen", worded("different badges at doors"), len(seen)),
            Figure("badges_unknown", worded("of them of nobody"), unknown, of=len(seen)),
            Figure("badges_moved", worded("of them of two people"), moved, of=len(seen)),
            Figure("badges_lost", worded("badges reported lost"), lost),
            Figure("badges_found", worded("badges found again"), returned),
            Figure("badges_still_lost", worded("badges that are lost now"), still),
            Figure(
                "visitor_badges_given",
                worded("visitors' badges given"),
                counts["visit.badge_issued"],
            ),
            Figure(
                "visitor_badges_begin",
                worded("visitors' badges out when the days began"),
                self._out_at_begin or 0,
            ),
            Figure(
                "visitor_badges_end", worded("visitors' badges out when the days ended"), at_end
            ),
            Figure("visitor_badges_now", worded("visitors' badges out now"), len(out)),
        ]

    def _deviations(self, lost: Lost) -> list[Deviation]:
        found = []
        facts: dict[str, Any] = {
            "badge": Personal(lost.badge),
            "name": lost.name or Personal(lost.person),
        }
        if lost.granted:
            words = worded(
                "badge {badge} of {name} was reported lost and opened a door {count} times",
                count=len(lost.granted),
                **facts,
            )
            records = (lost.records[0], *lost.granted[:_NAMED])
            still = not lost.found_at
            found.append(Deviation("lost_badge_passed", words, lost.at, records, open=still))
        if lost.refused:
            words = worded(
                "badge {badge} of {name} was reported lost and shown {count} times",
                count=len(lost.refused),
                **facts,
            )
            records = (lost.records[0], *lost.refused[:_NAMED])
            handled = worded("refused each time")
            found.append(Deviation("lost_badge_shown", words, lost.at, records, handled))
        return found
