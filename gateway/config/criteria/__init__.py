"""The criteria of a programme (CTPAT, OEA ...) that a site's records are evidence for, as data.

In: a set that comes with the program, by name, and the site's own file, which corrects it or adds
to it.  Out: the criteria with their titles, and which reason code, event type or code of the desk
is evidence for which of them.  The program names codes and event types only; only the TOML file has
the numbers.

The titles are our words and not the programme's text.  A member checks the numbers and the words
against the authority's booklet.

Every record that names criteria has `criteria_edition` beside them (`Criteria.marks`).  A record
without it was written with the first revision of the table; `editions` says what its numbers
stand for today.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from gateway.decide.model import Reason
from gateway.ledger.event import EventType, NewEvent
from gateway.locale import GaritaError, Message, worded

HERE = Path(__file__).parent
STANDARD = "ctpat-msc-2020"
KINDS = ("must", "should")
SHOWN_WORDS = ("enforces", "records", "cannot")
SHOWN_LISTS = ("topics", "rules", "figures", "tables", "reviews")
EDITION = "criteria_edition"
"""The key of a record that says from which table its criteria are."""

_T = TypeVar("_T")
_MAX_BYTES = 1_000_000
_CODES = frozenset(reason.value for reason in Reason)


class CriteriaError(GaritaError):
    """The program can't use a file of criteria; `key` and the message say where and why."""

    def __init__(self, path: Path, key: str, reason: Message) -> None:
        self.path, self.key, self.reason = path, key, reason
        where = f"{path}: {key}" if key else str(path)
        super().__init__(Message("{where}: {reason}", {"where": where, "reason": reason}))


NUMBERS = worded("expected a list of numbers")
TEXTS = worded("expected a list of words")


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a criterion asks; `kind` is ``must`` or ``should``, `words` by language."""

    kind: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion.

    `title` is by language.  `parts` has at least one.  `portal` has the numbers of its questions in
    the programme's portal, as far as we know them.  `members` are the kinds of member that it holds
    for, and `not_for` those that it does not; both are empty if no source says so.  `keep_days` is
    how many days a member keeps its records; 0 if no source says so.
    """

    id: str
    title: Mapping[str, str]
    parts: tuple[Part, ...]
    portal: tuple[int, ...] = ()
    members: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    keep_days: int = 0

    @property
    def kind(self) -> str:
        """``must``, ``should`` or ``must, should``."""
        found = {part.kind for part in self.parts}
        return ", ".join(kind for kind in KINDS if kind in found)


@dataclass(frozen=True, slots=True)
class Criteria:
    """A set.  `evidence` maps a reason code, an event type or a code of the desk to ids; `coverage`
    has what the site's own file says the gate can show of a criterion, as its tables."""

    name: str = ""
    edition: str = ""
    revision: int = 0
    criteria: Mapping[str, Criterion] = field(default_factory=dict)
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coverage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How records name the set that their criteria are from, such as ``ctpat-msc-2020/2``."""
        return f"{self.name}/{self.revision}"

    def of(self, *keys: str) -> tuple[str, ...]:
        """The criteria that any of the codes or event types is evidence for, in order of number."""
        return in_order(item for key in keys for item in self.evidence.get(key, ()))

    def marks(self, *keys: str, more: Iterable[str] = ()) -> dict[str, object]:
        """The data that a record of these codes or event types gets: ``criteria``, also with the
        ids of `more`, and ``criteria_edition``."""
        return {"criteria": list(in_order((*self.of(*keys), *more))), EDITION: self.label}

    def completed(self, event: NewEvent) -> NewEvent:
        """The event with the criteria of its type, as the log writes it.

        The log calls it for each record, so nobody who notes an event has to think of it.  An event
        that names its criteria stays as it is, and one of a type that is evidence for none.  A key
        ``TYPE/KIND`` of the evidence adds to those of the type, for records whose data has that
        `kind`.
        """
        if "criteria" in event.data:
            return event
        ids = self.of(event.type, f"{event.type}/{event.data.get('kind', '')}")
        if not ids:
            return event
        return replace(event, data={**event.data, "criteria": list(ids), EDITION: self.label})

    def by_reason(self) -> dict[str, tuple[str, ...]]:
        """The criteria of each reason code of a decision; if the set has none for the code, those
        of its event type."""
        found = {}
        for reason in Reason:
            kind = EventType.ACCESS_GRANTED if reason is Reason.GRANTED else EventType.ACCESS_DENIED
            found[reason.value] = self.evidence.get(reason.value, self.evidence.get(kind, ()))
        return found


def in_order(ids: Iterable[str]) -> tuple[str, ...]:
    """The ids, each once, in order of number: 5.8 before 5.14."""

    def place(item: str) -> list[tuple[int, str]]:
        return [
            (int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part)
            for part in item.split(".")
        ]

    return tuple(sorted(dict.fromkeys(ids), key=place))


def names() -> list[str]:
    """The sets that come with the program."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


@cache
def standard() -> Criteria:
    """The set that a site has by default."""
    return load(STANDARD)


