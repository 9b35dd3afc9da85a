"""The tables of people.db, and how an old file becomes a new one.

For commands (`open_admin`), and for the daemon when it starts (`migrate`, which needs the
standard library only).

person        one row a cardholder, as the list in force has it
credential    badge -> person; the key is format:facility:number
revocation    who was revoked by `garita people revoke`; no list undoes it, not even one that
              drops the person, so it refers to the id and not to the row
list_version  every list that was applied: when, from what, how it differed
template      face templates, sealed (gateway/vault/templates.py)
pin           since version 2: PINs, peppered and hashed (gateway/people/pins.py), never the digits
person_key    since version 3: the key of a person's templates, wrapped; gone with the person
face_consent  since version 3: when a person agreed to the face match, and until when (the day)
requirement   since version 4: what people and companies have shown, until when (requirements.py)
temporary_grant, escort    doors for a while; who passes with an escort alone (permits.py)
version_detail  since version 5: more of each list: its kind, when its source made it
person_history  since version 5: who was changed by which list, and how they were before
released_badge  since version 5: badges of people who left or were revoked, and when
revocation_delay  since version 5: from a source's revocation to this gate's
source_state  since version 5: how the last pull of each source went
visit, visit_badge, regular_visitor   since version 6: visitors, and their temporary badges, which
              no list counts or removes (gateway/desk/visits)
partner, partner_history   since version 6: the companies that they and trucks come from
freight, seal, seal_batch  since version 6: trucks at the gate and high-security seals
              (gateway/desk/freight); a transaction is one JSON document with the columns to find it
by outbox        admin acts on their way to the log, written with the act in one transaction
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.people.lookup import SCHEMA_VERSION, RosterUnavailable
from gateway.vault.files import adopt

if TYPE_CHECKING:  # takes a third of a second to load: only when it is used
    from sqlite_utils import Database

# What turns a file of one version into the next: the first makes version 2 of version 1.  Plain
# SQL, so that the daemon can do it too without loading what commands need; statements are parted
# by lines of "--".  An entry is never changed once it was released.
_UPGRADES: tuple[str, ...] = (
    """
    CREATE TABLE IF NOT EXISTS pin (
       person_id TEXT PRIMARY KEY NOT NULL,
       hash TEXT NOT NULL,
       duress_hash TEXT,
       set_at TEXT NOT NULL,
       by TEXT
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS person_key (
       person_id TEXT PRIMARY KEY NOT NULL,
       wrapped BLOB NOT NULL,
       created_at TEXT NOT NULL,
       key_id TEXT NOT NULL
    )
    --
    CREATE TABLE IF NOT EXISTS face_consent (
       person_id TEXT PRIMARY KEY NOT NULL,
       given_at TEXT NOT NULL,
       until TEXT,
       note TEXT,
       by TEXT
    )
    """,
    # What belongs to a person goes with them: an id that is given out again starts with nothing.
    """
    CREATE TABLE IF NOT EXISTS requirement (
       subject_kind TEXT NOT NULL,
       subject TEXT NOT NULL,
       kind TEXT NOT NULL,
       valid_until TEXT,
       number TEXT,
       issued_at TEXT,
       note TEXT,
       set_at TEXT NOT NULL,
       by TEXT,
       PRIMARY KEY (subject_kind, subject, kind)
    ) WITHOUT ROWID
    --
    CREATE INDEX IF NOT EXISTS requirement_due ON requirement (valid_until)
    --
    CREATE TABLE IF NOT EXISTS temporary_grant (
       id INTEGER PRIMARY KEY,
       person_id TEXT NOT NULL,
       kind TEXT NOT NULL,
       target TEXT NOT NULL,
       since TEXT NOT NULL,
       until TEXT NOT NULL,
       why TEXT,
       by TEXT,
       set_at TEXT NOT NULL
    )
    --
    CREATE INDEX IF NOT EXISTS temporary_grant_person ON temporary_grant (person_id)
    --
    CREATE TABLE IF NOT EXISTS escort (
       person_id TEXT PRIMARY KEY NOT NULL,
       escorts TEXT NOT NULL,
       set_at TEXT NOT NULL,
       by TEXT
    )
    --
    CREATE TRIGGER IF NOT EXISTS person_gone AFTER DELETE ON person BEGIN
       DELETE FROM requirement WHERE subject_kind = 'person' AND subject = OLD.id;
       DELETE FROM temporary_grant WHERE person_id = OLD.id;
       DELETE FROM escort WHERE person_id = OLD.id;
    END
    """,
    """
    CREATE TABLE IF NOT EXISTS version_detail (
       number INTEGER PRIMARY KEY NOT NULL,
       kind TEXT NOT NULL,
       to_version INTEGER,
       requirements TEXT NOT NULL,
       generated_at TEXT,
       modified_at TEXT,
       confirmed TEXT NOT NULL,
       bytes INTEGER NOT NULL,
       kept INTEGER NOT NULL
    )
    --
    CREATE TABLE IF NOT EXISTS person_history (
       version INTEGER NOT NULL,
       person_id TEXT NOT NULL,
       op TEXT NOT NULL,
       fields TEXT NOT NULL,
       before TEXT,
       PRIMARY KEY (version, person_id)
    ) WITHOUT ROWID
    --
    CREATE INDEX IF NOT EXISTS person_history_person ON person_history (person_id)
    --
    CREATE TABLE IF NOT EXISTS released_badge (
       key TEXT NOT NULL,
       person_id TEXT NOT NULL,
       at TEXT NOT NULL,
       PRIMARY KEY (key, person_id)
    ) WITHOUT ROWID
    --
    CREATE TABLE IF NOT EXISTS revocation_delay (
       person_id TEXT NOT NULL,
       version INTEGER NOT NULL,
       revoked_at TEXT NOT NULL,
       effective_at TEXT NOT NULL,
       seconds REAL NOT NULL,
       PRIMARY KEY (person_id, version)
    )
    --
    CREATE TABLE IF NOT EXISTS source_state (
       name TEXT PRIMARY KEY NOT NULL,
       pulled_at TEXT,
       good_at TEXT,
       etag TEXT,
       sha256 TEXT,
       serial INTEGER,
       failing_since TEXT,
       reason TEXT,
       waiting TEXT
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS partner (
       key TEXT PRIMARY KEY NOT NULL,
       name TEXT NOT NULL,
       kind TEXT NOT NULL,
       programme TEXT NOT NULL,
       number TEXT NOT NULL,
       questionnaire TEXT,
       valid_until TEXT NOT NULL,
       status TEXT NOT NULL,
       note TEXT NOT NULL,
       version INTEGER NOT NULL,
       set_at TEXT NOT NULL,
       by TEXT NOT NULL
    )
    --
    CREATE TABLE IF NOT EXISTS partner_history (
       key TEXT NOT NULL,
       version INTEGER NOT NULL,
       at TEXT NOT NULL,
       by TEXT NOT NULL,
       data TEXT NOT NULL,
       PRIMARY KEY (key, version)
    )
    --
    CREATE TABLE IF NOT EXISTS visit (
       id INTEGER PRIMARY KEY NOT NULL,
       version INTEGER NOT NULL,
       state TEXT NOT NULL,
       name TEXT NOT NULL,
       company TEXT NOT NULL,
       kind TEXT NOT NULL,
       host TEXT NOT NULL,
       purpose TEXT NOT NULL,
       escort INTEGER NOT NULL,
       regular INTEGER NOT NULL,
       expected_from TEXT NOT NULL,
       expected_until TEXT NOT NULL,
       created_at TEXT NOT NULL,
       created_by TEXT NOT NULL,
       arrived_at TEXT,
       arrived_by TEXT NOT NULL,
       id_kind TEXT NOT NULL,
       id_fingerprint TEXT NOT NULL,
       id_number TEXT NOT NULL,
       released_by TEXT NOT NULL,
       release_reason TEXT NOT NULL,
       host_contacted_at TEXT,
       escort_name TEXT NOT NULL,
       badge TEXT NOT NULL,
       badge_fingerprint TEXT NOT NULL,
       badge_issued_at TEXT,
       badge_returned_at TEXT,
       departed_at TEXT,
       departed_by TEXT NOT NULL,
       note TEXT NOT NULL
    )
    --
    CREATE INDEX IF NOT EXISTS visit_state ON visit (state, expected_until)
    --
    CREATE INDEX IF NOT EXISTS visit_arrived ON visit (arrived_at)
    --
    CREATE INDEX IF NOT EXISTS visit_document ON visit (id_fingerprint)
    --
    CREATE INDEX IF NOT EXISTS visit_badge_mark ON visit (badge_fingerprint)
    --
    CREATE TABLE IF NOT EXISTS visit_badge (
       key TEXT PRIMARY KEY NOT NULL,
       visit_id INTEGER NOT NULL UNIQUE,
       person_id TEXT NOT NULL UNIQUE,
       name TEXT NOT NULL,
       company TEXT NOT NULL,
       role TEXT NOT NULL,
       since TEXT NOT NULL,
       until TEXT NOT NULL,
       access_levels TEXT NOT NULL
    )
    --
    CREATE TABLE IF NOT EXISTS regular_visitor (
       key TEXT PRIMARY KEY NOT NULL,
       name TEXT NOT NULL,
       company TEXT NOT NULL,
       added_at TEXT NOT NULL,
       by TEXT NOT NULL
    )
    --
    CREATE TABLE IF NOT EXISTS freight (
       id INTEGER PRIMARY KEY NOT NULL,
       version INTEGER NOT NULL,
       stage TEXT NOT NULL,
       status TEXT NOT NULL,
       expected_at TEXT,
       arrived_at TEXT,
       departed_at TEXT,
       words TEXT NOT NULL,
       doc TEXT NOT NULL
    )
    --
    CREATE INDEX IF NOT EXISTS freight_stage ON freight (stage, expected_at)
    --
    CREATE INDEX IF NOT EXISTS freight_arrived ON freight (arrived_at)
    --
    CREATE INDEX IF NOT EXISTS freight_document
       ON freight (json_extract(doc, '$.arrival.id_fingerprint'))
    --
    CREATE TABLE IF NOT EXISTS seal_batch (
       id INTEGER PRIMARY KEY NOT NULL,
       class TEXT NOT NULL,
       certificate TEXT NOT NULL,
       certificate_sha256 TEXT NOT NULL,
       supplier TEXT NOT NULL,
       received_at TEXT NOT NULL,
       by TEXT NOT NULL
    )
    --
    CREATE TABLE IF NOT EXISTS seal (
       number TEXT PRIMARY KEY NOT NULL,
       batch INTEGER NOT NULL,
       state TEXT NOT NULL,
       issued_to TEXT NOT NULL,
       freight INTEGER,
       changed_at TEXT NOT NULL,
       by TEXT NOT NULL,
       note TEXT NOT NULL
    )
    --
    CREATE INDEX IF NOT EXISTS seal_state ON seal (state, batch)
    """,
)


def open_admin(path: Path) -> Database:
    """Open people.db for changes, made or migrated as needed; raises RosterUnavailable."""
    from sqlite_utils import Database  # noqa: PLC0415

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o640))
            adopt(path)
        connection = sqlite3.connect(path, timeout=10)
        db = Database(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten: keys, templates and hashes are not to be found again.
        connection.execute("PRAGMA secure_delete = ON")
        _bring_up(connection, path, create=lambda: _create(db))
        return db
    except (sqlite3.Error, OSError) as error:
        raise RosterUnavailable(f"{path}: {error}") from error


def migrate(path: Path) -> None:
    """Bring an older people.db up to this program, whole or not at all.

    For the daemon's start after an update: its `Roster` takes the present version only, and
    nobody should have to run a command before the gate opens again.  Does nothing if there is
    no list yet or it is current; waits up to 10 s for a command that is writing; raises
    RosterUnavailable if it can't be done.
    """
    try:
        if not path.exists():
            return
        # Never makes a file: that is for the first sync, which gives it owner and mode.
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            _bring_up(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise RosterUnavailable(f"{path}: {error}") from error


def now_text() -> str:
    """The time for a row: RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def put_event(db: sqlite3.Connection, kind: str, subject: str, data: Mapping[str, Any]) -> None:
    """Hand an admin act to the log, inside the caller's transaction."""
    db.execute(
        "INSERT INTO outbox (id, created_at, type, subject, data) VALUES (?, ?, ?, ?, ?)",
        (str(uuid.uuid4()), now_text(), kind, subject, json.dumps(data, ensure_ascii=False)),
    )


def _bring_up(
    connection: sqlite3.Connection, path: Path, create: Callable[[], None] | None = None
) -> None:
    """To the present version in one transaction.  `create` makes the tables of version 1 in a
    file without any; None leaves such a file alone."""
    version = _version(connection, path)
    if version == SCHEMA_VERSION or (version == 0 and create is None):
        return  # without the writer's lock, which a long sync may hold
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection, path)  # again: whoever held the lock may have done it
        if version == SCHEMA_VERSION:
            return
        if version == 0 and create is not None:
            create()
            version = 1
        for upgrade in _UPGRADES[version - 1 :]:
            for statement in re.split(r"^\s*--\s*$", upgrade, flags=re.MULTILINE):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise RosterUnavailable(f"{path.name} was made by a newer version of this program")
    return version


def _create(db: Database) -> None:
    """The tables as version 1 had them, inside the caller's transaction."""
    text, number = str, int
    db.table("person").create(
        {
            "id": text,
            "name": text,
            "company": text,
            "role": text,
            "valid_from": text,
            "valid_until": text,
            "status": text,
            "access_levels": text,
        },
        pk="id",
        not_null={"name", "company", "role", "status", "access_levels"},
        if_not_exists=True,
    )
    db.table("credential").create(
        {"key": text, "person_id": text},
        pk="key",
        not_null={"person_id"},
        if_not_exists=True,
        foreign_keys=[("person_id", "person", "id")],
    )
    db.table("credential").create_index(["person_id"], if_not_exists=True)
    db.table("revocation").create(
        {"person_id": text, "at": text, "why": text, "by": text},
        pk="person_id",
        not_null={"at"},
        if_not_exists=True,
    )
    db.table("list_version").create(
        {
            "number": number,
            "applied_at": text,
            "source": text,
            "source_sha256": text,
            "added": number,
            "changed": number,
            "removed": number,
            "total": number,
            "by": text,
        },
        pk="number",
        if_not_exists=True,
    )
    db.table("template").create(
        {
            "id": text,
            "person_id": text,
            "model": text,
            "created_at": text,
            "quality": text,
            "sealed": bytes,
        },
        pk="id",
        not_null={"person_id", "model", "created_at", "sealed"},
        if_not_exists=True,
    )
    db.table("template").create_index(["person_id"], if_not_exists=True)
    db.table("outbox").create(
        {"id": text, "created_at": text, "type": text, "subject": text, "data": text},
        pk="id",
        not_null={"created_at", "type", "subject", "data"},
        if_not_exists=True,
    )
