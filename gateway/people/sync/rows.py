"""Rows of a personnel list to people, wherever the rows come from.

A row is a line number and a mapping of column to cell.  What goes out is a `Source`: people,
what they have shown (requirements), when they were revoked, and every error with line, column
and what is wrong; badge numbers are never repeated in it.  A source with one error is not used
at all: that is for `sync` to hold to.  Opens nothing and never raises for what a row holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from gateway.decide.model import Credential, Person, PersonStatus

COLUMNS = (
    "id",
    "name",
    "company",
    "role",
    "valid_from",
    "valid_until",
    "status",
    "credentials",
    "access_levels",
)
REVOKED_AT = "revoked_at"
REQUIRES = "requires:"
OP = "op"
REQUIRED = ("id", "name", "credentials", "access_levels")
SPANISH = {
    "nombre": "name",
    "empresa": "company",
    "puesto": "role",
    "vigente_desde": "valid_from",
    "vigente_hasta": "valid_until",
    "estado": "status",
    "credenciales": "credentials",
    "niveles": "access_levels",
    "activo": "active",
    "suspendido": "suspended",
    "revocado": "revoked",
    "revocado_el": REVOKED_AT,
    "alta": "add",
    "cambio": "change",
    "baja": "remove",
}
MAX_FIELD = 1000
MAX_KINDS = 50
# Control codes, which no terminal should be sent, and halves of characters, which JSON can hold
# and UTF-8 not.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BADGE_LIKE = re.compile(r"\d{3,}|:.*", re.DOTALL)
_KIND = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong, and where: `line` counts from 1 (in JSON: the person's place in the
    list), `column` is a column's name or "" for the row or file as a whole."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else "file"
        return (
            f"{where}, {self.column}: {self.message}" if self.column else f"{where}: {self.message}"
        )


@dataclass(slots=True)
class Source:
    """A list that was read: its people in its order, everything wrong with it, its hash.

    `kinds` are the requirements that the list keeps, `requirements` what each person has of
    them (last good day); kinds that are not named are left alone.  `revoked_at` says when the
    source revoked a person, `generated_at` when it made the list, both aware.  `removals` is
    None for a whole list; a delta names those who go and, in `ops`, what it does to the others
    (add or change).  `serial` counts the bundles of one signer.
    """

    name: str
    people: list[Person] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    sha256: str = ""
    requirements: dict[str, dict[str, date]] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    revoked_at: dict[str, datetime] = field(default_factory=dict)
    generated_at: datetime | None = None
    modified_at: datetime | None = None
    serial: int | None = None
    removals: list[str] | None = None
    ops: dict[str, str] = field(default_factory=dict)

    @property
    def delta(self) -> bool:
        return self.removals is not None


Row = tuple[int, Mapping[str, Any]]
Progress = Callable[[int], None]
Wrong = Callable[[str, str], None]


def column(cell: str) -> str:
    """A header cell as the English name of its column."""
    name = cell.strip().lower().replace(" ", "_")
    if name.startswith("requisito:"):
        name = REQUIRES + name.removeprefix("requisito:")
    return SPANISH.get(name, name)


def good_header(names: list[str], source: Source) -> bool:
    """Whether these columns make a list; what is wrong goes to `source.errors`."""
    before = len(source.errors)
    if not any(names):
        source.errors.append(RowError(1, "", "the file is empty"))
        return False
    for name in sorted({name for name in names if names.count(name) > 1}):
        source.errors.append(RowError(1, name, "this column is there twice"))
    for name in names:
        if name.startswith(REQUIRES):
            if not _KIND.fullmatch(name.removeprefix(REQUIRES)):
                message = "a requirement is named by letters, digits, '-', '_' or '.'"
                source.errors.append(RowError(1, hint(name), message))
        elif name not in COLUMNS and name != REVOKED_AT and not (source.delta and name == OP):
            source.errors.append(
                RowError(1, hint(name), f"unknown column; known are {', '.join(COLUMNS)}")
            )
    for name in (OP, "id") if source.delta else REQUIRED:
        if name not in names:
            source.errors.append(RowError(1, name, "this column is missing"))
    kinds = [name for name in names if name.startswith(REQUIRES)]
    if len(kinds) > MAX_KINDS:
        source.errors.append(RowError(1, "", f"more than {MAX_KINDS} requirements"))
    source.kinds.update(name.removeprefix(REQUIRES) for name in kinds)
    return len(source.errors) == before


def collect(
    rows: Iterable[Row],
    source: Source,
    levels: Collection[str],
    progress: Progress | None = None,
) -> None:
    """Rows to people; what must be unique in a list is checked here."""
    ids: dict[str, int] = {}
    badges: dict[str, int] = {}
    levels = frozenset(levels)
    shared: dict[Any, Any] = {}  # a quarter of a million people share a few companies and levels
    count = 0
    for count, (line, row) in enumerate(rows, 1):
        before = len(source.errors)
        op = _op(line, row, source) if source.delta else ""
        if op == "remove":
            person = _leaver(line, row, source)
        else:
            person = _person(line, row, source, levels, shared)
        if progress is not None and count % 1000 == 0:
            progress(count)
        if person.id in ids:
            message = f"{person.id} is on line {ids[person.id]} too"
            source.errors.append(RowError(line, "id", message))
        elif person.id:
            ids[person.id] = line
        for credential in person.credentials:
            if (other := badges.get(credential.key)) is not None:
                message = f"badge {credential.masked} is on line {other} too"
                source.errors.append(RowError(line, "credentials", message))
            badges.setdefault(credential.key, line)
        if len(source.errors) > before:
            continue
        if op == "remove" and source.removals is not None:
            source.removals.append(person.id)
            continue
        if op:
            source.ops[person.id] = op
        source.people.append(person)
    if progress is not None:
        progress(count)


def _op(line: int, row: Mapping[str, Any], source: Source) -> str:
    cell = row.get(OP)
    text = cell.strip().lower() if isinstance(cell, str) else ""
    op = SPANISH.get(text, text)
    if op not in ("add", "change", "remove"):
        source.errors.append(RowError(line, OP, "expected add, change or remove"))
        return "change"
    if op != "remove":
        missing = [name for name in REQUIRED if name not in row]
        source.errors += [RowError(line, name, "missing") for name in missing]
    return op


def _leaver(line: int, row: Mapping[str, Any], source: Source) -> Person:
    """Who goes: their id counts, and when they were revoked."""

    def wrong(name: str, message: str) -> None:
        source.errors.append(RowError(line, name, message))

    key = _text(row.get("id"), "id", wrong)
    _revoked(key, row, source, wrong)
    return Person(key, "")


def _person(
    line: int,
    row: Mapping[str, Any],
    source: Source,
    levels: frozenset[str],
    shared: dict[Any, Any],
) -> Person:
    """One row, as far as it can be read; all that is wrong in it goes to `source.errors`."""

    def wrong(name: str, message: str) -> None:
        source.errors.append(RowError(line, name, message))

    text = {
        name: _text(row.get(name), name, wrong)
        for name in ("id", "name", "company", "role", "status")
    }
    first = _date(row.get("valid_from"), "valid_from", wrong)
    last = _date(row.get("valid_until"), "valid_until", wrong)
    if first and last and last < first:
        wrong("valid_until", f"{last} is before valid_from {first}")
    status_text = text["status"].lower()
    try:
        status = PersonStatus(SPANISH.get(status_text, status_text) or "active")
    except ValueError:
        status = PersonStatus.SUSPENDED
        wrong("status", f"expected one of {', '.join(PersonStatus)}")
    credentials = []
    for item in _items(row.get("credentials"), "credentials", wrong):
        try:
            credentials.append(_credential(item))
        except ValueError as error:
            wrong("credentials", str(error))
    names = []
    for item in _items(row.get("access_levels"), "access_levels", wrong):
        if not isinstance(item, str) or item not in levels:
            wrong("access_levels", f"the configuration has no level '{hint(str(item))}'")
        else:
            names.append(item)
    if source.kinds or "requirements" in row:
        held = _requirements(row, source, wrong)
        if held:
            source.requirements[text["id"]] = shared.setdefault(tuple(held.items()), held)
    _revoked(text["id"], row, source, wrong)
    company, role, opens = text["company"], text["role"], tuple(dict.fromkeys(names))
    return Person(
        text["id"],
        text["name"],
        shared.setdefault(company, company),
        shared.setdefault(role, role),
        first,
        last,
        status,
        tuple(credentials),
        shared.setdefault(opens, opens),
    )


def _text(value: Any, name: str, wrong: Wrong) -> str:
    if value is None:
        value = ""
    if not isinstance(value, str):
        wrong(name, "expected text")
        return ""
    if len(value) > MAX_FIELD:
        wrong(name, f"longer than {MAX_FIELD} characters")
        return ""
    text: str = value.strip()
    if not text and name in REQUIRED:
        wrong(name, "is empty")
    elif _NO_TEXT.search(text):
        wrong(name, "holds characters that are no text")
    return text


def _requirements(row: Mapping[str, Any], source: Source, wrong: Wrong) -> dict[str, date]:
    """The requirements of one row: columns ``requires:KIND``, or an object of kind to date."""
    given = row.get("requirements")
    if given is None:
        cells = {kind: row.get(REQUIRES + kind) for kind in source.kinds}
    elif not isinstance(given, dict) or len(given) > MAX_KINDS:
        wrong("requirements", f"expected an object of at most {MAX_KINDS} kinds")
        return {}
    else:
        cells = given
        source.kinds.update(given)
        if len(source.kinds) > MAX_KINDS or not all(map(_KIND.fullmatch, given)):
            wrong("requirements", "too many kinds, or a name that is none")
            return {}
    found = {kind: _date(cell, REQUIRES + kind, wrong) for kind, cell in cells.items()}
    return {kind: day for kind, day in found.items() if day is not None}


def _revoked(key: str, row: Mapping[str, Any], source: Source, wrong: Wrong) -> None:
    cell = row.get(REVOKED_AT)
    if cell is None or cell == "":
        return
    try:
        source.revoked_at[key] = moment(cell)
    except ValueError:
        wrong(REVOKED_AT, "expected a time with its zone, such as 2026-11-30T14:05:00Z")


def moment(value: Any) -> datetime:
    """RFC 3339 text as an aware time in UTC; raises ValueError."""
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("no time")
    found = datetime.fromisoformat(value.strip())
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no time") from error


def _date(value: Any, name: str, wrong: Wrong) -> date | None:
    if value is None or value == "":
        return None
    try:
        return _day(value)
    except (ValueError, AttributeError, TypeError):
        wrong(name, "expected a date such as 2026-11-30")
        return None


@lru_cache(maxsize=10_000)
def _day(value: str) -> date | None:
    text = value.strip()
    if not text:
        return None
    if len(text) != 10:
        raise ValueError("no date")
    return date.fromisoformat(text)


def _items(value: Any, name: str, wrong: Wrong) -> list[Any]:
    """A list: in CSV parted by semicolons (or bars, where semicolons part the columns)."""
    if value is None:
        return []
    if isinstance(value, str):
        if len(value) > MAX_FIELD:
            wrong(name, f"longer than {MAX_FIELD} characters")
            return []
        return [part.strip() for part in value.replace("|", ";").split(";") if part.strip()]
    if isinstance(value, list) and len(value) <= 100:
        return value
    wrong(name, "expected a list of at most 100")
    return []


def _credential(item: Any) -> Credential:
    if isinstance(item, dict) and set(item) <= {"format", "facility", "number"}:
        parts = (item.get("format", ""), item.get("facility", ""), item.get("number", ""))
        if all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
            item = ":".join(str(part) for part in parts)
    if not isinstance(item, str):
        raise ValueError("expected format:facility:number")
    if len(item) > MAX_FIELD:
        raise ValueError(f"longer than {MAX_FIELD} characters")
    if _NO_TEXT.search(item.strip()):
        raise ValueError("holds characters that are no text")
    return Credential.parse(item)


def hint(text: str) -> str:
    """What a message may repeat of a cell: columns get mixed up, and then a badge stands where
    a word belongs."""
    return _NO_TEXT.sub("?", _BADGE_LIKE.sub("…", text))[:40]
