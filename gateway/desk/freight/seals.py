"""The inventory of seals: batches come in with their ISO 17712 certificate; seals are issued, used
and voided.

    stock -> issued -> used        stock, issued, used -> void (with the reason)

A number exists once in all batches.  The act of sealing calls `take()` and `give_up()` inside its
own transaction; every other act here writes its event in a transaction of its own.  `criteria` is
the site's set, which says what the event is evidence for; None is the standard one.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.config.criteria import Criteria, standard
from gateway.desk.act import stamp, writing
from gateway.desk.errors import DeskError, NotFound
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.locale import N_
from gateway.people.schema import put_event

CLASSES = {"H": "high security", "S": "security", "I": "indicative"}
STATES = ("stock", "issued", "used", "void")
MAX_BATCH = 10_000
_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9-]{2,29}")


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal of the inventory, with the class of its batch."""

    number: str
    state: str
    seal_class: str
    batch: int
    issued_to: str
    freight: int | None
    changed_at: str
    by: str
    note: str


def number(text: str) -> str:
    """A seal number for comparing: upper case, no spaces; raises DeskError."""
    found = clean(text, N_("seal number"), most=40).upper().replace(" ", "")
    if not _NUMBER.fullmatch(found):
        raise DeskError("bad_seal_number", "a seal number has 3 to 30 letters, digits or hyphens")
    return found


def numbers(parts: Iterable[str]) -> list[str]:
    """Single numbers and ranges such as ``AB000100..AB000199``; raises DeskError."""
    found: list[str] = []
    for part in parts:
        first, dots, last = part.partition("..")
        if not dots:
            found.append(number(first))
            continue
        begin, end = (re.fullmatch(r"(.*?)(\d+)", number(text)) for text in (first, last))
        if not begin or not end or begin[1] != end[1] or len(begin[2]) != len(end[2]):
            raise _bad_range(part)
        low, high = int(begin[2]), int(end[2])
        if not low <= high < low + MAX_BATCH:
            raise _bad_range(part)
        found += [f"{begin[1]}{n:0{len(begin[2])}d}" for n in range(low, high + 1)]
    if not found or len(found) > MAX_BATCH or len(set(found)) != len(found):
        raise DeskError(
            "bad_seal_number", "give 1 to {most} seal numbers, each once", most=MAX_BATCH
        )
    return found


def ranges(seals: Iterable[str]) -> list[str]:
    """Seal numbers for a record, in order: runs as ``AB000100..AB000199``, as `numbers` reads
    them."""
    found: list[list[str]] = []
    for item in sorted(seals):
        if found and _after(found[-1][1]) == item:
            found[-1][1] = item
        else:
            found.append([item, item])
    return [first if first == last else f"{first}..{last}" for first, last in found]


def _after(seal: str) -> str:
    """The next number of a run; "" if it ends in no digit."""
    match = re.fullmatch(r"(.*?)(\d+)", seal)
    return f"{match[1]}{int(match[2]) + 1:0{len(match[2])}d}" if match else ""


def receive(
    connection: sqlite3.Connection,
    seals: Sequence[str],
    *,
    seal_class: str,
    certificate: str,
    certificate_sha256: str = "",
    supplier: str = "",
    by: str,
    now: datetime,
    criteria: Criteria | None = None,
) -> int:
    """Take in a batch with the number of its test certificate; returns the batch's number.  Raises
    DeskError for a seal that is in the inventory already."""
    if seal_class not in CLASSES:
        raise DeskError("unknown_word", "class: H, S or I")
    paper = clean(certificate, N_("certificate"), most=80)
    maker = clean(supplier, N_("supplier"), most=120, needed=False)
    with writing(connection):
        for item in seals:
            if connection.execute("SELECT 1 FROM seal WHERE number = ?", (item,)).fetchone():
                raise DeskError("seal_known", "{item} is in the inventory already", item=item)
        at = stamp(now)
        batch = connection.execute(
            "INSERT INTO seal_batch (class, certificate, certificate_sha256, supplier, "
            "received_at, by) VALUES (?, ?, ?, ?, ?, ?)",
            (seal_class, paper, certificate_sha256, maker, at, by),
        ).lastrowid
        connection.executemany(
            "INSERT INTO seal (number, batch, state, issued_to, freight, changed_at, by, note) "
            "VALUES (?, ?, 'stock', '', NULL, ?, ?, '')",
            [(item, batch, at, by) for item in seals],
        )
        data = {
            "batch": batch,
            "class": seal_class,
            "certificate": paper,
            "certificate_sha256": certificate_sha256,
            "supplier": maker,
            "count": len(seals),
            "seals": ranges(seals),
            "first": seals[0],
            "last": seals[-1],
            "by": by,
            **(criteria or standard()).marks(EventType.SEAL_RECEIVED),
        }
        put_event(connection, EventType.SEAL_RECEIVED, f"batch-{batch}", data)
    return int(batch or 0)


