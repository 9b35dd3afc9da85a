"""The control panel given anything: recorded traffic changed, cut, doubled and forged."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import BadRead, CardRead, Keys
from drivers.readers import wiegand
from drivers.readers.osdp import OsdpBus, frame
from drivers.readers.osdp.cards import CardDecoder
from drivers.readers.osdp.messages import Cmd, Reply
from drivers.simulated.osdp import SimulatedReader
from tests.drivers.readers_osdp.panel import session
from tests.drivers.readers_osdp.peer import KEY

CARD = wiegand.encode("h10301", 18, 1001)


class Line:
    """A panel and a reader in memory, in secure channel."""

    def __init__(self) -> None:
        self.reader, self.session = SimulatedReader(1, KEY), session(1, KEY)
        self.bus = OsdpBus({1: self.session}, 115200)
        self.now = 0.0
        self.told: list[Any] = []
        self.traffic: list[bytes] = []
        self.turn(0.5)
        assert self.session.secured
        self.told.clear()

    def turn(self, seconds: float) -> None:
        """Time goes by, with true answers."""
        end = self.now + seconds
        while self.now < end:
            step = self.bus.step(self.now)
            self.told += [e.event for e in step.events]
            if step.send and (answer := self.reader.feed(step.send)):
                self.traffic.append(answer)
                self.give(answer)
            self.now = max(self.now + 0.001, min(step.wake_at, end))

    def give(self, data: bytes) -> None:
        self.told += [e.event for e in self.bus.feed(data, self.now)]

    @property
    def cards(self) -> list[Any]:
        return [event for event in self.told if isinstance(event, CardRead | Keys)]


codes = st.sampled_from([*Reply, 0x00, 0x7F, 0xFF]).map(int)
forged = st.builds(
    lambda code, data, seq, scb, crc: frame.plain(
        1, seq, bytes((code,)) + data, scb=scb, reply=True, crc=crc
    ),
    codes,
    st.binary(max_size=48),
    st.integers(0, 3),
    st.just(b"") | st.binary(min_size=1, max_size=3),
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(forged | st.binary(max_size=64), max_size=12), st.data())
def test_nothing_forged_is_a_card_and_nothing_raises(
    pieces: list[bytes], data: st.DataObject
) -> None:
    line = Line()
    for piece in pieces:
        step = line.bus.step(line.now)  # a question is on the line, the forger answers first
        line.give(piece)
        if step.send and data.draw(st.booleans()) and (answer := line.reader.feed(step.send)):
            line.give(answer)
        line.now += data.draw(st.sampled_from([0.001, 0.03, 0.3]))
    assert line.cards == []
    line.turn(3.0)  # and it finds its way back
    assert line.session.secured
    line.reader.card(CARD)
    line.turn(0.3)
    assert [card.number for card in line.cards] == ["1001"]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_recorded_traffic_changed_in_any_way_is_no_second_card(data: st.DataObject) -> None:
    line = Line()
    line.turn(0.1)
    line.traffic.clear()
    line.reader.card(CARD)
    line.reader.press("4711#")
    line.turn(0.2)
    assert len(line.cards) == 2
    line.told.clear()
    recorded = list(line.traffic)
    for _ in range(data.draw(st.integers(1, 20))):
        step = line.bus.step(line.now)
        raw = bytearray(data.draw(st.sampled_from(recorded)))
        if data.draw(st.booleans()):
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
            if data.draw(st.booleans()) and len(raw) > 8:
                raw[-2:] = frame.crc16(bytes(raw[:-2])).to_bytes(2, "little")
        line.give(bytes(raw))
        if step.send:
            line.reader.feed(step.send)
        line.now += 0.03
    assert line.cards == []


def test_cards_that_are_digits_and_lengths_nobody_knows() -> None:
    cards = CardDecoder(["h10301", "csn"])
    (card,) = cards.fmt(b"\0\0\x05A1234")
    assert card == CardRead("text", "", "A1234")
    (card,) = cards.raw(b"\0\0\x20\0\x01\x02\x03\x04")
    assert isinstance(card, CardRead) and (card.format, card.number) == ("csn", str(0x01020304))
    assert isinstance(CardDecoder(["h10301"]).raw(b"\0\0\x20\0\x01\x02\x03\x04")[0], BadRead)
    assert isinstance(cards.fmt(b"\0\0\x05A12")[0], BadRead)


def test_a_reader_takes_on_a_new_address_and_speed_and_a_busy_one_is_asked_again() -> None:
    line = Line()
    number = line.session.submit(bytes((Cmd.COMSET, 5, 0, 0xC2, 1, 0)), line.now)
    line.turn(0.1)
    done = [e for e in line.told if getattr(e, "id", None) == number]
    assert done and done[0].good and done[0].detail == "address 5, 115200 baud"
    step = line.bus.step(line.now + 1)
    line.now += 1
    line.give(frame.plain(1, 0, bytes((Reply.BUSY,)), reply=True))
    line.now += 0.1
    again = line.bus.step(line.now)
    assert step.send and again.send == step.send and line.session.stats.busy == 1
    line.give(line.reader.feed(again.send))
    line.turn(0.2)
    assert line.session.secured and line.session.stats.handshakes == 1


def test_an_order_that_could_not_be_sent_is_gone() -> None:
    line = Line()
    for _ in range(40):
        line.session.submit(bytes((Cmd.OUT, 0, 2, 0, 0)), line.now, 0.5)
    assert line.session.submit(bytes((Cmd.POLL,)), line.now) is None  # full
    line.now += 0.6  # nobody turned the bus meanwhile
    line.turn(0.3)
    assert line.reader.outputs == [False, False]
    line.bus.reset(line.now)
    assert line.session.submit(bytes((Cmd.OUT, 0, 2, 0, 0)), line.now) is None


def test_a_window_that_closes_in_the_middle_of_a_handshake_leads_nowhere() -> None:
    for wait in (0.0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008):
        reader, ours = SimulatedReader(1), session(1)
        bus, now = OsdpBus({1: ours}, 115200), 0.0
        ours.install(now, wait, bytes(16))
        while now < 1.0:
            step = bus.step(now)
            now += 0.001
            if step.send and (answer := reader.feed(step.send)):
                bus.feed(answer, now)
        assert not ours.installing
        # Either it was quick enough to take its key, or nothing came of it.
        assert ours.secured == (reader.key == bytes(16)) and ours.online == ours.secured
