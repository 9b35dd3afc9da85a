"""A collector's SQLite file, damaged in each way, at a start and while it works: real processes."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.collector.ownfile import OwnFile
from tests.conftest import Mosquitto
from tests.gateway.collector.gates import Gate
from tests.gateway.damage import DAMAGED, KINDS, aside, away, hurt


class Collector:
    """A collector with an SQLite file and a mirror's key."""

    def __init__(self, folder: Path, broker: Mosquitto, gate: Gate) -> None:
        folder.mkdir()
        self.toml, self.path = folder / "collector.toml", folder / "collected.db"
        self.toml.write_text(
            'name = "hq-1"\ndatabase = "collected.db"\nlease_s = 1\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
            '[mirror]\nname = "hq.example/mirror"\n'
            f'[gateways.gate-1]\nkey = "{gate.vkey}"\n'
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.toml.parent / "log").open("ab") as log:
            command = [sys.executable, "-m", "gateway.cli.main", "collect", "-c", str(self.toml)]
            self.process = subprocess.Popen(command, stderr=log)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    def rows(self, sql: str) -> list[Any]:
        try:
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
                return db.execute(sql).fetchall()
        except sqlite3.Error:
            return []

    async def until(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 60
        while not (found := condition()):
            assert time.monotonic() < deadline, (self.toml.parent / "log").read_text()[-3000:]
            await asyncio.sleep(0.1)
        return found

    def stored(self) -> set[int]:
        return {seq for (seq,) in self.rows("SELECT seq FROM events")}

    def cosigned(self) -> int:
        return len(self.rows("SELECT 1 FROM cosignatures"))

    def alarms(self) -> list[tuple[str, str]]:
        return self.rows("SELECT kind, about FROM alarms")


@pytest.fixture
def stopping() -> Iterator[list[Collector]]:
    made: list[Collector] = []
    yield made
    for one in made:
        one.stop()


@pytest.mark.timeout(240)
async def test_it_goes_on_with_all_records_says_so_and_cosigns_nothing(
    broker: Mosquitto, tmp_path: Path, stopping: list[Collector]
) -> None:
    gate = Gate(tmp_path / "gate", "gate-1", [broker.port], every=10)
    await gate.start()
    await gate.badges(30)
    collector = Collector(tmp_path / "hq", broker, gate)
    stopping.append(collector)
    collector.start()
    everything = {seq for seq, _, _ in gate.records()}
    await collector.until(lambda: collector.stored() >= everything and collector.cosigned())
    path = collector.path

    async def whole_again(count: int) -> None:
        everything = {seq for seq, _, _ in gate.records()}
        await collector.until(lambda: collector.stored() >= everything)
        await collector.until(lambda: len(aside(path)) == count)
        assert ("database_lost", aside(path)[-1].name) in collector.alarms()
        await gate.badges(20)
        await gate.checkpoints.make()
        newest = gate.records()[-1][0]
        await collector.until(lambda: newest in collector.stored())
        await asyncio.sleep(0.5)
        assert not collector.cosigned()  # it has forgotten what it cosigned

    collector.stop()
    hurt(path, "noise")
    collector.start()
    await whole_again(1)
    # While it works: emptied in place.
    path.write_bytes(b"")
    await whole_again(2)
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "collect", "status", "--json", "-c",
         str(collector.toml)],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert "database_lost" in {one["kind"] for one in json.loads(done.stdout)["alarms"]}
    # A person has looked and takes the damaged files away.
    collector.stop()
    for one in [*path.parent.glob("*.damaged-*")]:
        one.unlink()
    collector.start()
    await gate.badges(20)
    await gate.checkpoints.make()
    await collector.until(collector.cosigned)
    await gate.crash()


@pytest.mark.parametrize("kind", KINDS)
def test_each_damage_is_found_before_it_is_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "collected.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE events (body)")
        db.executemany("INSERT INTO events VALUES (?)", [("x" * 900,)] * 100)
    own = OwnFile(path)
    own.hold()
    own.opened()
    assert not own.lost and not own.silent
    own.look()
    hurt(path, kind)
    if kind not in ("halved", "noise"):  # in place: SQLite finds them when it reads
        with pytest.raises(OSError, match="another file"):
            own.look()
    else:
        own.doubt(_error(path))
    own.hold()
    assert own.silent == (kind in DAMAGED) == bool(own.lost)
    assert not path.exists()
    for one in aside(path):
        away(one)
    assert not own.silent


def _error(path: Path) -> sqlite3.Error:
    with pytest.raises(sqlite3.DatabaseError) as found, closing(sqlite3.connect(path)) as db:
        db.execute("SELECT max(body), count(*) FROM events").fetchall()
    return found.value


def test_a_server_has_no_file(tmp_path: Path) -> None:
    own = OwnFile(None)
    own.hold()
    own.opened()
    own.look()
    assert not own.silent and not own.lost
