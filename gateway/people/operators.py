"""Makes operators: which person has an account, and what the site lets them do.

In: `[operators.*]` of the configuration, and people.db for the names and for the operators whom an
administrator added at the console.  Out: `Operator`, a value of gateway/ledger/operator.py.  This
is the one place that knows a person behind an account.  It reads nothing from the environment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gateway.config.operators import OperatorTable
from gateway.ledger.operator import Operator


@dataclass(frozen=True, slots=True)
class Listed:
    """A person as the list in force has them, and whether they are active today."""

    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class Named:
    """An operator by the name with which they sign in.  `kept`: a row of people.db, which an
    administrator may change at the console; else of the configuration."""

    login: str
    account: str
    person: str
    roles: frozenset[str]
    areas: frozenset[str]
    kept: bool = False
    origin: str = ""


class Operators:
    """The operators of a site; `table` is `[operators]`, `people` the path of people.db.

    Rows and names are read when they are asked for, so a change counts at once.  If people.db can't
    be read, its operators are none, nobody is active on the list, and an account acts without the
    name of its person.  The configuration comes first: a row of the same name, account or person as
    one of its operators counts for nothing.
    """

    def __init__(self, table: Mapping[str, OperatorTable], people: Path) -> None:
        self._table, self._people = table, people

    def use(self, table: Mapping[str, OperatorTable]) -> None:
        """Go on by another table."""
        self._table = table

    def __bool__(self) -> bool:
        return bool(self._table) or any(item.kept for item in self.all())

    def of(self, account: str) -> Operator:
        """The operator who has this account; one without a person if the site names none."""
        for item in self._table.values():
            if account and item.account == account:
                return self._made(_of_table("", item), item.account)
        return Operator(account)

    def find(self, text: str) -> Operator | None:
        """The operator whom `text` names: by the name of the table, the id of the person, or the
        person's name exactly as on the list.  None for nobody, and for a name of several."""
        for item in self.all():
            if text in (item.login, item.person):
                return self._made(item, item.account)
        named = [made for made in self if made.name == text]
        return named[0] if len(named) == 1 else None

    def named(self, name: str) -> Operator | None:
        """The operator of that name (`[operators.NAME]`, or a row of people.db); one without an
        account acts under that name."""
        for item in self.all():
            if item.login == name:
                return self._made(item, item.account or name)
        return None

    def login(self, person: str) -> str:
        """The name of the operator who is this person; "" if nobody is."""
        return next((item.login for item in self.all() if item.person == person), "")

    def __iter__(self) -> Iterator[Operator]:
        return (self._made(item, item.account) for item in self.all())

    def all(self) -> list[Named]:
        """Everybody, those of the configuration first."""
        found = [_of_table(name, item) for name, item in self._table.items()]
        names = {item.login for item in found} | {item.account for item in found}
        persons = {item.person for item in found}
        for row in self._rows():
            if row.login not in names and row.person not in persons:
                found.append(row)
                persons.add(row.person)
        return found

    def listed(self, person: str, today: date) -> Listed | None:
        """The person on the list in force; None for nobody, and if the list can't be read."""
        day = today.isoformat()
        try:
            with closing(self._open()) as db:
                row = db.execute(
                    "SELECT name, status = 'active' AND coalesce(valid_from, ?) <= ? "
                    "AND coalesce(valid_until, ?) >= ? "
                    "AND id NOT IN (SELECT person_id FROM revocation) FROM person WHERE id = ?",
                    (day, day, day, day, person),
                ).fetchone()
        except sqlite3.Error:
            return None
        return Listed(str(row[0]), bool(row[1])) if row else None

    def have_list(self) -> bool:
        """Whether a list of people was ever put in force; True if that can't be known."""
        if not self._people.exists():
            return False
        try:
            with closing(self._open()) as db:
                found = db.execute("SELECT 1 FROM list_version LIMIT 1").fetchone()
        except sqlite3.Error:
            return True
        return found is not None

    def _rows(self) -> list[Named]:
        try:
            with closing(self._open()) as db:
                rows = db.execute(
                    "SELECT name, person_id, roles, areas, origin FROM operator "
                    "WHERE ended_at = '' ORDER BY name"
                ).fetchall()
            return [_of_row(*row) for row in rows]
        except (sqlite3.Error, ValueError, TypeError):
            return []

    def _open(self) -> sqlite3.Connection:
        uri = f"{self._people.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=2)

    def _made(self, item: Named, account: str) -> Operator:
        found = self.listed(item.person, date.min)
        return Operator(
            account,
            person=item.person,
            name=found.name if found else "",
            roles=item.roles,
            areas=item.areas,
        )


def _of_table(name: str, item: OperatorTable) -> Named:
    return Named(name, item.account, item.person, frozenset(item.roles), frozenset(item.areas))


def _of_row(name: str, person: str, roles: str, areas: str, origin: str) -> Named:
    held, shown = json.loads(roles), json.loads(areas)
    return Named(name, "", person, frozenset(held), frozenset(shown), True, origin)
