"""The real daemon with what flaps: a short log, a state that is true, doors as safe as before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from demo.rig import Rig
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event
from gateway.state.flapping import BURST

MakeRig = Callable[..., Rig]
ANA = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}


def devices(folder: Path, subject: str) -> list[Event]:
    with closing(LedgerReader(folder)) as reader:
        found = reader.after(0, 100_000)
    return [e for e in found if e.type.startswith("device.") and e.subject == subject]


async def test_a_lock_board_with_a_loose_plug_fills_no_log_and_opens_nothing_while_it_is_away(
    make_rig: MakeRig,
) -> None:
    rig = make_rig()
    await rig.acli("people", "sync", str(rig.write_people([ANA])), "--apply")
    await rig.start()
    changes = 1
    for _ in range(10):
        rig.board.unplug()
        await rig.until(
            lambda s: any(d["kind"] == "lock" and not d["online"] for d in s["devices"])
        )
        rig.board.replug()
        await rig.until(lambda s: any(d["kind"] == "lock" and d["online"] for d in s["devices"]))
        changes += 2
    status = await rig.until(lambda s: True)
    assert [d["state"] for d in status["devices"] if d["kind"] == "lock"] == ["unstable"]
    shown = (await rig.acli("status")).stdout
    assert "board: unstable" in shown
    # Unstable is for people; the door asks the board itself, as it is at this moment.
    rig.board.unplug()
    await rig.until(lambda s: any(d["kind"] == "lock" and not d["online"] for d in s["devices"]))
    rig.yard_reader.present(18, 1001)
    status = await rig.until(lambda s: s["last"]["yard"] is not None)
    assert status["last"]["yard"]["reason"] == "denied_lock_unavailable"
    records = devices(rig.ledger_path, "board")
    assert [e.type for e in records[-1:]] == ["device.unstable"]
    assert len(records) <= 1 + BURST + 2
    # The stop records how it is in the end, and every change is in the log or in a count.
    assert await rig.stop_daemon() == 0
    records = devices(rig.ledger_path, "board")
    assert records[-1].type == "device.offline"
    assert sum(e.data.get("count", 1) for e in records) >= changes + 1
