"""One reader's session in memory: each way in which a reader can disappoint, and what is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from drivers.base import (
    BadRead,
    BadReadReason,
    CardRead,
    CommandDone,
    KeyInstalled,
    LinkChange,
    Refused,
    Signal,
    Tamper,
)
from drivers.buses import BusPlace
from drivers.readers import wiegand
from drivers.readers.osdp import OsdpBus, OsdpPanel, frame
from drivers.readers.osdp.bus import BusOptions, ReaderOptions
from drivers.readers.osdp.cards import CardDecoder
from drivers.readers.osdp.frame import Frame
from drivers.readers.osdp.handshake import Handshake
from drivers.readers.osdp.messages import Cmd, Nak, Reply
from drivers.readers.osdp.secure import (
    SCS_12,
    SCS_14,
    SCS_16,
    SecureChannel,
    SecureChannelError,
)
from drivers.readers.osdp.session import Step
from drivers.simulated.osdp import SimulatedReader
from tests.drivers.readers.osdp.panel import session
from tests.drivers.readers.osdp.peer import KEY
from tests.drivers.readers.osdp.test_fuzz import K1, K2, Fresh, Line

CARD = wiegand.encode("h10301", 18, 1001)
PACKED = int(CARD.ljust(32, "0"), 2).to_bytes(4, "big")


def details(line: Line) -> list[str]:
    return [event.detail for event in line.told if isinstance(event, LinkChange)]


def answering(line: Line, code: int, payload: bytes) -> None:
    """From now on the reader answers the command `code` with `payload`, in clear."""
    true = line.reader._reply

    def reply(message: Frame) -> bytes:
        return line.reader._plain(message, payload) if message.code == code else true(message)

    line.reader._reply = reply  # type: ignore[method-assign]


def silent(line: Line, seconds: float) -> None:
    """The reader's wires are cut for so long."""
    end = line.now + seconds
    while line.now < end:
        step = line.bus.step(line.now)
        line.told += [e.event for e in step.events]
        line.now = max(line.now + 0.001, min(step.wake_at, end))


def test_a_reader_that_falls_silent_is_offline_and_loses_what_waited_for_it() -> None:
    line = Line()
    device = line.bus.devices[1]
    numbers = [device.ping(line.now, 60) for _ in range(3)]
    silent(line, 3.0)
    assert details(line) == ["no answer"] and not device.online
    ended = [(e.id, e.good) for e in line.told if isinstance(e, CommandDone)]
    assert sorted(ended) == [(number, False) for number in numbers]
    assert (
        device.ping(line.now, 1) is None
        and device.output(1, on=True, seconds=1, now=line.now, ttl_s=1) is None
    )
    device.show(Signal.GRANTED, "COME IN", line.now)
    line.turn(1.0)
    assert device.online and line.reader.shown == "" and line.reader.outputs == [False, False]


def test_an_order_that_could_not_be_sent_in_time_is_never_sent() -> None:
    line = Line()
    line.turn(0.1)
    number = line.bus.devices[1].output(1, on=True, seconds=3, now=line.now, ttl_s=0.5)
    silent(line, 1.5)
    line.turn(1.0)
    assert line.session.secured and line.reader.outputs == [False, False]
    ends = [e for e in line.told if isinstance(e, CommandDone) and e.id == number]
    assert [end.good for end in ends] == [False]


@pytest.mark.parametrize(
    ("held", "ours", "why"),
    [
        (KEY, (K1,), "it does not hold the key that it was given: garita reader install"),
        (None, (K1,), "it does not hold the key that it was given: garita reader install"),
        (KEY, (), "no key yet: garita reader install"),
    ],
)
def test_why_there_is_no_session_is_said(
    held: bytes | None, ours: tuple[bytes, ...], why: str
) -> None:
    line = Fresh(held, *ours)
    line.turn(4.0)
    assert details(line)[-1] == why and not line.session.online
    line.reader.card(CARD)
    line.turn(1.0)
    assert line.cards == []


def test_a_window_for_a_reader_that_has_another_key_says_what_to_do() -> None:
    line = Fresh(KEY)
    line.session.install(0.0, 5, K1)
    line.turn(4.0)
    assert "it does not take the default key: put it into install mode" in details(line)
    line.turn(3.0)
    ends = [e for e in line.told if isinstance(e, KeyInstalled)]
    assert [(e.done, e.detail) for e in ends] == [(False, "the install window has closed")]
    assert not line.session.installing


def test_a_reader_that_refuses_the_new_key_under_the_default_key_gets_none() -> None:
    line = Fresh()
    true = line.reader._do
    line.reader._do = lambda code, data: (  # type: ignore[method-assign]
        bytes((Reply.NAK, Nak.UNABLE)) if code == Cmd.KEYSET else true(code, data)
    )
    line.session.install(0.0, 60, K1)
    line.turn(2.0)
    ends = [e for e in line.told if isinstance(e, KeyInstalled)]
    assert [(e.done, e.detail) for e in ends] == [(False, "the reader refused the key (NAK 9)")]
    assert line.reader.key is None and not line.session.online


