"""The desk's reader at a real gateway: whose badge it is, and a PIN, over the control socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from demo.rig import Rig
from drivers.simulated.reader import VirtualRdm6300
from gateway.daemon import control
from gateway.people import account

MORE = """
[readers.desk]
driver = "rdm6300"
port = "{folder}/dev/desk-reader"
options = {{ hold_off_s = 0.0 }}

[console]
account = "{account}"
desk_reader = "desk"

[operators.rosa]
person = "e3"
roles = ["guard"]
"""
BADGE = "em4100:7:1001"


async def test_an_operator_proves_who_they_are_at_the_desk(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    more = MORE.format(folder=rig.folder, account=account.own())
    rig.config.write_text(rig.config.read_text() + more)
    desk = VirtualRdm6300(rig.folder / "dev" / "desk-reader")
    rows = [{"id": "e3", "name": "Rosa Díaz", "credentials": BADGE, "access_levels": "plant"}]
    await rig.acli("people", "sync", str(rig.write_people(rows)), "--apply")
    await rig.acli("people", "pin", "e3", stdin="4715\n4715\n")
    await rig.start()
    await rig.until(lambda s: any(d["name"] == "desk" and d["online"] for d in s["devices"]))

    async def ask(op: str, **params: Any) -> dict[str, Any]:
        return await asyncio.to_thread(control.ask, rig.socket, op, timeout_s=25.0, **params)

    after = (await ask("desk_read"))["next"]
    waiting = asyncio.create_task(ask("desk_read", after=after, wait_s=15))
    await asyncio.sleep(0)
    desk.present(7, 1001)
    badge = (await waiting)["badge"]
    assert (badge["kind"], badge["login"], badge["name"]) == ("person", "rosa", "Rosa Díaz")
    assert "1001" not in str({k: v for k, v in badge.items() if k not in ("masked", "token")})
    behalf = {"account": "rosa", "person": "e3", "name": "Rosa", "roles": ["guard"]}
    proof = {"token": badge["token"], "pin": "4715", "act": "sign in"}
    proven = await ask("desk_proof", on_behalf=behalf, **proof)
    assert (proven["outcome"], proven["login"]) == ("correct", "rosa")
    status = await asyncio.to_thread(control.ask, rig.socket, "status")
    assert {door["state"] for door in status["doors"].values()} == {"locked"}  # it opens nothing
    said = (await rig.acli("log", "tail")).stdout
    assert "PIN of Rosa Díaz accepted for sign in" in said
