"""Card numbers that no card of a format has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readers.formats import Fault, Misfit, misfit
from drivers.readers.wiegand import FORMATS, fits


@pytest.mark.parametrize(
    ("card", "wrong"),
    [
        (("h10301", "255", "65535"), None),
        (("h10301", "256", "1"), Misfit(Fault.FACILITY_TOO_LARGE, 255)),
        (("h10301", "1", "98765"), Misfit(Fault.NUMBER_TOO_LARGE, 65535)),
        (("h10301", "", "1"), Misfit(Fault.FACILITY_MISSING)),
        (("h10302", "1", "1"), Misfit(Fault.NO_FACILITY)),
        (("h10302", "", "34359738367"), None),
        (("em4100", "18", "4294967295"), None),
        (("em4100", "", "7"), None),
        (("em4100", "256", "7"), Misfit(Fault.FACILITY_TOO_LARGE, 255)),
        (("h10301", "1", "9" * 5000), Misfit(Fault.NUMBER_TOO_LARGE, 65535)),
        (("text", "", "HELLO"), None),
        (("a-sites-own", "999999", "1"), None),
    ],
)
def test_a_number_that_no_card_of_the_format_has(
    card: tuple[str, str, str], wrong: Misfit | None
) -> None:
    assert misfit(*card) == wrong


@given(
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from(["", "0", "1", "255", "256", "4095", "65535", "65536", "4194304"]),
    st.integers(0, 2**40),
)
def test_it_agrees_with_what_a_reader_can_send(name: str, facility: str, number: int) -> None:
    assert (misfit(name, facility, str(number)) is None) == fits(name, facility, str(number))
