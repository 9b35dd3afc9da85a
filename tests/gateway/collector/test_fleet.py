"""deploy/fleet: brokers, PostgreSQL with a streaming standby, collectors; each is killed in turn,
and the standby is promoted after it missed what was acknowledged."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from demo.broker import free_port
from tests.gateway.collector.headquarters import ROOT, Headquarters
from tests.postgres import open_folder

SCRIPT = ROOT / "deploy" / "fleet" / "try.sh"


class Fleet:
    """A folder of try.sh."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first = next(port for port in iter(free_port, 0) if port < 65_000)
        garita = Path(sys.executable).with_name("garita")
        self._environment = {**os.environ, "FIRST_PORT": str(self.first), "GARITA": str(garita)}

    def __call__(self, act: str, *more: str) -> str:
        with (self.folder.parent / "said").open("w+b") as said:  # a pipe would wait for the servers
            done = subprocess.run(
                ["sh", SCRIPT, act, self.folder, *more],
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                env=self._environment,
                check=False,
                start_new_session=True,
            )
            said.seek(0)
            text = said.read().decode()
        assert done.returncode == 0, f"{act} {more}: {text}"
        return text

    @property
    def url(self) -> str:
        password = (self.folder / "garita.password").read_text().strip()
        servers = f"127.0.0.1:{self.first + 2},127.0.0.1:{self.first + 3}"
        return f"postgresql://garita:{password}@{servers}/garita?target_session_attrs=read-write"


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with open_folder() as folder:
        made = Fleet(folder / "fleet")
        yield made
        if made.folder.exists():
            made("down")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_fleet_lives_through_the_loss_of_each_of_its_parts(
    fleet: Fleet, tmp_path: Path
) -> None:
    brokers: Any = [SimpleNamespace(port=fleet.first), SimpleNamespace(port=fleet.first + 1)]
    none: Any = None
    (tmp_path / "gates").mkdir()
    hq = Headquarters(
        tmp_path / "gates",
        brokers=brokers,
        database=none,
        gateways=["gate-1", "gate-2"],
        collectors=0,
        url="to be made",
    )
    keys = [f"{name}={key}" for name, key in hq.vkeys.items()]
    await asyncio.to_thread(fleet, "up", *keys)
    hq.url = fleet.url
    try:
        await hq.start()

        async def all_stored() -> None:
            for gate in hq.gates.values():
                await gate.badges(40)
            await hq.whole()

        await all_stored()
        assert "standby-" in fleet("status") and "hq-2" in fleet("status")
        for name in ("broker-1", "hq-1"):
            fleet("kill", name)
            await all_stored()
            fleet("start", name)

        # The standby misses what is acknowledged now, and is promoted all the same.
        fleet("kill", "db-2")
        await all_stored()
        before = len(await asyncio.to_thread(hq.stored))
        fleet("kill", "db-1")
        fleet("start", "db-2")
        fleet("promote")
        behind = len(await asyncio.to_thread(hq.stored))
        assert behind < before, "the promoted standby lacks rows that were acknowledged"
        await hq.whole()
        await all_stored()
        assert hq.query("SELECT * FROM conflicts") == []
        assert "standby-" not in fleet("status")
    finally:
        await hq.close()
