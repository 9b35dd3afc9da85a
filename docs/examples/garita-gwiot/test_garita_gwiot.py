"""What an author of a driver tests: no device, no gateway, only bytes and times."""

import random

import pytest
from garita_gwiot import PAUSE_S, GwiotReader

from drivers.base import BadRead, BadReadReason, CardRead, Reading

FRAME = bytes.fromhex("02 0A 02 2E 00 B6 D7 B5 F2 03")  # the example of the description
CARD = CardRead("em4100", "46", "11982773", "2e00b6d7b5")


def read(*pieces: bytes, gap_s: float = 0.001) -> list[Reading]:
    """What a new driver makes of `pieces`, which arrive `gap_s` seconds apart, and of silence."""
    driver, now, found = GwiotReader(GwiotReader.Options()), 10.0, []
    for piece in pieces:
        found += driver.feed(piece, now)
        now += gap_s
    return [*found, *driver.tick(now + 2 * PAUSE_S)]


def test_the_example_of_the_description_is_a_card() -> None:
    assert read(FRAME) == [CARD]
    assert read(FRAME + FRAME) == [CARD, CARD]


@pytest.mark.parametrize("cut", range(1, len(FRAME)))
def test_pieces_are_one_card_and_halves_are_none(cut: int) -> None:
    assert read(FRAME[:cut], FRAME[cut:]) == [CARD]
    late = read(FRAME[:cut], FRAME[cut:], gap_s=2 * PAUSE_S)
    assert late and all(isinstance(reading, BadRead) for reading in late)
    assert read(FRAME[:cut]) == [BadRead(BadReadReason.FRAMING, cut)]


@pytest.mark.parametrize("bit", range(8 * len(FRAME)))
def test_a_flipped_bit_is_not_a_card(bit: int) -> None:
    wrong = bytearray(FRAME)
    wrong[bit // 8] ^= 1 << bit % 8
    assert len(read(bytes(wrong))) == 1 and isinstance(read(bytes(wrong))[0], BadRead)


def test_after_something_wrong_only_silence_helps() -> None:
    assert read(b"\x55" + FRAME) == [BadRead(BadReadReason.FRAMING, 1)]
    assert read(b"\x55", FRAME, gap_s=2 * PAUSE_S) == [BadRead(BadReadReason.FRAMING, 1), CARD]


def test_noise_raises_nothing_and_fills_no_memory() -> None:
    noise = random.Random(7).randbytes(100_000)
    assert not any(isinstance(reading, CardRead) for reading in read(noise))
    driver = GwiotReader(GwiotReader.Options())
    assert len(driver.feed(noise, 10.0)) == 1  # and one reading, not one for each byte
