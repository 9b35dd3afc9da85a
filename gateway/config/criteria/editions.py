"""What the criterion numbers of an old record stand for in the table of today.

Nothing changes a record.  The first revision of ``ctpat-msc-2020`` had partly wrong numbers, and
its records have no `criteria_edition`; records of today have one.  ``editions/<set>.toml`` maps
the old numbers to the new ones, by event type or by code where one old number stood for several
things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.config.criteria import EDITION, HERE, STANDARD, in_order, read_toml

Moves = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Named:
    """A criterion that a record names.  `now` are the ids of today that it stands for; ``(id,)`` if
    the number is the same.  `old` says whether the record uses the old table."""

    id: str
    now: tuple[str, ...]
    old: bool = False

    @property
    def moved(self) -> bool:
        """Whether the number means something else today."""
        return self.now != (self.id,)


def named(event_type: str, data: Mapping[str, Any]) -> list[Named]:
    """The criteria that a record of this type and data names, in its order.  Returns an empty list
    for a record that names none or has another form."""
    ids = data.get("criteria")
    if not isinstance(ids, list):
        return []
    known = [item for item in ids if isinstance(item, str)]
    if EDITION in data:
        return [Named(item, (item,)) for item in known]
    keys = (event_type, *_codes(data))
    return [Named(item, _now(item, keys), old=True) for item in known]


def is_old(item: str) -> bool:
    """Whether the first table had this number."""
    return item in _moves()[0]


def _now(item: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    """What this number stood for in a record of these codes; if the table does not say, what it
    stood for in most records."""
    anywhere, by = _moves()
    found = [new for key in keys for new in by.get(key, {}).get(item, ())]
    return in_order(found) or anywhere.get(item, (item,))


def _codes(data: Mapping[str, Any]) -> Iterator[str]:
    """The codes in a record: its reason, its checklist, what was found, what was released."""
    for key in ("reason", "checklist"):
        if isinstance(value := data.get(key), str):
            yield value
    for finding in _list(data.get("findings")):
        if isinstance(finding, dict) and isinstance(code := finding.get("code"), str):
            yield code
    for released in _list(data.get("released")):
        if isinstance(released, str):
            yield released.partition(":")[0]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


@cache
def _moves() -> tuple[Moves, Mapping[str, Moves]]:
    data = read_toml(HERE / "editions" / f"{STANDARD}.toml")
    by = {key: {old: tuple(new) for old, new in table.items()} for key, table in data["by"].items()}
    return {old: tuple(new) for old, new in data["any"].items()}, by
