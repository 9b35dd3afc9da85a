"""MQTT with a real mosquitto: in order, nothing lost, no door delayed, no secret shown."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import logging
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import jsonschema
import pytest
from aiomqtt.exceptions import MqttConnectError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.config import MqttSettings
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import NewEvent
from gateway.uplink import (
    Cursor,
    Handlers,
    Uplink,
    cloud_event,
    parse_replay,
    publisher,
    rivals,
    schemas,
)
from gateway.uplink import client as client_module
from gateway.uplink.connection import V5, NotTaken
from gateway.uplink.rivals import Instance
from tests.gateway.uplink.brokers import answering, old_broker

ROOT = Path(__file__).parents[3]
SCHEMA = jsonschema.Draft202012Validator(schemas.schema("events"))
Broker = Any


class Link:
    """A ledger with its uplink, and a subscriber who notes everything."""

    def __init__(self, folder: Path, port: int, **settings: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.commands: list[tuple[Any, bool, float | None]] = []
        self.bundles: list[bytes] = []
        self.settings = MqttSettings(**{"host": "127.0.0.1", "port": port} | settings)
        self.ledger = Ledger.open(folder / "ledger.db", gateway="g")
        self.reader = LedgerReader(folder / "ledger.db")
        self.states: list[tuple[bool, str]] = []
        self.noted: list[NewEvent] = []
        self.seen: list[tuple[str, bytes, bool]] = []
        self._seqs: dict[str, list[int]] = {}
        self.subscribed = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self.make()

    def make(self) -> None:
        self.checkpoint = ""
        self.heard: list[bytes] = []
        self.uplink = Uplink(
            self.settings,
            "g",
            self.reader,
            self.ledger.wait_beyond,
            self.folder / "cursor",
            lambda: {"doors": {}},
            lambda: self.checkpoint,
            Handlers(
                state=lambda online, detail: self.states.append((online, detail)),
                note=self.noted.append,
                command=lambda *about: self.commands.append(about),
                bundle=self.bundles.append,
                checkpoint=self.hear,
            ),
        )

    async def hear(self, payload: bytes) -> None:
        self.heard.append(payload)

    def start(self) -> None:
        self._tasks.append(asyncio.create_task(self.uplink.run()))

    async def stop_uplink(self) -> None:
        task = self._tasks.pop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @property
    def types(self) -> list[str]:
        return [str(event.type) for event in self.noted]

    async def append(self, count: int) -> None:
        await asyncio.gather(
            *(self.ledger.append_soon(NewEvent("t", "x", {"n": n})) for n in range(count))
        )

    async def until(self, condition: Callable[[], bool], timeout_s: float = 30) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.01)

    def published(self) -> bool:
        status = self.uplink.status()
        return bool(status["connected"]) and status["waiting"] == 0

    async def listen(self, **client: Any) -> None:
        async def task() -> None:
            while True:
                try:
                    async with aiomqtt.Client("127.0.0.1", self.settings.port, **client) as mqtt:
                        await mqtt.subscribe("garita/#", qos=1)
                        self.subscribed.set()
                        async for m in mqtt.messages:
                            topic, payload = str(m.topic), bytes(m.payload)  # type: ignore[arg-type]
                            self.seen.append((topic, payload, bool(m.retain)))
                            if found := re.search(rb'"seq": ?(\d+)', payload):
                                self._seqs.setdefault(topic, []).append(int(found[1]))
                except aiomqtt.MqttError:
                    self.subscribed.clear()
                    await asyncio.sleep(0.1)

        self._tasks.insert(0, asyncio.create_task(task()))
        await self.subscribed.wait()

    def events(self, topic: str = "garita/g/events") -> list[dict[str, Any]]:
        return [json.loads(payload) for name, payload, _ in self.seen if name == topic]

    def seqs(self, topic: str = "garita/g/events") -> list[int]:
        return self._seqs.get(topic, [])

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.reader.close()
        self.ledger.close()


@pytest.fixture
async def make_link(tmp_path: Path) -> AsyncIterator[Callable[..., Link]]:
    made: list[Link] = []

    def make(port: int, *, box: str = "", **settings: Any) -> Link:
        link = Link(tmp_path / box, port, **settings)
        made.append(link)
        return link

    yield make
    for link in made:
        await link.close()


async def test_the_ledger_arrives_in_order_and_chained(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    link = make_link(broker.port)
    await link.listen()
    link.start()
    await link.append(500)
    await link.until(lambda: len(link.seqs()) >= 501)
    assert link.seqs() == list(range(1, 502))
    events = link.events()
    for event in events:
        SCHEMA.validate(event)
    assert all(a["hash"] == b["prev"] for a, b in zip(events, events[1:], strict=False))
    assert not any(retained for name, _, retained in link.seen if name.endswith("events"))


async def test_status_and_state_are_retained_and_a_stop_says_offline(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    link = make_link(broker.port)
    link.start()
    await link.until(link.published)
    await link.listen()
    await link.until(lambda: len(link.seen) >= 2)
    await link.until(lambda: sum(kept for _, _, kept in link.seen) >= 2)
    retained = {name: payload for name, payload, kept in link.seen if kept}
    assert retained["garita/g/status"] == b"online"
    assert json.loads(retained["garita/g/state"]) == {"doors": {}}
    await link.stop_uplink()  # tests/system shows the last will of one that is killed
    await link.until(lambda: ("garita/g/status", b"offline", False) in link.seen)


async def test_what_the_broker_holds_of_our_log_is_heard_before_a_new_checkpoint_replaces_it(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    link = make_link(broker.port)
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish("garita/g/checkpoint", b"older", qos=1, retain=True)
    link.checkpoint = "newer"
    link.start()
    await link.until(lambda: bool(link.heard))
    assert link.heard == [b"older"]
    assert not link.seqs()  # no record was published before it was judged
    await link.listen()
    await link.until(lambda: any(payload == b"newer" for _, payload, _ in link.seen))
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("garita/g/checkpoint", qos=1)
        async for message in client.messages:
            assert (message.payload, message.retain) == (b"newer", True)
            break
    # Our own message, and one that is not retained, are not what the broker holds.
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish("garita/g/checkpoint", b"somebody's", qos=1)
    await link.until(lambda: any(payload == b"somebody's" for _, payload, _ in link.seen))
    assert link.heard == [b"older"]


async def test_a_broker_that_is_not_there_at_the_start(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link]
) -> None:
    broker = make_broker()
    link = make_link(broker.port)
    link.start()
    await link.append(50)
    await link.until(lambda: bool(link.states))
    assert link.states[0][0] is False
    broker.start()
    await link.listen()
    await link.until(link.published)
    got = set(link.seqs())
    assert link.uplink.status()["published"] == 51
    assert got <= set(range(1, 52))


async def test_kill_9_of_the_broker_in_the_stream_and_the_holes_are_filled_on_request(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link]
) -> None:
    broker = make_broker()
    broker.start()
    link = make_link(broker.port)
    await link.listen()
    link.start()
    for _ in range(3):
        appending = asyncio.create_task(link.append(400))
        await asyncio.sleep(0.1)
        broker.kill()
        await appending  # the ledger does not wait for any broker
        await asyncio.sleep(0.3)
        broker.start()
        await link.until(link.published)
    last = link.ledger.last_seq
    # What the broker acknowledged and then lost is a hole in the numbers, and can be had again.
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish(
            "garita/g/replay", json.dumps({"id": "fill", "from": 1, "to": last}), qos=1
        )
        await link.until(lambda: any(b'"done"' in payload for _, payload, _ in link.seen))
    replayed = [e for e in link.events("garita/g/replay/fill") if "seq" in e]
    assert [event["seq"] for event in replayed] == list(range(1, last + 1))
    assert set(link.seqs()) | {e["seq"] for e in replayed} == set(range(1, last + 1))
    by_seq = {event["seq"]: event["hash"] for event in replayed}
    assert all(by_seq[event["seq"]] == event["hash"] for event in link.events())
    # Within one connection the numbers only rise; over a reconnect some may come twice.
    assert sorted(set(link.seqs())) == sorted(set(by_seq) & set(link.seqs()))


async def test_a_login_that_is_refused_is_said_and_not_hammered(
    make_broker: Callable[..., Broker],
    make_link: Callable[..., Link],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "g", "right"], check=True)
    broker = make_broker(f"allow_anonymous false\npassword_file {passwords}")
    broker.start()
    secret = tmp_path / "secret"
    secret.write_text("wrong-secret\n")
    link = make_link(broker.port, username="g", password_file=secret)
    link.start()
    await asyncio.sleep(2.5)
    assert 1 <= len(link.states) <= 4
    assert not link.states[0][0] and re.search("authori", link.states[0][1], re.IGNORECASE)
    secret.write_text("right\n")  # the file is read again at each attempt
    await link.until(link.published, 15)
    assert "wrong-secret" not in caplog.text
    secret.unlink()
    broker.stop()
    await link.until(lambda: not link.states[-1][0])
    broker.start()
    await link.until(lambda: "No such file" in link.states[-1][1], 15)


async def test_a_broker_that_stalls_delays_no_record(make_link: Callable[..., Link]) -> None:
    """Accepts the connection and then never says a word."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = make_link(port)
    link.start()
    await asyncio.sleep(0.2)
    async with asyncio.timeout(10):
        for _ in range(200):
            await link.append(1)
    assert link.uplink.status()["connected"] is False
    server.close()