def issue(
    connection: sqlite3.Connection,
    seals: Sequence[str],
    *,
    to: str,
    by: str,
    now: datetime,
    criteria: Criteria | None = None,
) -> None:
    """Hand seals out of stock to somebody by name."""
    name = clean(to, N_("to whom"), most=120)
    with writing(connection):
        for item in seals:
            _must(connection, item, "stock")
            _change(connection, item, "issued", by, now, issued_to=name)
        data = {
            "seals": ranges(seals),
            "count": len(seals),
            "to": name,
            "by": by,
            **(criteria or standard()).marks(EventType.SEAL_ISSUED),
        }
        put_event(connection, EventType.SEAL_ISSUED, seals[0], data)


def void(
    connection: sqlite3.Connection,
    seal: str,
    *,
    reason: str,
    by: str,
    now: datetime,
    criteria: Criteria | None = None,
) -> None:
    """Record that a seal is lost, broken or destroyed; nobody can use it again."""
    why = clean(reason, N_("reason"))
    with writing(connection):
        _must(connection, seal, "stock", "issued")
        _change(connection, seal, "void", by, now, note=why)
        data = {"reason": why, "by": by, **(criteria or standard()).marks(EventType.SEAL_VOIDED)}
        put_event(connection, EventType.SEAL_VOIDED, seal, data)


def take(
    connection: sqlite3.Connection, seal: str, freight: int, *, by: str, now: datetime
) -> tuple[str, str]:
    """Use a seal on a truck, inside the caller's transaction.

    Returns its class and ``ok``, ``unknown``, ``used`` or ``void``.  It changes the inventory only
    for ``ok``.
    """
    found = find(connection, seal)
    if found is None:
        return "", "unknown"
    if found.state in ("used", "void"):
        same = found.state == "used" and found.freight == freight
        return found.seal_class, "ok" if same else found.state
    _change(connection, seal, "used", by, now, freight=freight)
    return found.seal_class, "ok"


def give_up(
    connection: sqlite3.Connection,
    seal: str,
    freight: int,
    *,
    by: str,
    now: datetime,
    criteria: Criteria | None = None,
) -> None:
    """Void a seal that another one replaced on the same truck, inside the caller's transaction."""
    found = find(connection, seal)
    if found is not None and found.freight == freight and found.state == "used":
        _change(connection, seal, "void", by, now, freight=freight, note="replaced")
        marks = (criteria or standard()).marks(EventType.SEAL_VOIDED)
        data = {"reason": "replaced", "freight": freight, "by": by, **marks}
        put_event(connection, EventType.SEAL_VOIDED, seal, data)


def find(connection: sqlite3.Connection, seal: str) -> Seal | None:
    """One seal, or None."""
    row = connection.execute(f"{_SELECT} WHERE s.number = ?", (seal,)).fetchone()
    return Seal(*row) if row else None


