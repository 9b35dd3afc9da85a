"""Opening from afar: each reason why a door stays shut, in their order, and never an exception."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decide.model import Lookup, Outcome, Reason, Request
from gateway.decide.policy import Action, Area, DoorPolicy, Mode, Site, Subsystem, ThreatLevel
from gateway.decide.remote import decide_remote

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
SITE = Site(
    gateway="g",
    zone=ZoneInfo("UTC"),
    doors={
        "yard": DoorPolicy("yard", Mode.BADGE, area="plant", remote_open=True),
        "gate": DoorPolicy("gate", Mode.BADGE),
        "astray": DoorPolicy("astray", Mode.BADGE, area="nowhere", remote_open=True),
    },
    schedules={},
    holidays={},
    access_levels={},
    areas={"plant": Area("plant", degraded={Subsystem.DISK: Action.CONFIRM})},
    threat_levels={
        "normal": ThreatLevel("normal"),
        "lockdown": ThreatLevel("lockdown", 9, closed=("plant",), open_to=("guards",)),
    },
)
GOOD = Request(door="yard", credential=None, lookup=Lookup.UNKNOWN, threat="normal")


def test_a_door_that_may_opens() -> None:
    end = decide_remote(GOOD, SITE, NOON)
    assert (end.outcome, end.reason) == (Outcome.GRANT, Reason.GRANTED)


# Each has everything wrong that comes after it as well, so the order is tested too.
WRONG: list[tuple[dict[str, Any], Reason]] = [
    ({"failing": {Subsystem.DISK: "12 MB free"}}, Reason.DENIED_DEGRADED),
    ({"interlocked": "gate"}, Reason.DENIED_INTERLOCK),
    ({"tampered": True}, Reason.DENIED_TAMPERED),
    ({"out_of_service": True}, Reason.DENIED_OUT_OF_SERVICE),
    ({"lock_ready": False}, Reason.DENIED_LOCK_UNAVAILABLE),
    ({"threat": "lockdown"}, Reason.DENIED_THREAT_LEVEL),
    ({"clock_trusted": False}, Reason.DENIED_CLOCK_UNTRUSTED),
    ({"door": "gate"}, Reason.DENIED_REMOTE_OFF),
    ({"door": "attic"}, Reason.DENIED_UNKNOWN_DOOR),
]


@pytest.mark.parametrize("count", range(1, len(WRONG) + 1))
def test_each_reason_comes_before_those_after_it(count: int) -> None:
    request = GOOD
    for change, _ in WRONG[:count]:
        request = replace(request, **change)
    end = decide_remote(request, SITE, NOON)
    assert (end.outcome, end.reason) == (Outcome.DENY, WRONG[count - 1][1])


@pytest.mark.parametrize("count", range(len(WRONG)))
def test_each_reason_alone(count: int) -> None:
    change, reason = WRONG[count]
    assert decide_remote(replace(GOOD, **change), SITE, NOON).reason is reason


def test_a_level_that_nobody_knows_closes_the_door() -> None:
    end = decide_remote(replace(GOOD, threat="???"), SITE, NOON)
    assert end.reason is Reason.DENIED_THREAT_LEVEL and "no such level" in end.rule


def test_an_area_that_is_not_there_closes_the_door() -> None:
    assert decide_remote(replace(GOOD, door="astray"), SITE, NOON).outcome is Outcome.DENY


def test_what_the_policy_lets_pass_lets_a_command_pass() -> None:
    request = replace(GOOD, failing={Subsystem.SYNC: "no time server"})
    assert decide_remote(request, SITE, NOON).outcome is Outcome.GRANT
    strict = replace(SITE, degraded={Subsystem.SYNC: Action.BADGE_PIN})
    assert decide_remote(request, strict, NOON).reason is Reason.DENIED_DEGRADED


@given(st.sampled_from([None, 7, "", [], object()]), st.sampled_from(["door", "threat", "failing"]))
def test_nonsense_never_opens(value: Any, name: str) -> None:
    end = decide_remote(replace(GOOD, **{name: value}), SITE, NOON)
    assert end.outcome is Outcome.DENY or (name == "failing" and not value)