def test_a_card_under_the_default_key_is_no_card_and_an_open_window_is_kept() -> None:
    line = Fresh()
    line.reader.card(CARD)
    line.session.install(0.0, 60, K1)
    line.session.install(0.0, 60, K2)
    line.turn(3.0)
    assert line.reader.key == K2 and line.cards == [] and line.session.secured


def test_a_reader_that_knows_no_capabilities_is_served() -> None:
    line = Fresh(KEY, KEY)
    answering(line, Cmd.CAP, bytes((Reply.NAK, Nak.UNKNOWN_COMMAND)))
    line.turn(1.0)
    assert line.session.secured and line.session.capabilities == {}
    line.reader.card(CARD)
    line.turn(0.5)
    assert [card.number for card in line.cards] == ["1001"]
    # It says that it has no outputs, so it is not asked for their state.
    line.bus.devices[1].output(1, on=True, seconds=0, now=line.now, ttl_s=1)
    line.turn(0.2)
    assert line.reader.outputs == [True, False]


def test_a_reader_that_refuses_the_first_question_is_asked_again_with_the_other_check() -> None:
    line = Fresh(KEY, KEY)
    answering(line, Cmd.ID, bytes((Reply.NAK, Nak.CHECK)))
    crc = line.session._crc
    line.turn(0.1)
    assert line.session._crc is not crc and line.session.step is Step.OFFLINE
    answering(line, Cmd.ID, bytes((Reply.NAK,)))  # and one that gives no reason
    line.turn(1.0)
    assert line.session.step is Step.OFFLINE and line.session.stats.naks > 1


@pytest.mark.parametrize(
    ("code", "payload", "why"),
    [
        (Cmd.ID, bytes((Reply.ISTATR, 1, 1)), "it answers what was not asked"),
        (Cmd.CHLNG, bytes((Reply.CCRYPT,)) + bytes(32), "it answers with another kind of key"),
        (Cmd.SCRYPT, bytes((Reply.RMAC_I,)) + bytes(16), "it did not accept our key"),
    ],
)
def test_a_false_answer_at_the_start_makes_no_session(code: int, payload: bytes, why: str) -> None:
    line = Fresh(KEY, KEY)
    answering(line, code, payload)
    line.turn(1.0)
    assert why in details(line) and line.session.stats.handshakes == 0


def sealed_in_clear(line: Line, kind: int, payload: bytes) -> Callable[[Frame], bytes]:
    """An answer whose MAC is right and whose data is not encrypted, as some readers send it."""

    def reply(message: Frame) -> bytes:
        channel = line.reader._channel
        assert channel is not None
        channel.open(message)
        head = frame.head(1, message.sequence, bytes((kind,)), len(payload) + 4, reply=True)
        signed = head + payload
        return frame.close(signed + channel._advance(signed, True)[:4])

    return reply


def test_a_card_that_is_authentic_and_not_encrypted_is_refused_and_tamper_is_not() -> None:
    line = Line()
    true = line.reader._reply
    card = bytes((Reply.RAW, 0, 1, 26, 0)) + PACKED
    line.reader._reply = sealed_in_clear(line, SCS_16, card)  # type: ignore[method-assign]
    line.turn(0.02)
    assert line.cards == [] and Refused("a card or a key in clear") in line.told
    line.reader._reply = true  # type: ignore[method-assign]
    line.turn(4.0)  # a new session: the old one is out of step
    assert line.session.secured
    tamper = bytes((Reply.LSTATR, 1, 1))
    line.reader._reply = sealed_in_clear(line, SCS_16, tamper)  # type: ignore[method-assign]
    line.turn(0.05)
    assert Tamper(True) in line.told and line.session.stats.power_fault


def test_sealed_traffic_before_there_is_a_session_counts_for_nothing() -> None:
    line = Fresh(KEY, KEY)
    line.bus.step(line.now)
    line.give(frame.plain(1, 0, bytes((Reply.PDID,)) + bytes(16), scb=b"\x16", reply=True))
    assert line.session.stats.errors == 1 and line.session.step is Step.OFFLINE


def test_an_answer_that_nobody_asked_for_is_dropped() -> None:
    reader = session(1, KEY)
    (answer,) = frame.Decoder().feed(frame.plain(1, 1, bytes((Reply.ACK,)), reply=True))
    assert reader.on_reply(answer, 0.0) == (False, [])
    reader.late(0.0)
    assert reader.window_s == 0.02
    assert [e.detail for e in reader.unplugged(0.0) if isinstance(e, LinkChange)] == [
        "the bus is not there"
    ]
    assert reader.unplugged(0.0) == []


def test_a_reader_that_says_its_cover_is_open_in_the_readers_own_report() -> None:
    line = Line()
    line.reader._told.append(bytes((Reply.RSTATR, 2)))
    line.reader._told.append(bytes((Reply.RSTATR,)))  # nothing in it
    line.reader._told.append(bytes((Reply.OSTATR, 1)))  # not asked for
    line.reader._told.append(bytes((Reply.COM, 1)))
    line.turn(0.3)
    assert line.told.count(Tamper(True)) == 1


