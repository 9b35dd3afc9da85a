"""The keys that one reader may hold, and the window in which it gets a new one.

While a window is open, handshakes try the default key and the reader's own keys by turns: a reader
may have taken a key whose answer was lost, or may have been reset meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence


class KeyRing:
    """`keys` are the reader's own keys to try, newest last; empty before the first install."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.keys = list(keys)
        self.new: bytes | None = None  # the key that the open window hands over
        self._until = 0.0
        self._default_next = False

    def open_window(self, new_key: bytes, until: float, *, default_first: bool) -> None:
        """Hand over `new_key` until monotonic time `until` (seconds)."""
        self.new = new_key
        self._until = until
        # When its answer is lost, or this program dies, the reader may hold the new key or an
        # older one.
        self.keys.append(new_key)
        self._default_next = default_first

    def expired(self, now: float) -> bool:
        """Whether the window has just run out; it is closed then."""
        if self.new is None or now < self._until:
            return False
        self.new = None
        return True

    def end_window(self, now: float) -> None:
        """Let the window run out at `now`."""
        self._until = min(self._until, now)

    def close_window(self) -> None:
        """The reader refused the new key."""
        self.new = None

    @property
    def until(self) -> float:
        """When the window closes (monotonic seconds)."""
        return self._until

    def wants_default(self, now: float) -> bool:
        """Whether the next handshake tries the default key: only in an open window, by turns."""
        return self.new is not None and now < self._until and self._default_next

    def other_kind_next(self) -> None:
        """The last handshake failed: let the next one try the other kind of key."""
        self._default_next = not self._default_next

    def is_news(self, key: bytes) -> bool:
        """Whether a proof of `key` tells more than a normal handshake does."""
        return key == self.new or key in self.keys[1:]

    def holds(self, key: bytes) -> None:
        """The reader said or proved that it holds `key`: the others are of no use any more."""
        self.keys = [key]
        if self.new == key:
            self.new, self._until = None, 0.0
        elif self.new is not None:  # a later window is open
            self.keys.append(self.new)
