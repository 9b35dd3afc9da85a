"""A personnel list from a file: CSV, Excel workbook or JSON in, people and errors out.

Without a profile the file has our columns (rows.py), in English or Spanish; CSV is UTF-8, with or
without a byte order mark, parted by commas, semicolons or tabs.  With a profile (profile.py) it is
somebody's own list.  A workbook is known by its first bytes, whatever its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from gateway.locale import worded
from gateway.people.sync import csvtext, mapped, workbook
from gateway.people.sync.cells import hint, moment
from gateway.people.sync.header import (
    COLUMNS,
    OP,
    OPTIONAL,
    REQUIRED,
    REVOKED_AT,
    fit,
    good_header,
    read_header,
)
from gateway.people.sync.profile import Profile
from gateway.people.sync.rows import Progress, Row, collect
from gateway.people.sync.source import RowError, Source
from gateway.people.sync.workbook import WorkbookError, is_workbook

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
    profile: Profile | None = None,
) -> Source:
    """Read a list from `path`: JSON if the name ends in .json, else a workbook or CSV.

    `levels` are the access levels that the policy knows, `zone` is the site's.  A `delta` has a
    column `op`: add, change or remove.  Never raises for the file's content: what is wrong with
    it is in `errors` of the returned source.
    """
    source = Source(path.name, removals=[] if delta else None)
    try:
        found = path.stat()
        if found.st_size > MAX_BYTES:
            source.errors.append(RowError(0, "", worded("larger than {n} MiB", n=MAX_BYTES >> 20)))
            return source
        source.modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)  # a pipe has no size
    except OSError as error:
        source.errors.append(RowError(0, "", worded("can't be read: {why}", why=error.strerror)))
        return source
    parse(
        raw,
        source,
        json=path.suffix.lower() == ".json",
        levels=levels,
        zone=zone,
        progress=progress,
        profile=profile,
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
    profile: Profile | None = None,
) -> None:
    """Read the bytes of a list into `source`.  A profile is for CSV and workbooks."""
    if len(raw) > MAX_BYTES:
        source.errors.append(RowError(0, "", worded("larger than {n} MiB", n=MAX_BYTES >> 20)))
        return
    source.sha256 = hashlib.sha256(raw).hexdigest()
    rows: Iterable[Row]
    if json and not is_workbook(raw):
        text = csvtext.utf8(raw, source)
        if text is None:
            return
        rows = _json_rows(text, source)
    else:
        lines = cell_lines(raw, source, profile, zone)
        rows = _own_rows(lines, source) if profile is None else mapped.rows(lines, profile, source)
    try:
        collect(rows, source, levels, zone, progress)
    except WorkbookError as error:
        source.errors.append(RowError(0, "", error.args[0]))
    # Whoever mends the list knows the columns by the names in it.
    heads = source.heads if profile is None else profile.columns
    source.errors = [
        replace(error, column=heads.get(error.column, error.column)) for error in source.errors
    ]


def cell_lines(
    raw: bytes, source: Source, profile: Profile | None, zone: tzinfo
) -> Iterator[workbook.Line]:
    """The lines of a workbook or CSV as cells, each with its number from 1; what is wrong with
    CSV goes to `source.errors`, with a workbook it is raised as WorkbookError."""
    if is_workbook(raw):
        return workbook.rows(raw, profile.sheet if profile else "", zone)
    return csvtext.lines(raw, source, profile)


def to_json(source: Source) -> str:
    """A list as the JSON that `parse` reads; the same people give the same text."""
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
        if source.delta:
            item[OP] = source.ops[person.id]
        people.append(item)
    for key in source.removals or ():
        item = {OP: "remove", "id": key}
        if at := source.revoked_at.get(key):
            item[REVOKED_AT] = at.isoformat()
        people.append(item)
    about = {"generated_at": source.generated_at.isoformat()} if source.generated_at else {}
    return json.dumps({**about, "people": people}, ensure_ascii=False, separators=(",", ":"))


def _own_rows(lines: Iterator[workbook.Line], source: Source) -> Iterator[Row]:
    """Rows of a list that has our columns."""
    names: list[str] = []
    for line, cells in lines:
        if not names:
            names = read_header(cells, source)
            if not good_header(names, source):
                return
        elif (row := fit(line, cells, names, source)) is not None:
            yield line, {name: cell for name, cell in zip(names, row, strict=True) if name}
    if not names and not source.errors:
        good_header([], source)


def _json_rows(text: str, source: Source) -> Iterator[Row]:
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        source.errors.append(RowError(0, "", worded("not JSON: too deep")))
        return
    except ValueError as error:  # besides bad JSON: numbers of thousands of digits, _object
        line, message = getattr(error, "lineno", 0), getattr(error, "msg", str(error))
        source.errors.append(RowError(line, "", worded("not JSON: {why}", why=message)))
        return
    if isinstance(data, dict) and {"people"} <= set(data) <= {"people", "generated_at"}:
        if "generated_at" in data:
            try:
                source.generated_at = moment(data["generated_at"])
            except ValueError:
                wrong = worded("expected a time with its zone, such as 2026-11-30T14:05:00Z")
                source.errors.append(RowError(0, "generated_at", wrong))
        data = data["people"]
    if not isinstance(data, list):
        source.errors.append(
            RowError(0, "", worded("expected a list of people, or an object with people"))
        )
        return
    known = _JSON_KEYS | {OP} if source.delta else _JSON_KEYS
    required = (OP, "id") if source.delta else REQUIRED
    keys = {key for item in data if isinstance(item, dict) for key in item}
    source.absent.update(set(OPTIONAL).difference(keys))
    for place, item in enumerate(data, 1):
        if not isinstance(item, dict):
            source.errors.append(RowError(place, "", worded("expected an object")))
            continue
        unknown = [key for key in item if key not in known]
        missing = [key for key in required if key not in item]
        source.errors += [RowError(place, hint(key), worded("unknown column")) for key in unknown]
        source.errors += [RowError(place, key, worded("missing")) for key in missing]
        if not unknown and not missing:
            yield place, item


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):  # the last would win, and might say the opposite
        raise ValueError("an object has a key twice")
    return found
