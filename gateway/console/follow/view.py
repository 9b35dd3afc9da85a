"""The parts of the live page as HTML, once for all browsers that see the same.

What a browser sees depends on its operator's language, roles and areas: a `View`.  Each part is
rendered once for a view and a version of it, and sent to all browsers of that view.  A record of
duress is not shown to those who may stand beside the person who forces somebody.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.config import Settings
from gateway.console.follow.board import DOOR, GATE, INSIDE, WAITING, Board
from gateway.console.follow.doors import DoorNow
from gateway.console.follow.waiting import Asked
from gateway.ledger.event import Event, EventType
from gateway.locale import language, speaking
from gateway.locale.text import tidy
from gateway.wording import nextstep, text
from gateway.wording.details import details

log = logging.getLogger("garita.console.view")

VIEWS = 24
"""So many views are kept; a site has a few."""
MESSAGES = 16
LONGEST = 400
"""So many characters a line of the feed has at most."""
ROWS = 40
"""So many records the feed of a page holds."""

Render = Callable[..., str]
"""A template's name and its facts in, HTML out."""

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

    @property
    def sees_duress(self) -> bool:
        """Whether records of duress are shown."""
        return not self.roles.isdisjoint({"supervisor", "administrator", "auditor"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A part as HTML; `at` is the time of the record that changed it, "" if none did."""

    html: str
    version: int
    at: str


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


class Screens:
    """Renders the parts of `board`; `render` makes HTML of a template in the language in use."""

    def __init__(self, board: Board, render: Render) -> None:
        self._board, self._render = board, render
        self._kept: OrderedDict[View, dict[str, Shown]] = OrderedDict()
        self._rows: OrderedDict[tuple[View, int], str] = OrderedDict()
        self._messages: OrderedDict[tuple[object, ...], str] = OrderedDict()

    def parts(self, view: View, have: int = 0) -> dict[str, Shown]:
        """The parts of `view` that changed after the version `have`, by name."""
        kept = self._kept_of(view)
        found = {}
        for part, (version, at) in self._board.changed(have).items():
            if not self._in_scope(view, part):
                continue
            shown = kept.get(part)
            if shown is None or shown.version != version:
                with speaking(view.language):
                    shown = kept[part] = Shown(self._html(view, part), version, at)
            found[part] = shown
        return found

    def message(self, view: View, have: int, fed: int) -> str:
        """The server-sent event that brings a browser of `view` from the version `have` and the
        feed's record `fed` to what is so now.  All who stand at the same point get the same."""
        board = self._board
        key = (view, have, fed, board.version, board.seq)
        if (known := self._messages.get(key)) is not None:
            return known
        parts = self.parts(view, have)
        told = {
            "seq": board.seq,
            "at": board.news[-1].time if board.news and board.news[-1].seq > fed else "",
            "parts": {name: {"html": part.html, "at": part.at} for name, part in parts.items()},
            "feed": self.rows(view, fed),
        }
        made = f"id: {board.seq}\nevent: parts\ndata: {json.dumps(told)}\n\n"
        self._messages[key] = made
        if len(self._messages) > MESSAGES:
            self._messages.popitem(last=False)
        return made

    def doors(self, view: View) -> list[str]:
        """The parts of the doors that `view` shows, in the order of the configuration."""
        return [DOOR + name for name in self._board.doors.all if self._in_scope(view, DOOR + name)]

    def rows(self, view: View, after: int, most: int = ROWS) -> str:
        """The feed after the record `after` as HTML, newest first; if records are left out, it ends
        with a line that says how many."""
        events, left = self._board.news_after(after)
        events = [event for event in events if self._may_see(view, event)]
        left += max(0, len(events) - most)
        rows = [self._row(view, event) for event in reversed(events[-most:])]
        if left and after:
            with speaking(view.language):
                rows.append(self._render("live/gap.html", left=left))
        return "".join(rows)

    def _kept_of(self, view: View) -> dict[str, Shown]:
        kept = self._kept.setdefault(view, {})
        self._kept.move_to_end(view)
        if len(self._kept) > VIEWS:
            self._kept.popitem(last=False)
        return kept

    def _row(self, view: View, event: Event) -> str:
        key = (view, event.seq)
        if key not in self._rows:
            with speaking(view.language):
                row = row_of(event, self._board)
                self._rows[key] = self._render("live/row.html", row=row)
            while len(self._rows) > VIEWS * ROWS:
                self._rows.popitem(last=False)
        return self._rows[key]

    def _in_scope(self, view: View, part: str) -> bool:
        if not part.startswith(DOOR):
            return True
        return door_in_scope(self._board, view, part.removeprefix(DOOR))

    def _may_see(self, view: View, event: Event) -> bool:
        if event.type == EventType.ALARM_DURESS and not view.sees_duress:
            return False
        door = str(event.data.get("door") or event.subject)
        return door not in self._board.doors.all or door_in_scope(self._board, view, door)

    def _html(self, view: View, part: str) -> str:
        board = self._board
        if part in board.extras:
            return board.extras[part].render(view)
        if part == WAITING:
            return self._render("live/waiting.html", waiting=waiting_of(board, view))
        if part == INSIDE:
            return self._render("live/inside.html", areas=areas_of(board, view))
        if part == GATE:
            return self._render("live/gate.html", gate=board.gate, threat=threat_of(board))
        return self._render("live/door.html", tile=tile_of(board, part.removeprefix(DOOR)))


def door_in_scope(board: Board, view: View, door: str) -> bool:
    """Whether an operator of some areas sees the door: it leads into one of them, or out of it."""
    table = board.settings.tables.doors.get(door)
    return not view.areas or (
        table is not None and not view.areas.isdisjoint({table.area, table.from_area})
    )


def tile_of(board: Board, name: str) -> Tile:
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
        pictures=bool(table.camera) or portraits(board.settings),
    )


_ICONS = {"locked": "good", "open": "live", "unlocked": "live", "waiting": "visitor"}


def portraits(settings: Settings) -> bool:
    """Whether the site keeps portraits of people."""
    return bool(getattr(settings.tables.face, "portraits", False))


def waiting_of(board: Board, view: View) -> list[Ask]:
    """Who waits for a guard's word where `view` looks."""
    doors, seconds = board.settings.tables.doors, board.waiting.confirm.total_seconds()
    return [
        Ask(
            asked=item,
            why=details(item.why),
            seconds=seconds,
            camera=(table.camera or "") if (table := doors.get(item.door)) else "",
            portraits=portraits(board.settings),
        )
        for item in board.waiting.all(datetime.now(UTC))
        if door_in_scope(board, view, item.door)
    ]


def threat_of(board: Board) -> tuple[str, str] | None:
    """The threat level, if it is not the usual one: how bad it is, and its title."""
    levels = board.settings.tables.threat_levels
    level = levels.get(board.gate.threat)
    if level is None or level.rank == min(item.rank for item in levels.values()):
        return None
    worst = level.rank == max(item.rank for item in levels.values())
    return "bad" if worst else "warn", level.title.said(language())


def areas_of(board: Board, view: View) -> list[tuple[str, str, int, int | None]]:
    """Each area that `view` shows: name, title, how many are inside, how many may be."""
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
