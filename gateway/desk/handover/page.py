"""The page of a handover: the state of the gate at one moment, as JSON values.

    since, until    the time of the shift: since the last one was taken over
    alarms          open ones; those that not everybody may see are never among them
    shelved         sources that call nobody, and until when
    inside          who is inside, or null if nobody knows (the gateway is stopped)
    overdue         visitors who should have left; badges_out: temporary badges that are not back
    trucks          trucks at the gate that something holds
    overridden      what operators let be in this shift: the records, who and why
    head            the log's newest record, and its newest signed head as a note

Each list has at most MOST lines; `more` counts those that are left out, by list.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.config import Settings
from gateway.desk import alarms
from gateway.desk.act import stamp
from gateway.desk.freight import store
from gateway.desk.freight.findings import judge
from gateway.desk.freight.settings import freight_policy
from gateway.desk.freight.transaction import HERE
from gateway.desk.visits import records
from gateway.ledger import LedgerReader, chain
from gateway.ledger.event import Event, EventType
from gateway.ledger.heads import Heads
from gateway.state.alarms.who import is_secret

MOST = 300
LONGEST = timedelta(hours=24)
"""Of a longer shift the page shows what was overridden in its last 24 hours."""
USUAL = timedelta(hours=12)
FAR = 200_000

OVERRIDES = (
    EventType.ALARM_SHELVED,
    EventType.AREA_FORGIVEN,
    EventType.CAMERA_ACCEPTED,
    EventType.CLOCK_ACCEPTED,
    EventType.DOOR_CONFIRMED,
    EventType.DOOR_OUT_OF_SERVICE,
    EventType.DOOR_REMOTE_OPENED,
    EventType.FREIGHT_RELEASED,
    EventType.GRANT_GIVEN,
    EventType.INTERLOCK_OVERRIDDEN,
    EventType.PEOPLE_REINSTATED,
    EventType.TABLES_ACCEPTED,
    EventType.THREAT_CHANGED,
)
_ALSO = (EventType.ALARM_RESOLVED, EventType.VISIT_ARRIVED)

Page = dict[str, Any]


def gather(
    settings: Settings,
    db: sqlite3.Connection,
    books: alarms.Books,
    reader: LedgerReader,
    inside: Sequence[Mapping[str, Any]] | None,
    *,
    now: datetime,
) -> Page:
    """The state of the gate at `now`.  `inside` has who is inside, as the muster gives it.

    Raises LedgerUnavailable, DeskError and sqlite3.Error.
    """
    since = began(reader, now)
    book = alarms.current(db, books)
    policy = freight_policy(settings)
    trucks = [
        (tx, [one for one in judge(tx, policy) if one.open and one.action == "hold"])
        for tx in store.find(db, stages=[stage.value for stage in HERE])
    ]
    lists: Page = {
        "alarms": [
            {
                "alarm": one.id,
                "kind": one.kind.name,
                "subject": one.subject,
                "since": stamp(one.raised_at),
                "count": one.count,
                "stands": bool(one.stands),
                "seen": one.seen.name if one.seen else "",
            }
            for one in book.open(now, secret=False)
        ],
        "shelved": [
            {"kind": one.kind, "subject": one.subject, "until": stamp(one.until)}
            for one in book.shelves(now)
        ],
        "inside": [
            {key: str(one.get(key, "")) for key in ("person", "name", "area", "since")}
            for one in inside or ()
        ],
        "overdue": [
            {"visit": one.id, "name": one.name, "host": one.host, "until": one.expected_until}
            for one in records.overdue(db, now)
        ],
        "badges_out": [
            {"visit": one.id, "name": one.name, "badge": one.badge, "state": one.state}
            for one in records.badges_out(db)
        ],
        "trucks": [
            {
                "truck": tx.id,
                "driver": tx.arrival.driver if tx.arrival else "",
                "carrier": tx.arrival.carrier if tx.arrival else "",
                "codes": sorted({one.code for one in held}),
            }
            for tx, held in trucks
            if held
        ],
        "overridden": [
            {
                "seq": one.seq,
                "time": one.time,
                "type": one.type,
                "subject": one.subject,
                "by": str(one.data.get("by_name") or one.data.get("by", "")),
                "reason": str(one.data.get("reason") or one.data.get("note") or ""),
            }
            for one in overridden(reader, max(since, now - LONGEST))
        ],
    }
    more = {name: len(found) - MOST for name, found in lists.items() if len(found) > MOST}
    page: Page = {name: found[:MOST] for name, found in lists.items()}
    if inside is None:
        page["inside"] = None
    return {
        **page,
        "more": more,
        "since": stamp(since),
        "until": stamp(now),
        "gateway": settings.site.gateway,
        "head": _head(settings, reader),
    }


def digest(page: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the page in canonical JSON: what both people sign."""
    return hashlib.sha256(chain.canonical(dict(page)).encode()).hexdigest()


def began(reader: LedgerReader, now: datetime) -> datetime:
    """When this shift began: when the last one was taken over, or else 12 hours ago."""
    last = next(iter(reader.back(EventType.SHIFT_TAKEN_OVER, most=FAR)), None)
    if last is None:
        return now - USUAL
    return min(datetime.fromisoformat(last.time), now)


def overridden(reader: LedgerReader, since: datetime) -> list[Event]:
    """What operators let be since then, oldest first."""
    found = reader.back(*OVERRIDES, *_ALSO, since=chain.utc_text(since), most=FAR)
    return [one for one in found if _is_override(one)][::-1]


def _is_override(event: Event) -> bool:
    if is_secret(event.type, event.data):
        return False
    if event.type == EventType.VISIT_ARRIVED:
        return bool(event.data.get("released_by"))
    if event.type == EventType.ALARM_RESOLVED:
        return bool(event.data.get("stands"))
    if event.type in (EventType.AREA_FORGIVEN, EventType.CLOCK_ACCEPTED):
        return event.data.get("by") != event.subject  # not what the gateway does by itself
    return True


def _head(settings: Settings, reader: LedgerReader) -> Page:
    newest = next(iter(reader.tail(1)), None)
    signed = Heads(settings.ledger_path).newest()
    return {
        "seq": newest.seq if newest else 0,
        "hash": newest.hash if newest else "",
        "note": signed.note.write() if signed else "",
        "signed": signed.last_seq if signed else 0,
    }
