"""Messages from all brokers of the configuration, acknowledged by hand.

Each broker has a client with a durable session (paho-mqtt 2; the thread is paho's).  A message is
acknowledged when it is in the database.  What a broker loses meanwhile, or sends twice, is
ordinary: numbers tell (sink.py).  An acknowledgement belongs to the connection on which the message
came; on the next one its number may be another message's.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.collector.judge import Delivery
from gateway.config import BrokerAddress, MqttSettings
from gateway.uplink import credentials

log = logging.getLogger("garita.collector.intake")

SESSION_S = 7 * 24 * 3600  # how long a broker keeps what came while we are away
MOST_BYTES = 64 * 1024 * 1024  # of messages that wait here
LARGEST_PACKET = 16 * 1024 * 1024
RECEIVE_BYTES = 64 * 1024
TOPICS = ("events", "checkpoint", "state", "replay/+")
AT_ONCE = 200  # subscriptions in one packet
RETRY_S = (1, 30)
UNSUPPORTED_VERSION = 0x84


@dataclass(slots=True)
class Arrival:
    """A message, and where its acknowledgement goes."""

    delivery: Delivery
    link: Link
    connection: int
    mid: int
    qos: int


class Inbox:
    """What came and is not taken yet.  Who puts waits while it is full; the broker waits then."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: deque[Arrival] = deque()
        self._bytes = 0
        self._change = threading.Condition()
        self.closed = False

    def put(self, arrival: Arrival) -> None:
        with self._change:
            while (len(self._held) >= self._most or self._bytes > MOST_BYTES) and not self.closed:
                self._change.wait(1.0)
            self._held.append(arrival)
            self._bytes += len(arrival.delivery.payload)
            if len(self._held) == 1:
                self._change.notify_all()

    def take(self, most: int, timeout_s: float) -> list[Arrival]:
        """Up to `most` of what is there; waits for the first one only."""
        with self._change:
            if not self._held:
                self._change.wait(timeout_s)
            found = [self._held.popleft() for _ in range(min(most, len(self._held)))]
            self._bytes -= sum(len(one.delivery.payload) for one in found)
            if found:
                self._change.notify_all()
            return found

    def close(self) -> None:
        with self._change:
            self.closed = True
            self._change.notify_all()


