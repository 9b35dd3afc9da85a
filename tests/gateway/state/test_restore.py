"""What a restart must not lose: wrong PINs of late, alarms that were open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import NewEvent
from gateway.state.restore import open_alarms, wrong_pins


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g", timeout_s=5)
    yield ledger
    ledger.close()


async def test_alarms_without_their_end_are_found_for_the_doors_asked_about(
    ledger: Ledger, tmp_path: Path
) -> None:
    for kind, door in (
        ("door.forced", "a"),
        ("door.forced", "b"),
        ("door.forced_cleared", "b"),
        ("door.held", "b"),
        ("door.held", "c"),
        ("door.held_cleared", "c"),
        ("door.forced", "gone"),
    ):
        await ledger.append(NewEvent(kind, door, {"open_s": 30.0} if kind == "door.held" else {}))
    await ledger.append(NewEvent("x", "a", {"note": '"type":"door.forced_cleared"'}))
    await ledger.append(NewEvent("x", "a", {"type": "door.forced_cleared"}))
    reader, now = LedgerReader(tmp_path / "ledger.db"), time.monotonic()
    found = open_alarms(reader, ["a", "b", "c", "d"])
    assert [list(alarms) for alarms in found.values()] == [["door.forced"], ["door.held"], [], []]
    assert now - found["a"]["door.forced"] == pytest.approx(0, abs=5)
    assert now - found["b"]["door.held"] == pytest.approx(30, abs=5)
    reader.close()


async def test_reading_backwards_goes_beyond_a_chunk_and_ends_where_told(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.reader.CHUNK", 3)
    for n in range(10):
        await ledger.append(NewEvent("odd" if n % 2 else "even", "d", {"n": n}))
    reader = LedgerReader(tmp_path / "ledger.db")
    assert [e.data["n"] for e in reader.back("odd")] == [9, 7, 5, 3, 1]
    assert [e.data["n"] for e in reader.back("odd", "even", most=4)] == [9, 8, 7, 6]
    assert list(reader.back("odd")) == [e for e in reversed(reader.after(0, 99)) if e.type == "odd"]
    reader.close()


def denied(
    person: str, ago_s: float, reason: str = "denied_wrong_pin", pin: str = "wrong"
) -> NewEvent:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    data = {"reason": reason, "person": {"id": person}, "pin": pin}
    return NewEvent("access.denied", "d", data, time=at)


async def test_wrong_pins_are_found_behind_any_number_of_other_records(
    ledger: Ledger, tmp_path: Path
) -> None:
    await ledger.append(denied("old", 400))
    await ledger.append(denied("thief", 200))
    await ledger.append(denied("other", 190, "denied_pin_locked", "correct"))
    await ledger.append(denied("revoked", 180, "denied_interlock"))  # wrong, and refused before
    filler = [ledger.append_soon(NewEvent("door.rex", "d")) for _ in range(5000)]
    await asyncio.gather(*filler)
    await ledger.append(denied("late", 10))
    reader = LedgerReader(tmp_path / "ledger.db")
    found = wrong_pins(reader, 300)
    assert [person for person, _ in found] == ["thief", "revoked", "late"]
    ages = [time.monotonic() - at for _, at in found]
    assert ages == pytest.approx([200, 180, 10], abs=5)
    reader.close()


async def test_reading_back_ends_with_the_time_but_not_at_a_record_with_a_wrong_one(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.reader.CHUNK", 10)
    for ago in [400.0] * 30 + [200.0] + [1e9] * 5 + [100.0]:  # a clock that lost its time
        await ledger.append(denied("thief", ago))
    reader, looked = LedgerReader(tmp_path / "ledger.db"), []
    rows = reader._rows
    monkeypatch.setattr(reader, "_rows", lambda sql, v=(): looked.append(v) or rows(sql, v))
    assert len(wrong_pins(reader, 300)) == 2
    assert min(v[0] for v in looked if v) >= 15  # the rest of the old ones was not looked at
    reader.close()
