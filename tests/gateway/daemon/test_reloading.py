"""A reload that can't be recorded or kept changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.rig import Rig
from gateway import config
from gateway.config import Settings, kept
from gateway.config.inforce import InForce
from gateway.daemon.control import Refused
from gateway.daemon.reloading import Reloading
from gateway.decide.policy import ThreatLevel
from gateway.doors.rules import Rules, RulesInForce
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import Event, NewEvent
from gateway.state.threat import ThreatState


class Gate:
    """What a reload changes, and a log with a fault to set."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = config.load(path)
        self.in_force = InForce(self.settings)
        self.rules = RulesInForce(Rules(self.settings.site))
        self.events: list[NewEvent] = []
        self.order: list[str] = []
        self.fault: BaseException | None = None
        self.slow = asyncio.Event()
        self.slow.set()
        threat = ThreatState({}, path.parent / "threat.json", "g")
        self.reloading = Reloading(
            in_force=self.in_force,
            rules=self.rules,
            threat=threat,
            append=self.append,
            swap=self.swap,
        )
        self.threat = threat

    async def append(self, event: NewEvent) -> Event:
        await self.slow.wait()
        if self.fault is not None:
            raise self.fault
        self.events.append(event)
        self.order.append("recorded")
        return Event(1, "i", "t", event.type, "", {}, "", "")

    def swap(self, new: Settings) -> None:
        self.in_force.now = new
        self.order.append("in force")

    def change(self, old: str = "pulse_s = 0.3", new: str = "pulse_s = 0.3 #") -> None:
        text = self.path.read_text("utf-8")
        assert old in text
        self.path.write_text(text.replace(old, new, 1), "utf-8")

    async def reload(self) -> Any:
        return await self.reloading.reload({"op": "reload", "by": "rosa"})


@pytest.fixture
async def gate(make_rig: Callable[..., Rig]) -> Gate:
    rig = make_rig()
    (rig.folder / "data").mkdir(exist_ok=True)
    return Gate(rig.config)


async def test_the_record_comes_before_the_change(gate: Gate) -> None:
    gate.change()
    assert (await gate.reload())["applied"] and gate.order == ["recorded", "in force"]
    assert gate.events[0].data["by"] == "rosa" and gate.events[0].data["keys"] == []


async def test_what_the_log_does_not_take_is_not_in_force(gate: Gate) -> None:
    gate.change()
    gate.fault = LedgerUnavailable("disk full")
    with pytest.raises(Refused, match="nothing was changed"):
        await gate.reload()
    assert gate.in_force.now is gate.settings and gate.order == []
    await asyncio.sleep(0.1)
    assert [one.version for one in kept.kept(gate.settings.kept_path)] == [
        gate.settings.site.policy_version
    ]
    assert await gate.rules.begin() is gate.rules.now  # badges go on
    gate.fault = None
    assert (await gate.reload())["applied"]


async def test_what_can_not_be_kept_is_not_in_force(gate: Gate) -> None:
    gate.settings.kept_path.write_text("not a folder")
    gate.change()
    with pytest.raises(Refused, match="can't be kept"):
        await gate.reload()
    assert gate.in_force.now is gate.settings and not gate.events


async def test_an_asker_who_goes_away_leaves_no_record_without_its_effect(gate: Gate) -> None:
    gate.change()
    gate.slow.clear()
    asked = asyncio.create_task(gate.reload())
    await asyncio.sleep(0.3)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    gate.slow.set()
    async with asyncio.timeout(10):
        while gate.order != ["recorded", "in force"]:
            await asyncio.sleep(0.01)


async def test_a_file_that_changes_while_it_is_read_is_refused(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.change()
    load = config.load

    def slowly(path: Path) -> Settings:
        found = load(path)
        gate.change(new="pulse_s = 0.3 # half of a new file")
        return found

    monkeypatch.setattr("gateway.config.load", slowly)
    with pytest.raises(Refused, match="changed while it was read"):
        await gate.reload()
    assert gate.in_force.now is gate.settings


def test_a_level_that_the_new_levels_do_not_know_gives_way_to_the_strictest(
    tmp_path: Path,
) -> None:
    """As a level that was raised while a reload was recorded."""
    low, high = ThreatLevel("low", 1), ThreatLevel("high", 2)
    state = ThreatState({"low": low, "high": high}, tmp_path / "threat.json", "g")
    other = {"low": low, "top": ThreatLevel("top", 9)}
    told = state.use(other, "")
    assert state.level == "top" and told is not None and told.data["was"] == "high"
    assert state.use(other, "") is None
    state.use({}, "")
    assert state.level == "" and state.status() is None
