"""One connection to the broker: MQTT 5, or 3.1.1 where the broker does not speak 5.

`Broker` knows from the settings how to connect and remembers which version the broker speaks.
`Connection` is aiomqtt's client with what MQTT 5 says and aiomqtt leaves out: the reason in each
acknowledgement, the reason of a disconnection, and the limits that the broker states.

It reads paho's callbacks through aiomqtt's own methods of the same names (aiomqtt 2.5), because
aiomqtt hands on neither the CONNACK's properties nor a PUBACK's reason code.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.config import BrokerAddress, MqttSettings
from gateway.uplink import credentials
from gateway.uplink.bulk import PacketSocket, publish_packet

log = logging.getLogger("garita.uplink.connection")

V5, V311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311
NAMES = {V5: "5", V311: "3.1.1"}

ACK_TIMEOUT_S = 20.0
TIMEOUT_S = 10.0
FIRST_ANSWER_S = 5.0  # a broker that does not know version 5 may just keep silent
RECEIVE_MAXIMUM = 20  # messages that the broker may have under way to us
MAXIMUM_PACKET = 64 * 1024  # what we take in, bytes; commands and requests are far smaller
V5_AGAIN_S = 3600.0  # a broker that refused version 5 may have been renewed by then

# Reason codes of MQTT 5 (OASIS standard of 2019-03-07, section 2.4)
FAILURE = 0x80  # this and all above
UNSUPPORTED_VERSION = 0x84
CLIENT_ID_REFUSED = 0x85
NOT_AUTHORIZED = 0x87
SESSION_TAKEN_OVER = 0x8E
PACKET_TOO_LARGE = 0x95
QUOTA_EXCEEDED = 0x97


class NotTaken(aiomqtt.MqttError):
    """The broker acknowledged a message with a reason why it did not take it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"the broker does not take it: {text}")
        self.code = code


