"""Which collector reads which gateway: rendezvous hashing, and leases in PostgreSQL.

Each gateway is read by one collector.  `owner` says by which: the live collector whose name hashes
highest together with the gateway's (highest random weight, Thaler and Ravishankar 1998).  When a
collector comes or goes, only that one's gateways move.

A lease makes it binding.  Its **fence** is a number that grows each time that the gateway changes
hands.  Every transaction that writes records of a gateway begins with `check`, which holds the
lease's row until the commit: a collector that was slow, frozen or cut off can't write behind the
back of the one that took over.

A lease has no end of its own.  It holds as long as its collector lives: as long as that one's row
in `collectors` was renewed within `ttl_s` by the database's clock.  So renewing writes one row, and
does not wait for a batch that holds lease rows.

    collectors  name, run (random, one for each start), started, until
    leases      gateway, collector, run (null: nobody), fence, since
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.locale import GaritaError, worded

if TYPE_CHECKING:
    import psycopg

TTL_S = 15.0
"""How long a collector may be silent before others take what it reads."""


class LeaseLost(GaritaError):
    """Another collector reads these `gateways` now; nothing may be written for them here."""

    def __init__(self, gateways: Collection[str]) -> None:
        self.gateways = frozenset(gateways)
        names = ", ".join(sorted(gateways))
        super().__init__(worded("another collector reads {gateways} now", gateways=names))


class Superseded(GaritaError):
    """Another process runs under this collector's name; this one has to end."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(worded("another collector of the name {name} was started", name=name))


@dataclass(frozen=True, slots=True)
class Lease:
    """A row of `leases`; `run` is None where nobody has it."""

    gateway: str
    run: str | None
    fence: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a collector has to do after it renewed."""

    held: Mapping[str, int]
    """Its gateways with the fence of each."""
    taken: frozenset[str] = frozenset()
    """Those of them that are new: ask each for a replay from its own highest number."""
    give_up: frozenset[str] = frozenset()
    """Those of them that are another's by now: unsubscribe, finish the batch, then `release`."""
    lost: frozenset[str] = frozenset()
    """What it held until now and another one took: unsubscribe, drop what is not written."""
    live: tuple[str, ...] = ()
    """The names of the collectors that live, in order."""


def owner(gateway: str, live: Iterable[str]) -> str | None:
    """The name of the collector that reads `gateway`; None if none lives.

    It depends on nothing else, so all collectors agree without talking to each other.
    """

    def weight(name: str) -> tuple[bytes, str]:
        return hashlib.sha256(f"{name}\n{gateway}".encode()).digest(), name

    return max(live, key=weight, default=None)


def wanted(
    leases: Iterable[Lease], live: Mapping[str, str], name: str
) -> tuple[list[Lease], frozenset[str]]:
    """The leases that `name` may take, and the gateways that it holds and another one should read.

    `live` gives the run of each collector that lives.  A lease can be taken if it is free, or if
    the run that holds it does not live any more.
    """
    runs = set(live.values())
    take, give_up = [], set()
    for lease in leases:
        ours = owner(lease.gateway, live) == name
        if ours and lease.run not in runs:
            take.append(lease)
        elif not ours and lease.run == live.get(name):
            give_up.add(lease.gateway)
    return take, frozenset(give_up)


def check(cursor: psycopg.Cursor[Any], run: str, fences: Mapping[str, int]) -> None:
    """Hold the leases of the gateways in `fences` until this transaction ends.

    It is the first statement of each transaction that writes records.  Raises LeaseLost if one of
    them is not held by `run` with that fence any more.
    """
    cursor.execute(
        "SELECT gateway, fence FROM leases WHERE run = %s AND gateway = ANY(%s)"
        " ORDER BY gateway FOR SHARE",
        (run, list(fences)),
    )
    held = {str(gateway): int(fence) for gateway, fence in cursor.fetchall()}
    if gone := [gateway for gateway, fence in fences.items() if held.get(gateway) != fence]:
        raise LeaseLost(gone)


def session_settings(ttl_s: float = TTL_S) -> dict[str, str]:
    """What to SET in each session that writes, so that a collector that stands still in the middle
    of a transaction does not hold its leases for ever."""
    limit = f"{max(1000, int(ttl_s * 1000))}ms"
    return {
        "idle_in_transaction_session_timeout": limit,
        "statement_timeout": f"{4 * max(1000, int(ttl_s * 1000))}ms",
        "lock_timeout": limit,
    }


