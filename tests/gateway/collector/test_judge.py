"""What a message is: whatever comes, it is judged, and nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.collector.judge import (
    LARGEST_SEQ,
    MOST_BYTES,
    UNREADABLE_TIME,
    Answered,
    Delivery,
    Head,
    Poison,
    Record,
    Said,
    judge,
)
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.collector.logs import Log, with_changes

TOPICS = ["events", "replay/x-1", "checkpoint", "status", "state", "instance", ""]


def of(payload: bytes, topic: str = "garita/gate-1/events", **more: Any) -> Any:
    return judge("garita", Delivery("b", topic, payload, **more))


def test_a_record_is_one_whatever_its_data_hold() -> None:
    log = Log()
    data = {"ñ": "“é”", "n": 1.5, "big": 10**30, "deep": [[{"x": None}]], "nul": "\0", "e": 1e-7}
    found = judge("garita", log.add(NewEvent(EventType.DOOR_REX, "patio", data)))
    assert isinstance(found, Record) and found.sound and found.hash == log.hash
    assert json.loads(found.body)["data"] == data


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 0},
        {"seq": -1},
        {"seq": True},
        {"seq": 2.0},
        {"seq": "2"},
        {"seq": LARGEST_SEQ + 1},
        {"seq": None},
        {"data": []},
        {"data": None},
        {"id": 7},
        {"id": "x" * 2000},
        {"id": "a\0b"},
        {"time": None},
        {"type": "access.granted"},
        {"type": None},
        {"hash": "00"},
        {"hash": "Z" * 64},
        {"hash": None},
        {"prev": "00" * 33},
        {"source": "/garita/gate-2"},
        {"source": None},
        {"subject": {"a": 1}},
        {"id": "\ud800"},
    ],
    ids=str,
)
def test_what_is_not_in_the_form_of_a_record_is_not_one(changes: dict[str, Any]) -> None:
    [message] = Log().badges(1)
    found = judge("garita", with_changes(message, **changes))
    assert isinstance(found, Poison) and found.why == "not_a_record"


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 7},
        {"data": {}},
        {"id": "another"},
        {"time": "2026-11-24T13:02:14.479Z"},
        {"subject": "other"},
        {"prev": "11" * 32},
        {"hash": "11" * 32},
        {"type": "org.garita.access.denied"},
    ],
    ids=str,
)
def test_a_change_of_any_field_is_seen_in_the_hash(changes: dict[str, Any]) -> None:
    [message] = Log().badges(1)
    found = judge("garita", with_changes(message, **changes))
    assert isinstance(found, Record) and not found.sound


def test_times_that_are_none() -> None:
    [message] = Log().badges(1)
    for time in ("yesterday", "2026-11-24T13:02:14", "0000-01-01T00:00:00Z", ""):
        found = judge("garita", with_changes(message, time=time))
        assert isinstance(found, Record) and found.time == UNREADABLE_TIME
    found = judge("garita", with_changes(message, time="2026-11-24T06:02:14-07:00"))
    assert isinstance(found, Record) and found.time == "2026-11-24T13:02:14.000Z"


def test_what_is_retained_is_not_a_record() -> None:
    [message] = Log().badges(1)
    found = of(message.payload, retained=True)
    assert isinstance(found, Poison) and found.why == "retained"


def test_a_message_of_ten_megabytes_is_not_read() -> None:
    found = of(b'{"a": "' + b"x" * 10_000_000 + b'"}')
    assert isinstance(found, Poison) and found.why == "too_large" and MOST_BYTES < 10_000_000


def test_other_topics_and_names_say_nothing() -> None:
    for topic in (
        "garita",
        "garita/gate-1",
        "garita/gate-1/command",
        "garita/people/bundle/1",
        "other/gate-1/events",
        "garita//events",
        "garita/a b/events",
        f"garita/{'x' * 65}/events",
    ):
        assert of(b"{}", topic) is None


def test_heads_answers_and_words() -> None:
    log = Log()
    assert isinstance(judge("garita", log.head()), Head)
    done = b'{"id": "hq-1", "from": 1, "to": 9, "count": 9, "done": true}'
    assert of(done, "garita/gate-1/replay/hq-1") == Answered("gate-1", "hq-1", 9)
    assert isinstance(of(b'{"done": true, "count": -1}', "garita/gate-1/replay/x"), Poison)
    assert of(b"online", "garita/gate-1/status") == Said("gate-1", "status", "online")
    assert isinstance(of(b"on fire", "garita/gate-1/status"), Poison)
    assert of(b"", "garita/gate-1/checkpoint") is None
    for bad in (b"x", b"a\n1\nAAAA\n\n", log.head().payload.replace(b"\n", b"\r\n")):
        assert isinstance(of(bad, "garita/gate-1/checkpoint"), Poison)


@given(st.binary(max_size=300), st.sampled_from(TOPICS), st.booleans())
def test_bytes_of_any_kind_raise_nothing(payload: bytes, topic: str, retained: bool) -> None:
    found = of(payload, f"garita/gate-1/{topic}", retained=retained)
    assert not isinstance(found, Record | Head)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(["seq", "data", "id", "time", "type", "hash", "prev", "source"]), JSON)
def test_any_value_in_any_field_raises_nothing_and_forges_nothing(field: str, value: Any) -> None:
    [message] = Log().badges(1)
    if json.loads(message.payload)[field] == value:
        return
    found = judge("garita", with_changes(message, **{field: value}))
    assert isinstance(found, Poison) or (isinstance(found, Record) and not found.sound)
