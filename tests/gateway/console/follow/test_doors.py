"""The doors of the live page, folded from records: they say what the daemon's own doors say."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.console.follow.doors import Doors
from gateway.doors.machine import Door, DoorState, DoorTimes, Effect, Note
from gateway.ledger.event import Event

TIMES = DoorTimes(pulse_s=3.0, rex_s=5.0, held_warn_s=20.0, held_alarm_s=30.0)


class Log:
    """Numbers events as the ledger does."""

    def __init__(self) -> None:
        self.seq = 0

    def event(self, kind: str, subject: str = "main", /, **data: Any) -> Event:
        self.seq += 1
        at = f"2026-11-27T05:{self.seq // 60 % 60:02}:{self.seq % 60:02}.000Z"
        return Event(self.seq, f"x-{self.seq}", at, kind, subject, data, "0" * 64, "0" * 64)


def doors(*names: str) -> Doors:
    return Doors(dict.fromkeys(names or ("main",), True))


STEPS = st.sampled_from(
    ("open", "shut", "grant", "rex", "fire", "fire over", "tamper", "mended", "out", "in", "fault")
)


@given(st.lists(st.tuples(STEPS, st.floats(0, 40)), max_size=40))
def test_the_fold_of_a_door_s_records_is_the_door_s_state(
    steps: list[tuple[str, float]],
) -> None:
    """Whatever happens at a door, its records alone say what its state machine says.  (Whether the
    lock is released by the fire input is in no record of its own: that comes with the status.)"""
    log, fold, now = Log(), doors(), 0.0
    door = Door("main", TIMES, watched=True)
    note(log, fold, door.contact(False, now))
    for step, wait in steps:
        end = now + wait
        while (due := door.deadline) is not None and due <= end:
            now = max(now, due)
            note(log, fold, door.expire(now))
        now = end
        effects = {
            "open": lambda now=now: door.contact(True, now),
            "shut": lambda now=now: door.contact(False, now),
            "grant": lambda now=now: door.release(now, log.seq),
            "rex": lambda now=now: [*door.rex(True, now), *door.rex(False, now)],
            "fire": lambda now=now: door.fire_alarm(True, now),
            "fire over": lambda now=now: door.fire_alarm(False, now),
            "tamper": lambda: door.tamper("reader", True),
            "mended": lambda: door.tamper("reader", False),
            "out": lambda: door.set_out_of_service("painted"),
            "in": lambda: door.set_out_of_service(""),
            "fault": door.fault,
        }[step]()
        note(log, fold, effects)
        assert fold.all["main"].state == door.state.value, step
        assert (fold.all["main"].open is True) == (door.open is True)


def note(log: Log, fold: Doors, effects: list[Effect]) -> None:
    for effect in effects:
        if isinstance(effect, Note):
            fold.apply(log.event(effect.type.value, **effect.data))


def test_every_state_of_a_door_can_come_out_of_the_fold() -> None:
    log, seen = Log(), set()
    fold = doors()
    for kind, data in [
        ("door.locked", {}),
        ("door.confirm_asked", {}),
        ("door.unlocked", {}),
        ("door.entered", {"grant": 1}),
        ("door.held", {}),
        ("door.held_cleared", {}),
        ("door.forced", {}),
        ("door.forced_cleared", {}),
        ("door.tamper", {"device": "reader"}),
        ("door.out_of_service", {"reason": "painted"}),
    ]:
        fold.apply(log.event(kind, **data))
        seen.add(fold.all["main"].state)
    assert seen == {state.value for state in DoorState}


def test_the_last_passage_has_name_company_reason_and_whether_somebody_went_in() -> None:
    log, fold = Log(), doors()
    person = {"id": "e1", "name": "Ana Ríos", "company": "Acme"}
    granted = log.event("access.granted", door="main", reason="granted", person=person, way="in")
    fold.apply(granted)
    seen = fold.all["main"].passage
    assert seen is not None
    assert (seen.who, seen.company, seen.granted, seen.entered) == ("Ana Ríos", "Acme", True, None)
    fold.apply(log.event("door.no_entry", grant=granted.seq))
    assert fold.all["main"].passage is not None
    assert fold.all["main"].passage.entered is False
    fold.apply(
        log.event(
            "access.denied",
            door="main",
            reason="denied_unknown_credential",
            credential={"masked": "em4100:…42"},
        )
    )
    seen = fold.all["main"].passage
    assert seen is not None
    assert (seen.who, seen.granted, seen.reason) == (
        "em4100:…42",
        False,
        "denied_unknown_credential",
    )


def test_an_entry_after_an_older_grant_is_not_taken_for_the_newest_one() -> None:
    log, fold = Log(), doors()
    first = log.event("access.granted", door="main", reason="granted")
    fold.apply(first)
    fold.apply(log.event("access.granted", door="main", reason="granted"))
    fold.apply(log.event("door.entered", grant=first.seq))
    assert fold.all["main"].passage is not None
    assert fold.all["main"].passage.entered is None


def test_an_opening_from_afar_names_the_operator() -> None:
    log, fold = Log(), doors()
    fold.apply(log.event("door.remote_opened", by="laura", by_name="Laura Gil", reason="doctor"))
    seen = fold.all["main"].passage
    assert seen is not None
    assert (seen.by, seen.why) == ("Laura Gil", "doctor")


def test_a_restart_shuts_what_was_released_and_keeps_alarms() -> None:
    log, fold = Log(), doors("main", "yard")
    fold.apply(log.event("door.unlocked", "yard"))
    fold.apply(log.event("door.forced", "main"))
    assert fold.apply(log.event("gateway.started", "gate")) == {"main", "yard"}
    assert fold.all["main"].state == "forced"
    assert fold.all["yard"].state == "locked"
    assert fold.all["yard"].blind
    fold.apply(log.event("door.forced_cleared", "main", open_s=1, before_restart=True))
    assert fold.all["main"].state == "locked"


def test_a_record_that_is_not_in_its_form_or_comes_twice_changes_nothing() -> None:
    log, fold = Log(), doors()
    opened = log.event("door.unlocked")
    fold.apply(opened)
    shut = log.event("door.locked")
    fold.apply(shut)
    assert fold.apply(opened) == set()
    assert fold.all["main"].state == "locked"
    assert fold.apply(log.event("door.no_entry", grant="x")) in (set(), {"main"})
    assert fold.apply(log.event("access.granted", door=["main"], count="many")) == set()
    assert fold.apply(log.event("door.unlocked", "elsewhere")) == set()
    assert fold.apply(log.event("access.denied", door="main", count={}, person="x")) == set()


def status(
    last_seq: int, devices: list[dict[str, Any]] | None = None, **told: Any
) -> dict[str, Any]:
    shown = {"state": "locked", "released": False, "open": False, "tampered": [], **told}
    return {"last_seq": last_seq, "devices": devices or [], "doors": {"main": shown}}


def test_the_daemon_s_word_mends_what_the_records_did_not_tell() -> None:
    log, fold = Log(), doors()
    fold.apply(log.event("gateway.started", "gate"))
    assert fold.all["main"].blind
    assert fold.adopt(status(log.seq, open=True, state="held")) == {"main"}
    assert fold.all["main"].state == "held"
    assert fold.adopt(status(log.seq, open=False)) == {"main"}
    assert fold.all["main"].state == "locked"
    assert fold.adopt(status(log.seq, open=False)) == set()


def test_a_word_from_before_the_newest_record_is_not_taken() -> None:
    log, fold = Log(), doors()
    fold.apply(log.event("door.locked"))
    fold.apply(log.event("door.forced"))
    fold.adopt(status(1, open=False))
    assert fold.all["main"].state == "forced"


def test_devices_of_a_door_that_are_away_or_come_and_go_are_named() -> None:
    log = Log()
    fold = Doors({"main": True, "yard": True}, {"main": [("lock", "board"), ("reader", "main-in")]})
    assert fold.apply(log.event("device.offline", "board", kind="lock")) == {"main"}
    assert fold.all["main"].away == ("board",)
    assert fold.apply(log.event("device.unstable", "main-in", kind="reader")) == {"main"}
    assert fold.all["main"].unstable == ("main-in",)
    assert fold.all["yard"].away == ()
    told = [{"kind": "lock", "name": "board", "state": "online"}]
    assert fold.adopt(status(log.seq, told, open=False)) == {"main"}
    assert fold.all["main"].away == ()
