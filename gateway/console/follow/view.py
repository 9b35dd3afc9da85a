"""What a browser of the live page sees, as values for the templates, in the language in use.

That depends on its operator's language, roles and areas: a `View`.  A record of duress is not shown
to those who may stand beside the person who forces somebody.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.config import DoorTable, Settings
from gateway.console.follow.board import Board
from gateway.console.follow.doors import DoorNow
from gateway.console.follow.waiting import Asked
from gateway.console.roles import GUARDS, PEOPLE
from gateway.ledger.event import Event, EventType
from gateway.locale import language
from gateway.locale.text import tidy
from gateway.wording import nextstep, text
from gateway.wording.details import details

log = logging.getLogger("garita.console.view")

LONGEST = 400
"""So many characters a line of the feed has at most."""

_ALARMS = ("alarm.", "door.forced", "door.held", "door.tamper", "door.fire", "interlock.breached")
_OVER = ("door.forced_cleared", "door.held_cleared", "door.tamper_cleared", "door.fire_cleared")
_BAD = (
    EventType.ACCESS_DENIED,
    EventType.DEVICE_OFFLINE,
    EventType.DEVICE_UNSTABLE,
    EventType.DOOR_CONFIRM_REFUSED,
    EventType.DOOR_LOCK_FAULT,
)
_GOOD = (EventType.ACCESS_GRANTED, EventType.DOOR_CONFIRMED)


@dataclass(frozen=True, slots=True)
class View:
    """What a browser sees.  `areas`: those of its operator; all if empty."""

    language: str
    roles: frozenset[str]
    areas: frozenset[str] = frozenset()

    secrets: bool = False
    """Whether records of duress are shown."""

    @property
    def pictures(self) -> bool:
        """Whether portraits and stills are shown (gateway/console/screens/pictures)."""
        return not self.roles.isdisjoint(GUARDS | PEOPLE)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the feed."""

    seq: int
    at: str
    place: str
    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A door for its template."""

    door: DoorNow
    area: str
    tone: str
    todo: str
    icon: str
    reason: str
    next: str
    pictures: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """One who waits for a guard's word, for its template; `seconds` is how long a guard has."""

    asked: Asked
    why: str
    seconds: float
    camera: str
    portraits: bool

    @property
    def pictures(self) -> bool:
        """Whether there may be a picture to look at."""
        return bool(self.camera or self.portraits)


def door_in_scope(board: Board, view: View, door: str) -> bool:
    """Whether an operator of some areas sees the door: it leads into one of them, or out of it."""
    table = board.settings.tables.doors.get(door)
    return not view.areas or (
        table is not None and not view.areas.isdisjoint({table.area, table.from_area})
    )


def tile_of(board: Board, view: View, name: str) -> Tile:
    """A door's tile."""
    door = board.doors.all[name]
    table = board.settings.tables.doors[name]
    seen = door.passage
    reason = then = ""
    if seen is not None:
        reason = text.reason(seen.reason)
        if seen.rule and not seen.granted:
            reason = f"{reason} ({details(seen.rule)})"
        then = nextstep.after(seen.reason, entered=seen.entered, afar=bool(seen.by))
    return Tile(
        door=door,
        area=title_of(board.settings, table.area),
        tone=_tone_of_state(door),
        todo=nextstep.at_state(door.state),
        icon=_ICONS.get(door.state, "warn"),
        reason=reason,
        next=then,
        pictures=view.pictures and (bool(table.camera) or portraits(board.settings)),
    )


_ICONS = {"locked": "good", "open": "live", "unlocked": "live", "waiting": "visitor"}


def portraits(settings: Settings) -> bool:
    """Whether the site keeps portraits of people."""
    return settings.tables.face.portraits


def waiting_of(board: Board, view: View) -> list[Ask]:
    """Who waits for a guard's word where `view` looks."""
    doors, seconds = board.settings.tables.doors, board.waiting.confirm.total_seconds()
    return [
        Ask(
            asked=item,
            why=details(item.why),
            seconds=seconds,
            camera=camera_of(doors.get(item.door)) if view.pictures else "",
            portraits=view.pictures and portraits(board.settings),
        )
        for item in board.waiting.all(datetime.now(UTC))
        if door_in_scope(board, view, item.door)
    ]


def camera_of(door: DoorTable | None) -> str:
    """The camera that sees who stands at a door; "" if none does."""
    return (door.camera or "") if door is not None else ""


def threat_of(board: Board) -> tuple[str, str] | None:
    """The threat level, if it is not the usual one: how bad it is, and its title."""
    levels = board.settings.tables.threat_levels
    level = levels.get(board.gate.threat)
    if level is None or level.rank == min(item.rank for item in levels.values()):
        return None
    worst = level.rank == max(item.rank for item in levels.values())
    return "bad" if worst else "warn", level.title.said(language())


def areas_of(board: Board, view: View) -> list[tuple[str, str, int | None, int | None]]:
    """Each area that `view` shows: name, title, how many are inside (None: not known), how many
    may be."""
    return [
        (name, title_of(board.settings, name), inside, board.settings.tables.areas[name].maximum)
        for name, inside in board.inside.items()
        if not view.areas or name in view.areas
    ]


def title_of(settings: Settings, area: str) -> str:
    """An area's title in the language in use; its name if it has none."""
    table = settings.tables.areas.get(area)
    return table.title.said(language()) if table is not None and table.title else area


def row_of(event: Event, board: Board) -> Row:
    """A record as a line of the feed, in the language in use."""
    try:
        said = tidy(text.describe(event, zone=board.settings.site.zone), LONGEST)
    except Exception:  # a record in another form stops no page
        log.exception("record %d can't be put into words", event.seq)
        said = event.type
    return Row(event.seq, event.time, event.subject, said, tone_of(event))


def tone_of(event: Event) -> str:
    """How a line looks: ``alarm``, ``bad``, ``good`` or ``plain``."""
    if event.type.startswith(_ALARMS) and event.type not in _OVER:
        return "alarm"
    if event.type in _BAD:
        return "bad"
    return "good" if event.type in _GOOD else "plain"


def _tone_of_state(door: DoorNow) -> str:
    if door.state in ("forced", "held", "tampered") or door.fire:
        return "alarm"
    if door.state == "out_of_service" or door.away or door.unstable or door.lock_fault:
        return "bad"
    return "good" if door.state in ("open", "unlocked", "waiting") else "plain"