class Connection(aiomqtt.Client):
    """`max_in_flight` is how many messages may wait for their acknowledgement at most; a broker
    that states a smaller Receive Maximum gets no more than that."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        version: aiomqtt.ProtocolVersion,
        max_in_flight: int,
        maximum_packet: int = MAXIMUM_PACKET,
        **more: Any,
    ) -> None:
        options: dict[str, Any] = (
            {} if version is V311 else {"clean_start": True, "properties": _connect(maximum_packet)}
        )
        super().__init__(
            host,
            port,
            protocol=version,
            max_inflight_messages=max_in_flight,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            **options,
            **more,
        )
        self.version = version
        self._thread = threading.get_ident()
        self.receive_maximum = 65_535
        self.maximum_packet: int | None = None
        """The largest packet that the broker takes, in bytes, if it says so."""
        # No public way of paho's leads to its socket before it reads, or to its queue.
        create = self._client._create_socket
        self._client._create_socket = lambda: PacketSocket(create(), self._acknowledged)  # type: ignore[method-assign]
        self._in_flight = max_in_flight
        self._slots: asyncio.Semaphore | None = None
        self._acks: dict[int, asyncio.Future[None]] = {}
        self._ours: dict[int, asyncio.Future[None]] = {}  # of these, those that paho knows not of
        self.reached = False
        """The TCP connection was made, whatever came then."""

    @property
    def ended_with(self) -> int | None:
        """The reason code of the broker's DISCONNECT; None if there was none (as in 3.1.1)."""
        if not self._disconnected.done() or self._disconnected.cancelled():
            return None
        code = getattr(self._disconnected.exception(), "rc", None)
        # paho says "unspecified" for a connection that just closed.
        return code.value if isinstance(code, ReasonCode) and code.value != 0x80 else None

    async def publish(  # type: ignore[override]
        self,
        topic: str,
        payload: str | bytes,
        *,
        retain: bool = False,
        timeout: float = ACK_TIMEOUT_S,  # noqa: ASYNC109 - aiomqtt's own name
        expiry_s: int | None = None,
    ) -> None:
        """Publish with QoS 1 and wait for the acknowledgement, `timeout` seconds at most.

        With MQTT 5 the broker drops the message where it has not delivered it within `expiry_s`.
        Raises NotTaken with the broker's reason, or aiomqtt.MqttError.
        """
        async with self._slots or contextlib.nullcontext():
            ack = self._send(topic, payload, retain, expiry_s)
            try:
                async with asyncio.timeout(timeout):
                    await ack
            except TimeoutError:
                self._acks = {mid: one for mid, one in self._acks.items() if one is not ack}
                raise aiomqtt.MqttError("no acknowledgement in time") from None

    def send(self, topic: str, payloads: Sequence[bytes]) -> list[asyncio.Future[None]]:
        """Publish several messages with QoS 1, in order.  Each future ends when the broker answers,
        or as `publish` does, but not by itself after a time.  Raises aiomqtt.MqttError.

        They cost less than a `publish` each, unless the broker takes few messages at once.
        """
        if self._slots is not None:
            return [asyncio.ensure_future(self.publish(topic, one)) for one in payloads]
        if self._client.socket() is None:
            raise aiomqtt.MqttCodeError(paho.MQTT_ERR_NO_CONN, "Could not publish messages")
        loop, packets, acks = asyncio.get_running_loop(), bytearray(), []
        for payload in payloads:
            number = self._client._mid_generate()
            packets += publish_packet(topic, payload, number, properties=self.version is V5)
            self._acks[number] = self._ours[number] = ack = loop.create_future()
            acks.append(ack)
        self._client._packet_queue(paho.PUBLISH, packets, 0, 1)
        return acks

    def _acknowledged(self, number: int, code: int) -> bool:
        """A PUBACK came; returns whether it is for a message of `send`."""
        ack = self._ours.pop(number, None)
        if ack is None:
            return False
        del self._acks[number]
        if not ack.done():
            if code >= FAILURE:
                ack.set_exception(NotTaken(code, _reason(code)))
                ack.exception()
            else:
                ack.set_result(None)
        return True

    def _send(
        self, topic: str, payload: str | bytes, retain: bool, expiry_s: int | None = None
    ) -> asyncio.Future[None]:
        properties = None
        if expiry_s is not None and self.version is V5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, 1, retain, properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        self._acks[info.mid] = ack = asyncio.get_running_loop().create_future()
        return ack

    async def subscribe_or_refused(self, topic: str) -> bool:
        """Subscribe with QoS 1; False if the broker does not let us."""
        codes = await self.subscribe(topic, qos=1)
        return all((code.value if isinstance(code, ReasonCode) else code) < 0x80 for code in codes)

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any
    ) -> None:
        ack = self._acks.pop(mid, None)
        if ack is None or ack.done():
            return
        if reason_code.is_failure:
            ack.set_exception(NotTaken(reason_code.value, str(reason_code)))
            ack.exception()
        else:
            ack.set_result(None)

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        self.reached = True
        super()._on_socket_open(client, userdata, sock)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        """Watch the socket at once.  aiomqtt does it a turn of the loop later, when the socket may
        be closed, or its number may belong to the next connection already."""
        loop = self._loop

        def writable() -> None:
            try:
                client.loop_write()
            except Exception as error:
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

        def watch() -> None:
            if sock.fileno() > -1 and client.socket() is sock:
                loop.add_writer(sock.fileno(), writable)

        if threading.get_ident() == self._thread:
            watch()
        else:  # paho connects in a thread of its own
            loop.call_soon_threadsafe(watch)

    def _on_connect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.receive_maximum = getattr(properties, "ReceiveMaximum", self.receive_maximum)
        self.maximum_packet = getattr(properties, "MaximumPacketSize", None)
        if self.receive_maximum < self._in_flight:
            self._slots = asyncio.Semaphore(self.receive_maximum)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            # Without this, aiomqtt waits for an answer that can't come any more.
            self._connected.set_exception(NoAnswer())
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        for ack in self._acks.values():
            if not ack.done():
                ack.set_exception(aiomqtt.MqttError("the connection ended"))
                ack.exception()  # nobody may be waiting for it any more
        if self._disconnected.done():
            self._disconnected.exception()  # it is read later, or nobody wants it


class NoAnswer(aiomqtt.MqttError):
    """The broker closed the connection instead of answering CONNECT."""

    def __init__(self) -> None:
        super().__init__("the broker closed the connection without an answer")


