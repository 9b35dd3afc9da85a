"""Writes a batch of messages into the database: one transaction, and nothing twice.

A transaction begins with the fence (leases.py) and locks the cursors of the gateways that it is
about, so what it reads of them holds until it ends.  It may be done again after any failure: what
is stored already is compared and not stored again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, text

from gateway.collector import leases
from gateway.collector.alarms import Alarm, raise_alarms
from gateway.collector.aside import Aside
from gateway.collector.database import Database, listed
from gateway.collector.heads import Heads
from gateway.collector.judge import Head, Judged, Poison, Record, Said
from gateway.collector.placing import Origin, Placed, Places
from gateway.locale import GaritaError, worded
from gateway.proof.merkle import HASH_SIZE, Frontier
from gateway.proof.tiles import split

FAR = 1_000_000
"""A number so far ahead of what is stored is not taken for the gateway's newest."""


class SinkError(GaritaError):
    """What is in the database contradicts its cursors."""


@dataclass(slots=True)
class Written:
    """What a transaction did."""

    stored: dict[str, int] = field(default_factory=dict)
    """Of each gateway of which records were added: up to which number all are stored, of the
    origin that moved last."""
    missing: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Gateways with a hole: the contiguous number, and the highest that is known."""
    unknown: set[str] = field(default_factory=set)
    """Gateways that sent a record of an origin whose beginning is missing, and whose number an
    older origin has."""
    cosigned: list[tuple[str, str]] = field(default_factory=list)
    """Gateways, each with a checkpoint that has our cosignature."""
    records: int = 0
    alarms: list[Alarm] = field(default_factory=list)


class Sink:
    """`base` is the base topic; `heads` judges checkpoints; `run` is this collector's (None: the
    database is ours alone, there are no leases)."""

    def __init__(self, database: Database, heads: Heads, *, base: str, run: str | None) -> None:
        self._database = database
        self._heads = heads
        self._base = base
        self._run = run

    def write(
        self, connection: Connection, batch: Sequence[Judged], fences: Mapping[str, int]
    ) -> Written:
        """Write what was judged, in the order in which it came; returns after the commit.

        `fences` has the lease of each gateway that the batch is about.  Raises LeaseLost (nothing
        is written), SinkError, or SQLAlchemy's error.
        """
        if not batch:
            return Written()
        times = [one.time for one in batch if isinstance(one, Record)]
        self._database.make_months(connection, times)
        with connection.begin():
            if self._run is not None:
                # -1: not even a gateway of which nobody said that it is ours gets through.
                held = {one.gateway: fences.get(one.gateway, -1) for one in batch}
                leases.check(_cursor(connection), self._run, held)
            return _Writing(connection, self._database, self._base, self._heads).write(batch)


class _Writing:
    """One transaction."""

    def __init__(self, connection: Connection, database: Database, base: str, heads: Heads) -> None:
        self._db = connection
        self._database = database
        self._heads = heads
        self._done = Written()
        self._aside = Aside(connection, base)

    def write(self, batch: Sequence[Judged]) -> Written:
        names = sorted({one.gateway for one in batch})
        self._hear(names, batch)
        records = [one for one in batch if isinstance(one, Record)]
        places = Places(self._origins(names))
        for record in records:
            places.place(record)
        self._aside.count(names)
        drained = self._aside.drain(places)
        self._store(places)
        self._aside.settle(places, drained)
        self._aside.quarantine([one for one in batch if isinstance(one, Poison)])
        heads = [one for one in batch if isinstance(one, Head)]
        found = self._heads.judge(self._db, places, heads)
        self._done.cosigned = found.cosigned
        if found.poison:
            self._aside.quarantine(found.poison)
        self._look_for_holes(places, names, found.newest)
        self._done.alarms += self._aside.alarms + found.alarms
        raise_alarms(self._db, self._done.alarms)
        self._done.records = len(places.placed.fresh)
        return self._done

    # What is there

    def _hear(self, names: list[str], batch: Sequence[Judged]) -> None:
        known = "INSERT INTO gateways (name) VALUES (:name) ON CONFLICT DO NOTHING"
        there = set(
            self._db.execute(
                listed("SELECT name FROM gateways WHERE name IN :names", "names"), {"names": names}
            ).scalars()
        )
        if new := [{"name": name} for name in names if name not in there]:
            self._db.execute(text(known), new)
        self._db.execute(
            listed("UPDATE gateways SET heard = CURRENT_TIMESTAMP WHERE name IN :names", "names"),
            {"names": names},
        )
        for said in (one for one in batch if isinstance(one, Said)):
            if said.what == "status":
                sql = "UPDATE gateways SET status = :text, status_at = CURRENT_TIMESTAMP"
            else:
                sql = "UPDATE gateways SET state = :text"
            self._db.execute(
                text(f"{sql} WHERE name = :name"), {"text": said.text, "name": said.gateway}
            )

    def _origins(self, names: list[str]) -> Iterable[Origin]:
        sql = listed(_ORIGINS + self._database.locked, "names")
        for row in self._db.execute(sql, {"names": names}):
            yield Origin(
                gateway=row.gateway,
                chain=row.chain,
                first=row.first,
                prev=bytes(row.prev),
                contiguous=row.contiguous,
                hash=bytes(row.hash),
                tree=Frontier(row.size, split(bytes(row.roots))),
                id=row.id,
                stored=row.contiguous,
                proven_size=row.proven_size,
                proven_roots=bytes(row.proven_roots),
            )

    # Writing

    def _store(self, places: Places) -> None:
        placed = places.placed
        for origin in (one for known in places.of.values() for one in known if one.id is None):
            self._begin(origin)
        rows = [
            (n, origin.id, *_columns(record)) for n, (origin, record) in enumerate(placed.fresh)
        ]
        if rows:
            self._database.load(self._db, rows)
            count = self._db.execute(text(_INSERT)).rowcount
            if count != len(rows):
                raise SinkError(
                    worded("the database holds records that its cursors do not know: verify it")
                )
            self._aside.absolve()
            self._db.execute(text("DELETE FROM batch"))
            self._move(places)
        for origin, record in placed.fresh:
            if record.omitted:
                data = {"seq": record.seq, "type": record.type}
                self._done.alarms.append(Alarm(origin.gateway, "no_data", str(record.seq), data))
        self._compare(placed)
        self._aside.keep(places.early)
        self._aside.conflict(placed.conflicts, None)

    def _begin(self, origin: Origin) -> None:
        opening = origin.opening
        assert opening is not None
        told: Mapping[str, Any] = opening.follows or {}
        values = {
            "gateway": origin.gateway,
            "chain": origin.chain,
            "first": origin.first,
            "prev": origin.prev,
            "began": opening.time,
            "follows_chain": _text(told.get("chain")),
            "follows_seq": _number(told.get("seq")),
            "follows_hash": _hash(told.get("hash")),
            "known_seq": _number(told.get("known_seq")),
            "known_by": _text(told.get("known_by")),
            "missing": _number(told.get("missing")),
        }
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        sql = f"INSERT INTO origins ({names}) VALUES ({marks}) RETURNING id"  # noqa: S608 - our own names
        origin.id = int(self._db.execute(text(sql), values).scalar_one())
        self._db.execute(
            text(
                "INSERT INTO cursors (origin, contiguous, hash, size, roots, root, proven_roots)"
                " VALUES (:id, :contiguous, :hash, 0, :none, :root, :none)"
            ),
            {
                "id": origin.id,
                "contiguous": origin.stored,
                "hash": origin.prev,
                "none": b"",
                "root": Frontier().root(),
            },
        )
        if told or self._others(origin):
            facts = {key: told.get(key) for key in ("chain", "seq", "known_seq", "missing")}
            kind = "log_lost" if told else "log_anew"
            data = {"first": origin.first, "follows": facts if told else None}
            self._done.alarms.append(Alarm(origin.gateway, kind, origin.chain, data))

    def _others(self, origin: Origin) -> bool:
        sql = "SELECT count(*) FROM origins WHERE gateway = :gateway"
        count = self._db.execute(text(sql), {"gateway": origin.gateway}).scalar_one()
        return int(count) > 1

    def _move(self, places: Places) -> None:
        moved = [one for known in places.of.values() for one in known if one.moved]
        rows = [
            {
                "id": one.id,
                "was": one.stored,
                "contiguous": one.contiguous,
                "hash": one.hash,
                "size": one.tree.size,
                "roots": b"".join(one.tree.roots),
                "root": one.tree.root(),
            }
            for one in moved
        ]
        self._db.execute(text(_MOVE), rows)
        for one in moved:
            one.stored = one.contiguous
            self._done.stored[one.gateway] = one.contiguous

    def _compare(self, placed: Placed) -> None:
        """Hold what came again against what is stored."""
        if not placed.compare:
            return
        rows = [
            (n, origin.id, *_columns(record))
            for n, (origins, record) in enumerate(placed.compare)
            for origin in origins
        ]
        self._database.load(self._db, rows)
        same = set(self._db.execute(text(_SAME)).scalars())
        self._db.execute(text(_FILL), {"yes": True, "no": False})
        self._db.execute(text("DELETE FROM batch"))
        for n, (origins, record) in enumerate(placed.compare):
            if n not in same:
                self._aside.conflict([(record, "another_record")], origins[-1])

    # What is missing

    def _look_for_holes(self, places: Places, names: list[str], signed: Mapping[str, int]) -> None:
        """Where a later record or a signed head is known than what is stored."""
        after = {}
        for name in names:
            newest = max(places.of.get(name, ()), key=lambda one: one.id or 0, default=None)
            after[name] = newest.contiguous if newest else 0
        sql = "SELECT gateway, max(seq) FROM early WHERE gateway IN :names GROUP BY gateway"
        waiting = {
            str(g): int(n) for g, n in self._db.execute(listed(sql, "names"), {"names": names})
        }
        for name in names:
            known = [
                n for n in (waiting.get(name, 0), signed.get(name, 0)) if n <= after[name] + FAR
            ]
            highest = max([after[name], *known])
            self._db.execute(
                text(
                    "UPDATE gateways SET newest = :seq WHERE name = :name"
                    " AND coalesce(newest, 0) < :seq"
                ),
                {"name": name, "seq": highest},
            )
            if highest > after[name]:
                self._done.missing[name] = (after[name], highest)
            elif 0 < waiting.get(name, 0) <= after[name]:
                self._done.unknown.add(name)


def _cursor(connection: Connection) -> psycopg.Cursor[Any]:
    """psycopg's own, in the transaction that is open."""
    return cast("psycopg.Cursor[Any]", connection.connection.cursor())


