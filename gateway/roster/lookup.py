"""The daemon's view of the list: a look-up by credential in SQLite, and nothing kept.

Each look-up is one statement, so it sees one version of the list and never a mix; a sync
that is applied is in force at the next badge.  Standard library and `gateway.model` only.
Whatever is wrong with the file raises RosterUnavailable, which the gate turns into a denial.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from gateway.model import Credential, NewEvent, Person, PersonStatus

SCHEMA_VERSION = 3

# A temporary badge of a visit is looked for beside the list.  If both name the same badge it is
# nobody's: neither the employee nor the visitor, since nothing says which of them holds it.
_FIND = """
SELECT (SELECT max(number) FROM list_version),
       coalesce(p.id, v.person_id), coalesce(p.name, v.name), coalesce(p.company, v.company),
       coalesce(p.role, v.role), p.valid_from, p.valid_until,
       coalesce(p.status, CASE WHEN v.key IS NOT NULL THEN 'active' END), r.at,
       coalesce(p.access_levels, v.access_levels), v.until,
       (SELECT count(*) FROM template t WHERE t.person_id = p.id),
       EXISTS (SELECT 1 FROM pin WHERE pin.person_id = p.id)
  FROM (SELECT ? AS wanted)
  LEFT JOIN credential c ON c.key = wanted
  LEFT JOIN visit_badge b ON b.key = wanted
  LEFT JOIN person p ON p.id = c.person_id AND b.key IS NULL
  LEFT JOIN visit_badge v ON v.key = b.key AND c.key IS NULL
  LEFT JOIN revocation r ON r.person_id = coalesce(p.id, v.person_id)
"""


class RosterUnavailable(Exception):
    """The list can't be read; nobody is known to be on it."""


@dataclass(frozen=True, slots=True)
class Found:
    """Who holds a credential (None: nobody), how many face templates they have enrolled,
    which version of the list says so (0: no list was ever applied), and whether they have a
    PIN."""

    person: Person | None = None
    templates: int = 0
    list_version: int = 0
    has_pin: bool = False


@dataclass(frozen=True, slots=True)
class ListVersion:
    """A list that was applied: when (RFC 3339, UTC), from what, how many people."""

    number: int
    applied_at: str
    source: str
    total: int


@dataclass(frozen=True, slots=True)
class SealedTemplate:
    """An enrolled face, encrypted; `model` names the embedder that made it."""

    id: str
    model: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SealedPin:
    """A person's PIN as argon2id made it of the peppered digits (gateway/pin.py), and the one
    that they type under threat, if they have one."""

    hash: str = field(repr=False)  # hashes stay out of logs and tracebacks
    duress_hash: str | None = field(default=None, repr=False)


class Roster:
    """Read access to people.db; opens the file when it is first needed, and again after an
    error or when another file has taken its place.  Use it from one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._opened = (0, 0)  # device and inode of the file behind self._db

    def find(self, credential: Credential) -> Found:
        """Who holds `credential` now."""
        row = self._rows(_FIND, (credential.key,))[0]
        version = int(row[0] or 0)
        if row[1] is None:
            return Found(list_version=version)
        try:
            person = _person(row[1:11], credential)
            return Found(person, int(row[11]), version, bool(row[12]))
        except (ValueError, TypeError) as error:
            raise RosterUnavailable(f"the entry of a person is damaged: {error}") from error

    def templates(self, person_id: str) -> list[SealedTemplate]:
        """The sealed templates of a person, oldest first."""
        rows = self._rows(
            "SELECT id, model, sealed FROM template WHERE person_id = ? ORDER BY created_at, id",
            (person_id,),
        )
        return [SealedTemplate(*row) for row in rows]

    def pin(self, person_id: str) -> SealedPin | None:
        """The PIN of a person as it is stored, or None if they have none."""
        rows = self._rows("SELECT hash, duress_hash FROM pin WHERE person_id = ?", (person_id,))
        return SealedPin(*rows[0]) if rows else None

    def version(self) -> ListVersion | None:
        """The list in force, or None before the first."""
        rows = self._rows(
            "SELECT number, applied_at, source, total FROM list_version "
            "ORDER BY number DESC LIMIT 1"
        )
        return ListVersion(*rows[0]) if rows else None

    def outbox(self, limit: int) -> list[NewEvent]:
        """Admin acts that are not on record yet, in order; each carries its id."""
        rows = self._rows(
            "SELECT id, type, subject, data FROM outbox ORDER BY rowid LIMIT ?", (limit,)
        )
        try:
            return [
                NewEvent(kind, subject, json.loads(data), id=key)
                for key, kind, subject, data in rows
            ]
        except (ValueError, TypeError) as error:
            raise RosterUnavailable(f"an admin act in the outbox is damaged: {error}") from error

    def outbox_done(self, ids: Sequence[str]) -> None:
        """Forget acts that are on record."""
        try:
            with closing(self._connect("rw", timeout=2)) as db, db:
                db.executemany("DELETE FROM outbox WHERE id = ?", [(key,) for key in ids])
        except sqlite3.Error as error:
            raise RosterUnavailable(f"{self._path.name}: {error}") from error

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._open().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self.close()
            raise RosterUnavailable(f"{self._path.name}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        # A list that was restored or begun anew is another file under the same name.  Without
        # this look, the old one would go on deciding from its unlinked inode.
        try:
            now = os.stat(self._path)  # noqa: PTH116 - in a badge's path, twice as fast
        except OSError as error:
            self.close()
            why = "no list yet (garita people sync)"
            if not isinstance(error, FileNotFoundError):
                why = str(error.strerror)
            raise RosterUnavailable(f"{self._path.name}: {why}") from error
        if self._opened != (now.st_dev, now.st_ino):
            self.close()
        if self._db is None:
            db = self._connect("ro", timeout=0.2)
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if found != SCHEMA_VERSION:
                db.close()
                raise RosterUnavailable(
                    f"{self._path.name} has schema {found}, this program needs {SCHEMA_VERSION}"
                )
            self._db, self._opened = db, (now.st_dev, now.st_ino)
        return self._db

    def _connect(self, mode: str, *, timeout: float) -> sqlite3.Connection:
        # Never immutable: the list changes under us, one whole version at a time.
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}", uri=True, timeout=timeout
        )

    def close(self) -> None:
        """Let go of the file; the next look-up opens it again."""
        if self._db is not None:
            self._db.close()
            self._db = None


def _person(row: Sequence[Any], credential: Credential) -> Person:
    key, name, company, role, valid_from, valid_until, status, revoked_at, levels_json, until = row
    levels = json.loads(levels_json)
    if not isinstance(levels, list):
        raise ValueError("access levels are not a list")
    return Person(
        id=key,
        name=name,
        company=company,
        role=role,
        valid_from=date.fromisoformat(valid_from) if valid_from else None,
        valid_until=date.fromisoformat(valid_until) if valid_until else None,
        # A revocation made here overrides whatever the list says.
        status=PersonStatus.REVOKED if revoked_at else PersonStatus(status),
        credentials=(credential,),
        access_levels=tuple(levels),
        until=datetime.fromisoformat(until) if until else None,
    )