async def test_after_a_good_connection_the_waits_start_anew(
    broker: Broker, make_link: Callable[..., Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "RETRY_S", (0.05, 60.0))
    monkeypatch.setattr(client_module, "GOOD_AFTER_S", 0.1)
    monkeypatch.setattr(client_module, "HOLD_S", (0.05, 0.05))
    link = make_link(broker.port)
    link.start()
    for _ in range(9):  # doubled each time, the last wait would be 13 seconds
        await link.until(link.published, 5)
        await asyncio.sleep(0.15)
        broker.stop()
        await link.until(lambda: not link.uplink.connected)
        broker.start()
    await link.until(link.published, 5)


async def test_a_backlog_is_sent_once_and_the_cursor_survives(
    broker: Broker, make_link: Callable[..., Link], tmp_path: Path
) -> None:
    link = make_link(broker.port)
    await link.listen()
    await link.append(3000)
    link.start()
    await link.until(link.published, 60)
    await link.until(lambda: len(link.seqs()) >= 3001)
    await link.stop_uplink()
    chain, seq = (tmp_path / "cursor").read_text().split()
    first = link.reader.get(1)
    assert first is not None and (chain, seq) == (first.data["chain"], "3001")
    link.make()
    link.start()
    await link.append(1)
    await link.until(link.published)
    await link.until(lambda: 3002 in link.seqs())
    assert link.seqs() == list(range(1, 3003))


@pytest.mark.parametrize(
    "content", ["", "x", "other-chain 3", "{chain} 999999", "{chain} -1", "\xff"]
)
async def test_a_cursor_that_can_not_be_trusted_starts_at_the_beginning(
    make_link: Callable[..., Link], tmp_path: Path, content: str
) -> None:
    link = make_link(1)
    await link.append(5)
    first = link.reader.get(1)
    assert first is not None
    path = tmp_path / "cursor"
    path.write_text(content.format(chain=first.data["chain"]), encoding="latin-1")
    cursor = Cursor(path)
    cursor.load(link.reader)
    assert cursor.seq == 0
    cursor.seq = 4
    cursor.save()
    again = Cursor(path)
    again.load(link.reader)
    assert again.seq == 4


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"\xff\xff",
        b"[" * 1000,
        b'{"id":"a","from":1}',
        b'{"id":"a","from":2,"to":1}',
        b'{"id":"a","from":0,"to":1}',
        b'{"id":"a","from":1,"to":10001}',
        b'{"id":"a","from":true,"to":1}',
        b'{"id":"a","from":"1","to":1}',
        b'{"id":"../events","from":1,"to":1}',
        b'{"id":"a/#","from":1,"to":1}',
        b'{"id":"' + b"a" * 65 + b'","from":1,"to":1}',
        b'{"id":"a","from":1,"to":1}' + b" " * 2000,
        b'{"id":"a","from":9223372036854775807,"to":9223372036854775808}',
    ],
)
def test_hostile_replay_requests(payload: bytes) -> None:
    assert parse_replay(payload, retained=False) is None


