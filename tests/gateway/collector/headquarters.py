"""A whole headquarters for tests: brokers, PostgreSQL, collectors and gateways, all real.

Everything but the gateways is a process of its own and can be killed with `kill -9` at any moment.
What the gateways have in their logs is the truth that the database is held against.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Mosquitto
from tests.gateway.collector.gates import Gate
from tests.postgres import Postgres

ROOT = Path(__file__).parents[3]
TTL_S = 5.0  # much less, and on a busy machine leases move without a kill


class Headquarters:
    """`brokers` mosquittos, one PostgreSQL, and as many `collectors`; stopped by `close`."""

    def __init__(
        self,
        folder: Path,
        *,
        brokers: Sequence[Mosquitto],
        database: Postgres,
        gateways: Sequence[str],
        collectors: int = 2,
        url: str = "",
    ) -> None:
        self.folder, self.brokers, self.database = folder, list(brokers), database
        self.url = url or database.database("garita")
        self.gates = {
            name: Gate(folder / name, name, [b.port for b in brokers]) for name in gateways
        }
        self.vkeys = {name: gate.vkey for name, gate in self.gates.items()}
        self.collectors: dict[str, subprocess.Popen[bytes] | None] = {}
        for number in range(1, collectors + 1):
            self.collectors[f"hq-{number}"] = None
        self.killed: Counter[str] = Counter()
        self._stuffing: list[asyncio.Task[None]] = []

    # Processes

    def config(self, name: str) -> Path:
        """The configuration of a collector."""
        path = self.folder / f"{name}.toml"
        path.write_text(collector_toml(self, name))
        return path

    def start_collector(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.collectors[name] = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli.main", "collect", "-c", str(self.config(name))],
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )

    def kill_collector(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.collectors[name]
        if process is not None:
            process.send_signal(number)
            process.wait(timeout=30)
            self.collectors[name] = None

    def log(self, name: str) -> str:
        """The last lines that a collector wrote, for a failure's message."""
        path = self.folder / f"{name}.log"
        return path.read_text()[-2000:] if path.exists() else ""

    async def start(self) -> None:
        for name in self.collectors:
            self.start_collector(name)
        await asyncio.gather(*(gate.start() for gate in self.gates.values()))

    async def close(self) -> None:
        for task in self._stuffing:
            task.cancel()
        for name in self.collectors:
            self.kill_collector(name)
        await asyncio.gather(*(gate.crash() for gate in self.gates.values()))

    # Traffic

    def traffic(self, a_second: float) -> None:
        """Badges at every gateway from now on, until `quiet`."""

        async def badges(name: str) -> None:
            n = 0
            while True:
                await asyncio.sleep(random.expovariate(a_second / 5))
                await self.gates[name].badges(5, first=n)
                n += 5

        self._stuffing = [asyncio.create_task(badges(name)) for name in self.gates]

    async def quiet(self) -> None:
        """No more badges."""
        tasks, self._stuffing = self._stuffing, []
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    # The truth, and what is stored

    def truth(self) -> dict[tuple[str, int], tuple[str, str]]:
        """(gateway, number) to (id, hash), of all records of the gateways that there are."""
        return {
            (name, seq): (key, digest)
            for name, gate in self.gates.items()
            for seq, key, digest in gate.records()
        }

    def query(self, text: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=10) as connection:
            return connection.execute(text, values).fetchall()  # type: ignore[arg-type]

    def everything(self) -> list[tuple[tuple[str, int], tuple[str, str]]]:
        """All rows, where numbers may come again in another origin."""
        rows = self.query(
            "SELECT gateway, seq, e.id, encode(hash, 'hex') FROM events e"
            " JOIN origins o ON o.id = e.origin"
        )
        return [((gateway, seq), (key, digest)) for gateway, seq, key, digest in rows]

    def stored(self) -> dict[tuple[str, int], tuple[str, str]]:
        """The same of what the database has; raises psycopg.Error while it is down."""
        rows = self.everything()
        found = dict(rows)
        assert len(found) == len(rows), "a record is stored twice"
        return found

    def proven(self, gateway: str) -> int:
        """Up to which number a signed head covers what is stored of the newest origin."""
        rows = self.query(
            "SELECT proven_seq FROM audit.log_health WHERE gateway = %s"
            " ORDER BY first_seq DESC LIMIT 1",
            gateway,
        )
        return (rows[0][0] or 0) if rows else 0

    async def until(self, condition: Callable[[], bool], timeout_s: float = 60) -> None:
        """Wait for it; a database that is down has not got there yet."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                if await asyncio.to_thread(condition):
                    return
            except psycopg.Error:
                pass
            assert time.monotonic() < deadline, "\n".join(map(self.log, self.collectors))
            await asyncio.sleep(0.1)

    async def whole(self, timeout_s: float = 240) -> None:
        """Wait until the database has everything that the gateways have, and nothing else."""
        deadline = time.monotonic() + timeout_s
        while True:
            await asyncio.sleep(0.2)
            try:
                stored = await asyncio.to_thread(self.stored)
            except psycopg.Error:
                stored = {}
            # Read behind it: what was recorded meanwhile is not missed.
            truth = await asyncio.to_thread(self.truth)
            if stored == truth:
                return
            if time.monotonic() > deadline:
                self._tell(truth, stored)

    def _tell(self, truth: dict[tuple[str, int], Any], stored: dict[tuple[str, int], Any]) -> None:
        missing = sorted(truth.keys() - stored.keys())
        extra = sorted(stored.keys() - truth.keys())
        other = [key for key in truth.keys() & stored.keys() if truth[key] != stored[key]]
        logs = "\n".join(f"{name}: {self.log(name)}" for name in self.collectors)
        pytest.fail(
            f"{len(missing)} missing {missing[:5]}, {len(extra)} too many {extra[:5]}, "
            f"{len(other)} others {other[:5]}\n{logs}"
        )

    # Kills

    async def storm(self, kills: int, rng: random.Random, every: int = 25) -> None:
        """Kill one thing after the other and start it again; now and then wait until everything
        that was recorded is stored."""
        for count in range(1, kills + 1):
            kind = rng.choices(["collector", "broker", "database", "gateway"], [10, 4, 4, 2])[0]
            self.killed[kind] += 1
            await self._kill(kind, rng)
            if count % every == 0:
                await self.whole_after_traffic()
                print(f"{count} kills, everything stored: {dict(self.killed)}", flush=True)

    async def whole_after_traffic(self) -> None:
        rate = bool(self._stuffing)
        await self.quiet()
        await self.whole()
        if rate:
            self.traffic(30)

    async def _kill(self, kind: str, rng: random.Random) -> None:
        down = rng.choice([0.0, 0.1, 0.5, 1.0])
        again: Callable[[], Any]
        if kind == "collector":
            name = rng.choice(sorted(self.collectors))
            self.kill_collector(name)
            again = lambda: self.start_collector(name)  # noqa: E731
        elif kind == "broker":
            broker = rng.choice(self.brokers)
            broker.kill()
            again = broker.start
        elif kind == "database":
            self.database.kill()
            again = self.database.start
        else:
            await self._restart_gateway(rng.choice(sorted(self.gates)))
            again = lambda: None  # noqa: E731
        await asyncio.sleep(down)
        await asyncio.to_thread(again)
        await asyncio.sleep(rng.random())

    async def _restart_gateway(self, name: str) -> None:
        """The power of a gateway goes, and comes back."""
        old = self.gates[name]
        traffic = bool(self._stuffing)
        await self.quiet()
        await old.crash()
        self.gates[name] = Gate(old.folder, name, [b.port for b in self.brokers])
        await self.gates[name].start()
        if traffic:
            self.traffic(30)


def collector_toml(hq: Headquarters, name: str) -> str:
    """What `garita collect` is told."""
    brokers = [f"127.0.0.1:{broker.port}" for broker in hq.brokers]
    known = "".join(f'[gateways.{gate}]\nkey = "{key}"\n' for gate, key in hq.vkeys.items())
    return (
        f'name = "{name}"\ndatabase = "{hq.url}"\nlease_s = {TTL_S}\n[mqtt]\nbrokers = {brokers}\n'
        f'[mirror]\nname = "hq.example/mirror"\nkey_file = "mirror.key"\n{known}'
    )
