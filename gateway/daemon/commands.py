"""Signed commands over MQTT: who may send them, and what is refused.

    {"key": "control-room", "signature": "<base64>", "body": {
        "gateway": "gate-1", "command": "threat_set", "level": "lockdown", "reason": "...",
        "by": "ana", "counter": 17, "issued": "2026-11-25T18:00:00Z",
        "expires": "2026-11-25T18:02:00Z"}}

The signature is Ed25519 (RFC 8032) over the body as canonical JSON (keys sorted, no spaces,
UTF-8), as the log writes it.  A counter is taken once per key, and only a greater one after it.
What is retained, late, early, of another gateway, unsigned or seen before is refused and
recorded.  A command raises or lowers the threat level, or has the list synced; none opens a door.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from gateway.ledger import LedgerUnavailable
from gateway.ledger.chain import canonical
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import GaritaError
from gateway.locale.text import tidy
from gateway.vault.files import DamagedFile, FileThread, read_object, write_json

log = logging.getLogger("garita.daemon.commands")

MESSAGE_LIMIT = 4096
LONGEST = timedelta(minutes=10)  # from issue to expiry
EARLY = timedelta(seconds=60)  # how far the sender's clock may be ahead
MAX_COUNTER = 2**62
WAITING = 8
GATHER_S = 10.0  # refusals are recorded at once, then at most this often


class Refused(GaritaError):
    """A command that is not carried out; the message says why and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class SenderKey:
    """One sender: their public key, and which commands they may give."""

    public: Ed25519PublicKey
    commands: frozenset[str]


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is good: signed by `key`, for us, in time."""

    key: str
    name: str
    by: str
    counter: int
    body: Mapping[str, Any]


def sender_key(public_key: str, commands: list[str]) -> SenderKey:
    """From the configuration; `public_key` is 32 bytes in base64."""
    raw = base64.b64decode(public_key)
    return SenderKey(Ed25519PublicKey.from_public_bytes(raw), frozenset(commands))


def sign(body: Mapping[str, Any], key_name: str, private: Ed25519PrivateKey) -> str:
    """The message for a body; for the sender's side."""
    signature = base64.b64encode(private.sign(canonical(body).encode())).decode()
    return json.dumps({"key": key_name, "body": body, "signature": signature}, ensure_ascii=False)


def verify(
    payload: Any, keys: Mapping[str, SenderKey], gateway: str, now: datetime, *, retained: bool
) -> Command:
    """The command in a message that arrived at `now`; raises Refused."""
    if retained:
        raise Refused("retained")
    if not isinstance(payload, bytes | bytearray) or len(payload) > MESSAGE_LIMIT:
        raise Refused("too long")
    try:
        message = json.loads(payload)
        name, body = message["key"], message["body"]
        signature = base64.b64decode(message["signature"], validate=True)
        signed = canonical(body).encode()
        if not isinstance(body, dict) or not isinstance(name, str):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Refused("not in its form") from error
    key = keys.get(name)
    if key is None:
        raise Refused("unknown key")
    try:
        key.public.verify(signature, signed)
    except InvalidSignature as error:
        raise Refused("the signature is wrong") from error
    # From here on it is the sender's word, if not necessarily for us, new, or wise.
    try:
        whom, command, by = str(body["gateway"]), str(body["command"]), tidy(body["by"], 100)
        counter = body["counter"]
        issued = datetime.fromisoformat(body["issued"])
        expires = datetime.fromisoformat(body["expires"])
        late, early = now > expires, issued > now + EARLY
        too_long = not timedelta(0) < expires - issued <= LONGEST
    except (ValueError, TypeError, KeyError) as error:  # TypeError: a time without a zone
        raise Refused("not in its form") from error
    if not isinstance(counter, int) or isinstance(counter, bool) or not 0 < counter < MAX_COUNTER:
        raise Refused("not in its form")
    if whom != gateway:
        raise Refused("for another gateway")
    if late:
        raise Refused("expired")
    if early:
        raise Refused("issued in the future")
    if too_long:
        raise Refused(f"valid for more than {LONGEST.total_seconds():.0f} s")
    if command not in key.commands:
        raise Refused("not allowed to this key")
    return Command(name, command, by, counter, body)


