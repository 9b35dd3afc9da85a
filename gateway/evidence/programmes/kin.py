"""Programmes that are kin of the site's criteria (OEA, BASC, ISO 28000), with their own numbers.

Each TOML file here with a table `requirements` is one: its requirements, and which criteria of
ctpat-msc-2020 ask for much the same.  The mapping is ours.  `seen` of a requirement says where its
number and title are from: ``contents`` (a published table of contents) or ``memory`` (nobody
checked it against the standard's text, which is not free).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from gateway.config.criteria import STANDARD, read_toml
from gateway.evidence.programmes import HERE, Words

SEEN = ("contents", "memory")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of a programme; `criteria` are ids of ctpat-msc-2020."""

    id: str
    title: Words
    criteria: tuple[str, ...]
    seen: str


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme.  `note` says in both languages what was not checked."""

    name: str
    title: str
    edition: str
    note: Words
    requirements: Mapping[str, Requirement]


@cache
def programmes() -> Mapping[str, Programme]:
    """All programmes by name, in order."""
    found = {}
    for path in sorted(HERE.glob("*.toml")):
        data = read_toml(path)
        if "requirements" in data:
            made = {
                key: Requirement(key, one["title"], tuple(one["criteria"]), one["seen"])
                for key, one in data["requirements"].items()
            }
            found[path.stem] = Programme(
                path.stem, data["title"], data["edition"], data["note"], made
            )
    return found


def elsewhere(criteria: str, key: str) -> Mapping[str, tuple[str, ...]]:
    """The numbers of much the same in other programmes, by programme, for criterion `key` of the
    set `criteria`; {} for a set that nothing is mapped to."""
    if criteria != STANDARD:
        return {}
    found = {
        name: tuple(one.id for one in programme.requirements.values() if key in one.criteria)
        for name, programme in programmes().items()
    }
    return {name: numbers for name, numbers in found.items() if numbers}
