"""The two signatures of a handover, each a record: who leaves hands over, somebody else takes over.

The first record holds the whole page.  Both records hold its SHA-256, so the second person signs
the page that the first one signed.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from gateway.desk.act import writing
from gateway.desk.errors import Conflict, DeskError, NotFound
from gateway.desk.fromlog import outbox
from gateway.desk.handover.page import FAR, Page, digest
from gateway.desk.text import clean
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.ledger.operator import Operator
from gateway.locale import N_
from gateway.people.schema import put_event

KINDS = (EventType.SHIFT_HANDED_OVER, EventType.SHIFT_TAKEN_OVER)


def hand_over(
    db: sqlite3.Connection, reader: LedgerReader, page: Page, *, by: Operator, note: str = ""
) -> str:
    """Whoever leaves signs the page; returns the event's id.

    Signing the same page a second time (a double tap) is the first signature.  Raises DeskError.
    """
    said = clean(note, N_("note"), most=500, needed=False)
    sha256 = digest(page)
    with writing(db):
        for event in (*outbox(db, KINDS), *handovers(reader)):
            if event.type == EventType.SHIFT_HANDED_OVER and event.data.get("sha256") == sha256:
                return event.id
        inside = page["inside"]
        data = {
            "page": page,
            "sha256": sha256,
            "alarms": len(page["alarms"]),
            "inside": None if inside is None else len(inside) + page["more"].get("inside", 0),
            "note": said,
            "by": by,
        }
        return put_event(db, EventType.SHIFT_HANDED_OVER, str(page["gateway"]), data)


def take_over(
    db: sqlite3.Connection, reader: LedgerReader, seq: int, *, by: Operator, note: str = ""
) -> None:
    """Somebody else signs that they take over what record `seq` hands over.

    Raises NotFound, Conflict if it was taken over already, and DeskError for whoever hands over.
    """
    said = clean(note, N_("note"), most=500, needed=False)
    with writing(db):
        event = reader.get(seq) if seq > 0 else None
        if event is None or event.type != EventType.SHIFT_HANDED_OVER:
            raise NotFound("no_handover", "event {number} hands over no shift", number=seq)
        _somebody_else(event, by)
        for known in (*outbox(db, KINDS), *handovers(reader, since=seq)):
            if known.type == EventType.SHIFT_TAKEN_OVER and known.data.get("handover") == seq:
                if known.data.get("by") == str(by):
                    return  # a double tap
                raise Conflict(
                    "taken_already",
                    "{name} has taken over this shift already",
                    name=str(known.data.get("by_name") or known.data.get("by", "?")),
                )
        data: dict[str, Any] = {"handover": seq, "sha256": event.data["sha256"], "note": said}
        put_event(db, EventType.SHIFT_TAKEN_OVER, event.subject, {**data, "by": by})


def handovers(reader: LedgerReader, since: int = 0) -> list[Event]:
    """Both kinds of record, newest first: those after record `since`, of the newest FAR."""
    most = min(FAR, max(0, reader.last_seq - since))
    if not most:
        return []
    return list(reader.back(*KINDS, most=most))


def _somebody_else(event: Event, by: Operator) -> None:
    same = event.data.get("by") == str(by)
    person = event.data.get("by_person")
    if same or (by.person and by.person == person):
        raise DeskError("same_person", "who takes over is somebody else than who hands over")
