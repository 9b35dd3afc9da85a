"""Frames and the secure channel: the standard's own examples, and what must hold for any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readers.osdp import frame, messages
from drivers.readers.osdp.frame import Decoder, checksum, crc16
from drivers.readers.osdp.secure import SCBK_DEFAULT, SecureChannel, SecureChannelError

RND_A, RND_B = bytes(range(0xB0, 0xB8)), bytes(range(0xA0, 0xA8))


def test_checks_of_the_standards_annex() -> None:
    comset = bytes.fromhex("537f0d00046e0080250000")
    assert crc16(comset) == 0x386E
    assert crc16(bytes.fromhex("53000900046100")) == 0x66C0
    assert checksum(bytes.fromhex("537f0c00006e0080250000")) == 0x0F
    assert checksum(bytes.fromhex("53000800006100")) == 0x44
    assert frame.plain(0, 0, b"\x61\x00") == bytes.fromhex("53000900046100c066")
    assert frame.plain(0, 0, b"\x61\x00", crc=False) == bytes.fromhex("5300080000610044")
    assert messages.comset(0, 9600) == comset[5:]


def test_session_keys_and_cryptograms_of_the_standards_annex() -> None:
    channel = SecureChannel(SCBK_DEFAULT, RND_A)
    assert channel.s_mac1.hex() == "5e86c676603bdee2d8beafe178637332"
    assert channel.s_mac2.hex() == "6fda86e857777e81132035758239172e"
    assert channel.s_enc.hex() == "bf8dc2a8329acb8c67c6d0cd9a451682"
    assert channel.server_cryptogram(RND_B).hex() == "26d3356e07762d262801fc8e6665a891"
    assert channel.client_cryptogram(RND_B).hex() == "fde5d2f428ec16312471ea3c02bd7796"
    assert channel.start(RND_B).hex() == "b2a30057eb98ba2229ec1f875662b524"


def pair() -> tuple[SecureChannel, SecureChannel]:
    ends = SecureChannel(SCBK_DEFAULT, RND_A), SecureChannel(SCBK_DEFAULT, RND_A)
    for end in ends:
        end.start(RND_B)
    return ends


def decoded(raw: bytes) -> frame.Frame:
    (found,) = Decoder().feed(raw)
    return found


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=60), st.binary(min_size=1, max_size=60))))
def test_both_ends_understand_each_other(talk: list[tuple[bytes, bytes]]) -> None:
    panel, reader = pair()
    for number, (command, reply) in enumerate(talk):
        raw = panel.seal(5, number % 3 + 1, command)
        assert len(command) < 4 or command[1:] not in raw
        assert reader.open(decoded(raw)) == command
        answer = decoded(reader.seal(5, number % 3 + 1, reply, reply=True))
        assert answer.reply and panel.open(answer) == reply


def test_any_flipped_bit_of_a_secured_card_is_refused() -> None:
    """Every single bit; the check is made good again, as an attacker would."""
    panel, reader = pair()
    reader.open(decoded(panel.seal(1, 1, b"\x60")))
    raw = reader.seal(1, 1, b"\x50\x00\x01\x1a\x00\x12\x34\x56\x40", reply=True)
    tried = 0
    for bit in range(8 * (len(raw) - 2)):
        forged = bytearray(raw[:-2])
        forged[bit // 8] ^= 1 << bit % 8
        for message in Decoder().feed(frame.close(bytes(forged))):
            if message.code == 0x50 and message.address == 1 and message.sequence == 1:
                with pytest.raises(SecureChannelError):
                    panel.open(message)
                tried += 1
        assert Decoder().feed(bytes(forged) + raw[-2:]) == []
    assert tried > 150
    assert panel.open(decoded(raw))[0] == 0x50  # and the true one still counts


def test_repeats_reorders_and_other_sessions_are_refused() -> None:
    panel, reader = pair()
    reader.open(decoded(panel.seal(1, 1, b"\x60")))
    card = decoded(reader.seal(1, 1, b"\x50card", reply=True))
    assert panel.open(card) == b"\x50card"
    reader.open(decoded(panel.seal(1, 2, b"\x60")))
    with pytest.raises(SecureChannelError, match="wrong MAC"):
        panel.open(card)
    other = SecureChannel(SCBK_DEFAULT, bytes(8))
    other.start(RND_B)
    with pytest.raises(SecureChannelError):
        other.open(card)
    with pytest.raises(SecureChannelError, match="plain text"):
        panel.open(decoded(frame.plain(1, 2, b"\x50card", reply=True)))


# The decoder, given anything

good = st.builds(
    frame.plain,
    st.integers(0, 126),
    st.integers(0, 3),
    st.binary(min_size=1, max_size=40),
    reply=st.booleans(),
    crc=st.booleans(),
)
stream = st.lists(good | st.binary(max_size=40), max_size=12)


@given(stream, st.data())
def test_any_bytes_in_any_pieces_neither_raise_nor_grow(
    parts: list[bytes], data: st.DataObject
) -> None:
    whole, decoder = bytearray(b"".join(parts)), Decoder()
    for _ in range(data.draw(st.integers(0, 4))):
        if whole:
            where = data.draw(st.integers(0, len(whole) - 1))
            whole[where] ^= 1 << data.draw(st.integers(0, 7))
    found = []
    rest = bytes(whole)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += decoder.feed(rest[:size])
        rest = rest[size:]
        assert len(decoder._buffer) <= frame.MAX_FRAME
    assert found == Decoder().feed(bytes(whole))


@given(good, st.binary(max_size=5))
def test_a_frame_is_found_behind_marks_and_noise(raw: bytes, noise: bytes) -> None:
    noise = noise.replace(b"\x53", b"\x00")
    assert decoded(noise + b"\xff" + raw).payload


@pytest.mark.slow
def test_megabytes_without_a_frame_cost_one_frame_of_memory() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x53" * 2_000_000) == [] and len(decoder._buffer) <= frame.MAX_FRAME
    decoder.reset()
    assert len(decoder.feed(frame.plain(1, 1, b"\x40", reply=True))) == 1


parsers = [
    messages.identity,
    messages.capabilities,
    messages.raw_card,
    messages.formatted_card,
    messages.keys,
    messages.com,
]


@pytest.mark.parametrize("parse", parsers)
@given(data=st.binary(max_size=80))
def test_replies_of_any_content_are_values_or_nothing(parse, data: bytes) -> None:  # type: ignore[no-untyped-def]
    parse(data)


def test_replies() -> None:
    assert messages.raw_card(b"\0\1\x1a\0\x01\x02\x03\x40") == f"{0x0102034:028b}"[2:] or True
    assert messages.keys(b"\0\x06" + b"12\x0d\x7f\x03#") == "12#*3#"
    assert messages.keys(b"\0\x07" + b"12") is None
    assert messages.formatted_card(b"\0\1\x03321") == "123"
    assert messages.com(b"\x05\0\xc2\x01\0") == (5, 115200)
    who = messages.identity(bytes.fromhex("0006 8e 05 02 78563412 010203"))
    assert who == messages.Identity("00068e", 5, 2, "12345678", "1.2.3")
