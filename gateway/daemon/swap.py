"""Puts other settings in force in every part that goes by them."""

from __future__ import annotations

from collections.abc import Callable

from gateway.config import Settings
from gateway.daemon.alarmwatch import AlarmWatch
from gateway.daemon.build import Parts, rules_of
from gateway.ledger.event import NewEvent
from gateway.people.operators import Operators
from gateway.state.presence import Layout


def swap(
    parts: Parts,
    operators: Operators,
    alarms: AlarmWatch,
    note: Callable[[NewEvent], None],
    new: Settings,
) -> None:
    """Put `new` in force: for what begins from now on.

    It only assigns values, without an await, so no badge sees one part by the old settings and
    another by the new.  What is known of people, doors and alarms stays: presence, wrong PINs,
    doors out of service, requests that wait for a guard.
    """
    tables = new.tables
    parts.in_force.now = new
    parts.rules.now = rules_of(new)
    parts.presence.use(Layout.of(new))
    parts.pin_limits.use(tables.pin.attempts, tables.pin.lock_s)
    parts.confirmations.confirm_s = tables.health.confirm_s
    parts.health.use(
        disk_free_mb=tables.health.disk_free_mb, list_max_age_h=tables.health.list_max_age_h
    )
    if parts.matcher is not None:
        parts.matcher.use(tables.face)
    if parts.measures is not None:
        parts.measures.use(new)
    if tables.mqtt is not None:  # a gateway that had a broker has one, else it needs a restart
        for part in (parts.uplink, parts.sharing, parts.fleet):
            if part is not None:
                part.use(tables.mqtt)
    parts.limits.use(new)
    operators.use(tables.operators)
    alarms.use(new)
    changed = parts.threat.use(new.site.threat_levels, tables.threat.on_unknown)
    if changed is not None:
        note(changed)
