"""Wiegand formats: known cards, and that parity catches what it can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import BadRead, BadReadReason, CardRead
from drivers.readers import wiegand
from drivers.readers.wiegand import FORMATS, decode, encode, fits

# Built by hand from the tables in the formats' public descriptions.
KNOWN = [
    ("h10301", "0" + "00000001" + "0000000000000001" + "0", None, None),
    ("h10301", "1" + "00000001" + "0000000000000001" + "0", "1", "1"),
    ("h10301", "1" + "01111011" + "0001000011010111" + "1", "123", "4311"),
    ("h10302", "0" + "0" * 34 + "1" + "0", "", "1"),
    ("h10306", "1" + "0000000000000001" + "0000000000000001" + "0", "1", "1"),
]


@pytest.mark.parametrize(("fmt", "bits", "facility", "number"), KNOWN)
def test_known_cards(fmt: str, bits: str, facility: str | None, number: str | None) -> None:
    found = decode(bits, fmt)
    if number is None:
        assert found == BadRead(BadReadReason.PARITY, len(bits))
    else:
        assert isinstance(found, CardRead)
        assert (found.facility, found.number) == (facility, number)


def test_corporate_1000_parity_in_its_order() -> None:
    """35 bits, company 1, card 1: computed by hand from the two masks.

    Company bits 2-13 hold 1 in bit 13, number bits 14-33 hold 1 in bit 33.  Mask 1B6DB6DB6
    covers bits 2,3,5,6,8,9,11,12,14,15,17,18,20,21,23,24,26,27,29,30,32,33: one 1 (bit 33), so
    bit 1 is 1.  Mask 36DB6DB6C covers 1,2,4,5,...,13,14,...: bits 1 and 13, two ones, so bit 34
    is 1 to be odd.  The rest now has four ones (1, 13, 33, 34), so bit 0 is 1.
    """
    bits = ["0"] * 35
    for place in (0, 1, 13, 33, 34):
        bits[place] = "1"
    assert encode("c1k35", 1, 1) == "".join(bits)


def numbers(name: str) -> st.SearchStrategy[tuple[int, int]]:
    fmt = FORMATS[name]
    width = lambda span: span[1] - span[0] + 1 if span else 0  # noqa: E731
    return st.tuples(
        st.integers(0, 2 ** width(fmt.facility) - 1), st.integers(0, 2 ** width(fmt.number) - 1)
    )


@given(st.sampled_from(sorted(FORMATS)).flatmap(lambda n: st.tuples(st.just(n), numbers(n))))
def test_what_is_encoded_decodes(case: tuple[str, tuple[int, int]]) -> None:
    name, (facility, number) = case
    found = decode(encode(name, facility, number), name)
    assert isinstance(found, CardRead)
    assert found.number == str(number)
    assert found.facility == (str(facility) if FORMATS[name].facility else "")


@given(
    st.sampled_from(sorted(FORMATS)).flatmap(lambda n: st.tuples(st.just(n), numbers(n))),
    st.integers(0, 47),
)
def test_one_flipped_bit_is_never_another_card(
    case: tuple[str, tuple[int, int]], place: int
) -> None:
    name, (facility, number) = case
    bits = encode(name, facility, number)
    place %= len(bits)
    flipped = bits[:place] + ("1" if bits[place] == "0" else "0") + bits[place + 1 :]
    found = decode(flipped, name)
    if isinstance(found, CardRead):  # the issue level of S12906 has a place in the first parity
        covered = {bit for rule in FORMATS[name].parity for bit in (rule.bit, *rule.covers)}
        assert place not in covered
        assert (found.facility, found.number) == (str(facility), str(number))


@pytest.mark.parametrize(
    "bits", ["", "1", "0" * 25, "0" * 27, "2" * 26, "0x" + "0" * 24, "0 " * 13]
)
def test_what_is_no_card_is_a_bad_read(bits: str) -> None:
    assert decode(bits, "h10301") == BadRead(BadReadReason.FRAMING, len(bits))


def test_numbers_that_do_not_fit() -> None:
    assert fits("h10301", "255", "65535") and not fits("h10301", "256", "1")
    assert not fits("h10302", "1", "1") and fits("h10302", "", "1")
    assert not fits("h10301", "-1", "1") and not fits("h10301", "", "1")
    with pytest.raises(ValueError, match="do not fit"):
        encode("h10301", 256, 1)
    with pytest.raises(KeyError):
        wiegand.decode("0", "nothing")
