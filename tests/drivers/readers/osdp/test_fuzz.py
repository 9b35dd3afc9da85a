"""The control panel given anything: recorded traffic changed, cut, doubled and forged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import BadRead, CardRead, CommandDone, KeyInstalled, Keys
from drivers.readers import wiegand
from drivers.readers.osdp import OsdpBus, frame
from drivers.readers.osdp.cards import CardDecoder
from drivers.readers.osdp.messages import Cmd, Nak, Reply
from drivers.readers.osdp.session import Step
from drivers.simulated.osdp import SimulatedReader
from tests.drivers.readers.osdp.panel import session
from tests.drivers.readers.osdp.peer import KEY

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


# Keys, when an answer is lost on the way


class Fresh(Line):
    """A reader which has no key yet, and a panel that may lose its answers."""

    def __init__(self, key: bytes | None = None, *keys: bytes) -> None:
        self.reader, self.session = SimulatedReader(1, key), session(1, *keys)
        self.bus = OsdpBus({1: self.session}, 115200)
        self.now, self.told, self.traffic = 0.0, [], []

    def lose_answer_to_keyset(self, seconds: float) -> None:
        """Its power goes just after it took the key."""
        before, end = self.reader.key, self.now + seconds
        while self.now < end:
            step = self.bus.step(self.now)
            self.told += [e.event for e in step.events]
            answer = self.reader.feed(step.send) if step.send else b""
            if self.reader.key != before:
                self.reader.power_cycle()
                return
            if answer:
                self.give(answer)
            self.now = max(self.now + 0.001, min(step.wake_at, end))
        raise AssertionError("no key was sent")

    def keys_told(self) -> list[tuple[bool, bytes]]:
        return [(e.done, e.key) for e in self.told if isinstance(e, KeyInstalled)]


K1, K2 = b"1" * 16, b"2" * 16


@pytest.mark.parametrize("held", [None, KEY])
def test_a_key_whose_answer_was_lost_is_found_in_the_window(held: bytes | None) -> None:
    line = Fresh(held, *filter(None, [held]))
    line.turn(0.5)
    line.session.install(line.now, 60, K1)
    line.lose_answer_to_keyset(1.0)
    line.turn(4.0)
    assert line.session.secured and not line.session.installing
    assert line.keys_told() == [(True, K1)]


def test_two_windows_one_after_the_other_leave_the_key_that_the_reader_has() -> None:
    line = Fresh(KEY, KEY)
    line.turn(0.5)
    line.session.install(line.now, 60, K1)
    line.session.install(line.now, 60, K2)
    line.turn(2.0)
    assert line.session.secured and line.reader.key == K2 and line.keys_told()[-1] == (True, K2)
    line = Fresh()
    line.turn(0.5)
    line.session.install(line.now, 60, K1)
    line.lose_answer_to_keyset(1.0)
    line.session.install(line.now, 60, K2)
    line.turn(4.0)
    assert line.session.secured and line.reader.key == K2 and line.keys_told()[-1] == (True, K2)


def test_after_a_restart_the_key_that_the_reader_proves_is_the_only_one() -> None:
    line = Fresh(K1, KEY, K1)  # the gateway died before it heard the answer
    line.turn(0.5)
    assert line.session.secured and line.keys_told() == [(True, K1)]
    line.reader.key = KEY
    line.reader.power_cycle()
    line.turn(4.0)
    assert not line.session.online  # the one before counts no more


def test_a_reader_that_loses_its_session_in_a_window_is_back_within_2_s() -> None:
    line = Fresh(KEY, KEY)
    line.turn(0.5)
    line.reader.power_cycle()
    line.session.install(line.now, 600, K1)
    line.turn(2.0)
    assert line.session.secured and line.reader.key == K1


def test_a_refused_key_ends_the_session_under_the_default_key() -> None:
    line = Fresh()
    line.turn(0.5)
    true = line.reader._do
    line.reader._do = lambda code, data: (  # type: ignore[method-assign]
        bytes((Reply.NAK, Nak.UNABLE)) if code == Cmd.KEYSET else true(code, data)
    )
    line.session.install(line.now, 60, K1)
    line.turn(2.0)
    assert line.keys_told() == [(False, b"")]
    polls = line.session.stats.polls
    line.turn(2.0)
    assert line.session.stats.polls == polls and line.session.step is not Step.ONLINE


def test_an_answer_to_a_key_after_the_window_counts_and_raises_nothing() -> None:
    line = Fresh(KEY, KEY)
    line.turn(0.5)
    line.session.install(line.now, 0.05, K1)
    step = line.bus.step(line.now)
    while not (step.send and (answer := line.reader.feed(step.send)) and line.reader.key == K1):
        line.give(answer) if step.send else None
        line.now += 0.001
        step = line.bus.step(line.now)
    line.told += [e.event for e in line.bus.step(line.now + 0.06).events]
    line.session.expire(line.now + 0.06)
    line.give(answer)
    line.turn(1.0)
    assert line.session.secured and line.session._ring.keys == [K1]


def test_every_order_ends_and_an_old_one_is_not_heard() -> None:
    line = Line()
    number = line.session.submit(bytes((Cmd.OUT, 0, 2, 0, 0)), line.now, 0.5)
    others = [line.session.submit(bytes((Cmd.OSTAT,)), line.now, 0.5) for _ in range(3)]
    end = line.now + 0.9
    while line.now < end:  # not a word of it arrives
        step = line.bus.step(line.now)
        line.told += [e.event for e in step.events]
        line.now += 0.01
    line.turn(1.5)
    done = [(e.id, e.good) for e in line.told if isinstance(e, CommandDone)]
    assert {(number, False), *((n, False) for n in others)} <= set(done)
    assert line.reader.outputs == [False, False] and line.session.secured
    line.told.clear()
    number = line.session.submit(bytes((Cmd.OSTAT,)), line.now)
    line.bus.step(line.now)
    line.told += [e.event for e in line.bus.reset(line.now)]
    assert [(e.id, e.good) for e in line.told if isinstance(e, CommandDone)] == [(number, False)]


def test_busy_in_step_is_no_answer() -> None:
    line = Line()
    true, busy = line.reader._do, [True]
    line.reader._do = lambda code, data: (  # type: ignore[method-assign]
        bytes((Reply.BUSY,)) if code == Cmd.OUT and busy and busy.pop() else true(code, data)
    )
    line.session.submit(bytes((Cmd.OUT, 0, 2, 0, 0)), line.now)
    line.turn(0.5)
    assert line.reader.outputs == [True, False] and line.session.stats.busy == 1
