"""Publishes the ledger over MQTT, in order, from a cursor.

The ledger is the outbox: `Uplink` reads the records after its cursor, publishes each with QoS 1,
and moves the cursor over those that the broker has acknowledged, without a gap.  A broker that is
down, slow or restarted therefore loses nothing and delays no door.  What was under way when a
connection ended is sent again, and subscribers drop what they have by its id.

An acknowledgement is not delivery (docs/mqtt.md), so every event carries a number without holes and
the hash of the one before, and a subscriber that misses one asks for it on the replay topic.

Nothing that arrives here is trusted because it arrived.  A command is handed on as it is, to be
judged by its signature (gateway/daemon/commands.py), and so is a signed personnel list, where the
site takes them from the broker.

Before it connects, the gateway asks whether another one is connected under its name
(gateway/uplink/rivals.py).  If so it leaves it the connection, says so, and asks again after
minutes.

More than 400 lines: the life of one connection, from the question for our name to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from drivers.backoff import Backoff
from gateway.config import MqttSettings
from gateway.ledger import LedgerUnavailable
from gateway.locale import english
from gateway.uplink.answers import Answers
from gateway.uplink.connection import (
    CLIENT_ID_REFUSED,
    MAXIMUM_PACKET,
    NAMES,
    NOT_AUTHORIZED,
    PACKET_TOO_LARGE,
    SESSION_TAKEN_OVER,
    Connection,
    NotTaken,
    client_id,
)
from gateway.uplink.credentials import Credentials
from gateway.uplink.cursor import Cursor, Records
from gateway.uplink.handlers import Handlers
from gateway.uplink.heads import Head
from gateway.uplink.messages import expires_at, parse_replay
from gateway.uplink.places import Place, Places
from gateway.uplink.publisher import Publisher
from gateway.uplink.rivals import CutOff, NameTaken, Rivals, look, new_instance, parse_instance
from gateway.uplink.statetopic import StateTopic
from gateway.vault.statefile import Tell, log_damage

log = logging.getLogger("garita.uplink.client")

CURSOR_EVERY_S = 1.0
RETRY_S = (0.5, 30.0)
NEXT_S = 0.5  # before the next broker of the list
FINISH_S = 3.0  # for acknowledgements before a connection is made anew
HOLD_S = (60.0, 300.0)  # first and longest wait while another gateway has our name
GOOD_AFTER_S = 30.0  # a connection that lasted this long was a good one: waits start anew
ANSWER_EVERY_S = 1.0  # less than whoever asks waits (rivals.ANSWER_S)
REPLAYS_WAITING = 2
BUNDLE_PACKET = 65 * 1024 * 1024  # a signed list may come in one message (docs/people.md)
CUT_OFF = 3  # connections closed soon and without a reason that look like a takeover
TAKES_IT = "another client has our name or client id: it takes over our connection"
# DISCONNECT without a reason, malformed, protocol error (mosquitto's message_size_limit), and the
# broker's own: a message that was too large may be behind it.
MAY_BE_SIZE = (None, 0x81, 0x82, 0x83, PACKET_TOO_LARGE)


class Renewing(Exception):
    """The connection ends because it is to be made by other settings."""


class Uplink:
    """One connection to one broker of the list; `run()` keeps one for ever."""

    def __init__(
        self,
        settings: MqttSettings,
        gateway: str,
        records: Records,
        wait_beyond: Callable[[int], Awaitable[None]],
        cursor_path: Path,
        state: Callable[[], Mapping[str, Any]],
        checkpoint: Callable[[], str],
        handlers: Handlers,
        tell: Tell = log_damage,
    ) -> None:
        self._records = records
        self._cursor = Cursor(cursor_path, tell)
        self._handlers = handlers
        self._topic = f"{settings.base_topic}/{gateway}"
        self._state = StateTopic(self._topic, gateway, state, settings.home_assistant)
        self._head = Head(self._topic, checkpoint, handlers.checkpoint)
        self._answers = Answers(self._topic)
        self._cosigned = f"{self._topic}/cosigned/"
        self._bundles = f"{settings.base_topic}/people/bundle"
        self._gateway, self._settings = gateway, settings
        self._renew = asyncio.Event()
        self._places = self._new_places()
        self._me = new_instance(secrets.token_hex(8), socket.gethostname())
        self._rivals = Rivals(gateway, handlers.note)
        self._asked = asyncio.Event()
        self._publisher = Publisher(
            gateway=gateway,
            topic=self._topic,
            records=records,
            wait_beyond=wait_beyond,
            cursor=self._cursor,
            note=handlers.note,
            max_in_flight=settings.max_in_flight,
        )
        self._connected = False
        self._credentials = Credentials(settings)
        self._replays: asyncio.Queue[tuple[str, int, int]] = asyncio.Queue(REPLAYS_WAITING)

    def use(self, settings: MqttSettings) -> None:
        """Make the connection anew by other settings, once what is under way is acknowledged.  The
        topics, the client id and how much may be under way stay."""
        if settings != self._settings:
            self._settings = settings
            self._renew.set()

    def _new_places(self) -> Places:
        return Places(
            self._settings,
            client_id(self._settings, self._gateway),
            MAXIMUM_PACKET if self._handlers.bundle is None else BUNDLE_PACKET,
        )

    @property
    def connected(self) -> bool:
        return self._connected

    def status(self) -> dict[str, Any]:
        """For people: connected, how far published, how many wait, the version of MQTT, the broker
        whose turn it is and all of them, this run's id, who else has our name (None if nobody),
        what is to be said of our own files, and the newest record that was too large (None)."""
        try:
            waiting = max(0, self._records.last_seq - self._cursor.seq)
        except LedgerUnavailable:
            waiting = -1
        return {
            "connected": self._connected,
            "published": self._cursor.seq,
            "waiting": waiting,
            "version": NAMES[self._places.here.broker.version],
            "broker": self._places.here.name,
            "brokers": self._places.names,
            "instance": self._me.id,
            "name_taken_by": self._rivals.other,
            "credentials": self._credentials.status(),
            "skipped": self._publisher.skipped,
        }

    def answer(self, about: Mapping[str, Any]) -> None:
        """Tell the sender of a signed command what became of it; returns at once."""
        if self._connected:
            self._answers.put(about)

    async def run(self) -> None:
        """Connect, publish, and do so again after every failure: with the next broker at once, and
        with growing pauses when all have failed."""
        retry = Backoff(*RETRY_S, steady_s=GOOD_AFTER_S, spread=0.2)
        hold = Backoff(*HOLD_S, steady_s=2 * HOLD_S[1], spread=0.2)
        clock = asyncio.get_running_loop().time
        while True:
            begun, held, renewing = clock(), False, False
            if self._renew.is_set():
                self._renew.clear()
                self._places, self._credentials = self._new_places(), Credentials(self._settings)
            await self._credentials.look()
            try:
                await self._wait_for_our_name()
                await self._session()
            except* Renewing as group:
                renewing = True
                self._set_connected(False, _reason(group))
            except* NameTaken as taken:
                held = True
                self._set_connected(False, _reason(taken))
            except* (aiomqtt.MqttError, OSError, ssl.SSLError, LedgerUnavailable) as group:
                if not held and not renewing:
                    self._set_connected(False, _reason(group))
            if renewing:
                retry.reset()
                continue
            lasted = clock() - begun
            if lasted > GOOD_AFTER_S:
                self._places.here.cut_off = 0
            # Where another gateway has our name we wait: at the next broker it would not be seen.
            if not held and self._places.onward():
                await self._pause(NEXT_S)
            else:
                await self._pause((hold if held else retry).pause_s(lasted))

    async def _pause(self, seconds: float) -> None:
        """Wait; other settings are tried at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._renew.wait()

    async def _leave(self) -> None:
        """Other settings: send nothing more here, and end when all that was sent has arrived."""
        await self._renew.wait()
        await self._publisher.finish(FINISH_S)
        raise Renewing("the configuration of the connection changed")

    async def _wait_for_our_name(self) -> None:
        """Raises NameTaken if another gateway is connected under our name."""
        place = self._places.here
        if not place.may_look or place.skip_look:
            place.skip_look = False
            return
        try:
            found = await look(place.broker, self._topic, self._me, "asking")
        except MqttConnectError as error:
            # A broker may refuse the client id of the question and take our own: the next try is
            # without a question.  Where the login is wrong, that one is refused as well.
            place.skip_look = getattr(error.rc, "value", 0) in (CLIENT_ID_REFUSED, NOT_AUTHORIZED)
            raise
        except CutOff:
            # Some brokers end a connection that publishes where it may not.
            place.looks_cut += 1
            if place.looks_cut >= CUT_OFF:
                self._dont_look(place)
            raise
        place.looks_cut = 0
        if found.answered is not None:
            now = asyncio.get_running_loop().time()
            self._rivals.seen("connected", found.answered, now)
            raise NameTaken(f"another gateway has this name: {found.answered}")
        if found.looked:
            await self._head.judge(place, found.checkpoint)
        if not found.looked:
            self._dont_look(place)
        elif found.status != "online":
            place.cut_off = 0
            self._rivals.gone()
        elif place.cut_off >= CUT_OFF:
            # Somebody says online although we are not, and the broker closes each of our
            # connections: a gateway of an older version, or another client with our client id.
            place.cut_off -= 1  # after the wait, one more try
            self._rivals.seen("takeover", None, asyncio.get_running_loop().time())
            raise NameTaken(TAKES_IT)

    def _dont_look(self, place: Place) -> None:
        place.may_look = False
        log.warning("%s does not let us ask for another gateway of our name", place.name)

    async def _session(self) -> None:
        """One connection from beginning to end.

        The message iterator is what notices a lost connection at once, so it runs beside all
        else, which would otherwise wait for its time-out.
        """
        will = aiomqtt.Will(f"{self._topic}/status", "offline", qos=1, retain=True)
        place = self._places.here
        try:
            async with place.broker.connect(will=will) as client:
                self._publisher.sizes = place.sizes
                place.sizes.connected(client.maximum_packet)
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._listen(client))
                        await self._subscribe(client, place)
                        await client.publish(f"{self._topic}/status", "online", retain=True)
                        await self._head.wait(place)
                        await asyncio.to_thread(self._cursor.load, self._records)
                        self._places.good()
                        self._set_connected(True, "")
                        group.create_task(self._publisher.run(client))
                        group.create_task(self._leave())
                        group.create_task(self._save_cursor())
                        group.create_task(self._credentials.watch())
                        group.create_task(self._state.publish(client, place.sizes))
                        group.create_task(self._head.publish(client))
                        group.create_task(self._answers.publish(client))
                        group.create_task(self._answer_replays(client))
                        group.create_task(self._answer_who_we_are(client))
                except asyncio.CancelledError:
                    await self._say_goodbye(client)
                    raise
                except BaseExceptionGroup as group_error:
                    if group_error.subgroup(Renewing):
                        await self._say_goodbye(client)
                    else:
                        self._judge_end(client, place, group_error)
                    raise
        finally:
            await asyncio.shield(asyncio.to_thread(self._cursor.save))

    async def _subscribe(self, client: Connection, place: Place) -> None:
        topics = [f"{self._topic}/replay"]
        if self._handlers.command is not None:
            topics.append(f"{self._topic}/command")
        if self._handlers.bundle is not None:
            # Retained on purpose: its serial says whether it is newer than ours.
            topics.append(f"{self._bundles}/#")
        if self._handlers.cosigned is not None:
            topics.append(f"{self._cosigned}#")
        if not place.head_judged and self._handlers.checkpoint is not None:
            self._head.ask()
            topics.append(self._head.topic)
        if place.may_look:
            topics.append(f"{self._topic}/instance")
        for topic in topics:
            if not await client.subscribe_or_refused(topic):
                log.warning("the broker does not let us hear %s", topic)
        if place.may_look:
            await self._say_who_we_are(client)

    async def _say_who_we_are(self, client: Connection) -> None:
        try:
            await client.publish(f"{self._topic}/instance", self._me.message("active"), retain=True)
        except NotTaken as error:
            self._places.here.may_look = False
            log.warning("%s/instance: %s", self._topic, error)

    def _judge_end(
        self, client: Connection, place: Place, group: BaseExceptionGroup[BaseException]
    ) -> None:
        """Say why a connection ended, where the broker said so; raises NameTaken."""
        code = client.ended_with
        if code == SESSION_TAKEN_OVER:
            self._rivals.seen("takeover", None, asyncio.get_running_loop().time())
            raise NameTaken(TAKES_IT) from group
        ended = group.subgroup(aiomqtt.MqttError) and not group.subgroup((NotTaken, NameTaken))
        if ended and code in (None, PACKET_TOO_LARGE):
            place.cut_off += 1
        if ended and code in MAY_BE_SIZE:
            place.sizes.lost(said=code == PACKET_TOO_LARGE)

    async def _say_goodbye(self, client: Connection) -> None:
        """On a clean stop the broker does not send our will, so we say it ourselves."""
        with contextlib.suppress(aiomqtt.MqttError):
            await client.publish(f"{self._topic}/status", "offline", retain=True, timeout=1)

    def _set_connected(self, connected: bool, detail: str) -> None:
        """Where there are several brokers, the record says which one it is about."""
        self._connected = connected
        if len(self._places.names) > 1:
            detail = f"{self._places.here.name}: {detail}" if detail else self._places.here.name
        self._handlers.state(connected, detail)

    # Out

    async def _save_cursor(self) -> None:
        """Not at each acknowledgement: its fsync would get in the way of the ledger's."""
        while True:
            await asyncio.sleep(CURSOR_EVERY_S)
            await asyncio.to_thread(self._cursor.save)
            self._rivals.tick(asyncio.get_running_loop().time())

    async def _answer_replays(self, client: Connection) -> None:
        """Send what was asked for once more, one request after the other."""
        while True:
            await self._publisher.replay(client, *await self._replays.get())

    # In

    async def _listen(self, client: Connection) -> None:
        """Hand on what arrives; raises MqttError when the connection ends."""
        async for message in client.messages:
            topic = message.topic.value
            if self._handlers.command is not None and topic == f"{self._topic}/command":
                expiry = expires_at(message.properties, asyncio.get_running_loop().time())
                self._handlers.command(message.payload, bool(message.retain), expiry)
            elif (take := self._taker(topic)) is not None:
                if isinstance(message.payload, bytes) and message.payload:
                    take(message.payload)
            elif topic == self._head.topic:
                self._head.hear(message)
            elif topic == f"{self._topic}/instance":
                self._meet(message)
            else:
                self._take_replay(message)

    def _taker(self, topic: str) -> Callable[[bytes], None] | None:
        """Who takes a payload as it is; None for the other topics."""
        if topic.startswith(self._bundles):
            return self._handlers.bundle
        return self._handlers.cosigned if topic.startswith(self._cosigned) else None

    def _take_replay(self, message: aiomqtt.Message) -> None:
        request = parse_replay(message.payload, retained=bool(message.retain))
        if request is None:
            log.warning("a replay request was not understood and is ignored")
        elif self._replays.full():
            log.warning("replay %s: too many are waiting, ignored", request[0])
        else:
            self._replays.put_nowait(request)

    def _meet(self, message: aiomqtt.Message) -> None:
        """Somebody spoke on our instance topic: have it answered.  Raises NameTaken if another
        gateway is connected as well and goes before us.

        Of two that are connected under two client ids the one with the smaller id stays; neither
        needs the other for that.  What is retained is of the past and proves nothing.
        """
        found = parse_instance(message.payload)
        if found is None or message.retain or found[0].id == self._me.id:
            return
        other, act = found
        now = asyncio.get_running_loop().time()
        if act == "asking":
            self._rivals.seen("asking", other, now)
        elif act == "active":
            self._rivals.seen("connected", other, now)
            if other.id < self._me.id:
                raise NameTaken(f"another gateway has this name: {other}")
        self._asked.set()

    async def _answer_who_we_are(self, client: Connection) -> None:
        """Each question is answered, many of them by one answer: whoever asks hears all."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._say_who_we_are(client)
            await asyncio.sleep(ANSWER_EVERY_S)


def _reason(group: BaseExceptionGroup[BaseException]) -> str:
    """The first cause, without anything secret: aiomqtt's texts hold codes only."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return english(error) or type(error).__name__
