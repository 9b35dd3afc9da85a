"""Devices that flap: a short log, every change counted, and a final state that is true."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ledger.event import NewEvent
from gateway.state import flapping
from gateway.state.flapping import BURST, CALM_S, DeviceStates

pytestmark = pytest.mark.looptime


class Log:
    """What the log gets of one device, and when."""

    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.states = DeviceStates(self.events.append)

    def change(self, online: bool, detail: str = "") -> None:
        self.states.change("broker", "mqtt", online, detail)

    @property
    def types(self) -> list[str]:
        return [str(event.type) for event in self.events]

    @property
    def state(self) -> Any:
        return self.states.shown()[0]["state"]

    async def flap(self, times: int, every_s: float) -> None:
        for number in range(times):
            self.change(number % 2 == 1, "" if number % 2 else "gone")
            await asyncio.sleep(every_s)


async def test_a_change_now_and_then_is_recorded_at_once_by_itself() -> None:
    log = Log()
    for number in range(20):
        log.change(number % 2 == 0)
        assert len(log.events) == number + 1
        assert log.state == ("offline" if number % 2 else "online")
        await asyncio.sleep(61)
    assert set(log.types) == {"device.online", "device.offline"}
    assert all(set(event.data) == {"kind", "detail"} for event in log.events)


async def test_the_same_state_again_is_not_a_change() -> None:
    log = Log()
    for _ in range(100):
        log.change(False, "no such file")
    assert log.types == ["device.offline"]


async def test_two_changes_a_second_for_ever_leave_a_short_log() -> None:
    """As found in use with two gateways of one name: 20 changes in 10 seconds, for ever."""
    log = Log()
    log.change(True)
    await log.flap(1200, 0.5)  # ten minutes
    assert log.state == "unstable"
    assert log.types[: BURST + 2] == [
        "device.online",
        *["device.offline", "device.online"] * (BURST // 2),
        "device.unstable",
    ]
    assert set(log.types[BURST + 1 :]) == {"device.unstable"} and len(log.events) <= BURST + 3
    await asyncio.sleep(CALM_S)
    assert log.types[-1] == "device.online" and log.state == "online"
    counted = sum(event.data.get("count", 1) for event in log.events)
    assert counted == 1201  # none is lost: each is a record or in a count
    assert log.events[-1].data["unstable_s"] == pytest.approx(600 - 2 + CALM_S - 0.5, abs=1)


async def test_unstable_until_it_has_been_quiet_and_then_its_state_is_true() -> None:
    log = Log()
    log.change(True)
    await log.flap(BURST + 1, 1)
    assert log.state == "unstable" and log.types[-1] == "device.unstable"
    assert log.events[-1].data == {
        "kind": "broker",
        "detail": "gone",
        "count": 1,
        "online": False,
    }
    await asyncio.sleep(CALM_S - 2)
    log.change(True)  # not yet quiet for long enough
    await asyncio.sleep(CALM_S - 1)
    assert log.state == "unstable" and log.states.shown()[0]["online"] is True
    await asyncio.sleep(2)
    assert log.state == "online" and log.types[-1] == "device.online"
    await asyncio.sleep(10 * CALM_S)
    assert log.types.count("device.unstable") == 1  # said once, and nothing after it


async def test_it_says_unstable_again_after_a_while_and_less_and_less_often() -> None:
    log = Log()
    log.change(True)
    await log.flap(2880, 30)  # a day
    told = log.types.count("device.unstable")
    assert 20 <= told <= 30
    assert len(log.events) <= 2 + 2 * BURST + told


async def test_one_device_that_flaps_hides_no_other() -> None:
    log = Log()
    log.change(True)
    await log.flap(50, 0.1)
    log.states.change("reader", "yard-in", True, "")
    log.states.change("reader", "yard-in", False, "no answer")
    assert [str(e.type) for e in log.events if e.subject == "yard-in"] == [
        "device.online",
        "device.offline",
    ]
    shown = {item["name"]: item["state"] for item in log.states.shown()}
    assert shown == {"mqtt": "unstable", "yard-in": "offline"}


async def test_away_for_reasons_that_alternate_is_offline_and_never_called_unstable() -> None:
    log = Log()
    for number in range(300):
        log.change(False, ("refused", "timed out")[number % 2])
        await asyncio.sleep(1)
    assert log.state == "offline"
    assert set(log.types) == {"device.offline"} and len(log.events) <= BURST + 4
    log.change(True)  # the first time that it comes, among so many reasons: said at once
    assert log.types[-1] == "device.unstable" and log.events[-1].data["online"] is True
    await asyncio.sleep(CALM_S)
    assert log.types[-1] == "device.online"
    assert sum(event.data.get("count", 1) for event in log.events) == 301


async def test_a_clean_stop_records_how_it_is_now() -> None:
    log = Log()
    log.change(True)
    await log.flap(BURST + 2, 1)
    log.states.settle()
    assert log.types[-2:] == ["device.unstable", "device.online"]
    before = len(log.events)
    await asyncio.sleep(2 * CALM_S)
    log.states.settle()
    assert len(log.events) == before


Steps = st.lists(
    st.tuples(st.floats(0.01, 400), st.booleans(), st.sampled_from(["", "a", "b"])), max_size=60
)


@pytest.mark.looptime(False)
@settings(deadline=None)
@given(Steps)
def test_whatever_it_does_the_counts_add_up_and_the_last_record_is_true(
    steps: Sequence[tuple[float, bool, str]],
) -> None:
    async def live() -> None:
        log, changes, before = Log(), 0, None
        for wait, online, detail in steps:
            log.change(online, detail)
            changes += before != (online, detail)
            before = (online, detail)
            # No record ever says other than what is: offline and online only when it is so.
            if log.types[-1] != "device.unstable" and log.state != "unstable":
                assert log.types[-1] == ("device.online" if online else "device.offline")
            await asyncio.sleep(wait)
        await asyncio.sleep(CALM_S + 1)
        assert sum(event.data.get("count", 1) for event in log.events) == changes
        if before is not None:
            last = log.events[-1]
            assert str(last.type) == ("device.online" if before[0] else "device.offline")
            assert last.data["detail"] == before[1]
            assert log.state == ("online" if before[0] else "offline")

    loop = looptime.new_event_loop(start=0)
    try:
        loop.run_until_complete(live())
    finally:
        loop.close()


def test_the_limits_are_as_documented() -> None:
    assert (BURST, CALM_S, flapping.REPORT_S) == (4, 120.0, (600.0, 3600.0))