def test_a_replay_request() -> None:
    payload = b'{"id":"audit-1","from":7,"to":9}'
    assert parse_replay(payload, retained=False) == ("audit-1", 7, 9)
    assert parse_replay(payload, retained=True) is None


async def test_hostile_requests_do_not_end_the_connection(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    link = make_link(broker.port)
    await link.listen()
    link.start()
    await link.until(link.published)
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for payload in (b"\xff", b"{}", b"x" * 100_000):
            await client.publish("garita/g/replay", payload, qos=1)
        for n in range(50):  # more than may wait
            body = json.dumps({"id": f"r{n}", "from": 1, "to": 10_000})
            await client.publish("garita/g/replay", body, qos=1)
    await link.append(1)
    await link.until(lambda: 2 in link.seqs())
    assert [online for online, _ in link.states] == [True]


# What arrives for others: commands and signed lists


async def test_a_command_is_handed_on_with_what_the_broker_says_of_it(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    link = make_link(broker.port)
    link.start()
    await link.until(link.published)
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = 30
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=V5) as client:
        await client.publish("garita/g/command", b"one", qos=1)
        await client.publish("garita/g/command", b"two", qos=1, properties=properties)
        await client.publish("garita/people/bundle/0", b"part", qos=1, retain=True)
        await client.publish("garita/people/bundle/1", b"", qos=1)
    await link.until(lambda: len(link.commands) == 2 and bool(link.bundles))
    assert link.commands[0] == (b"one", False, None)
    expires = link.commands[1][2]
    assert expires is not None and 28 < expires - asyncio.get_running_loop().time() <= 30
    assert link.bundles == [b"part"]


# Two gateways of one name


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes become a second, for tests with real brokers."""
    monkeypatch.setattr(client_module, "HOLD_S", (1.0, 2.0))
    monkeypatch.setattr(rivals, "ANSWER_S", 0.5)
    monkeypatch.setattr(client_module, "ANSWER_EVERY_S", 0.1)


def held(link: Link) -> bool:
    return bool(link.states) and "another gateway has this name" in link.states[-1][1]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_two_of_one_name_don_t_throw_each_other_off(
    broker: Broker, make_link: Callable[..., Link], version: str
) -> None:
    """As found in use: 21 changes in ten seconds at each of the two, for ever."""
    async with contextlib.AsyncExitStack() as stack:
        port = broker.port
        if version == "3.1.1":
            port = await stack.enter_async_context(old_broker(port))
        first, second = make_link(port, box="first"), make_link(port, box="second")
        first.start()
        await first.until(first.published)
        second.start()
        await second.until(lambda: held(second))
        await first.append(100)
        await first.until(first.published, 5)
        await asyncio.sleep(2)
        assert first.states == [(True, "")]
        assert len(second.states) == 1
        assert first.types == second.types == ["uplink.name_taken"]
        host = second.noted[0].data["host"]
        assert second.noted[0].data["how"] == "connected"
        assert second.uplink.status()["name_taken_by"]["host"] == host == socket.gethostname()
        assert first.uplink.status()["name_taken_by"]["how"] == "asking"
        assert first.uplink.status()["version"] == version
        await first.stop_uplink()
        await second.stop_uplink()


@pytest.mark.usefixtures("quick")
async def test_the_one_that_waited_connects_by_itself_when_the_other_is_gone(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    first, second = make_link(broker.port, box="first"), make_link(broker.port, box="second")
    first.start()
    await first.until(first.published)
    second.start()
    await second.until(lambda: held(second))
    await first.stop_uplink()
    await second.until(second.published)
    assert second.types == ["uplink.name_taken", "uplink.name_free"]
    assert second.uplink.status()["name_taken_by"] is None
    assert second.states[-1] == (True, "")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("ids", [("same", "same"), ("one", "two")])
async def test_two_that_start_together_settle_on_one(
    broker: Broker, make_link: Callable[..., Link], ids: tuple[str, str]
) -> None:
    links = [make_link(broker.port, box=f"{n}", client_id=name) for n, name in enumerate(ids)]
    for link in links:
        link.start()
    await links[0].until(lambda: sum(link.published() for link in links) == 1, 10)
    await links[0].until(lambda: any(held(link) for link in links), 20)
    up = next(link for link in links if not held(link))
    await up.until(up.published)
    changes = len(up.states)
    await asyncio.sleep(3)
    assert len(up.states) == changes and up.published()
    for link in links:
        # With one client id they throw each other off a few times before they have met.
        assert link.types.count("uplink.name_taken") <= 1 and len(link.states) <= 8


@pytest.mark.usefixtures("quick")
async def test_a_gateway_of_the_version_before_is_left_the_name(
    broker: Broker, make_link: Callable[..., Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing on the instance topic, and is back half a second after it is thrown off."""
    monkeypatch.setattr(rivals, "FREE_S", 1.0)

    async def old() -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                will = aiomqtt.Will("garita/g/status", "offline", qos=1, retain=True)
                async with aiomqtt.Client(
                    "127.0.0.1", broker.port, identifier="garita-g", will=will
                ) as client:
                    await client.publish("garita/g/status", "online", qos=1, retain=True)
                    await client.subscribe("garita/g/replay")
                    async for _ in client.messages:
                        pass
            await asyncio.sleep(0.3)

    task = asyncio.create_task(old())
    link = make_link(broker.port)
    await asyncio.sleep(0.2)
    link.start()
    await link.until(lambda: bool(link.states) and "takes over" in link.states[-1][1])
    assert link.types == ["uplink.name_taken"]
    assert link.uplink.status()["name_taken_by"]["how"] == "takeover"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await link.until(link.published)
    await link.until(lambda: link.uplink.status()["name_taken_by"] is None, 10)
    assert link.types == ["uplink.name_taken", "uplink.name_free"]


async def test_a_takeover_that_the_broker_names_ends_in_a_wait_of_a_minute(
    make_link: Callable[..., Link],
) -> None:
    suback = b"\x90\x04\x00\x01\x00\x01"
    subacks = [suback[:3] + bytes([mid]) + suback[4:] for mid in (1, 2, 3)]
    async with answering(*subacks, b"\xe0\x02\x8e\x00") as port:
        link = make_link(port)
        link.uplink._places.here.may_look = False
        link.start()
        await link.until(lambda: bool(link.states))
        assert "it takes over our connection" in link.states[0][1]
        await asyncio.sleep(2)
        assert len(link.states) == 1 and link.types == ["uplink.name_taken"]


async def test_a_stranger_on_the_instance_topic_gets_an_answer_a_second_and_one_record(
    broker: Broker, make_link: Callable[..., Link]
) -> None:
    link = make_link(broker.port)
    await link.listen()
    link.start()
    await link.until(link.published)
    me = link.uplink.status()["instance"]
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for n in range(200):
            other = Instance(f"{n:016x}", "h", "s")
            await client.publish("garita/g/instance", other.message("asking"), qos=1)
            await client.publish("garita/g/instance", b"\xff" * 50, qos=1)
        await client.publish("garita/g/instance", Instance(me, "h", "s").message("active"), qos=1)
    await link.append(1)
    await link.until(lambda: 2 in link.seqs())
    assert link.states == [(True, "")] and link.types == ["uplink.name_taken"]
    said = [p for name, p, _ in link.seen if name == "garita/g/instance" and b"active" in p]
    assert len(said) < 10


async def test_a_broker_that_forbids_the_question_is_used_without(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link], tmp_path: Path
) -> None:
    rules = ("readwrite garita/g/status", "readwrite garita/g/instance", "write garita/g/events")
    for number, rule in enumerate(rules):
        # Each time one more is allowed; the last lets it work, the first two let it say why not.
        allowed = "\n".join(f"topic {rule}" for rule in (*rules[:number], rules[2]))
        acl = tmp_path / f"acl{number}"
        acl.write_text(f"{allowed}\ntopic write garita/g/state\ntopic write garita/g/status\n")
        broker = make_broker(f"allow_anonymous true\nacl_file {acl}")
        broker.start()
        link = make_link(broker.port, box=f"{number}")
        link.start()
        await link.until(link.published)
        assert link.uplink._places.here.may_look is (number == 2)


