"""Takes signed commands, one after the other, and has each carried out once.

They come from the broker, or through the console, which passes on what an operator's browser has
signed.  A key counts on the way that its table names, and on no other.

gateway/daemon/signed.py judges a message.  Beyond that a command is refused if one of its key
with the same counter or a later one was taken before, also after a restart (`Counters`), and if
its nonce was used in this run.  Both are kept before the command is carried out.

Every command ends as a record.  What a known key signed and we did not do is a record of its own
with the sender; anything else is counted, and told at most every ten seconds.  The sender of a good
signature also gets an answer over MQTT (`command/answer`); the record is what counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.daemon.signed import (
    BROKER,
    CONSOLE,
    RULES,
    USUAL,
    Command,
    Refused,
    SenderKey,
    verify,
)
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.operator import Operator
from gateway.vault.files import DamagedFile, FileThread
from gateway.vault.statefile import StateFile, Tell, json_object, log_damage

log = logging.getLogger("garita.daemon.commands")

WAITING = 8
GATHER_S = 10.0  # refusals are recorded at once, then at most this often
UNRECORDED = "denied_ledger_unavailable"
RECORDED_FOR = timedelta(hours=3)  # far longer than a command is good, whoever's clock is wrong

Handler = Callable[[Command], Awaitable[Mapping[str, Any]]]
Answer = Callable[[Mapping[str, Any]], None]


class Counters:
    """The last counter of each key, on disk before its command is carried out."""

    def __init__(self, path: Path, tell: Tell = log_damage) -> None:
        self._file = StateFile(path, _parse, mode=0o644, tell=tell)
        self._files = FileThread("command counters")
        self._last: dict[str, int] | None = None

    def restore(self, records: LedgerReader, now: datetime) -> None:
        """At a start: read the counters.

        If the file is missing or damaged, each key's greatest counter counts of the version before
        and of the records of commands in the last hours.  What is older can't be sent again: a
        command is good for minutes.  If the log can't say, every command is refused.
        """
        try:
            kept = self._file.read()
        except OSError as error:  # each command tries again
            log.error("%s", error)
            return
        if not kept.damage:
            self._last = kept.value
            return
        try:
            found = _greatest(kept.value or {}, _on_record(records, now - RECORDED_FOR))
        except LedgerUnavailable as error:
            log.critical("commands are refused: %s; %s", kept.damage, error)
            self._file.tell(kept, "refuses")
            return
        self._last = found
        self._file.give_back(kept, json.dumps(found).encode(), "from_log")

    async def take(self, command: Command) -> None:
        """Count `command` as taken.  Raises Refused if one with its counter or a later one was
        taken before, or if the counters can't be read or written."""
        await self._files.run(self._take, command)

    def _take(self, command: Command) -> None:
        try:
            last = self._last if self._last is not None else self._read()
            known = last.get(command.key, 0)
            if command.counter <= known:
                why = "seen before" if command.counter == known else "older than one seen before"
                raise Refused(why)
            fresh = {**last, command.key: command.counter}
            self._file.write(json.dumps(fresh).encode())
        except (OSError, DamagedFile) as error:
            log.error("%s: %s", self._file.path, error)
            raise Refused("the counters can't be read or written") from error
        self._last = fresh

    def _read(self) -> dict[str, int]:
        kept = self._file.read()
        if kept.damage:
            raise DamagedFile(kept.damage)
        return kept.value or {}


def _parse(raw: bytes) -> dict[str, int]:
    return {key: int(value) for key, value in json_object(raw).items()}


def _on_record(records: LedgerReader, since: datetime) -> dict[str, int]:
    """The greatest counter of each key in records of commands since then."""
    found: dict[str, int] = {}
    kinds = (EventType.COMMAND_ACCEPTED, EventType.COMMAND_REFUSED)
    for event in records.back(*kinds, since=utc_text(since)):
        key, counter = event.data.get("key"), event.data.get("counter")
        if isinstance(key, str) and isinstance(counter, int):
            found[key] = max(counter, found.get(key, 0))
    return found


def _greatest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {key: max(one.get(key, 0), other.get(key, 0)) for key in {*one, *other}}