def load(name: str, own: Path | None = None) -> Criteria:
    """The set `name` ("" for none), corrected by the site's `own` file; raises CriteriaError."""
    base = _read(HERE / f"{name}.toml", name) if name else Criteria()
    if own is None:
        return base
    more = _read(own, base.name or own.stem, base)
    return Criteria(
        name=base.name or more.name,
        edition=more.edition or base.edition,
        revision=base.revision,
        criteria={**base.criteria, **more.criteria},
        evidence={**base.evidence, **more.evidence},
        coverage=more.coverage,
    )


def _read(path: Path, name: str, base: Criteria | None = None) -> Criteria:
    """One file.  `base` is the set that it corrects; None for a set that comes with the program."""
    data = read_toml(path)
    if unknown := set(data) - {"edition", "revision", "criteria", "evidence", "coverage"}:
        raise CriteriaError(path, min(unknown), worded("unknown key"))
    revision = data.get("revision", 0)
    if not isinstance(revision, int) or revision < 0:
        raise CriteriaError(path, "revision", worded("expected a whole number"))
    found = {}
    for key, item in _table(path, "criteria", data.get("criteria", {})).items():
        found[key] = _criterion(path, key, _table(path, f"criteria.{key}", item))
    evidence = {}
    for key, ids in _table(path, "evidence", data.get("evidence", {})).items():
        if base is not None and not _is_known(key):
            raise CriteriaError(path, f"evidence.{key}", worded("no reason code and no event type"))
        if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
            raise CriteriaError(path, f"evidence.{key}", worded("expected a list of ids"))
        for item in ids:
            if item not in found and (base is None or item not in base.criteria):
                raise CriteriaError(
                    path, f"evidence.{key}", worded("there is no criterion {item}", item=item)
                )
        evidence[key] = tuple(ids)
    shown = {}
    for key, item in _table(path, "coverage", data.get("coverage", {})).items():
        if key not in found and (base is None or key not in base.criteria):
            raise CriteriaError(path, f"coverage.{key}", worded("there is no such criterion"))
        shown[key] = _shown(path, f"coverage.{key}", item)
    return Criteria(name, str(data.get("edition", "")), revision, found, evidence, shown)


def _shown(path: Path, key: str, item: Any) -> Mapping[str, Any]:
    """What the gate can show of a criterion: its words and lists, as gateway/evidence/programmes
    has them."""
    table = _table(path, key, item)
    for name, value in table.items():
        here = f"{key}.{name}"
        if name in SHOWN_WORDS:
            _words(path, here, value)
        elif name in SHOWN_LISTS:
            _list(path, here, value, str, TEXTS)
        elif name != "document":
            raise CriteriaError(path, here, worded("unknown key"))
        elif not isinstance(value, bool):
            raise CriteriaError(path, here, worded("expected true or false"))
    return table


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file; raises CriteriaError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CriteriaError(path, "", worded("larger than 1 MB"))
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise CriteriaError(path, "", worded("can't be read: {why}", why=error.strerror)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CriteriaError(path, "", worded("not valid TOML: {error}", error=error)) from error


def _is_known(key: str) -> bool:
    """Whether `key` is a reason code, an event type or a code of the desk.  The program refuses any
    other, because a typing error would have no effect."""
    if key in _CODES or re.fullmatch(r"[a-z]+\.[a-z_]+(/[a-z_]+)?", key):
        return True
    return key in standard().evidence  # the codes of the desk


def _criterion(path: Path, key: str, item: Mapping[str, Any]) -> Criterion:
    here = f"criteria.{key}"
    parts = item.get("parts", [])
    if not isinstance(parts, list):
        raise CriteriaError(path, f"{here}.parts", worded("expected a list of tables"))
    kinds = item.get("kind", "")
    if not isinstance(kinds, str) or (
        not (parts and not kinds) and not set(kinds.split(", ")) <= set(KINDS)
    ):
        raise CriteriaError(path, f"{here}.kind", worded("expected must, should or 'must, should'"))
    title = _words(path, f"{here}.title", item.get("title"))
    found = tuple(_part(path, f"{here}.parts.{n}", part) for n, part in enumerate(parts, start=1))
    return Criterion(
        id=key,
        title=title,
        parts=found or tuple(Part(kind, title) for kind in kinds.split(", ")),
        portal=_list(path, f"{here}.portal", item.get("portal", []), int, NUMBERS),
        members=_list(path, f"{here}.members", item.get("members", []), str, TEXTS),
        not_for=_list(path, f"{here}.not_for", item.get("not_for", []), str, TEXTS),
        keep_days=_list(path, f"{here}.keep_days", [item.get("keep_days", 0)], int, NUMBERS)[0],
    )


def _part(path: Path, key: str, item: Any) -> Part:
    table = _table(path, key, item)
    if table.get("kind") not in KINDS:
        raise CriteriaError(path, f"{key}.kind", worded("expected must or should"))
    return Part(str(table["kind"]), _words(path, key, item))


def _words(path: Path, key: str, value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(
        isinstance(value.get(language), str) for language in ("en", "es")
    ):
        raise CriteriaError(path, key, worded("expected a text in en and in es"))
    return {language: value[language] for language in ("en", "es")}


def _list(path: Path, key: str, value: Any, kind: type[_T], what: Message) -> tuple[_T, ...]:
    if not isinstance(value, list) or not all(type(item) is kind for item in value):
        raise CriteriaError(path, key, what)
    return tuple(value)


def _table(path: Path, key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CriteriaError(path, key, worded("expected a table"))
    return value
