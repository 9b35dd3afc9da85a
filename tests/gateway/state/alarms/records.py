"""Records of alarms for tests: `Log` numbers them and keeps the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event
from gateway.state.alarms.book import Book
from gateway.state.alarms.model import Rules

START = datetime(2026, 11, 26, 13, 0, tzinfo=UTC)


class Log:
    """`add` makes the next record, `wait` lets seconds pass; `book` took all of them."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.now = START
        self.book = Book(rules)
        self.events: list[Event] = []

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def add(self, kind: str, subject: str = "yard", /, **data: Any) -> int:
        event = Event(
            len(self.events) + 1, f"e{len(self.events)}", utc_text(self.now), kind, subject, data,
            "", "",
        )  # fmt: skip
        self.events.append(event)
        self.book.apply(event)
        return event.seq

    def act(self, kind: str, alarm: int, /, by: str = "rosa", **data: Any) -> int:
        about = self.book.get(alarm)
        upto = about.seq if about else alarm
        return self.add(kind, "yard", **{"alarm": alarm, "upto": upto, "by": by, **data})

    def open(self, secret: bool = True) -> list[int]:
        return [one.id for one in self.book.open(self.now, secret)]

    def calling(self) -> list[int]:
        return [one.id for one in self.book.calling(self.now)]