@dataclass(slots=True)
class Leases:
    """The leases of one collector.  Call `join` at its start and `renew` every third of `ttl_s`,
    from one thread.  Each call is a transaction on the connection that it gets, and raises
    psycopg.Error if the database does not answer: then nothing is known to be held, and the next
    `check` decides."""

    name: str
    ttl_s: float = TTL_S
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    _held: dict[str, int] = field(default_factory=dict)

    def join(self, connection: psycopg.Connection[Any]) -> None:
        """Say that this collector lives.  A run of the same name before this one is over: what it
        holds is free."""
        with connection.transaction():
            connection.execute(
                "INSERT INTO collectors (name, run, started, until)"
                " VALUES (%(name)s, %(run)s, clock_timestamp(), clock_timestamp() + %(ttl)s)"
                " ON CONFLICT (name) DO UPDATE SET run = excluded.run,"
                " started = excluded.started, until = excluded.until",
                self._facts,
            )

    def renew(self, connection: psycopg.Connection[Any]) -> Plan:
        """Say that this collector still lives, and take what is free and its own.

        Raises Superseded if another process runs under this name.  A database that forgot this run
        (it came back from a standby) learns of it again.
        """
        with connection.transaction():
            self._still_live(connection)
            connection.execute(
                "INSERT INTO leases (gateway) SELECT g.name FROM gateways g"
                " WHERE NOT EXISTS (SELECT FROM leases l WHERE l.gateway = g.name)"
                " ON CONFLICT DO NOTHING"
            )
            live = {
                str(name): str(run)
                for name, run in connection.execute(
                    "SELECT name, run FROM collectors WHERE until > clock_timestamp()"
                )
            }
            rows = connection.execute("SELECT gateway, run, fence FROM leases").fetchall()
            take, give_up = wanted((Lease(*row) for row in rows), live, self.name)
            if take:
                self._take(connection, take)
            held = {
                str(gateway): int(fence)
                for gateway, fence in connection.execute(
                    "SELECT gateway, fence FROM leases WHERE run = %(run)s", self._facts
                )
            }
        before, self._held = self._held, held
        return Plan(
            held=held,
            taken=frozenset(g for g, fence in held.items() if before.get(g) != fence),
            give_up=give_up,
            lost=frozenset(before.keys() - held.keys()),
            live=tuple(sorted(live)),
        )

    def release(self, connection: psycopg.Connection[Any], gateways: Collection[str]) -> None:
        """Let another collector have these gateways."""
        with connection.transaction():
            connection.execute(
                "UPDATE leases SET run = NULL WHERE run = %s AND gateway = ANY(%s)",
                (self.run, list(gateways)),
            )
        for gateway in gateways:
            self._held.pop(gateway, None)

    def leave(self, connection: psycopg.Connection[Any]) -> None:
        """Let go of everything: others need not wait until this collector has been silent."""
        with connection.transaction():
            connection.execute("UPDATE leases SET run = NULL WHERE run = %(run)s", self._facts)
            connection.execute(
                "UPDATE collectors SET until = clock_timestamp() WHERE run = %(run)s", self._facts
            )
        self._held.clear()

    @property
    def _facts(self) -> dict[str, Any]:
        return {"name": self.name, "run": self.run, "ttl": timedelta(seconds=self.ttl_s)}

    def _still_live(self, connection: psycopg.Connection[Any]) -> None:
        found = connection.execute(
            "INSERT INTO collectors AS c (name, run, started, until)"
            " VALUES (%(name)s, %(run)s, clock_timestamp(), clock_timestamp() + %(ttl)s)"
            " ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE c.run = excluded.run"
            " RETURNING run",
            self._facts,
        ).fetchone()
        if found is None:
            raise Superseded(self.name)

    def _take(self, connection: psycopg.Connection[Any], leases: Collection[Lease]) -> None:
        """Take these leases unless they have changed since they were read.  One whose holder is in
        the middle of a transaction is left for the next time."""
        connection.execute(
            "UPDATE leases SET collector = %(name)s, run = %(run)s, fence = fence + 1,"
            " since = clock_timestamp() WHERE gateway IN"
            " (SELECT l.gateway FROM leases l"
            "  JOIN unnest(%(gateways)s::text[], %(fences)s::bigint[]) AS seen (gateway, fence)"
            "  ON l.gateway = seen.gateway AND l.fence = seen.fence"
            "  WHERE l.run IS DISTINCT FROM %(run)s ORDER BY l.gateway"
            "  FOR NO KEY UPDATE OF l SKIP LOCKED)",
            {
                **self._facts,
                "gateways": [lease.gateway for lease in leases],
                "fences": [lease.fence for lease in leases],
            },
        )
