"""A folder that version 0.1.0 left is taken over as it is: see tests/data/README.md."""

from __future__ import annotations

import asyncio
import json
import tarfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from demo.rig import Rig
from drivers.readers import wiegand
from gateway.ledger import LedgerReader

pytestmark = pytest.mark.system

ARCHIVE = Path(__file__).parents[2] / "data" / "gateway-0.1.0.tar.xz"


class Old(Rig):
    """A gateway whose folder, configuration and keys are those of the archive; `how` its last
    process ended: killed or stopped."""

    def __init__(self, folder: Path, how: str, port: int) -> None:
        folder.mkdir()
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(folder, filter="data")
        (folder / how).rename(folder / "data")
        (folder / "site.key").chmod(0o600)
        text = (folder / "garita.toml").read_text(encoding="utf-8")
        super().__init__(folder, osdp=True)  # which writes a configuration of its own
        text = text.replace("@FOLDER@", str(folder)).replace("@PORT@", str(port))
        self.config.write_text(text, encoding="utf-8")
        facts = json.loads((folder / "facts.json").read_text())
        self.was: dict[str, Any] = facts[how]
        self.pin = str(facts["pin"])
        self.vault_in.key, self.vault_out.key = map(bytes.fromhex, facts["reader_keys"])


@pytest.fixture(params=["killed", "stopped"])
async def old(request: pytest.FixtureRequest, tmp_path: Path, broker: Any) -> AsyncIterator[Old]:
    rig = Old(tmp_path / "old", request.param, broker.port)
    yield rig
    await rig.stop()


async def published(port: int, into: list[dict[str, Any]]) -> None:
    """Collect the events that come over MQTT, for ever."""
    async with aiomqtt.Client("127.0.0.1", port, identifier="plant") as client:
        await client.subscribe("garita/demo-gate/events", qos=1)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            into.append(json.loads(message.payload))


async def js(rig: Rig, *command: str) -> Any:
    return json.loads((await rig.acli(*command, "--json")).stdout)


async def test_an_old_folder_starts_and_goes_on_where_it_was(old: Old, broker: Any) -> None:
    events: list[dict[str, Any]] = []
    listening = asyncio.create_task(published(broker.port, events))
    before = await js(old, "log", "verify")
    assert before["ok"] and before["tables_since"] is None  # its records have no marks yet
    await old.start(wait=False, log=old.folder / "log")
    status = await old.until(
        lambda s: all(r["secure"] for r in s["readers"].values()) and s["mqtt"]["connected"], 60
    )
    assert status["doors"]["gate"]["out_of_service"].startswith("painting")
    assert status["doors"]["yard"]["out_of_service"] == ""
    assert (status["threat"]["level"], status["threat"]["reason"]) == ("elevated", "a call")
    assert (status["people"]["version"], status["people"]["total"]) == (1, 3)
    assert sorted(row["person"] for row in await js(old, "muster")) == sorted(old.was["inside"])

    await asyncio.sleep(0.3)  # what the readers had kept is told first
    old.vault_in.card(wiegand.encode("h10301", 18, 1001))
    await old.until(lambda s: s["doors"]["vault"]["state"] == "waiting")
    for key in f"{old.pin}#":
        old.vault_in.press(key)
    await old.until(lambda s: (s["last"]["vault"] or {}).get("reason") == "granted")
    # Ben is in the yard already, as the old log says: its passback is hard.
    old.yard_reader.present(18, 1002)
    await old.until(lambda s: (s["last"]["yard"] or {}).get("reason") == "denied_passback")

    visits = await js(old, "visit", "list")
    assert [visit["name"] for visit in visits] == ["José"]
    truck = json.dumps(await js(old, "freight", "show", "1"))
    assert all(f'"{text}"' in truck for text in ("AB100000", "Juan", "Norte", "5301"))

    # Its records lack some facts, which the table has; the rows say so.
    (guest,) = await js(old, "visit", "log", "--from", "2026-01-01", "--to", "2027-12-31")
    assert guest["name"] == "José" and guest["from_table"] == ["date", "arrived"]
    (truck_row,) = await js(old, "freight", "log", "--from", "2026-01-01", "--to", "2027-12-31")
    assert truck_row["driver"] == "Juan" and truck_row["from_table"][:2] == ["arrived", "truck"]

    after = await js(old, "log", "verify")
    assert after["ok"] and after["tables_since"] > old.was["last_seq"]  # from the update on

    await old.until(lambda s: s["mqtt"]["waiting"] == 0)
    assert await old.stop_daemon() == 0
    listening.cancel()
    with closing(LedgerReader(old.ledger_path)) as ledger:
        report = ledger.verify(head=(old.was["last_seq"], old.was["head"]))
        assert report.ok, report.problems
        newer = ledger.after(old.was["last_seq"], 10_000)
        chain = ledger.after(0, 1)[0].data["chain"]
    assert newer[0].type == "gateway.started" and newer[0].prev == old.was["head"]
    assert not [e.data for e in newer if e.type == "state.damaged"]
    assert newer[0].id.startswith(f"{chain}-") and newer[-1].type == "gateway.stopped"
    # Nothing before the cursor comes again, and nothing after it is left out.
    seqs = [event["seq"] for event in events]
    assert seqs == list(range(old.was["cursor"] + 1, seqs[-1] + 1)) and seqs[-1] > newer[0].seq
