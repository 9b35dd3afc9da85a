"""Documents and reviews in a packet: what was in force, what came late, and what is odd."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.desk import reviews
from gateway.evidence.model import Found, Place, Span, When
from gateway.evidence.registered import RegisteredTopic
from gateway.evidence.spool import Spool
from tests.gateway.desk.papers import LAURA, PDF, Site

ZONE = ZoneInfo("America/Tijuana")
OCTOBER = Span(date(2026, 10, 1), date(2026, 10, 31), ZONE)
NOVEMBER = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


def at(day: int, month: int = 10, hour: int = 18) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def review(site: Site, kind: str, first: date, last: date, when: datetime, due: date) -> None:
    told = reviews.Told(kind, first, last, "nothing odd", next_due=due)
    reviews.record(site.db, site.reader, told, by=LAURA, today=last)
    site.record(when)


def gathered(site: Site, as_of: datetime = NOVEMBER) -> tuple[RegisteredTopic, Found, Spool]:
    (site.folder / "spool.db").unlink(missing_ok=True)
    spool = Spool(site.folder / "spool.db")
    topic = RegisteredTopic(Place(site.settings, OCTOBER, spool, as_of))
    for event in site.reader.after(0, 1000):
        when = OCTOBER.when(event.time)
        types = topic.before if when is When.BEFORE else topic.reads
        if event.type in types:
            topic.take(event, when)
    return topic, topic.found(), spool


def figure(found: Found, key: str) -> object:
    return next(one.value for one in found.figures if one.key == key)


def test_documents_that_were_in_force_on_any_of_the_days(site: Site) -> None:
    gone = site.attach(title="Gone before")
    site.record(at(1, 8))
    site.retire(gone.id)
    site.record(at(2, 8))
    ended = site.attach(title="Ended inside", data=PDF + b"1%%EOF")
    site.record(at(3, 8))
    site.retire(ended.id)
    site.record(at(15))
    site.attach("10.1", title="In force", data=PDF + b"2%%EOF", review_due=date(2026, 11, 26))
    site.record(at(16))
    site.attach(title="Afterwards", data=PDF + b"3%%EOF")
    site.record(at(2, 11))
    topic, found, spool = gathered(site)
    titles = [one.title for one in topic.documents]
    assert titles == ["Ended inside", "In force", "Afterwards"]
    assert [row.cells["title"] for row in spool.rows("documents")] == titles
    assert figure(found, "documents") == 2 and found.deviations == []
    assert len(found.notes) == 1 and "1 documents" in found.notes[0].say()
    _topic, found, _spool = gathered(site, datetime(2026, 11, 28, 18, 0, tzinfo=UTC))
    [late] = found.deviations
    assert (late.rule, late.open) == ("document_review_late", True)
    assert "In force" in late.words.say("es") and "2026-11-26" in late.words.say("es")


def test_the_days_of_the_log_that_somebody_reviewed_are_counted_once(site: Site) -> None:
    due = date(2026, 12, 24)
    review(site, "log", date(2026, 9, 25), date(2026, 10, 3), at(4), due)
    review(site, "log", date(2026, 10, 2), date(2026, 10, 5), at(6), due)
    review(site, "log", date(2026, 10, 31), date(2026, 11, 9), at(10, 11), due)
    topic, found, spool = gathered(site)
    assert figure(found, "log_days_reviewed") == 6  # 1 to 5, and 31
    assert figure(found, "reviews") == 2 and figure(found, "footage_days_reviewed") == 0
    assert spool.count("reviews") == 3 and len(topic.reviews) == 3
    assert topic.reviews[0].by == "Laura Gil" and topic.reviews[0].begin == "2026-09-25"


def test_a_review_that_came_late_is_a_deviation_that_was_handled(site: Site) -> None:
    review(site, "footage", date(2026, 9, 1), date(2026, 9, 10), at(10, 9), date(2026, 10, 10))
    review(site, "footage", date(2026, 10, 1), date(2026, 10, 20), at(20), date(2026, 11, 10))
    _topic, found, _spool = gathered(site)
    [late] = found.deviations
    assert (late.rule, late.open, late.records) == ("review_late", False, (2, 3))
    assert late.handled_by == "Laura Gil" and "Grabaciones" in late.words.say("es")


def test_a_review_that_has_not_come_is_open(site: Site) -> None:
    review(site, "seals", date(2026, 9, 1), date(2026, 9, 10), at(10, 9), date(2026, 10, 10))
    _topic, found, _spool = gathered(site)
    [late] = found.deviations
    assert (late.rule, late.open, late.handled) == ("review_late", True, None)


def test_what_was_late_before_the_days_and_done_before_them_is_not_shown(site: Site) -> None:
    review(site, "seals", date(2026, 7, 1), date(2026, 7, 2), at(2, 7), date(2026, 8, 1))
    review(site, "seals", date(2026, 8, 1), date(2026, 8, 9), at(9, 8), date(2026, 12, 1))
    _topic, found, _spool = gathered(site)
    assert found.deviations == []


def test_records_of_another_form_are_counted_and_end_nothing(site: Site) -> None:
    site.append("review.recorded", "log", at(3), kind="log", first="x", last=7)
    site.append("document.attached", "d", at(3), document="d")
    site.append("review.recorded", "x", at(3), kind="{x}", first="2026-10-01", last="2026-10-02",
                next_due="2026-10-03")  # fmt: skip
    _topic, found, _spool = gathered(site)
    assert "2 records" in found.notes[0].say()
    assert "{x}" in found.deviations[0].words.say()


def test_a_month_without_any_is_no_failure_and_shows_nothing(site: Site) -> None:
    topic, found, spool = gathered(site)
    assert (topic.documents, topic.reviews, found.deviations) == ([], [], [])
    assert spool.count("documents") == spool.count("reviews") == 0
