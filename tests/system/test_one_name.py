"""Two real daemons of one name on a real mosquitto."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import Any

from demo.rig import Rig
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event

ANA = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}


def events(rig: Rig) -> list[Event]:
    with closing(LedgerReader(rig.ledger_path)) as reader:
        return reader.after(0, 100_000)


def about_links(rig: Rig) -> list[Event]:
    """What two clients of one name would fill a log with.

    The rest of a log (a start's last devices, a checkpoint) may come in any second.
    """
    return [
        e for e in events(rig) if e.type.startswith("uplink.") or e.data.get("kind") == "broker"
    ]


async def shown(rig: Rig) -> str:
    """What `garita status` prints, without its line breaks."""
    return " ".join((await rig.acli("status", "--all")).stdout.split())


async def test_two_gateways_of_one_name_say_so_and_leave_each_other_alone(
    make_rig: Callable[..., Rig], broker: Any
) -> None:
    """As found in use: two events a second in each ledger for ever, and `status` says connected."""
    mqtt = f'host = "127.0.0.1"\nport = {broker.port}'
    first, second = make_rig(mqtt=mqtt), make_rig(mqtt=mqtt)
    done = await second.acli("check", "--online", check=False)
    assert done.returncode == 0 and "no gateway is connected under our name" in done.stdout
    await second.acli("people", "sync", str(second.write_people([ANA])), "--apply")
    await first.start()
    await first.until(lambda s: s["mqtt"]["connected"] and s["mqtt"]["waiting"] == 0)
    await second.start()
    await second.until(lambda s: s["mqtt"]["name_taken_by"])
    await first.until(lambda s: s["mqtt"]["name_taken_by"])
    for rig in (first, second):  # a record comes after the status, on a busy machine much later
        async with asyncio.timeout(20):
            while "uplink.name_taken" not in [e.type for e in about_links(rig)]:
                await asyncio.sleep(0.1)
    before = about_links(first), about_links(second)
    await asyncio.sleep(5)
    assert (about_links(first), about_links(second)) == before
    for rig in (first, second):
        kinds = [e.type for e in events(rig)]
        assert kinds.count("uplink.name_taken") == 1
        assert [e.data["kind"] for e in events(rig) if e.type == "device.unstable"] == []
        assert "ANOTHER gateway" in await shown(rig) and "this name: host" in await shown(rig)
    status = await first.until(lambda s: s["mqtt"]["waiting"] == 0)
    assert status["mqtt"]["connected"]  # it was not thrown off
    text = await shown(second)
    assert "not connected" in text and "another gateway has this name" in text
    # `check --online` names it, and disturbs neither.
    done = await second.acli("check", "--online", check=False)
    assert done.returncode == 3 and "ANOTHER gateway is connected" in done.stdout
    done = await first.acli("check", "--online")
    assert "this gateway is connected" in done.stdout and "MQTT 5" in done.stdout
    assert (about_links(first), about_links(second)) == before
    # The doors of both are as they were.
    second.yard_reader.present(18, 1001)
    status = await second.until(lambda s: s["last"]["yard"] is not None)
    assert status["last"]["yard"]["reason"] == "granted"
    # A broker that is away is said too.
    broker.stop()
    done = await first.acli("check", "--online", check=False)
    assert done.returncode == 5 and "no connection" in done.stdout
