"""Who may see a duress alarm: only the roles that the site names, on every screen and in every
list.

Somebody who forces a guard may stand beside the screen.  So nobody else is shown the alarm, what
was done about it, or that it escalated, and nothing sounds."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from gateway.config.alarms import AlarmsTable
from gateway.ledger.event import EventType
from gateway.state.alarms.kinds import KINDS


def is_secret(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether a record of this type and data is one that not everybody may see."""
    if kind == EventType.ALARM_DURESS:
        return True
    about = KINDS.get(str(data.get("kind", ""))) if kind.startswith("alarm.") else None
    return about is not None and about.restricted


def sees_secret(roles: Set[str], table: AlarmsTable) -> bool:
    """Whether an operator with these roles sees duress alarms."""
    return not roles.isdisjoint(table.see_duress)
