"""Finds the records that a gateway signed, where others were stored in their place.

Whoever may publish on the broker can send a forged record before the gateway sends its own of that
number.  The forged one is stored then, and the true one is a conflict.  When the gateway's signed
checkpoint comes, the root of what is stored does not fit.  Among all records of those numbers that
ever came (stored, in conflict, early) there is one chain that does: it takes its place, and what
was forged goes to the conflicts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, text

from gateway.collector.alarms import Alarm
from gateway.collector.judge import Delivery, Record, judge
from gateway.collector.placing import Origin
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.tiles import split

MOST_RECORDS = 50_000
"""Between two checkpoints that fit."""
MOST_PATHS = 64
"""That are followed side by side."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    seq: int
    hash: bytes
    body: str
    record: Record | None
    """None: it is the one that is stored."""


@dataclass(slots=True)
class _Path:
    hash: bytes
    tree: Frontier
    other: tuple[_Candidate, ...]
    """Those of the path that are not stored."""


def repair(db: Connection, origin: Origin, signed: Checkpoint) -> list[Alarm]:
    """Store the chain that has the signed root, if it is here; otherwise change nothing.

    Returns the alarms about it, empty if nothing was changed.  The origin is then as it is stored:
    it ends with the last record that was signed.
    """
    last = origin.first + signed.size - 1
    begin = origin.first + origin.proven_size
    if last - begin + 1 > MOST_RECORDS:
        return []
    candidates, start = _candidates(db, origin, begin, last)
    found = _search(candidates, begin, last, _Path(start, _proven(origin), ()), signed.root)
    if found is None or not found.other:
        return []
    replaced = _replace(db, origin, found, last)
    data = {"records": [one.seq for one in found.other[:100]], "forged": replaced}
    return [Alarm(origin.gateway, "replaced", f"{origin.chain}:{found.other[0].seq}", data)]


def _proven(origin: Origin) -> Frontier:
    return Frontier(origin.proven_size, split(origin.proven_roots))


def _candidates(
    db: Connection, origin: Origin, begin: int, last: int
) -> tuple[dict[tuple[int, bytes], list[_Candidate]], bytes]:
    """All records of these numbers, by number and the hash before them; and the hash before the
    first of them."""
    found: dict[tuple[int, bytes], list[_Candidate]] = defaultdict(list)
    rows = db.execute(
        text(
            "SELECT seq, hash, body, omitted FROM events WHERE origin = :origin"
            " AND seq >= :begin - 1 AND seq <= :last ORDER BY seq"
        ),
        {"origin": origin.id, "begin": begin, "last": last},
    ).all()
    before = start = origin.prev
    for row in rows:
        if row.seq >= begin and not row.omitted:
            found[(row.seq, before)].append(_Candidate(row.seq, bytes(row.hash), row.body, None))
        before = bytes(row.hash)
        if row.seq == begin - 1:
            start = before
    for table in ("conflicts", "early"):
        others = db.execute(
            text(
                f"SELECT message FROM {table} WHERE gateway = :gateway"  # noqa: S608 - two words of ours
                " AND seq >= :begin AND seq <= :last"
            ),
            {"gateway": origin.gateway, "begin": begin, "last": last},
        ).scalars()
        for message in others:
            topic = f"-/{origin.gateway}/events"
            record = judge("-", Delivery("", topic, message.encode()))
            if isinstance(record, Record) and record.sound and not record.omitted:
                one = _Candidate(record.seq, record.hash, record.body, record)
                found[(record.seq, record.prev)].append(one)
    return found, start