def listed(
    connection: sqlite3.Connection, *, state: str = "", batch: int = 0, limit: int = 1000
) -> list[Seal]:
    """Seals in order of number; `state` and `batch` (0: all) choose some."""
    rows = connection.execute(
        f"{_SELECT} WHERE (? = '' OR s.state = ?) AND (? = 0 OR s.batch = ?) "
        "ORDER BY s.number LIMIT ?",
        (state, state, batch, batch, limit),
    )
    return [Seal(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, and how many of its seals are in each state."""

    id: int
    seal_class: str
    certificate: str
    certificate_sha256: str
    supplier: str
    received_at: str
    by: str
    stock: int
    issued: int
    used: int
    void: int


def batches(connection: sqlite3.Connection) -> list[Batch]:
    """All batches, oldest first."""
    counts = ", ".join(f"sum(s.state = '{state}')" for state in STATES)
    rows = connection.execute(
        "SELECT b.id, b.class, b.certificate, b.certificate_sha256, b.supplier, b.received_at, "  # noqa: S608
        f"b.by, {counts} FROM seal_batch b JOIN seal s ON s.batch = b.id "
        "GROUP BY b.id ORDER BY b.id"
    )
    return [Batch(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A seal on which the inventory and the trucks disagree."""

    number: str
    code: str
    detail: str


def reconcile(
    connection: sqlite3.Connection,
    on_trucks: Iterable[tuple[int, str]],
    *,
    by: str,
    criteria: Criteria | None = None,
) -> list[Mismatch]:
    """Compare the inventory with the seals on trucks, given as (transaction, number).

    Records that it was done and what it found, and returns that.
    """
    with writing(connection):
        found = _mismatches(connection, on_trucks)
        data = {
            "mismatches": [f"{item.number}: {item.code}" for item in found[:100]],
            "count": len(found),
            "by": by,
            **(criteria or standard()).marks(EventType.SEAL_RECONCILED),
        }
        put_event(connection, EventType.SEAL_RECONCILED, "seals", data)
    return found


def _mismatches(
    connection: sqlite3.Connection, on_trucks: Iterable[tuple[int, str]]
) -> list[Mismatch]:
    left: dict[str, list[int]] = {}
    for freight, seal in on_trucks:
        left.setdefault(seal, []).append(freight)
    found = []
    for seal, trucks in sorted(left.items()):
        if len(trucks) > 1:
            found.append(Mismatch(seal, "on_several_trucks", ", ".join(map(str, trucks))))
        known = find(connection, seal)
        if known is None:
            found.append(Mismatch(seal, "not_in_inventory", str(trucks[0])))
        elif known.state != "used" or known.freight not in trucks:
            found.append(Mismatch(seal, f"inventory_says_{known.state}", str(trucks[0])))
    for known in listed(connection, state="used", limit=10**9):
        if known.number not in left:
            found.append(Mismatch(known.number, "on_no_truck", str(known.freight)))
    return found


_SELECT = (
    "SELECT s.number, s.state, b.class, s.batch, s.issued_to, s.freight, s.changed_at, s.by, "
    "s.note FROM seal s JOIN seal_batch b ON b.id = s.batch"
)


def _must(connection: sqlite3.Connection, seal: str, *states: str) -> Seal:
    found = find(connection, seal)
    if found is None:
        raise NotFound("seal_not_in_inventory", "{seal} is not in the inventory", seal=seal)
    if found.state not in states:
        raise DeskError("seal_state", "{seal} is {state}", seal=seal, state=found.state)
    return found


def _change(
    connection: sqlite3.Connection,
    seal: str,
    state: str,
    by: str,
    now: datetime,
    *,
    issued_to: str | None = None,
    freight: int | None = None,
    note: str = "",
) -> None:
    connection.execute(
        "UPDATE seal SET state = ?, issued_to = coalesce(?, issued_to), freight = ?, "
        "changed_at = ?, by = ?, note = ? WHERE number = ?",
        (state, issued_to, freight, stamp(now), by, note, seal),
    )


def _bad_range(part: str) -> DeskError:
    shown = part[:60]
    return DeskError(
        "bad_seal_number",
        "{shown} is no range: write AB000100..AB000199, at most {most}",
        shown=shown,
        most=MAX_BATCH,
    )