def _columns(record: Record) -> tuple[Any, ...]:
    """The columns of `events` behind the origin, in the order of database.COLUMNS."""
    return (
        record.seq,
        record.time,
        record.id,
        record.type,
        record.subject,
        record.body,
        record.hash,
        record.omitted,
    )


def _text(value: object) -> str | None:
    return value.replace("\0", "")[:64] if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**62 else None


def _hash(value: object) -> bytes | None:
    try:
        found = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        return None
    return found if len(found) == HASH_SIZE else None


_ORIGINS = """
SELECT o.id, o.gateway, o.chain, o.first, o.prev, c.contiguous, c.hash, c.size, c.roots,
    c.proven_size, c.proven_roots
FROM origins o JOIN cursors c ON c.origin = o.id WHERE o.gateway IN :names ORDER BY o.id"""
_INSERT = """
INSERT INTO events (origin, seq, time, id, type, subject, body, hash, omitted)
SELECT origin, seq, time, id, type, subject, body, hash, omitted FROM batch WHERE true
ON CONFLICT DO NOTHING
"""
_MOVE = """
UPDATE cursors SET contiguous = :contiguous, hash = :hash, size = :size, roots = :roots,
    root = :root, moved = CURRENT_TIMESTAMP
WHERE origin = :id AND contiguous = :was
"""
# The time leads to the one partition in which the record must be.
_SAME = """
SELECT b.n FROM batch b JOIN events e
    ON e.origin = b.origin AND e.seq = b.seq AND e.time = b.time AND e.hash = b.hash
"""
_FILL = """
UPDATE events SET body = b.body, omitted = :no FROM batch b
WHERE events.origin = b.origin AND events.seq = b.seq AND events.time = b.time
    AND events.hash = b.hash AND events.omitted = :yes AND b.omitted = :no
"""
