"""The first badge at the new gate: the real gateway runs, and the log says what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gateway.config import Settings
from gateway.daemon import control
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.setup.draft import Places

END_S = 20.0
_ANSWERS = (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED)


def as_owner(folder: Path) -> dict[str, Any]:
    """How to start a process as the owner of `folder`, for root: what the gateway writes must be
    its account's, which runs it later.  Nothing for anybody else."""
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return {}
    try:
        groups = os.getgrouplist(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:
        groups = [owner.st_gid]
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": groups}


@dataclass(frozen=True, slots=True)
class Seen:
    """How far the first opening is.  `away` names devices that are not there, with the reason;
    `answer` is the newest answer at the door (the data of its record), and `opened` the number of
    the record of the first opening, 0 before."""

    running: bool = False
    why: str = ""
    away: Mapping[str, str] | None = None
    answer: Mapping[str, Any] | None = None
    opened: int = 0


class Trial:
    """Starts the gateway of a configuration where none runs, and looks at it."""

    def __init__(self, settings: Settings, after: int = 0, said: IO[bytes] | None = None) -> None:
        """Records up to the number `after` are old news.  What the gateway says goes to the file
        `said`, by default where we say things."""
        self._settings = settings
        self._after = after
        self._said = said
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the gateway as a process of ours, unless one answers there already."""
        if self._process is not None and self._process.returncode is None:
            return
        if await asyncio.to_thread(self._status) is not None:
            return
        arguments = ("-m", "gateway.daemon", "-c", str(self._settings.path))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            stderr=self._said,
            env=self._environment(),
            **as_owner(self._settings.tables.site.data_dir),
        )

    async def stop(self) -> None:
        """End the gateway if it is ours; its locks are at rest then."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def look(self) -> Seen:
        """What can be seen now."""
        status = await asyncio.to_thread(self._status)
        answer, opened = await asyncio.to_thread(self._log)
        process = self._process
        if status is None:
            ended = process is not None and process.returncode is not None
            why = f"exit code {process.returncode}" if process is not None and ended else ""
            return Seen(why=why, answer=answer, opened=opened)
        away = {
            str(device["name"]): str(device["detail"])
            for device in status["devices"]
            if not device["online"]
        }
        return Seen(running=True, away=away, answer=answer, opened=opened)

    def _environment(self) -> dict[str, str]:
        """A key that the unit gets as a credential is read from the file that it was made of."""
        places = Places.of(self._settings.path)
        return {"CREDENTIALS_DIRECTORY": str(places.key_file.parent), **os.environ}

    def _status(self) -> Mapping[str, Any] | None:
        try:
            return control.ask(self._settings.socket_path, "status", timeout_s=2)
        except control.ControlError:
            return None

    def _log(self) -> tuple[Mapping[str, Any] | None, int]:
        path: Path = self._settings.ledger_path
        answer: Mapping[str, Any] | None = None
        opened = 0
        with (
            contextlib.suppress(LedgerUnavailable),
            contextlib.closing(LedgerReader(path)) as reader,
        ):
            for event in reader.tail(100):
                if event.seq <= self._after:
                    continue
                if event.type in _ANSWERS:
                    answer = {**event.data, "type": event.type}
                elif event.type == EventType.DOOR_UNLOCKED and not opened:
                    opened = event.seq
        return answer, opened
