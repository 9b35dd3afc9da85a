"""A card that is held to a reader is one reading, not one every tenth of a second."""

from __future__ import annotations

from drivers.base import CardRead


class HoldOff:
    """Passes a card on unless it was seen less than `seconds` ago; each sighting counts."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._card: CardRead | None = None
        self._seen_at = 0.0

    def passes(self, card: CardRead, now: float) -> bool:
        """Whether `card`, seen at monotonic `now`, is news."""
        held = card == self._card and now - self._seen_at < self._seconds
        self._card, self._seen_at = card, now
        return not held
