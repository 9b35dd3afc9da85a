"""A personnel list from a file: CSV or JSON in, people and errors out.

Every error is found and says line, column and what is wrong; badge numbers are never
repeated in it.  A file with one error is not used at all: that is for `sync` to hold to.
Headers may be English or Spanish, separators comma, semicolon or tab (a spreadsheet decides
that by its country), text is UTF-8 with or without a byte order mark.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from gateway.model import Credential, Person, PersonStatus

COLUMNS = (
    "id", "name", "company", "role", "valid_from", "valid_until", "status", "credentials",
    "access_levels",
)  # fmt: skip
REQUIRED = ("id", "name", "credentials", "access_levels")
SPANISH = {
    "nombre": "name", "empresa": "company", "puesto": "role", "vigente_desde": "valid_from",
    "vigente_hasta": "valid_until", "estado": "status", "credenciales": "credentials",
    "niveles": "access_levels", "activo": "active", "suspendido": "suspended",
    "revocado": "revoked",
}  # fmt: skip
MAX_FIELD = 1000
MAX_BYTES = 256 * 1024 * 1024
# Control codes, which no terminal should be sent, and halves of characters, which JSON can hold
# and UTF-8 not.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BADGE_LIKE = re.compile(r"\d{3,}|:.*", re.DOTALL)


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
    """A file that was read: its people in its order, everything wrong with it, its hash."""

    name: str
    people: list[Person] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    sha256: str = ""


Row = tuple[int, Mapping[str, Any]]
Progress = Callable[[int], None]


def read_people(path: Path, *, levels: Collection[str], progress: Progress | None = None) -> Source:
    """Read `path` (JSON if it ends in .json, else CSV); `levels` are the access levels that
    the policy knows.  Never raises for the file's content."""
    source = Source(path.name)
    try:
        if path.stat().st_size > MAX_BYTES:
            source.errors.append(RowError(0, "", f"larger than {MAX_BYTES >> 20} MiB"))
            return source
        raw = path.read_bytes()
    except OSError as error:
        source.errors.append(RowError(0, "", f"can't be read: {error.strerror}"))
        return source
    source.sha256 = hashlib.sha256(raw).hexdigest()
    text = _decode(raw, source)
    if text is None:
        return source
    rows = _json_rows(text, source) if path.suffix.lower() == ".json" else _csv_rows(text, source)
    _collect(rows, source, frozenset(levels), progress)
    return source


def _decode(raw: bytes, source: Source) -> str | None:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        source.errors.append(RowError(1, "", "UTF-16 text; save it as CSV UTF-8"))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        source.errors.append(
            RowError(line, "", f"not UTF-8 text (byte {error.start}); save it as CSV UTF-8")
        )
        return None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        source.errors.append(RowError(line, "", "holds a NUL byte: not a text file"))
        return None
    return text


