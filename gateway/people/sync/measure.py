"""What a list takes away, and how long it took from the decision until this gate acted on it.

`apply` calls `measure` inside its transaction; from the end of it on the gate decides by the new
list.  Every loss is a row (gateway/people/losses.py).  Those by which somebody is shut out, or
loses a badge, are events too.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from gateway.decide.model import Credential, PersonStatus
from gateway.ledger.event import EventType
from gateway.people import losses
from gateway.people.losses import Loss
from gateway.people.schema import put_event
from gateway.people.sync.plan import (
    FIELDS,
    Entry,
    Plan,
    badges_of,
    entry,
    levels_of,
    requirements_of,
)

ON_RECORD = frozenset({"left_list", "shut_off", "fewer_badges"})


def measure(connection: sqlite3.Connection, plan: Plan, number: int, *, by: str) -> None:
    """Keep what `plan`, which becomes list `number`, takes away, each with its times."""
    now = datetime.now(UTC)
    lost = {key: {"left_list": ""} for key, _ in plan.removed if _had_access(plan.before[key])}
    for person in plan.updates:
        before = plan.before[person.id]
        after = entry(person, plan.requirements.get(person.id))
        if _had_access(before) and (less := narrower(before, after, plan.kinds)):
            lost[person.id] = less
    for key, less in lost.items():
        if key in plan.revoked:
            continue  # this gate denied them already
        at, known_by = _decided(plan, key, now)
        detail = "; ".join(filter(None, less.values()))
        loss = Loss(key, ",".join(less), detail, at, known_by, now, number, by, plan.source)
        losses.put(connection, loss)
        if ON_RECORD.intersection(less):
            data = {"person": {"id": key, "name": plan.before[key][0]}, "version": number}
            data |= {"how": loss.how, "detail": detail, "seconds": loss.seconds, "by": by}
            data |= {"revoked_at": at.isoformat(), "known_by": known_by}
            put_event(connection, EventType.PEOPLE_REVOCATION_EFFECTIVE, key, data)


def narrower(old: Entry, new: Entry, kinds: frozenset[str]) -> dict[str, str]:
    """What `new` takes away from a person who had access by `old`: how (losses.py) to what, badges
    masked.  `kinds` are the requirements that the list keeps."""
    a, b = dict(zip(FIELDS, old, strict=True)), dict(zip(FIELDS, new, strict=True))
    found = {}
    if b["status"] != PersonStatus.ACTIVE:
        found["shut_off"] = str(b["status"])
    last, first = (b["valid_until"], a["valid_until"]), (b["valid_from"], a["valid_from"])
    ends = last[0] and (not last[1] or last[0] < last[1])
    if ends or (first[0] and (not first[1] or first[0] > first[1])):
        name = "valid_until" if ends else "valid_from"
        found["shorter"] = f"{a[name] or '-'} -> {b[name]}"
    if gone := [badge for badge in badges_of(old) if badge not in badges_of(new)]:
        found["fewer_badges"] = ", ".join(Credential(*badge.split(":", 2)).masked for badge in gone)
    if closed := [level for level in levels_of(old) if level not in levels_of(new)]:
        found["fewer_levels"] = ", ".join(closed)
    had, has = requirements_of(old), requirements_of(new)
    withdrawn = [
        kind
        for kind, day in had.items()
        if kind in kinds and (kind not in has or ((now := has[kind]) and (not day or now < day)))
    ]
    if withdrawn:
        found["requirement"] = ", ".join(withdrawn)
    return found


def _had_access(held: Entry) -> bool:
    return dict(zip(FIELDS, held, strict=True))["status"] == PersonStatus.ACTIVE


def _decided(plan: Plan, key: str, now: datetime) -> tuple[datetime, str]:
    """When this was decided, and how that is known."""
    if plan.kind == "rollback":
        return now, "act"
    if (at := plan.revoked_at.get(key)) is not None:
        return at, "revoked_at"
    if plan.generated_at is not None:
        return plan.generated_at, "generated_at"
    if plan.modified_at is not None:
        return plan.modified_at, "file"
    return plan.received_at, "received"
