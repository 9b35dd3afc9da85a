"""The life of an alarm: raised, seen, over, come again, resolved, shelved, escalated."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.state.alarms.book import MOST_OPEN, Book
from gateway.state.alarms.kinds import KINDS, of_priority, signal_of
from gateway.state.alarms.model import Rules
from tests.gateway.state.alarms.records import START, Log


def test_a_forced_door_stays_until_somebody_says_what_became_of_it() -> None:
    log = Log()
    number = log.add("door.forced")
    assert log.open() == log.calling() == [number]
    log.act("alarm.seen", number)
    assert log.open() == [number] and log.calling() == []
    log.wait(5)
    log.add("door.forced_cleared", open_s=5.0)
    alarm = log.book.get(number)
    assert alarm is not None and alarm.stands is False and log.open() == [number]
    log.act("alarm.resolved", number, outcome="false_alarm", note="wind")
    assert log.open() == []
    closed = next(log.book.closed())
    assert closed.id == number and closed.resolved is not None
    assert (closed.resolved.by, closed.resolved.outcome) == ("rosa", "false_alarm")
    assert closed.resolved.note == "wind" and closed.seen is not None


def test_a_cause_that_ended_by_itself_still_calls_until_somebody_looked() -> None:
    log = Log()
    number = log.add("door.held", open_s=30.0)
    log.wait(3)
    log.add("door.held_cleared", open_s=33.0)
    assert log.calling() == [number]


def test_an_alarm_that_comes_again_calls_again_and_counts() -> None:
    log = Log()
    number = log.add("door.forced")
    log.act("alarm.seen", number)
    log.add("door.forced_cleared", open_s=1.0)
    log.wait(60)
    again = log.add("door.forced")
    assert log.calling() == [number]
    alarm = log.book.get(number)
    assert alarm is not None and (alarm.count, alarm.seq, alarm.stands) == (2, again, True)


def test_what_somebody_saw_before_it_came_again_does_not_count_for_the_second_time() -> None:
    log = Log()
    number = log.add("door.forced")
    log.add("door.forced_cleared")
    log.add("door.forced")
    log.add("alarm.seen", "yard", alarm=number, upto=number, by="rosa")
    assert log.calling() == [number]


def test_the_second_who_says_seen_changes_nothing() -> None:
    log = Log()
    number = log.add("door.forced")
    log.act("alarm.seen", number, by="rosa")
    log.act("alarm.seen", number, by="laura")
    alarm = log.book.get(number)
    assert alarm is not None and alarm.seen is not None and alarm.seen.by == "rosa"


def test_a_device_that_is_back_within_the_delay_was_no_alarm() -> None:
    log = Log()
    number = log.add("device.offline", "cam-1", kind="camera", detail="no_signal")
    assert log.open() == []
    log.wait(9)
    log.add("device.online", "cam-1", kind="camera", detail="")
    log.wait(60)
    assert log.open() == [] and log.book.get(number) is None and log.book.raises(START) == []


def test_a_device_that_stays_away_is_one_and_ends_when_it_is_back_and_seen() -> None:
    log = Log()
    number = log.add("device.offline", "cam-1", kind="camera", detail="no_signal")
    log.wait(11)
    assert log.calling() == [number]
    log.act("alarm.seen", number)
    assert log.open() == [number]
    log.add("device.offline", "cam-1", kind="camera", detail="unreachable")
    alarm = log.book.get(number)
    assert alarm is not None and alarm.count == 1 and alarm.event.data["detail"] == "unreachable"
    log.add("device.online", "cam-1", kind="camera", detail="")
    assert log.open() == []


def test_a_device_that_is_back_before_anybody_saw_it_ends_when_somebody_does() -> None:
    log = Log()
    number = log.add("device.offline", "main-in", kind="reader", detail="no answer")
    log.wait(30)
    log.add("device.online", "main-in", kind="reader", detail="")
    assert log.calling() == [number]
    log.act("alarm.seen", number)
    assert log.open() == []


def test_a_reader_and_a_camera_of_one_name_are_two_alarms() -> None:
    log = Log()
    log.add("device.offline", "main", kind="reader", detail="")
    log.add("device.offline", "main", kind="camera", detail="")
    log.wait(11)
    assert len(log.open()) == 2


def test_after_a_start_causes_of_which_the_gateway_says_nothing_are_over() -> None:
    log = Log()
    gone = log.add("device.offline", "old-cam", kind="camera", detail="")
    stays = log.add("device.offline", "cam-1", kind="camera", detail="")
    log.wait(20)
    log.act("alarm.seen", gone)
    log.act("alarm.seen", stays)
    log.add("gateway.started", "gate-1")
    log.wait(2)
    log.add("device.offline", "cam-1", kind="camera", detail="no_signal")
    assert log.open() == [stays, gone]
    log.wait(130)
    assert log.open() == [stays]
    alarm = log.book.get(stays)
    assert alarm is not None and alarm.count == 1  # told again is not a second time


def test_a_forced_door_stays_across_a_start() -> None:
    log = Log()
    number = log.add("door.forced")
    log.add("gateway.started", "gate-1")
    log.wait(1000)
    alarm = log.book.get(number)
    assert log.open() == [number] and alarm is not None and alarm.stands is True


def test_closed_by_a_supervisor_while_it_stands_it_comes_back_only_when_it_comes_anew() -> None:
    log = Log()
    number = log.add("device.offline", "cam-1", kind="camera", detail="no_signal")
    log.wait(20)
    log.act("alarm.seen", number)
    log.act("alarm.resolved", number, outcome="passed_on", note="technician on Monday")
    log.add("device.offline", "cam-1", kind="camera", detail="unreachable")
    log.wait(20)
    assert log.open() == []
    log.add("device.online", "cam-1", kind="camera", detail="")
    new = log.add("device.offline", "cam-1", kind="camera", detail="no_signal")
    log.wait(20)
    assert log.open() == [new]


def test_a_shelved_source_calls_nobody_until_its_time_is_over() -> None:
    log = Log()
    number = log.add("door.held")
    until = utc_text(log.now + timedelta(hours=1))
    log.add("alarm.shelved", kind="held", source="yard", until=until, reason="wind", by="laura")
    assert log.open() == [number] and log.calling() == []
    assert [one.reason for one in log.book.shelves(log.now)] == ["wind"]
    log.add("door.held_cleared")
    log.add("door.held")
    assert log.calling() == []
    other = log.add("door.held", "office")
    assert log.calling() == [other]
    log.wait(3601)
    assert set(log.calling()) == {number, other} and log.book.shelves(log.now) == []


def test_a_source_that_is_taken_off_the_shelf_calls_again() -> None:
    log = Log()
    number = log.add("door.held")
    until = utc_text(log.now + timedelta(hours=1))
    log.add("alarm.shelved", kind="held", source="yard", until=until, reason="wind", by="laura")
    log.add("alarm.unshelved", kind="held", source="yard", by="laura")
    assert log.calling() == [number]


def test_duress_can_not_be_shelved_even_if_a_record_says_so() -> None:
    log = Log()
    number = log.add("alarm.duress", person="e1", name="Ana")
    until = utc_text(log.now + timedelta(hours=1))
    log.add("alarm.shelved", kind="duress", source="yard", until=until, reason="x", by="laura")
    assert log.calling() == [number]


def test_duress_is_in_no_list_of_those_who_may_not_see_it() -> None:
    log = Log()
    number = log.add("alarm.duress", person="e1", name="Ana")
    other = log.add("door.forced")
    assert log.open(secret=False) == [other]
    assert log.open() == [other, number]
    log.act("alarm.seen", number)
    log.act("alarm.resolved", number, outcome="fixed")
    assert [one.id for one in log.book.closed(secret=False)] == []
    assert [one.id for one in log.book.closed()] == [number]
    assert [one.kind for one in log.book.raises(START, secret=False)] == ["forced"]


def test_steps_are_ticked_and_unticked() -> None:
    log = Log()
    number = log.add("door.forced")
    log.act("alarm.step", number, step="Look")
    alarm = log.book.get(number)
    assert alarm is not None and set(alarm.ticked) == {"Look"}
    log.act("alarm.step", number, step="Look", done=False)
    assert alarm.ticked == {}


def test_the_order_is_unseen_first_then_by_priority_then_the_newest() -> None:
    log = Log()
    low = log.add("device.offline", "mqtt", kind="broker", detail="")
    high = log.add("door.forced", "a")
    seen = log.add("door.forced", "b")
    newer = log.add("door.forced", "c")
    log.wait(20)
    log.act("alarm.seen", seen)
    assert log.open() == [newer, high, low, seen]


def test_a_kind_that_the_site_takes_out_is_no_alarm() -> None:
    log = Log(Rules({"broker": "none", "held": "high"}))
    log.add("device.offline", "mqtt", kind="broker", detail="")
    held = log.add("door.held")
    log.wait(20)
    assert log.open() == [held] and log.book.open(log.now)[0].priority == "high"


def test_a_clock_in_doubt_is_an_alarm_until_it_is_accepted() -> None:
    log = Log()
    log.add("clock.stepped", "gate-1", seconds=1.5, trusted=True)
    assert log.open() == []
    number = log.add("clock.stepped", "gate-1", seconds=0, trusted=False, behind_s=4000)
    assert log.open() == [number]
    log.act("alarm.seen", number)
    log.add("clock.accepted", "gate-1", by="admin")
    assert log.open() == []


def test_a_flood_fills_no_memory_and_hides_nothing_that_was_there() -> None:
    log = Log()
    first = log.add("door.forced", "first")
    for number in range(MOST_OPEN + 50):
        log.add("door.forced", f"door-{number}")
    assert len(log.open()) == MOST_OPEN and log.book.more == 51
    assert first in log.open()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("alarm.seen", {}),
        ("alarm.seen", {"alarm": "x", "upto": 1}),
        ("alarm.seen", {"alarm": 1, "upto": None}),
        ("alarm.seen", {"alarm": 99, "upto": 99}),
        ("alarm.shelved", {"kind": "held"}),
        ("alarm.shelved", {"kind": "held", "source": "yard", "until": "tomorrow"}),
        ("alarm.step", {"alarm": 1}),
        ("device.offline", {"kind": ["camera"]}),
        ("device.offline", {"kind": "toaster"}),
        ("alarm.lent_badge", {"person": ["x"]}),
    ],
)
def test_a_record_that_is_not_in_its_form_changes_nothing_else(kind: str, data: Any) -> None:
    log = Log()
    number = log.add("door.forced")
    log.add(kind, **data)
    assert number in log.calling()


def test_a_record_without_a_time_that_can_be_read_is_left_out() -> None:
    book = Book()
    assert not book.apply(Event(1, "x", "yesterday", "door.forced", "yard", {}, "", ""))
    assert book.last_seq == 1


def test_acts_that_wait_to_be_recorded_count_in_a_copy_alone() -> None:
    log = Log()
    number = log.add("door.forced")
    at = utc_text(log.now)
    act = Event(
        0, "x", at, "alarm.seen", "yard", {"alarm": number, "upto": number, "by": "r"}, "", ""
    )
    copy = log.book.with_acts([act, act])
    assert copy.calling(log.now) == [] and log.calling() == [number]


def test_a_book_made_anew_from_the_log_is_the_same_book() -> None:
    """Whatever comes in whatever order: two books that took the same records are equal, and no
    alarm is in two places."""
    chance = random.Random(13)
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("door.forced", {}), ("door.forced_cleared", {}), ("door.held", {}),
        ("door.held_cleared", {}), ("gateway.started", {}), ("alarm.lent_badge", {"person": "e1"}),
        ("device.offline", {"kind": "camera", "detail": ""}),
        ("device.online", {"kind": "camera", "detail": ""}),
        ("door.tamper", {"device": "r"}), ("door.tamper_cleared", {"device": "r"}),
    ]  # fmt: skip
    for _round in range(60):
        log = Log()
        for _step in range(120):
            log.wait(chance.choice([0.0, 1.0, 20.0, 200.0]))
            if log.open() and chance.random() < 0.4:
                number = chance.choice(log.open())
                kind = chance.choice(["alarm.seen", "alarm.resolved", "alarm.step"])
                log.act(kind, number, outcome="fixed", step="x")
            else:
                kind, data = chance.choice(kinds)
                log.add(kind, chance.choice(["a", "b"]), **data)
        again = Book()
        for event in log.events:
            again.apply(event)
        log.wait(1)

        def told(book: Book, log: Log = log) -> list[tuple[Any, ...]]:
            return [(a.id, a.count, a.stands, a.seen) for a in book.open(log.now)]

        assert told(again) == told(log.book)
        assert not any(alarm.done for alarm in again.open(log.now))
        assert [a.id for a in again.closed()] == [a.id for a in log.book.closed()]


def test_the_priority_follows_from_the_consequence_and_the_time_to_answer() -> None:
    assert of_priority("severe", 60) == "high" and of_priority("severe", 7200) == "medium"
    assert of_priority("major", 60) == "high" and of_priority("major", 900) == "medium"
    assert of_priority("minor", 60) == "medium" and of_priority("minor", 7200) == "low"
    by_hand = {name: kind.priority for name, kind in KINDS.items()}
    assert by_hand["duress"] == by_hand["forced"] == by_hand["fire"] == "high"
    assert by_hand["camera"] == by_hand["broker"] == "low" and by_hand["held"] == "medium"


def test_every_kind_is_raised_by_some_record_and_says_what_to_do() -> None:
    kinds = ("reader", "bus", "lock", "camera", "face", "inputs", "broker")
    found = set()
    for kind in EventType:
        for data in ({"trusted": False}, *({"kind": one} for one in kinds)):
            signal = signal_of(Event(1, "x", utc_text(START), kind, "s", data, "", ""))
            if signal is not None and signal.stands is not False:
                found.add(signal.kind)
    assert found == set(KINDS)
    assert all(kind.steps and kind.effect and kind.title for kind in KINDS.values())