class BufferedClient(Client):
    """paho's client reads a message in five system calls and selects before each; this one reads
    what there is, and takes all whole messages of it in turn.

    `_sock_recv` is not part of paho's interface.  A version without it reads as paho does.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._buffer = memoryview(b"")
        super().__init__(*arguments, **options)
        self.on_socket_open = self._emptied

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        code = super().loop_read(max_packets)
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._buffer:
            code = super().loop_read(max_packets)
        return code

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self._buffer:
            received = super()._sock_recv(max(bufsize, RECEIVE_BYTES))
            if len(received) <= bufsize:
                return received
            self._buffer = memoryview(received)
        part, self._buffer = self._buffer[:bufsize], self._buffer[bufsize:]
        return part.tobytes()

    def _emptied(self, *_told: Any) -> None:
        """A new connection begins with nothing of the one before."""
        self._buffer = memoryview(b"")


class Link:
    """The connection to one broker, made again for ever."""

    def __init__(
        self,
        address: BrokerAddress,
        settings: MqttSettings,
        client_id: str,
        receive_maximum: int,
        inbox: Inbox,
        topics: Callable[[], list[str]],
    ) -> None:
        self.name = str(address)
        self._address = address
        self._settings = settings
        self._client_id = client_id
        self._receive_maximum = receive_maximum
        self._inbox = inbox
        self._topics = topics
        self._lock = threading.Lock()
        self._connection = 0
        self._version = MQTTv5
        self.connected = False
        self._client = self._made()

    def start(self) -> None:
        """Connect in a thread; whoever is not there is tried again."""
        settings = self._settings
        try:
            if settings.username is not None:
                secret = settings.password_file and credentials.password(settings.password_file)
                self._client.username_pw_set(settings.username, secret or None)
            if settings.tls:
                self._client.tls_set_context(credentials.context(settings))
        except credentials.CredentialError as error:
            log.error("%s: %s", self.name, error)
            raise
        options: dict[str, Any] = {}
        if self._version == MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_S
            properties.ReceiveMaximum = self._receive_maximum
            properties.MaximumPacketSize = LARGEST_PACKET
            options = {"clean_start": False, "properties": properties}
        host, port = self._address.host, self._address.port
        self._client.connect_async(host, port, settings.keepalive_s, **options)
        self._client.loop_start()

    def stop(self) -> None:
        """End the connection and keep the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def acknowledge(self, arrivals: Iterable[Arrival]) -> None:
        """The messages are in the database; those of an earlier connection come again."""
        with self._lock:
            for one in arrivals:
                if one.connection == self._connection and one.qos:
                    self._client.ack(one.mid, one.qos)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Hear these topics, if there is a connection; the next one hears them anyway."""
        for at in range(0, len(topics), AT_ONCE):
            part = topics[at : at + AT_ONCE]
            if self._version == MQTTv5:
                self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in part])
            else:
                self._client.subscribe([(topic, 1) for topic in part])

    def unsubscribe(self, topics: Sequence[str]) -> None:
        for at in range(0, len(topics), AT_ONCE):
            self._client.unsubscribe(list(topics[at : at + AT_ONCE]))

    def publish(self, topic: str, payload: str) -> None:
        """Send it if there is a connection; nothing is kept for later."""
        if self.connected:
            self._client.publish(topic, payload.encode(), qos=1)

    def _made(self) -> Client:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=self._version,
            manual_ack=True,
            clean_session=None if self._version == MQTTv5 else False,
        )
        client.reconnect_delay_set(*RETRY_S)
        client.max_queued_messages_set(1000)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if code.is_failure:
            log.warning("%s: %s", self.name, code)
            if code.value == UNSUPPORTED_VERSION and self._version == MQTTv5:
                threading.Thread(target=self._older, daemon=True).start()
            return
        log.info("connected to %s", self.name)
        with self._lock:
            self._connection += 1
        self.connected = True
        self.subscribe(self._topics())

    def _older(self) -> None:
        """The broker speaks 3.1.1 only: begin again with that."""
        self._client.disconnect()
        self._client.loop_stop()
        self._version = MQTTv311
        self._client = self._made()
        self.start()

    def _on_disconnect(self, *_told: Any) -> None:
        with self._lock:
            self._connection += 1  # what is acknowledged from now on is of no connection
        if self.connected:
            log.warning("the connection to %s has ended", self.name)
        self.connected = False

    def _on_subscribe(self, _client: Any, _data: Any, _mid: Any, codes: Any, _more: Any) -> None:
        if refused := sum(code.is_failure for code in codes):
            log.error("%s does not let us hear %d topics: see its ACL", self.name, refused)

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        delivery = Delivery(self.name, topic, bytes(message.payload), bool(message.retain))
        self._inbox.put(Arrival(delivery, self, self._connection, message.mid, message.qos))


class Intake:
    """All brokers.  `own` says which gateways are heard."""

    def __init__(self, settings: MqttSettings, *, client_id: str, batch: int) -> None:
        self.base = settings.base_topic
        self._inbox = Inbox(8 * batch)
        self._owned: frozenset[str] = frozenset()
        self._links = [
            Link(address, settings, client_id, 2 * batch, self._inbox, self._topics)
            for address in settings.addresses
        ]

    def start(self) -> None:
        """Connect to all brokers; raises CredentialError."""
        for link in self._links:
            link.start()

    def stop(self) -> None:
        self._inbox.close()
        for link in self._links:
            link.stop()

    @property
    def connected(self) -> list[str]:
        """The brokers that there is a connection to."""
        return [link.name for link in self._links if link.connected]

    def own(self, gateways: Collection[str]) -> None:
        """Hear these gateways and no others."""
        new, old = frozenset(gateways), self._owned
        self._owned = new
        for link in self._links:
            if gone := old - new:
                link.unsubscribe(self._of(gone))
            if come := new - old:
                link.subscribe(self._of(come))

    def take(self, most: int, timeout_s: float) -> list[Arrival]:
        """What has come, in order for each broker: `most` messages at most."""
        return self._inbox.take(most, timeout_s)

    def acknowledge(self, arrivals: Iterable[Arrival]) -> None:
        """Each message of these is in the database."""
        by_link: dict[Link, list[Arrival]] = {}
        for one in arrivals:
            by_link.setdefault(one.link, []).append(one)
        for link, of in by_link.items():
            link.acknowledge(of)

    def publish(self, topic: str, payload: str) -> None:
        """Send it by every broker: nobody knows to which one a gateway is connected."""
        for link in self._links:
            link.publish(topic, payload)

    def ask(self, gateway: str, request: object) -> None:
        """Ask a gateway for records again."""
        self.publish(f"{self.base}/{gateway}/replay", json.dumps(request))

    def _topics(self) -> list[str]:
        return [f"{self.base}/+/status", *self._of(self._owned)]

    def _of(self, gateways: Iterable[str]) -> list[str]:
        return [f"{self.base}/{name}/{kind}" for name in sorted(gateways) for kind in TOPICS]