def test_a_card_that_waited_in_the_reader_is_stale() -> None:
    line = Line()
    silent(line, 1.5)
    line.reader.card(CARD)
    line.reader.press("12#")
    line.turn(0.5)
    assert line.cards == []
    assert any(isinstance(e, BadRead) and e.reason is BadReadReason.STALE for e in line.told)


# The driver, its options and its parts


@pytest.mark.parametrize(
    ("formats", "why"),
    [
        (["h9"], "no format h9"),
        (["h10301", "ind26"], "have the same length"),
        ([], "at least 1"),
    ],
)
def test_formats_that_can_not_be_told_apart_are_a_mistake(formats: list[str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ReaderOptions(formats=formats)


def test_the_driver_makes_a_line_of_at_most_32_readers_and_each_shows_what_it_is() -> None:
    panel = OsdpPanel(BusOptions())
    options = ReaderOptions(formats=["h10301", "csn"], secure=False)
    line = panel.line([BusPlace(5, options), BusPlace(7, ReaderOptions(), [KEY])], 9600)
    clear, secure = line.devices[5], line.devices[7]
    assert (clear.address, clear.keyed, secure.keyed) == (5, False, True)
    about = {"step": "offline", "answers": False, "identity": None, "capabilities": {}}
    assert secure.about() == about
    assert not (clear.online or clear.secured or clear.installing) and clear.stats.polls == 0
    secure.install(0.0, 10, K1)
    assert secure.installing
    with pytest.raises(ValueError, match="32"):
        panel.line([BusPlace(n, options) for n in range(33)], 9600)
    assert OsdpBus({}, 9600).step(0.0).send == b""


def test_another_address_and_speed_are_told_as_the_reader_said_them() -> None:
    line = Line()
    number = line.bus.devices[1].set_line(5, 115200, line.now, 2)
    line.turn(0.2)
    (end,) = [e for e in line.told if isinstance(e, CommandDone) and e.id == number]
    assert (end.good, end.detail) == (True, "address 5, 115200 baud")


def test_data_that_is_no_card_is_a_bad_read_and_nothing_shows_its_bits() -> None:
    cards = CardDecoder(["h10301"])
    assert cards.raw(b"\0")[0] == BadRead(BadReadReason.FRAMING, 1)
    assert cards.fmt(b"\0\0\x09A1")[0] == BadRead(BadReadReason.FRAMING, 5)
    assert cards.raw(b"\0\0\x04\0\xf0")[0] == BadRead(BadReadReason.NO_MATCH, 4)
    (card,) = frame.Decoder().feed(frame.plain(1, 1, b"\x50secret", reply=True))
    assert "secret" not in repr(card) and repr(card) == "Frame(reply 0x50 of 1, seq 1)"
    assert "secret" not in repr(SecureChannel(b"secret" + bytes(10), bytes(8)))


def test_frames_that_are_too_long_or_have_no_payload_are_none() -> None:
    with pytest.raises(ValueError, match="1440"):
        frame.plain(1, 1, bytes(1500))
    # A security block that takes the whole frame leaves no payload.
    head = frame.head(1, 1, b"\x15", 4)
    assert frame.Decoder().feed(frame.close(head + bytes(4))) == []


def test_a_channel_refuses_keys_nonces_and_messages_of_the_wrong_kind() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        SecureChannel(b"short", bytes(8))
    panel, reader = SecureChannel(KEY, bytes(8)), SecureChannel(KEY, bytes(8))
    for channel in (panel, reader):
        channel.start(bytes(8))
    good = reader.seal(1, 1, bytes((Reply.ISTATR, 1, 0)), reply=True)
    (message,) = frame.Decoder().feed(good)
    for payload in (message.payload[:-1], message.payload[:1] + bytes(16)):
        head = frame.head(1, 1, message.scb, len(payload) + 4, reply=True)
        signed = head + payload
        mac = panel._mac(signed, panel._previous(True))[:4]
        (forged,) = frame.Decoder().feed(frame.close(signed + mac))
        with pytest.raises(SecureChannelError, match=r"whole blocks|end of data"):
            panel.open(forged)
    assert panel.open(message) == bytes((Reply.ISTATR, 1, 0))


def test_a_proof_of_the_wrong_kind_or_size_is_none() -> None:
    handshake = Handshake([KEY], bytes(8))
    for scb, size in ((SCS_12, 31), (SCS_14, 32)):
        raw = frame.plain(
            1, 1, bytes((Reply.CCRYPT,)) + bytes(size), scb=bytes((scb, 1)), reply=True
        )
        (reply,) = frame.Decoder().feed(raw)
        assert handshake.on_ccrypt(reply) == "it answers with another kind of key"


def test_a_simulated_card_is_what_the_bits_say() -> None:
    line = Line()
    SimulatedReader.card(line.reader, CARD)
    line.turn(0.2)
    assert line.cards == [CardRead("h10301", "18", "1001", CARD)]
