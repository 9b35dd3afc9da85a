"""Rows of a personnel list to people, wherever the rows come from.

A row is a line number and a mapping of column to cell.  `collect` adds people, requirements and
revocation times to a `Source`, and every error with its line and column.  Errors never repeat a
badge number.  Nothing here opens a file or raises for what a row holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, tzinfo
from typing import Any

from gateway.decide.model import Person, PersonStatus
from gateway.locale import Message, worded
from gateway.locale.text import fold
from gateway.people.sync import cells
from gateway.people.sync.cells import Wrong, hint
from gateway.people.sync.header import KIND, MAX_KINDS, OP, REQUIRED, REQUIRES, REVOKED_AT
from gateway.people.sync.source import RowError, Source

STATUSES = {
    **dict.fromkeys(("", "active", "activo", "activa", "alta", "vigente"), PersonStatus.ACTIVE),
    **dict.fromkeys(
        ("suspended", "suspendido", "suspendida", "inactive", "inactivo", "inactiva"),
        PersonStatus.SUSPENDED,
    ),
    **dict.fromkeys(("revoked", "revocado", "revocada", "baja"), PersonStatus.REVOKED),
}
OPS = {"alta": "add", "cambio": "change", "baja": "remove"}


Row = tuple[int, Mapping[str, Any]]
Progress = Callable[[int], None]


def collect(
    rows: Iterable[Row],
    source: Source,
    levels: Collection[str],
    zone: tzinfo,
    progress: Progress | None = None,
) -> None:
    """Turn rows into the people of `source`.

    `levels` are the access levels of the policy.  Instants become days of `zone`, the site's.
    `progress` is called now and then with the number of rows so far.  Ids and badges must be
    unique in a list; that is checked here too.
    """
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
            person = _person(line, row, source, levels, zone, shared)
        if progress is not None and count % 1000 == 0:
            progress(count)
        if person.id in ids:
            message = worded("{id} is on line {line} too", id=person.id, line=ids[person.id])
            source.errors.append(RowError(line, "id", message))
        elif person.id:
            ids[person.id] = line
        for credential in person.credentials:
            if (other := badges.get(credential.key)) is not None:
                message = worded(
                    "badge {badge} is on line {line} too", badge=credential.masked, line=other
                )
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
    op = OPS.get(text, text)
    if op not in ("add", "change", "remove"):
        source.errors.append(RowError(line, OP, worded("expected add, change or remove")))
        return "change"
    if op != "remove":
        missing = [name for name in REQUIRED if name not in row]
        source.errors += [RowError(line, name, worded("missing")) for name in missing]
    return op


def _reason(error: ValueError, item: Any) -> Message:
    """Why a badge can't be read; what is printed on a card is answered with an example."""
    said = error.args[0]
    if isinstance(said, Message):
        return said
    if isinstance(item, str) and (example := cells.printed(item)) is not None:
        return example
    known = {
        "format and number must not be empty": worded("format and number must not be empty"),
        "facility code must be digits": worded("facility code must be digits"),
        "card number must be digits": worded("card number must be digits"),
    }
    return known.get(str(said), worded("expected format:facility:number"))


def _leaver(line: int, row: Mapping[str, Any], source: Source) -> Person:
    """A person whom a delta removes: only the id counts, and when they were revoked."""

    def wrong(name: str, message: Message) -> None:
        source.errors.append(RowError(line, name, message))

    key = cells.text(row.get("id"), "id", wrong, required=True)
    _revoked(key, row, source, wrong)
    return Person(key, "")


def _person(
    line: int,
    row: Mapping[str, Any],
    source: Source,
    levels: frozenset[str],
    zone: tzinfo,
    shared: dict[Any, Any],
) -> Person:
    """One row, as far as it can be read; all that is wrong in it goes to `source.errors`."""

    def wrong(name: str, message: Message) -> None:
        source.errors.append(RowError(line, name, message))

    text = {
        name: cells.text(row.get(name), name, wrong, required=name in REQUIRED)
        for name in ("id", "name", "company", "role", "status")
    }
    first = cells.day(row.get("valid_from"), "valid_from", wrong, zone)
    last = cells.day(row.get("valid_until"), "valid_until", wrong, zone)
    if first and last and last < first:
        wrong("valid_until", worded("{last} is before valid_from {first}", last=last, first=first))
    status = STATUSES.get(fold(text["status"]))
    if status is None:
        status = PersonStatus.SUSPENDED
        known = "active (activo), suspended (suspendido), revoked (revocado, baja)"
        wrong(
            "status", worded("'{read}': expected {names}", read=hint(text["status"]), names=known)
        )
    credentials = []
    for item in cells.items(row.get("credentials"), "credentials", wrong):
        try:
            credentials.append(cells.credential(item))
        except ValueError as error:
            wrong("credentials", _reason(error, item))
    names = []
    for item in cells.items(row.get("access_levels"), "access_levels", wrong):
        if not isinstance(item, str) or item not in levels:
            wrong(
                "access_levels",
                cells.excel_error(item)
                or worded("the configuration has no level '{name}'", name=hint(str(item))),
            )
        else:
            names.append(item)
    if source.kinds or "requirements" in row:
        held = _requirements(row, source, wrong, zone)
        if held:
            source.requirements[text["id"]] = shared.setdefault(tuple(held.items()), held)
    _revoked(text["id"], row, source, wrong)
    company, role, opens = text["company"], text["role"], tuple(dict.fromkeys(names))
    return Person(
        id=text["id"],
        name=text["name"],
        company=shared.setdefault(company, company),
        role=shared.setdefault(role, role),
        valid_from=first,
        valid_until=last,
        status=status,
        credentials=tuple(credentials),
        access_levels=shared.setdefault(opens, opens),
    )


def _requirements(
    row: Mapping[str, Any], source: Source, wrong: Wrong, zone: tzinfo
) -> dict[str, date]:
    """The requirements of one row: columns ``requires:KIND``, or an object of kind to date."""
    given = row.get("requirements")
    if given is None:
        shown = {kind: row.get(REQUIRES + kind) for kind in source.kinds}
    elif not isinstance(given, dict) or len(given) > MAX_KINDS:
        wrong("requirements", worded("expected an object of at most {n} kinds", n=MAX_KINDS))
        return {}
    else:
        shown = given
        source.kinds.update(given)
        if len(source.kinds) > MAX_KINDS or not all(map(KIND.fullmatch, given)):
            wrong("requirements", worded("too many kinds, or a name that is none"))
            return {}
    found = {kind: cells.day(cell, REQUIRES + kind, wrong, zone) for kind, cell in shown.items()}
    return {kind: day for kind, day in found.items() if day is not None}


def _revoked(key: str, row: Mapping[str, Any], source: Source, wrong: Wrong) -> None:
    cell = row.get(REVOKED_AT)
    if cell is None or cell == "":
        return
    try:
        source.revoked_at[key] = cells.moment(cell)
    except ValueError:
        wrong(
            REVOKED_AT,
            worded(
                "'{read}': expected a time with its zone, such as 2026-11-30T14:05:00Z",
                read=cells.shown(cell),
            ),
        )
