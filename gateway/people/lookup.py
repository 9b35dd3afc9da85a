"""The daemon's view of the list: a look-up by credential in SQLite, and nothing kept.

Each look-up is one statement, so it sees one version of the list and never a mix; a sync
that is applied is in force at the next badge.  Standard library and `gateway.decide.model` only.
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

from gateway.decide.model import Credential, Person, PersonStatus, Requirement, TemporaryGrant
from gateway.ledger.event import NewEvent
from gateway.locale import GaritaError, worded
from gateway.locale.text import name_key

SCHEMA_VERSION = 16


@dataclass(frozen=True, slots=True)
class LogMark:
    """A record of the log: the name of its origin's chain, its number and its hash (hex)."""

    chain: str
    seq: int
    hash: str


# A temporary badge of a visit is looked for beside the list.  If both name the same badge it is
# nobody's: neither the employee nor the visitor, since nothing says which of them holds it.  An
# escorted visitor whose escort nobody named passes with anybody who may escort, never alone.
_FIND = """
SELECT (SELECT max(number) FROM list_version),
       (SELECT applied_at FROM list_version ORDER BY number DESC LIMIT 1),
       (SELECT count(*) FROM template t WHERE t.person_id = p.id),
       EXISTS (SELECT 1 FROM pin WHERE pin.person_id = p.id),
       coalesce(p.id, v.person_id), coalesce(p.name, v.name), coalesce(p.company, v.company),
       coalesce(p.role, v.role), p.valid_from, p.valid_until,
       coalesce(p.status, CASE WHEN v.key IS NOT NULL THEN 'active' END), r.at,
       coalesce(p.access_levels, v.access_levels), v.until,
       (SELECT json_group_array(json_array(q.kind, 'person', q.valid_until)) FROM requirement q
         WHERE q.subject_kind = 'person' AND q.key = p.id),
       (SELECT json_group_array(json_array(q.kind, 'company', q.valid_until)) FROM requirement q
         WHERE q.subject_kind = 'company'
           AND q.key = nullif(name_key(coalesce(p.company, v.company)), '')),
       (SELECT json_group_array(json_array(g.kind, g.target, g.since, g.until))
          FROM temporary_grant g WHERE g.person_id = p.id),
       coalesce(e.escorts, CASE WHEN w.escort THEN '[]' END),
       (SELECT until FROM face_consent f WHERE f.person_id = p.id)
  FROM (SELECT ? AS wanted)
  {join}
  LEFT JOIN revocation r ON r.person_id = coalesce(p.id, v.person_id)
  LEFT JOIN visit w ON w.id = v.visit_id
  LEFT JOIN escort e ON e.person_id = CASE WHEN v.key IS NULL THEN p.id
                                           WHEN w.escort THEN v.person_id END
"""
_BY_BADGE = _FIND.format(
    join="LEFT JOIN credential c ON c.key = wanted AND NOT EXISTS (SELECT 1 FROM lost_badge l "
    "WHERE l.key = c.key AND l.person_id = c.person_id) "
    "LEFT JOIN visit_badge b ON b.key = wanted "
    "LEFT JOIN person p ON p.id = c.person_id AND b.key IS NULL "
    "LEFT JOIN visit_badge v ON v.key = b.key AND c.key IS NULL"
)
_BY_ID = _FIND.format(
    join="LEFT JOIN person p ON p.id = wanted "
    "LEFT JOIN visit_badge v ON v.person_id = wanted AND p.id IS NULL"
)


class RosterUnavailable(GaritaError):
    """The list can't be read; nobody is known to be on it."""


def compare_names(connection: sqlite3.Connection) -> sqlite3.Connection:
    """`connection`, whose statements may call `name_key`: companies are compared by it."""
    connection.create_function("name_key", 1, _name_key, deterministic=True)
    return connection


def _name_key(name: str | None) -> str:
    return name_key(name or "")


@dataclass(frozen=True, slots=True)
class Found:
    """Who holds a credential (None: nobody), how many face templates they have enrolled,
    which version of the list says so (0: no list was ever applied), whether they have a PIN, the
    last day on which their face may be used (None: no end was set), and when that version was put
    in force."""

    person: Person | None = None
    templates: int = 0
    list_version: int = 0
    has_pin: bool = False
    face_until: date | None = None
    applied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListVersion:
    """A list that was applied: when (RFC 3339, UTC), from what, how many people.  `sha256` (hex) is
    that of the file, the same at all gates that took it; `generated_at` is when it was made, if it
    says so.  Either may be ""."""

    number: int
    applied_at: str
    source: str
    total: int
    sha256: str = ""
    generated_at: str = ""


