"""A fleet on this machine: many simulated gateways, a mosquitto, two collectors, a PostgreSQL.

    make bench ARGS=fleet                            1,000 gateways for a minute at 120 events/s
    python -m benchmarks.fleet 1000 1200 60          ... at 1,200 events/s

The gateways are those of benchmarks/gates.py, the rest is what a fleet runs.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks.figures import say
from demo.broker import free_port
from tests.postgres import Postgres

PROCESSES = 2
COLLECTORS = 2
BACKLOG = 5  # records that each gateway has when it comes


@contextmanager
def program(*words: str | Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended with the block, if it still runs."""
    process = subprocess.Popen([str(word) for word in words], text=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_s(process: psutil.Process) -> float:
    """What a process and its children have used, seconds."""
    used = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system
    return used


def collector_toml(number: int, broker: int, database: str) -> str:
    return f"""
name = "hq-{number}"
database = "{database}"
discover = true
lease_s = 10.0

[mqtt]
brokers = ["127.0.0.1:{broker}"]

"""


def fleet(folder: Path, count: int, rate: float, seconds: float) -> None:
    """Run it and print what it took."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection for each gateway
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        "max_queued_messages 100000\n"
    )
    database = Postgres.fresh(folder / "pg")
    with ExitStack() as stack:
        stack.callback(database.kill)
        url = database.database("fleet")
        mosquitto = stack.enter_context(
            program("/usr/sbin/mosquitto", "-c", config, stderr=subprocess.DEVNULL)
        )
        collectors = []
        for number in range(COLLECTORS):
            settings = folder / f"collector{number}.toml"
            settings.write_text(collector_toml(number, port, url))
            log = stack.enter_context((folder / f"collector{number}.log").open("w"))
            words = (sys.executable, "-m", "gateway.cli.main", "collect", "-c", settings)
            collectors.append(stack.enter_context(program(*words, stdout=log, stderr=log)))
        _wait_for(url, "SELECT count(*) FROM collectors", COLLECTORS)
        begun = time.monotonic()
        share = count // PROCESSES
        workers = [
            stack.enter_context(
                program(
                    sys.executable, "-m", "benchmarks.gates", str(port), str(n * share), str(share),
                    str(rate / PROCESSES), str(seconds), str(BACKLOG),
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )
            )
            for n in range(PROCESSES)
        ]  # fmt: skip
        done = [json.loads(worker.stdout.readline()) for worker in workers if worker.stdout]
        published_s = time.monotonic() - begun
        records = sum(item["records"] for item in done)
        _wait_for(url, "SELECT count(*) FROM events", records)
        stored_s = time.monotonic() - begun
        servers = {
            "mosquitto": cpu_s(psutil.Process(mosquitto.pid)),
            "collectors": sum(cpu_s(psutil.Process(item.pid)) for item in collectors),
            "PostgreSQL": cpu_s(psutil.Process(database.pid)),
        }
        _report(url, count, records, done, published_s, stored_s, servers)
        for worker in workers:
            if worker.stdin:
                worker.stdin.close()


def _wait_for(url: str, query: str, count: int, limit_s: float = 600) -> None:
    """Return when `query` gives `count`, or more; raises TimeoutError."""
    deadline = time.monotonic() + limit_s
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            with suppress(psycopg.errors.UndefinedTable):
                row = connection.execute(query).fetchone()  # type: ignore[arg-type]
                if row and row[0] >= count:
                    return
            time.sleep(0.5)
    raise TimeoutError(query)


def _report(
    url: str,
    count: int,
    records: int,
    done: list[dict[str, Any]],
    published_s: float,
    stored_s: float,
    servers: dict[str, float],
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:

        def one(query: str) -> tuple[Any, ...]:
            return connection.execute(query).fetchone() or ()  # type: ignore[arg-type]

        proven = one(
            "SELECT count(*) FILTER (WHERE proven_size > 0), coalesce(sum(proven_size), 0)"
            " FROM cursors"
        )
        late = one(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY s), percentile_cont(0.99) WITHIN "
            "GROUP (ORDER BY s) FROM "
            "(SELECT extract(epoch FROM received - time) AS s FROM events) AS late"
        )
        size = one("SELECT pg_database_size(current_database())")
        bad = one("SELECT (SELECT count(*) FROM conflicts) + (SELECT count(*) FROM quarantine)")
    say("gateways, records", f"{count}, {records}")
    say("published after (s), stored after (s)", f"{published_s:.1f}, {stored_s:.1f}")
    say("bytes of a message on average", f"{sum(i['bytes'] for i in done) / records:.0f}")
    for name, used in servers.items():
        say(f"CPU of {name} (µs a record)", f"{used / records * 1e6:.0f}")
    say("disk of PostgreSQL (bytes a record, indexes included)", f"{size[0] / records:.0f}")
    say("from record to row (s), median and p99", f"{late[0]:.2f}, {late[1]:.2f}")
    say("origins proven, records under a proven root", f"{proven[0]} of {count}, {proven[1]}")
    say("conflicts and quarantined", str(bad[0]), "0")


async def run(folder: Path) -> None:
    """For `make bench`."""
    await asyncio.to_thread(fleet, folder, 1000, 120.0, 60.0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="garita-fleet-") as where:
        Path(where).chmod(0o755)
        fleet(Path(where), int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
