"""The lock's state machine: it relocks after its pulse whatever came between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.door import Door, LockState, Note, Relay

ON, OFF = Relay(released=True), Relay(released=False)


def test_a_grant_unlocks_for_one_pulse() -> None:
    door = Door("gate", 3.0)
    assert door.release(10.0) == [ON, Note("door.unlocked")]
    assert door.expire(12.99) == []
    assert door.state is LockState.UNLOCKED
    assert door.expire(13.0) == [OFF, Note("door.locked")]
    assert door.expire(14.0) == []


def test_a_second_grant_starts_the_pulse_again_and_tells_the_relay_again() -> None:
    door = Door("gate", 3.0)
    door.release(10.0)
    assert door.release(12.0) == [ON]
    assert door.expire(13.0) == []
    assert door.expire(15.0) == [OFF, Note("door.locked")]


def test_a_fault_locks_and_is_noted_only_while_unlocked() -> None:
    door = Door("gate", 3.0)
    assert door.fault() == []
    door.release(1.0)
    assert door.fault() == [Note("door.lock_fault")]
    assert door.state is LockState.LOCKED and door.relock_at is None
    assert door.expire(9.0) == []


@given(st.lists(st.tuples(st.sampled_from(["release", "expire", "fault"]), st.floats(0, 5))))
def test_unlocked_always_has_an_end(steps: list[tuple[str, float]]) -> None:
    door, now = Door("gate", 3.0), 0.0
    energised = False
    for name, wait in steps:
        now += wait
        effects = door.fault() if name == "fault" else getattr(door, name)(now)
        for effect in effects:
            if isinstance(effect, Relay):
                energised = effect.released
        if name == "fault":
            energised = False  # the board is gone, or put to rest when it returns
        assert (door.state is LockState.UNLOCKED) == energised == (door.relock_at is not None)
        assert door.relock_at is None or door.relock_at <= now + 3.0
    door.expire(now + 3.0)
    assert door.state is LockState.LOCKED
