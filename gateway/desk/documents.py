"""The site's documents (procedures, policies, agreements), registered for criteria.

A document is a file, kept by its hash (documentfile.py), and a record of the log that says for
which criteria it is, who approved it and when its review is due.  documentlist.py reads them.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.config import Settings
from gateway.config.criteria import in_order
from gateway.desk import documentfile
from gateway.desk.act import writing
from gateway.desk.documentlist import Register, Registered, past, register_of
from gateway.desk.errors import DeskError
from gateway.desk.text import clean
from gateway.ledger import LedgerReader
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import N_
from gateway.people.schema import put_event

MOST_CRITERIA = 120
_ID = 16  # hex digits of the hash


@dataclass(frozen=True, slots=True)
class About:
    """What somebody says of a document that they register.  Days are None if none is given."""

    title: str
    criteria: tuple[str, ...]
    approved_by: str = ""
    approved_on: date | None = None
    review_due: date | None = None
    replaces: str = ""


def attach(
    settings: Settings,
    db: sqlite3.Connection,
    ledger: LedgerReader,
    file: documentfile.File,
    about: About,
    *,
    by: Operator,
    today: date,
) -> Registered:
    """Keep the file and register it; returns the document.

    The same file for the same criteria a second time (a double tap) is the first one.  The same
    file with other words or criteria replaces what was said of it.  `today` is the site's day.
    Raises DeskError and LedgerUnavailable.
    """
    title = clean(about.title, N_("title"), most=120)
    approved_by = clean(about.approved_by, N_("approved by"), most=120, needed=False)
    criteria = _criteria(settings, about.criteria)
    _days(about, today)
    documentfile.keep(settings, file)  # first: a record without its file would be worse
    before = past(ledger)
    with writing(db):
        register = register_of(ledger, db, before)
        key = _id(register, file.sha256)
        replaces = register.get(about.replaces).id if about.replaces else ""
        data: dict[str, Any] = {
            "document": key,
            "title": title,
            "criteria": list(criteria),
            "sha256": file.sha256,
            "bytes": file.size,
            "media": file.media,
            "approved_by": approved_by,
            "approved_on": about.approved_on.isoformat() if about.approved_on else "",
            "review_due": about.review_due.isoformat() if about.review_due else "",
            "replaces": replaces,
            "criteria_edition": settings.criteria.label,
            "by": by,
        }
        for known in register.in_force():
            if known.id == key and _same(known, data) and replaces in ("", key):
                return known
        put_event(db, EventType.DOCUMENT_ATTACHED, key, data)
        return register_of(ledger, db, before).get(key)


def retire(
    db: sqlite3.Connection, ledger: LedgerReader, key: str, reason: str, *, by: Operator
) -> Registered:
    """Withdraw a document; returns it as it was.  Its file stays, for packets of that time.

    Raises NotFound (also for one that was withdrawn already), DeskError and LedgerUnavailable.
    """
    why = clean(reason, N_("reason"), most=200)
    before = past(ledger)
    with writing(db):
        found = register_of(ledger, db, before).get(key)
        data = {"document": found.id, "title": found.title, "reason": why, "by": by}
        put_event(db, EventType.DOCUMENT_RETIRED, found.id, data)
        return found


def _criteria(settings: Settings, ids: tuple[str, ...]) -> tuple[str, ...]:
    found = in_order(ids)
    if not found or len(found) > MOST_CRITERIA:
        raise DeskError("no_criterion", "a document is registered for at least one criterion")
    for item in found:
        if item not in settings.criteria.criteria:
            raise DeskError(
                "no_criterion",
                "the site's criteria ({name}) have no {item}",
                name=settings.criteria.name,
                item=item[:40],
            )
    return found


def _days(about: About, today: date) -> None:
    if about.approved_on is not None and about.approved_on > today:
        raise DeskError("day_to_come", "{day} is still to come", day=about.approved_on.isoformat())
    if about.review_due is None:
        return
    since = about.approved_on or today
    if about.review_due <= since or (about.review_due - since).days > 3700:
        raise DeskError(
            "bad_due_day",
            "a review is due after {day} and within ten years",
            day=since.isoformat(),
        )


def _id(register: Register, sha256: str) -> str:
    """The beginning of the hash; longer if another document has the same beginning."""
    for length in range(_ID, 64):
        key = sha256[:length]
        if all(one.id != key or one.sha256 == sha256 for one in register.documents):
            return key
    return sha256


def _same(known: Registered, data: dict[str, Any]) -> bool:
    names = ("title", "sha256", "approved_by", "approved_on", "review_due")
    return known.criteria == tuple(data["criteria"]) and all(
        getattr(known, name) == data[name] for name in names
    )
