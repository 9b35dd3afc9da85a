"""The figures of a real collector, beside a real broker and a gateway."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import aiomqtt

from gateway.collector import schema
from gateway.collector.alarms import Alarm
from gateway.collector.config import CollectorTable
from gateway.collector.measures import MOST_REASONS, Measures
from gateway.collector.service import open_database
from gateway.metrics.names import MOST_GATES
from tests.conftest import Mosquitto
from tests.gateway.collector.gates import Gate
from tests.gateway.metrics.scrape import check_known, scrape, values

REFUSED = "garita_collector_refused_total"
Found = dict[tuple[str, ...], float]


async def until(path: Path, condition: Callable[[Found], bool]) -> tuple[str, Found]:
    deadline, body, found = time.monotonic() + 60, "", cast(Found, {})
    while not (found and condition(found)):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)
        try:
            body = await asyncio.to_thread(scrape, path)
            found = values(body)
        except OSError:
            continue
    return body, found


async def test_the_figures_say_what_the_collector_did(broker: Mosquitto, tmp_path: Path) -> None:
    where, toml = tmp_path / "m.sock", tmp_path / "collector.toml"
    toml.write_text(
        'name = "hq-1"\ndatabase = "collected.db"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        f'[metrics]\nlisten = "unix:{where}"\n'
    )
    gate = Gate(tmp_path / "gate", "gate-1", [broker.port])
    await gate.start()
    await gate.badges(30)
    # The gates are looked at every thirty seconds; a second start looks at once.
    for run in (1, 2):
        collector = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli.main", "collect", "-c", str(toml)]
        )
        try:
            if run == 1:
                _, found = await until(
                    where, lambda found: found["garita_collector_records_total",] >= 31
                )
                assert found["garita_collector_write_seconds_count",] >= 1
                async with aiomqtt.Client("127.0.0.1", broker.port) as stranger:
                    await stranger.publish("garita/gate-1/events", b"Ana 1234567", qos=1)
                await until(where, lambda found: found.get((REFUSED, "not_json")) == 1)
            else:
                body, found = await until(
                    where, lambda found: found.get(("garita_collector_gates", "online")) == 1
                )
        finally:
            collector.terminate()
            await asyncio.to_thread(collector.wait, 30)
    await gate.crash()
    assert found["garita_collector_lag_seconds", "gate-1"] == 0
    assert found["garita_collector_alarms_total", "log_anew"] == 0
    assert found["garita_collector_brokers_connected",] == 1 == found["garita_collector_brokers",]
    assert found["garita_collector_database_up",] == 1
    assert found["garita_collector_database_bytes",] > 10_000
    assert found["garita_disk_free_bytes",] > 0
    check_known(body)
    assert "Ana" not in body and "1234567" not in body and str(tmp_path) not in body


def test_series_are_bounded_however_many_gates_and_reasons_there_are(tmp_path: Path) -> None:
    table = CollectorTable(name="hq-1", database=str(tmp_path / "c.db"), mqtt={"host": "127.0.0.1"})
    schema.upgrade(open_database(table).engine)
    with sqlite3.connect(table.database) as db:
        db.executemany(
            "INSERT INTO gateways (name, configured) VALUES (?, 1)",
            [(f"gate-{n}",) for n in range(5_000)],
        )
    measures = Measures(table, list)
    for n in range(200):
        measures.wrote(1, [Alarm("g", "quarantine", f"x{n}", {"why": f"why-{n}"})], 0.001 * n)
    found = values(measures.figures().decode())
    gates = [key for key in found if key[0] == "garita_collector_lag_seconds"]
    refused = [value for key, value in found.items() if key[0] == REFUSED]
    assert len(gates) == MOST_GATES and found["garita_collector_gates", "silent"] == 5_000
    assert len(refused) == MOST_REASONS + 1 and sum(refused) == 200
    assert len(found) <= 400
