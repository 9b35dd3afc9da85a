"""The collector's database: PostgreSQL through psycopg 3, or an SQLite file for a few gateways.

Both take the same statements, except for what is here: how a batch of rows gets into the temporary
table `batch`, how a row is locked, and the partitions by month that PostgreSQL has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, TextClause, bindparam, create_engine, event, text
from sqlalchemy.pool import NullPool

from gateway.collector.leases import session_settings

COLUMNS = ("n", "origin", "seq", "time", "id", "type", "subject", "body", "hash", "omitted")
"""Of the temporary table `batch`."""
_BATCH = """
CREATE TEMPORARY TABLE IF NOT EXISTS batch (n integer, origin bigint, seq bigint, time {time},
    id text, type text, subject text, body text, hash {bytes}, omitted boolean) {end}
"""
EARLIEST = (2020, 1)
"""The first month that has a partition of its own, if there is a record of it."""
AHEAD = 3  # months
BUILT = (2026, 1)  # a clock that shows an earlier month is wrong
FARTHEST = 60  # months ahead: a record of a later one is of a time that can't be


class Database:
    """Opens connections; `reached` says whom."""

    def __init__(self, engine: Engine, reached: str) -> None:
        self.engine = engine
        self.reached = reached
        self.is_postgres = engine.dialect.name == "postgresql"
        self._months: set[str] | None = None

    @classmethod
    def postgres(cls, facts: Callable[[], Mapping[str, Any]], *, ttl_s: float) -> Database:
        """PostgreSQL; `facts` are the arguments of psycopg.connect, asked for at each connection,
        so that a password that was changed is read anew."""

        def connect() -> psycopg.Connection[Any]:
            connection = psycopg.connect(**facts())
            with connection.cursor() as cursor:
                for name, value in session_settings(ttl_s).items():
                    cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
                cursor.execute("SET TIME ZONE 'UTC'")
                cursor.execute(_BATCH.format(time="timestamptz", bytes="bytea", end=_TEMPORARY))
            connection.commit()
            return connection

        engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
        return cls(engine, "PostgreSQL")

    @classmethod
    def sqlite(cls, path: Path) -> Database:
        """A file; made if there is none."""
        engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

        @event.listens_for(engine, "connect")
        def _settings(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # we begin transactions ourselves
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA busy_timeout = 10000")
            connection.execute(_BATCH.format(time="text", bytes="blob", end=""))

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return cls(engine, str(path))

    def load(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Put rows into the temporary table `batch`, empty at the start of a transaction."""
        raw = connection.connection.cursor()
        names = ", ".join(COLUMNS)
        if self.is_postgres:
            with raw.copy(f"COPY batch ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(COLUMNS))
            raw.execute("DELETE FROM batch")
            raw.executemany(f"INSERT INTO batch VALUES ({marks})", rows)  # noqa: S608 - our own words
        raw.close()

    @property
    def locked(self) -> str:
        """What ends a SELECT whose rows nobody else may change until the commit.  In SQLite there
        is one writer anyway."""
        return " FOR UPDATE OF c" if self.is_postgres else ""

    def make_months(self, connection: Connection, times: Iterable[str]) -> None:
        """Make the partitions of these times, and of the next months, in transactions of their own.

        A month before `EARLIEST` or behind the next years has no partition: its records are in
        `events_elsewhen`.  So are those of a month that began there before it got one.
        """
        if not self.is_postgres:
            return
        today = datetime.now(UTC)
        month = max((today.year, today.month), BUILT)
        ahead = {_later(month, n) for n in range(AHEAD + 1)}
        wanted = {(int(one[:4]), int(one[5:7])) for one in {time[:7] for time in times}}
        last = _later(month, FARTHEST)
        months = {one for one in wanted if EARLIEST <= one <= last} | ahead
        known = self._months
        if known is None:
            known = self._months = set(
                connection.execute(
                    text(
                        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
                        " WHERE inhparent = 'events'::regclass"
                    )
                ).scalars()
            )
            connection.rollback()
        for month in sorted(months):
            if (name := f"events_{month[0]:04}_{month[1]:02}") not in known:
                _make_month(connection, name, month)
                known.add(name)

    def forget(self) -> None:
        """The connection is lost: whoever answers next may be another server."""
        self._months = None


_TEMPORARY = "ON COMMIT DELETE ROWS"


def _make_month(connection: Connection, name: str, month: tuple[int, int]) -> None:
    begin, end = (f"{y:04}-{m:02}-01T00:00:00Z" for y, m in (month, _later(month, 1)))
    held = "SELECT 1 FROM events_elsewhen WHERE time >= :begin AND time < :end LIMIT 1"
    with connection.begin():
        # One maker at a time: two collectors see the same new month at once.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('garita months'))"))
        if not connection.execute(text(held), {"begin": begin, "end": end}).scalar():
            connection.execute(
                text(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF events"
                    f" FOR VALUES FROM ('{begin}') TO ('{end}')"
                )
            )


def _later(month: tuple[int, int], count: int) -> tuple[int, int]:
    years, of_year = divmod(month[1] - 1 + count, 12)
    return month[0] + years, of_year + 1


def listed(sql: str, *names: str) -> TextClause:
    """A statement in which each of `names` (``IN :names``) takes a list."""
    return text(sql).bindparams(*(bindparam(name, expanding=True) for name in names))
