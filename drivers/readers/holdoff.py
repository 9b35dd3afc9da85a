"""Makes one reading of a card that somebody holds to a reader."""

from __future__ import annotations

from drivers.base import CardRead


class HoldOff:
    """Drops a card that the reader saw less than `seconds` ago.  Each time it is seen, the time
    starts again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._card: CardRead | None = None
        self._seen_at = 0.0

    def passes(self, card: CardRead, now: float) -> bool:
        """Whether `card`, seen at monotonic `now` (seconds), is a new reading."""
        held = card == self._card and now - self._seen_at < self._seconds
        self._card, self._seen_at = card, now
        return not held
