"""The collector at work: messages in, transactions out, acknowledgements back.

One thread does it all in turn: it renews the leases, takes what came, writes it, acknowledges it,
publishes cosignatures and asks for what is missing.  If the database does not answer, the batch
stays in hand and is written to whoever answers next; nothing that was read before is believed then.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from gateway.collector import schema
from gateway.collector.alarms import Alarm, raise_alarms
from gateway.collector.config import MOST_GATEWAYS, CollectorTable
from gateway.collector.database import Database, listed
from gateway.collector.heads import Heads
from gateway.collector.intake import Arrival, Intake
from gateway.collector.judge import Answered, Delivery, Judged, Poison, Said, judge
from gateway.collector.leases import LeaseLost, Leases
from gateway.collector.measures import Measures
from gateway.collector.ownfile import OwnFile
from gateway.collector.replay import Replays
from gateway.collector.sink import Sink, Written
from gateway.proof.note import COSIGNATURE, Signer
from gateway.vault import signkey

log = logging.getLogger("garita.collector")

WAIT_S = 0.2  # for messages, between two looks at what else is due
SETTLE_S = 0.5  # what is under way from another broker may fill a hole by itself
ANEW_S = 60.0  # so often a gateway is asked for its log from the beginning
RETRY_S = (0.5, 15.0)  # after a failure of the database
NAME = "garita-collect"


@dataclass(slots=True)
class Taken:
    """A message in hand: what it is, and where to acknowledge it."""

    judged: Judged
    arrival: Arrival


class Collector:
    """`run` works until `stop` is set."""

    def __init__(self, config: CollectorTable, database: Database) -> None:
        self._config = config
        self._database = database
        self._intake = Intake(config.mqtt, client_id=f"{NAME}-{config.name}", batch=config.batch)
        self._leases = Leases(config.name, ttl_s=config.lease_s) if config.is_postgres else None
        keys = {name: table.vkey for name, table in config.gateways.items()}
        self._mirror = mirror(config)
        self._heads = Heads(keys, self._mirror)
        self._file = OwnFile(None if config.is_postgres else Path(config.database))
        self._sink = Sink(
            database,
            self._heads,
            base=config.mqtt.base_topic,
            run=self._leases.run if self._leases else None,
        )
        self._asker = config.name.replace(".", "_")[:40]
        self._replays = Replays(self._asker, config.replay_per_s)
        self._measures = Measures(config, lambda: self._intake.connected)
        self._held: dict[str, int] = {}
        """The gateways that are ours, with the fence of each."""
        self._joined = False
        self._known: set[str] = set()
        self._anew: dict[str, float] = {}
        self._pending: list[Taken] = []
        self._renew_at = 0.0
        self.stop = threading.Event()

    def run(self) -> None:
        """Collect.  Raises Superseded, ForeignDatabase, CredentialError or SignKeyError."""
        pause = RETRY_S[0]
        started = False
        self._measures.start()
        try:
            while not self.stop.is_set():
                try:
                    with self._connected() as (db, raw):
                        if not started:
                            self._intake.start()
                            started = True
                        pause = RETRY_S[0]
                        self._measures.database_up = True
                        self._work(db, raw)
                except (DBAPIError, psycopg.Error, OSError) as error:
                    self._measures.database_up = False
                    self._file.doubt(error)
                    log.warning("%s: %s", self._database.reached, _short(error))
                    self._database.forget()
                    self.stop.wait(pause)
                    pause = min(pause * 2, RETRY_S[1])
        finally:
            if started:
                self._intake.stop()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[tuple[Connection, psycopg.Connection[Any] | None]]:
        """A connection for the records and one for the leases."""
        self._file.hold()
        schema.upgrade(self._database.engine)
        self._file.opened()
        self._heads.use(None if self._file.silent else self._mirror)
        with self._database.engine.connect() as db:
            self._learn(db)
            self._renew_at = 0.0
            self._held = {}  # what answers now may lack what we have seen stored
            if self._leases is None:
                yield db, None
                return
            with psycopg.connect(**self._config.connection_facts(), autocommit=True) as raw:
                if not self._joined:
                    self._leases.join(raw)
                    self._joined = True
                try:
                    yield db, raw
                finally:
                    if self.stop.is_set():
                        with contextlib.suppress(psycopg.Error):
                            self._leases.leave(raw)

    def _learn(self, db: Connection) -> None:
        """The gateways of the configuration, and those that were heard of before."""
        for name in self._config.gateways:
            db.execute(
                text(
                    "INSERT INTO gateways (name, configured) VALUES (:name, :yes)"
                    " ON CONFLICT (name) DO UPDATE SET configured = :yes"
                ),
                {"name": name, "yes": True},
            )
        self._tell_lost(db, self._config.gateways)
        db.commit()
        self._known = set(db.execute(text("SELECT name FROM gateways")).scalars())
        db.rollback()

    def _tell_lost(self, db: Connection, names: Iterable[str]) -> None:
        """What was stored of these gateways is lost, if the file of before was put aside."""
        if lost := self._file.lost:
            alarms = [Alarm(name, "database_lost", lost, {"aside": lost}) for name in names]
            raise_alarms(db, alarms)
            self._measures.alarmed(alarms)

    def _work(self, db: Connection, raw: psycopg.Connection[Any] | None) -> None:
        while not self.stop.is_set():
            self._renew(db, raw)
            if not self._pending:
                arrivals = self._intake.take(self._config.batch, WAIT_S)
                self._pending = self._sorted(db, arrivals)
            if self._pending:
                self._store(db)
            for request in self._replays.due(time.monotonic()):
                log.debug("ask %s for %d to %d", request.gateway, request.first, request.last)
                self._intake.ask(request.gateway, request.payload())

    # Leases

    def _renew(self, db: Connection, raw: psycopg.Connection[Any] | None) -> None:
        now = time.monotonic()
        if now < self._renew_at:
            return
        self._renew_at = now + self._config.lease_s / 3
        self._file.look()
        if self._leases is None or raw is None:
            wanted = self._known if self._config.discover else set(self._config.gateways)
            self._own(db, dict.fromkeys(wanted, 0))
            return
        plan = self._leases.renew(raw)
        if plan.give_up:
            self._leases.release(raw, plan.give_up)
        allowed = None if self._config.discover else self._config.gateways.keys()
        self._own(
            db,
            {
                name: fence
                for name, fence in plan.held.items()
                if name not in plan.give_up and (allowed is None or name in allowed)
            },
        )

    def _own(self, db: Connection, held: dict[str, int]) -> None:
        """These gateways are ours; of each new one ask what we lack."""
        new = [name for name, fence in held.items() if self._held.get(name) != fence]
        gone = self._held.keys() - held.keys()
        self._held = held
        if not new and not gone:
            return
        log.info("%d gateways are read here", len(held))
        self._intake.own(held.keys())
        for name in gone:
            self._replays.forget(name)
        now = time.monotonic()
        for name, contiguous in self._contiguous(db, new).items():
            self._replays.want(name, contiguous, now=now + SETTLE_S)

    @staticmethod
    def _contiguous(db: Connection, names: Collection[str]) -> dict[str, int]:
        """How far the newest origin of each gateway is stored."""
        found = dict.fromkeys(names, 0)
        sql = (
            "SELECT o.gateway, c.contiguous FROM origins o JOIN cursors c ON c.origin = o.id"
            " WHERE o.gateway IN :names ORDER BY o.id"
        )
        if names:
            for gateway, contiguous in db.execute(listed(sql, "names"), {"names": list(names)}):
                found[gateway] = contiguous
        db.rollback()
        return found

    # Messages

    def _sorted(self, db: Connection, arrivals: Iterable[Arrival]) -> list[Taken]:
        """What is for us, judged; the rest is acknowledged at once: nobody waits for it."""
        found: list[Taken] = []
        others: list[Arrival] = []
        for one in arrivals:
            judged = judge(self._intake.base, one.delivery)
            if judged is None or not self._is_ours(db, judged):
                others.append(one)
            else:
                found.append(Taken(judged, one))
        self._intake.acknowledge(others)
        return found

    def _is_ours(self, db: Connection, judged: Judged) -> bool:
        name = judged.gateway
        if name not in self._known and isinstance(judged, Said) and self._config.discover:
            self._discover(db, name)
        if name not in self._held:
            return False
        if isinstance(judged, Said) and judged.text == "online":
            self._replays.again(name, time.monotonic())
        if isinstance(judged, Answered):
            self._replays.answered(name, judged.id, judged.count, time.monotonic())
            return False
        return True

    def _discover(self, db: Connection, name: str) -> None:
        if len(self._known) >= MOST_GATEWAYS:
            return
        with db.begin():
            db.execute(
                text("INSERT INTO gateways (name) VALUES (:name) ON CONFLICT DO NOTHING"),
                {"name": name},
            )
            self._tell_lost(db, [name])
        self._known.add(name)
        self._renew_at = 0.0
        log.info("heard of a new gateway: %s", name)

    def _store(self, db: Connection) -> None:
        """Write what is in hand, then acknowledge it.  It stays in hand if the database fails."""
        try:
            written = self._write(db, self._pending)
        except LeaseLost as lost:
            log.warning("%s", lost)
            self._held = {n: f for n, f in self._held.items() if n not in lost.gateways}
            self._intake.own(self._held.keys())
            self._renew_at = 0.0
            gone = [one for one in self._pending if one.judged.gateway not in self._held]
            self._pending = [one for one in self._pending if one.judged.gateway in self._held]
            self._intake.acknowledge(one.arrival for one in gone)
            return
        self._intake.acknowledge(one.arrival for one in self._pending)
        self._pending = []
        self._after(written)

    def _write(self, db: Connection, taken: Sequence[Taken]) -> list[Written]:
        """One transaction; if the database refuses what stands in a message, one for each, and that
        message is put aside."""
        try:
            return [self._timed(db, [one.judged for one in taken])]
        except (DataError, IntegrityError, UnicodeError, StatementError) as error:
            if isinstance(error, DBAPIError) and not isinstance(error, DataError | IntegrityError):
                raise
            db.rollback()
            if len(taken) > 1:
                half = len(taken) // 2
                return self._write(db, taken[:half]) + self._write(db, taken[half:])
            log.error("the database does not take a message: %s", _short(error))
            one = taken[0]
            poison = Poison(one.judged.gateway, _sized(one.arrival.delivery), "not_stored")
            return [self._timed(db, [poison])]

    def _timed(self, db: Connection, batch: Sequence[Judged]) -> Written:
        begun = time.monotonic()
        done = self._sink.write(db, batch, self._held)
        self._measures.wrote(done.records, done.alarms, time.monotonic() - begun)
        return done

    def _after(self, written: Iterable[Written]) -> None:
        now = time.monotonic()
        for done in written:
            for gateway, contiguous in done.stored.items():
                self._replays.stored(gateway, contiguous, now)
            for gateway, (after, upto) in done.missing.items():
                if upto > after:
                    self._replays.want(gateway, after, upto, now=now + SETTLE_S)
            for gateway in done.unknown:
                if now - self._anew.get(gateway, -ANEW_S) >= ANEW_S:
                    self._anew[gateway] = now
                    self._replays.want(gateway, 0, now=now + SETTLE_S)
            for gateway, note in done.cosigned:
                assert self._mirror is not None
                topic = f"{self._intake.base}/{gateway}/cosigned/{self._mirror.name}"
                self._intake.publish(topic, note)
            for alarm in done.alarms:
                log.warning("%s: %s %s", alarm.gateway, alarm.kind, alarm.about)


def mirror(config: CollectorTable) -> Signer | None:
    """The key with which this headquarters cosigns; made if there is none.  Raises SignKeyError."""
    if config.mirror is None:
        return None
    return Signer(config.mirror.name, signkey.load_or_make(config.mirror.key_file), COSIGNATURE)


def open_database(config: CollectorTable) -> Database:
    """The database of the configuration; nothing is connected yet."""
    if config.is_postgres:
        return Database.postgres(config.connection_facts, ttl_s=config.lease_s)
    return Database.sqlite(Path(config.database))


def _sized(delivery: Delivery) -> Delivery:
    return Delivery(delivery.broker, delivery.topic.replace("\0", ""), delivery.payload)


def _short(error: BaseException) -> str:
    """The first line, without the statement and its values."""
    origin = getattr(error, "orig", None) or error
    return f"{type(origin).__name__}: {str(origin).splitlines()[0] if str(origin) else ''}"
