"""The collector as a process beside real gateways, a real broker and a real database."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint, cosigned_at
from gateway.proof.note import VerifierKey
from tests.conftest import Mosquitto
from tests.gateway.collector.gates import Gate
from tests.postgres import Postgres

WAIT_S = 60.0


async def until(condition: Callable[[], Any], what: str = "") -> None:
    """Wait for it; generous, because the machine may be busy."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = condition()
        if found:
            return
        assert time.monotonic() < deadline, f"{what}: {found!r}"
        await asyncio.sleep(0.05)


class Headquarters:
    """Collectors of one database, as processes."""

    def __init__(self, folder: Path, url: str, brokers: list[Mosquitto], more: str = "") -> None:
        self.folder, self.url = folder, url
        self._more = more
        self._brokers = [f"127.0.0.1:{broker.port}" for broker in brokers]
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str = "hq-1") -> None:
        path = self.folder / f"{name}.toml"
        path.write_text(
            f'name = "{name}"\ndatabase = "{self.url}"\nlease_s = 2\n'
            f"[mqtt]\nbrokers = {self._brokers}\n"
            '[mirror]\nname = "hq.example/mirror"\nkey_file = "mirror.key"\n' + self._more
        )
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli.main", "collect", "-c", path],
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str = "hq-1", number: int = signal.SIGKILL) -> int:
        process = self._running.pop(name)
        process.send_signal(number)
        return process.wait(timeout=WAIT_S)

    def stop(self) -> None:
        for name in list(self._running):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.kill(name)

    def rows(self, sql: str) -> list[Any]:
        try:
            with psycopg.connect(self.url) as connection:
                return connection.execute(sql).fetchall()  # type: ignore[call-overload, no-any-return]
        except psycopg.errors.UndefinedTable:
            return []

    def has(self, gate: Gate) -> bool:
        """All records of the gateway are stored, and nothing else."""
        found = self.rows(
            "SELECT seq, e.id, encode(hash, 'hex') FROM events e JOIN origins o ON o.id = origin"
            f" WHERE gateway = '{gate.name}' ORDER BY seq"
        )
        return bool(found) and found == gate.records()

    def said(self) -> str:
        return "\n".join(path.read_text() for path in self.folder.glob("*.log"))


@pytest.fixture
def headquarters(tmp_path: Path) -> Iterator[Callable[..., Headquarters]]:
    made: list[Headquarters] = []

    def make(url: str, brokers: list[Mosquitto], more: str = "") -> Headquarters:
        folder = tmp_path / f"hq{len(made)}"
        folder.mkdir()
        made.append(Headquarters(folder, url, brokers, more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
async def gates(tmp_path: Path) -> AsyncIterator[Callable[..., Gate]]:
    made: list[Gate] = []

    def make(name: str, brokers: list[Mosquitto], **options: Any) -> Gate:
        folder = tmp_path / options.pop("folder", name)
        made.append(Gate(folder, name, [broker.port for broker in brokers], **options))
        return made[-1]

    yield make
    for gate in made:
        with contextlib.suppress(Exception):
            await gate.crash()


async def test_everything_that_gateways_record_is_stored_proven_and_cosigned(
    broker: Mosquitto,
    postgres: Postgres,
    headquarters: Callable[..., Headquarters],
    gates: Callable[..., Gate],
) -> None:
    two = [gates(f"gate-{n}", [broker]) for n in (1, 2)]
    for gate in two:
        await gate.start()
        await gate.badges(150)
    hq = headquarters(postgres.database("service_all"), [broker])
    hq.start()
    for gate in two:
        await gate.badges(60)
    await until(lambda: all(hq.has(gate) for gate in two), "stored")
    await until(
        lambda: hq.rows("SELECT count(DISTINCT gateway) FROM cosignatures") == [(2,)], "cosigned"
    )
    key = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "collect", "key", "-c", hq.folder / "hq-1.toml"],
        capture_output=True,
        text=True,
        check=True,
    )
    mirror = VerifierKey.parse(key.stdout.strip())
    rows = hq.rows(
        "SELECT note, line FROM checkpoints JOIN cosignatures USING (gateway, chain, size)"
    )
    for text, line in rows:
        parsed = note.parse(text).with_signatures([note.parse_line(line)])
        assert cosigned_at(parsed, mirror) is not None
    assert hq.rows("SELECT count(*) FROM conflicts") == [(0,)]
    assert hq.rows("SELECT count(*) FROM quarantine") == [(0,)]
    assert hq.kill(number=signal.SIGTERM) == 0


async def test_what_was_recorded_before_the_collector_came_is_asked_for(
    broker: Mosquitto,
    postgres: Postgres,
    headquarters: Callable[..., Headquarters],
    gates: Callable[..., Gate],
) -> None:
    gate = gates("gate-1", [broker])
    await gate.start()
    await gate.badges(700)
    await until(lambda: gate.uplink.status()["waiting"] == 0, "published")
    hq = headquarters(postgres.database("service_late"), [broker])
    hq.start()
    await until(lambda: hq.has(gate), "asked for")


