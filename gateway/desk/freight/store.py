"""Transactions in people.db: one JSON document a row, and columns to find it by.

A document that can't be read raises DeskError `damaged`; a version that has moved on raises
Conflict.  This module never commits: act.py owns the database transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from gateway.desk.act import stamp
from gateway.desk.errors import Conflict, DeskError, NotFound
from gateway.desk.freight.findings import FreightPolicy, judge, status
from gateway.desk.freight.transaction import Stage, Transaction
from gateway.locale.text import name_key

_DOC = TypeAdapter(Transaction)


def insert(connection: sqlite3.Connection, tx: Transaction, policy: FreightPolicy) -> Transaction:
    """Write a new transaction; returns it with its number."""
    number = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM freight").fetchone()[0]
    new = replace(tx, id=number)
    connection.execute(
        "INSERT INTO freight (version, stage, status, expected_at, arrived_at, departed_at, words, "
        "doc, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_columns(new, policy), new.id),
    )
    return new


def load(connection: sqlite3.Connection, number: int, version: int | None = None) -> Transaction:
    """One transaction; raises NotFound, or Conflict if it is not at `version` any more."""
    row = None
    if 0 < number < 2**62:
        row = connection.execute("SELECT doc FROM freight WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise NotFound("no_freight", "there is no transaction {number}", number=number)
    tx = _parsed(row[0])
    if version is not None and version != tx.version:
        raise Conflict(
            "changed",
            "transaction {number} was changed in the meantime; look at it again",
            number=number,
        )
    return tx


def save(
    connection: sqlite3.Connection, old: Transaction, new: Transaction, policy: FreightPolicy
) -> Transaction:
    """Write `new` in place of `old` as the next version; raises Conflict."""
    new = replace(new, version=old.version + 1)
    done = connection.execute(
        "UPDATE freight SET version = ?, stage = ?, status = ?, expected_at = ?, arrived_at = ?, "
        "departed_at = ?, words = ?, doc = ? WHERE id = ? AND version = ?",
        (*_columns(new, policy), old.id, old.version),
    ).rowcount
    if not done:
        raise Conflict("changed", "it was changed in the meantime")
    return new


def find(
    connection: sqlite3.Connection,
    *,
    stages: Iterable[str] = (),
    search: str = "",
    limit: int = 500,
    left_since: datetime | None = None,
) -> list[Transaction]:
    """Transactions at `stages` (none given: all), oldest first; `limit` keeps the newest.

    `search` is a part of a driver, carrier, plate, unit or seal number.  With `left_since` only
    those that left then or later.
    """
    wanted = tuple(stages) or tuple(Stage)
    since = stamp(left_since) if left_since is not None else ""
    marks = ", ".join("?" * len(wanted))
    rows = connection.execute(
        f"SELECT doc FROM (SELECT id, doc FROM freight WHERE stage IN ({marks}) "  # noqa: S608
        "AND (? = '' OR instr(words, ?) > 0) AND (? = '' OR departed_at >= ?) "
        "ORDER BY id DESC LIMIT ?) ORDER BY id",
        (*wanted, search, name_key(search), since, since, limit),
    )
    return [_parsed(doc) for (doc,) in rows]


def _columns(tx: Transaction, policy: FreightPolicy) -> tuple[object, ...]:
    arrival, expected = tx.arrival, tx.expected
    names = [expected.driver, expected.carrier, expected.tractor] if expected else []
    if arrival:
        names += [arrival.driver, arrival.carrier, arrival.tractor, arrival.tractor_number]
        names += [text for unit in arrival.units for text in (unit.number, unit.plates)]
    names += [number for _, number in tx.seals_now]
    return (
        tx.version,
        tx.stage.value,
        status(tx, judge(tx, policy)),
        stamp(expected.eta) if expected else None,
        stamp(arrival.at) if arrival else None,
        stamp(tx.departed_at) if tx.departed_at else None,
        name_key(" ".join(names)),
        _DOC.dump_json(tx).decode(),
    )


def _parsed(doc: str) -> Transaction:
    try:
        return _DOC.validate_json(doc)
    except ValidationError as error:
        raise DeskError("damaged", "the record of a truck is damaged") from error
