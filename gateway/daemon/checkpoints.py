"""Signs the head of the log now and then, so that nobody can cut it or write it anew unseen.

A checkpoint is made at the start and the stop, after so many records, after so many minutes in
which something was recorded, and after an hour in which nothing was: a log without a heartbeat can
be cut, and the cut looks like a quiet night.  Just before each, one record says what a checkpoint
has no room for: the state of the clock, this boot, the versions of list, policy and program.

No door waits for any of this.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config import Settings
from gateway.daemon.control import Refused
from gateway.ledger import Ledger, LedgerUnavailable
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.origin import Known
from gateway.ledger.pen import Head
from gateway.locale import worded
from gateway.proof.checkpoint import Checkpoint, open_checkpoint, sign
from gateway.proof.keychange import sign_change
from gateway.proof.note import Note, NoteError, Signer, parse
from gateway.vault.statefile import StateFile, Tell, json_object, log_damage

log = logging.getLogger("garita.daemon.checkpoints")

LOOK_EVERY_S = 1.0
HEARTBEAT_S = 3600.0
BROKER_S = 30.0  # so long the first checkpoint of a run waits for the broker


def head_file(path: Path, tell: Tell = log_damage) -> StateFile[dict[str, Any]]:
    """The file of the head that was signed last: an older one claims less, and never too much."""
    return StateFile(path, json_object, tell=tell)


class Checkpoints:
    """Signs the log of the gateway `name` (its origin's name without the chain) with `key`.

    A checkpoint is due after `every` records, after `minutes` with a record in them, and after an
    hour.  `facts()` is what the record before each says; each checkpoint is also written to `path`.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        gateway: str,
        name: str,
        key: Ed25519PrivateKey,
        path: Path,
        every: int,
        minutes: float,
        facts: Callable[[], Mapping[str, Any]],
        broker: bool,
        tell: Tell = log_damage,
    ) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._name = name
        self._key = key
        self._file = head_file(path, tell)
        self._every = every
        self._quiet_s = minutes * 60
        self._facts = facts
        self._wait_s = BROKER_S if broker else 0.0
        self._asked = asyncio.Event()
        self._ask_first: Callable[[], Awaitable[None]] | None = None
        self._made_at = 0.0
        self._made_seq = 0
        self._anew = False  # a new origin began after the newest checkpoint
        self._one_at_a_time = asyncio.Lock()
        self._changing = False  # whether a change of key is not known to be on record
        self.newest: Note | None = None
        """The newest checkpoint of this run."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        ledger: Ledger,
        key: Ed25519PrivateKey,
        *,
        facts: Callable[[], Mapping[str, Any]],
        broker: bool,
        tell: Tell = log_damage,
    ) -> Self:
        """Those of the gateway of `settings`."""
        table, gateway = settings.tables.log, settings.site.gateway
        return cls(
            ledger=ledger,
            gateway=gateway,
            name=f"{table.name}/{gateway}",
            key=key,
            path=settings.head_path,
            tell=tell,
            every=table.checkpoint_records,
            minutes=table.checkpoint_minutes,
            facts=facts,
            broker=broker,
        )

    def signer(self) -> Signer:
        """The key under the name of the present origin."""
        return Signer(f"{self._name}/{self._ledger.chain}", self._key)

    @property
    def text(self) -> str:
        """The newest checkpoint of this run, "" before the first."""
        return self.newest.write() if self.newest is not None else ""

    async def asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Somebody at the box wants a checkpoint now; raises Refused if there can't be one."""
        if await self.make() is None:
            raise Refused(worded("the log can't be signed now: try again in a minute"))
        return {"checkpoint": self.text}

    async def judge(self, payload: bytes) -> None:
        """The broker holds this checkpoint of ours (empty: none): begin a new origin if it is of
        records that the log does not have."""
        if payload:
            await self.hold_against(payload, "broker")
        self._asked.set()

    def ask_first(self, ask: Callable[[], Awaitable[None]]) -> None:
        """Have `ask`, which ends within seconds, called before the first checkpoint of the run."""
        self._ask_first = ask

    def cosigned(self, note: Note) -> None:
        """Others cosigned the checkpoint `note`: show it with what they signed, if it is still the
        newest."""
        if self.newest is not None and self.newest.text == note.text:
            self.newest = note

    async def run(self) -> None:
        """Make a checkpoint whenever one is due, for ever.

        The first one waits a little for what the broker and the witnesses hold: a disk image that
        was put back would otherwise sign a second history under the name of the first.
        """
        clock = asyncio.get_running_loop().time
        if self._ask_first is not None:
            await self._ask_first()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                await self._asked.wait()
        while True:
            if self._due(clock()):
                await self.make()
            await asyncio.sleep(LOOK_EVERY_S)

    async def hold_against(self, payload: bytes, source: str) -> None:
        """Compare the log with a checkpoint that it published earlier, which `source` has.

        Only what our own key signed counts: nobody else can make the log begin anew.
        """
        try:
            note = parse(payload)
            origin, _, chain = note.text.split("\n", 1)[0].rpartition("/")
            if origin != self._name:
                return
            key = Signer(f"{origin}/{chain}", self._key).key
            head = open_checkpoint(note, key)
        except NoteError as error:
            log.warning("%s holds a checkpoint that is not ours: %s", source, error)
            return
        same = chain == self._ledger.chain
        seq = (self._ledger.first_seq if same else 1) + head.size - 1
        try:
            mine = await self._ledger.root_at(head.size) if same else None
            another = mine is not None and mine != head.root
            # No record has that hash: so the log is held to be another one from `seq` on.
            known = Known(source, chain, seq, head.root.hex() if another else "")
            if await self._ledger.begin_origin([known]) is not None:
                self._anew = True
                told = dict(self._ledger.follows or {})
                await self._ledger.append(NewEvent(EventType.ALARM_LOG_LOST, self._gateway, told))
        except LedgerUnavailable as error:
            log.warning("the log can't be held against what %s knows: %s", source, error)

    def _due(self, now: float) -> bool:
        if self.newest is None or self._anew:
            return True
        new, since = self._ledger.last_seq - self._made_seq, now - self._made_at
        return new >= self._every or (new > 0 and since > self._quiet_s) or since > HEARTBEAT_S

    async def make(self, *last: NewEvent) -> Note | None:
        """A new checkpoint, on the disk when this returns; the events `last` are recorded between
        what it binds and it.

        None if there can't be one now: the tree of an old log is still being computed, or the disk
        is full.  The next one is tried when it is due.
        """
        async with self._one_at_a_time:
            if self._changing:
                return None
            self._made_at = asyncio.get_running_loop().time()
            try:
                data = {"key": str(self.signer().key), **self._facts()}
                bound = NewEvent(EventType.LEDGER_CHECKPOINT, self._gateway, data)
                for event in (bound, *last):
                    await self._ledger.append(event)
                signed = await self._ledger.sign(self._signed)
                if signed is None:
                    log.info("no checkpoint yet: the tree of the log is being computed")
                    return None
                head, note = signed
                held = {"chain": head.chain, "seq": head.seq, "hash": head.hash}
                kept = {**held, "checkpoint": note.write()}
                await asyncio.to_thread(self._file.write, json.dumps(kept).encode())
            except (LedgerUnavailable, OSError) as error:
                log.warning("no checkpoint of the log: %s", error)
                return None
            self._made_seq, self.newest, self._anew = head.seq, note, False
            return note

    async def change_key(
        self, prepare: Callable[[], Ed25519PrivateKey], data: Mapping[str, Any]
    ) -> Ed25519PrivateKey | None:
        """Go on with the new key that `prepare` makes: the record of that, which both keys sign,
        comes first.  `data` goes into the record too.

        Returns the new key; None if the record is not known to be on disk.  Then nothing is signed
        any more until the next start, which looks whether it is: see daemon/logkeys.py.  Raises
        what `prepare` raises.
        """
        async with self._one_at_a_time:
            made = await asyncio.to_thread(prepare)
            old = self.signer()
            note = sign_change(old, Signer(old.name, made))
            event = NewEvent(EventType.LEDGER_KEY_CHANGED, self._gateway, {**data, "note": note})
            self._changing = True
            try:
                await self._ledger.append(event)
            except LedgerUnavailable as error:
                log.error("the log's key is not changed, and nothing is signed: %s", error)
                return None
            self._key, self._changing, self._anew = made, False, True
            return made

    def _signed(self, head: Head) -> Note:
        signer = Signer(f"{self._name}/{head.chain}", self._key)
        return sign(Checkpoint(signer.name, head.size, head.root), signer)
