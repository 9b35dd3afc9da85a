"""A gate for the tests of topics: real acts at the desk, at the times that a test names, become the
records of a real log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway import config
from gateway.desk import partners
from gateway.desk.freight import arrivals, departures, inspections, loading, seals, store
from gateway.desk.freight.act import Act
from gateway.desk.freight.findings import required
from gateway.desk.freight.inspections import Answers
from gateway.desk.freight.settings import freight_policy
from gateway.desk.freight.transaction import Expected, PointAnswer, Transaction, Unit, Vvtt
from gateway.desk.identity import Shown
from gateway.desk.partners import Partner
from gateway.desk.second import Second
from gateway.evidence.gather import Gathered, gather
from gateway.evidence.model import Found, Place, Row, Span, Topic
from gateway.evidence.spool import Spool
from gateway.ledger import chain
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.kept import Kept
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin

ROOT = Path(__file__).parents[4]
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
START = datetime(2026, 10, 5, 15, 0, tzinfo=UTC)
MIN, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ALL = Vvtt(True, True, True, True)
LAURA = Second("laura-account", "e9", "Laura Gil")
NORTE = Partner("Transportes Norte", "carrier", "ctpat", "SVI-9", None, date(2027, 5, 31))


class Gate:
    """People.db, the records of what was done at it, and the time that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = config.load(ROOT / "config" / "one-door.toml")
        self.policy = freight_policy(self.settings)
        self.db = open_admin(folder / "people.db")
        self.now = START - 10 * DAY
        self.kept: list[Kept] = []
        self._moved = 0
        partners.put(self.db, NORTE, self.policy.partners, by=Operator("boss"), now=self.now)
        self.receive("AB100000..AB100999")
        self.now = START

    def close(self) -> None:
        self.db.close()

    # Time and records

    def move(self) -> None:
        """Take what the acts put into the outbox as records of now."""
        rows = self.db.execute(
            "SELECT rowid, id, type, subject, data FROM outbox WHERE rowid > ? ORDER BY rowid",
            (self._moved,),
        ).fetchall()
        for at, key, kind, subject, data in rows:
            self._moved = at
            self.write(EventType(kind), subject, json.loads(data), key)

    def write(
        self, kind: str, subject: str, data: Mapping[str, Any], key: str = "", at: str = ""
    ) -> int:
        """A record of now, as the daemon would write it; returns its number."""
        seq = len(self.kept) + 1
        event = NewEvent(kind, subject, data)  # type: ignore[arg-type]
        body = chain.body_of(event, key or f"x-{seq}", self.now)
        prev = self.kept[-1].hash if self.kept else chain.GENESIS
        self.kept.append(Kept(seq, body, chain.link(prev, seq, chain.digest_of(body)), prev))
        return seq

    def note(self, kind: EventType, subject: str = "", /, **data: Any) -> int:
        """A record of now of something that no desk does."""
        self.move()
        return self.write(kind, subject, data)

    def act(self, by: str = "desk") -> Act:
        return Act(self.db, self.policy, by=Operator(by), now=self.now)

    def log(self) -> sqlite3.Connection:
        """The same records as ledger.db has them, for SQL."""
        self.move()
        log = sqlite3.connect(self.folder / "ledger.db")
        log.executescript("DROP TABLE IF EXISTS events;" + chain.SCHEMA)
        log.executemany(
            "INSERT INTO events (seq, body, hash) VALUES (?, ?, ?)",
            [(one.seq, one.body, one.hash) for one in self.kept],
        )
        log.commit()
        return log

    # Trucks

    def receive(self, numbers: str, by: str = "boss", seal_class: str = "H") -> None:
        seals.receive(
            self.db,
            seals.numbers([numbers]),
            seal_class=seal_class,
            certificate="T-1",
            by=by,
            now=self.now,
        )
        self.move()

    def expect(self, **other: Any) -> Transaction:
        told = {
            "eta": self.now,
            "driver": "Juan Pérez",
            "carrier": "Transportes Norte",
            "tractor": "AB123C",
            "units": ("5301",),
        }
        tx = arrivals.expect(self.act(), Expected(**{**told, **other}))
        self.move()
        return tx

    def arrive(self, number: int | None = None, **other: Any) -> Transaction:
        came = {
            "driver": "Juan Pérez",
            "carrier": "Transportes Norte",
            "tractor": "AB-123-C",
            "tractor_number": "118",
            "units": (Unit("trailer", "5301"),),
            "shown": Shown("licence"),
        }
        tx = arrivals.arrive(self.act(), number, arrivals.Came(**{**came, **other}))
        self.move()
        return tx

    def comes(self, **other: Any) -> Transaction:
        """Announced and arrived as announced."""
        return self.arrive(self.expect().id, **other)

    def look(
        self, number: int, checklist: str, unit: str, *, again: bool = False, **bad: str
    ) -> Transaction:
        """An inspection at the pace of somebody who looks: a minute a point."""
        points = self.policy.checklists.lists[checklist].points
        for index, point in enumerate(points):
            found = PointAnswer(point.id, "bad" if point.id in bad else "ok", bad.get(point.id, ""))
            told = Answers(checklist=checklist, points=[found], inspector="Rosa", unit=unit)
            tx = inspections.inspect(
                self.act("rosa-account"), number, told, again=again and not index
            )
            self.now += MIN
            self.move()
        return tx

    def inspect(self, number: int, sign: bool = True) -> None:
        for name, unit in required(store.load(self.db, number), self.policy):
            self.look(number, name, unit)
        if sign:
            self.sign(number)

    def sign(self, number: int, by: Second = LAURA) -> None:
        inspections.sign(self.act("laura-account"), number, supervisor=by)
        self.move()

    def load(self, number: int, seal: str, *, on_paper: str | None = None) -> None:
        loading.load(self.act(), number)
        self.move()
        self.now += 30 * MIN
        paper = [arrivals.document("bill_of_lading=BL-1")]
        seals_named = [seal if on_paper is None else on_paper]
        loading.load(self.act(), number, done=True, documents=paper, document_seals=seals_named)
        self.move()

    def seal(self, number: int, seal: str, vvtt: Vvtt = ALL) -> None:
        loading.affix(self.act(), number, seal, vvtt=vvtt)
        self.move()

    @contextmanager
    def stopped(self, error: type[Exception]) -> Iterator[None]:
        """What is done inside it is stopped, and the try is on record."""
        try:
            yield
        except error:
            self.move()
        else:
            raise AssertionError("it was not stopped")

    def leave(self, number: int, drawn: bool = False) -> Transaction:
        tx = departures.depart(self.act(), number, chance=lambda percent: drawn)
        self.move()
        return tx

    def release(self, number: int, reason: str = "called the carrier", **other: Any) -> None:
        departures.release(
            self.act("laura-account"), number, supervisor=LAURA, reason=reason, **other
        )
        self.move()

    def turn_away(self, number: int, reason: str = "not ours") -> None:
        arrivals.turn_away(self.act(), number, reason=reason)
        self.move()

    def whole(self, seal: str, **other: Any) -> int:
        """A truck from the announcement to the departure; returns its number."""
        number = self.comes(**other).id
        self.inspect(number)
        self.load(number, seal)
        self.now += MIN
        self.seal(number, seal)
        self.now += MIN
        self.leave(number)
        return number

    # What the topics find

    def found(
        self,
        kind: type[Topic],
        first: date = FIRST,
        last: date = LAST,
        kept: Iterable[Kept] | None = None,
    ) -> Seen:
        self.move()
        spool = Spool(self.folder / f"spool-{len(list(self.folder.glob('spool*')))}")
        span = Span(first, last, self.settings.site.zone)
        place = Place(self.settings, span, spool, self.now)
        gathered = gather(self.kept if kept is None else kept, place, [kind])
        return Seen(gathered, gathered.found[kind.key], spool)


class Seen:
    """What a topic found, for short asserts."""

    def __init__(self, gathered: Gathered, found: Found, spool: Spool) -> None:
        self.gathered, self.found, self.spool = gathered, found, spool

    @property
    def figures(self) -> dict[str, Any]:
        return {one.key: one.value for one in self.found.figures}

    @property
    def rules(self) -> list[str]:
        return [one.rule for one in self.found.deviations]

    def rows(self, table: str) -> list[Row]:
        return list(self.spool.rows(table))

    def cells(self, table: str) -> list[Mapping[str, Any]]:
        return [row.cells for row in self.rows(table)]


def begins(day: date, gate: Gate) -> str:
    """The first moment of a local day, as records have times."""
    return Span(day, day, gate.settings.site.zone).begin


def sql(log: sqlite3.Connection, text: str, *values: object) -> Sequence[Any]:
    """The first row of an answer."""
    return log.execute(text, values).fetchone()
