"""What the log remembers across a restart: recent wrong PINs, and alarms that did not end.

In: the log, read backwards.  Out: what a part needs to go on where it was.  This file writes
nothing, and nothing that it returns can open a door.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime

from gateway.ledger import LedgerDamaged, LedgerReader
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import worded

ALARMS = (EventType.DOOR_FORCED, EventType.DOOR_HELD)
FAR = 50_000  # records; an alarm from before them is not looked for


def wrong_pins(
    reader: LedgerReader, within_s: float, clock: datetime | None = None
) -> list[tuple[str, float]]:
    """Wrong PINs on record in the last `within_s` seconds before `clock` (None: the wall clock), as
    (person, monotonic time), oldest first: a restart must not give a thief new attempts, however
    much was recorded since.  `clock` is the earliest time that it may be."""
    now_wall, now = (clock.timestamp() if clock else time.time()), time.monotonic()
    since = utc_text(datetime.fromtimestamp(now_wall - within_s, UTC))
    found = []
    for event in reader.back(EventType.ACCESS_DENIED, EventType.OPERATOR_PIN_REFUSED, since=since):
        # Not by the reason: an interlock or a revocation may have refused the same badge first.
        if event.data.get("pin") != "wrong":
            continue
        age = now_wall - _seconds(event)
        holder = event.data.get("person")
        person = holder.get("id") if isinstance(holder, dict) else None
        if event.type == EventType.OPERATOR_PIN_REFUSED:  # typed at the desk
            person = event.subject
        if person and age < within_s:
            found.append((str(person), now - max(0.0, age)))
    return found[::-1]


def open_alarms(reader: LedgerReader, doors: Collection[str]) -> dict[str, dict[str, float]]:
    """For each of `doors` the alarms whose newest record has no ``..._cleared`` after it, and
    since when the door was open then (monotonic)."""
    now_wall, now = time.time(), time.monotonic()
    found: dict[str, dict[str, float]] = {door: {} for door in doors}
    unsettled = {(door, alarm) for door in doors for alarm in ALARMS}
    ends = {f"{alarm}_cleared": alarm for alarm in ALARMS}
    for event in reader.back(*ALARMS, *ends, most=FAR):
        key = (event.subject, ends.get(event.type, event.type))
        if key in unsettled:
            unsettled.remove(key)
            if event.type in ALARMS:
                age = now_wall - _seconds(event)
                open_s = event.data.get("open_s", 0.0)
                known = float(open_s) if isinstance(open_s, int | float) else 0.0
                found[event.subject][event.type] = now - max(0.0, age) - known
        if not unsettled:
            break
    return found


def _seconds(event: Event) -> float:
    """When it was recorded (Unix time).  Raises LedgerDamaged."""
    try:
        return datetime.fromisoformat(event.time).timestamp()
    except ValueError as error:
        raise LedgerDamaged(
            worded("record {seq} can't be read: {error}", seq=event.seq, error=error)
        ) from error
