"""What the log remembers across a restart: alarms without their end.

In: the log, read backwards.  Out: what a part needs to go on where it was.  Nothing in here
writes, and nothing that it returns can open a door.
"""

from __future__ import annotations

from collections.abc import Collection

from gateway.ledger import LedgerReader

ALARMS = ("door.forced", "door.held")
FAR = 200_000  # records; an alarm from before them is not looked for


def open_alarms(reader: LedgerReader, doors: Collection[str]) -> dict[str, set[str]]:
    """For each of `doors` the alarms whose newest record has no ``..._cleared`` after it."""
    found: dict[str, set[str]] = {door: set() for door in doors}
    unsettled = {(door, alarm) for door in doors for alarm in ALARMS}
    ends = {f"{alarm}_cleared": alarm for alarm in ALARMS}
    for event in reader.back(*ALARMS, *ends, most=FAR):
        key = (event.subject, ends.get(event.type, event.type))
        if key in unsettled:
            unsettled.remove(key)
            if event.type in ALARMS:
                found[event.subject].add(event.type)
        if not unsettled:
            break
    return found
