"""What people and companies have shown (a background check, a training, a partner's status), and
until when: the rows behind what areas require.

Functions over a sqlite3 connection to people.db: `put` and `rows` for whoever has a transaction
of their own (a sync), `set_requirement` and `remove` for one act with its event.  A row takes the
place of the one before; the history is in the log.  Standard library only.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.ledger.event import EventType
from gateway.locale.text import name_key
from gateway.people import losses
from gateway.people.schema import now_text, put_event

SUBJECTS = ("person", "company")


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement of one subject: a person's id, or a company's name in any spelling.
    `valid_until` is the last good day, None if it does not lapse; `number` is that of the
    certificate or file that shows it."""

    subject_kind: str
    subject: str
    kind: str
    valid_until: date | None = None
    number: str = ""
    issued_at: date | None = None
    note: str = ""


def put(connection: sqlite3.Connection, rows: Iterable[Row], *, by: str) -> int:
    """Write `rows` inside the caller's transaction, without an event; returns how many."""
    at = now_text()
    return connection.executemany(
        "INSERT INTO requirement (subject_kind, key, kind, subject, valid_until, number, "
        "issued_at, note, set_at, by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET subject = excluded.subject, "
        "valid_until = excluded.valid_until, number = excluded.number, "
        "issued_at = excluded.issued_at, note = excluded.note, set_at = excluded.set_at, "
        "by = excluded.by",
        (
            (
                row.subject_kind,
                _key(row.subject_kind, row.subject),
                row.kind,
                row.subject,
                _text(row.valid_until),
                row.number,
                _text(row.issued_at),
                row.note,
                at,
                by,
            )
            for row in rows
        ),
    ).rowcount


def rows(
    connection: sqlite3.Connection,
    *,
    subject_kind: str = "",
    subject: str = "",
    due_by: date | None = None,
) -> Iterator[Row]:
    """Those of a subject, or that lapse on or before a day, or all; by subject and kind."""
    where = ["(? = '' OR subject_kind = ?)", "(? = '' OR key IN (?, ?))"]
    values = [subject_kind, subject_kind, subject, subject, _key("company", subject)]
    if due_by is not None:
        where.append("valid_until <= ?")
        values.append(due_by.isoformat())
    found = connection.execute(
        "SELECT subject_kind, subject, kind, valid_until, number, issued_at, note "  # noqa: S608
        f"FROM requirement WHERE {' AND '.join(where)} ORDER BY subject_kind, key, kind",
        values,
    )
    for kind_of, who, kind, until, number, issued, note in found:
        yield Row(kind_of, who, kind, _day(until), number or "", _day(issued), note or "")


def set_requirement(connection: sqlite3.Connection, row: Row, *, by: str) -> bool:
    """One requirement with its event, in one transaction; False if the subject is a person whom
    nobody knows.  Raises sqlite3.Error if it can't be written."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if row.subject_kind == "person" and not _known(connection, row.subject):
            return False
        before = held(connection, row.subject_kind, row.subject, row.kind)
        put(connection, [row], by=by)
        after = held(connection, row.subject_kind, row.subject, row.kind)
        record_loss(connection, row.subject, row.kind, before, after, by=by)
        data = {
            "kind": row.kind,
            "of": row.subject_kind,
            "subject": row.subject,
            "valid_until": _text(row.valid_until),
            "number": row.number,
            "issued_at": _text(row.issued_at),
            "note": row.note,
            "by": by,
        }
        put_event(connection, EventType.REQUIREMENT_SET, row.subject, data)
    return True


def held(connection: sqlite3.Connection, subject_kind: str, subject: str, kind: str) -> date | None:
    """The last good day of a requirement: `date.max` if it does not lapse, None if there is
    none."""
    row = connection.execute(
        "SELECT valid_until FROM requirement WHERE subject_kind = ? AND key = ? AND kind = ?",
        (subject_kind, _key(subject_kind, subject), kind),
    ).fetchone()
    return None if row is None else _day(row[0]) or date.max


def record_loss(
    connection: sqlite3.Connection,
    subject: str,
    kind: str,
    before: date | None,
    after: date | None,
    *,
    by: str,
) -> None:
    """Keep it as a loss of access if a requirement is gone or lapses earlier than before (days as
    of `held`).  Inside the caller's transaction."""
    if before is not None and (after is None or after < before):
        losses.put_act(connection, subject, "requirement", by=by, detail=kind)


