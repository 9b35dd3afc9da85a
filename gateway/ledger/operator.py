"""Who acts: an account of the operating system, and the person who has it.

An `Operator` is the account's name, as rows and records hold it in `by`.  It also carries the
person's id and name, which stand beside it in a record (`by_person`, `by_name`).
gateway/people/operators.py is the one place that makes operators with a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Operator(str):
    """The name of an account, "" for a person who has none.

    `person` is the id on the personnel list and `name` the name there; both are "" for an account
    that the configuration does not know.  `roles` are the words of `[operators.*] roles`; `areas`
    are the areas that the console shows them, all if there is none.
    """

    __slots__ = ("areas", "name", "person", "roles")

    name: str
    person: str
    roles: frozenset[str]
    areas: frozenset[str]

    def __new__(
        cls,
        account: str,
        *,
        person: str = "",
        name: str = "",
        roles: frozenset[str] = frozenset(),
        areas: frozenset[str] = frozenset(),
    ) -> Operator:
        made = super().__new__(cls, account)
        made.person, made.name, made.roles, made.areas = person, name, roles, areas
        return made


def with_person(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """`data` of a record; if an operator with a person did it, with `by_person` and `by_name`."""
    by = data.get("by")
    if not isinstance(by, Operator) or not by.person:
        return data
    return {**data, "by_person": by.person, "by_name": by.name}
