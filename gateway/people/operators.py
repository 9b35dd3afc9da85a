"""Makes operators: which person has an account, and what the site lets them do.

In: `[operators.*]` of the configuration, and people.db for the names.  Out: `Operator`, a value of
gateway/ledger/operator.py.  This is the one place that knows a person behind an account.  It reads
nothing from the environment.
"""

from __future__ import annotations

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


class Operators:
    """The operators of a site; `table` is `[operators]`, `people` the path of people.db.

    Names are read when they are asked for, so a new list counts at once.  If the list can't be
    read, nobody is active on it, and an account acts without the name of its person.
    """

    def __init__(self, table: Mapping[str, OperatorTable], people: Path) -> None:
        self._table, self._people = table, people

    def __bool__(self) -> bool:
        return bool(self._table)

    def of(self, account: str) -> Operator:
        """The operator who has this account; one without a person if the site names none."""
        for item in self._table.values():
            if account and item.account == account:
                return self._made(item)
        return Operator(account)

    def find(self, text: str) -> Operator | None:
        """The operator whom `text` names: by the name of the table, the id of the person, or the
        person's name exactly as on the list.  None for nobody, and for a name of several."""
        for name, item in self._table.items():
            if text in (name, item.person):
                return self._made(item)
        named = [made for made in self if made.name == text]
        return named[0] if len(named) == 1 else None

    def named(self, name: str) -> Operator | None:
        """The operator of `[operators.NAME]`; one without an account acts under that name."""
        item = self._table.get(name)
        return self._made(item, item.account or name) if item is not None else None

    def __iter__(self) -> Iterator[Operator]:
        return map(self._made, self._table.values())

    def listed(self, person: str, today: date) -> Listed | None:
        """The person on the list in force; None for nobody, and if the list can't be read."""
        day = today.isoformat()
        try:
            uri = f"{self._people.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=2)) as db:
                row = db.execute(
                    "SELECT name, status = 'active' AND coalesce(valid_from, ?) <= ? "
                    "AND coalesce(valid_until, ?) >= ? "
                    "AND id NOT IN (SELECT person_id FROM revocation) FROM person WHERE id = ?",
                    (day, day, day, day, person),
                ).fetchone()
        except sqlite3.Error:
            return None
        return Listed(str(row[0]), bool(row[1])) if row else None

    def _made(self, item: OperatorTable, account: str | None = None) -> Operator:
        found = self.listed(item.person, date.min)
        return Operator(
            item.account if account is None else account,
            person=item.person,
            name=found.name if found else "",
            roles=frozenset(item.roles),
        )
