"""Pictures: who looked at portraits, at sealed pictures of decisions, at cameras and at pictures of
trucks, and what became of faces.  No picture is in a packet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from gateway.evidence import cells, taking
from gateway.evidence.model import (
    Column,
    Figure,
    Found,
    Frequency,
    Place,
    Population,
    Table,
    When,
)
from gateway.evidence.taking import Taker
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded

VIEWED, FACES = "pictures_viewed", "face_acts"
_VIEWS: Mapping[str, str] = {
    EventType.FACE_PORTRAIT_VIEWED: N_("portrait of a person"),
    EventType.FACE_PICTURE_VIEWED: N_("sealed picture of a decision"),
    EventType.CAMERA_VIEWED: N_("what a camera sees"),
    EventType.FREIGHT_PICTURE_VIEWED: N_("picture of an inspection"),
}
_FACES: Mapping[str, str] = {
    EventType.FACE_CONSENT_SET: N_("consent written down"),
    EventType.FACE_FORGOTTEN: N_("face forgotten on request"),
    EventType.FACE_KEY_DESTROYED: N_("face destroyed"),
    EventType.FACE_PICTURES_PURGED: N_("pictures past their retention deleted"),
}


class Pictures(Taker):
    """Takes who looked at pictures, and what happened to faces."""

    key: ClassVar[str] = "pictures"
    rules: ClassVar[Mapping[str, str]] = {}
    reads: ClassVar[frozenset[EventType]] = frozenset(map(EventType, (*_VIEWS, *_FACES)))
    before: ClassVar[frozenset[EventType]] = frozenset()

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._counts: Counter[str] = Counter()
        self._viewers: set[str] = set()

    def record(self, event: Event, when: When) -> None:
        """The next record; what comes after the span does not matter here."""
        if when is not When.INSIDE:
            return
        data, by = event.data, taking.who(event.data)
        self._counts[event.type] += 1
        row: dict[str, object] = {"at": event.time, "by": by, "what": event.type}
        if event.type in _VIEWS:
            self._viewers.add(by)
            row |= {"of": taking.clean(event.subject), "record": taking.count(data, "seq") or None}
            self.place.rows.add(VIEWED, row, (event.seq,))
            return
        if event.type == EventType.FACE_PICTURES_PURGED:
            self._counts["purged"] += taking.count(data, "count")
        why = taking.text(data, "why") or taking.text(data, "reason") or taking.text(data, "note")
        row |= {"of": taking.clean(event.subject), "why": why, "until": taking.text(data, "until")}
        self.place.rows.add(FACES, row, (event.seq,))

    def found(self) -> Found:
        """Who looked at what in the span."""
        tables = _tables(self.place)
        found = Found(self.key, worded("Pictures and faces"), tables=list(tables))
        for table in tables:
            found.populations.append(Population(table.key, table.title, Frequency.DAILY))
        counts = self._counts
        found.figures += [
            Figure("portraits", worded("portraits looked at"), counts["face.portrait_viewed"]),
            Figure("pictures", worded("sealed pictures opened"), counts["face.picture_viewed"]),
            Figure("camera_views", worded("looks through a camera"), counts["camera.viewed"]),
            Figure(
                "truck_pictures",
                worded("pictures of inspections looked at"),
                counts["freight.picture_viewed"],
            ),
            Figure("picture_viewers", worded("people who looked"), len(self._viewers)),
            Figure("consents", worded("consents written down"), counts["face.consent_set"]),
            Figure("faces_forgotten", worded("faces forgotten"), counts["face.forgotten"]),
            Figure("faces_destroyed", worded("faces destroyed"), counts["face.key_destroyed"]),
            Figure("pictures_purged", worded("pictures past retention deleted"), counts["purged"]),
        ]
        return self.told(found)


def _tables(place: Place) -> tuple[Table, Table]:
    at = cells.at(place.span.zone)
    by = Column("by", N_("By"), personal=True, width=1.5)
    return (
        Table(
            VIEWED,
            worded("Pictures looked at"),
            (
                Column("at", N_("Time"), at),
                by,
                Column("what", N_("What"), cells.coded(_VIEWS), width=1.5),
                Column("of", N_("Of whom or what"), personal=True, width=1.5),
                Column("record", N_("Record"), cells.optional),
            ),
        ),
        Table(
            FACES,
            worded("What became of faces"),
            (
                Column("at", N_("Time"), at),
                by,
                Column("what", N_("What"), cells.coded(_FACES), width=1.5),
                Column("of", N_("Of whom or what"), personal=True, width=1.5),
                Column("why", N_("Reason"), personal=True, width=2),
                Column("until", N_("Until"), cells.day),
            ),
        ),
    )
