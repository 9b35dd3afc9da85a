"""The door's state machine: what each opening is called, and that every release has an end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.doors.machine import Door, DoorState, DoorTimes, Effect, Note, Relay

ON, OFF = Relay(released=True), Relay(released=False)
TIMES = DoorTimes(3.0, rex_s=5.0, held_warn_s=10.0, held_alarm_s=15.0)


def types(effects: list[Effect]) -> list[Any]:
    """Notes by their type, relays as they are."""
    return [effect.type if isinstance(effect, Note) else effect for effect in effects]


@pytest.fixture
def door() -> Door:
    door = Door("gate", TIMES, watched=True)
    assert door.contact(False, 0.0) == []
    return door


def test_a_grant_unlocks_for_one_pulse_without_a_contact() -> None:
    door = Door("gate", TIMES)
    assert types(door.release(10.0)) == [ON, "door.unlocked"]
    assert door.expire(12.99) == []
    assert door.state is DoorState.UNLOCKED and not door.secure
    assert types(door.expire(13.0)) == [OFF, "door.locked"]
    assert door.expire(14.0) == [] and door.secure


def test_a_second_grant_starts_the_pulse_again_and_tells_the_relay_again(door: Door) -> None:
    door.release(10.0)
    assert door.release(12.0) == [ON]
    assert door.expire(13.0) == []
    assert OFF in door.expire(15.0)


def test_granted_and_entered_and_locked_as_soon_as_it_is_shut(door: Door) -> None:
    door.release(10.0, grant=7)
    assert door.contact(True, 11.0) == [Note("door.entered", {"grant": 7})]
    assert door.state is DoorState.OPEN
    assert types(door.contact(False, 12.0)) == ["door.closed", OFF, "door.locked"]
    assert door.state is DoorState.LOCKED and door.deadline is None
    assert types(door.contact(True, 12.5)) == ["door.forced"]  # the next one has no grant


def test_granted_but_no_entry(door: Door) -> None:
    door.release(10.0, grant=7)
    assert door.expire(13.0)[-1] == Note("door.no_entry", {"grant": 7})


def test_an_alarm_from_before_a_restart_ends_when_the_contact_says_shut() -> None:
    door = Door("gate", TIMES, watched=True)
    assert door.resume({"door.forced": -20.0}, 0.0) == []
    assert door.state is DoorState.FORCED and door.alarming
    assert door.contact(False, 1.0) == [
        Note("door.forced_cleared", {"open_s": 21.0, "before_restart": True})
    ]
    assert door.state is DoorState.LOCKED and not door.alarming
    assert types(door.contact(True, 2.0)) == ["door.forced"]
    assert types(door.contact(False, 3.0)) == ["door.forced_cleared"]


def test_an_alarm_from_before_a_restart_lasts_while_the_door_is_found_open() -> None:
    door = Door("gate", TIMES, watched=True)
    door.resume({"door.forced": -1.0, "door.held": -9.0}, 0.0)
    assert types(door.contact(True, 1.0)) == ["door.found_open"]
    assert door.state is DoorState.FORCED
    assert "door.held" in types(door.expire(30.0))
    assert types(door.contact(False, 31.0)) == ["door.held_cleared", "door.forced_cleared"]


def test_an_alarm_is_not_kept_for_a_door_whose_contact_is_gone() -> None:
    door = Door("gate", TIMES)
    assert door.resume({"door.forced": -1.0}, 0.0) == [] and not door.alarming


def test_forced_and_cleared(door: Door) -> None:
    assert types(door.contact(True, 5.0)) == ["door.forced"]
    assert door.state is DoorState.FORCED and door.alarming and not door.secure
    assert door.expire(100.0) == []
    assert door.contact(False, 105.0) == [Note("door.forced_cleared", {"open_s": 100.0})]
    assert not door.alarming


def test_held_open_warns_then_alarms_then_clears(door: Door) -> None:
    door.release(0.0)
    door.contact(True, 1.0)
    door.expire(3.0)
    assert types(door.expire(11.0)) == ["door.held_warning"] and door.alarming
    assert door.state is DoorState.OPEN
    assert types(door.expire(16.0)) == ["door.held"]
    assert door.state is DoorState.HELD and door.deadline is None
    assert types(door.contact(False, 20.0)) == ["door.held_cleared"]
    assert door.state is DoorState.LOCKED and not door.alarming


def test_leaving_is_no_break_in_and_never_drives_the_lock(door: Door) -> None:
    assert types(door.rex(True, 5.0)) == ["door.rex"]
    door.rex(False, 5.0)
    assert types(door.contact(True, 9.9)) == ["door.exit"]
    door.contact(False, 11.0)
    assert types(door.contact(True, 11.1)) == ["door.forced"]


def test_a_door_that_is_open_when_we_come_is_found_open_and_held_in_time() -> None:
    door = Door("gate", TIMES, watched=True)
    assert not door.secure
    assert types(door.contact(True, 0.0)) == ["door.found_open"]
    assert types(door.expire(15.0)) == ["door.held_warning", "door.held"]


def test_a_contact_that_was_away_is_not_trusted_and_a_break_in_meanwhile_is_seen(
    door: Door,
) -> None:
    door.contact_lost()
    assert not door.secure
    assert types(door.contact(True, 9.0)) == ["door.forced"]


def test_fire_is_noted_and_releases_only_where_it_is_declared(door: Door) -> None:
    assert types(door.fire_alarm(True, 0.5)) == ["door.fire"]
    assert types(door.contact(True, 1.0)) == ["door.opened"] and not door.alarming
    door.contact(False, 2.0)
    assert types(door.fire_alarm(False, 3.0)) == ["door.fire_cleared"]
    open_door = Door("exit", TIMES, fire_releases=True)
    assert types(open_door.fire_alarm(True, 0.5)) == ["door.fire", ON]
    open_door.release(1.0)
    assert OFF not in open_door.expire(9.0)  # the fire holds it
    assert types(open_door.fire_alarm(False, 9.5)) == ["door.fire_cleared", OFF]


def test_a_fire_that_is_only_reported_prolongs_no_grant(door: Door) -> None:
    door.release(0.0)
    door.fire_alarm(True, 0.0)
    effects = door.expire(3.0)
    assert [e for e in effects if isinstance(e, Relay)] == [OFF] and not door.released
    assert door.expire(60.0) == [] and door.deadline is None


def test_a_door_left_open_after_a_fire_is_held_open_in_time(door: Door) -> None:
    door.fire_alarm(True, 0.0)
    door.contact(True, 1.0)
    assert door.expire(100.0) == []
    door.fire_alarm(False, 100.0)
    assert types(door.expire(115.0)) == ["door.held_warning", "door.held"]
    assert types(door.contact(False, 116.0)) == ["door.held_cleared"]


def test_a_lock_that_times_itself_is_told_again_while_the_fire_lasts() -> None:
    door = Door("exit", TIMES, fire_releases=True)
    door.fire_alarm(True, 0.0)
    assert door.deadline == TIMES.pulse_s
    assert door.expire(3.0) == [ON] and door.expire(6.0) == [ON]
    door.fire_alarm(False, 7.0)
    assert door.deadline is None and door.expire(60.0) == []


def test_a_request_that_a_board_tells_again_and_again_is_one(door: Door) -> None:
    told = [effect for at in range(20) for effect in door.rex(True, at / 20)]
    assert types(told) == ["door.rex"]
    assert types(door.contact(True, 12.0)) == ["door.exit"]  # still held: they stood there
    door.contact(False, 13.0)
    door.rex(False, 14.0)
    assert types(door.contact(True, 19.5)) == ["door.forced"]
    door.contact(False, 20.0)
    door.rex(True, 30.0)
    assert types(door.contact(True, 95.0)) == ["door.forced"]  # a stuck button hides nothing


def test_tamper_and_out_of_service(door: Door) -> None:
    assert door.tamper("reader", True) == [Note("door.tamper", {"device": "reader"})]
    assert door.tamper("reader", True) == [] and door.state is DoorState.TAMPERED
    assert types(door.tamper("reader", False)) == ["door.tamper_cleared"]
    door.release(1.0)
    assert types(door.set_out_of_service("being painted")) == [
        OFF,
        "door.locked",
        "door.out_of_service",
    ]
    assert door.state is DoorState.OUT_OF_SERVICE
    assert door.set_out_of_service("", "ana") == [Note("door.in_service", {"by": "ana"})]


def test_waiting_is_shown(door: Door) -> None:
    door.waits("in", True)
    door.waits("out", True)
    door.waits("in", False)
    assert door.state is DoorState.WAITING
    door.waits("out", False)
    assert door.state is DoorState.LOCKED


def test_a_fault_locks_and_is_noted_only_while_unlocked(door: Door) -> None:
    assert door.fault() == []
    door.release(1.0)
    assert types(door.fault()) == ["door.lock_fault"]
    assert door.state is DoorState.LOCKED and door.deadline is None


steps = st.sampled_from(
    [
        "release",
        "expire",
        "fault",
        "open",
        "close",
        "lost",
        "rex",
        "rex_over",
        "fire",
        "fire_over",
        "tamper",
        "serve",
        "unserve",
    ]
)


def step(door: Door, name: str, now: float) -> list[Effect]:
    return {
        "release": lambda: door.release(now),
        "expire": lambda: door.expire(now),
        "fault": door.fault,
        "open": lambda: door.contact(True, now),
        "close": lambda: door.contact(False, now),
        "lost": door.contact_lost,
        "rex": lambda: door.rex(True, now),
        "rex_over": lambda: door.rex(False, now),
        "fire": lambda: door.fire_alarm(True, now),
        "fire_over": lambda: door.fire_alarm(False, now),
        "tamper": lambda: door.tamper("r", True),
        "serve": lambda: door.set_out_of_service("why"),
        "unserve": lambda: door.set_out_of_service(""),
    }[name]()


@given(st.lists(st.tuples(steps, st.floats(0, 6))), st.booleans())
def test_unlocked_always_has_an_end_and_forced_is_never_missed(
    story: list[tuple[str, float]], fire_releases: bool
) -> None:
    door, now = Door("gate", TIMES, watched=True, fire_releases=fire_releases), 0.0
    energised = False
    for name, wait in story:
        now += wait
        was_open, released, exits = door.open, door.released, door._rex_until
        effects = step(door, name, now)
        for effect in effects:
            if isinstance(effect, Relay):
                energised = effect.released
        if name == "fault":
            energised = door.released  # the board is gone, or put to rest when it returns
        assert energised == door.released
        assert door.relock_at is None or door.relock_at <= now + 3.0
        if name == "open" and was_open is False and not released and now > exits and not door.fire:
            assert types(effects) == ["door.forced"] and door.state in (
                DoorState.FORCED,
                DoorState.OUT_OF_SERVICE,
            )
    door.fire_alarm(False, now)
    door.expire(now + 30.0)
    assert not door.released
