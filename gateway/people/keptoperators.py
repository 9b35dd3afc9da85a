"""Operators whom an administrator adds, changes and ends without editing garita.toml.

Each is a row of people.db with the person's id, the roles and the areas, written in one transaction
with its event.  Such an operator signs in at the console and has no account of the operating
system.  gateway/people/operators.py reads the rows.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterable
from datetime import date
from typing import get_args

from gateway.config.operators import Role
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import GaritaError, worded
from gateway.people import account
from gateway.people.operators import Named, Operators
from gateway.people.schema import now_text, put_event

ROLES: tuple[str, ...] = get_args(Role)
ADMINISTRATOR = "administrator"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")


class OperatorError(GaritaError):
    """An operator can't be added, changed or ended; the message says why."""


def add(
    db: sqlite3.Connection,
    operators: Operators,
    name: str,
    person: str,
    *,
    roles: Iterable[str],
    areas: Iterable[str] = (),
    known_areas: Collection[str] = (),
    by: Operator,
    today: date,
    origin: str = "",
) -> None:
    """Make `person` (an id of the list) an operator who signs in as `name`.

    `areas` are of `known_areas`; none: all.  `origin` is "" for an act of an administrator, or
    ``oidc``.  Raises OperatorError.
    """
    held, shown = _roles(roles), _areas(areas, known_areas)
    if not _NAME.fullmatch(name):
        raise OperatorError(
            worded("a name to sign in with has 2 to 32 small letters, digits, '.', '_' or '-'")
        )
    # A record would not say whether the account or the operator did it.
    if name == "root" or account.exists(name):
        raise OperatorError(worded("{name} is an account of this machine", name=name))
    with db:
        db.execute("BEGIN IMMEDIATE")
        _check_new(db, operators, name, person, today)
        db.execute(
            "INSERT OR REPLACE INTO operator (name, person_id, roles, areas, origin, set_at, by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (name, person, json.dumps(held), json.dumps(shown), origin, now_text(), str(by)),
        )
        _event(db, EventType.OPERATOR_ADDED, name, person, held, shown, by)


def change(
    db: sqlite3.Connection,
    operators: Operators,
    name: str,
    *,
    roles: Iterable[str],
    areas: Iterable[str],
    known_areas: Collection[str] = (),
    by: Operator,
    today: date,
) -> bool:
    """Give the operator `name` these roles and areas; returns whether they differ from before.
    Raises OperatorError, also if no administrator would be left."""
    held, shown = _roles(roles), _areas(areas, known_areas)
    with db:
        db.execute("BEGIN IMMEDIATE")  # first, or two administrators could end each other
        before = _kept(operators, name)
        if (frozenset(held), frozenset(shown)) == (before.roles, before.areas):
            return False
        if ADMINISTRATOR not in held:
            _one_left(operators, name, today)
        db.execute(
            "UPDATE operator SET roles = ?, areas = ?, set_at = ?, by = ? WHERE name = ?",
            (json.dumps(held), json.dumps(shown), now_text(), str(by), name),
        )
        _event(db, EventType.OPERATOR_CHANGED, name, before.person, held, shown, by)
    return True


def end(
    db: sqlite3.Connection, operators: Operators, name: str, *, by: Operator, today: date
) -> None:
    """Let the operator `name` act no more.  Raises OperatorError, also for the last
    administrator."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        before = _kept(operators, name)
        _one_left(operators, name, today)
        db.execute(
            "UPDATE operator SET ended_at = ?, by = ? WHERE name = ?", (now_text(), str(by), name)
        )
        _event(db, EventType.OPERATOR_ENDED, name, before.person, sorted(before.roles), [], by)


def _check_new(
    db: sqlite3.Connection, operators: Operators, name: str, person: str, today: date
) -> None:
    """Raise OperatorError if `person` can't be an operator of that name."""
    everybody = operators.all()
    if any(name in (item.login, item.account) for item in everybody):
        raise OperatorError(worded("there is an operator {name} already", name=name))
    if other := next((item.login for item in everybody if item.person == person), ""):
        raise OperatorError(
            worded("{person} is the operator {name} already", person=person[:60], name=other)
        )
    listed = operators.listed(person, today)
    if listed is None or not listed.active:
        raise OperatorError(
            worded("{person} is not active on the list of people today", person=person[:60])
        )
    before = db.execute(
        "SELECT person_id, ended_at FROM operator WHERE name = ?", (name,)
    ).fetchone()
    if before is not None and (before[0] != person or not before[1]):
        raise OperatorError(worded("the name {name} was somebody else's", name=name))


def _kept(operators: Operators, name: str) -> Named:
    found = next((item for item in operators.all() if item.login == name), None)
    if found is None:
        raise OperatorError(worded("there is no operator {name}", name=name[:60]))
    if not found.kept:
        raise OperatorError(
            worded("{name} stands in garita.toml and is changed there", name=name[:60])
        )
    return found


def _one_left(operators: Operators, name: str, today: date) -> None:
    """Raise OperatorError if no administrator but `name` is active on the list today."""
    everybody = operators.all()
    me = next(item for item in everybody if item.login == name)
    if ADMINISTRATOR not in me.roles:
        return
    for item in everybody:
        if item.login != name and ADMINISTRATOR in item.roles:
            listed = operators.listed(item.person, today)
            if listed is not None and listed.active:
                return
    raise OperatorError(worded("{name} is the last administrator", name=name))


def _roles(roles: Iterable[str]) -> list[str]:
    held = sorted(set(roles))
    if not held or not set(held) <= set(ROLES):
        raise OperatorError(
            worded("an operator has one role or more of: {roles}", roles=", ".join(ROLES))
        )
    return held


def _areas(areas: Iterable[str], known: Collection[str]) -> list[str]:
    shown = sorted(set(areas))
    if unknown := [name for name in shown if name not in known]:
        raise OperatorError(worded("there is no area {area}", area=unknown[0][:60]))
    return shown


def _event(
    db: sqlite3.Connection,
    kind: EventType,
    name: str,
    person: str,
    roles: list[str],
    areas: list[str],
    by: Operator,
) -> None:
    data = {"name": name, "person": person, "roles": roles, "areas": areas, "by": by}
    put_event(db, kind, name, data)
