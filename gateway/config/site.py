"""Makes the policy that `decide()` sees from the tables of the file."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo

from gateway.config.criteria import Criteria
from gateway.config.tables import ALWAYS, AreaTable, Tables
from gateway.decide.policy import (
    DAYS,
    DEGRADED,
    HOLIDAY,
    AccessLevel,
    Area,
    DoorPolicy,
    Identify,
    Period,
    RequirementKind,
    Schedule,
    Site,
    ThreatLevel,
)


def site_policy(tables: Tables, version: str, criteria: Criteria) -> Site:
    """The part of the settings that `decide()` sees.  `version` is the policy's, for records."""
    everyday = Period(frozenset((*DAYS, HOLIDAY)), time(0), None)
    schedules = {ALWAYS: Schedule(ALWAYS, (everyday,))}
    for name, table in tables.schedules.items():
        schedules[name] = Schedule(
            name,
            tuple(
                Period(
                    frozenset(period.days),
                    time(0) if period.start == "24:00" else time.fromisoformat(period.start),
                    None if period.end == "24:00" else time.fromisoformat(period.end),
                )
                for period in table.periods
            ),
            table.first_in,
        )
    return Site(
        gateway=tables.site.gateway,
        zone=ZoneInfo(tables.site.timezone),
        doors={
            name: DoorPolicy(
                name,
                door.mode,
                door.badge_max_age_s,
                tables.face.threshold,
                tables.face.min_templates,
                door.on_tamper == "deny",
                door.mode_out,
                door.challenge,
                door.suspect == "deny",
                None
                if door.identify is None
                else Identify(door.identify.threshold, door.identify.limit),
                door.area,
                door.from_area,
                door.remote_open,
            )
            for name, door in tables.doors.items()
        },
        schedules=schedules,
        holidays={holiday.date: holiday.name for holiday in tables.holidays},
        access_levels={
            name: AccessLevel(
                name,
                dict(level.doors),
                level.factors,
                dict(level.areas),
                level.needs_escort,
                level.may_escort,
            )
            for name, level in tables.access_levels.items()
        },
        policy_version=version,
        areas={name: _area(name, area) for name, area in tables.areas.items()},
        requirements={
            name: RequirementKind(
                name, kind.of, kind.warn_days, tuple(kind.criteria), tuple(kind.exempt)
            )
            for name, kind in tables.requirements.items()
        },
        threat_levels={
            name: ThreatLevel(
                name,
                level.rank,
                tuple(level.closed),
                tuple(level.open_to),
                level.factors.pin,
                level.factors.face,
                level.face_threshold or 0.0,
                tuple(level.two_person),
            )
            for name, level in tables.threat_levels.items()
        },
        degraded={**DEGRADED, **tables.degraded},
        evidence=criteria.by_reason(),
        criteria_edition=criteria.label,
    )


def _area(name: str, table: AreaTable) -> Area:
    return Area(
        name,
        tuple(table.requires),
        table.passback,
        table.passback_minutes or 0.0,
        table.maximum or 0,
        table.two_person,
        table.second_s,
        table.alone,
        dict(table.degraded),
    )
