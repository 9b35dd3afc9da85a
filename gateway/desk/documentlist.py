"""The list of the site's documents: what the log says, and nothing else."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, field, replace
from datetime import date

from gateway.desk.errors import Conflict, NotFound
from gateway.desk.fromlog import day, outbox, text, texts, who
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType

TYPES = frozenset({EventType.DOCUMENT_ATTACHED, EventType.DOCUMENT_RETIRED})


@dataclass(frozen=True, slots=True)
class Registered:
    """A document as the log has it.

    `id` is the beginning of its hash.  Days are ISO text, "" if none was given; `at` is the time of
    its record (RFC 3339, UTC) and `record` its number, 0 while it waits in the outbox.  `ended_at`
    is "" while the document is in force; `why_ended` is what whoever withdrew it wrote, and
    `replaced_by` the id of the document that took its place.
    """

    id: str
    title: str
    criteria: tuple[str, ...]
    sha256: str
    bytes: int
    media: str
    approved_by: str
    approved_on: str
    review_due: str
    by: str
    at: str
    record: int
    ended_at: str = ""
    ended_by: str = ""
    why_ended: str = ""
    replaced_by: str = ""

    @property
    def in_force(self) -> bool:
        """Whether nobody withdrew or replaced it."""
        return not self.ended_at

    def overdue(self, today: date) -> bool:
        """Whether its review was due before `today`."""
        return bool(self.review_due) and self.review_due < today.isoformat()


@dataclass(slots=True)
class Register:
    """The documents by the records that it took, in order.  A record of another form is skipped and
    its number is in `odd`."""

    documents: list[Registered] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """The next record; one of another type is skipped."""
        if event.type == EventType.DOCUMENT_ATTACHED:
            made = _registered(event)
            if made is None:
                self.odd.append(event.seq)
                return
            replaced = event.data.get("replaces")
            for key in {made.id, replaced if isinstance(replaced, str) else made.id}:
                self._end(key, event, replaced_by=made.id)
            self.documents.append(made)
        elif event.type == EventType.DOCUMENT_RETIRED:
            retired = text(event.data.get("document"))
            if not retired:
                self.odd.append(event.seq)
                return
            self._end(retired, event, why_ended=text(event.data.get("reason")))

    def in_force(self) -> list[Registered]:
        """Those that are in force, in order of registration."""
        return [one for one in self.documents if one.in_force]

    def get(self, key: str) -> Registered:
        """The document in force whose id is or begins with `key` (at least four characters).

        Raises NotFound, and Conflict if several begin so.
        """
        found = [one for one in self.in_force() if one.id == key]
        if not found:
            found = [one for one in self.in_force() if len(key) >= 4 and one.id.startswith(key)]
        if not found:
            raise NotFound("no_document", "no document {key} is in force", key=key[:40])
        if len(found) > 1:
            raise Conflict("several_documents", "several documents begin with {key}", key=key)
        return found[0]

    def _end(self, key: str, event: Event, *, replaced_by: str = "", why_ended: str = "") -> None:
        for place, one in enumerate(self.documents):
            if one.id == key and one.in_force:
                self.documents[place] = replace(
                    one,
                    ended_at=event.time,
                    ended_by=who(event),
                    replaced_by=replaced_by,
                    why_ended=why_ended,
                )


@dataclass(frozen=True, slots=True)
class Past:
    """The records of documents up to record `upto`, in order: what was read before a transaction,
    which then reads only what is newer."""

    events: tuple[Event, ...]
    upto: int


def past(ledger: LedgerReader) -> Past:
    """The records of documents of the whole log; raises LedgerUnavailable."""
    upto = ledger.last_seq
    return Past(tuple(reversed([one for one in ledger.back(*TYPES) if one.seq <= upto])), upto)


def register_of(
    ledger: LedgerReader, db: sqlite3.Connection | None = None, before: Past | None = None
) -> Register:
    """The documents by the whole log; with `db` (people.db) also those that are not on record yet.

    `before` is what was read of it already.  Raises LedgerUnavailable.
    """
    waiting = outbox(db, TYPES) if db is not None else []
    old = before or past(ledger)
    newer = ledger.back(*TYPES, most=max(0, ledger.last_seq - old.upto))
    events = (*old.events, *reversed(list(newer)))
    known = {event.id for event in events}
    found = Register()
    for event in (*events, *(one for one in waiting if one.id not in known)):
        found.take(event)
    return found


def _registered(event: Event) -> Registered | None:
    """The document of a record; None if the record has another form."""
    data = event.data
    key, sha256, size = (data.get(name) for name in ("document", "sha256", "bytes"))
    criteria = data.get("criteria")
    if not (isinstance(key, str) and key and isinstance(sha256, str) and isinstance(size, int)):
        return None
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not isinstance(criteria, list):
        return None
    return Registered(
        id=key,
        criteria=texts(criteria),
        sha256=sha256,
        bytes=size,
        by=who(event),
        at=event.time,
        record=event.seq,
        title=text(data.get("title")),
        media=text(data.get("media")),
        approved_by=text(data.get("approved_by")),
        approved_on=day(data.get("approved_on")),
        review_due=day(data.get("review_due")),
    )
