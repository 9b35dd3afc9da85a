"""A message that the broker does not take for its size must not stop all that come after it.

MQTT 5 says it plainly: a limit in CONNACK, or reason 0x95 in an acknowledgement.  A broker of
3.1.1 just closes the connection, again and again.  Then the largest message that was under way is
the suspect, because if any was too large, that one was; after TRIES such ends of a connection, its
size counts as too large.  A message of less than SUSPECT_BYTES is never suspected, nor is one of a
size that this broker has taken before.
"""

from __future__ import annotations

TRIES = 3
SUSPECT_BYTES = 8 * 1024


class Sizes:
    """What this broker takes, in bytes of payload, as far as it has shown."""

    def __init__(self) -> None:
        self.refused: int | None = None
        """A message of this size or larger is not sent any more."""
        self._stated: int | None = None
        self._taken = SUSPECT_BYTES
        self._under_way: dict[int, int] = {}
        self._suspect = 0
        self._tries = 0

    def connected(self, stated: int | None) -> None:
        """A new connection; the broker states the largest packet that it takes, or nothing."""
        self._stated = stated
        self._under_way.clear()

    def too_large(self, topic: str, size: int) -> bool:
        """Whether the broker is known not to take a payload of `size` bytes on `topic`."""
        if self._stated is not None:
            # Fixed header (up to 5), length of the topic, packet id, no properties: section 3.3.
            return size + len(topic.encode()) + 10 > self._stated
        return self.refused is not None and size >= self.refused

    def sending(self, number: int, size: int) -> None:
        """A message is sent; `number` is any that tells it from others under way."""
        if size > self._taken:
            self._under_way[number] = size

    def taken(self, number: int) -> None:
        """The broker has acknowledged it."""
        size = self._under_way.pop(number, 0)
        if size > self._taken:
            self._taken = size
            if self.refused is not None and size >= self.refused:
                self.refused = None

    def not_taken(self, size: int) -> None:
        """The broker has refused a message for its size, in so many words."""
        self._taken = min(self._taken, size - 1)
        self.refused = size if self.refused is None else min(self.refused, size)

    def lost(self, *, said: bool) -> None:
        """The broker ended the connection; `said` if it named the size as the reason."""
        largest = max(self._under_way.values(), default=0)
        self._under_way.clear()
        if largest == 0:
            return
        self._tries = self._tries + 1 if largest == self._suspect else 1
        self._suspect = largest
        if said or self._tries >= TRIES:
            self.not_taken(largest)
            self._suspect = self._tries = 0
