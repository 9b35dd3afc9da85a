"""What a reader reports by itself, as values: cards, keys, tamper, inputs."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.base import (
    BadRead,
    BadReadReason,
    CardRead,
    DeviceEvent,
    InputState,
    Keys,
    LinkStats,
    Tamper,
)
from drivers.readers.holdoff import HoldOff
from drivers.readers.osdp import messages
from drivers.readers.osdp.cards import CardDecoder
from drivers.readers.osdp.messages import Reply


class Reports:
    """`hold_off_s` is how long (seconds) a held card counts as one reading."""

    def __init__(self, cards: CardDecoder, hold_off_s: float, stats: LinkStats) -> None:
        self._cards = cards
        self._hold_off = HoldOff(hold_off_s)
        self._stats = stats

    def read(self, code: int, data: bytes, now: float, *, fresh: bool) -> Sequence[DeviceEvent]:
        """The events in a reply.  Not `fresh`: the reader may have kept the data while the line
        was down, so a card is a bad read and keys are dropped."""
        if code in (Reply.RAW, Reply.FMT):
            if not fresh:
                return [BadRead(BadReadReason.STALE, len(data))]
            found = self._cards.raw(data) if code == Reply.RAW else self._cards.fmt(data)
            return [
                r for r in found if not isinstance(r, CardRead) or self._hold_off.passes(r, now)
            ]
        if code == Reply.KEYPAD:
            pressed = messages.keys(data)
            return [Keys(pressed)] if pressed and fresh else []
        if code == Reply.LSTATR and len(data) == 2:
            self._stats.power_fault = bool(data[1])
            return [Tamper(bool(data[0]))]
        if code == Reply.RSTATR and data:
            return [Tamper(data[0] == 2)]
        if code == Reply.ISTATR:
            return [InputState(n, bool(value)) for n, value in enumerate(data, 1)]
        return []