def remove(
    connection: sqlite3.Connection, subject_kind: str, subject: str, kind: str, *, by: str
) -> bool:
    """Take one away, with its event; False if there is none."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        done = connection.execute(
            "DELETE FROM requirement WHERE subject_kind = ? AND key = ? AND kind = ?",
            (subject_kind, _key(subject_kind, subject), kind),
        ).rowcount
        if done:
            losses.put_act(connection, subject, "requirement", by=by, detail=kind)
            data = {"kind": kind, "of": subject_kind, "subject": subject, "by": by}
            put_event(connection, EventType.REQUIREMENT_REMOVED, subject, data)
    return bool(done)


def due(
    connection: sqlite3.Connection, kinds: Iterable[tuple[str, str, int]], today: date
) -> Iterator[Row]:
    """What has not lapsed and will within the days of warning of its kind; `kinds` are
    (name, person or company, days)."""
    for name, of, days in kinds:
        found = connection.execute(
            "SELECT subject, valid_until, number FROM requirement INDEXED BY requirement_due "
            "WHERE valid_until BETWEEN ? AND ? AND kind = ? AND subject_kind = ? "
            "ORDER BY valid_until, subject",
            (today.isoformat(), (today + timedelta(days=days)).isoformat(), name, of),
        )
        for subject, until, number in found:
            yield Row(of, subject, name, _day(until), number or "")


def _key(subject_kind: str, subject: str) -> str:
    """By what a row is found: a person's id, or the key of a company's name."""
    return name_key(subject) if subject_kind == "company" else subject


def lapsed(
    connection: sqlite3.Connection, kinds: Iterable[tuple[str, str, int]], today: date
) -> Iterator[Row]:
    """What has lapsed, by kind and day; `kinds` as for `due`."""
    for name, of, _ in kinds:
        found = connection.execute(
            "SELECT subject, valid_until, number FROM requirement INDEXED BY requirement_due "
            "WHERE valid_until < ? AND kind = ? AND subject_kind = ? ORDER BY valid_until, subject",
            (today.isoformat(), name, of),
        )
        for subject, until, number in found:
            yield Row(of, subject, name, _day(until), number or "")


def missing(
    connection: sqlite3.Connection, kind: str, of: str, levels: Iterable[str], today: date
) -> Iterator[Row]:
    """Who never showed `kind`: of the people who may pass today and have one of `levels`, or (`of`
    is company) of the companies for which they come.

    `connection` knows `name_key` (`open_admin`).  A person without a company has no row.
    """
    key = "name_key(p.company)" if of == "company" else "p.id"
    shown = "min(p.company)" if of == "company" else "p.id"
    found = connection.execute(
        f"SELECT {shown} FROM person p WHERE p.status = 'active' "  # noqa: S608 - our own words
        "AND :today BETWEEN coalesce(p.valid_from, :today) AND coalesce(p.valid_until, :today) "
        "AND NOT EXISTS (SELECT 1 FROM revocation r WHERE r.person_id = p.id) "
        "AND EXISTS (SELECT 1 FROM json_each(p.access_levels) WHERE value IN "
        "(SELECT value FROM json_each(:levels))) "
        "AND NOT EXISTS (SELECT 1 FROM requirement q "
        f"WHERE q.subject_kind = :of AND q.key = {key} AND q.kind = :kind) "
        f"AND {key} <> '' GROUP BY {key} ORDER BY {shown}",
        {"today": today.isoformat(), "levels": json.dumps(list(levels)), "of": of, "kind": kind},
    )
    for (subject,) in found:
        yield Row(of, subject, kind)


def _known(connection: sqlite3.Connection, person_id: str) -> bool:
    found = connection.execute("SELECT 1 FROM person WHERE id = ?", (person_id,))
    return found.fetchone() is not None


def _text(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
