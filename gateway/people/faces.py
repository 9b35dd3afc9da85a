"""What is kept of faces in people.db, and how it goes: keys and consent, person by person.

For commands.  Whatever destroys a key also deletes the templates and the portrait sealed with it
and puts the event ``face.key_destroyed`` in the outbox, in one transaction: whoever dies in
between leaves both or neither.  `scrub` then clears the old bytes out of this box's files.  Never
sees a plain template: the vault, handed in, opens and seals.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from gateway.ledger.event import EventType
from gateway.people.lookup import RosterUnavailable
from gateway.people.schema import now_text, put_event
from gateway.vault.templates import Vault, WrappedKey


def key_for(db: sqlite3.Connection, vault: Vault, person_id: str) -> WrappedKey:
    """The person's key, made if they have none, inside the caller's transaction.

    Templates that were sealed with the site key are re-sealed with the new one, all or none:
    raises whatever `vault.open` raises if one of them does not open.
    """
    row = db.execute(
        "SELECT key_id, wrapped FROM person_key WHERE person_id = ?", (person_id,)
    ).fetchone()
    if row is not None:
        return row[0], row[1]
    key = vault.new_key(person_id)
    db.execute(
        "INSERT INTO person_key (person_id, wrapped, created_at, key_id) VALUES (?, ?, ?, ?)",
        (person_id, key[1], now_text(), key[0]),
    )
    old = db.execute(
        "SELECT id, model, sealed FROM template WHERE person_id = ?", (person_id,)
    ).fetchall()
    for template_id, model, sealed in old:
        plain = vault.open(person_id, template_id, model, sealed)
        again = vault.seal(person_id, template_id, model, plain, key)
        db.execute("UPDATE template SET sealed = ? WHERE id = ?", (again, template_id))
    return key


def reseal(db: sqlite3.Connection, vault: Vault, refused: type[Exception]) -> tuple[int, list[str]]:
    """Give everybody with templates from before version 3 a key of their own.

    A transaction a person; `refused` is what `vault` raises for a template that does not open:
    that person is left as they are.  Returns how many were taken over and who was not.
    """
    wanted = db.execute(
        "SELECT DISTINCT person_id FROM template "
        "WHERE person_id NOT IN (SELECT person_id FROM person_key)"
    ).fetchall()
    done, left = 0, []
    for (person_id,) in wanted:
        try:
            with db:
                db.execute("BEGIN IMMEDIATE")
                key_for(db, vault, person_id)
            done += 1
        except refused:
            left.append(person_id)
    if done:
        scrub(db)
    return done, left


def destroy(db: sqlite3.Connection, person_id: str, *, why: str, by: str) -> int | None:
    """Delete a person's templates, portrait and key, with the event, inside the caller's
    transaction.

    Returns how many templates they had, or None if there was neither template nor key (then
    there is no event).  The event's `key_id` is null for templates from before version 3.
    """
    row = db.execute("SELECT key_id FROM person_key WHERE person_id = ?", (person_id,)).fetchone()
    lost = db.execute("DELETE FROM template WHERE person_id = ?", (person_id,)).rowcount
    if row is None and not lost:
        return None
    shown = db.execute("DELETE FROM portrait WHERE person_id = ?", (person_id,)).rowcount
    db.execute("DELETE FROM person_key WHERE person_id = ?", (person_id,))
    data = {"key_id": row[0] if row else None, "templates": lost, "by": by, "why": why}
    if shown:
        data["portrait"] = True
    put_event(db, EventType.FACE_KEY_DESTROYED, person_id, data)
    return lost


def scrub(db: sqlite3.Connection) -> bool:
    """Bring what was deleted out of the write-ahead log; False if somebody was reading.

    Deleted rows were overwritten with zeros in the database's pages (secure_delete, set by
    `open_admin`); this writes those pages and cuts the log.  It can't reach copies that a flash
    drive or a backup keeps.
    """
    try:
        with closing(db.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as cursor:
            return not cursor.fetchone()[0]
    except sqlite3.Error:  # what was asked for is done and on record; the bytes go at the next one
        return False


def set_consent(
    db: sqlite3.Connection,
    person_id: str,
    *,
    given_at: date,
    until: date | None,
    note: str,
    by: str,
) -> bool:
    """Write down that a person agreed, and the last day on which their face may be used (None: no
    end was set); the one before is replaced, and stays in the log.  False if nobody on the
    list has that id."""
    days = (given_at.isoformat(), until.isoformat() if until else None)
    with db:
        db.execute("BEGIN IMMEDIATE")
        done = db.execute(
            "INSERT OR REPLACE INTO face_consent (person_id, given_at, until, note, by) "
            "SELECT id, ?, ?, ?, ? FROM person WHERE id = ?",
            (*days, note, by, person_id),
        ).rowcount
        if done:
            data = {"given_at": days[0], "until": days[1], "note": note, "by": by}
            put_event(db, EventType.FACE_CONSENT_SET, person_id, data)
    return bool(done)


def viewed(db: sqlite3.Connection, *, seq: int, event_id: str, by: str) -> None:
    """Put on record who takes the sealed picture of an event out."""
    with db:
        data = {"seq": seq, "event": event_id, "by": by}
        put_event(db, EventType.FACE_PICTURE_VIEWED, event_id, data)


def has_consent(db: sqlite3.Connection, person_id: str, today: date) -> bool:
    """Whether the person's consent is in force on that day of the site."""
    row = db.execute(
        "SELECT 1 FROM face_consent WHERE person_id = ? AND given_at <= ? "
        "AND (until IS NULL OR until >= ?)",
        (person_id, today.isoformat(), today.isoformat()),
    ).fetchone()
    return row is not None


def forget(db: sqlite3.Connection, person_id: str, *, why: str, by: str) -> int | None:
    """Destroy all that is kept of a person's face; the person stays on the list.

    Returns how many templates there were, or None if there was nothing at all (no event then).
    """
    with db:
        db.execute("BEGIN IMMEDIATE")
        lost = destroy(db, person_id, why=why, by=by)
        agreed = db.execute("DELETE FROM face_consent WHERE person_id = ?", (person_id,)).rowcount
        if lost is None and not agreed:
            return None
        data = {"reason": why, "templates": lost or 0, "by": by}
        put_event(db, EventType.FACE_FORGOTTEN, person_id, data)
    scrub(db)
    return lost or 0


def purge(db: sqlite3.Connection, today: date, *, by: str) -> list[str]:
    """Destroy the faces of everybody whose last day is past; returns whose.

    `today` is the site's day by a clock that can be trusted: a clock wrongly ahead would destroy
    faces that nobody gave up.
    """
    with db:
        db.execute("BEGIN IMMEDIATE")
        due = db.execute(
            "SELECT person_id, until FROM face_consent WHERE until < ?", (today.isoformat(),)
        ).fetchall()
        for person_id, until in due:
            destroy(db, person_id, why=f"retention ended {until}", by=by)
            db.execute("DELETE FROM face_consent WHERE person_id = ?", (person_id,))
    if due:
        scrub(db)
    return [person_id for person_id, _ in due]


def purge_file(path: Path, today: date) -> list[str]:
    """`purge` for the daemon: blocks for up to 10 s, so call it in a thread.  Raises
    RosterUnavailable; does nothing where there is no list yet."""
    try:
        if not path.exists():
            return []
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as db:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")
            return purge(db, today, by="gateway")
    except sqlite3.Error as error:
        raise RosterUnavailable(f"{path.name}: {error}") from error
