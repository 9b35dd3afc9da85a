"""Doors that an operator took out of service, kept over restarts."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from gateway.ledger import LedgerReader
from gateway.ledger.event import EventType
from gateway.locale import english
from gateway.vault.files import DamagedFile, FileThread, read_object, write_json

log = logging.getLogger("garita.state.service")

UNKNOWN = "doors.json was damaged"


class OutOfService:
    """The doors out of service with the reason of each, in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = FileThread("doors out of service")
        self._held: dict[str, str] = {}

    def restore(self, records: LedgerReader, doors: Collection[str]) -> tuple[dict[str, str], str]:
        """At a start: the doors out of service, by name; and what is wrong with the file, or "".

        If the file is missing or damaged, the newest record about each of `doors` says whether it
        is out of service: a door that somebody closed must not open through a lost file, and the
        others go on.  The file is then written anew.  Raises what `records` raises.
        """
        damage = ""
        try:
            self._held = {name: str(why) for name, why in read_object(self._path).items()}
            return dict(self._held), ""
        except FileNotFoundError:
            log.info("%s: none yet; the log says which doors are out of service", self._path)
        except (OSError, DamagedFile) as error:
            damage = english(error)
            log.critical("%s; the log says which doors are out of service", damage)
        self._held = _from(records, doors)
        try:
            write_json(self._path, self._held)
        except OSError as error:
            log.error("%s: %s", self._path, error)
        return dict(self._held), damage

    async def put(self, door: str, reason: str) -> None:
        """Take `door` out of service, or with an empty `reason` back into it; durable when this
        returns.  Raises OSError, and then nothing has changed."""
        await self._files.run(self._put, door, reason)

    def _put(self, door: str, reason: str) -> None:
        held = {name: why for name, why in self._held.items() if name != door}
        if reason:
            held[door] = reason
        write_json(self._path, held)
        self._held = held


def _from(records: LedgerReader, doors: Collection[str]) -> dict[str, str]:
    found, left = {}, set(doors)
    for event in records.back(EventType.DOOR_OUT_OF_SERVICE, EventType.DOOR_IN_SERVICE):
        if event.subject in left:
            left.remove(event.subject)
            if event.type == EventType.DOOR_OUT_OF_SERVICE:
                found[event.subject] = str(event.data.get("reason") or UNKNOWN)
        if not left:
            break
    return found