class Nonces:
    """The nonces of commands that were taken in this run, as long as such a command could still be
    good.  They hold where the file of the counters was removed or set back meanwhile."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}

    def take(self, command: Command, now: datetime) -> None:
        """Count the nonce as used; raises Refused if it was."""
        slack = RULES.get(command.name, USUAL).early
        self._until = {nonce: at for nonce, at in self._until.items() if at + slack >= now}
        if command.nonce in self._until:
            raise Refused("seen before")
        if command.nonce:
            self._until[command.nonce] = command.expires


class RemoteCommands:
    """Takes messages as they come and carries commands out one after the other.

    `boot` names this run of the gateway.  `handlers` by the name of the command; what one returns
    goes into the record.  A handler raises Refused for what can't be done, with the reason.
    """

    def __init__(
        self,
        gateway: str,
        keys: Mapping[str, SenderKey],
        counters: Counters,
        handlers: Mapping[str, Handler],
        append: Callable[[NewEvent], Awaitable[Event]],
        now: Callable[[], tuple[datetime, bool]],
        *,
        boot: str = "",
    ) -> None:
        self._gateway = gateway
        self._boot = boot
        self._keys = keys
        self._counters = counters
        self._nonces = Nonces()
        self._handlers = dict(handlers)
        self._append = append
        self._now = now
        self._started = now()[0].replace(microsecond=0)  # as coarse as senders say it
        self._answer: Answer = lambda answer: None
        self._one = asyncio.Lock()
        self._queue: asyncio.Queue[tuple[Any, bool, float | None]] = asyncio.Queue(WAITING)
        self._refused: dict[str, int] = {}
        self._refused_keys: set[str] = set()
        self._quiet_until = 0.0

    def handle(self, name: str, handler: Handler) -> None:
        """Have another part carry out the commands of that name."""
        self._handlers[name] = handler

    def answer_by(self, answer: Answer) -> None:
        """Have each sender told what became of their command."""
        self._answer = answer

    def receive(self, payload: Any, retained: bool, expires_at: float | None = None) -> None:
        """A message arrived; returns at once.  At `expires_at` of the loop's clock (seconds) the
        message expires, if its sender said so (MQTT 5)."""
        try:
            self._queue.put_nowait((payload, retained, expires_at))
        except asyncio.QueueFull:
            self._count("too many wait")

    async def pass_on(self, payload: bytes, by: Operator) -> Mapping[str, Any]:
        """A message that `by` has signed and the console passes on; returns what became of it, as
        the sender of a message by the broker is told."""
        try:
            return await self.carry_out(payload, retained=False, by=by)
        except Refused as refused:
            await self._refused_whole(refused)
            return {"done": False, "why": str(refused)}
        except LedgerUnavailable as error:
            log.critical("a command can't be recorded: %s", error)
            return {"done": False, "why": UNRECORDED}

    async def run(self) -> None:
        """Carry commands out until cancelled; then what was counted is recorded."""
        try:
            while True:
                try:
                    async with asyncio.timeout(GATHER_S if self._refused else None):
                        message = await self._queue.get()
                except TimeoutError:
                    await self._tell()
                    continue
                await self._take(*message)
        finally:
            await self._tell(at_once=True)

    async def _take(self, payload: Any, retained: bool, expires_at: float | None) -> None:
        """One message, whatever becomes of it."""
        try:
            await self.carry_out(payload, retained=retained, expires_at=expires_at)
        except Refused as refused:
            await self._refused_whole(refused)
        except LedgerUnavailable as error:
            log.critical("a command can't be recorded: %s", error)

    async def _refused_whole(self, refused: Refused) -> None:
        """A message that is not a new command of ours: count it, and tell its sender if we know
        who that is."""
        self._count(str(refused))
        if refused.command is not None:
            self._refused_keys.add(refused.command.key)
            self._tell_sender(refused.command, why=str(refused))
        await self._tell()

    async def carry_out(
        self,
        payload: Any,
        *,
        retained: bool,
        expires_at: float | None = None,
        by: Operator | None = None,
    ) -> Mapping[str, Any]:
        """One message; `by` is who is signed in at the console that passed it on, None for one
        from the broker.  Returns what its sender is told.  Raises Refused for what is not a new
        command of ours, or LedgerUnavailable if its effect is not on record."""
        async with self._one:
            return await self._carry_out(payload, retained, expires_at, by)

    async def _carry_out(
        self, payload: Any, retained: bool, expires_at: float | None, by: Operator | None
    ) -> Mapping[str, Any]:
        now, trusted = self._now()
        command = verify(
            payload,
            self._keys,
            self._gateway,
            now,
            retained=retained,
            boot=self._boot,
            started=self._started,
            through=BROKER if by is None else CONSOLE,
        )
        if by is not None:
            command = replace(command, signed_in=by.person)
        if expires_at is not None and asyncio.get_running_loop().time() >= expires_at:
            raise Refused("expired on its way", command)
        if not trusted:
            raise Refused("the clock is not to be trusted", command)
        handler = self._handlers.get(command.name)
        if handler is None:
            raise Refused("not known here", command)
        try:
            self._nonces.take(command, now)
            await self._counters.take(command)
        except Refused as refused:
            raise Refused(str(refused), command) from refused
        return await self._do(command, handler)

    async def _do(self, command: Command, handler: Handler) -> Mapping[str, Any]:
        """Carry out a command that was taken, and record what became of it."""
        data: dict[str, Any] = {"command": command.name, "key": command.key, "by": command.by}
        data["counter"] = command.counter
        try:
            more = await handler(command)
        except Refused as refused:
            return await self._refuse(command, data, str(refused))
        except LedgerUnavailable:
            self._tell_sender(command, why=UNRECORDED)
            # It may have worked in part: a higher threat level is in force without its record.
            await self._append(NewEvent(EventType.COMMAND_ACCEPTED, self._gateway, data))
            raise
        except Exception:
            log.exception("command %s of %s failed", command.name, command.key)
            return await self._refuse(command, data, "denied_internal_error")
        told = self._tell_sender(command, **more)
        log.warning("command %s of %s: done", command.name, command.key)
        await self._append(NewEvent(EventType.COMMAND_ACCEPTED, self._gateway, {**more, **data}))
        return told

    async def _refuse(
        self, command: Command, data: Mapping[str, Any], why: str
    ) -> Mapping[str, Any]:
        """A command that was taken and can't be carried out has a record of its own."""
        log.warning("command %s of %s: refused, %s", command.name, command.key, why)
        told = self._tell_sender(command, why=why)
        about = {"door": command.text("door")} if "door" in command.body else {}
        refusal = {**data, **about, "why": why, "count": 1}
        await self._append(NewEvent(EventType.COMMAND_REFUSED, self._gateway, refusal))
        return told

    def _tell_sender(self, command: Command, *, why: str = "", **more: Any) -> Mapping[str, Any]:
        """What became of a command, for whoever has the key and listens."""
        whose = {"gateway": self._gateway, "boot": self._boot, "key": command.key}
        which = {"command": command.name, "counter": command.counter}
        told = {**more, **whose, **which, "done": not why, "why": why}
        if command.sender.through == BROKER:
            self._answer(told)
        return told

    def _count(self, why: str) -> None:
        self._refused[why] = self._refused.get(why, 0) + 1

    async def _tell(self, *, at_once: bool = False) -> None:
        if not self._refused or (time.monotonic() < self._quiet_until and not at_once):
            return
        refused, self._refused = self._refused, {}
        self._quiet_until = time.monotonic() + GATHER_S
        data: dict[str, Any] = {"why": ", ".join(sorted(refused))}
        data["count"] = sum(refused.values())
        if self._refused_keys:  # somebody has a message that they signed
            data["keys"] = sorted(self._refused_keys)
            self._refused_keys.clear()
        log.warning("commands refused (%d): %s", data["count"], data["why"])
        try:
            await self._append(NewEvent(EventType.COMMAND_REFUSED, self._gateway, data))
        except LedgerUnavailable as error:
            log.critical("a refused command is not on record: %s", error)
