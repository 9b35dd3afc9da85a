"""Areas that several gates lead into: whichever order gates hear each other in, they agree."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.decide.policy import Direction, Subsystem
from gateway.ledger.event import Event, NewEvent
from gateway.state import presencefile
from gateway.state.movement import Link, Move, Trails
from gateway.state.muster import muster
from gateway.state.presence import Presence

BEGIN = datetime(2026, 1, 25, 14, 0, tzinfo=UTC)
GATES = ("gate-1", "gate-2", "gate-3")


class Gate:
    """A gate with one door into the yard, and one from the yard into a store of its own."""

    def __init__(self, name: str, others: tuple[str, ...] = GATES) -> None:
        self.name = name
        self.told: list[NewEvent] = []
        self.seq = self.told_seq = 0
        doors = {"truck-gate": Link("yard", ""), "store": Link("store", "yard")}
        self.presence = Presence(
            doors,
            gateway=name,
            shared={"yard": frozenset(others) - {name}},
            strict=frozenset({"yard"}),
        )

    def badge(self, who: str, minutes: float, way: str = "in", door: str = "truck-gate") -> None:
        self.seq += 1
        person = {"id": who, "name": who.upper(), "company": "Acme"}
        at = (BEGIN + timedelta(minutes=minutes)).isoformat()
        data = {"door": door, "way": way, "person": person, "facts": {}}
        event = Event(self.seq, str(self.seq), at, "access.granted", door, data, "", "")
        self.told += self.presence.apply(event)

    def says(self) -> list[Move]:
        """What it tells the others; on record from now on."""
        found = self.presence.untold()
        moves = []
        for event in found:
            self.told_seq += 1
            self.presence.told(event.id)
            moves.append(Move.read(self.name, self.told_seq, event.subject, event.data))
        return moves

    def hear(self, *moves: Move) -> list[NewEvent]:
        found = [event for move in moves for event in self.presence.take(move)]
        self.told += found
        return found

    def inside(self) -> list[str]:
        return sorted(key for key, _ in self.presence.inside("yard"))

    def passback(self, who: str) -> tuple[str, str] | None:
        place = self.presence.facts("truck-gate", Direction.IN, who, BEGIN).place
        return (place.area, place.gate) if place else None


def test_who_entered_by_another_gate_is_inside_here_too() -> None:
    one, two = Gate("gate-1"), Gate("gate-2")
    one.badge("e1", 0)
    assert one.says() and one.says() == []  # told once
    one.badge("e2", 1)
    two.hear(*one.says())
    assert two.inside() == ["e2"] and two.passback("e2") == ("yard", "gate-1")
    assert two.presence.occupancy("yard") == 1
    two.badge("e2", 2, "out")
    assert two.inside() == [] and two.passback("e2") == ("", "")
    one.hear(*two.says())
    assert one.inside() == ["e1"] and not one.told and not two.told
    assert muster(two.presence) == [] and muster(one.presence)[0]["person"] == "e1"


def test_rooms_behind_the_area_that_the_other_gate_does_not_know_are_outside_of_it() -> None:
    one, two = Gate("gate-1"), Gate("gate-2")
    one.badge("e1", 0)
    one.badge("e1", 1, door="store")
    two.hear(*one.says())
    assert two.inside() == [] and two.passback("e1") == ("", "gate-1")
    one.badge("e1", 2, "out", door="store")
    two.hear(*one.says())
    assert two.inside() == ["e1"]


def test_a_gate_that_shares_no_area_moves_nobody() -> None:
    two = Gate("gate-2", ("gate-1", "gate-2"))
    stranger = Gate("gate-3")
    stranger.badge("e1", 0)
    assert two.hear(*stranger.says()) == [] and two.inside() == []


def test_visitors_of_two_gates_with_one_number_are_two_people() -> None:
    one, two = Gate("gate-1"), Gate("gate-2")
    one.badge("visit-3", 0)
    two.badge("visit-3", 1)
    two.hear(*one.says())
    assert two.inside() == ["gate-1/visit-3", "visit-3"] and not two.told


def test_two_gates_that_could_not_hear_each_other_agree_and_say_what_contradicts() -> None:
    one, two = Gate("gate-1"), Gate("gate-2")
    two.presence.apart = lambda area: ("gate-1",) if area == "yard" else ()
    one.badge("e1", 0)
    two.badge("e1", 5)  # one badge, two people
    two.badge("e2", 6)
    mine, theirs = one.says(), two.says()
    assert theirs[0].apart == ("gate-1",)
    for gate, moves in ((one, theirs), (two, mine)):
        assert [e.type for e in gate.hear(*moves)] == ["area.contradiction"]
        assert gate.hear(*moves) == []  # once
    assert one.told[0].id == two.told[0].id
    told = one.told[0].data
    assert (told["first_gate"], told["second_gate"]) == ("gate-1", "gate-2")
    assert told["apart"] == ["gate-1"] and told["area"] == "yard"
    assert one.inside() == two.inside() == ["e1", "e2"]
    assert one.passback("e1") == ("yard", "gate-2") and two.passback("e1") == ("yard", "")


def test_who_leaves_by_two_gates_contradicts_too_and_what_was_known_does_not() -> None:
    one, two = Gate("gate-1"), Gate("gate-2")
    one.badge("e1", 0)
    two.hear(*one.says())
    one.badge("e1", 5, "out")
    two.badge("e1", 6, "out")
    assert [e.type for e in two.hear(*one.says())] == ["area.contradiction"]
    three = Gate("gate-3")
    three.badge("e9", 0)
    moves = three.says()
    one.hear(*moves)
    one.badge("e9", 5)  # a soft passback: it passed although it was known, and is on record so
    assert one.told == []


def test_what_is_heard_late_does_not_move_anybody_back() -> None:
    one, two = Gate("gate-1"), Gate("gate-2")
    one.badge("e1", 0)
    old = one.says()
    one.badge("e1", 9, "out")
    two.hear(*one.says())
    two.hear(*old)
    assert two.inside() == []


@pytest.mark.parametrize("seed", range(30))
def test_whatever_the_order_gates_come_to_the_same(seed: int) -> None:
    dice = random.Random(seed)
    gates = {name: Gate(name) for name in GATES}
    moves: list[Move] = []
    minutes = 0.0
    for _ in range(40):
        minutes += dice.random() * 3
        gate = gates[dice.choice(GATES)]
        gate.badge(f"e{dice.randrange(5)}", minutes, dice.choice(("in", "out")))
        moves += gate.says()
        if dice.random() < 0.3:  # a while in which some hear each other
            gates[dice.choice(GATES)].hear(*dice.sample(moves, min(len(moves), 6)))
    for name, gate in gates.items():
        others = [move for move in moves if move.gate != name]
        dice.shuffle(others)
        gate.hear(*others, *others[:10])
    where = [
        {key: seen.area for key, seen in gate.presence._state.people.items()}
        for gate in gates.values()
    ]
    assert where[0] == where[1] == where[2]


def test_forgiven_at_another_gate() -> None:
    one, two = Gate("gate-1"), Gate("gate-2")
    one.badge("e1", 0)
    one.badge("e2", 0)
    moves = one.says()
    two.hear(*moves)
    at = BEGIN + timedelta(minutes=1)
    two.presence.pardon("gate-1", "e1", at, left=False)
    place = two.presence.facts("truck-gate", Direction.IN, "e1", BEGIN).place
    assert place is not None and place.free and place.area == "yard"
    two.presence.pardon("gate-1", "e2", at, left=True)
    assert two.inside() == ["e1"]
    # Heard in the other order it is the same.
    three = Gate("gate-3")
    three.presence.pardon("gate-1", None, at, left=False)
    three.hear(*moves)
    place = three.presence.facts("truck-gate", Direction.IN, "e1", BEGIN).place
    assert place is not None and place.free
    # A gate that shares nothing forgives nobody.
    three.hear(replace(moves[0], at=at + timedelta(minutes=1), seq=99))
    three.presence.pardon("gate-9", None, at + timedelta(hours=1), left=True)
    assert "e1" in three.inside()


def test_the_door_says_which_gates_it_cannot_hear() -> None:
    gate = Gate("gate-1")
    gate.presence.apart = lambda area: ("gate-2", "gate-3") if area == "yard" else ()
    failing = gate.presence.failing("truck-gate", Direction.IN)
    assert failing == {Subsystem.PEERS: "gate-2, gate-3"}
    assert gate.presence.failing("store", Direction.IN) == {}
    assert gate.presence.failing("nowhere", Direction.IN) == {}


def test_the_checkpoint_keeps_what_others_said_and_what_they_were_not_told(tmp_path: Path) -> None:
    one, two = Gate("gate-1"), Gate("gate-2")
    one.badge("e1", 0)
    two.badge("e2", 1)
    two.hear(*one.says())
    two.presence.peers["gate-1"] = {"seq": 7}
    path = tmp_path / "presence.json"
    two.presence.checkpoint("c").save(path)
    known = presencefile.of(path, "c", 5).read().value
    assert known is not None
    assert known.people == two.presence._state.people
    assert known.peers == {"gate-1": {"seq": 7}}
    assert [move.id for move in known.untold.values()] == [e.id for e in two.presence.untold()]


def test_who_is_inside_at_the_start_is_told_once_more_under_the_same_id() -> None:
    one = Gate("gate-1")
    one.badge("e1", 0)
    before = [event.id for event in one.presence.untold()]
    one.says()
    one.presence.tell_anew()
    assert [event.id for event in one.presence.untold()] == before


GOOD = Gate("gate-1")
GOOD.badge("e1", 0)
EVENT = GOOD.presence.untold()[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"area": None},
        {"area": 7},
        {"area": "y" * 1000},
        {"at": "yesterday"},
        {"at": "2026-01-25T14:00:00"},
        {"at": None},
        {"was": []},
        {"name": {}},
        {"grant": "many"},
        {"apart": 7},
    ],
)
def test_a_movement_that_is_not_in_its_form_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Move.read("gate-1", 1, "e1", {**EVENT.data, **wrong})
    with pytest.raises(ValueError, match="nobody"):
        Move.read("gate-1", 1, "", EVENT.data)


def test_trails_stay_short() -> None:
    trails = Trails(frozenset({"yard"}))
    move = Move.read("gate-1", 1, "e1", EVENT.data)
    for number in itertools.islice(itertools.count(), 50):
        list(trails.add(replace(move, at=BEGIN + timedelta(minutes=number))))
    assert len(trails._trails["e1"]) == 4
