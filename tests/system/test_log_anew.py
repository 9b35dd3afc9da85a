"""The log is damaged under a gate that works, and the site goes on with a new one: what the gate,
headquarters and a witness make of it.  All of them are real processes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from demo.rig import Rig
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event
from gateway.proof.note import VerifierKey
from tests.gateway.damage import KINDS
from tests.gateway.metrics.scrape import scrape, values
from tests.system.test_witnesses import WitnessProcess

PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]
COLLECT = [sys.executable, "-m", "gateway.cli.main", "collect"]


def records(rig: Rig) -> list[Event]:
    with closing(LedgerReader(rig.ledger_path)) as reader:
        return reader.after(0, 100_000)


async def badge(rig: Rig) -> str:
    before = (await rig.until(lambda s: True))["last"].get("yard")
    rig.yard_reader.present(18, 1001)
    status = await rig.until(lambda s: s["last"].get("yard") not in (None, before), 30)
    return str(status["last"]["yard"]["reason"])


class Headquarters:
    """A collector that is a mirror, and shows its figures."""

    def __init__(self, folder: Path, broker: Any) -> None:
        self.toml, self.database = folder / "collector.toml", folder / "collected.db"
        self.metrics = folder / "m.sock"
        self.toml.write_text(
            f'name = "hq-1"\ndatabase = "collected.db"\n[mqtt]\nhost = "127.0.0.1"\n'
            f'port = {broker.port}\n[mirror]\nname = "hq.example/mirror"\n'
            f'[metrics]\nlisten = "unix:{self.metrics}"\n'
        )
        done = subprocess.run(
            [*COLLECT, "key", "-c", self.toml], capture_output=True, text=True, check=True
        )
        self.key = VerifierKey.parse(done.stdout.strip())

    def stored(self) -> dict[str, int]:
        """How many records of each chain are stored."""
        try:
            with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
                return dict(
                    db.execute(
                        "SELECT o.chain, count(*) FROM events e JOIN origins o ON o.id = e.origin"
                        " GROUP BY o.chain"
                    )
                )
        except sqlite3.Error:
            return {}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COLLECT, *arguments, "-c", self.toml], capture_output=True, text=True, check=False
        )


async def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 90
    while not (found := await asyncio.to_thread(condition)):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.2)
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["noise", "a folder", "emptied"])
async def test_nobody_takes_the_new_log_for_the_old_one(
    make_rig: Callable[..., Rig],
    broker: Any,
    tmp_path: Path,
    kind: str,
) -> None:
    headquarters = Headquarters(tmp_path, broker)
    witness = WitnessProcess(tmp_path / "witness")
    rig = make_rig(
        mqtt=f'host = "127.0.0.1"\nport = {broker.port}',
        policy=f"""
[log]
on_damage = "new"
quorum = 2
[log.witnesses.w1]
key = "{witness.key}"
url = "http://127.0.0.1:{witness.port}"
[log.mirrors]
hq = "{headquarters.key}"
""",
    )
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    collector = subprocess.Popen([*COLLECT, "-c", headquarters.toml])
    try:
        await rig.start()
        witness.start((await rig.acli("log", "key")).stdout.strip())
        for _ in range(3):
            assert await badge(rig) == "granted"
        await rig.acli("log", "checkpoint")
        await rig.until(lambda s: s["witnesses"]["quorum"], timeout_s=120)
        old = {event.id for event in records(rig)}
        (chain,) = {event.id.split("-")[0] for event in records(rig) if "-" in event.id[16:17]}
        last = max(event.seq for event in records(rig))
        await until(lambda: headquarters.stored().get(chain, 0) >= last, "the old log is stored")
        before = headquarters.stored()[chain]
        daemon = rig.daemon.pid if rig.daemon else 0

        KINDS[kind](rig.ledger_path)
        await rig.until(lambda s: (s["ledger"]["follows"] or {}).get("missing"), timeout_s=60)
        # The gate: the same process, a door that opens, and everybody is told.
        assert rig.daemon is not None and rig.daemon.pid == daemon
        assert await badge(rig) == "granted"
        told = {event.type for event in records(rig)}
        assert {"state.damaged", "alarm.log_lost"} <= told
        assert not {event.id for event in records(rig)} & old
        first = records(rig)[0]
        assert first.type == "ledger.created" and first.data["aside"]
        assert (rig.ledger_path.parent / first.data["aside"]).exists()
        shown = (await rig.acli("status")).stdout
        assert "!  ledger.db" in shown and "records were lost" in shown, shown
        await rig.acli("log", "checkpoint")

        # Headquarters: the old records stay, the new ones are another's, and an alarm says it.
        newest = records(rig)[-1]
        anew = newest.id.split("-")[0]
        assert anew != chain
        await until(lambda: anew in headquarters.stored(), "the new log is stored")
        assert headquarters.stored()[chain] == before
        found = json.loads(
            (await asyncio.to_thread(headquarters.command, "status", "--json")).stdout
        )
        kinds = {one["kind"] for one in found["alarms"] if one["gateway"] == "demo-gate"}
        assert "log_lost" in kinds and found["troubled"] == ["demo-gate"], found
        figures = values(await asyncio.to_thread(scrape, headquarters.metrics))
        assert figures["garita_collector_alarms_total", "log_lost"] >= 1

        # The witness: a log of its own, which its list marks; the head of the old one stays.
        def logs() -> dict[str, Any]:
            done = subprocess.run(
                [*witness._command, "logs", "--json"], capture_output=True, text=True, check=True
            )
            return {one["origin"].rsplit("/", 1)[1]: one for one in json.loads(done.stdout)}

        held = await until(lambda: (one := logs()).get(anew) and one, "the new log is cosigned")
        assert held[anew]["began_anew"] and not held[chain]["began_anew"]
        assert held[chain]["size"] >= last - 1  # as it was cosigned; it does not go back
        verified = (await rig.acli("log", "verify", check=False)).stdout
        assert f"another log came before this one: {chain}" in verified, verified
    finally:
        collector.terminate()
        collector.wait(60)
        witness.stop()
