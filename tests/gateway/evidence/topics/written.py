"""A log that tests write, and what a topic finds in it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config import Settings, load
from gateway.evidence.gather import gather
from gateway.evidence.model import Deviation, Figure, Found, Place, Row, Span, Topic
from gateway.evidence.spool import Spool
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.people.schema import open_admin

ZONE = ZoneInfo("America/Tijuana")
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
MONTH = Span(FIRST, LAST, ZONE)
NOON = datetime(2026, 10, 14, 12, tzinfo=ZONE)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
EXAMPLE = Path(__file__).parents[4] / "config" / "garita.toml"


def stamp(at: datetime) -> str:
    """A time as records have it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Seen:
    """What one topic found, with the rows that it put into the spool."""

    found: Found
    tables: dict[str, list[Row]]
    unreadable: list[int]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The cells of a table, row by row."""
        return [dict(row.cells) for row in self.tables[table]]

    def figure(self, key: str) -> Any:
        return self.figures[key].value

    @property
    def figures(self) -> dict[str, Figure]:
        made = {figure.key: figure for figure in self.found.figures}
        assert len(made) == len(self.found.figures)
        return made

    def rule(self, code: str) -> list[Deviation]:
        """The deviations of one rule."""
        return [one for one in self.found.deviations if one.rule == code]

    def rules(self) -> list[str]:
        return sorted(one.rule for one in self.found.deviations)


class Written:
    """A log in a folder, and the people.db whose outbox feeds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = self.example()
        self._waiting: list[NewEvent] = []

    @cached_property
    def people(self) -> sqlite3.Connection:
        """The list of people, empty."""
        path = self.folder / "people.db"
        path.write_bytes(_empty_list())
        return open_admin(path)

    @property
    def path(self) -> Path:
        """The log's file, with everything in it."""
        waiting, self._waiting = self._waiting, []
        path = self.folder / "ledger.db"
        if waiting:

            async def write(ledger: Ledger) -> None:
                for n in range(0, len(waiting), 200):  # each answer comes within 2 s
                    await asyncio.gather(*map(ledger.append, waiting[n : n + 200]))

            with closing(Ledger.open(path, gateway="gate-1")) as ledger:
                asyncio.run(write(ledger))
        return path

    @staticmethod
    @cache
    def example() -> Settings:
        """The settings of the example that is shipped."""
        return load(EXAMPLE)

    def put(self, kind: str, at: datetime, subject: str = "", /, **data: Any) -> None:
        """One record."""
        self.all([NewEvent(EventType(kind), subject, data, time=at)])

    def all(self, events: Iterable[NewEvent]) -> None:
        """Many records; the gateway's own writer takes them when somebody looks."""
        self._waiting += events

    def move(self, at: datetime) -> None:
        """Move the outbox into the log, recorded at `at`."""
        self.people.commit()
        rows = self.people.execute("SELECT id, type, subject, data FROM outbox").fetchall()
        self.all(
            NewEvent(EventType(kind), subject, json.loads(data), time=at, id=key)
            for key, kind, subject, data in rows
        )
        with self.people:
            self.people.execute("DELETE FROM outbox")

    def seen(self, kind: type[Topic], span: Span = MONTH, *, upto: datetime | None = None) -> Seen:
        """What a topic finds, as of the newest record (or `upto`)."""
        return see(self.path, self.settings, [kind], span, upto)[0]

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What SQL finds in the table of records."""
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute(statement, values).fetchall()

    def one(self, statement: str, *values: object) -> Any:
        """The one value that SQL finds."""
        ((value,),) = self.sql(statement, *values)
        return value


@cache
def _empty_list() -> bytes:
    """A people.db with nobody in it: it is made once, because its tables take a while."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.db"
        with closing(open_admin(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()


def see(
    path: Path,
    settings: Settings,
    kinds: Sequence[type[Topic]],
    span: Span = MONTH,
    upto: datetime | None = None,
) -> list[Seen]:
    """What topics find in a log."""
    spool = Spool(path.with_suffix(".spool"))
    path.with_suffix(".spool").unlink()  # open, and gone afterwards
    with closing(LedgerReader(path)) as reader, closing(spool):
        newest = reader.get(reader.last_seq)
        assert newest is not None
        as_of = upto or datetime.fromisoformat(newest.time)
        made = gather(reader.kept(), Place(settings, span, spool, as_of), kinds)
        return [
            Seen(
                found,
                {table.key: list(spool.rows(table.key)) for table in found.tables},
                made.unreadable,
            )
            for found in made.found.values()
        ]
