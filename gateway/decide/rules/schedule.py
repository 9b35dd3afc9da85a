"""Which access levels and temporary grants of a person open a door now, and whether somebody has to
enter first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from gateway.decide.model import Reason
from gateway.decide.policy import DAYS, HOLIDAY, AccessLevel, DoorPolicy, Period, Schedule, Site
from gateway.decide.rules.case import Case, End, deny


def access(case: Case) -> End | None:
    """Deny unless a grant or an access level opens the door now.

    A level or schedule that the policy does not know opens nothing.  The factors needed are those
    of the door and of all levels that open it now, together.
    """
    door, person, site = case.door, case.person, case.site
    temporary = [grant for grant in person.grants if _fits(grant.kind, grant.target, door)]
    opens: list[tuple[str, date, str]] = []  # rule, the day it began, who goes first
    closed: list[str] = []
    modes = [door.mode_out if case.leaving else door.mode]
    for name in person.access_levels:
        level = site.access_levels.get(name)
        if level is None:
            continue
        case.needs_escort |= level.needs_escort
        for schedule in _schedules(level, door, site):
            rule = f"{name}/{schedule.name}"
            began = covered_since(schedule, case.local, site)
            if began is None:
                closed.append(rule)
                continue
            opens.append((rule, began, "" if schedule.first_in == name else schedule.first_in))
            if not case.leaving:
                modes.append(level.factors)
    case.pin |= any(mode.pin for mode in modes)
    case.face |= any(mode.face for mode in modes)
    case.needs_escort |= person.needs_escort
    now_open = [grant for grant in temporary if grant.since <= case.now < grant.until]
    if now_open:
        case.rule = f"grant until {now_open[0].until.astimezone(site.zone):%Y-%m-%d %H:%M}"
        return None
    if opens:
        return _in_turn(case, opens)
    if closed:
        return deny(Reason.DENIED_OUT_OF_SCHEDULE, ", ".join(closed))
    if temporary:
        return deny(Reason.DENIED_OUT_OF_SCHEDULE, "a grant of another time")
    return deny(Reason.DENIED_NO_ACCESS_LEVEL, ", ".join(person.access_levels))


def _in_turn(case: Case, opens: list[tuple[str, date, str]]) -> End | None:
    """Let pass by the first level for which nobody has to enter first, or somebody has."""
    for rule, began, first in opens:
        if case.leaving or not first or first in case.person.access_levels:
            case.rule = rule
            return None
        entered = case.request.area.entered.get(first)
        if entered is not None and entered.astimezone(case.site.zone).date() >= began:
            case.rule = rule
            return None
    return deny(Reason.DENIED_FIRST_PERSON, ", ".join(f"{rule}: {f}" for rule, _, f in opens))


def _schedules(level: AccessLevel, door: DoorPolicy, site: Site) -> Iterator[Schedule]:
    names = [level.grants.get(door.name)]
    names += [schedule for area, schedule in level.areas.items() if _fits("area", area, door)]
    for name in names:
        schedule = site.schedules.get(name) if name else None
        if schedule is not None:
            yield schedule


def _fits(kind: str, target: str, door: DoorPolicy) -> bool:
    """Whether a grant of a door or area is for this door."""
    if kind == "door":
        return target == door.name
    return kind == "area" and bool(target) and target == (door.area or door.from_area)


def covered_since(schedule: Schedule, local: datetime, site: Site) -> date | None:
    """The day on which the period began that covers the local wall time; None if none does.

    Times are compared as a person reads the clock on the wall.  So a period keeps its printed times
    in the night when the clocks change: an hour that comes twice counts twice, and an hour that is
    skipped does not come.
    """
    today = local.date()
    for day in (today, today - timedelta(days=1)):
        if any(_covers_from(period, day, local, site) for period in schedule.periods):
            return day
    return None


def is_open(schedule: Schedule, local: datetime, site: Site) -> bool:
    """Whether `schedule` covers the local wall time."""
    return covered_since(schedule, local, site) is not None


def _covers_from(period: Period, day: date, local: datetime, site: Site) -> bool:
    """Whether `period`, begun on `day`, covers `local`."""
    if (HOLIDAY if day in site.holidays else DAYS[day.weekday()]) not in period.days:
        return False
    clock = local.time()
    overnight = period.end is not None and period.end <= period.start
    if day == local.date():
        return clock >= period.start and (period.end is None or overnight or clock < period.end)
    return overnight and period.end is not None and clock < period.end


def escorts(site: Site, levels: tuple[str, ...]) -> bool:
    """Whether one of these levels lets its holder be an escort."""
    return any(level.may_escort for name in levels if (level := site.access_levels.get(name)))
