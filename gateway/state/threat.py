"""The threat level in force, kept over restarts.

In: levels by name, from a command, an input, or a signed message.  Out: the name that `decide()`
gets, and the event that says who changed it and why.  A higher level is in force at once and is
recorded afterwards; a lower level is in force when it is on record.  If the kept level can't be
read, its newest record counts, or the version before of the file if that is younger.  If neither
says, the strictest level is in force, or the one that the policy names for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.decide.policy import ThreatLevel
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import GaritaError, worded
from gateway.vault.files import FileThread
from gateway.vault.statefile import StateFile, Tell, json_object, log_damage

log = logging.getLogger("garita.state.threat")

CHANGED = EventType.THREAT_CHANGED
Append = Callable[[NewEvent], Awaitable[Event]]


class UnknownLevel(GaritaError):
    """The policy has no level of that name."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A level, who put it in force and why, and since when (RFC 3339, UTC)."""

    level: str
    by: str = ""
    reason: str = ""
    since: str = ""


class ThreatState:
    """`levels` by name (none: the site has no levels), `path` the file that keeps the one in
    force, `gateway` the subject of the events.  `on_unknown` is the level if nothing says which
    one was in force; "" is the strictest."""

    def __init__(
        self,
        levels: Mapping[str, ThreatLevel],
        path: Path,
        gateway: str,
        on_unknown: str = "",
        tell: Tell = log_damage,
    ) -> None:
        self._file = StateFile(path, self._parse, mode=0o644, tell=tell)
        self._gateway = gateway
        self._files = FileThread("threat level")
        self._in_turn = asyncio.Lock()  # records are in the order of the changes
        self._rule_by(levels, on_unknown)
        self.now = InForce(self._strictest)

    def _rule_by(self, levels: Mapping[str, ThreatLevel], on_unknown: str) -> None:
        self.levels = levels
        ranked = sorted(levels.values(), key=lambda level: level.rank)
        self._usual = ranked[0].name if ranked else ""
        self._strictest = on_unknown or (ranked[-1].name if ranked else "")

    @asynccontextmanager
    async def steady(self) -> AsyncIterator[None]:
        """No level is lowered until this ends; a level may still be raised."""
        async with self._in_turn:
            yield

    def use(self, levels: Mapping[str, ThreatLevel], on_unknown: str) -> NewEvent | None:
        """Go on by other levels; the one in force stays.  If it is not among them, the strictest
        is in force, as after a start that can't read it; returns the event to record."""
        was = self.level
        self._rule_by(levels, on_unknown)
        if was in levels or not (was or levels):
            return None
        if not was:  # the site's first levels
            self.now = InForce(self._usual, since=_now())
            return None
        why = "the configuration in force has no such level"
        self.now = InForce(self._strictest, "gateway", why, _now())
        if not levels:
            return None
        self._files.soon(self._file.write, _raw(self.now))
        return self._event(self.now, was)

    @property
    def level(self) -> str:
        """The name of the level in force; "" for a site without levels."""
        return self.now.level

    def restore(
        self, newest: Callable[[str], Event | None], *, mend: bool = False
    ) -> NewEvent | None:
        """Read the level in force, at a start.  `newest` finds the newest record of a type.
        Returns an event to record if nothing says which level was in force.  With `mend` a damaged
        file is put aside and written anew: the daemon alone does that."""
        if not self.levels:
            return None
        kept = self._file.read()
        if kept.value is not None and not kept.damage:
            self.now = kept.value
            return None
        event = None
        found = self._newest(newest(CHANGED), kept.value)
        if found is not None:
            self.now = found
        elif kept.damage:
            log.critical("%s: %s", kept.damage, self._strictest)
            why = f"the state can't be read: {kept.damage}"
            was, self.now = self.level, InForce(self._strictest, "gateway", why, _now())
            event = self._event(self.now, was)
        else:  # nobody ever set a level
            self.now = InForce(self._usual, since=_now())
        if kept.damage and mend:
            done = "from_log" if found is not None else "strictest"
            self._file.give_back(kept, _raw(self.now), done)
        return event

    def _newest(self, event: Event | None, before: InForce | None) -> InForce | None:
        """What the newest record and the version before say together: the record, unless the other
        is younger and higher, since a level is raised before it is on record."""
        known = None
        if event is not None:
            with contextlib.suppress(ValueError, TypeError, LookupError):
                known = self._checked({**event.data, "since": event.time})
        if known is None or before is None:
            return known or before
        younger = _moment(before.since) > _moment(known.since)
        return before if younger and self._rank(before.level) > self._rank(known.level) else known

    async def set(self, level: str, by: str, reason: str, append: Append) -> bool:
        """Put `level` in force; False if it is already, or if a higher one came meanwhile.

        Raises UnknownLevel, and what `append` raises if the change can't be recorded: then a
        higher level is in force all the same, and a lower one is not.
        """
        if level not in self.levels:
            raise UnknownLevel(worded("there is no [threat_levels.{level}]", level=level))
        was = self.now
        if level == was.level:
            return False
        wanted = InForce(level, by, reason, _now())
        if self._rank(level) > self._rank(was.level):
            self.now = wanted
            kept = asyncio.create_task(self._keep(wanted))
            async with self._in_turn:
                await kept
                await append(self._event(wanted, was.level))
        else:
            async with self._in_turn:
                await append(self._event(wanted, was.level))
                if self.now is not was:
                    return False  # raised meanwhile: that stands, and its record comes after
                self.now = wanted
                await self._keep(wanted)
        log.warning("threat level %s (was %s) by %s: %s", level, was.level, by, reason)
        return True

    async def raise_to(self, level: str, by: str, reason: str, append: Append) -> bool:
        """`set`, but never to a lower level."""
        higher = self._rank(level) > self._rank(self.level)
        return higher and await self.set(level, by, reason, append)

    def status(self) -> dict[str, str] | None:
        """The level in force for people and MQTT; None for a site without levels."""
        return asdict(self.now) if self.levels else None

    def _parse(self, raw: bytes) -> InForce:
        return self._checked(json_object(raw))

    def _checked(self, data: Mapping[str, Any]) -> InForce:
        if data["level"] not in self.levels:
            raise ValueError(worded("the policy has no level {level}", level=data["level"]))
        fields = ("level", "by", "reason", "since")
        return InForce(**{name: str(data[name]) for name in fields})

    async def _keep(self, state: InForce) -> None:
        """Write the file.  A failure does not stop the change: a restart then finds its record,
        or the file of before."""
        try:
            await self._files.run(self._file.write, _raw(state))
        except OSError as error:
            log.critical("the threat level can't be kept over a restart: %s", error)

    def _rank(self, level: str) -> int:
        return self.levels[level].rank

    def _event(self, state: InForce, was: str) -> NewEvent:
        data = {"level": state.level, "was": was, "by": state.by, "reason": state.reason}
        return NewEvent(CHANGED, self._gateway, data)


def _raw(state: InForce) -> bytes:
    return json.dumps(asdict(state)).encode()


def _moment(since: str) -> float:
    """Unix time; 0 for what is not a time."""
    try:
        return datetime.fromisoformat(since).timestamp()
    except ValueError:
        return 0.0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def kept_threat(settings: Settings) -> ThreatState:
    """The level in force as the files have it, while the gateway is stopped; reads only.  Raises
    LedgerUnavailable."""
    site, unknown = settings.site, settings.tables.threat.on_unknown
    state = ThreatState(site.threat_levels, settings.threat_path, site.gateway, unknown)
    if not settings.ledger_path.exists():
        state.restore(lambda kind: None)
        return state
    with closing(LedgerReader(settings.ledger_path)) as reader:
        state.restore(reader.newest)
    return state
