"""What the gate can say about each criterion, as data: one TOML file for a set of criteria.

For a criterion the file says what the gate enforces, what it only records and what it can't show,
in both languages; which topics (gateway/evidence/topics) and which rules of theirs count for it;
and whether the programme asks for a written procedure.  What the site's own file of criteria says
in ``[coverage."NUMBER"]`` holds instead, key by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gateway.config.criteria import Criteria, read_toml

HERE = Path(__file__).parent
Words = Mapping[str, str]
_NOTHING: Words = {"en": "", "es": ""}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the gate can say about one criterion.

    `topics` are keys of topics; `rules` the codes of deviations that count for this criterion, ()
    for all of its topics' and ``("none",)`` for none; `figures` and `tables` likewise.  `document`
    says whether it asks for a written procedure or policy; `reviews` are the kinds of review that
    are evidence for it.
    """

    enforces: Words = field(default_factory=lambda: _NOTHING)
    records: Words = field(default_factory=lambda: _NOTHING)
    cannot: Words = field(default_factory=lambda: _NOTHING)
    topics: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    document: bool = False
    reviews: tuple[str, ...] = ()

    @property
    def with_people(self) -> bool:
        """Whether people alone show it: the gate neither enforces nor records anything of it."""
        return not (self.enforces["en"] or self.records["en"])


def coverage(criteria: Criteria) -> Mapping[str, Coverage]:
    """The coverage of the site's set by criterion; only what its own file says for a set of its
    own.  What is named and does not exist (a topic, a kind of review) is not looked for."""
    base = _base(criteria.name)
    return {
        key: _coverage({**base.get(key, {}), **criteria.coverage.get(key, {})})
        for key in criteria.criteria
        if key in base or key in criteria.coverage
    }


@cache
def _base(name: str) -> Mapping[str, Mapping[str, Any]]:
    path = HERE / f"{name}.toml"
    tables = read_toml(path).get("criteria", {}) if path.is_file() else {}
    assert isinstance(tables, dict)
    return tables


def _coverage(table: Mapping[str, Any]) -> Coverage:
    made: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return Coverage(**made)
