"""What is not stored among the records: what came early, conflicts, and what is not understood.

Each of them has a limit: whoever may publish on the broker must not be able to fill the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, text

from gateway.collector.alarms import Alarm
from gateway.collector.database import listed
from gateway.collector.judge import Delivery, Poison, Record, judge
from gateway.collector.placing import Origin, Places

MOST_EARLY = 20_000
"""Records of a gateway that are kept while the one before them is missing.  It has them all."""
EARLY_AT_ONCE = 2_000
KEPT_BYTES = 16 * 1024
"""Of a message that is not understood."""
MOST_POISON = 10_000
"""Messages of a gateway that are kept; more of them are counted."""
MOST_CONFLICTS = 20_000


class Aside:
    """In one transaction; `alarms` are what it has to say."""

    def __init__(self, connection: Connection, base: str) -> None:
        self._db = connection
        self._base = base
        self._early: dict[str, int] = {}
        self.alarms: list[Alarm] = []

    def count(self, names: list[str]) -> None:
        """Look how many wait of each of these gateways."""
        sql = "SELECT gateway, count(*) FROM early WHERE gateway IN :names GROUP BY gateway"
        found = self._db.execute(listed(sql, "names"), {"names": names})
        self._early = {str(name): int(count) for name, count in found}

    def drain(self, places: Places) -> list[Record]:
        """Place what was kept aside, as far as its turn has come."""
        drained: list[Record] = []
        moved = {origin.gateway for origin, _ in places.placed.fresh}
        for name in sorted(name for name in moved if self._early.get(name)):
            for origin in list(places.of[name]):
                while found := self._next_early(name, origin.contiguous):
                    placed = [record for record in found if places.place_next(record)]
                    drained += placed
                    if len(found) < EARLY_AT_ONCE or not placed:
                        break
        return drained

    def _next_early(self, name: str, after: int) -> list[Record]:
        rows = self._db.execute(
            text(
                "SELECT message FROM early WHERE gateway = :name AND seq > :after"
                " ORDER BY seq, hash LIMIT :limit"
            ),
            {"name": name, "after": after, "limit": EARLY_AT_ONCE},
        )
        topic = f"{self._base}/{name}/events"
        again = (judge(self._base, Delivery("early", topic, row[0].encode())) for row in rows)
        return [one for one in again if isinstance(one, Record)]

    def settle(self, places: Places, drained: list[Record]) -> None:
        """What has its place now, and what turned out not to belong to the chain."""
        gone = {(record.gateway, record.seq, record.hash) for record in drained}
        names = {name for name, _, _ in gone} | {
            origin.gateway for origin, _ in places.placed.fresh if self._early.get(origin.gateway)
        }
        sql = "DELETE FROM early WHERE gateway = :gateway AND seq = :seq AND hash = :hash"
        if gone:
            keys = ("gateway", "seq", "hash")
            self._db.execute(text(sql), [dict(zip(keys, row, strict=True)) for row in gone])
        for name in names:
            self._judge_early(places, name)

    def _judge_early(self, places: Places, name: str) -> None:
        """Records that came early, and whose number another one has by now: conflicts, unless they
        name an origin that is not known yet."""
        origins = places.of[name]
        newest = max(origin.contiguous for origin in origins)
        rows = self._db.execute(
            text("SELECT seq, hash, message FROM early WHERE gateway = :name AND seq <= :newest"),
            {"name": name, "newest": newest},
        ).all()
        chains = {origin.chain for origin in origins}
        topic = f"{self._base}/{name}/events"
        for row in rows:
            record = judge(self._base, Delivery("early", topic, row.message.encode()))
            if not isinstance(record, Record) or (record.chain and record.chain not in chains):
                continue
            mine = [
                one
                for one in origins
                if one.first <= row.seq <= one.contiguous and record.chain in {"", one.chain}
            ]
            if mine and not self._is_stored(mine, record):
                self.conflict([(record, "not_in_chain")], mine[0])
            if mine:
                self._db.execute(
                    text("DELETE FROM early WHERE gateway = :g AND seq = :s AND hash = :h"),
                    {"g": name, "s": row.seq, "h": row.hash},
                )

    def _is_stored(self, origins: list[Origin], record: Record) -> bool:
        sql = "SELECT 1 FROM events WHERE origin IN :ids AND seq = :seq AND hash = :hash"
        return bool(
            self._db.execute(
                listed(sql, "ids"),
                {"ids": [one.id for one in origins], "seq": record.seq, "hash": record.hash},
            ).scalar()
        )

    def keep(self, records: list[Record]) -> None:
        """They came before the one before them.  More than MOST_EARLY are dropped: the gateway has
        them, and is asked for all behind the hole."""
        rows = []
        for record in records:
            count = self._early[record.gateway] = self._early.get(record.gateway, 0) + 1
            if count <= MOST_EARLY:
                rows.append(
                    {
                        "gateway": record.gateway,
                        "seq": record.seq,
                        "hash": record.hash,
                        "prev": record.prev,
                        "message": record.text,
                    }
                )
        if rows:
            self._db.execute(text(_EARLY), rows)

    def conflict(self, found: list[tuple[Record, str]], origin: Origin | None) -> None:
        """They are not what is stored, or can't be; each with why."""
        if not found:
            return
        sql = "SELECT count(*) FROM conflicts WHERE gateway = :gateway"
        kept = {
            name: int(self._db.execute(text(sql), {"gateway": name}).scalar_one())
            for name in {record.gateway for record, _ in found}
        }
        for record, why in found:
            if kept[record.gateway] >= MOST_CONFLICTS:
                self.alarms.append(Alarm(record.gateway, "conflict", "more", {"why": why}))
                continue
            stored = self._stored_hash(origin, record.seq)
            values = {
                "gateway": record.gateway,
                "origin": origin.id if origin else None,
                "seq": record.seq,
                "hash": record.hash,
                "stored": stored,
                "why": why,
                "message": record.text,
                "broker": record.broker,
            }
            if self._db.execute(text(_CONFLICT), values).first() is not None:
                kept[record.gateway] += 1
                about = f"{record.seq}:{record.hash.hex()}"
                data = {"seq": record.seq, "why": why, "type": record.type}
                self.alarms.append(Alarm(record.gateway, "conflict", about, data))

    def _stored_hash(self, origin: Origin | None, seq: int) -> bytes | None:
        if origin is None:
            return None
        sql = "SELECT hash FROM events WHERE origin = :origin AND seq = :seq"
        return self._db.execute(text(sql), {"origin": origin.id, "seq": seq}).scalar()

    def absolve(self) -> None:
        """What is in `batch` is stored now, so it is not a conflict: one that named no origin was
        held against an older one that has its number."""
        if self._db.execute(text("SELECT 1 FROM conflicts LIMIT 1")).first() is None:
            return
        gone = self._db.execute(text(_ABSOLVE)).all()
        for gateway, seq, digest in gone:
            sql = (
                "DELETE FROM alarms WHERE gateway = :name AND kind = 'conflict' AND about = :about"
            )
            about = f"{seq}:{bytes(digest).hex()}"
            self._db.execute(text(sql), {"name": gateway, "about": about})

    def quarantine(self, found: Sequence[Poison]) -> None:
        """They are not understood."""
        if not found:
            return
        sql = "SELECT gateway, count(*) FROM quarantine WHERE gateway IN :names GROUP BY gateway"
        names = sorted({one.gateway for one in found})
        kept = {
            str(name): int(count)
            for name, count in self._db.execute(listed(sql, "names"), {"names": names})
        }
        for one in found:
            message = one.message
            whole = message.topic.encode() + b"\0" + message.payload
            kept[one.gateway] = kept.get(one.gateway, 0) + 1
            if kept[one.gateway] > MOST_POISON:  # counted, and not kept
                whole = f"{one.gateway} {one.why}".encode()
                message = Delivery(message.broker, message.topic, b"")
            values = {
                "digest": hashlib.sha256(whole).digest(),
                "gateway": one.gateway,
                "topic": message.topic[:1000],
                "broker": message.broker,
                "payload": message.payload[:KEPT_BYTES],
                "bytes": len(one.message.payload),
                "why": one.why,
            }
            self._db.execute(text(_QUARANTINE), values)
            self.alarms.append(Alarm(one.gateway, "quarantine", one.why, {"why": one.why}))


_ABSOLVE = """
DELETE FROM conflicts WHERE (gateway, seq, hash) IN
    (SELECT o.gateway, b.seq, b.hash FROM batch b JOIN origins o ON o.id = b.origin)
RETURNING gateway, seq, hash
"""
_EARLY = """
INSERT INTO early (gateway, seq, hash, prev, message)
VALUES (:gateway, :seq, :hash, :prev, :message) ON CONFLICT DO NOTHING
"""
_CONFLICT = """
INSERT INTO conflicts (gateway, origin, seq, hash, stored, why, message, broker)
VALUES (:gateway, :origin, :seq, :hash, :stored, :why, :message, :broker)
ON CONFLICT DO NOTHING RETURNING id
"""
_QUARANTINE = """
INSERT INTO quarantine (digest, gateway, topic, broker, payload, bytes, why)
VALUES (:digest, :gateway, :topic, :broker, :payload, :bytes, :why)
ON CONFLICT (digest) DO UPDATE SET count = quarantine.count + 1, last = CURRENT_TIMESTAMP
"""
