"""Lists that were sent and are not in force: each a folder, and a process that works on it.

A draft's folder holds badge numbers, so it is the console's alone (mode 0700), and it is removed
when the list is in force, when somebody throws it away, and after KEPT_S.  The state of a draft is
``about.json`` there, so a page finds it after the console was restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from gateway import locale
from gateway.config import Settings
from gateway.console.screens.lists.parse import said
from gateway.console.screens.lists.work import SENT, SHOWN_FILE
from gateway.console.uploads import LIST_BYTES, MEGABYTE, UploadError
from gateway.daemon.control import for_operator
from gateway.ledger.operator import Operator
from gateway.locale import worded
from gateway.locale.text import tidy
from gateway.vault.files import write_whole

KEPT_S = 8 * 3600.0
MOST = 10
NAME_LIMIT = 120
Done = Awaitable[None]
_ID = re.compile(r"[0-9a-f]{16}")
ABOUT = "about.json"

LOOKING, READY, WRONG, APPLYING, IN_FORCE = "looking", "ready", "wrong", "applying", "in_force"


@dataclass(frozen=True, slots=True)
class Draft:
    """One of them.  `to` is the version to go back to, None for a list that was sent; `base` the
    version that it was compared with.  `refused` says why nothing came of it, by language; `errors`
    is what is wrong with the file."""

    id: str
    name: str
    by: str
    at: float
    delta: bool = False
    json: bool = False
    profile: str = ""
    to: int | None = None
    state: str = LOOKING
    base: int = 0
    version: int = 0
    refused: Mapping[str, str] | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    wrong: int = 0

    @property
    def busy(self) -> bool:
        return self.state in (LOOKING, APPLYING)


class Drafts:
    """The drafts of one console.  One process works at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.tables.console.data_dir / "lists"
        self._one = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stages: dict[str, tuple[str, int]] = {}

    def all(self) -> list[Draft]:
        """The drafts, newest first; those whose time is over are removed."""
        if not self._folder.is_dir():
            return []
        found = [self.find(folder.name) for folder in self._folder.iterdir()]
        kept = [draft for draft in found if draft is not None]
        return sorted(kept, key=lambda draft: -draft.at)

    def find(self, draft_id: str) -> Draft | None:
        """A draft; None if there is none of that id."""
        if not _ID.fullmatch(draft_id):
            return None
        folder = self._folder / draft_id
        try:
            draft = Draft(**json.loads((folder / ABOUT).read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        if time.time() - draft.at > KEPT_S and draft_id not in self._tasks:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        if draft.busy and draft_id not in self._tasks:
            # The console ended meanwhile.  What was half done counts for nothing.
            why = worded("this was interrupted; the list in force says what became of it")
            return replace(draft, state=WRONG, refused=said(why))
        return draft

    def plan(self, draft: Draft) -> dict[str, Any] | None:
        """What a draft would change, as the worker wrote it."""
        try:
            path = self._folder / draft.id / SHOWN_FILE
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def stage(self, draft: Draft) -> tuple[str, int]:
        """How far the work on a draft is: a word, and how many people."""
        return self._stages.get(draft.id, ("waiting", 0))

    def take(self, file: BinaryIO, name: str, *, by: Operator, delta: bool, profile: str) -> Draft:
        """Keep a list that was sent.  Raises UploadError."""
        draft = self._begin(name, by)
        draft = replace(draft, delta=delta, profile=profile, json=name.lower().endswith(".json"))
        folder = self._folder / draft.id
        size = 0
        with (folder / SENT).open("xb") as kept:
            os.fchmod(kept.fileno(), 0o600)
            while part := file.read(MEGABYTE):
                size += len(part)
                if size > LIST_BYTES:
                    break
                kept.write(part)
        if not 0 < size <= LIST_BYTES:
            self.drop(draft.id)
            if not size:
                raise UploadError("missing", worded("choose a file first"))
            raise UploadError(
                "too_large", worded("the file is larger than {n} MB", n=LIST_BYTES // MEGABYTE)
            )
        self._save(draft)
        return draft

    def back_to(self, version: int, *, by: Operator) -> Draft:
        """A draft that goes back to an earlier version."""
        draft = replace(self._begin(f"version {version}", by), to=version)
        self._save(draft)
        return draft

    def drop(self, draft_id: str) -> None:
        """Throw a draft away; one that is put in force at this moment stays until that is done."""
        draft = self.find(draft_id)
        if draft is not None and draft.state == APPLYING:
            return
        if (task := self._tasks.pop(draft_id, None)) is not None:
            task.cancel()
        if _ID.fullmatch(draft_id):
            shutil.rmtree(self._folder / draft_id, ignore_errors=True)

    def look(self, draft: Draft) -> None:
        """Begin to look at a draft; call it in the event loop."""
        if draft.id not in self._tasks:
            looked = replace(draft, state=LOOKING, refused=None)
            self._start(looked, {"op": "look"})

    def apply(
        self, draft: Draft, *, confirmed: set[str], by: Operator, after: Callable[[], Done]
    ) -> bool:
        """Begin to put a draft in force, and then do `after`; False if somebody does so already."""
        if draft.id in self._tasks:
            return False
        order = {
            "op": "apply",
            "base": draft.base,
            "confirmed": sorted(confirmed),
            "by": for_operator(by),
        }
        self._start(replace(draft, state=APPLYING, refused=None), order, after)
        return True

    async def finished(self, draft: Draft, timeout_s: float) -> None:
        """Wait until nothing works on a draft, for `timeout_s` at most."""
        if (task := self._tasks.get(draft.id)) is not None:
            await asyncio.wait([task], timeout=timeout_s)

    def _begin(self, name: str, by: Operator) -> Draft:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self.all()[MOST - 1 :]:
            self.drop(old.id)
        shown = tidy(name.replace("\\", "/").rsplit("/", 1)[-1], NAME_LIMIT) or "-"
        draft = Draft(secrets.token_hex(8), shown, by.name or str(by), time.time())
        (self._folder / draft.id).mkdir(mode=0o700)
        return draft

    def _save(self, draft: Draft) -> None:
        folder = self._folder / draft.id
        if folder.is_dir():  # thrown away meanwhile
            write_whole(folder / ABOUT, json.dumps(asdict(draft)).encode(), mode=0o600)

    def _start(
        self, draft: Draft, order: Mapping[str, Any], after: Callable[[], Done] | None = None
    ) -> None:
        self._save(draft)
        self._stages[draft.id] = ("waiting", 0)
        # Badge numbers do not stay because nobody opens the page again.
        asyncio.get_running_loop().call_later(KEPT_S + 60.0, self.find, draft.id)
        task = asyncio.create_task(self._work(draft, order, after))
        self._tasks[draft.id] = task
        task.add_done_callback(lambda _: self._done(draft.id, task))

    def _done(self, draft_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(draft_id) is task:
            del self._tasks[draft_id]
        self._stages.pop(draft_id, None)

    async def _work(
        self, draft: Draft, order: Mapping[str, Any], after: Callable[[], Done] | None
    ) -> None:
        facts = {name: getattr(draft, name) for name in ("name", "delta", "json", "profile", "to")}
        folder = self._folder / draft.id
        told = {**facts, "folder": str(folder), "language": locale.language(), **order}
        async with self._one:
            answer = await self._process(draft, told)
        await asyncio.to_thread(self._save, self._became(draft, answer))
        if answer.get("version"):
            await asyncio.to_thread(self._forget_badges, folder)
            if after is not None:
                await after()

    def _became(self, draft: Draft, answer: Mapping[str, Any]) -> Draft:
        if "version" in answer:
            return replace(draft, state=IN_FORCE, version=int(answer["version"]))
        if "looked" in answer:
            plan = self.plan(draft) or {}
            return replace(draft, state=READY, base=int(plan.get("base", 0)))
        refused = answer.get("refused")
        if draft.state == APPLYING:  # what was looked at is still there to be looked at
            return replace(draft, state=READY, refused=refused or said(_UNDONE))
        errors, wrong = list(answer.get("errors", ())), int(answer.get("wrong", 0))
        if not errors and not refused:
            refused = said(_UNDONE)
        return replace(draft, state=WRONG, refused=refused, errors=errors, wrong=wrong)

    @staticmethod
    def _forget_badges(folder: Path) -> None:
        """The list is in force: what is left of the file goes at once."""
        for file in folder.iterdir():
            if file.name not in (ABOUT, SHOWN_FILE):
                file.unlink(missing_ok=True)

    async def _process(self, draft: Draft, order: Mapping[str, Any]) -> dict[str, Any]:
        """What the worker answers; {} if it ended without an answer."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.console.screens.lists.work",
            "-c",
            str(self._settings.path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=8 * MEGABYTE,
        )
        assert process.stdin is not None and process.stdout is not None
        answer: dict[str, Any] = {}
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(json.dumps(order).encode() + b"\n")
                await process.stdin.drain()
                process.stdin.close()
            async for line in process.stdout:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    told = json.loads(line)
                    if "done" in told:
                        answer = dict(told["done"])
                    else:
                        self._stages[draft.id] = (str(told["stage"]), int(told["count"]))
            await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return answer


_UNDONE = worded("this could not be done; the console's journal says why")
