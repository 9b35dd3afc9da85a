"""The threat level: in force at once, kept over restarts, strict when it can't be told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.decide.policy import ThreatLevel
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, NewEvent
from gateway.state.threat import ThreatState, UnknownLevel

LEVELS = {name: ThreatLevel(name, rank) for rank, name in enumerate(("normal", "high", "lockdown"))}


class Log:
    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.fault: Exception | None = None

    async def append(self, event: NewEvent) -> Event:
        if self.fault:
            raise self.fault
        self.events.append(event)
        return Event(len(self.events), "", "2026-11-25T00:00:00Z", event.type, "", {}, "", "")


def state(path: Path, on_unknown: str = "", levels: dict[str, ThreatLevel] = LEVELS) -> ThreatState:
    return ThreatState(levels, path, "g", on_unknown)


def nothing(kind: str) -> None:
    return None


async def test_a_level_is_kept_with_who_and_why(tmp_path: Path) -> None:
    log, path = Log(), tmp_path / "threat.json"
    first = state(path)
    assert first.restore(nothing) is None and first.level == "normal"
    assert await first.set("lockdown", "ana", "shots", log.append)
    assert not await first.set("lockdown", "ana", "again", log.append)
    assert [e.data for e in log.events] == [
        {"level": "lockdown", "was": "normal", "by": "ana", "reason": "shots"}
    ]
    second = state(path)
    assert second.restore(nothing) is None
    assert (second.level, second.now.by, second.now.reason) == ("lockdown", "ana", "shots")
    with pytest.raises(UnknownLevel):
        await second.set("none", "ana", "", log.append)


async def test_a_raise_needs_no_record_and_a_lower_level_does(tmp_path: Path) -> None:
    log, path = Log(), tmp_path / "threat.json"
    one = state(path)
    one.restore(nothing)
    log.fault = LedgerUnavailable("disk full")
    with pytest.raises(LedgerUnavailable):
        await one.set("high", "ana", "", log.append)
    assert one.level == "high"
    with pytest.raises(LedgerUnavailable):
        await one.set("normal", "ana", "", log.append)
    assert one.level == "high" and json.loads(path.read_text())["level"] == "high"
    log.fault = None
    assert not await one.raise_to("normal", "input", "", log.append)
    assert one.level == "high"
    assert await one.set("normal", "ana", "", log.append)


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", '{"level": "gone"}', '{"level": 1}', "\x00"])
def test_what_cant_be_read_is_the_strictest(tmp_path: Path, text: str) -> None:
    path = tmp_path / "threat.json"
    path.write_text(text)
    one = state(path)
    event = one.restore(nothing)
    assert one.level == "lockdown" and event is not None and event.data["by"] == "gateway"
    two = state(path, "high")
    two.restore(nothing)
    assert two.level == "high"


async def test_removing_the_file_does_not_lower_the_level(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    one = state(tmp_path / "threat.json")
    reader = LedgerReader(tmp_path / "ledger.db")
    one.restore(reader.newest)
    await one.set("lockdown", "ana", "x", ledger.append)
    await ledger.append(NewEvent("people.synced", "x", {"reason": '"type":"threat.changed"}'}))
    (tmp_path / "threat.json").unlink()
    two = state(tmp_path / "threat.json")
    assert two.restore(reader.newest) is None and two.level == "lockdown"
    reader.close()
    ledger.close()


def test_a_site_without_levels_has_none(tmp_path: Path) -> None:
    one = state(tmp_path / "threat.json", levels={})
    assert one.restore(nothing) is None and one.level == "" and one.status() is None


async def test_a_raise_while_a_lower_level_is_being_recorded_stands(tmp_path: Path) -> None:
    log, one = Log(), state(tmp_path / "threat.json")
    one.restore(nothing)
    await one.set("high", "ana", "", log.append)

    disk = asyncio.Event()

    async def slow(event: NewEvent) -> Event:
        await disk.wait()
        return await log.append(event)

    lower = asyncio.create_task(one.set("normal", "ana", "", slow))
    await asyncio.sleep(0)
    higher = asyncio.create_task(one.raise_to("lockdown", "button", "", log.append))
    await asyncio.sleep(0)
    assert one.level == "lockdown"  # at once, whatever the disk does
    disk.set()
    assert not await lower and await higher
    assert one.level == "lockdown" and log.events[-1].data["level"] == "lockdown"
    assert json.loads((tmp_path / "threat.json").read_text())["level"] == "lockdown"


async def test_levels_that_change_at_once_are_recorded_in_the_order_in_which_they_came(
    tmp_path: Path,
) -> None:
    log, one = Log(), state(tmp_path / "threat.json")
    one.restore(nothing)
    levels = ["lockdown", "normal", "high", "lockdown", "normal"]
    tasks = []
    for level in levels:
        tasks.append(asyncio.create_task(one.set(level, "ana", "", log.append)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert log.events[-1].data["level"] == one.level
    assert json.loads((tmp_path / "threat.json").read_text())["level"] == one.level


async def test_a_file_that_cant_be_written_does_not_keep_a_level_from_being_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, one = Log(), state(tmp_path / "none" / "threat.json")
    one.restore(nothing)
    assert await one.set("lockdown", "ana", "", log.append)
    assert one.level == "lockdown" and len(log.events) == 1
    assert "can't be kept" in caplog.text
