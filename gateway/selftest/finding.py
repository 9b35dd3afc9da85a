"""What a look at the box found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.locale import Message


class State(StrEnum):
    """How good a thing is; UNKNOWN is what can't be found out from here."""

    GOOD = "good"
    UNKNOWN = "unknown"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` is a code for scripts, `what` the thing, as people call it."""

    name: str
    what: str
    state: State
    said: Message | str


def good(name: str, what: str, said: Message | str) -> Finding:
    """A thing that is as it should be."""
    return Finding(name, what, State.GOOD, said)


def bad(name: str, what: str, said: Message | str) -> Finding:
    """A thing that has to be mended."""
    return Finding(name, what, State.BAD, said)


def warn(name: str, what: str, said: Message | str) -> Finding:
    """A thing that somebody should look at."""
    return Finding(name, what, State.WARN, said)


def unknown(name: str, what: str, said: Message | str) -> Finding:
    """A thing that can't be found out."""
    return Finding(name, what, State.UNKNOWN, said)
