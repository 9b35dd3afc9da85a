"""The parts of the live page as HTML, once for all browsers that see the same.

Each part is rendered once for a `View` (gateway/console/follow/view.py) and a version of it, and
sent to all browsers of that view.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gateway.console.follow.board import DOOR, GATE, INSIDE, WAITING, Board
from gateway.console.follow.view import (
    View,
    areas_of,
    door_in_scope,
    row_of,
    threat_of,
    tile_of,
    waiting_of,
)
from gateway.ledger.event import Event
from gateway.locale import speaking
from gateway.state.alarms.who import is_secret

log = logging.getLogger("garita.console.screens")

VIEWS = 24
"""So many views are kept; a site has a few."""
MESSAGES = 16
ROWS = 40
"""So many records the feed of a page holds."""

Render = Callable[..., str]
"""A template's name and its facts in, HTML out."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A part as HTML; `at` is the time of the record that changed it, "" if none did."""

    html: str
    version: int
    at: str


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
                shown = kept[part] = Shown(self._made(view, part), version, at)
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
        if not view.secrets and is_secret(event.type, event.data):
            return False
        door = str(event.data.get("door") or event.subject)
        return door not in self._board.doors.all or door_in_scope(self._board, view, door)

    def _made(self, view: View, part: str) -> str:
        """The part as HTML; if it can't be made, the others still are, and the page says so."""
        with speaking(view.language):
            try:
                return self._html(view, part)
            except Exception:
                log.exception("the part %s can't be shown", part)
                return self._render("live/broken.html", part=part)

    def _html(self, view: View, part: str) -> str:
        board = self._board
        if part in board.extras:
            return board.extras[part].render(view)
        if part == WAITING:
            return self._render("live/waiting.html", waiting=waiting_of(board, view))
        if part == INSIDE:
            return self._render(
                "live/inside.html",
                areas=areas_of(board, view),
                fresh=board.gate.answers is not False,
            )
        if part == GATE:
            return self._render("live/gate.html", gate=board.gate, threat=threat_of(board))
        return self._render("live/door.html", tile=tile_of(board, view, part.removeprefix(DOOR)))
