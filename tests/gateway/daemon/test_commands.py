"""Signed commands: what is good once is refused the second time, and everything else at once."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.daemon.commands import Counters, RemoteCommands
from gateway.daemon.signed import Command, Refused, sender_key, sign, verify
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import Event, NewEvent
from gateway.ledger.operator import Operator

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
PRIVATE = Ed25519PrivateKey.generate()
OTHER = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
KEYS = {
    "room": sender_key(PUBLIC, ["threat_set"]),
    "sync": sender_key(PUBLIC, ["sync"]),
    "rosa": sender_key(PUBLIC, ["door_open", "door_in_service"], "rosa"),
    "booth": sender_key(PUBLIC, ["door_open"], "rosa", through="console"),
}
BOOT = "9f2c51d07a3be644"
BODY: dict[str, Any] = {
    "gateway": "g",
    "command": "threat_set",
    "level": "lockdown",
    "reason": "señal",
    "by": "ana",
    "counter": 17,
    "issued": "2026-11-25T18:00:00Z",
    "expires": "2026-11-25T18:02:00Z",
}


def message(key: str = "room", private: Ed25519PrivateKey = PRIVATE, **changes: Any) -> bytes:
    body = {name: value for name, value in {**BODY, **changes}.items() if value is not ...}
    return sign(body, key, private).encode()


def why(payload: Any, now: datetime = NOW, *, retained: bool = False) -> str:
    with pytest.raises(Refused) as caught:
        verify(payload, KEYS, "g", now, retained=retained)
    return str(caught.value)


def test_a_good_command() -> None:
    command = verify(message(), KEYS, "g", NOW, retained=False)
    assert (command.key, command.name, command.by, command.counter) == (
        "room",
        "threat_set",
        "ana",
        17,
    )
    # However the sender spaced or ordered it, the canonical form is what is signed.
    loose = json.dumps(json.loads(message()), indent=2).encode()
    assert verify(loose, KEYS, "g", NOW, retained=False) == command


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not in its form"),
        (b"[]", "not in its form"),
        (b"\xff", "not in its form"),
        (b"[" * 3000, "not in its form"),
        (b"x" * 5000, "too long"),
        (None, "too long"),
        ("text", "too long"),
        (message("nobody"), "unknown key"),
        (message(private=OTHER), "the signature is wrong"),
        (message().replace(b"lockdown", b"normal"), "the signature is wrong"),
        (message("sync"), "not allowed to this key"),
        (message(gateway="h"), "for another gateway"),
        (message(command="door_open"), "not allowed to this key"),
        (message(expires="2026-11-25T17:59:59Z"), "expired"),
        (message(issued="2026-11-25T18:01:01Z"), "issued in the future"),
        (message(expires="2026-11-25T18:10:01Z"), "valid for more than 600 s"),
        (message(issued="2026-11-25T18:00:00"), "not in its form"),
        (message(issued=1), "not in its form"),
        (message(expires=...), "not in its form"),
        (message(counter="17"), "not in its form"),
        (message(counter=True), "not in its form"),
        (message(counter=0), "not in its form"),
        (message(counter=2**62), "not in its form"),
        (message(by=...), "not in its form"),
        (json.dumps({"key": "room", "body": BODY}).encode(), "not in its form"),
        (
            json.dumps({"key": "room", "body": BODY, "signature": ""}).encode(),
            "the signature is wrong",
        ),
        (json.dumps({"key": [], "body": BODY, "signature": ""}).encode(), "not in its form"),
    ],
)
def test_what_is_refused_and_why(payload: Any, reason: str) -> None:
    assert why(payload) == reason


def test_what_is_retained_or_late_is_refused() -> None:
    assert why(message(), retained=True) == "retained"
    assert why(message(), NOW + timedelta(seconds=121)) == "expired"


@given(st.binary(max_size=300) | st.integers(0, 250).map(lambda n: message()[:n]))
def test_no_bytes_are_a_command(payload: bytes) -> None:
    why(payload)


@given(st.integers(0, len(message()) - 1), st.integers(1, 255))
def test_a_changed_byte_is_never_another_command(place: int, change: int) -> None:
    good = message()
    bad = bytearray(good)
    bad[place] ^= change
    try:
        command = verify(bytes(bad), KEYS, "g", NOW, retained=False)
    except Refused:
        return
    assert dict(command.body) == BODY and command.key == "room"


async def test_a_counter_counts_once_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "commands.json"
    one = verify(message(), KEYS, "g", NOW, retained=False)
    await Counters(path).take(one)
    for counters in (Counters(path), Counters(path)):
        with pytest.raises(Refused, match="seen before"):
            await counters.take(one)
    counters = Counters(path)
    await counters.take(verify(message(counter=18), KEYS, "g", NOW, retained=False))
    with pytest.raises(Refused, match="older than one seen before"):
        await counters.take(one)
    path.write_text("[]")
    with pytest.raises(Refused, match="can't be read"):
        await Counters(path).take(verify(message(counter=99), KEYS, "g", NOW, retained=False))
    with pytest.raises(Refused, match="can't be read"):
        await Counters(tmp_path / "no" / "c.json").take(one)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.events: list[NewEvent] = []
        self.done: list[Command] = []
        self.trusted = True
        self.desk = RemoteCommands(
            "g",
            KEYS,
            Counters(folder / "c.json"),
            {"threat_set": self.carry, "door_open": self.open},
            self.append,
            lambda: (NOW, self.trusted),
            boot=BOOT,
        )
        self.answers: list[Mapping[str, Any]] = []
        self.desk.answer_by(self.answers.append)

    async def carry(self, command: Command) -> Mapping[str, Any]:
        if command.body["level"] == "none":
            raise Refused("there is no such threat level")
        if command.body["level"] == "bug":
            raise ZeroDivisionError
        if command.body["level"] == "full":
            raise LedgerUnavailable("the disk is full")
        self.done.append(command)
        return {"changed": True}

    async def open(self, command: Command) -> Mapping[str, Any]:
        self.done.append(command)
        return {"door": command.body["door"], "seq": 7}

    async def append(self, event: NewEvent) -> Event:
        self.events.append(event)
        return Event(1, "", "", "", "", {}, "", "")

    def settled(self) -> int:
        """How many messages were carried out or refused."""
        recorded = sum(event.data.get("count", 1) for event in self.events)
        return recorded + sum(self.desk._refused.values())

    async def send(self, *payloads: bytes, retained: bool = False) -> None:
        task = asyncio.create_task(self.desk.run())
        for payload in payloads:
            wanted = self.settled() + self.desk._queue.qsize() + 1
            self.desk.receive(payload, retained)
            async with asyncio.timeout(10):
                while self.settled() < wanted:
                    await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_each_command_is_carried_out_once_and_refusals_are_told_together(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    await desk.send(message(), message(), message(), b"x", message(counter=18))
    assert [c.counter for c in desk.done] == [17, 18]
    kinds = [event.type for event in desk.events]
    # The last one is of the stop: what was counted by then.
    refused = "command.refused"
    assert kinds == ["command.accepted", refused, "command.accepted", refused]
    assert desk.events[1].data == {"why": "seen before", "count": 1, "keys": ["room"]}
    told = desk.events[3].data
    assert told == {"why": "not in its form, seen before", "count": 2, "keys": ["room"]}
    assert desk.events[0].data["by"] == "ana"


async def test_a_command_from_before_the_start_is_refused(tmp_path: Path) -> None:
    """A disk that was put back has the counters of before; no broker keeps commands for us."""
    desk = Desk(tmp_path)
    await desk.send(message(issued="2026-11-25T17:59:59Z"), message(counter=18))
    assert [c.counter for c in desk.done] == [18]
    assert desk.events[0].data["why"] == "for another start of the gateway"


async def test_without_a_clock_to_trust_no_command_is_in_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.trusted = False
    await desk.send(message())
    assert desk.done == [] and desk.events[0].data["why"] == "the clock is not to be trusted"


async def test_a_flood_is_dropped_and_counted(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for _ in range(1000):
        desk.desk.receive(b"x", False)
    await desk.send(b"y")
    assert desk.desk._queue.qsize() == 0
    told = sum(event.data["count"] for event in desk.events)
    assert told + sum(desk.desk._refused.values()) == 1001


async def test_a_command_that_expired_on_its_way_is_refused(tmp_path: Path) -> None:
    """MQTT 5: the broker sends how long a message is still good; one may wait here behind others,
    and an interval of 0 is over when it arrives."""
    desk = Desk(tmp_path)
    now = asyncio.get_running_loop().time()
    desk.desk.receive(message(), False, now + 60)
    desk.desk.receive(message(counter=18), False, now)
    await desk.send(message(counter=19))
    assert [c.counter for c in desk.done] == [17, 19]
    refused = [event.data for event in desk.events if event.type == "command.refused"]
    assert refused == [{"why": "expired on its way", "count": 1, "keys": ["room"]}]


def opening(key: str = "rosa", private: Ed25519PrivateKey = PRIVATE, **changes: Any) -> bytes:
    """A good command to open a door, with changes."""
    about = {"command": "door_open", "door": "yard", "boot": BOOT, "nonce": "ab" * 16}
    return message(key, private, **{**about, "expires": "2026-11-25T18:00:30Z", **changes})


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (opening(boot="0" * 16), "for another start of the gateway"),
        (opening(boot=...), "not in its form"),
        (opening(boot=7), "for another start of the gateway"),
        (opening(nonce=...), "not in its form"),
        (opening(nonce="short"), "not in its form"),
        (opening(nonce=["ab" * 16]), "not in its form"),
        (opening(expires="2026-11-25T18:00:31Z"), "valid for more than 30 s"),
        (opening(issued="2026-11-25T18:00:11Z"), "issued in the future"),
        (opening(issued="0001-01-01T00:00:00Z"), "valid for more than 30 s"),
        (opening(expires="9999-12-31T23:59:59+00:00"), "valid for more than 30 s"),
        (opening(gateway="h"), "for another gateway"),
        (opening("room"), "not allowed to this key"),
        (opening("sync"), "not allowed to this key"),
        (opening(command="door_in_service", boot=...), "not in its form"),
        # A command that may do without a boot is refused all the same if it names another one.
        (message(boot="0" * 16), "for another start of the gateway"),
    ],
)
def test_what_lets_people_in_is_for_this_run_once_and_soon(payload: bytes, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        verify(payload, KEYS, "g", NOW, retained=False, boot=BOOT)
    assert str(caught.value) == reason


def test_a_good_command_to_open() -> None:
    command = verify(opening(), KEYS, "g", NOW, retained=False, boot=BOOT)
    assert (command.name, command.nonce, command.sender.operator) == (
        "door_open",
        "ab" * 16,
        "rosa",
    )
    with pytest.raises(Refused, match="expired"):
        later = NOW + timedelta(seconds=31)
        verify(opening(), KEYS, "g", later, retained=False, boot=BOOT)


async def test_a_nonce_counts_once_also_where_the_counters_were_set_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.send(message(nonce="ab" * 16))
    desk.desk._counters = Counters(tmp_path / "restored.json")
    await desk.send(message(nonce="ab" * 16, counter=18))
    assert [c.counter for c in desk.done] == [17]
    assert [event.type for event in desk.events][1:] == ["command.refused"]


async def test_what_a_known_key_signed_and_was_not_done_has_a_record_of_its_own(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    await desk.send(message(level="none"), message(level="bug", counter=18))
    assert [event.data for event in desk.events] == [
        {
            "command": "threat_set",
            "key": "room",
            "by": "ana",
            "counter": counter,
            "why": why,
            "count": 1,
        }
        for counter, why in ((17, "there is no such threat level"), (18, "denied_internal_error"))
    ]
    await desk.send(message(counter=19))  # and it goes on
    assert [c.counter for c in desk.done] == [19]


async def test_the_sender_hears_what_became_of_it(tmp_path: Path) -> None:
    """Whoever has no key hears nothing: an answer to anybody would be an amplifier."""
    desk = Desk(tmp_path)
    await desk.send(message(), message(), b"x", message(private=OTHER, counter=18))
    await desk.send(message(level="full", counter=19), retained=True)
    about = {"gateway": "g", "boot": BOOT, "key": "room", "command": "threat_set"}
    assert desk.answers == [
        {**about, "counter": 17, "done": True, "why": "", "changed": True},
        {**about, "counter": 17, "done": False, "why": "seen before"},
        {**about, "counter": 19, "done": False, "why": "retained"},
    ]


async def test_a_log_that_can_not_be_written_is_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(LedgerUnavailable):
        await desk.desk.carry_out(message(level="full"), retained=False)
    await desk.send(message(counter=18))
    assert [answer["why"] for answer in desk.answers] == ["denied_ledger_unavailable", ""]


async def test_refusals_that_were_only_counted_are_recorded_at_the_stop(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.send(b"x", b"y", b"z")
    told = sum(event.data["count"] for event in desk.events)
    assert told == 3 and not desk.desk._refused


@given(st.integers(0, len(opening()) - 1), st.integers(1, 255))
def test_a_changed_byte_never_opens_another_door(place: int, change: int) -> None:
    bad = bytearray(opening())
    bad[place] ^= change
    try:
        command = verify(bytes(bad), KEYS, "g", NOW, retained=False, boot=BOOT)
    except Refused:
        return
    assert (command.key, dict(command.body)) == ("rosa", json.loads(opening())["body"])


ROSA = Operator("rosa", person="e2", name="Rosa")


async def test_what_the_console_passes_on_is_carried_out_once_and_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    answer = await desk.desk.pass_on(opening("booth"), ROSA)
    assert (answer["done"], answer["seq"], answer["door"]) == (True, 7, "yard")
    assert [command.signed_in for command in desk.done] == ["e2"]
    again = await desk.desk.pass_on(opening("booth"), ROSA)
    assert (again["done"], again["why"]) == (False, "seen before")
    assert len(desk.done) == 1
    assert [event.type for event in desk.events] == ["command.accepted", "command.refused"]
    assert desk.answers == []  # the broker is told of what came through it


async def test_a_key_counts_on_its_own_way_only(tmp_path: Path) -> None:
    """A browser's key is worth nothing without the console, which asks for a second factor; and
    the console can't use a key that is for the broker."""
    desk = Desk(tmp_path)
    await desk.send(opening("booth"))
    assert (await desk.desk.pass_on(opening("rosa"), ROSA))["why"] == "not allowed on this way"
    assert desk.done == []
    # The second is counted, and told with others later.
    assert [event.data["why"] for event in desk.events] == ["not allowed on this way"]


async def test_the_console_can_forge_and_hold_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    wrong = [
        (opening("booth")[:-2], "not in its form"),
        (opening("booth").replace(b"yard", b"gate"), "the signature is wrong"),
        (opening("booth", OTHER), "the signature is wrong"),
        (opening("booth", boot="0" * 16), "for another start of the gateway"),
        (opening("booth", issued="2026-11-25T17:59:00Z"), "valid for more than 30 s"),
        (b"x" * 5000, "too long"),
    ]
    for payload, reason in wrong:
        answer = await desk.desk.pass_on(payload, ROSA)
        assert (answer["done"], answer["why"]) == (False, reason)
    assert desk.done == []


async def test_two_ways_do_not_meet_in_the_middle_of_a_command(tmp_path: Path) -> None:
    """The same message by both ways at once: at most one is carried out."""
    desk = Desk(tmp_path)
    answers = await asyncio.gather(*(desk.desk.pass_on(opening("booth"), ROSA) for _ in range(5)))
    assert sorted(answer["done"] for answer in answers) == [False] * 4 + [True]
    assert len(desk.done) == 1
