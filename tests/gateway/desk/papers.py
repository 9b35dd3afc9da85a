"""A site with a log and people.db for tests of documents and reviews."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gateway import config
from gateway.desk import documentfile, documents
from gateway.desk.documentlist import Register, Registered, register_of
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin

LAURA = Operator("lgil", person="e9", name="Laura Gil", roles=frozenset({"supervisor"}))
TODAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
CONFIG = """
[site]
gateway = "yard-1"
timezone = "America/Tijuana"
data_dir = "data"
key_file = "site.key"

[readers.main-in]
driver = "rdm6300"
port = "/dev/ttyX0"

[locks.board]
driver = "lcus"
port = "/dev/ttyX1"
options = { channels = 1 }

[doors.main-gate]
mode = "badge"
fail = "secure"
reader = "main-in"
lock = "board"
channel = 1
"""


class Site:
    """`attach`, `retire` and others act as at the desk; `record` moves acts into the log."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        path = folder / "garita.toml"
        path.write_text(CONFIG + more, encoding="utf-8")
        self.settings = config.load(path)
        self.db = open_admin(self.settings.people_path)
        self.reader = LedgerReader(self.settings.ledger_path)
        self._ledger().close()  # which writes the log's first record

    def close(self) -> None:
        self.reader.close()
        self.db.close()

    def append(self, kind: str, subject: str, at: datetime = NOW, /, **data: Any) -> None:
        with closing(self._ledger()) as ledger:
            ledger.append_sync(NewEvent(EventType(kind), subject, data, time=at))

    def record(self, at: datetime = NOW) -> None:
        rows = outbox(self.db)
        with closing(self._ledger()) as ledger, self.db:
            for key, kind, subject, data in rows:
                ledger.append_sync(NewEvent(EventType(kind), subject, data, time=at, id=key))
            self.db.execute("DELETE FROM outbox")

    def waiting(self) -> list[tuple[str, dict[str, Any]]]:
        return [(kind, data) for _key, kind, _subject, data in outbox(self.db)]

    def attach(
        self, *criteria: str, data: bytes = PDF, title: str = "Visitors", **more: Any
    ) -> Registered:
        file = documentfile.content((data,), any_kind=more.pop("any_kind", False))
        about = documents.About(title, criteria or ("10.2",), **more)
        return documents.attach(
            self.settings, self.db, self.reader, file, about, by=LAURA, today=TODAY
        )

    def retire(self, key: str, reason: str = "no longer used") -> Registered:
        return documents.retire(self.db, self.reader, key, reason, by=LAURA)

    def register(self) -> Register:
        return register_of(self.reader, self.db)

    def _ledger(self) -> Ledger:
        return Ledger.open(
            self.settings.ledger_path,
            gateway="yard-1",
            complete=self.settings.criteria.completed,
        )


def outbox(db: sqlite3.Connection) -> list[tuple[str, str, str, dict[str, Any]]]:
    rows = db.execute("SELECT id, type, subject, data FROM outbox ORDER BY rowid")
    return [(key, kind, subject, json.loads(data)) for key, kind, subject, data in rows]
