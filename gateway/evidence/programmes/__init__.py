"""What the gate can say about each criterion, as data: one TOML file for a set of criteria.

For a criterion the file says what the gate enforces, what it only records and what it can't show,
in both languages; which topics (gateway/evidence/topics) and which rules of theirs count for it;
and whether the programme asks for a written procedure.  The site's own file of criteria may bring
such tables too, and then they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from gateway.config.criteria import read_toml

HERE = Path(__file__).parent
Words = Mapping[str, str]
_NOTHING: Words = {"en": "", "es": ""}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the gate can say about one criterion.

    `topics` are keys of topics; `rules` the codes of deviations that count for this criterion, ()
    for all of its topics'; `figures` and `tables` likewise.  `document` says whether it asks for a
    written procedure or policy; `reviews` are the kinds of review that are evidence for it.
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


@cache
def coverage(name: str) -> Mapping[str, Coverage]:
    """The coverage of the set `name` by criterion; {} for a set without such a file."""
    path = HERE / f"{name}.toml"
    if not path.exists():
        return {}
    tables = read_toml(path).get("criteria", {})
    return {key: _coverage(table) for key, table in tables.items()}


def _coverage(table: Mapping[str, object]) -> Coverage:
    lists = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return Coverage(**lists)  # type: ignore[arg-type]
