"""Who waits for a guard's word, folded from records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.console.follow.waiting import Waiting
from gateway.ledger.event import Event

NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)


def event(kind: str, /, **data: Any) -> Event:
    at = NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Event(1, "x-1", at, kind, "main", data, "0" * 64, "0" * 64)


def asked(key: str = "a1", person: str = "e1") -> dict[str, Any]:
    return {
        "id": key,
        "door": "main",
        "reader": "main-in",
        "person": person,
        "name": "Ana Ríos",
        "company": "Acme",
        "why": "camera",
        "since": NOW.isoformat(),
    }


def ids(waiting: Waiting, now: datetime = NOW) -> list[str]:
    return [item.id for item in waiting.all(now)]


def test_a_request_is_there_until_its_time_is_over() -> None:
    waiting = Waiting(60)
    assert waiting.apply(event("door.confirm_asked", **asked()))
    assert ids(waiting) == ["a1"]
    assert waiting.next_end == NOW + timedelta(seconds=60)
    assert ids(waiting, NOW + timedelta(seconds=59.9)) == ["a1"]
    assert ids(waiting, NOW + timedelta(seconds=60)) == []
    assert waiting.next_end is None


def test_an_answer_ends_that_request_alone() -> None:
    for kind in ("door.confirmed", "door.confirm_refused"):
        waiting = Waiting(60)
        waiting.apply(event("door.confirm_asked", **asked("a1")))
        waiting.apply(event("door.confirm_asked", **asked("b2", "e2")))
        assert waiting.apply(event(kind, **asked("a1")))
        assert ids(waiting) == ["b2"]
        assert not waiting.apply(event(kind, **asked("a1")))


def test_a_decision_ends_the_wait_of_that_person_alone() -> None:
    waiting = Waiting(60)
    waiting.apply(event("door.confirm_asked", **asked("a1", "e1")))
    denied = {"reader": "main-in", "reason": "denied_bad_read"}
    assert not waiting.apply(event("access.denied", **denied))
    assert not waiting.apply(event("access.denied", **denied, person={"id": "e2"}))
    assert waiting.apply(event("access.denied", **denied, person={"id": "e1"}))
    assert ids(waiting) == []


def test_a_restart_ends_all_waits() -> None:
    waiting = Waiting(60)
    waiting.apply(event("door.confirm_asked", **asked()))
    assert waiting.apply(event("gateway.started"))
    assert ids(waiting) == []


def test_the_daemon_says_who_waits() -> None:
    waiting = Waiting(60)
    waiting.apply(event("door.confirm_asked", **asked("a1")))
    assert not waiting.adopt([asked("a1")])
    assert waiting.adopt([asked("b2"), {"id": "c3"}])
    assert ids(waiting) == ["b2"]
    assert waiting.adopt([])
    assert ids(waiting) == []


def test_a_record_that_is_not_in_its_form_changes_nothing() -> None:
    waiting = Waiting(60)
    assert not waiting.apply(event("door.confirm_asked", id="a1"))
    assert not waiting.apply(event("access.granted", person="nobody"))
    assert ids(waiting) == []


def test_more_time_counts_once() -> None:
    waiting = Waiting(60)
    waiting.apply(event("door.confirm_asked", **asked()))
    assert waiting.apply(event("door.confirm_extended", **asked(), seconds=60.0))
    assert waiting.next_end == NOW + timedelta(seconds=120)
    assert not waiting.apply(event("door.confirm_extended", **asked(), seconds=60.0))
    assert not waiting.apply(event("door.confirm_extended", id="b2", seconds=60.0))
    assert not waiting.apply(event("door.confirm_extended", id="a1"))
    started = Waiting(60)
    started.adopt([{**asked(), "extended": True}])
    assert started.next_end == NOW + timedelta(seconds=120)
