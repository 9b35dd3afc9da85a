"""What the console itself does, for the log: who signed in, who was refused, whose account changed.

An event waits in console.db until the list's outbox has it, so a sign-in is on record also if it
happens while the gateway is stopped.  It has an id of its own, under which the gateway records it
exactly once.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.console.security.database import Database
from gateway.ledger.event import EventType
from gateway.ledger.operator import with_person
from gateway.people import RosterUnavailable
from gateway.people.schema import now_text, open_admin
from gateway.vault.statefile import log_damage

MOST = 10_000
"""So many events wait at most; the oldest go first.  The limits on sign-ins make some thousand a
day of a flood."""


class Notes:
    """Events of the console: `db` is its own file, `people` the path of people.db."""

    def __init__(self, db: Database, people: Path) -> None:
        self._db, self._people = db, people

    def put(self, kind: EventType, subject: str, data: Mapping[str, Any]) -> None:
        """Keep an event, and hand it on if the list can be written.  Blocks."""
        text = json.dumps(with_person(data), ensure_ascii=False)
        with self._db.transaction():
            self._keep(kind, subject, text)
            self._db.do("DELETE FROM note WHERE rowid <= (SELECT max(rowid) FROM note) - ?", MOST)
        self.hand_on()

    def _keep(self, kind: EventType, subject: str, text: str) -> None:
        self._db.do(
            "INSERT INTO note (id, type, subject, data) VALUES (?, ?, ?, ?)",
            str(uuid.uuid4()),
            kind.value,
            subject,
            text,
        )

    def look(self) -> None:
        """Put on record which files of the console were found damaged, and what waits besides.
        Blocks."""
        damages = [*self._db.damages]
        for damage in damages:
            data = {"detail": damage.detail, "done": damage.done, "aside": damage.aside}
            self._keep(EventType.STATE_DAMAGED, damage.file, json.dumps(data))
            log_damage(damage)
        del self._db.damages[: len(damages)]
        self.hand_on()

    def hand_on(self) -> bool:
        """Put what waits into the list's outbox; returns whether nothing waits now.  Blocks."""
        waiting = self._db.all("SELECT id, type, subject, data FROM note ORDER BY rowid LIMIT 500")
        if not waiting:
            return True
        try:
            with closing(open_admin(self._people)) as people, people:
                people.executemany(
                    "INSERT OR IGNORE INTO outbox (id, created_at, type, subject, data) "
                    "VALUES (?, ?, ?, ?, ?)",
                    [(key, now_text(), *rest) for key, *rest in waiting],
                )
        except (RosterUnavailable, sqlite3.Error, OSError):
            return False
        with self._db.transaction():
            for key, *_rest in waiting:
                self._db.do("DELETE FROM note WHERE id = ?", key)
        return True
