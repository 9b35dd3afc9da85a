"""A personnel list from a file: CSV or JSON in, people and errors out.

Headers may be English or Spanish, separators comma, semicolon or tab (a spreadsheet decides
that by its country), text is UTF-8 with or without a byte order mark.  What each row must hold
is in rows.py.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from gateway.people.sync.cells import hint, moment
from gateway.people.sync.rows import (
    COLUMNS,
    OP,
    REQUIRED,
    REVOKED_AT,
    Progress,
    Row,
    collect,
    column,
    good_header,
)
from gateway.people.sync.source import RowError, Source

__all__ = ["COLUMNS", "RowError", "Source", "parse", "read_people", "to_json"]

MAX_BYTES = 256 * 1024 * 1024
_JSON_KEYS = frozenset((*COLUMNS, "requirements", REVOKED_AT))


def read_people(
    path: Path,
    *,
    levels: Collection[str],
    zone: tzinfo,
    progress: Progress | None = None,
    delta: bool = False,
) -> Source:
    """Read `path` (JSON if it ends in .json, else CSV); `levels` are the access levels that
    the policy knows.  A `delta` has a column `op`: add, change or remove.  Never raises for the
    file's content."""
    source = Source(path.name, removals=[] if delta else None)
    try:
        found = path.stat()
        if found.st_size > MAX_BYTES:
            source.errors.append(RowError(0, "", f"larger than {MAX_BYTES >> 20} MiB"))
            return source
        source.modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)  # a pipe has no size
    except OSError as error:
        source.errors.append(RowError(0, "", f"can't be read: {error.strerror}"))
        return source
    parse(
        raw,
        source,
        json=path.suffix.lower() == ".json",
        levels=levels,
        zone=zone,
        progress=progress,
    )
    return source


def parse(
    raw: bytes,
    source: Source,
    *,
    json: bool,
    levels: Collection[str],
    zone: tzinfo,
    progress: Progress | None = None,
) -> None:
    """The text of a list into `source`."""
    if len(raw) > MAX_BYTES:
        source.errors.append(RowError(0, "", f"larger than {MAX_BYTES >> 20} MiB"))
        return
    source.sha256 = hashlib.sha256(raw).hexdigest()
    text = _decode(raw, source)
    if text is None:
        return
    if json:
        rows = _json_rows(text, source)
    else:
        del text  # decoded again line by line: a large list is not kept twice
        rows = _csv_rows(raw, source)
    collect(rows, source, levels, zone, progress)


def to_json(source: Source) -> str:
    """A whole list as the JSON that `parse` reads; the same people give the same text."""
    people = []
    for person in sorted(source.people, key=lambda person: person.id):
        item: dict[str, Any] = {
            "id": person.id,
            "name": person.name,
            "company": person.company,
            "role": person.role,
            "valid_from": person.valid_from and str(person.valid_from),
            "valid_until": person.valid_until and str(person.valid_until),
            "status": person.status.value,
            "credentials": sorted(badge.key for badge in person.credentials),
            "access_levels": list(person.access_levels),
        }
        held = source.requirements.get(person.id, {})
        if source.kinds:
            days = {kind: held.get(kind) for kind in sorted(source.kinds)}
            item["requirements"] = {kind: day and str(day) for kind, day in days.items()}
        if at := source.revoked_at.get(person.id):
            item[REVOKED_AT] = at.isoformat()
        people.append(item)
    about = {"generated_at": source.generated_at.isoformat()} if source.generated_at else {}
    return json.dumps({**about, "people": people}, ensure_ascii=False, separators=(",", ":"))


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


def _csv_rows(raw: bytes, source: Source) -> Iterator[Row]:
    head = raw.split(b"\n", 1)[0].decode("utf-8-sig")
    delimiter = max(",;\t", key=head.count)
    lines = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        names = [column(cell) for cell in header]
        if not good_header(names, source):
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
    if isinstance(data, dict) and {"people"} <= set(data) <= {"people", "generated_at"}:
        if "generated_at" in data:
            try:
                source.generated_at = moment(data["generated_at"])
            except ValueError:
                message = "expected a time with its zone, such as 2026-11-30T14:05:00Z"
                source.errors.append(RowError(0, "generated_at", message))
        data = data["people"]
    if not isinstance(data, list):
        source.errors.append(RowError(0, "", 'expected a list of people, or {"people": [...]}'))
        return
    known = _JSON_KEYS | {OP} if source.delta else _JSON_KEYS
    required = (OP, "id") if source.delta else REQUIRED
    for place, item in enumerate(data, 1):
        if not isinstance(item, dict):
            source.errors.append(RowError(place, "", "expected an object"))
            continue
        unknown = [key for key in item if key not in known]
        missing = [key for key in required if key not in item]
        source.errors += [RowError(place, hint(key), "unknown column") for key in unknown]
        source.errors += [RowError(place, key, "missing") for key in missing]
        if not unknown and not missing:
            yield place, item


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):  # the last would win, and might say the opposite
        raise ValueError("an object has a key twice")
    return found
