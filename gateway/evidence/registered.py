"""What people registered: their documents (procedures, policies) and the reviews that they did.

The gate can't judge either.  It shows which document was in force with its hash, who approved it
and whether its review is late, and which reviews were recorded and whether they came in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import ClassVar

from gateway.desk import reviews
from gateway.desk.documentlist import TYPES, Register, Registered
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Personal,
    Place,
    Population,
    Table,
    When,
)
from gateway.evidence.packet import Document, Review
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Given, Message, worded


class RegisteredTopic:
    """Takes the records of documents and reviews.

    After `found`, `documents` are those that were in force on any of the days, and those that were
    registered after them up to the checkpoint; `reviews` are those that were recorded in that time,
    oldest first, and the newest of each kind from before it.
    """

    key: ClassVar[str] = "registered"
    rules: ClassVar[Mapping[str, str]] = {
        "document_review_late": N_("the review of a document is late"),
        "review_late": N_("a review came late or has not come"),
    }
    reads: ClassVar[frozenset[EventType]] = frozenset({*TYPES, EventType.REVIEW_RECORDED})
    before: ClassVar[frozenset[EventType]] = frozenset({*TYPES, EventType.REVIEW_RECORDED})

    def __init__(self, place: Place) -> None:
        self._place = place
        self._register = Register()
        self._reviews: list[tuple[When, reviews.Recorded]] = []
        self._odd = 0
        self.documents: list[Document] = []
        self.reviews: list[Review] = []

    def take(self, event: Event, when: When) -> None:
        """The next record."""
        if event.type in TYPES:
            self._register.take(event)
        elif (found := reviews.of(event)) is not None:
            self._reviews.append((when, found))
        else:
            self._odd += 1

    def found(self) -> Found:
        """The documents and reviews of the span."""
        found = Found(self.key, worded("Documents and reviews"), tables=[DOCUMENTS, REVIEWS])
        self._say_documents(found)
        self._say_reviews(found)
        for table in (DOCUMENTS, REVIEWS):
            found.populations.append(Population(table.key, table.title, Frequency.RARE))
        if odd := self._odd + len(self._register.odd):
            found.notes.append(
                worded("{n} records of documents or reviews have another form", n=odd)
            )
        return found

    def _say_documents(self, found: Found) -> None:
        span, today = self._place.span, self._today
        for one in self._register.documents:
            if one.ended_at and span.when(one.ended_at) is When.BEFORE:
                continue
            self.documents.append(_document(one))
            cells = {
                "document": one.id,
                "title": one.title,
                "criteria": ", ".join(one.criteria),
                "sha256": one.sha256,
                "approved_by": one.approved_by,
                "approved_on": one.approved_on,
                "review_due": one.review_due,
                "at": one.at,
                "by": one.by,
                "ended_at": one.ended_at,
            }
            records = (one.record,) if one.record else ()
            self._place.rows.add(DOCUMENTS.key, cells, records)
            if one.in_force and one.overdue(today):
                words = worded(
                    "The review of “{title}” was due on {day}", title=one.title, day=one.review_due
                )
                found.deviations.append(
                    Deviation("document_review_late", words, one.at, records, open=True)
                )
        late = sum(span.when(one.at) is When.AFTER for one in self.documents)
        if late:
            found.notes.append(worded("{n} documents were registered after these days", n=late))
        in_force = sum(one.in_force for one in self._register.documents)
        found.figures.append(Figure("documents", worded("documents in force"), in_force))

    def _say_reviews(self, found: Found) -> None:
        before: dict[str, reviews.Recorded] = {}
        shown: list[reviews.Recorded] = []
        for when, one in self._reviews:
            if when is When.BEFORE:
                before[one.kind] = one
            else:
                shown.append(one)
        self.reviews.extend(_review(one) for one in (*before.values(), *shown))
        inside = [one for when, one in self._reviews if when is When.INSIDE]
        for one in (*before.values(), *shown):
            cells = {
                "kind": one.kind,
                "first": one.first,
                "last": one.last,
                "found": one.found,
                "action": one.action,
                "next_due": one.next_due,
                "by": one.by,
                "at": one.at,
            }
            self._place.rows.add(REVIEWS.key, cells, (one.record,))
        found.figures.append(Figure("reviews", worded("reviews recorded"), len(inside)))
        days = (self._place.span.last - self._place.span.first).days + 1
        for kind, label in (
            ("log", worded("days whose log somebody reviewed")),
            ("footage", worded("days whose footage somebody reviewed")),
        ):
            looked = self._days(one for _when, one in self._reviews if one.kind == kind)
            found.figures.append(Figure(f"{kind}_days_reviewed", label, looked, of=days))
        for kind in dict.fromkeys(one.kind for _when, one in self._reviews):
            found.deviations.extend(
                self._late([one for _when, one in self._reviews if one.kind == kind])
            )

    def _late(self, done: list[reviews.Recorded]) -> Iterator[Deviation]:
        """The reviews of one kind, in order: those that came late, or have not come."""
        zone, span = self._place.span.zone, self._place.span
        for one, following in pairwise([*done, None]):
            if one is None or not one.next_due:
                continue
            due = date.fromisoformat(one.next_due)
            late = following is not None and reviews.local_day(following.at, zone) > due
            waits = following is None and due < self._today
            ended = reviews.local_day(following.at, zone) if following else self._today
            if not (late or waits) or due > span.last or ended < span.first:
                continue
            words = worded(
                "The review “{kind}” was due on {day}", kind=kind_words(one.kind), day=one.next_due
            )
            if following is None:
                yield Deviation("review_late", words, one.at, (one.record,), open=True)
                continue
            by = following.by
            yield Deviation(
                "review_late",
                words,
                one.at,
                (one.record, following.record),
                handled=worded("{by} did it later", by=Personal(by)),
                handled_by=by,
                handled_at=following.at,
            )

    def _days(self, done: Iterator[reviews.Recorded]) -> int:
        """How many days of the span any of these looked at."""
        span = self._place.span
        looked: set[date] = set()
        for one in done:
            first = max(span.first, date.fromisoformat(one.first))
            last = min(span.last, date.fromisoformat(one.last))
            looked.update(first + timedelta(days=n) for n in range((last - first).days + 1))
        return len(looked)

    @property
    def _today(self) -> date:
        return self._place.as_of.astimezone(self._place.span.zone).date()


def _document(one: Registered) -> Document:
    return Document(
        one.id,
        one.title,
        one.criteria,
        one.sha256,
        one.bytes,
        one.approved_by,
        one.approved_on,
        one.review_due,
        one.by,
        one.at,
        one.record,
    )


def _review(one: reviews.Recorded) -> Review:
    found = "\n".join((one.found, *(f"{key}: {said}" for key, said in one.steps.items())))
    return Review(
        one.kind, one.first, one.last, found, one.action, one.next_due, one.by, one.at, one.record
    )


def kind_words(key: object) -> Message:
    """What a kind of review is called; the key itself if it is not known."""
    known = reviews.kinds().get(str(key))
    return (
        Given(known.title["en"], es=known.title["es"])
        if known
        else Message("{key}", {"key": str(key)})
    )


DOCUMENTS = Table(
    "documents",
    worded("Documents"),
    (
        Column("document", N_("Document"), width=1.2),
        Column("title", N_("Title"), width=2),
        Column("criteria", N_("Criteria")),
        Column("sha256", N_("Hash (SHA-256)"), width=2),
        Column("approved_by", N_("Approved by"), personal=True),
        Column("approved_on", N_("Approved on")),
        Column("review_due", N_("Review due")),
        Column("at", N_("Registered at")),
        Column("by", N_("Registered by"), personal=True),
        Column("ended_at", N_("In force until")),
    ),
)
REVIEWS = Table(
    "reviews",
    worded("Reviews"),
    (
        Column("kind", N_("Review"), words=lambda key: kind_words(key).say(), width=1.2),
        Column("first", N_("First day")),
        Column("last", N_("Last day")),
        Column("found", N_("What was found"), width=3, personal=True),
        Column("action", N_("What was done"), width=2, personal=True),
        Column("next_due", N_("Next due")),
        Column("by", N_("Reviewed by"), personal=True),
        Column("at", N_("Recorded at")),
    ),
)
