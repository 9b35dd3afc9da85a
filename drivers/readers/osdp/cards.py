"""Cards as an OSDP reader sends them: bits, which are decoded here, or characters."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.base import BadRead, BadReadReason, CardRead
from drivers.readers import wiegand
from drivers.readers.osdp import messages

CSN = "csn"
"""All bits of a card as one number, for cards whose format is not known."""


class CardDecoder:
    """`formats` are names of Wiegand formats, at most one for each length, and perhaps `csn`."""

    def __init__(self, formats: Sequence[str]) -> None:
        self._by_length = {wiegand.FORMATS[n].length: n for n in formats if n != CSN}
        self._csn = CSN in formats

    def raw(self, data: bytes) -> Sequence[CardRead | BadRead]:
        """The data of a RAW reply."""
        bits = messages.raw_card(data)
        if bits is None:
            return [BadRead(BadReadReason.FRAMING, len(data))]
        name = self._by_length.get(len(bits))
        if name is not None:
            return [wiegand.decode(bits, name)]
        if self._csn:
            return [CardRead(CSN, "", str(int(bits, 2)), bits)]
        return [BadRead(BadReadReason.NO_MATCH, len(bits))]

    def fmt(self, data: bytes) -> Sequence[CardRead | BadRead]:
        """The data of an FMT reply: characters that the reader made of the card."""
        characters = messages.formatted_card(data)
        if characters is None:
            return [BadRead(BadReadReason.FRAMING, len(data))]
        return [CardRead("text", "", characters)]
