"""Doors that an operator took out of service, kept over restarts."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from gateway.ledger import LedgerReader
from gateway.ledger.event import EventType
from gateway.vault.files import FileThread
from gateway.vault.statefile import StateFile, Tell, json_object, log_damage

log = logging.getLogger("garita.state.service")

UNKNOWN = "doors.json was damaged"


class OutOfService:
    """The doors out of service with the reason of each, in the file `path`."""

    def __init__(self, path: Path, tell: Tell = log_damage) -> None:
        self._file = StateFile(path, _parse, mode=0o644, tell=tell)
        self._files = FileThread("doors out of service")
        self._held: dict[str, str] = {}

    def restore(self, records: LedgerReader, doors: Collection[str]) -> dict[str, str]:
        """At a start: the doors out of service, by name.

        If the file is missing or damaged, the newest record about each of `doors` says whether it
        is out of service: a door that somebody closed must not open through a lost file, and the
        others go on.  The version before is asked about those of which the log knows nothing.  The
        file is then written anew.  Raises what `records` raises.
        """
        kept = self._file.read()
        if kept.value is not None and not kept.damage:
            self._held = kept.value
            return dict(kept.value)
        found, unknown = _from(records, doors)
        before = kept.value or {}
        self._held = {**{door: before[door] for door in unknown if door in before}, **found}
        if kept.damage:
            log.critical("%s; the log says which doors are out of service", kept.damage)
            self._file.give_back(kept, _raw(self._held), "from_log")
        elif self._held:
            with contextlib.suppress(OSError):  # it is tried again with the next door
                self._file.write(_raw(self._held))
        return dict(self._held)

    async def put(self, door: str, reason: str) -> None:
        """Take `door` out of service, or with an empty `reason` back into it; durable when this
        returns.  Raises OSError, and then nothing has changed."""
        await self._files.run(self._put, door, reason)

    def _put(self, door: str, reason: str) -> None:
        held = {name: why for name, why in self._held.items() if name != door}
        if reason:
            held[door] = reason
        self._file.write(_raw(held))
        self._held = held


def _parse(raw: bytes) -> dict[str, str]:
    return {name: str(why) for name, why in json_object(raw).items()}


def _raw(held: Mapping[str, str]) -> bytes:
    return json.dumps(held).encode()


def _from(records: LedgerReader, doors: Collection[str]) -> tuple[dict[str, str], set[str]]:
    """The doors that the log says are out of service, and those of which it says nothing."""
    found, left = {}, set(doors)
    for event in records.back(EventType.DOOR_OUT_OF_SERVICE, EventType.DOOR_IN_SERVICE):
        if event.subject in left:
            left.remove(event.subject)
            if event.type == EventType.DOOR_OUT_OF_SERVICE:
                found[event.subject] = str(event.data.get("reason") or UNKNOWN)
        if not left:
            break
    return found, left
