"""Other settings in force without a restart: read, checked, recorded, and then applied whole.

The control socket asks.  The file is read and checked in a thread.  What a running gateway can't
take refuses the whole file, and the answer names it.  The new settings are kept, their record is
made durable, and only then they are in force, all of them in one turn of the event loop.  If that
can't be recorded, nothing changes.

No door moves by a reload: it changes by which rules the next badge is decided.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway import config
from gateway.config import Settings, kept
from gateway.config.differences import Change, Takes, differences
from gateway.config.inforce import InForce
from gateway.config.reading import read_file
from gateway.daemon.control import Refused
from gateway.doors.rules import RulesInForce
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import worded
from gateway.people.vanished import vanished_levels
from gateway.state.threat import ThreatState
from gateway.vault.files import DamagedFile, FileThread

log = logging.getLogger("garita.daemon.reloading")

FAR = 100_000  # records that a start looks over for the configuration of before
MOST_RECORDED = 100  # changed keys that a record names; it says how many more there were


class Reloading:
    """The handlers of ``reload`` and ``config``.  `swap` puts settings in force in all parts; it
    waits for nothing and raises nothing."""

    def __init__(
        self,
        *,
        in_force: InForce,
        rules: RulesInForce,
        threat: ThreatState,
        append: Callable[[NewEvent], Awaitable[Event]],
        swap: Callable[[Settings], None],
    ) -> None:
        self._in_force, self._rules, self._threat = in_force, rules, threat
        self._append, self._swap = append, swap
        self._files = FileThread("configuration")
        self._one = asyncio.Lock()

    def table(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]]:
        """The handlers by the name of the operation."""
        return {"reload": self.reload, "config": self.shown}

    async def shown(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The configuration in force: its `text`, `version` and `digest`."""
        now = self._in_force.now
        text = now.raw.decode("utf-8-sig")
        return {"text": text, "version": now.site.policy_version, "digest": now.digest}

    async def reload(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put the file in force.  The answer has `applied`; the `version` in force now and the one
        `before`; the `changes`, each with `key`, `old`, `new` and `takes`; `mistakes` or `restart`
        (keys), for which nothing was applied; `warnings`.

        Two at once are done one after the other.  Raises Refused, with nothing applied.
        """
        # A task of its own: an asker who goes away must not leave a record without its effect.
        return await asyncio.shield(asyncio.ensure_future(self._in_turn(request.get("by", ""))))

    async def _in_turn(self, by: str) -> Mapping[str, Any]:
        async with self._one:
            before = self._in_force.now
            version = before.site.policy_version
            answer: dict[str, Any] = {"applied": False, "version": version, "before": version}
            try:
                new = await self._files.run(_read, before.path)
            except config.ConfigError as error:
                return {**answer, "mistakes": [str(mistake) for mistake in error.mistakes]}
            changes = await self._files.run(differences, before, new)
            answer["changes"] = [{**one.shown(), "takes": one.takes.value} for one in changes]
            if restart := [one.key for one in changes if one.takes is Takes.RESTART]:
                return {**answer, "restart": restart}
            if new.raw == before.raw:
                return answer
            await self._apply(before, new, changes, by)
            log.warning("configuration %s (was %s) by %s", new.site.policy_version, version, by)
            warnings = await self._files.run(_warnings, new)
            return {
                **answer,
                "applied": True,
                "version": new.site.policy_version,
                "warnings": warnings,
            }

    async def _apply(
        self, before: Settings, new: Settings, changes: tuple[Change, ...], by: str
    ) -> None:
        path = await self._kept(before, new)
        try:
            async with self._rules.changing(), self._threat.steady():
                self._check_level(new)
                await self._append(_record(before, new, changes, by))
                self._swap(new)
        except BaseException as error:
            if path is not None:
                self._files.soon(path.unlink, missing_ok=True)
            if isinstance(error, LedgerUnavailable):
                said = worded("the log can't be written, so nothing was changed")
                raise Refused(said) from error
            raise

    async def _kept(self, before: Settings, new: Settings) -> Path | None:
        """Keep both on the disk: the old one may have been in force since before they were kept."""
        try:
            await self._files.run(kept.keep, before.kept_path, before.raw)
            return await self._files.run(kept.keep, before.kept_path, new.raw)
        except OSError as error:
            said = worded(
                "the configuration can't be kept ({error}), so nothing was changed", error=error
            )
            raise Refused(said) from error

    def _check_level(self, new: Settings) -> None:
        level = self._threat.level
        if level and level not in new.site.threat_levels:
            raise Refused(
                worded(
                    "the threat level {level} is in force and the file does not know it: set "
                    "another one first; nothing was changed",
                    level=level,
                )
            )


def about_configuration(settings: Settings) -> dict[str, Any]:
    """What the record of a start says of the configuration: its `policy_version` and `digest`, and,
    if it is not the one that the log has last, that one's version as `before` with the `keys` that
    differ.  Keeps it with those that were in force.  Reads the log; for a thread."""
    now = settings.site.policy_version
    about: dict[str, Any] = {"policy_version": now, "digest": settings.digest}
    was = _last_recorded(settings)
    if was and was != now:
        about["before"] = was
        about |= _changed_since(settings, was)
    try:
        kept.keep(settings.kept_path, settings.raw)
    except OSError as error:
        log.error("the configuration can't be kept: %s", error)
    return about


def _last_recorded(settings: Settings) -> str:
    """The version of the configuration that the log has last; "" if it says nothing of it."""
    kinds = (EventType.CONFIG_CHANGED, EventType.GATEWAY_STARTED, EventType.LEDGER_CHECKPOINT)
    try:
        with closing(LedgerReader(settings.ledger_path)) as reader:
            for event in reader.back(*kinds, most=FAR):
                if version := event.data.get("policy_version"):
                    return str(version)
    except LedgerUnavailable as error:
        log.warning("which configuration was in force is not known: %s", error)
    return ""


def _changed_since(settings: Settings, version: str) -> dict[str, Any]:
    try:
        found = kept.find(settings.kept_path, version)
        if found is None:
            return {}
        changes = differences(config.load_text(settings.path, found.read()), settings)
    except (OSError, DamagedFile, config.ConfigError) as error:
        log.warning("what changed since configuration %s is not known: %s", version, error)
        return {}
    return _told(changes)


def _read(path: Path) -> Settings:
    """The file's settings.  Raises ConfigError, and Refused for a file that somebody writes now."""
    settings = config.load(path)
    if read_file(path) != settings.raw:
        raise Refused(worded("{path} changed while it was read: try again", path=path))
    return settings


def _warnings(settings: Settings) -> list[str]:
    levels = settings.site.access_levels
    return [*settings.warnings, *vanished_levels(settings.people_path, levels)]


def _record(before: Settings, new: Settings, changes: tuple[Change, ...], by: str) -> NewEvent:
    data: dict[str, Any] = {
        "by": by,
        "before": before.site.policy_version,
        "policy_version": new.site.policy_version,
        "before_digest": before.digest,
        "digest": new.digest,
        **_told(changes),
    }
    return NewEvent(EventType.CONFIG_CHANGED, new.site.gateway, data)


def _told(changes: tuple[Change, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "keys": [one.key for one in changes[:MOST_RECORDED]],
        "changes": [one.shown() for one in changes[:MOST_RECORDED]],
    }
    if len(changes) > MOST_RECORDED:
        told["more"] = len(changes) - MOST_RECORDED
    return told
