"""A backlog's packets: written as the standard says, and their answers kept from paho."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import chain
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.kept import Kept
from gateway.ledger.reader import event_of
from gateway.uplink.bulk import PacketSocket, publish_packet
from gateway.uplink.messages import cloud_event, cloud_text

OURS = {7, 300, 65_535}


class Wire:
    """A socket of which each `recv` gives one of `chunks`, and the end after them."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    def recv(self, size: int) -> bytes:
        return self.chunks.pop(0) if self.chunks else b""


def puback(number: int, code: int | None) -> bytes:
    more = b"" if code is None else bytes([code])
    return bytes([0x40, 2 + len(more)]) + number.to_bytes(2, "big") + more


packets = st.one_of(
    st.tuples(st.sampled_from(sorted(OURS)), st.sampled_from([None, 0, 0x10, 0x95])).map(
        lambda about: puback(*about)
    ),
    st.integers(1, 6).map(lambda number: puback(number, None)),  # paho's own
    st.integers(0, 300).map(  # a PUBLISH to us, with lengths of one and two bytes
        lambda size: publish_packet("t", bytes(size), 7, properties=False)
    ),
    st.just(b"\xd0\x00"),
)


def read_all(sock: PacketSocket, sizes: list[int]) -> bytes:
    """What paho gets, asking for so many bytes each time."""
    got, turn = b"", 0
    while True:
        turn += 1
        try:
            data = sock.recv(sizes[turn % len(sizes)])
        except BlockingIOError:
            continue
        if not data:
            return got
        got += data


@given(
    st.lists(packets, max_size=20),
    st.lists(st.integers(1, 40), min_size=1, max_size=9),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_answers_to_ours_are_taken_out_however_the_bytes_arrive(
    stream: list[bytes], cuts: list[int], sizes: list[int]
) -> None:
    rest, chunks, turn = b"".join(stream), list[bytes](), 0
    while rest:
        cut = cuts[turn % len(cuts)]
        chunks.append(rest[:cut])
        rest, turn = rest[cut:], turn + 1
    acked: list[tuple[int, int]] = []

    def acknowledged(number: int, code: int) -> bool:
        if number in OURS:
            acked.append((number, code))
        return number in OURS

    got = read_all(PacketSocket(Wire(chunks), acknowledged), sizes)
    mine = [p for p in stream if p[0] == 0x40 and int.from_bytes(p[2:4], "big") in OURS]
    assert got == b"".join(p for p in stream if p not in mine)
    assert acked == [(int.from_bytes(p[2:4], "big"), p[4] if len(p) > 4 else 0) for p in mine]


def test_a_length_that_never_ends_is_left_to_paho() -> None:
    hostile = b"\x30" + b"\xff" * 20
    got = read_all(PacketSocket(Wire([hostile]), lambda number, code: False), [1])
    assert got == hostile


@pytest.mark.parametrize("size", [0, 100, 127, 128, 20_000, 3_000_000])
def test_a_packet_is_what_paho_would_send(size: int) -> None:
    import paho.mqtt.client as paho

    for version, properties in ((paho.MQTTv311, False), (paho.MQTTv5, True)):
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=version)
        client._sock, sent = object(), list[Any]()  # type: ignore[assignment]
        client._packet_queue = lambda *about, sent=sent: sent.append(about)  # type: ignore[method-assign,assignment,return-value]
        client.publish("garita/g/events", b"x" * size, 1)
        number = sent[0][2]
        ours = publish_packet("garita/g/events", b"x" * size, number, properties=properties)
        assert ours == bytes(sent[0][1])
        client._sock = None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(
    st.dictionaries(st.text(), json_values, max_size=5),
    st.sampled_from(["yard", "", 'a"b', '","type":"x"}', "ñ"]),
    st.booleans(),
)
def test_a_message_made_of_the_body_says_what_one_made_of_the_record_says(
    data: dict[str, Any], subject: str, damaged: bool
) -> None:
    try:
        event = NewEvent(EventType.ACCESS_GRANTED, subject, data)
        body = chain.body_of(event, "c-7", chain.datetime.now(chain.UTC))
    except UnicodeEncodeError:
        return
    digest = b"?" * 32 if damaged else chain.link(b"p" * 32, 7, chain.digest_of(body))
    kept = Kept(7, body, digest, b"p" * 32)
    assert json.loads(cloud_text(kept, "g")) == json.loads(cloud_event(event_of(kept), "g"))
