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


def reader(**options: Any) -> LineReader:
    return LineReader(LineReader.Options(**{"hold_off_s": 0, **options}))


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
    device = reader(idle_flush_s=0.2)
    assert texts(device.feed(b"A1", 1.0)) == []
    assert texts(device.tick(1.1)) == []
    assert texts(device.tick(1.21)) == ["A1"]
    assert texts(device.tick(9.0)) == []
    assert texts(reader().tick(9.0)) == []


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
        ({"terminador": "x"}, "Extra inputs"),
    ],
)
def test_bad_options_say_why(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        reader(**options)
