"""Visitors: who came, whom they came to see, which ID was verified, which badge they had, when they
left; and who was held back, sent away or stayed too long."""

from __future__ import annotations

from collections import Counter
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
    When,
)
from gateway.evidence.taking import NOBODY, Taker
from gateway.evidence.topics.visit import Visit, cells_of, released
from gateway.evidence.topics.visitortables import (
    NOT_LET_IN,
    REGULARS,
    VISITORS,
    not_let_in,
    regular_cells,
    regulars,
    visitors,
)
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded

_DAY_S = 86_400.0
"""Whoever arrived longer ago and has neither left nor been called overdue counts as not left."""


class Visitors(Taker):
    """Takes the records of visits."""

    key: ClassVar[str] = "visitors"
    rules: ClassVar[Mapping[str, str]] = {
        "visit_not_left": N_("a visitor has no departure on record"),
        "visit_overdue": N_("a visitor stayed after the end of the visit"),
        "visit_no_id": N_("a visitor came in without a photo ID"),
        "visit_released": N_("a second person let in a visitor whom the desk held"),
        "visit_badge_not_returned": N_("a visitor left and kept the badge"),
        "visit_times_odd": N_("a departure lies before its arrival"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.VISIT_EXPECTED,
            EventType.VISIT_ARRIVED,
            EventType.VISIT_HELD,
            EventType.VISIT_HOST_CONTACTED,
            EventType.VISIT_BADGE_ISSUED,
            EventType.VISIT_BADGE_RETURNED,
            EventType.VISIT_EXTENDED,
            EventType.VISIT_OVERDUE,
            EventType.VISIT_DEPARTED,
            EventType.VISIT_CANCELLED,
            EventType.VISIT_REFUSED,
            EventType.VISIT_REGULAR_ADDED,
            EventType.VISIT_REGULAR_REMOVED,
        }
    )
    before: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.VISIT_EXPECTED,
            EventType.VISIT_ARRIVED,
            EventType.VISIT_HOST_CONTACTED,
            EventType.VISIT_BADGE_ISSUED,
            EventType.VISIT_BADGE_RETURNED,
            EventType.VISIT_DEPARTED,
        }
    )

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._visits: dict[int, Visit] = {}
        self._announced: set[int] = set()
        self._counts: Counter[str] = Counter()
        self._here_at_begin = -1

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if when is not When.BEFORE and self._here_at_begin < 0:
            self._begin()
        if when is When.INSIDE:
            self._counts[event.type] += 1
        kind, data = event.type, event.data
        if kind in (EventType.VISIT_REGULAR_ADDED, EventType.VISIT_REGULAR_REMOVED):
            if when is When.INSIDE:
                self.place.rows.add(REGULARS, regular_cells(event), (event.seq,))
            return
        if kind in (EventType.VISIT_HELD, EventType.VISIT_CANCELLED, EventType.VISIT_REFUSED):
            if when is When.INSIDE:
                self._not_let_in(event)
            return
        number = taking.number(data, "visit")
        if kind == EventType.VISIT_EXPECTED:
            self._announced.add(number)
        elif kind == EventType.VISIT_ARRIVED:
            if when is not When.AFTER:
                self._visits[number] = self._arrived(number, event, when)
            self._announced.discard(number)
        elif number in self._visits:
            visit = self._visits[number]
            self._more(visit, event, when)
            visit.records.append(event.seq)
            if when is When.BEFORE and visit.departed_at and not visit.badge_kept:
                del self._visits[number]  # over before the span began

    def _begin(self) -> None:
        self._here_at_begin = sum(not visit.departed_at for visit in self._visits.values())

    def _arrived(self, number: int, event: Event, when: When) -> Visit:
        data = event.data
        return Visit(
            number,
            taking.time(data, "arrived_at") or event.time,
            when is When.INSIDE,
            Personal(taking.text(data, "name")),
            Personal(taking.text(data, "host")),
            taking.text(data, "company"),
            taking.text(data, "id_kind"),
            taking.who(data),
            regular=data.get("regular") is True,
            held=taking.texts(data, "held"),
            released_by=Personal(taking.text(data, "released_by")),
            release_reason=taking.text(data, "reason"),
            announced=number in self._announced,
            records=[event.seq],
        )

    def _more(self, visit: Visit, event: Event, when: When) -> None:
        data = event.data
        match event.type:
            case EventType.VISIT_HOST_CONTACTED:
                visit.contacted_at = event.time
                visit.escort = Personal(taking.text(data, "escort")) or visit.escort
            case EventType.VISIT_BADGE_ISSUED:
                visit.badge, visit.badge_issued_at = taking.text(data, "badge"), event.time
                visit.badge_until = taking.time(data, "until")
                visit.badge_returned_at, visit.badge_kept = "", False
            case EventType.VISIT_BADGE_RETURNED:
                visit.badge_returned_at, visit.badge_kept = event.time, False
            case EventType.VISIT_EXTENDED:
                visit.extended.append((event.time, taking.who(data)))
            case EventType.VISIT_OVERDUE if when is When.INSIDE:
                visit.overdue.append((event.time, event.seq))
            case EventType.VISIT_DEPARTED:
                visit.departed_at = taking.time(data, "departed_at") or event.time
                visit.departed_by = taking.who(data)
                if data.get("badge_out") is True:
                    visit.badge_kept = True
                elif visit.badge and not visit.badge_returned_at:
                    visit.badge_returned_at = visit.departed_at

    def _not_let_in(self, event: Event) -> None:
        data = event.data
        cells = {
            "at": event.time,
            "visit": taking.count(data, "visit") or None,
            "name": taking.text(data, "name"),
            "company": taking.text(data, "company"),
            "host": taking.text(data, "host"),
            "what": event.type.rpartition(".")[2],
            "reason": taking.text(data, "reason"),
            "by": taking.who(data),
        }
        self.place.rows.add(NOT_LET_IN, cells, (event.seq,))

    def found(self) -> Found:
        """The visits that began in the span, and what was odd about those that touched it."""
        tables = [visitors(self.place), not_let_in(self.place), regulars(self.place)]
        found = Found(self.key, worded("Visitor log"), tables=tables)
        found.populations.append(Population(VISITORS, tables[0].title, Frequency.DAILY))
        found.populations.append(Population(NOT_LET_IN, tables[1].title, Frequency.DAILY))
        found.populations.append(Population(REGULARS, tables[2].title, Frequency.RARE))
        if self._here_at_begin < 0:
            self._begin()
        began = [visit for visit in self._visits.values() if visit.inside]
        for visit in began:
            self.place.rows.add(VISITORS, cells_of(visit), tuple(visit.records))
        for visit in self._visits.values():
            found.deviations += self._deviations(visit)
        found.figures += self._figures(began)
        return self.told(found)

    def _figures(self, began: list[Visit]) -> list[Figure]:
        counts, of = self._counts, len(began)

        def part(key: str, label: Message, what: list[bool]) -> Figure:
            return Figure(key, label, sum(what), of=of)

        def counted(key: str, label: Message, kind: EventType) -> Figure:
            return Figure(key, label, counts[kind])

        badged = [visit for visit in began if visit.badge]
        return [
            Figure("visits", worded("visits that began"), of),
            part("visits_id", worded("with a photo ID verified"), [bool(v.id_kind) for v in began]),
            part("visits_host", worded("with a company contact"), [bool(v.host) for v in began]),
            part("visits_left", worded("with a departure"), [bool(v.departed_at) for v in began]),
            part("visits_announced", worded("announced before"), [v.announced for v in began]),
            part("visits_told", worded("contact told"), [bool(v.contacted_at) for v in began]),
            part("visits_escorted", worded("with an escort"), [bool(v.escort) for v in began]),
            part("visits_badge", worded("with a temporary badge"), [bool(v.badge) for v in began]),
            Figure(
                "visit_badges_back",
                worded("temporary badges that came back"),
                sum(bool(visit.badge_returned_at) for visit in badged),
                of=len(badged),
            ),
            part("visits_regular", worded("known regular visitors"), [v.regular for v in began]),
            Figure(
                "visits_here_before",
                worded("visitors who were here when the days began"),
                max(0, self._here_at_begin),
            ),
            counted("visits_expected", worded("visits announced"), EventType.VISIT_EXPECTED),
            counted("visits_held", worded("arrivals held back"), EventType.VISIT_HELD),
            counted("visits_refused", worded("visitors sent away"), EventType.VISIT_REFUSED),
            counted("visits_cancelled", worded("visits called off"), EventType.VISIT_CANCELLED),
            counted("visits_extended", worded("visits extended"), EventType.VISIT_EXTENDED),
            counted("visits_overdue", worded("visits overdue"), EventType.VISIT_OVERDUE),
            counted("regulars_added", worded("regulars added"), EventType.VISIT_REGULAR_ADDED),
            counted(
                "regulars_removed", worded("regulars removed"), EventType.VISIT_REGULAR_REMOVED
            ),
        ]

    def _deviations(self, visit: Visit) -> list[Deviation]:
        found, records, name = [], tuple(visit.records), visit.name
        for at, seq in visit.overdue:
            found.append(self._overdue(visit, at, seq))
        now = self.place.as_of.isoformat()
        stays = not visit.departed_at and not visit.overdue
        if stays and (taking.seconds(visit.arrived_at, now) or 0) > _DAY_S:
            words = worded("{name} has no departure on record", name=name)
            found.append(Deviation("visit_not_left", words, visit.arrived_at, records, open=True))
        if visit.badge_kept and (visit.inside or self.place.span.begin <= visit.departed_at):
            words = worded("{name} left and kept the badge {badge}", name=name, badge=visit.badge)
            found.append(
                Deviation("visit_badge_not_returned", words, visit.departed_at, records, open=True)
            )
        if not visit.inside:
            return found
        if not visit.id_kind:
            words = worded("{name} came in without a photo ID", name=name)
            handled = worded("a known regular visitor, whom the site's policy excuses")
            excused = handled if visit.regular else None
            by = visit.received_by if excused else ""
            found.append(Deviation("visit_no_id", words, visit.arrived_at, records, excused, by))
        if visit.held or visit.released_by:
            found.append(released(visit))
        late = taking.seconds(visit.arrived_at, visit.departed_at)
        if late is not None and late < 0:
            words = worded("{name} left before they came, by the records", name=name)
            found.append(Deviation("visit_times_odd", words, visit.arrived_at, records))
        return found

    def _overdue(self, visit: Visit, at: str, seq: int) -> Deviation:
        words = worded("{name} was still here after the visit's end", name=visit.name)
        handled, by, when = None, NOBODY, ""
        longer = next((one for one in visit.extended if one[0] > at), None)
        if longer is not None:
            when, by = longer
            handled = worded("the visit was extended at {at}", at=self.local(when))
        elif visit.departed_at:
            when, by = visit.departed_at, visit.departed_by
            handled = worded("left at {at}", at=self.local(when))
        records = (visit.records[0], seq)
        return Deviation(
            "visit_overdue", words, at, records, handled, by, when, open=handled is None
        )
