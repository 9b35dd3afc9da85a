"""Looking at a list before it counts, by the site's own settings: tripwires and rehearsal.

For whoever shows a plan to a person: `garita people sync` and the console.  Writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from gateway.config import Settings
from gateway.decide.model import Person
from gateway.ledger import LedgerReader
from gateway.people.sync import tripwires
from gateway.people.sync.history import Keep, shown
from gateway.people.sync.holders import Fingerprints, badges
from gateway.people.sync.plan import Plan, entry
from gateway.people.sync.rehearsal import Rehearsal, rehearse


class Marks(Fingerprints, Protocol):
    """Makes fingerprints of badges, and may make those that will be asked for together."""

    def expect(self, credential_keys: list[str]) -> None:
        """These will be asked for.  Raises if they can't be made."""


def looked_at(settings: Settings, db: sqlite3.Connection, plan: Plan) -> Plan:
    """`plan` with the tripwires that it trips by the limits of `[sync]`."""
    table = settings.tables.sync
    limits = tripwires.Limits(
        table.removed_percent,
        table.losing_percent,
        table.added_percent,
        table.widened_percent,
        table.few,
        table.reissue_days,
    )
    today = datetime.now(settings.site.zone).date()
    tripwires.check(
        db,
        plan,
        limits,
        inside=lambda: tripwires.people_inside(settings.presence_path),
        today=today,
    )
    return plan


def kept(settings: Settings) -> Keep:
    """How much history the site keeps of its list."""
    table = settings.tables.sync
    return Keep(table.history_versions, table.history_mb * 1024 * 1024)


def rehearsed(
    settings: Settings,
    db: sqlite3.Connection,
    plan: Plan,
    marks: Marks,
    days: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Rehearsal:
    """What the list would have done in the past `days` (0: as configured).  Raises
    LedgerUnavailable, OverflowError, and what `marks` raises."""
    since = datetime.now(UTC) - timedelta(days=days or settings.tables.sync.rehearse_days)
    with closing(LedgerReader(settings.ledger_path)) as records:
        marks.expect(badges(plan))
        return rehearse(db, plan, settings.site, marks, records, since, progress)


def changes_of(plan: Plan, person: Person) -> dict[str, dict[str, Any]]:
    """What changes of a person, by field, badges masked: ``{"before": ..., "after": ...}``."""
    before = shown(plan.before[person.id])
    after = shown(entry(person, plan.requirements.get(person.id)))
    held = before["requirements"]
    before["requirements"] = {kind: day for kind, day in held.items() if kind in plan.kinds}
    return {
        name: {"before": before[name], "after": after[name]} for name in plan.changed[person.id]
    }
