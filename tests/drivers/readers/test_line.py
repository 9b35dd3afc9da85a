"""Line readers: whatever comes down the line, at most one bad reading a line."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.base import BadRead, BadReadReason, CardRead, Reading
from drivers.readers.line import LineReader
from drivers.readers.wiegand import encode


def new(**options: Any) -> LineReader:
    """A driver as it is when the port has just opened."""
    return LineReader(LineReader.Options(**{"hold_off_s": 0, **options}))


def reader(**options: Any) -> LineReader:
    """A driver that has seen silence since the port opened."""
    device = new(**options)
    assert not device.tick(-2.0) and not device.tick(-1.0)
    return device


def texts(readings: Any) -> list[str]:
    return [r.number if isinstance(r, CardRead) else f"!{r.reason}" for r in readings]


def test_any_line_end() -> None:
    assert texts(reader().feed(b"A1\rB2\nC3\r\nD4", 0)) == ["A1", "B2", "C3"]


def test_a_terminator_of_the_sites_own_may_be_split() -> None:
    device = reader(terminator="<>")
    assert texts(device.feed(b"A1<", 0)) == []
    assert texts(device.feed(b">B2<>", 0)) == ["A1", "B2"]


def test_parts_by_name() -> None:
    device = reader(format="h10301", pattern=r"FC=(?P<facility>\d+) CN=(?P<number>\d+)")
    (card,) = device.feed(b"FC=012 CN=00345\n", 0)
    assert isinstance(card, CardRead)
    assert (card.format, card.facility, card.number) == ("h10301", "12", "345")
    assert texts(device.feed(b"FC=256 CN=1\n", 0)) == ["!no_match"]  # no such facility in 8 bits
    assert texts(device.feed(b"FC=1 CN=1 \xff\n", 0)) == ["!no_match"]


def test_bits_and_hex_are_checked_as_wiegand() -> None:
    bits = encode("h10304", 77, 1234)
    device = reader(format="h10304", pattern=r"(?P<bits>[01]+)")
    assert texts(device.feed(bits.encode() + b"\n", 0)) == ["1234"]
    wrong = bits[:-1] + ("1" if bits[-1] == "0" else "0")
    assert texts(device.feed(wrong.encode() + b"\n", 0)) == ["!parity"]
    device = reader(format="h10304", pattern=r"(?P<hex>[0-9A-F]+)")
    assert texts(device.feed(f"{int(bits, 2):010X}\n".encode(), 0)) == ["1234"]


def without_parity(name: str, facility: int, number: int) -> str:
    """What `Serial.print(wg.getCode(), HEX)` of the common Wiegand library prints: the code without
    its first and last bit, and without leading zeros."""
    return f"{int(encode(name, facility, number)[1:-1], 2):X}"


HEX = r"(?P<hex>[0-9A-F]+)"


@given(st.sampled_from(["h10301", "h10306"]), st.integers(0, 255), st.integers(0, 65535))
def test_hex_without_parity_bits_is_never_read_as_another_card(
    name: str, facility: int, number: int
) -> None:
    line = without_parity(name, facility, number).encode() + b"\n"
    assert texts(reader(format=name, pattern=HEX).feed(line, 0)) == ["!length"]
    (card,) = reader(format=name, pattern=HEX, parity=False).feed(line, 0)
    assert isinstance(card, CardRead)
    assert (card.facility, card.number) == (str(facility), str(number))


def test_hex_with_parity_bits_is_refused_where_the_options_say_without() -> None:
    device = reader(format="h10301", pattern=HEX, parity=False)
    for facility in (1, 200):
        line = f"{int(encode('h10301', facility, 1234), 2):07X}\n"
        assert texts(device.feed(line.encode(), 0)) == ["!length"]


def test_hex_of_the_common_library_as_its_example_prints_it() -> None:
    pattern = r"Wiegand HEX = (?P<hex>[0-9A-F]+), DECIMAL = \d+, Type W26"
    device = reader(format="h10301", pattern=pattern, parity=False)
    line = b"Wiegand HEX = 12D687, DECIMAL = 1234567, Type W26\r\n"
    (card,) = device.feed(line, 0)
    assert isinstance(card, CardRead) and (card.facility, card.number) == ("18", "54919")
    assert texts(device.feed(line.replace(b"W26", b"W34"), 0)) == ["!no_match"]


def test_bits_without_parity_bits_are_an_option_and_else_refused() -> None:
    bits = encode("h10301", 18, 54919)[1:-1].encode()
    plain = reader(format="h10301", pattern="(?P<bits>[01]+)")
    assert texts(plain.feed(bits + b"\n", 0)) == ["!length"]
    device = reader(format="h10301", pattern="(?P<bits>[01]+)", parity=False)
    assert texts(device.feed(bits + b"\n", 0)) == ["54919"]


def test_a_long_line_is_one_bad_reading_and_the_next_is_read() -> None:
    device = reader(max_length=16)
    assert texts(device.feed(b"x" * 17 + b"\nOK\n", 0)) == ["!too_long", "OK"]
    assert texts(device.feed(b"x" * 16 + b"\n", 0)) == ["x" * 16]


def test_ten_megabytes_without_an_end_take_little_memory_and_time() -> None:
    device = reader(max_length=128)
    started = time.monotonic()
    found: list[Reading] = []
    for _ in range(10_000):
        found += device.feed(b"z" * 1000, 0)
        assert len(device._line) <= 256
    assert found == []
    (bad,) = device.feed(b"\n", 1)
    assert bad == BadRead(BadReadReason.TOO_LONG, 10_000_000)
    assert texts(device.feed(b"OK\n", 1)) == ["OK"]
    assert time.monotonic() - started < 20


def test_silence_ends_a_line_where_wanted() -> None:
    device = reader(idle_flush_s=0.2, length=2)
    assert texts(device.feed(b"A1", 1.0)) == []
    assert texts(device.tick(1.1)) == []
    assert texts(device.tick(1.21)) == ["A1"]
    assert texts(device.tick(9.0)) == []


def test_a_scan_that_stops_half_way_is_never_a_shorter_number() -> None:
    device = reader()
    assert texts(device.feed(b"10", 1.0)) == []
    assert texts(device.tick(1.3)) == []  # it broke off, and its rest is dropped too
    assert texts(device.feed(b"01\r\n2002\n", 1.4)) == ["!framing", "2002"]
    # The gap counts also when no tick came in it.
    assert texts(device.feed(b"10", 2.0)) == []
    assert texts(device.feed(b"01\n", 2.3)) == ["!framing"]
    # Nothing more comes: it is reported, and the next line is whole.
    assert texts(device.feed(b"10", 4.0)) == []
    assert texts(device.tick(5.9)) == []
    assert texts(device.tick(6.1)) == ["!framing"]
    assert texts(device.feed(b"1001\n", 6.2)) == ["1001"]


def test_a_pause_within_the_time_out_costs_nothing() -> None:
    device = reader()
    assert texts(device.feed(b"10", 1.0)) == []
    assert texts(device.tick(1.2)) == []
    assert texts(device.feed(b"01\n", 1.24)) == ["1001"]


def test_a_half_scan_that_silence_ends_is_never_a_shorter_number() -> None:
    device = reader(idle_flush_s=0.2, length=4)
    device.feed(b"10", 1.0)
    assert texts(device.tick(1.3)) == ["!length"]
    device.feed(b"01", 1.4)
    assert texts(device.tick(1.7)) == ["!length"]
    device.feed(b"1001", 2.0)
    assert texts(device.tick(2.3)) == ["1001"]


def test_a_port_that_opens_in_the_middle_of_a_scan_drops_the_rest() -> None:
    device = new()
    assert texts(device.tick(0.0)) == []
    assert texts(device.feed(b"01\n1001\n", 0.1)) == ["!framing", "1001"]
    silent = new(idle_flush_s=0.2, length=2)
    silent.tick(0.0)
    silent.feed(b"01", 0.1)
    assert texts(silent.tick(0.4)) == ["!framing"]
    quiet = new()
    quiet.tick(0.0)
    assert texts(quiet.tick(0.3)) == []
    assert texts(quiet.feed(b"1001\n", 0.31)) == ["1001"]


@given(st.integers(1, 7), st.floats(0.26, 1.9), st.booleans())
def test_no_part_of_a_scan_is_a_card_wherever_it_breaks(cut: int, gap: float, ticks: bool) -> None:
    scan, device = b"12345678\n", reader()
    found = list(device.feed(scan[:cut], 1.0))
    if ticks:
        found += device.tick(1.0 + gap / 2)
        found += device.tick(1.0 + gap)
    found += device.feed(scan[cut:], 1.0 + gap)
    assert texts(found) == ["!framing"]
    assert texts(device.feed(scan, 4.0)) == ["12345678"]


def test_hold_off() -> None:
    device = reader(hold_off_s=1.0)
    assert texts(device.feed(b"A\nA\nB\nA\n", 0)) == ["A", "B", "A"]


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_chunking_gives_the_same_readings(parts: list[bytes]) -> None:
    whole, pieces = reader(max_length=10), reader(max_length=10)
    found: list[Reading] = []
    for part in parts:
        found += pieces.feed(part, 0.0)
    assert found == list(whole.feed(b"".join(parts), 0.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "("}, "not a regular expression"),
        ({"pattern": "abc"}, "name the part"),
        ({"pattern": "(?P<number>.)(?P<color>.)"}, "unknown parts: color"),
        ({"format": "h99999"}, "no such format"),
        ({"pattern": "(?P<bits>.)"}, "need a Wiegand format"),
        ({"idle_flush_s": 0.2}, "idle_flush_s needs length"),
        ({"parity": False}, "the pattern names neither"),
        ({"format": "c1k35", "pattern": HEX, "parity": False}, "not only at its ends"),
        ({"format": "s12906", "pattern": HEX}, "say parity = true or parity = false"),
        ({"format": "h10301", "pattern": HEX, "parity": False, "idle_flush_s": 1}, "needs length"),
        ({"terminador": "x"}, "Extra inputs"),
    ],
)
def test_bad_options_say_why(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        reader(**options)
