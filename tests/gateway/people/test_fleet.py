"""Which gate has which list, and when a list has reached the last of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.people.fleet import Fleet, GateList, Reach, read_state

MADE = datetime(2026, 1, 25, 14, 0, tzinfo=UTC)


def has(gate: str, sha: str = "a", minutes: float = 1, made: float = 0) -> GateList:
    since, generated = (MADE + timedelta(minutes=m) for m in (minutes, made))
    return GateList(gate, 7, 100, since, generated, sha)


def state(**people: Any) -> bytes:
    known = {
        "version": 7,
        "total": 100,
        "applied_at": "2026-01-25T14:01:00+00:00",
        "generated_at": "2026-01-25T14:00:00+00:00",
        "sha256": "a",
    }
    return json.dumps({"people": {**known, **people}}).encode()


def test_the_state_says_which_list() -> None:
    assert read_state("gate-1", state()) == has("gate-1")
    found = read_state("gate-1", state(generated_at=""))
    assert found is not None and found.generated_at is None and found.made == found.since


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"{}",
        b'{"people": null}',
        b'{"people": {"error": "damaged"}}',
        b"[" * 100_000,
        b" " * 2_000_000,
        state(version="x"),
        state(applied_at=None),
        state(applied_at="2026-01-25T14:01:00"),
        state(generated_at="soon"),
        state(generated_at=7),
    ],
)
def test_a_state_without_a_list_or_form_says_nothing(payload: bytes) -> None:
    assert read_state("gate-1", payload) is None
    fleet = Fleet()
    fleet.hear("gate-1", payload)
    assert fleet.newest() is None


def test_what_a_gate_said_on_a_broker_that_it_left_is_older() -> None:
    fleet = Fleet()
    fleet.hear("gate-1", state(applied_at="2026-01-25T14:05:00+00:00", sha256="b"))
    fleet.hear("gate-1", state())
    assert fleet.lists["gate-1"].sha256 == "b"


def test_when_the_last_gate_has_it_and_how_long_that_took() -> None:
    reach = Reach(["gate-2", "gate-3"], 600)
    mine, now = has("gate-1"), MADE + timedelta(minutes=2)
    two = has("gate-2", minutes=2)
    assert reach.look(None, {}, now) == reach.look(mine, {"gate-2": two}, now) == []
    others = {"gate-2": two, "gate-3": has("gate-3", "old", made=-60)}
    assert reach.look(mine, others, now) == []
    others["gate-3"] = has("gate-3", minutes=4)
    (event,) = reach.look(mine, others, now)
    assert event.type == "people.list_everywhere"
    assert (event.data["last_gate"], event.data["seconds"]) == ("gate-3", 240.0)
    assert event.data["gates"] == 3 and reach.look(mine, others, now) == []
    # After a restart it has the same id, so the log takes it once.
    (again,) = Reach(["gate-2", "gate-3"], 600).look(mine, others, now)
    assert again.id == event.id


def test_a_gate_that_lacks_it_is_an_alarm_once_and_then_all_is_well() -> None:
    reach = Reach(["gate-2", "gate-3"], 600)
    mine = has("gate-1")
    others = {"gate-2": has("gate-2")}
    assert reach.look(mine, others, MADE + timedelta(minutes=10)) == []
    (event,) = reach.look(mine, others, MADE + timedelta(minutes=12))
    assert event.type == "alarm.list_late" and event.data["gates"] == ["gate-3"]
    assert reach.look(mine, others, MADE + timedelta(minutes=90)) == []
    others["gate-3"] = has("gate-3", minutes=95)
    (event,) = reach.look(mine, others, MADE + timedelta(minutes=96))
    assert event.type == "people.list_everywhere" and event.data["seconds"] == 95 * 60


def test_a_gate_that_is_further_on_lacks_nothing_and_the_next_list_counts_anew() -> None:
    reach = Reach(["gate-2"], 600)
    others = {"gate-2": has("gate-2", "b", minutes=5, made=4)}
    assert [e.type for e in reach.look(has("gate-1"), others, MADE)] == ["people.list_everywhere"]
    mine = has("gate-1", "b", minutes=6, made=4)
    (event,) = reach.look(mine, others, MADE)
    assert event.data["seconds"] == 120.0


def test_a_list_without_a_digest_is_not_compared() -> None:
    assert Reach(["gate-2"], 1).look(has("gate-1", ""), {}, MADE + timedelta(days=1)) == []