def _search(
    candidates: dict[tuple[int, bytes], list[_Candidate]],
    begin: int,
    last: int,
    start: _Path,
    root: bytes,
) -> _Path | None:
    """The path of candidates whose tree has `root`; the chain leads from one to the next."""
    paths = [start]
    for seq in range(begin, last + 1):
        after: dict[bytes, _Path] = {}
        for path in paths:
            for one in candidates.get((seq, path.hash), ()):
                if one.hash in after:
                    continue
                tree = Frontier(path.tree.size, path.tree.roots)
                tree.add(leaf_hash(one.body.encode()))
                other = path.other if one.record is None else (*path.other, one)
                after[one.hash] = _Path(one.hash, tree, other)
        paths = list(after.values())[:MOST_PATHS]
    return next((path for path in paths if path.tree.root() == root), None)


def _replace(db: Connection, origin: Origin, path: _Path, last: int) -> int:
    """Put the path's records in their place; what was there, and what is built on it, goes to the
    conflicts.  Returns how many went there."""
    true = {one.seq for one in path.other}
    rows = db.execute(
        text(
            "SELECT seq, time, id, type, subject, body, hash FROM events"
            " WHERE origin = :origin AND seq >= :begin ORDER BY seq"
        ),
        {"origin": origin.id, "begin": min(true)},
    ).all()
    forged = [row for row in rows if row.seq in true or row.seq > last]
    before = {row.seq + 1: bytes(row.hash) for row in rows}
    for row in forged:
        key = {"origin": origin.id, "seq": row.seq}
        db.execute(text("DELETE FROM events WHERE origin = :origin AND seq = :seq"), key)
        db.execute(
            text(
                "INSERT INTO conflicts (gateway, origin, seq, hash, why, message, broker)"
                " VALUES (:gateway, :origin, :seq, :hash, 'not_signed', :message, '')"
                " ON CONFLICT DO NOTHING"
            ),
            {
                **key,
                "gateway": origin.gateway,
                "hash": row.hash,
                "message": _message(origin.gateway, row.seq, row.body, row.hash, before),
            },
        )
    for one in path.other:
        record = one.record
        assert record is not None
        key = {"gateway": origin.gateway, "seq": one.seq, "hash": one.hash}
        db.execute(
            text(
                "INSERT INTO events (origin, seq, time, id, type, subject, body, hash)"
                " VALUES (:origin, :seq, :time, :id, :type, :subject, :body, :hash)"
            ),
            {
                "origin": origin.id,
                "seq": record.seq,
                "time": record.time,
                "id": record.id,
                "type": record.type,
                "subject": record.subject,
                "body": record.body,
                "hash": record.hash,
            },
        )
        for table in ("conflicts", "early"):
            sql = f"DELETE FROM {table} WHERE gateway = :gateway AND seq = :seq AND hash = :hash"  # noqa: S608 - two words of ours
            db.execute(text(sql), key)
        about = f"{one.seq}:{one.hash.hex()}"
        db.execute(
            text(
                "DELETE FROM alarms WHERE gateway = :gateway AND kind = 'conflict'"
                " AND about = :about"
            ),
            {"gateway": origin.gateway, "about": about},
        )
    origin.contiguous = origin.stored = last
    origin.hash, origin.tree = path.hash, path.tree
    db.execute(
        text(
            "UPDATE cursors SET contiguous = :last, hash = :hash, size = :size, roots = :roots,"
            " root = :root, moved = CURRENT_TIMESTAMP WHERE origin = :origin"
        ),
        {
            "origin": origin.id,
            "last": last,
            "hash": path.hash,
            "size": path.tree.size,
            "roots": b"".join(path.tree.roots),
            "root": path.tree.root(),
        },
    )
    return len(forged)


def _message(gateway: str, seq: int, body: str, hash_: bytes, before: dict[int, bytes]) -> str:
    """A stored record as the message that it was."""
    item = json.loads(body)
    held = {**item, "type": f"org.garita.{item['type']}"}
    return json.dumps(
        {
            "specversion": "1.0",
            "source": f"/garita/{gateway}",
            **held,
            "datacontenttype": "application/json",
            "seq": seq,
            "hash": hash_.hex(),
            "prev": before.get(seq, b"").hex(),
        },
        ensure_ascii=False,
    )
