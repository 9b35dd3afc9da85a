"""The collector: a backlog from a real mosquitto into a real PostgreSQL, all on this machine."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import psutil
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.figures import say, spread
from demo.broker import free_port
from gateway.collector.judge import Delivery
from tests.gateway.collector.logs import Log
from tests.postgres import Postgres

EVENTS = 100_000
GATES = 20
CHECKPOINT = 200  # records
LIMIT_S = 600.0


async def run(folder: Path) -> None:
    await asyncio.to_thread(measure, folder, EVENTS)


def measure(folder: Path, events: int) -> None:
    """Print how many events a second are stored and proven, and what each costs."""
    broker_port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {broker_port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        "max_queued_messages 0\nmax_inflight_messages 0\n"
    )
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert binary is not None, "sudo apt install mosquitto"
    folder.chmod(0o755)
    server = Postgres.fresh(folder / "postgres")
    broker = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        url = server.database("collect")
        toml = folder / "collector.toml"
        toml.write_text(
            f'name = "hq-1"\ndatabase = "{url}"\nbatch = 1000\nreplay_per_s = 1.0\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker_port}\n[mirror]\nname = "hq.example/m"\n'
        )
        logs = [Log(f"gate-{n}", f"{n:016x}") for n in range(GATES)]
        with Collector(toml):
            announce(broker_port, logs)
            until(lambda: count(url, "leases WHERE run IS NOT NULL") == GATES)
            time.sleep(1)
        sent = fill(broker_port, logs, events)
        processes = [psutil.Process(broker.pid)]
        used = cpu_s(*processes) + postgres_s(server)
        began = time.monotonic()
        with Collector(toml) as process:
            until(lambda: count(url, "events") > 0, 0.005)
            running = psutil.Process(process.pid)
            first, start = count(url, "events"), cpu_s(running)
            until(lambda: count(url, "events") >= sent)
            seconds = time.monotonic() - began
            own = (cpu_s(running) - start) / (sent - first) * sent  # its start left out
            until(lambda: count(url, "cursors WHERE proven_size = size") == GATES)
            proven = time.monotonic() - began
        others = cpu_s(*processes) + postgres_s(server) - used
        say("stored, from a backlog (events/s)", f"{sent / seconds:.0f}", "10,000")
        say("stored and proven (events/s)", f"{sent / proven:.0f}")
        say("CPU of the collector (µs an event)", f"{own / sent * 1e6:.0f}")
        say("CPU of broker and database (µs an event)", f"{others / sent * 1e6:.0f}")
        with psycopg.connect(url) as db:
            row = db.execute(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname LIKE"
                " 'events%' AND relkind = 'r'"
            ).fetchone()
        say("disk (bytes an event)", f"{int(row[0]) / sent:.0f}" if row else "?")
        with Collector(toml):
            delays = cosigned(broker_port, logs[0])
        say("checkpoint to the mirror's cosignature (ms)", spread(delays), "p99 5,000")
    finally:
        broker.terminate()
        broker.wait()
        server.stop()


class Collector:
    """A collector that is ended with the block."""

    def __init__(self, toml: Path) -> None:
        self._toml = toml

    def __enter__(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "gateway.cli.main", "collect", "-c", str(self._toml)]
        with (self._toml.parent / "collector.log").open("ab") as log:
            self._process = subprocess.Popen(words, stderr=log)
        return self._process

    def __exit__(self, *_told: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)


def client(port: int) -> paho.Client:
    made = paho.Client(CallbackAPIVersion.VERSION2)
    made.max_inflight_messages_set(1000)
    made.connect("127.0.0.1", port)
    made.loop_start()
    return made


def announce(port: int, logs: list[Log]) -> None:
    here = client(port)
    for log in logs:
        here.publish(f"garita/{log.gateway}/status", "online", 1, retain=True).wait_for_publish(30)
    here.disconnect()
    here.loop_stop()


def fill(port: int, logs: list[Log], events: int) -> int:
    """Have the broker keep so many records for the collector; returns how many."""
    here = client(port)
    sent = 0
    waiting = []
    for message in frames(logs, events):
        topic = message.topic
        waiting.append(here.publish(topic, message.payload, 1, retain=topic.endswith("point")))
        sent += topic.endswith("events")
        if len(waiting) >= 2000:
            waiting.pop().wait_for_publish(60)
            waiting.clear()
    for one in waiting:
        one.wait_for_publish(60)
    here.disconnect()
    here.loop_stop()
    return sent


def frames(logs: list[Log], events: int) -> Iterator[Delivery]:
    for log in logs:
        yield from log.records
    for n in range(events // CHECKPOINT):
        log = logs[n % len(logs)]
        yield from log.badges(CHECKPOINT - 1)
        yield from log.checkpoint()


def cosigned(port: int, log: Log, times: int = 100) -> list[float]:
    """How long after a checkpoint was published its cosignature came, milliseconds."""
    here = client(port)
    came: dict[bytes, float] = {}
    here.on_message = lambda _c, _d, message: came.setdefault(
        message.payload.split(b"\n\n")[0], time.monotonic()
    )
    here.subscribe(f"garita/{log.gateway}/cosigned/#", 1)
    delays = []
    for n in range(times + 1):
        for one in (*log.badges(5), *log.checkpoint()):
            here.publish(one.topic, one.payload, 1, retain=one.topic.endswith("point"))
        text, began = one.payload.split(b"\n\n")[0], time.monotonic()
        until(lambda text=text: text in came, 0.002)
        if n:  # the first waited for the collector's start
            delays.append((came[text] - began) * 1000)
    here.disconnect()
    here.loop_stop()
    return delays


def until(condition: Callable[[], object], pause_s: float = 0.05) -> None:
    limit = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < limit
        time.sleep(pause_s)


def count(url: str, what: str) -> int:
    try:
        with psycopg.connect(url) as db:
            row = db.execute(f"SELECT count(*) FROM {what}").fetchone()
            return int(row[0]) if row else 0
    except psycopg.Error:
        return 0


def cpu_s(*processes: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes)


def postgres_s(server: Postgres) -> float:
    """What the database and its sessions have used; those that ended count with the first."""
    main = psutil.Process(server._server.pid)  # type: ignore[union-attr]
    times = main.cpu_times()
    return sum(times) + sum(sum(one.cpu_times()[:2]) for one in main.children(recursive=True))
