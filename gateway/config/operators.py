"""The tables [operators.*]: who acts at this gate, by account, person and role.

gateway/people/operators.py makes operators of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.config.mistakes import Loc
from gateway.locale import N_, _, worded

Role = Literal["guard", "supervisor", "hr", "administrator", "auditor"]
ROLES: Mapping[str, str] = {
    "guard": N_("guard"),
    "supervisor": N_("supervisor"),
    "hr": N_("personnel office"),
    "administrator": N_("administrator"),
    "auditor": N_("auditor"),
}
"""The roles in words; show them with `_`."""


def _account(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?", value):
        raise ValueError(worded("not the name of an account"))
    return value


class OperatorTable(BaseModel):
    """An operator.  Without `account` they act only as the second person, by their PIN."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: Annotated[str, AfterValidator(_account)] = ""
    person: str = Field(min_length=1, max_length=120)
    """Their id on the personnel list."""
    roles: list[Role] = Field(min_length=1)
    areas: list[str] = []
    """The areas whose doors and people the console shows them; all if empty."""


def mistakes(operators: Mapping[str, OperatorTable]) -> Iterator[tuple[Loc, str]]:
    """Two operators of one account or of one person: each has their own."""
    for key in ("account", "person"):
        known: dict[str, str] = {}
        for name, item in operators.items():
            value = getattr(item, key)
            if value and value in known:
                yield (
                    ("operators", name, key),
                    _("the same as that of {other}").format(other=known[value]),
                )
            known.setdefault(value, name)