class Broker:
    """One broker of the settings, the first if no `address` is given.  We connect as `client_id`,
    and tell a broker that speaks MQTT 5 to send us no packet above `maximum_packet` bytes."""

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        maximum_packet: int = MAXIMUM_PACKET,
        address: BrokerAddress | None = None,
    ) -> None:
        self._settings = settings
        self.address = address or settings.addresses[0]
        self._maximum_packet = maximum_packet
        self.client_id = client_id
        self.version = V5
        self._proven = False  # it has accepted a connection of this version
        self._refused_at: float | None = None

    @asynccontextmanager
    async def connect(
        self, suffix: str = "", will: aiomqtt.Will | None = None
    ) -> AsyncIterator[Connection]:
        """A connection under our client id with `suffix`, closed in the end.

        Raises aiomqtt.MqttError, OSError or ssl.SSLError; CredentialError (an OSError) where one
        of our own files explains it.
        """
        now = asyncio.get_running_loop().time()
        if self._refused_at is not None and now - self._refused_at > V5_AGAIN_S:
            self.version, self._proven, self._refused_at = V5, False, None
        client = await self._open(suffix, will)
        try:
            yield client
        except BaseException as error:
            await client.__aexit__(type(error), error, error.__traceback__)
            raise
        else:
            await client.__aexit__(None, None, None)

    async def _open(self, suffix: str, will: aiomqtt.Will | None) -> Connection:
        options = await asyncio.to_thread(connect_options, self._settings)
        while True:
            client = Connection(
                self.address.host,
                self.address.port,
                version=self.version,
                max_in_flight=self._settings.max_in_flight,
                maximum_packet=self._maximum_packet,
                identifier=self.client_id + suffix,
                will=will,
                **options,
            )
            if self.version is V5 and not self._proven:
                client.timeout = FIRST_ANSWER_S
            try:
                await client.__aenter__()
            except aiomqtt.MqttError as error:
                if not self._fall_back(client, error):
                    await self._blame_files(error)
                    raise
            else:
                client.timeout = TIMEOUT_S
                self._proven = True
                return client

    async def _blame_files(self, error: aiomqtt.MqttError) -> None:
        """Raise CredentialError where one of our files is wrong and the broker did not answer with
        a reason of its own.  It is tried first, since a broker may not look at our certificate."""
        if hasattr(error, "rc"):
            return
        found = await asyncio.to_thread(credentials.examine, self._settings)
        wrong = next((item for item in found if item.wrong), None)
        if wrong is not None:
            raise credentials.CredentialError(wrong.message) from error

    def _fall_back(self, client: Connection, error: aiomqtt.MqttError) -> bool:
        """Whether to try at once with 3.1.1, because the broker may not know version 5: it said
        so, closed the connection, or kept silent."""
        code = getattr(error, "rc", None)
        if self.version is V311:
            if not self._proven:
                self.version = V5  # neither was answered: the version was not the reason
            return False
        if isinstance(code, ReasonCode):
            known = code.value != UNSUPPORTED_VERSION
        else:
            known = self._proven or not client.reached
        if known:
            return False
        log.info("the broker does not take MQTT 5 (%s): 3.1.1 is tried", error)
        self.version, self._proven = V311, False
        self._refused_at = asyncio.get_running_loop().time()
        return True


def _reason(code: int) -> str:
    """The reason of a PUBACK in words.  mosquitto gives one that the standard has for other packets
    only: 0x95, for a message above its message_size_limit."""
    for kind in (PacketTypes.PUBACK, PacketTypes.DISCONNECT):
        with contextlib.suppress(KeyError, ValueError):
            return str(ReasonCode(kind, identifier=code))
    return f"reason 0x{code:02x}"


def client_id(settings: MqttSettings, gateway: str) -> str:
    """The client id of a gateway, where the settings name none."""
    return settings.client_id or f"garita-{gateway}"


def connect_options(settings: MqttSettings) -> dict[str, Any]:
    """Who we are to the broker, and how we know it: login, certificates, time-outs.

    Reads files, so call it in a thread.  Raises CredentialError.
    """
    password_file = settings.password_file
    return {
        "username": settings.username,
        "password": None if password_file is None else credentials.password(password_file),
        "keepalive": settings.keepalive_s,
        "tls_context": credentials.context(settings) if settings.tls else None,
        "timeout": TIMEOUT_S,
    }


def _connect(maximum_packet: int) -> Properties:
    """What we say in CONNECT: keep nothing for us while we are away (an old command is worthless
    and the ledger has the rest), and send no more than we take."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    properties.MaximumPacketSize = maximum_packet
    return properties
