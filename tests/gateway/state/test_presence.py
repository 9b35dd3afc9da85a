"""Who is inside: from the records alone, the same live and read back, and never below zero."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decide.policy import Direction
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import Event, NewEvent
from gateway.ledger.origin import chain_of
from gateway.state import presencefile
from gateway.state.movement import Link
from gateway.state.muster import muster
from gateway.state.presence import Presence
from gateway.vault.statefile import Damage

DOORS = {
    "gate": Link("yard", "", watched=False),
    "dock": Link("dock", "yard", watched=True),
    "lobby": Link("", "", watched=False),
}
BEGIN = datetime(2026, 1, 25, 14, 0, tzinfo=UTC)


class Story:
    """Events as the log would have them, one after the other."""

    def __init__(self) -> None:
        self.presence = Presence(DOORS, frozenset({"dock"}))
        self.events: list[Event] = []
        self.told: list[NewEvent] = []

    def add(self, kind: str, subject: str, minutes: float = 0.0, **data: Any) -> int:
        at = (BEGIN + timedelta(minutes=minutes)).isoformat()
        seq = len(self.events) + 1
        self.events.append(Event(seq, str(seq), at, kind, subject, data, "", ""))
        self.told += self.presence.apply(self.events[-1])
        return seq

    def grant(
        self, who: str, door: str, way: Direction = Direction.IN, minutes: float = 0.0, **facts: Any
    ) -> int:
        person = {"id": who, "name": who.upper(), "company": ""}
        return self.add(
            "access.granted", door, minutes, door=door, way=way, person=person, facts=facts
        )

    def inside(self, area: str = "") -> list[str]:
        return [key for key, _ in self.presence.inside(area)]


def test_without_a_contact_a_grant_is_an_entry() -> None:
    story = Story()
    story.grant("e1", "gate")
    assert story.inside("yard") == ["e1"]
    story.grant("e1", "gate", Direction.OUT, 5)
    assert story.inside() == []
    facts = story.presence.facts("gate", Direction.IN, "e1", BEGIN)
    assert facts.place is not None and facts.place.area == ""


def test_with_a_contact_an_entry_is_an_entry() -> None:
    story = Story()
    story.grant("e1", "gate")
    seq = story.grant("e1", "dock")
    assert story.inside("yard") == ["e1"] and story.presence.occupancy("dock") == 1
    story.add("door.entered", "dock", grant=seq)
    assert story.inside("dock") == ["e1"] and story.inside("yard") == []
    story.add("door.closed", "dock")
    seq = story.grant("e2", "dock")
    story.add("door.no_entry", "dock", grant=seq)
    assert story.inside("dock") == ["e1"] and story.presence.occupancy("dock") == 1


def test_a_second_one_through_the_open_door_is_in_too() -> None:
    story = Story()
    story.add("door.entered", "dock", grant=story.grant("e1", "dock"))
    story.grant("e2", "dock")
    assert story.inside("dock") == ["e1", "e2"]
    story.add("door.held_cleared", "dock")
    story.grant("e3", "dock")
    assert story.inside("dock") == ["e1", "e2"]


def test_a_grant_of_which_nothing_was_heard_counts_as_an_entry() -> None:
    story = Story()
    story.grant("e1", "dock")
    story.presence.facts("dock", Direction.IN, "e2", BEGIN + timedelta(minutes=1))
    assert story.inside("dock") == []
    # A list for an evacuation counts them too, long afterwards.
    assert [row["person"] for row in muster(story.presence)] == ["e1"]
    story.presence.facts("dock", Direction.IN, "e2", BEGIN + timedelta(minutes=3))
    assert story.inside("dock") == ["e1"]


def test_a_grant_that_came_too_late_to_count_moves_nobody() -> None:
    story = Story()
    seq = story.grant("e1", "dock")
    story.add("ledger.late", "g", seqs=[seq])
    assert story.presence.occupancy("dock") == 0


def test_who_is_left_alone_is_told_and_two_who_leave_together_are_not() -> None:
    story = Story()
    last = [story.grant(who, "dock") for who in ("e1", "e2", "e3")][-1]
    story.add("door.entered", "dock", grant=last)
    story.add("door.closed", "dock")
    story.add("door.entered", "dock", grant=story.grant("e1", "dock", Direction.OUT))
    story.add("door.closed", "dock")
    assert story.told == []
    pair = [story.grant(who, "dock", Direction.OUT) for who in ("e2", "e3")]
    story.add("door.entered", "dock", grant=pair[-1])
    assert story.told == [] and story.inside("dock") == []
    other = Story()
    last = [other.grant(who, "dock") for who in ("e1", "e2")][-1]
    other.add("door.entered", "dock", grant=last)
    other.add("door.closed", "dock")
    other.add("door.entered", "dock", grant=other.grant("e1", "dock", Direction.OUT))
    assert [(e.type, e.subject) for e in other.told] == [("area.alone", "e2")]


def test_forgiven_people_are_inside_and_free() -> None:
    story = Story()
    story.grant("e1", "gate")
    story.grant("e2", "gate")
    story.add("area.forgiven", "e1", person="e1", left=False)
    place = story.presence.facts("gate", Direction.IN, "e1", BEGIN).place
    assert place is not None and place.free and place.area == "yard"
    story.add("area.forgiven", "e2", person="e2", left=True)
    assert story.inside() == ["e1"]
    story.grant("e2", "gate")
    story.add("area.forgiven", "g")
    assert all(seen.free for _, seen in story.presence.inside())
    assert sorted(story.inside()) == ["e1", "e2"]


def test_who_went_in_first_is_known_by_level() -> None:
    story = Story()
    story.grant("e1", "lobby", levels=["boss"])
    assert story.presence.facts("lobby", Direction.IN, "e2", BEGIN).entered == {"boss": BEGIN}
    assert story.inside() == []  # the lobby's door joins no areas


def test_levels_that_nobody_waits_for_are_not_kept() -> None:
    story = Story()
    story.presence = Presence(DOORS, first=frozenset({"boss"}))
    story.grant("e1", "lobby", levels=["boss", "plant"])
    assert story.presence.facts("lobby", Direction.IN, "e2", BEGIN).entered == {"boss": BEGIN}


@pytest.mark.parametrize(
    "data",
    [{}, {"door": "gate"}, {"door": "gate", "person": {}}, {"door": "gate", "person": 7}],
)
def test_a_record_that_is_not_in_its_form_changes_nothing(data: dict[str, Any]) -> None:
    story = Story()
    story.add("access.granted", "gate", **data)
    story.add("door.entered", "dock", grant="x")
    story.add("ledger.late", "g")
    assert story.inside() == []


def test_a_record_counts_once() -> None:
    story = Story()
    story.grant("e1", "gate")
    story.grant("e1", "gate", Direction.OUT)
    assert story.presence.apply(story.events[0]) == [] and story.inside() == []


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["grant", "enter", "none", "close", "late", "forgive", "left", "expect", "unexpect"]
        ),
        st.sampled_from(["e1", "e2", "e3"]),
        st.sampled_from(["gate", "dock", "lobby", "ghost"]),
        st.sampled_from(Direction),
        st.floats(0, 500),
    ),
    max_size=40,
)


@given(steps, st.integers(0, 40))
def test_never_below_zero_and_a_checkpoint_changes_nothing(
    story_steps: list[tuple[str, str, str, str, float]], cut: int
) -> None:
    story = Story()
    saved: list[str] = []
    for number, (what, who, door, way, minutes) in enumerate(story_steps):
        if number == cut:
            saved = lines(story.presence)
        grant = max(1, len(story.events))
        if what == "grant":
            story.grant(who, door, way, minutes)
        elif what in ("enter", "none"):
            kind = "door.entered" if what == "enter" else "door.no_entry"
            story.add(kind, door, minutes, grant=grant)
        elif what == "close":
            story.add("door.closed", door, minutes)
        elif what == "late":
            story.add("ledger.late", "g", minutes, seqs=[grant])
        elif what in ("forgive", "left"):
            story.add("area.forgiven", who, minutes, person=who, left=what == "left")
        elif what == "expect":
            story.presence.expect(door, way)
        else:
            story.presence.expect_no_more(DOORS[door].leads_to(way) if door in DOORS else "")
        for area in ("yard", "dock"):
            count = story.presence.occupancy(area)
            assert count >= len(story.inside(area)) >= 0
    whole = Presence(DOORS)
    for event in story.events:
        whole.apply(event)
    assert lines(whole) == lines(story.presence)
    if saved and story.events and json.loads(saved[0])["seq"]:
        part = Presence(DOORS)
        part._load(presencefile._read("\n".join(saved).encode(), "c", len(story.events)))
        for event in story.events:
            part.apply(event)
        assert sorted(lines(part)) == sorted(lines(whole))


def lines(presence: Presence) -> list[str]:
    checkpoint = presence.checkpoint("c")
    people = [
        [k, s.name, s.company, s.area, s.since.isoformat(), s.free] for k, s in checkpoint.people
    ]
    return [json.dumps(item) for item in (checkpoint.header, *people)]


def test_from_the_checkpoint_on_and_without_a_good_one_from_the_beginning(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    person = {"id": "e1", "name": "Ana", "company": ""}
    data = {"door": "gate", "way": "in", "person": person}
    for _ in range(3):
        ledger.append_sync(NewEvent("access.granted", "gate", data))
    reader, path = LedgerReader(tmp_path / "ledger.db"), tmp_path / "presence.json"
    presence = Presence(DOORS)
    assert presence.restore(path, reader) == 4
    presence.checkpoint(chain_of(reader)).save(path)
    ledger.append_sync(NewEvent("access.granted", "gate", {**data, "way": "out"}))
    again = Presence(DOORS)
    assert again.restore(path, reader) == 1 and list(again.inside()) == []
    text = path.read_text()
    for damage in (
        "",
        "{}",
        text[:-100],
        text.splitlines()[0],
        text.replace('"seq": 4', '"seq": 99'),
        text.replace('"chain": "', '"chain": "x'),
        text.replace("yard", "yard\n"),
    ):
        path.write_text(damage)
        again = Presence(DOORS)
        assert again.restore(path, reader) == 1  # from the version before on
        assert again.seq == 5 and list(again.inside()) == []
    path.with_name("presence.json.previous").unlink()
    again = Presence(DOORS)
    assert again.restore(path, reader) == 5 and list(again.inside()) == []
    told: list[Damage] = []
    assert again.restore(path, reader, told.append, mend=True) == 0
    assert [(d.file, d.done) for d in told] == [("presence.json", "from_log")]
    assert not path.exists() and (tmp_path / told[0].aside).exists()
    ledger.close()
    reader.close()
