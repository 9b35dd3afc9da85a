"""A visitor's temporary badge at the door of the real daemon."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.rig import Rig
from gateway.ledger import LedgerReader

VISITOR = 777


async def tap(rig: Rig, number: int) -> dict[str, Any]:
    before = (await rig.until(lambda s: True))["last"].get("yard")
    rig.yard_reader.present(18, number)
    status = await rig.until(lambda s: s["last"].get("yard") not in (None, before))
    answer: dict[str, Any] = status["last"]["yard"]
    return answer


async def test_a_visitors_badge_opens_for_the_visit_alone(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.config.write_text(
        rig.config.read_text() + '\n[visits]\naccess_levels = ["plant"]\nbadge_grace_min = 0\n',
        encoding="utf-8",
    )
    people = rig.write_people(
        [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]
    )
    await rig.acli("people", "sync", str(people), "--apply")
    await rig.start()
    assert (await tap(rig, VISITOR))["reason"] == "denied_unknown_credential"

    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    walk_in = ("visit", "walk-in", "José", "--host", "Ana", "--no-escort", "--id-kind", "ine")
    await rig.acli(*walk_in, "--until", until)
    await rig.acli("visit", "badge", "1", f"em4100:18:{VISITOR}")
    assert (await tap(rig, VISITOR))["reason"] == "granted"
    await rig.board.wait_for(2, True)

    # A list that is put in force meanwhile neither counts nor removes the visitor.
    people.write_text(people.read_text().replace("Ana", "Eva"), encoding="utf-8")
    done = await rig.acli("people", "sync", str(people), "--apply")
    assert "0 added, 1 changed, 0 removed" in done.stdout
    assert (await tap(rig, VISITOR))["reason"] == "granted"

    soon = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    await rig.acli("visit", "extend", "1", "--until", soon)
    await asyncio.sleep(5.1)  # rows hold whole seconds
    assert (await tap(rig, VISITOR))["reason"] == "denied_expired"
    assert [
        v["id"] for v in json.loads((await rig.acli("visit", "list", "--overdue", "--json")).stdout)
    ] == [1]
    await rig.acli("visit", "depart", "1", "--badge-returned")
    assert (await tap(rig, VISITOR))["reason"] == "denied_unknown_credential"

    ledger = LedgerReader(rig.ledger_path)
    events = list(ledger.after(0, 1000))
    ledger.close()
    kinds = [event.type for event in events if event.type.startswith("visit.")]
    kinds = [kind for kind in kinds if kind != "visit.overdue"]  # if a look fell into that time
    assert kinds == ["visit.arrived", "visit.badge_issued", "visit.extended", "visit.departed"]
    granted = next(event for event in events if event.type == "access.granted")
    issued = next(event for event in events if event.type == "visit.badge_issued")
    assert granted.data["person"]["id"] == "visit-1"
    assert granted.data["credential"]["fingerprint"] == issued.data["fingerprint"]
