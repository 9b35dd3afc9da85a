"""RDM6300: real frames are read, everything else is survived."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import BadRead, BadReadReason, CardRead, Reading
from drivers.readers.rdm6300 import Rdm6300Reader, encode

# The example of the RDM630's data sheet: 62E3086CED, checksum 08.
CARD = bytes.fromhex("62E3086CED")
FRAME = b"\x02" + b"62E3086CED08" + b"\x03"
READ = CardRead("em4100", str(0x62), str(0xE3086CED), "62E3086CED")


def reader(hold_off_s: float = 0.0, fmt: str = "em4100") -> Rdm6300Reader:
    return Rdm6300Reader(Rdm6300Reader.Options(hold_off_s=hold_off_s, format=fmt))  # type: ignore[arg-type]


def test_the_known_frame() -> None:
    assert encode(CARD) == FRAME
    assert reader().feed(FRAME, 0.0) == [READ]
    assert reader().feed(FRAME.replace(b"E3", b"e3"), 0.0) == [READ]


def test_id12la_sends_a_line_end_before_the_end() -> None:
    assert reader().feed(encode(CARD, id12la=True), 0.0) == [READ]


def test_as_printed_on_the_card() -> None:
    (card,) = reader(fmt="h10301").feed(FRAME, 0.0)
    assert isinstance(card, CardRead)
    assert (card.format, card.facility, card.number) == ("h10301", "8", str(0x6CED))


def test_a_repr_shows_no_number() -> None:
    assert READ.number not in repr(READ) and "62E3" not in repr(READ)


def test_wrong_checksum_half_frame_and_bad_digit_are_bad_reads() -> None:
    assert reader().feed(FRAME[:-2] + b"9\x03", 0.0) == [BadRead(BadReadReason.CHECKSUM, 14)]
    assert reader().feed(FRAME[:7] + b"\x03", 0.0) == [BadRead(BadReadReason.FRAMING, 8)]
    assert reader().feed(b"\x0262G", 0.0) == [BadRead(BadReadReason.FRAMING, 4)]


def test_a_half_frame_costs_only_itself() -> None:
    assert reader().feed(FRAME[:9] + FRAME, 0.0) == [READ]


def test_a_held_card_is_one_reading_and_each_sighting_extends_the_hold_off() -> None:
    device = reader(hold_off_s=1.0)
    assert device.feed(FRAME, 0.0) == [READ]
    for tenths in range(1, 30):
        assert device.feed(FRAME, tenths / 10) == []
    other = encode(bytes(5))
    assert len(device.feed(other, 3.0)) == 1  # another card is news at once
    assert device.feed(FRAME, 3.1) == [READ]
    assert device.feed(FRAME, 4.2) == [READ]  # taken away for more than a second


def test_ten_megabytes_of_garbage_leave_nothing_behind() -> None:
    device = reader()
    for _ in range(10):
        device.feed(b"\x02" + b"A" * 1_000_000, 0.0)
    assert device._digits is None or len(device._digits) <= 12
    assert device.feed(FRAME, 1.0) == [READ]


chunks = st.lists(st.binary(max_size=40), max_size=20)


@given(chunks)
def test_any_chunking_gives_the_same_readings(parts: list[bytes]) -> None:
    whole, pieces = reader(), reader()
    found: list[Reading] = []
    for part in parts:
        found += pieces.feed(part, 0.0)
    assert found == list(whole.feed(b"".join(parts), 0.0))


@given(st.lists(st.binary(min_size=5, max_size=5), max_size=5), st.binary(max_size=60))
def test_every_frame_in_garbage_is_found(cards: list[bytes], noise: bytes) -> None:
    clean = noise.replace(b"\x02", b"")
    stream = clean + b"".join(encode(card) + clean for card in cards)
    found = [r for r in reader().feed(stream, 0.0) if isinstance(r, CardRead)]
    assert [r.raw for r in found] == [card.hex().upper() for card in cards]


@given(st.binary(min_size=5, max_size=5), st.integers(1, 12), st.integers(0, 7))
def test_no_flipped_bit_yields_another_card(card: bytes, place: int, bit: int) -> None:
    frame = bytearray(encode(card))
    frame[place] ^= 1 << bit
    for reading in reader().feed(bytes(frame), 0.0):
        assert isinstance(reading, BadRead) or reading.raw == card.hex().upper()


def test_encode_refuses_what_is_no_card() -> None:
    with pytest.raises(ValueError, match="five bytes"):
        encode(b"1234")


def test_half_a_frame_and_the_rest_of_another_are_never_one_card() -> None:
    device = reader()
    assert device.feed(FRAME[:7], 1.0) == []
    assert not device.tick(1.2)
    assert device.tick(1.3) == [BadRead(BadReadReason.FRAMING, 7)]
    assert device.feed(FRAME[7:], 1.4) == []
    # The gap counts also when no tick came in it.
    assert device.feed(FRAME[:7], 2.0) == []
    assert device.feed(FRAME[7:], 2.3) == [BadRead(BadReadReason.FRAMING, 7)]
    assert device.feed(FRAME, 2.4) == [READ]