@dataclass(frozen=True, slots=True)
class SealedTemplate:
    """An enrolled face, encrypted; `model` names the embedder that made it, `key` is the
    person's key (its id and itself, wrapped), or None if it was sealed with the site key."""

    id: str
    model: str
    sealed: bytes
    key: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class SealedPin:
    """A person's PIN as argon2id made it of the peppered digits (gateway/people/pins.py), and the
    one that they type under threat, if they have one."""

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
        return self._found(self._rows(_BY_BADGE, (credential.key,))[0], (credential,))

    def find_person(self, person_id: str) -> Found:
        """The person of that id, with no badge of theirs named."""
        return self._found(self._rows(_BY_ID, (person_id,))[0], ())

    def badges(self, person_id: str) -> list[Credential]:
        """The badges of a person, or of a visit, by their numbers."""
        rows = self._rows(
            "SELECT key FROM credential WHERE person_id = ?1 "
            "UNION SELECT key FROM visit_badge WHERE person_id = ?1 ORDER BY key",
            (person_id,),
        )
        return [Credential(*key.split(":", 2)) for (key,) in rows]

    @staticmethod
    def _found(row: Sequence[Any], credentials: tuple[Credential, ...]) -> Found:
        try:
            version, applied = int(row[0] or 0), datetime.fromisoformat(row[1]) if row[1] else None
            if row[4] is None:
                return Found(list_version=version, applied_at=applied)
            person = _person(row[4:-1], credentials)
            until = date.fromisoformat(row[-1]) if row[-1] else None
            return Found(person, int(row[2]), version, bool(row[3]), until, applied)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RosterUnavailable(
                worded("the entry of a person is damaged: {error}", error=error)
            ) from error

    def templates(self, person_id: str) -> list[SealedTemplate]:
        """The sealed templates of a person, oldest first."""
        rows = self._rows(
            # One statement: key and templates are of one moment, though they be sealed anew.
            "SELECT t.id, t.model, t.sealed, k.key_id, k.wrapped FROM template t "
            "LEFT JOIN person_key k ON k.person_id = t.person_id "
            "WHERE t.person_id = ? ORDER BY t.created_at, t.id",
            (person_id,),
        )
        return [
            SealedTemplate(key, model, sealed, None if key_id is None else (key_id, wrapped))
            for key, model, sealed, key_id, wrapped in rows
        ]

    def templates_mark(self) -> str:
        """Another text whenever a template was added or removed."""
        row = self._rows(
            "SELECT count(*), (SELECT id FROM template ORDER BY rowid DESC LIMIT 1) FROM template"
        )[0]
        return f"{row[0]} {row[1]}"

    def enrolled(self) -> dict[str, str]:
        """Everybody with templates, by id, with a text that changes when theirs do."""
        rows = self._rows(
            "SELECT t.person_id, count(*) || ' ' || max(t.rowid) || ' ' || max(t.id) "
            "FROM template t LEFT JOIN face_consent c ON c.person_id = t.person_id "
            "WHERE c.until IS NULL OR c.until >= date('now', '-1 day') GROUP BY t.person_id"
        )
        return dict(rows)

    def pin(self, person_id: str) -> SealedPin | None:
        """The PIN of a person as it is stored, or None if they have none."""
        rows = self._rows("SELECT hash, duress_hash FROM pin WHERE person_id = ?", (person_id,))
        return SealedPin(*rows[0]) if rows else None

    def version(self) -> ListVersion | None:
        """The list in force, or None before the first."""
        rows = self._rows(
            "SELECT number, applied_at, source, total, coalesce(source_sha256, ''), "
            "coalesce((SELECT generated_at FROM version_detail d WHERE d.number = v.number), '') "
            "FROM list_version v ORDER BY number DESC LIMIT 1"
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
            raise RosterUnavailable(
                worded("an admin act in the outbox is damaged: {error}", error=error)
            ) from error

    def outbox_done(self, ids: Sequence[str], mark: LogMark | None = None) -> None:
        """Forget acts that are on record, and keep in mind where the last of them is."""
        try:
            with closing(self._connect("rw", timeout=2)) as db, db:
                db.executemany("DELETE FROM outbox WHERE id = ?", [(key,) for key in ids])
                if mark is not None:
                    db.execute(
                        "INSERT OR REPLACE INTO log_mark VALUES (1, ?, ?, ?)",
                        (mark.chain, mark.seq, mark.hash),
                    )
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
                    worded(
                        "{name} has schema {found}, this program needs {schema_version}",
                        name=self._path.name,
                        found=found,
                        schema_version=SCHEMA_VERSION,
                    )
                )
            self._db, self._opened = db, (now.st_dev, now.st_ino)
        return self._db

    def _connect(self, mode: str, *, timeout: float) -> sqlite3.Connection:
        # Never immutable: the list changes under us, one whole version at a time.
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        return compare_names(sqlite3.connect(uri, uri=True, timeout=timeout))

    def close(self) -> None:
        """Let go of the file; the next look-up opens it again."""
        if self._db is not None:
            self._db.close()
            self._db = None


def _person(row: Sequence[Any], credentials: tuple[Credential, ...]) -> Person:
    key, name, company, role, valid_from, valid_until, status, revoked_at, levels, end = row[:10]
    own, companys, granted, escorts = row[10:]
    held = [
        Requirement(kind, of, date.fromisoformat(until) if until else None)
        for kind, of, until in (*json.loads(own), *json.loads(companys))
    ]
    grants = [
        TemporaryGrant(kind, target, datetime.fromisoformat(since), datetime.fromisoformat(until))
        for kind, target, since, until in json.loads(granted)
    ]
    return Person(
        id=key,
        name=name,
        company=company,
        role=role,
        valid_from=date.fromisoformat(valid_from) if valid_from else None,
        valid_until=date.fromisoformat(valid_until) if valid_until else None,
        # A revocation made here overrides whatever the list says.
        status=PersonStatus.REVOKED if revoked_at else PersonStatus(status),
        credentials=credentials,
        access_levels=_names(levels),
        requirements=tuple(held),
        grants=tuple(grants),
        needs_escort=escorts is not None,
        escorts=_names(escorts) if escorts is not None else (),
        until=datetime.fromisoformat(end) if end else None,
    )


def _names(text: str) -> tuple[str, ...]:
    names = json.loads(text)
    if not isinstance(names, list):
        raise ValueError(worded("access levels are not a list"))
    return tuple(names)