async def test_a_client_id_that_the_broker_refuses_for_the_question_does_not_keep_us_out(
    broker: Broker, make_link: Callable[..., Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def refused(*about: Any) -> None:
        nonlocal asked
        asked += 1
        raise MqttConnectError(ReasonCode(PacketTypes.CONNACK, "Client identifier not valid"))

    monkeypatch.setattr(client_module, "look", refused)
    link = make_link(broker.port)
    link.start()
    await link.until(link.published)
    assert asked == 1 and [online for online, _ in link.states] == [False, True]


async def test_a_broker_that_ends_the_connection_for_the_question_is_used_without(
    make_link: Callable[..., Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS IoT does so with whoever publishes where the policy does not let them."""
    monkeypatch.setattr(client_module, "RETRY_S", (0.02, 0.1))
    subacks = [bytes((0x90, 4, 0, mid, 0, 1)) for mid in (1, 2, 3)]
    async with answering(*subacks, b"\xe0\x02\x87\x00") as port:
        link = make_link(port)
        link.start()
        await link.until(lambda: not link.uplink._places.here.may_look)
        assert 1 <= len(link.states) <= 3
        await link.stop_uplink()


async def test_an_answer_to_a_command_goes_out_and_never_stops_the_log(
    broker: Broker,
    make_broker: Callable[..., Broker],
    make_link: Callable[..., Link],
    tmp_path: Path,
) -> None:
    link = make_link(broker.port, box="open")
    link.uplink.answer({"counter": 1})  # nobody is connected: it is dropped, and not told later
    await link.listen()
    link.start()
    await link.until(link.published)
    for counter in range(2, 50):  # more than wait at a time
        link.uplink.answer({"counter": counter})
    await link.until(lambda: bool(link.events("garita/g/command/answer")))
    told = [event["counter"] for event in link.events("garita/g/command/answer")]
    assert told[0] == 2 and not any(retained for name, _, retained in link.seen if "answer" in name)
    # A broker that does not let us answer: the records go on.
    acl = tmp_path / "acl"
    rights = ("events", "state", "status", "instance", "checkpoint")
    acl.write_text("".join(f"topic write garita/g/{name}\n" for name in rights))
    closed = make_broker(f"allow_anonymous true\nacl_file {acl}")
    closed.start()
    link = make_link(closed.port, box="closed")
    link.start()
    await link.until(link.published)
    link.uplink.answer({"counter": 1})
    link.uplink.answer({"counter": 2})
    await link.append(20)
    await link.until(link.published)
    await link.until(lambda: link.uplink._answers._told)
    assert [online for online, _ in link.states] == [True]


# Messages that the broker does not take


async def test_a_message_too_large_for_the_broker_does_not_stop_those_after_it(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link]
) -> None:
    """Seen in use: it stopped the publishing for ever.  With 5 the broker states its limit."""
    broker = make_broker("allow_anonymous true\nmax_packet_size 20000")
    broker.start()
    link = make_link(broker.port)
    await link.listen()
    link.start()
    await link.ledger.append(NewEvent("t", "x", {"long": "ñ" * 30_000}))
    await link.append(3)
    await link.until(lambda: 5 in link.seqs())
    assert link.seqs() == [1, 2, 3, 4, 5]
    await checked_omission(link, broker)
    assert [online for online, _ in link.states] == [True]


async def test_a_limit_that_the_broker_does_not_state_is_found_and_gone_round(
    make_broker: Callable[..., Broker],
    make_link: Callable[..., Link],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """mosquitto's message_size_limit is not in CONNACK; it answers with 0x95 or ends the connection
    with "protocol error" (0x82), for which the gateway offered the same message for ever."""
    monkeypatch.setattr(client_module, "RETRY_S", (0.05, 0.2))
    broker = make_broker("allow_anonymous true\nmessage_size_limit 20000")
    broker.start()
    link = make_link(broker.port)
    await link.listen()
    link.start()
    await link.ledger.append(NewEvent("t", "x", {"long": "ñ" * 30_000}))
    await link.append(3)
    await link.until(lambda: link.seqs()[-4:] == [2, 3, 4, 5])  # in order in the end
    assert link.events()[-4]["data"]["omitted"] and link.types == ["uplink.message_skipped"]
    assert 1 <= [online for online, _ in link.states].count(False) <= 4
    skipped = link.uplink.status()["skipped"]
    assert skipped["event"] == 2 and skipped["bytes"] > 60_000 and skipped["count"] == 1


async def checked_omission(link: Link, broker: Broker) -> None:
    """Record 2 went without its data, with a record of that; it can be asked for as often."""
    stored = link.reader.get(2)
    sent = link.events()[1]
    SCHEMA.validate(sent)
    assert stored is not None and sent["hash"] == stored.hash and sent["id"] == stored.id
    assert sent["data"]["omitted"] and sent["data"]["bytes"] > 60_000
    assert link.types == ["uplink.message_skipped"]
    assert link.noted[0].data["event"] == 2 and link.noted[0].data["bytes"] > 60_000
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish("garita/g/replay", b'{"id":"a","from":2,"to":3}', qos=1)
    await link.until(lambda: any(b'"done"' in payload for _, payload, _ in link.seen))
    assert [e.get("seq") for e in link.events("garita/g/replay/a")] == [2, 3, None]
    assert link.types == ["uplink.message_skipped"]


async def test_a_message_too_large_for_a_broker_of_3_1_1_is_found_and_gone_round(
    make_broker: Callable[..., Broker],
    make_link: Callable[..., Link],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That broker closes the connection and says nothing."""
    monkeypatch.setattr(client_module, "RETRY_S", (0.05, 0.2))
    broker = make_broker("allow_anonymous true\nmax_packet_size 20000")
    broker.start()
    async with old_broker(broker.port) as port:
        link = make_link(port)
        await link.listen()
        link.start()
        await link.ledger.append(NewEvent("t", "x", {"long": "ñ" * 30_000}))
        await link.append(3)
        await link.until(lambda: 5 in link.seqs())
        assert sorted(set(link.seqs())) == [1, 2, 3, 4, 5]
        assert 1 <= [online for online, _ in link.states].count(False) <= 4
        seen = {event["seq"]: event for event in link.events()}
        assert seen[2]["data"]["omitted"] and link.types == ["uplink.message_skipped"]
        await link.stop_uplink()


class Refusing:
    """A stand-in for a connection whose broker refuses a message with a reason."""

    def __init__(self, code: int, needle: bytes) -> None:
        self.code = code
        self.needle = needle
        self.sent: list[str | bytes] = []

    async def publish(self, topic: str, payload: str | bytes, **more: Any) -> None:
        if self.needle in (payload if isinstance(payload, bytes) else b""):
            raise NotTaken(self.code, "Payload format invalid")
        self.sent.append(payload)


async def test_a_record_that_is_refused_by_itself_is_gone_round_after_some_tries(
    make_link: Callable[..., Link],
) -> None:
    link = make_link(1)
    event = await link.ledger.append(NewEvent("t", "x", {"word": "needle"}))
    client: Any = Refusing(0x99, b"needle")
    for _ in range(publisher.TRIES - 1):
        with pytest.raises(NotTaken):
            await link.uplink._publisher.publish(client, "t", event)
    await link.uplink._publisher.publish(client, "t", event)
    assert "omitted" in str(client.sent) and link.types == ["uplink.message_skipped"]
    # "Packet too large" is about the size: the next connection leaves out all that are as large.
    client = Refusing(0x95, b"needle")
    with pytest.raises(NotTaken):
        await link.uplink._publisher.publish(client, "t", event)
    await link.uplink._publisher.publish(client, "t", event)
    assert "omitted" in str(client.sent)
    link.uplink._publisher.sizes.refused = None
    # "Not authorized" and "quota exceeded" are not about this message: nothing is skipped.
    client = Refusing(0x87, b"needle")
    for _ in range(2 * publisher.TRIES):
        with pytest.raises(NotTaken):
            await link.uplink._publisher.publish(client, "t", event)
    assert client.sent == []


async def test_a_state_too_large_for_the_broker_costs_nothing_else(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link]
) -> None:
    broker = make_broker("allow_anonymous true\nmax_packet_size 5000")
    broker.start()
    link = make_link(broker.port)
    link.uplink._state._state = lambda: {"doors": {"x" * 6000: {}}}
    await link.listen()
    link.start()
    await link.append(2)
    await link.until(lambda: 3 in link.seqs())
    assert [online for online, _ in link.states] == [True]


# TLS, with the very files that a site would install


def certificate(
    folder: Path, name: str, issuer: tuple[Any, Any] | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made, key


async def test_the_shipped_broker_configuration_with_client_certificates(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link], tmp_path: Path
) -> None:
    authority = certificate(tmp_path, "ca")
    for name in ("broker", "g", "auditor", "other"):
        certificate(tmp_path, name, authority)
    shipped = (ROOT / "config" / "mosquitto" / "mosquitto.conf").read_text()
    # Ours are the port, the place of files and the log; every other line is as shipped.
    ours = (
        "listener",
        "log_",
        "persistence ",
        "persistence_location",
        "max_queued_messages",
        "set_tcp_nodelay",
    )
    lines = [line for line in shipped.splitlines() if not line.startswith(ours)]
    config = "\n".join(lines).replace("/etc/mosquitto/certs", str(tmp_path))
    config = config.replace("/etc/mosquitto/garita.acl", str(ROOT / "config/mosquitto/garita.acl"))
    config = config.replace("per_listener_settings false\n", "")
    broker = make_broker(config)
    broker.start()

    def context(name: str) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        made.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        return made

    files = {"cert_file": tmp_path / "g.pem", "key_file": tmp_path / "g.key"}
    link = make_link(broker.port, tls=True, ca_file=tmp_path / "ca.pem", **files)
    await link.listen(tls_context=context("auditor"))
    link.start()
    await link.append(20)
    await link.until(link.published)
    await link.until(lambda: len(link.seqs()) == 21)
    # An auditor may ask, and may not pretend to be the gate; another gateway may do neither.
    async with aiomqtt.Client("127.0.0.1", broker.port, tls_context=context("auditor")) as client:
        await client.publish("garita/g/events", b"forged", qos=1)
        await client.publish("garita/g/replay", b'{"id":"a","from":3,"to":4}', qos=1)
    async with aiomqtt.Client("127.0.0.1", broker.port, tls_context=context("other")) as client:
        await client.publish("garita/g/events", b"forged", qos=1)
        await client.publish("garita/g/status", b"offline", qos=1, retain=True)
        await client.publish("garita/g/command", b"forged", qos=1)
        await client.publish("garita/g/command/answer", b"forged", qos=1)
    await link.until(lambda: any(b'"done"' in payload for _, payload, _ in link.seen))
    link.uplink.answer({"key": "rosa", "why": "expired"})
    await link.until(lambda: bool(link.events("garita/g/command/answer")))
    await asyncio.sleep(0.3)
    assert not any(payload == b"forged" for _, payload, _ in link.seen)
    assert not any(payload == b"offline" for _, payload, _ in link.seen)
    assert [e.get("seq") for e in link.events("garita/g/replay/a")] == [3, 4, None]
    assert link.commands == []
    # Without a certificate there is no connection at all.
    bare = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", broker.port, tls_context=bare, timeout=5):
            pass


async def test_a_broker_with_a_certificate_of_another_authority_is_refused(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link], tmp_path: Path
) -> None:
    certificate(tmp_path, "broker", certificate(tmp_path, "ca"))
    other = tmp_path / "other"
    other.mkdir()
    certificate(other, "ca")
    broker = make_broker(
        f"allow_anonymous true\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key"
    )
    broker.start()
    link = make_link(broker.port, tls=True, ca_file=other / "ca.pem")
    link.start()
    await link.until(lambda: bool(link.states))
    assert link.states[0][0] is False and "certificate" in link.states[0][1]


async def test_a_record_has_its_form_as_a_cloud_event(make_link: Callable[..., Link]) -> None:
    link = make_link(1)
    event = await link.ledger.append(NewEvent("gateway.started", "", {"version": "ñ"}))
    item = json.loads(cloud_event(event, "g"))
    SCHEMA.validate(item)
    assert "subject" not in item and item["type"] == "org.garita.gateway.started"


async def test_a_backlog_goes_out_with_no_more_under_way_than_the_broker_states(
    make_broker: Callable[..., Broker], make_link: Callable[..., Link]
) -> None:
    broker = make_broker("allow_anonymous true\nmax_inflight_messages 2")
    broker.start()
    link = make_link(broker.port)
    await link.append(200)
    await link.listen()
    link.start()
    await link.until(lambda: link.ledger.last_seq in link.seqs())
    assert link.seqs() == list(range(1, link.ledger.last_seq + 1))
    assert [online for online, _ in link.states] == [True]  # the broker never threw it off
