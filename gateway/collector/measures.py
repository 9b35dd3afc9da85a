"""The figures of a collector.  Its thread counts in memory; what the database says is read by the
server's thread, over a connection of its own, at most every DATABASE_EVERY_S."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from gateway import __version__
from gateway.collector.alarms import KINDS, Alarm
from gateway.collector.config import CollectorTable
from gateway.collector.reading import Unreachable, snapshot
from gateway.collector.status import GatewayState, database_bytes, status
from gateway.metrics.names import MOST_GATES
from gateway.metrics.server import MetricsServer
from gateway.metrics.slow import Slow, of_disk
from gateway.metrics.tally import OTHER, Histogram
from gateway.metrics.text import Samples, text

log = logging.getLogger("garita.collector.measures")

DATABASE_EVERY_S = 30.0
MOST_REASONS = 30
_REFUSED = ("conflict", "quarantine", "key_changed", "root_differs")
"""Alarms about a message that was not taken for what it said it was."""


class Measures:
    """`connected` says to which brokers there is a connection."""

    def __init__(self, config: CollectorTable, connected: Callable[[], Collection[str]]) -> None:
        self._config = config
        self._connected = connected
        self._started = time.monotonic()
        self._records = 0
        self._refused: Counter[str] = Counter()
        self._alarms = Counter(dict.fromkeys(KINDS, 0))
        self._writes = Histogram()
        self._slow = Slow()
        self.database_up = False

    def start(self) -> None:
        """Show the figures from now on, if the configuration says where."""
        table = self._config.metrics
        if table.listen:
            server = MetricsServer(table.socket or table.address, self.figures)
            work = lambda: asyncio.run(server.keep())  # noqa: E731
            threading.Thread(target=work, name="figures", daemon=True).start()

    def wrote(self, records: int, alarms: Collection[Alarm], seconds: float) -> None:
        """A transaction is on the database's disk."""
        self._records += records
        self._writes.observe(seconds)
        self.alarmed(alarms)

    def alarmed(self, alarms: Collection[Alarm]) -> None:
        """Alarms were raised."""
        for alarm in alarms:
            self._alarms[alarm.kind] += 1
            if alarm.kind in _REFUSED:
                why = str(alarm.data.get("why", alarm.kind))
                known = why in self._refused or len(self._refused) < MOST_REASONS
                self._refused[why if known else OTHER] += 1

    def figures(self) -> bytes:
        """All of them, as text; called in the server's thread."""
        found = Samples()
        put = found.put
        put("garita_build_info", 1, __version__)
        put("garita_uptime_seconds", time.monotonic() - self._started)
        put("garita_collector_database_up", self.database_up)
        put("garita_collector_records_total", self._records)
        put("garita_collector_brokers", len(self._config.mqtt.addresses))
        put("garita_collector_brokers_connected", len(self._connected()))
        for reason, count in dict(self._refused).items():
            put("garita_collector_refused_total", count, reason)
        for kind, count in dict(self._alarms).items():
            put("garita_collector_alarms_total", count, kind)
        found.put_histogram("garita_collector_write_seconds", self._writes)
        found.join(self._slow("database", DATABASE_EVERY_S, self._of_database))
        if not self._config.is_postgres:
            found.join(of_disk(Path(self._config.database).parent))
        return text(found)

    def _of_database(self) -> Samples:
        found = Samples()
        try:
            with snapshot(self._config) as db:
                gates = status(db).gateways
                size = database_bytes(db)
        except Unreachable as error:
            log.warning("the gates are not counted: %s", error)
            return found
        found.put("garita_collector_database_bytes", size)
        states = Counter(dict.fromkeys(("online", "offline", "silent"), 0))
        states.update(map(_state, gates))
        for state, count in states.items():
            found.put("garita_collector_gates", count, state)
        for one in sorted(gates, key=lambda one: (-one.lag_s, one.gateway))[:MOST_GATES]:
            found.put("garita_collector_lag_seconds", one.lag_s, one.gateway)
        return found


def _state(one: GatewayState) -> str:
    if one.silent:
        return "silent"
    return "online" if one.status == "online" else "offline"
