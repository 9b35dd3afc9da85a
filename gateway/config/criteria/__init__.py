"""The criteria of a programme (CTPAT, OEA ...) that a site's records are evidence for, as data.

In: a set that comes with the program, by name, and a site's own file that corrects or adds to
it.  Out: the criteria with their titles, and which reason code or event type is evidence for
which.  The titles are our words, not the programme's text, which a member checks against the
authority's booklet.  Nothing here decides anything.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway import GaritaError
from gateway.decide.model import Reason
from gateway.ledger.event import EventType

HERE = Path(__file__).parent
KINDS = ("must", "should")
_CODES = frozenset(reason.value for reason in Reason)


class CriteriaError(GaritaError):
    """A file of criteria can't be used; `key` and the message say where and why."""

    def __init__(self, path: Path, key: str, reason: str) -> None:
        self.path, self.key, self.reason = path, key, reason
        super().__init__(f"{path}: {key}: {reason}" if key else f"{path}: {reason}")


@dataclass(frozen=True, slots=True)
class Criterion:
    """`kind` is ``must``, ``should`` or ``must, should``; `title` by language; `members` the kinds
    of member that it holds for (empty: all)."""

    id: str
    kind: str
    title: Mapping[str, str]
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Criteria:
    """`evidence` maps a reason code or an event type to ids."""

    name: str = ""
    edition: str = ""
    criteria: Mapping[str, Criterion] = field(default_factory=dict)
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def by_reason(self) -> dict[str, tuple[str, ...]]:
        """For each reason code: what is said of the code itself, else of its event type."""
        found = {}
        for reason in Reason:
            kind = EventType.ACCESS_GRANTED if reason is Reason.GRANTED else EventType.ACCESS_DENIED
            found[reason.value] = self.evidence.get(reason.value, self.evidence.get(kind, ()))
        return found


def names() -> list[str]:
    """The sets that come with the program."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def load(name: str, own: Path | None = None) -> Criteria:
    """The set `name`, with the site's `own` file over it; raises CriteriaError."""
    base = _read(HERE / f"{name}.toml", name) if name else Criteria()
    if own is None:
        return base
    more = _read(own, base.name or own.stem, known=base.criteria)
    return Criteria(
        base.name or more.name,
        more.edition or base.edition,
        {**base.criteria, **more.criteria},
        {**base.evidence, **more.evidence},
    )


def _read(path: Path, name: str, known: Mapping[str, Criterion] | None = None) -> Criteria:
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise CriteriaError(path, "", f"can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CriteriaError(path, "", f"not valid TOML: {error}") from error
    if unknown := set(data) - {"edition", "criteria", "evidence"}:
        raise CriteriaError(path, min(unknown), "unknown key")
    found = {}
    for key, item in _table(path, "criteria", data.get("criteria", {})).items():
        found[key] = _criterion(path, key, _table(path, f"criteria.{key}", item))
    evidence = {}
    for key, ids in _table(path, "evidence", data.get("evidence", {})).items():
        if key not in _CODES and not re.fullmatch(r"[a-z]+\.[a-z_]+", key):
            raise CriteriaError(path, f"evidence.{key}", "no reason code and no event type")
        if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
            raise CriteriaError(path, f"evidence.{key}", "expected a list of ids")
        for item in ids:
            if item not in found and item not in (known or {}):
                raise CriteriaError(path, f"evidence.{key}", f"there is no criterion {item}")
        evidence[key] = tuple(ids)
    return Criteria(name, str(data.get("edition", "")), found, evidence)


def _criterion(path: Path, key: str, item: Mapping[str, Any]) -> Criterion:
    kind, title, members = item.get("kind"), item.get("title"), item.get("members", [])
    if not isinstance(kind, str) or not set(kind.split(", ")) <= set(KINDS):
        raise CriteriaError(path, f"criteria.{key}.kind", "expected must, should or 'must, should'")
    if not isinstance(title, dict) or not all(
        isinstance(title.get(language), str) for language in ("en", "es")
    ):
        raise CriteriaError(path, f"criteria.{key}.title", "expected a text in en and in es")
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        raise CriteriaError(path, f"criteria.{key}.members", "expected a list of words")
    return Criterion(key, kind, title, tuple(members))


def _table(path: Path, key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CriteriaError(path, key, "expected a table")
    return value
