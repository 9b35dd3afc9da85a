"""The commands that wait for one reader: one queue, in the order in which they go out.

An order to an output goes ahead of what the reader shows, because a door waits for it.  What the
reader is to show now takes the place of what it was to show before and did not get yet.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from drivers.readers.osdp.messages import Cmd

LIMIT = 32


@dataclass(slots=True)
class Command:
    """A command for a reader.  The session drops it when it was not sent by `expires_at`
    (monotonic seconds).  `then` is the payload of a question to send once the reader has carried
    the command out."""

    payload: bytes
    expires_at: float
    then: bytes = b""
    id: int = field(default_factory=itertools.count(1).__next__)

    @property
    def code(self) -> int:
        """The command's code byte."""
        return self.payload[0]


class CommandQueue:
    """At most `LIMIT` waiting commands."""

    def __init__(self) -> None:
        self._waiting: list[Command] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __iter__(self) -> Iterator[Command]:
        return iter(self._waiting)

    @property
    def full(self) -> bool:
        return len(self._waiting) >= LIMIT

    def add(self, command: Command) -> None:
        """Queue a command: an order to an output behind other such orders and ahead of the
        rest, anything else at the end."""
        place = len(self._waiting)
        if command.code == Cmd.OUT:
            shown = (n for n, waiting in enumerate(self._waiting) if waiting.code in _SHOWN)
            place = next(shown, place)
        self._waiting.insert(place, command)

    def show(self, payloads: Sequence[bytes], expires_at: float) -> None:
        """Queue what the reader is to show, in place of what it was to show before."""
        self.take_out(_SHOWN)
        for payload in payloads:
            if not self.full:
                self.add(Command(payload, expires_at))

    def put_back(self, command: Command) -> None:
        """Queue a command ahead of all others: it was sent, and nobody knows whether the reader
        heard it."""
        self._waiting.insert(0, command)

    def next(self) -> Command | None:
        """Take the next command, if one waits."""
        return self._waiting.pop(0) if self._waiting else None

    def take_out(self, codes: Container[int]) -> list[Command]:
        """Remove the commands with these codes; returns them."""
        out = [command for command in self._waiting if command.code in codes]
        self._waiting = [command for command in self._waiting if command.code not in codes]
        return out

    def take_expired(self, now: float) -> list[Command]:
        """Remove the commands whose time is over at monotonic `now`; returns them."""
        out = [command for command in self._waiting if command.expires_at < now]
        if out:
            self._waiting = [command for command in self._waiting if command.expires_at >= now]
        return out

    def take_all(self) -> list[Command]:
        """Remove every command; returns them."""
        out, self._waiting = self._waiting, []
        return out


_SHOWN = frozenset((Cmd.LED, Cmd.BUZ, Cmd.TEXT))