def _csv_rows(text: str, source: Source) -> Iterator[Row]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        names = [_column(cell) for cell in header]
        if not _good_header(names, source):
            return
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(names):
                    message = f"{len(cells)} columns where the header has {len(names)}"
                    source.errors.append(RowError(line, "", message))
                else:
                    yield line, dict(zip(names, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        source.errors.append(RowError(reader.line_num, "", f"not CSV: {error}"))


def _column(cell: str) -> str:
    name = cell.strip().lower().replace(" ", "_")
    return SPANISH.get(name, name)


def _good_header(names: list[str], source: Source) -> bool:
    before = len(source.errors)
    if not any(names):
        source.errors.append(RowError(1, "", "the file is empty"))
        return False
    for name in sorted({name for name in names if names.count(name) > 1}):
        source.errors.append(RowError(1, name, "this column is there twice"))
    for name in names:
        if name not in COLUMNS:
            source.errors.append(
                RowError(1, _hint(name), f"unknown column; known are {', '.join(COLUMNS)}")
            )
    for name in REQUIRED:
        if name not in names:
            source.errors.append(RowError(1, name, "this column is missing"))
    return len(source.errors) == before


def _json_rows(text: str, source: Source) -> Iterator[Row]:
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        source.errors.append(RowError(0, "", "not JSON: too deep"))
        return
    except ValueError as error:  # besides bad JSON: numbers of thousands of digits, _object
        line, message = getattr(error, "lineno", 0), getattr(error, "msg", str(error))
        source.errors.append(RowError(line, "", f"not JSON: {message}"))
        return
    if isinstance(data, dict) and set(data) == {"people"}:
        data = data["people"]
    if not isinstance(data, list):
        source.errors.append(RowError(0, "", 'expected a list of people, or {"people": [...]}'))
        return
    for place, item in enumerate(data, 1):
        if not isinstance(item, dict):
            source.errors.append(RowError(place, "", "expected an object"))
            continue
        unknown = [key for key in item if key not in COLUMNS]
        missing = [key for key in REQUIRED if key not in item]
        source.errors += [RowError(place, _hint(key), "unknown column") for key in unknown]
        source.errors += [RowError(place, key, "missing") for key in missing]
        if not unknown and not missing:
            yield place, item


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):  # the last would win, and might say the opposite
        raise ValueError("an object has a key twice")
    return found


def _collect(
    rows: Iterator[Row], source: Source, levels: frozenset[str], progress: Progress | None
) -> None:
    """Rows to people; what must be unique in a list is checked here."""
    ids: dict[str, int] = {}
    badges: dict[str, int] = {}
    count = 0
    for count, (line, row) in enumerate(rows, 1):
        before = len(source.errors)
        person = _person(line, row, source, levels)
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
        if len(source.errors) == before:
            source.people.append(person)
    if progress is not None:
        progress(count)


def _person(line: int, row: Mapping[str, Any], source: Source, levels: frozenset[str]) -> Person:
    """One row, as far as it can be read; all that is wrong in it goes to `source.errors`."""

    def wrong(column: str, message: str) -> None:
        source.errors.append(RowError(line, column, message))

    text: dict[str, str] = {}
    for column in ("id", "name", "company", "role", "status"):
        value = row.get(column)
        value = "" if value is None else value
        if not isinstance(value, str):
            wrong(column, "expected text")
        elif len(value) > MAX_FIELD:
            wrong(column, f"longer than {MAX_FIELD} characters")
        elif not value.strip() and column in REQUIRED:
            wrong(column, "is empty")
        elif _NO_TEXT.search(value.strip()):
            wrong(column, "holds characters that are no text")
        text[column] = value.strip() if isinstance(value, str) else ""
    dates = {
        column: _date(row.get(column), column, wrong) for column in ("valid_from", "valid_until")
    }
    first, last = dates["valid_from"], dates["valid_until"]
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
            wrong("access_levels", f"the configuration has no level '{_hint(str(item))}'")
        else:
            names.append(item)
    return Person(
        text["id"], text["name"], text["company"], text["role"], first, last, status,
        tuple(credentials), tuple(dict.fromkeys(names)),
    )  # fmt: skip


def _date(value: Any, column: str, wrong: Callable[[str, str], None]) -> date | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        text = value.strip()
        if len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except (ValueError, AttributeError):
        wrong(column, "expected a date such as 2026-11-30")
        return None


def _items(value: Any, column: str, wrong: Callable[[str, str], None]) -> list[Any]:
    """A list: in CSV parted by semicolons (or bars, where semicolons part the columns)."""
    if value is None:
        return []
    if isinstance(value, str):
        if len(value) > MAX_FIELD:
            wrong(column, f"longer than {MAX_FIELD} characters")
            return []
        return [part.strip() for part in value.replace("|", ";").split(";") if part.strip()]
    if isinstance(value, list) and len(value) <= 100:
        return value
    wrong(column, "expected a list of at most 100")
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


def _hint(text: str) -> str:
    """What a message may repeat of a cell: columns get mixed up, and then a badge stands where
    a word belongs."""
    return _NO_TEXT.sub("?", _BADGE_LIKE.sub("…", text))[:40]
