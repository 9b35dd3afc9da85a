"""What `garita collect status` tells: how far each gateway's log is stored, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

SILENT_S = 65 * 60
"""A gateway signs its log every hour at least; one that says nothing for so long is silent."""
MOST_ALARMS = 100


@dataclass(frozen=True, slots=True)
class GatewayState:
    """One gateway; times are aware, `lag_s` in seconds."""

    gateway: str
    status: str | None
    """``online`` or ``offline``, as it said last."""
    heard_at: datetime | None
    silent: bool
    last_seq: int
    """Up to this number all records of its newest origin are stored."""
    missing: int
    """Newer numbers that were heard of."""
    lag_s: float
    proven_seq: int
    """Up to this number a signed head has the root of what is stored; 0 if there is none."""
    lost: int
    """Records that the gateway says were lost, all its origins together."""
    conflicts: int
    quarantined: int
    collector: str | None


@dataclass(frozen=True, slots=True)
class CollectorState:
    """A collector; `until` is when it counts as gone if it says nothing more."""

    name: str
    live: bool
    until: datetime
    gateways: int


@dataclass(frozen=True, slots=True)
class Status:
    """The whole headquarters."""

    now: datetime
    gateways: Sequence[GatewayState]
    collectors: Sequence[CollectorState] = ()
    standbys: Sequence[Mapping[str, Any]] = ()
    """Streaming standbys of the server: name, state, and the lag in seconds (None: not known)."""
    alarms: Sequence[Mapping[str, Any]] = field(default_factory=list)

    @property
    def troubled(self) -> list[str]:
        """The names of gateways that somebody has to look at."""
        return [
            one.gateway
            for one in self.gateways
            if one.silent or one.lost or one.conflicts or one.lag_s > SILENT_S
        ]


def status(db: Connection) -> Status:
    """Read it, from PostgreSQL or SQLite."""
    now = datetime.now(UTC)
    on_postgres = db.dialect.name == "postgresql"
    leases = dict(_pairs(db, "SELECT gateway, collector FROM leases")) if on_postgres else {}
    gateways = [_gateway(row, now, leases) for row in _rows(db, _GATEWAYS)]
    return Status(
        now,
        gateways,
        [_collector(row, now) for row in _rows(db, _COLLECTORS)] if on_postgres else (),
        [dict(row) for row in _rows(db, _STANDBYS)] if on_postgres else (),
        [_alarm(row) for row in _rows(db, f"{_ALARMS} LIMIT {MOST_ALARMS}")],
    )


def database_bytes(db: Connection) -> int:
    """How large the database is, without what waits in SQLite's -wal."""
    if db.dialect.name == "postgresql":
        sql = "SELECT pg_database_size(current_database()) AS bytes"
    else:
        sql = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size"
    return int(_rows(db, sql)[0]["bytes"])


def _gateway(row: Mapping[str, Any], now: datetime, leases: Mapping[str, str]) -> GatewayState:
    heard = _moment(row["heard"])
    last = row["contiguous"] or 0
    missing = max(0, (row["newest"] or 0) - last)
    since = _moment(row["time"]) or _moment(row["discovered"]) or now
    return GatewayState(
        gateway=row["name"],
        status=row["status"],
        heard_at=heard,
        silent=heard is None or (now - heard).total_seconds() > SILENT_S,
        last_seq=last,
        missing=missing,
        lag_s=max(0.0, (now - since).total_seconds()) if missing else 0.0,
        proven_seq=row["first"] + row["proven_size"] - 1 if row["proven_size"] else 0,
        lost=row["lost"] or 0,
        conflicts=row["conflicts"],
        quarantined=row["quarantined"],
        collector=leases.get(row["name"]),
    )


def _collector(row: Mapping[str, Any], now: datetime) -> CollectorState:
    return CollectorState(row["name"], row["live"], _moment(row["until"]) or now, row["gateways"])


def _alarm(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "first": _moment(row["first"]), "last": _moment(row["last"])}


def _moment(value: Any) -> datetime | None:
    """A time of either database; SQLite's are text in UTC."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _rows(db: Connection, sql: str) -> list[Mapping[str, Any]]:
    from sqlalchemy import text  # noqa: PLC0415 - slow to load

    return [dict(row) for row in db.execute(text(sql)).mappings()]


def _pairs(db: Connection, sql: str) -> list[tuple[str, str]]:
    return [tuple(row.values()) for row in _rows(db, sql)]


_GATEWAYS = """
SELECT g.name, g.status, g.heard, g.newest, g.discovered, o.first, c.contiguous, c.proven_size,
    (SELECT e.time FROM events e WHERE e.origin = o.id AND e.seq = c.contiguous) AS time,
    (SELECT sum(l.missing) FROM origins l WHERE l.gateway = g.name) AS lost,
    (SELECT count(*) FROM conflicts f WHERE f.gateway = g.name) AS conflicts,
    (SELECT count(*) FROM quarantine q WHERE q.gateway = g.name) AS quarantined
FROM gateways g
LEFT JOIN origins o ON o.id = (SELECT n.id FROM origins n WHERE n.gateway = g.name
                               ORDER BY n.first DESC, n.id DESC LIMIT 1)
LEFT JOIN cursors c ON c.origin = o.id
ORDER BY g.name
"""
_COLLECTORS = """
SELECT c.name, c.until, c.until > clock_timestamp() AS live,
    (SELECT count(*) FROM leases l WHERE l.run = c.run) AS gateways
FROM collectors c ORDER BY c.name
"""
# What the account may not see of others is null here.
_STANDBYS = """
SELECT application_name AS name, state, extract(epoch FROM replay_lag)::float AS lag_s
FROM pg_stat_replication ORDER BY application_name
"""
_ALARMS = "SELECT gateway, kind, about, data, first, last, count FROM alarms ORDER BY last DESC"
