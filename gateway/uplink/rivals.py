"""Another gateway of our name on the same broker: how it is recognised, and what is said of it.

Each running gateway keeps a retained message on ``<base>/<gateway>/instance``: which run it is, on
which host, since when.  Whoever is about to connect under that name asks on the same topic first,
on a connection with another client id, so that nobody is thrown off; a gateway that is connected
answers.  A broker that speaks MQTT 5 also says so when another client takes our client id
(DISCONNECT 0x8E, session taken over).

`Instance` and its messages are pure; `look()` asks; `Rivals` remembers and records.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import aiomqtt

from gateway.ledger.event import EventType, NewEvent
from gateway.locale.text import tidy
from gateway.uplink.connection import Broker, Connection, NotTaken

MESSAGE_LIMIT = 512
ANSWER_S = 2.0  # how long an answer may take
FREE_S = 900.0  # without a sign of the other for this long, the name is ours alone again

Act = Literal["active", "asking", "checking"]
"""``active``: is connected; ``asking``: is about to connect; ``checking``: only wants to know."""


How = Literal["connected", "asking", "takeover"]


@dataclass(frozen=True, slots=True)
class Instance:
    """One run of a gateway: a random `id`, the name of its host, when it started (UTC)."""

    id: str
    host: str
    since: str

    def message(self, act: Act) -> str:
        """What is published on the instance topic."""
        return json.dumps({"id": self.id, "host": self.host, "since": self.since, "act": act})

    def __str__(self) -> str:
        return f"host {self.host}, started {self.since}"


def new_instance(identifier: str, host: str) -> Instance:
    """This run, started now."""
    return Instance(identifier, _plain(host), datetime.now(UTC).isoformat(timespec="seconds"))


def parse_instance(payload: Any) -> tuple[Instance, Act] | None:
    """A message of the instance topic, or None if it is not one: anybody may write there whom the
    broker lets."""
    if not isinstance(payload, bytes | bytearray) or len(payload) > MESSAGE_LIMIT:
        return None
    try:
        item = json.loads(payload)
        name, host, since, act = (item[key] for key in ("id", "host", "since", "act"))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not all(isinstance(value, str) for value in (name, host, since)):
        return None
    if not re.fullmatch("[0-9a-f]{8,32}", name) or act not in ("active", "asking", "checking"):
        return None
    return Instance(name, _plain(host), _plain(since)), act


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the broker showed.

    `answered` is the gateway that is connected under our name, if one is.  `kept` is the last
    whose retained message stands there, connected or not.  `status` is the retained status, empty
    if there is none, and `checkpoint` the retained checkpoint of our log.  `looked` is False where
    the broker does not let us ask.
    """

    answered: Instance | None = None
    kept: Instance | None = None
    status: str = ""
    looked: bool = True
    checkpoint: bytes = b""


class CutOff(aiomqtt.MqttError):
    """The broker ended the connection on which we asked."""


async def look(broker: Broker, topic: str, me: Instance, act: Act) -> Found:
    """Ask who is connected as the gateway of `topic`; takes ANSWER_S seconds at most.

    Raises CutOff, or aiomqtt.MqttError, OSError or ssl.SSLError if there is no connection.
    """
    async with broker.connect(f"-{act}-{me.id[:8]}") as client:
        try:
            return await _ask(client, topic, me, act)
        except NotTaken:
            return Found(looked=False)
        except aiomqtt.MqttError as error:
            raise CutOff(str(error)) from error


async def _ask(client: Connection, topic: str, me: Instance, act: Act) -> Found:
    for name in ("status", "instance"):
        if not await client.subscribe_or_refused(f"{topic}/{name}"):
            return Found(looked=False)
    # Not every broker lets us read that one, and the question does not depend on it.
    await client.subscribe_or_refused(f"{topic}/checkpoint")
    await client.publish(f"{topic}/instance", me.message(act))
    answered: Instance | None = None
    kept: Instance | None = None
    status, heard, checkpoint = "", False, b""
    try:
        async with asyncio.timeout(ANSWER_S):
            async for message in client.messages:
                if message.topic.value == f"{topic}/status":
                    status = _plain(bytes(message.payload).decode("utf-8", "replace"))
                elif message.topic.value == f"{topic}/checkpoint":
                    checkpoint = bytes(message.payload or b"") if message.retain else checkpoint
                elif found := parse_instance(message.payload):
                    instance, what = found
                    if message.retain:
                        kept = instance
                    elif instance.id == me.id:
                        heard = True  # our own question: what is retained came before it
                    elif what == "active":
                        answered = instance
                ours = kept is not None and kept.id == me.id
                if answered or (heard and (status != "online" or ours)):
                    break
    except TimeoutError:
        pass
    return Found(answered, kept, status, heard or answered is not None, checkpoint)


class NameTaken(aiomqtt.MqttError):
    """Another gateway is connected under our name; we leave it the connection."""


class Rivals:
    """What is known of others of our name; `note` takes events for the log."""

    def __init__(self, gateway: str, note: Callable[[NewEvent], None]) -> None:
        self._gateway = gateway
        self._note = note
        self._heard_at = 0.0
        self.other: dict[str, str] | None = None
        """Who has our name as well: `how` we know (``connected``, ``asking`` or ``takeover``),
        `host` and `since` (``?`` where nothing is known), `instance`."""

    def seen(self, how: How, other: Instance | None, now: float) -> None:
        """A sign of another one at `now` (seconds of the loop's clock).  The first is recorded,
        those that follow are not, until `gone`."""
        self._heard_at = now
        first = self.other is None
        self.other = {
            "how": how,
            "host": other.host if other else "?",
            "since": other.since if other else "?",
            "instance": other.id if other else "",
        }
        if first:
            self._note(NewEvent(EventType.UPLINK_NAME_TAKEN, self._gateway, self.other))

    def gone(self) -> None:
        """There is no other any more."""
        if self.other is not None:
            self.other = None
            self._note(NewEvent(EventType.UPLINK_NAME_FREE, self._gateway))

    def tick(self, now: float) -> None:
        """While we are connected: without a sign for FREE_S the other is gone."""
        if now - self._heard_at > FREE_S:
            self.gone()


def _plain(text: str) -> str:
    """What a stranger wrote, fit to be shown: printable and short."""
    return tidy(text, 80)
