"""Keeps ledger.db small: old records go into archives, and archives whose time is over are deleted.

A process of its own makes each archive (gateway/ledger/archiver.py), at the lowest priority.  The
gateway enters it into the log's file when it is on the disk and was read again; only then the
records leave that file, a few at a time between others.  No door waits for any of this.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.config.log import LogTable
from gateway.daemon.control import ControlError, Refused
from gateway.ledger import Ledger, LedgerUnavailable, archiver
from gateway.ledger.archives import FOLDER, Archive, registered
from gateway.ledger.chain import utc_text
from gateway.ledger.event import EventType, NewEvent
from gateway.locale import worded

log = logging.getLogger("garita.daemon.archiving")

FIRST_S = 60.0
LOOK_EVERY_S = 600.0
HANGS_S = 900.0


class ArchivingFailed(Exception):
    """No archive could be made; the records stay in ledger.db."""


class Archiving:
    """Archives the log at `path` of the gateway `name` as `table` says.

    `now()` is the time by a clock beyond doubt, or None: nothing goes by its age then.
    """

    def __init__(
        self,
        *,
        path: Path,
        name: str,
        ledger: Ledger,
        table: LogTable,
        now: Callable[[], datetime | None],
        python: str = sys.executable,
    ) -> None:
        self._path = path
        self._name = name
        self._ledger = ledger
        self._table = table
        self._now = now
        self._python = python
        self._one_at_a_time = asyncio.Lock()
        self._error = ""
        self._held: list[Archive] = []
        self._missing: list[str] = []

    def status(self) -> dict[str, Any]:
        """For `garita status`: how many archives there are, with how many bytes; the files that are
        missing; and what went wrong last, or ""."""
        kept = [one for one in self._held if not one.deleted]
        return {
            "files": len(kept),
            "bytes": sum(one.bytes for one in kept),
            "last_seq": max((one.last for one in self._held), default=0),
            "missing": self._missing,
            "error": self._error,
        }

    async def run(self) -> None:
        """Archive and delete what is due, for ever."""
        await self._look()
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                while await self.archive(self._wanted()):
                    pass
                await self.delete_old()
                self._error = ""
            except (ArchivingFailed, LedgerUnavailable) as error:
                self._error = str(error)
                log.error("the log can't be archived: %s", error)
            await self._look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Somebody at the box wants the next archive now, of all that is signed; answers with its
        file, "" if there is nothing to be archived.  Raises Refused and ControlError."""
        if self._one_at_a_time.locked():
            raise Refused(worded("an archive is being made: try again in a minute"))
        try:
            found = await self.archive(archiver.Wanted(now=True))
        except (ArchivingFailed, LedgerUnavailable) as error:
            raise ControlError(str(error)) from error
        await self._look()
        return {"file": found.file if found else ""}

    async def archive(self, wanted: archiver.Wanted) -> Archive | None:
        """Make the next archive that is due; None if none is.

        Raises ArchivingFailed and LedgerUnavailable; the records stay where they are then.
        """
        async with self._one_at_a_time:
            made = await self._made(wanted)
            if made is None:
                return None
            await self._ledger.enter_archive(made)
            data = {"first": made.first, "last": made.last, "file": made.file, "bytes": made.bytes}
            self._ledger.note(NewEvent(EventType.LEDGER_ARCHIVED, self._name, data))
            log.info("records %d to %d are archived in %s", made.first, made.last, made.file)
            return made

    async def delete_old(self) -> None:
        """Delete the archives whose newest record is older than the site keeps records; it is on
        record before.  Raises LedgerUnavailable."""
        now, days = self._now(), self._table.delete_archives_after_days
        if now is None or not days:
            return
        until = utc_text(now - timedelta(days=days))
        for one in await asyncio.to_thread(registered, self._path):
            if not one.deleted:
                if one.time >= until:
                    break
                data = {"first": one.first, "last": one.last, "file": one.file, "days": days}
                await self._ledger.append(
                    NewEvent(EventType.LEDGER_ARCHIVE_DELETED, self._name, data)
                )
                await self._ledger.forget_archive(one.last)
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(self._file(one).unlink)

    def _wanted(self) -> archiver.Wanted:
        table, now = self._table, self._now()
        before = ""
        if table.archive_after_days and now is not None:
            before = utc_text(now - timedelta(days=table.archive_after_days))
        return archiver.Wanted(before, table.archive_above_mb)

    async def _made(self, wanted: archiver.Wanted) -> Archive | None:
        arguments = ["--before", wanted.before, "--above-mb", str(wanted.above_mb)]
        process = await asyncio.create_subprocess_exec(
            self._python,
            "-m",
            "gateway.ledger.archiver",
            str(self._path),
            *arguments,
            *(["--now"] if wanted.now else []),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(HANGS_S):
                said, wrong = await process.communicate()
        except TimeoutError as error:
            raise ArchivingFailed("the process that makes archives hangs") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        try:
            if process.returncode == 0:
                return archiver.read(said)
        except (ValueError, KeyError, TypeError) as error:
            raise ArchivingFailed(f"its answer is not understood: {error}") from error
        lines = wrong.decode(errors="replace").strip().splitlines()
        raise ArchivingFailed(lines[-1] if lines else f"exit code {process.returncode}")

    async def _look(self) -> None:
        """Read the table, and see which files are missing."""

        def look() -> tuple[list[Archive], list[str]]:
            held = registered(self._path)
            kept = [one for one in held if not one.deleted]
            return held, [one.file for one in kept if not self._file(one).exists()]

        try:
            self._held, self._missing = await asyncio.to_thread(look)
        except LedgerUnavailable as error:
            log.warning("the archives can't be looked at: %s", error)
        if self._missing:
            log.critical("archives of the log are missing: %s", ", ".join(self._missing))

    def _file(self, one: Archive) -> Path:
        return self._path.parent / FOLDER / Path(one.file).name
