"""Keeps what topics collect of each truck, by the number that its records carry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Generic, TypeVar

from gateway.evidence.model import Personal
from gateway.evidence.taking import inner, number, text
from gateway.ledger.event import Event, EventType
from gateway.locale import Message
from gateway.wording.text import duration

T = TypeVar("T")
OVER = frozenset({EventType.FREIGHT_DEPARTED, EventType.FREIGHT_TURNED_AWAY})


class ByTruck(Generic[T]):
    """One `T` a truck, in the order in which they were first heard of; `make` makes one of the
    truck's number.

    A number is used again if its row was deleted from people.db: an announcement, or a second
    arrival, begins another truck.
    """

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make
        self._at: dict[int, int] = {}
        self._arrived: set[int] = set()
        self._all: dict[int, T] = {}
        self._made = 0

    def known(self, event: Event) -> T | None:
        """The truck that a record is about, if it is known.  Raises Odd."""
        place = self._at.get(number(event.data, "freight"))
        return None if place is None else self._all[place]

    def of(self, event: Event) -> T:
        """The truck that a record is about, a new one if it is not known.  Raises Odd."""
        which = number(event.data, "freight")
        arrives = event.type == EventType.FREIGHT_ARRIVED
        again = event.type == EventType.FREIGHT_EXPECTED or (arrives and which in self._arrived)
        if again or which not in self._at:
            self._arrived.discard(which)
            self._made += 1
            self._at[which] = self._made
            self._all[self._made] = self._make(which)
        if arrives:
            self._arrived.add(which)
        return self._all[self._at[which]]

    def leave(self, event: Event) -> None:
        """Whatever comes of this number from now on is of another truck."""
        self._at.pop(number(event.data, "freight"), None)
        self._arrived.discard(number(event.data, "freight"))

    def forget(self, event: Event) -> None:
        """The truck is gone and nothing of it is asked any more."""
        which = number(event.data, "freight")
        place = self._at.pop(which, None)
        if place is not None:
            del self._all[place]
            self._arrived.discard(which)

    def __iter__(self) -> Iterator[T]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)


def plates(data: Mapping[str, Any]) -> str:
    """The truck as a record names it: the economic number and the plates."""
    return " / ".join(filter(None, (text(data, "tractor_number"), text(data, "tractor"))))


def middle(values: Sequence[float]) -> float | None:
    """The median, to a tenth; None for none."""
    return round(median(values), 1) if values else None


def objects(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list; [] if there is none."""
    value = data.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def flag(data: Mapping[str, Any], key: str) -> bool:
    """Whether a value is true; a value that is not a flag is not."""
    return data.get(key) is True


def supervisor(data: Mapping[str, Any]) -> Personal:
    """The second person of a release, a signature or a check, by name."""
    second = inner(data, "second")
    return Personal(text(second, "name") or text(second, "account") or text(data, "supervisor"))


def offset(cell: Any) -> str:
    """Seconds before ("-") or after ("+") a time; None stays empty."""
    if not isinstance(cell, int | float):
        return ""
    return f"{'-' if cell < 0 else '+'}{duration(abs(cell))}"


def in_words(known: Mapping[str, Message]) -> Callable[[Any], str]:
    """A code, or a list of them, by the words of `known`; another one stays as it is."""

    def say(cell: Any) -> str:
        if isinstance(cell, list | tuple):
            return ", ".join(map(say, cell))
        return known[cell].say() if cell in known else str(cell)

    return say
