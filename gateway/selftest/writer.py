"""The work of most trials: what the gateway must never lose, without its doors and devices.

It opens the log as the daemon does, and then, in an order that chance gives, records badges one by
one and many at once, signs checkpoints, gives temporary grants in people.db and moves their events
to the log, and replaces a small file.  Each thing is told to the world outside *after* the gateway
takes it for done: then a door would open, or a broker would have it.  `say` tells it.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import config
from gateway.daemon.__main__ import NEEDS_A_PERSON, TRY_AGAIN
from gateway.daemon.checkpoints import Checkpoints
from gateway.daemon.openlog import open_log
from gateway.daemon.outbox import Outbox
from gateway.ledger import Ledger, LedgerDamaged, LedgerUnavailable
from gateway.ledger.event import EventType, NewEvent
from gateway.people.lookup import RosterUnavailable
from gateway.people.permits import add_grant
from gateway.people.schema import migrate, open_admin
from gateway.vault import logkey
from gateway.vault.files import FileThread, write_json
from gateway.vault.sitekey import SiteKey

Say = Callable[..., None]
FAILS = (LedgerUnavailable, RosterUnavailable, OSError, sqlite3.Error)
"""What a disk that fails makes of an act: it is refused, and the gate goes on."""
SMALL = "soak.json"
PERSON = "soak"


def work(path: Path, seed: int, say: Say) -> int:
    """Do some 40 things with the gate of the configuration `path`, then stop in order; returns the
    exit code that the daemon has."""
    settings = config.load(path)
    with suppress(RosterUnavailable):
        migrate(settings.people_path)
    try:
        ledger = open_log(settings)
    except LedgerDamaged:
        return NEEDS_A_PERSON
    except LedgerUnavailable:
        return TRY_AGAIN
    say("open", chain=ledger.chain, seq=ledger.last_seq)
    try:
        asyncio.run(_Work(settings, ledger, seed, say).run())
    finally:
        ledger.close()
    return 0


class _Work:
    def __init__(self, settings: config.Settings, ledger: Ledger, seed: int, say: Say) -> None:
        self._settings, self._ledger, self._say = settings, ledger, say
        self._chance = random.Random(seed)  # noqa: S311 - a trial that can be repeated
        self._acts = FileThread("acts")
        self._seed = seed
        self._count = 0
        self._checkpoints: Checkpoints | None = None

    async def run(self) -> None:
        settings = self._settings
        gateway = settings.site.gateway
        try:
            site_key = SiteKey.load(settings.tables.site.key_file)
            key = logkey.load_or_make(settings.log_key_path, site_key)
        except logkey.LogKeyError as error:  # the gate goes on without checkpoints
            self._say("damage", why=str(error))
        else:
            self._checkpoints = self._made(gateway, key)
        self._outbox = Outbox(settings.people_path, self._ledger.append, lambda: self._ledger.chain)
        things = (self._badge, self._rush, self._sign, self._act, self._move, self._file)
        for _ in range(40):
            thing = self._chance.choices(things, (12, 3, 2, 2, 2, 2))[0]
            with suppress(*FAILS):
                await thing()
        with suppress(*FAILS):
            await self._move()
        await self._sign()
        self._acts.close()

    def _made(self, gateway: str, key: Ed25519PrivateKey) -> Checkpoints:
        settings = self._settings
        return Checkpoints(
            ledger=self._ledger,
            gateway=gateway,
            name=f"{settings.tables.log.name}/{gateway}",
            key=key,
            path=settings.head_path,
            every=1000,
            minutes=60,
            facts=dict,
            broker=False,
        )

    def _event(self) -> NewEvent:
        self._count += 1
        data = {"reason": "granted", "n": self._count, "text": "x" * self._chance.randrange(600)}
        return NewEvent(EventType.ACCESS_GRANTED, "yard", data)

    async def _badge(self) -> None:
        record = await self._ledger.append(self._event())
        self._say("record", seq=record.seq, id=record.id, hash=record.hash)

    async def _rush(self) -> None:
        many = [self._event() for _ in range(self._chance.randrange(2, 20))]
        for done in asyncio.as_completed([self._ledger.append(event) for event in many]):
            record = await done
            self._say("record", seq=record.seq, id=record.id, hash=record.hash)

    async def _sign(self) -> None:
        note = await self._checkpoints.make() if self._checkpoints is not None else None
        if note is not None:
            self._say("checkpoint", note=note.write())

    async def _act(self) -> None:
        number = await self._acts.run(self._grant)
        self._say("act", number=number)

    def _grant(self) -> int:
        now = datetime.now(UTC)
        with closing(open_admin(self._settings.people_path)) as db:
            until = now + timedelta(hours=1)
            return add_grant(db, PERSON, "door", "yard", now, until, why="soak", by="soak")

    async def _move(self) -> None:
        await self._outbox.move()

    async def _file(self) -> None:
        self._count += 1
        held: dict[str, Any] = {"seed": self._seed, "n": self._count}
        await asyncio.to_thread(
            write_json, self._settings.tables.site.data_dir / SMALL, {**held, "pad": "y" * 3000}
        )
        self._say("file", **held)