class Counters:
    """The last counter of each key, on disk before its command is carried out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = FileThread("command counters")
        self._last: dict[str, int] | None = None

    async def take(self, command: Command) -> None:
        """Count `command` as taken.  Raises Refused if one with its counter or a later one was
        taken before, or if the counters can't be read or written."""
        await self._files.run(self._take, command)

    def _take(self, command: Command) -> None:
        try:
            last = self._last if self._last is not None else self._read()
            if command.counter <= last.get(command.key, 0):
                raise Refused("seen before")
            fresh = {**last, command.key: command.counter}
            write_json(self._path, fresh)
        except (OSError, DamagedFile, ValueError, TypeError) as error:
            log.error("%s: %s", self._path, error)
            raise Refused("the counters can't be read or written") from error
        self._last = fresh

    def _read(self) -> dict[str, int]:
        try:
            found = read_object(self._path)
        except FileNotFoundError:
            return {}
        return {key: int(value) for key, value in found.items()}


Handler = Callable[[Command], Awaitable[Mapping[str, Any]]]


class RemoteCommands:
    """Takes messages as they come and carries commands out one after the other.

    `handlers` by the name of the command; what one returns goes into the record.
    """

    def __init__(
        self,
        gateway: str,
        keys: Mapping[str, SenderKey],
        counters: Counters,
        handlers: Mapping[str, Handler],
        append: Callable[[NewEvent], Awaitable[Event]],
        now: Callable[[], tuple[datetime, bool]],
    ) -> None:
        self._gateway = gateway
        self._keys = keys
        self._counters = counters
        self._handlers = dict(handlers)
        self._append = append
        self._now = now
        self._queue: asyncio.Queue[tuple[Any, bool, float | None]] = asyncio.Queue(WAITING)
        self._refused: dict[str, int] = {}
        self._quiet_until = 0.0

    def handle(self, name: str, handler: Handler) -> None:
        """Have another part carry out the commands of that name."""
        self._handlers[name] = handler

    def receive(self, payload: Any, retained: bool, expires_at: float | None = None) -> None:
        """A message arrived; returns at once.  At `expires_at` of the loop's clock (seconds) the
        message expires, if its sender said so (MQTT 5)."""
        try:
            self._queue.put_nowait((payload, retained, expires_at))
        except asyncio.QueueFull:
            self._count("too many wait")

    async def run(self) -> None:
        """Carry commands out for ever."""
        while True:
            try:
                async with asyncio.timeout(GATHER_S if self._refused else None):
                    payload, retained, expires_at = await self._queue.get()
            except TimeoutError:
                await self._tell()
                continue
            try:
                if expires_at is not None and asyncio.get_running_loop().time() >= expires_at:
                    raise Refused("expired on its way")
                await self.carry_out(payload, retained=retained)
            except Refused as error:
                self._count(str(error))
                await self._tell()
            except LedgerUnavailable as error:
                log.critical("a command can't be recorded: %s", error)

    async def carry_out(self, payload: Any, *, retained: bool) -> None:
        """One message; raises Refused, or LedgerUnavailable if its effect is not on record."""
        now, trusted = self._now()
        command = verify(payload, self._keys, self._gateway, now, retained=retained)
        if not trusted:
            raise Refused("the clock is not to be trusted")
        handler = self._handlers.get(command.name)
        if handler is None:
            raise Refused("not known here")
        await self._counters.take(command)
        data = {"command": command.name, "key": command.key, "by": command.by}
        accepted = {**data, "counter": command.counter}
        try:
            more = await handler(command)
        finally:
            await self._append(NewEvent(EventType.COMMAND_ACCEPTED, self._gateway, accepted))
        log.warning("command %s of %s (%s): %s", command.name, command.by, command.key, dict(more))

    def _count(self, why: str) -> None:
        self._refused[why] = self._refused.get(why, 0) + 1

    async def _tell(self) -> None:
        if not self._refused or time.monotonic() < self._quiet_until:
            return
        refused, self._refused = self._refused, {}
        self._quiet_until = time.monotonic() + GATHER_S
        data = {"why": ", ".join(sorted(refused)), "count": sum(refused.values())}
        log.warning("commands refused (%d): %s", data["count"], data["why"])
        try:
            await self._append(NewEvent(EventType.COMMAND_REFUSED, self._gateway, data))
        except LedgerUnavailable as error:
            log.critical("a refused command is not on record: %s", error)