async def test_a_broker_that_loses_everything_and_a_collector_that_is_killed_lose_nothing(
    broker: Mosquitto,
    postgres: Postgres,
    headquarters: Callable[..., Headquarters],
    gates: Callable[..., Gate],
) -> None:
    gate = gates("gate-1", [broker])
    hq = headquarters(postgres.database("service_kill"), [broker])
    hq.start()
    await gate.start()
    await gate.badges(100)
    await until(lambda: hq.has(gate), "before")
    broker.kill()
    await gate.badges(50)
    broker.start()
    await until(lambda: hq.has(gate), "after the broker")
    hq.kill()
    await gate.badges(50)
    hq.start()
    await until(lambda: hq.has(gate), "after the collector")
    assert hq.rows("SELECT count(*) FROM conflicts") == [(0,)]


async def test_what_goes_through_two_brokers_is_stored_once(
    make_broker: Callable[..., Mosquitto],
    postgres: Postgres,
    headquarters: Callable[..., Headquarters],
    gates: Callable[..., Gate],
) -> None:
    brokers = [make_broker(), make_broker()]
    for broker in brokers:
        broker.start()
    hq = headquarters(postgres.database("service_two"), brokers)
    hq.start()
    gate = gates("gate-1", brokers)
    await gate.start()
    await gate.badges(50)
    await until(lambda: hq.has(gate), "by the first")
    brokers[0].kill()
    await gate.badges(50)
    await until(lambda: hq.has(gate), "by the second")
    assert hq.rows("SELECT count(*) FROM conflicts") == [(0,)]


async def test_poison_stops_nothing(
    broker: Mosquitto,
    postgres: Postgres,
    headquarters: Callable[..., Headquarters],
    gates: Callable[..., Gate],
) -> None:
    import paho.mqtt.publish as publish

    hq = headquarters(postgres.database("service_poison"), [broker])
    hq.start()
    gate = gates("gate-1", [broker])
    await gate.start()
    await until(lambda: hq.has(gate), "begun")
    bad = [b"{", b"\xff", b'{"a": 1}', b"x" * 5_000_000, b'{"seq": "1"}', b"\x00"]
    for payload in bad:
        await asyncio.to_thread(
            publish.single, "garita/gate-1/events", payload, 1, port=broker.port
        )
    await gate.badges(20)
    await until(lambda: hq.has(gate), "behind the poison")
    await until(lambda: hq.rows("SELECT count(*) FROM quarantine") == [(len(bad),)], "kept")


async def test_a_few_gateways_and_an_sqlite_file(
    broker: Mosquitto,
    tmp_path: Path,
    headquarters: Callable[..., Headquarters],
    gates: Callable[..., Gate],
) -> None:
    import sqlite3

    gate = gates("gate-1", [broker])
    await gate.start()
    await gate.badges(120)
    hq = headquarters("collected.db", [broker])
    hq.start()
    path = hq.folder / "collected.db"

    def stored() -> list[Any]:
        try:
            with contextlib.closing(sqlite3.connect(path)) as db:
                return db.execute(
                    "SELECT seq, id, lower(hex(hash)) FROM events ORDER BY seq"
                ).fetchall()
        except sqlite3.Error:
            return []

    await until(lambda: stored() == gate.records(), "stored")
    hq.kill()
    await gate.badges(30)
    hq.start()
    await until(lambda: stored() == gate.records(), "stored")


@pytest.mark.parametrize("configured", [False, True])
async def test_a_gateway_that_changes_its_key_on_record_is_followed(
    broker: Mosquitto,
    postgres: Postgres,
    headquarters: Callable[..., Headquarters],
    gates: Callable[..., Gate],
    configured: bool,
) -> None:
    gate = gates("gate-1", [broker])
    more = f'[gateways.gate-1]\nkey = "{gate.vkey}"\n' if configured else ""
    hq = headquarters(postgres.database(f"service_key_{configured}".lower()), [broker], more)
    hq.start()
    await gate.start()
    await gate.badges(120)

    def proven() -> bool:
        rows = hq.rows("SELECT max(size) FROM checkpoints WHERE verdict = 'proven'")
        newest = gate.checkpoints.newest
        return newest is not None and rows == [(Checkpoint.parse(newest.text).size,)]

    await until(proven, "proven with the old key")
    assert await gate.checkpoints.change_key(Ed25519PrivateKey.generate, {}) is not None
    await gate.badges(120, first=200)
    assert await gate.checkpoints.make() is not None
    await until(lambda: proven() and hq.has(gate), "proven with the new key")
    assert ("renewed",) in hq.rows("SELECT how FROM keys")
    assert hq.rows("SELECT count(*) FROM alarms WHERE kind = 'key_changed'") == [(0,)]
    command = [sys.executable, "-m", "gateway.cli.main", "collect", "verify", "-c"]
    checked = await asyncio.to_thread(
        subprocess.run,
        [*command, hq.folder / "hq-1.toml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_database_of_somebody_else_ends_the_collector_with_a_reason(
    broker: Mosquitto, postgres: Postgres, headquarters: Callable[..., Headquarters]
) -> None:
    url = postgres.database("service_foreign")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE invoices (id integer)")
    hq = headquarters(url, [broker])
    hq.start()
    assert hq._running.pop("hq-1").wait(timeout=WAIT_S) == 5
    assert "invoices" in hq.said()
