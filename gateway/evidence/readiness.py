"""How ready a site is for a validation visit: what the gate shows, what people add, what lacks.

It is about today and not about a span: it takes the documents and reviews as they are, and says of
each criterion what is missing and by when.  It never says that a criterion is fulfilled; people
judge that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway.config.criteria import Criteria, Criterion
from gateway.desk.documentlist import Register, Registered
from gateway.desk.reviews import Due, Recorded, Stand, due
from gateway.evidence.programmes import Coverage, coverage
from gateway.evidence.registered import kind_words
from gateway.locale import Message, worded


class Lack(StrEnum):
    """What is missing."""

    DOCUMENT = "document"  # none is registered
    DOCUMENT_REVIEW = "document_review"  # its review is late, or falls due before the visit
    FILE = "file"  # the file is gone, or is not the one that was registered
    REVIEW = "review"  # it was never recorded, is late, or falls due before the visit


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is missing.  `by` is the ISO day by which it is needed: the one on which it is
    due, else the day of the visit, or "" (now).  `late` says that this day is over."""

    what: Lack
    about: str
    words: Message
    by: str
    late: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A criterion: what of it the gate enforces and records, its documents in force, the reviews
    that are evidence for it, and what is missing.  `people` says that people alone show it."""

    criterion: Criterion
    coverage: Coverage
    documents: tuple[Registered, ...]
    reviews: tuple[Due, ...]
    missing: tuple[Missing, ...]

    @property
    def enforced(self) -> bool:
        """Whether the gate prevents something of it."""
        return bool(self.coverage.enforces["en"])

    @property
    def recorded(self) -> bool:
        """Whether the gate writes down something of it."""
        return bool(self.coverage.records["en"])

    @property
    def people(self) -> bool:
        """Whether people alone show it."""
        return self.coverage.with_people


def readiness(
    criteria: Criteria,
    register: Register,
    done: Iterable[Recorded],
    today: date,
    *,
    visit: date | None = None,
    stored: Callable[[str], bool] = lambda sha256: True,
) -> list[Row]:
    """A row for each criterion, in the order of the set.

    `visit` is the day of the validation visit: what falls due before it is missing too.  `stored`
    says whether the file with that SHA-256 is there and whole.
    """
    known = coverage(criteria)
    dues = {one.kind.key: one for one in due(done, today)}
    kept = {one.sha256: stored(one.sha256) for one in register.in_force()}
    rows = []
    for criterion in criteria.criteria.values():
        shown = known.get(criterion.id, Coverage())
        documents = tuple(one for one in register.in_force() if criterion.id in one.criteria)
        reviews = tuple(dues[key] for key in shown.reviews if key in dues)
        needed = visit or today
        missing = [
            *_documents(shown, documents, today, needed, visit, kept),
            *(lack for one in reviews if (lack := _review(one, today, needed)) is not None),
        ]
        rows.append(Row(criterion, shown, documents, reviews, tuple(missing)))
    return rows


def _documents(
    shown: Coverage,
    documents: tuple[Registered, ...],
    today: date,
    needed: date,
    visit: date | None,
    kept: dict[str, bool],
) -> Iterable[Missing]:
    if shown.document and not documents:
        words = worded("no document is registered")
        yield Missing(Lack.DOCUMENT, "", words, visit.isoformat() if visit else "", False)
    for one in documents:
        if not kept[one.sha256]:
            words = worded("the file of “{title}” is gone, or is another one", title=one.title)
            yield Missing(Lack.FILE, one.id, words, "", True)
        if one.overdue(needed):
            words = worded("“{title}” is due for review", title=one.title)
            yield Missing(Lack.DOCUMENT_REVIEW, one.id, words, one.review_due, one.overdue(today))


def _review(one: Due, today: date, needed: date) -> Missing | None:
    kind = kind_words(one.kind.key)
    if one.stand is Stand.NEVER:
        words = worded("“{kind}” was never recorded", kind=kind)
        by = needed.isoformat() if needed > today else ""
        return Missing(Lack.REVIEW, one.kind.key, words, by, False)
    if one.due and one.due < needed.isoformat():
        words = worded("“{kind}” is due again", kind=kind)
        return Missing(Lack.REVIEW, one.kind.key, words, one.due, one.due < today.isoformat())
    return None
