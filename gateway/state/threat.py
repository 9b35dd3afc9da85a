"""The threat level in force, kept over restarts.

In: levels by name, from a command, an input, or a signed message.  Out: the name that `decide()`
gets, and the event that says who changed it and why.  A raise takes effect at once and is
written down after; a lower level takes effect when it is on record.  A state that can't be read
is the strictest level, or the one the policy names for that.  Nothing here decides who passes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from gateway import GaritaError
from gateway.decide.policy import ThreatLevel
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.vault.files import write_json

log = logging.getLogger("garita.state.threat")

CHANGED = EventType.THREAT_CHANGED
Append = Callable[[NewEvent], Awaitable[Event]]


class UnknownLevel(GaritaError):
    """The policy has no level of that name."""


class ThreatState:
    """`levels` by name (none: there is nothing to keep); `on_unknown` "" is the strictest."""

    def __init__(
        self, levels: Mapping[str, ThreatLevel], path: Path, gateway: str, on_unknown: str = ""
    ) -> None:
        self.levels = levels
        self._path = path
        self._gateway = gateway
        ranked = sorted(levels.values(), key=lambda level: level.rank)
        self._usual = ranked[0].name if ranked else ""
        self._strictest = on_unknown or (ranked[-1].name if ranked else "")
        self.level = self._strictest
        self.by = self.reason = self.since = ""

    def restore(self, newest: Callable[[str], Event | None]) -> NewEvent | None:
        """Read the level in force; `newest` finds the newest record of a type.  Returns an event
        to record if it could not be told."""
        if not self.levels:
            return None
        try:
            found = self._read(newest)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.critical("%s can't be read (%s): %s", self._path, error, self._strictest)
            return self._put(self._strictest, "gateway", f"the state can't be read: {error}")
        if found is None:
            self._put(self._usual, "", "")
        return None

    def _read(self, newest: Callable[[str], Event | None]) -> bool | None:
        """None if nothing was ever set."""
        try:
            data = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            # Whoever removes the file must not lower the level by that.
            event = newest(CHANGED)
            if event is None:
                return None
            data = {**event.data, "since": event.time}
        if data["level"] not in self.levels:
            raise ValueError(f"the policy has no level {data['level']}")
        self.level, self.by = str(data["level"]), str(data["by"])
        self.reason, self.since = str(data["reason"]), str(data["since"])
        return True

    async def set(self, level: str, by: str, reason: str, append: Append) -> bool:
        """Put `level` in force; False if it is already.  Raises UnknownLevel, and for a lower
        level what `append` raises when it can't be recorded: then the level stays."""
        if level not in self.levels:
            raise UnknownLevel(f"there is no [threat_levels.{level}]")
        if level == self.level:
            return False
        was = self.level
        event = NewEvent(CHANGED, self._gateway, _data(level, was, by, reason))
        if self.levels[level].rank > self.levels[was].rank:
            self._put(level, by, reason)
            self._write()
            await append(event)
        else:
            await append(event)
            if self.level != was:
                # Raised while the lower level was being recorded: that stands, and is said last.
                await append(NewEvent(CHANGED, self._gateway, self._again(level)))
                return False
            self._put(level, by, reason)
            self._write()
        log.warning("threat level %s (was %s) by %s: %s", level, was, by, reason)
        return True

    async def raise_to(self, level: str, by: str, reason: str, append: Append) -> bool:
        """`set`, but never to a lower one."""
        higher = self.levels[level].rank > self.levels[self.level].rank
        return higher and await self.set(level, by, reason, append)

    def status(self) -> dict[str, str] | None:
        if not self.levels:
            return None
        return {"level": self.level, "by": self.by, "reason": self.reason, "since": self.since}

    def _again(self, was: str) -> dict[str, str]:
        return _data(self.level, was, self.by, self.reason)

    def _put(self, level: str, by: str, reason: str) -> NewEvent:
        was, self.level, self.by, self.reason = self.level, level, by, reason
        self.since = datetime.now(UTC).isoformat(timespec="seconds")
        return NewEvent(CHANGED, self._gateway, _data(level, was, by, reason))

    def _write(self) -> None:
        """Whole or not at all.  If it can't be written the level is in force all the same: the
        record of it is what a restart finds then, if the file of before is gone."""
        data = {"level": self.level, "by": self.by, "reason": self.reason, "since": self.since}
        try:
            write_json(self._path, data)
        except OSError as error:
            log.critical("the threat level can't be kept over a restart: %s", error)


def _data(level: str, was: str, by: str, reason: str) -> dict[str, str]:
    return {"level": level, "was": was, "by": by, "reason": reason}
