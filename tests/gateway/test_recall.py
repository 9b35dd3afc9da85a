"""What a restart must not lose: alarms that were open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import Ledger, LedgerReader
from gateway.model import NewEvent
from gateway.recall import open_alarms


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
        await ledger.append(NewEvent(kind, door))
    await ledger.append(NewEvent("x", "a", {"note": '"type":"door.forced_cleared"'}))
    await ledger.append(NewEvent("x", "a", {"type": "door.forced_cleared"}))
    reader = LedgerReader(tmp_path / "ledger.db")
    assert open_alarms(reader, ["a", "b", "c", "d"]) == {
        "a": {"door.forced"},
        "b": {"door.held"},
        "c": set(),
        "d": set(),
    }
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
