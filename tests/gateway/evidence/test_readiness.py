"""Readiness: what is missing and by when; the draft of the portal's profile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway import locale
from gateway.config import criteria
from gateway.desk import documentfile, reviews
from gateway.evidence import profile, saying
from gateway.evidence.programmes import coverage
from gateway.evidence.readiness import Lack, Row, readiness
from tests.gateway.desk.papers import LAURA, TODAY, Site

CTPAT = criteria.standard()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def row(site: Site, key: str, visit: date | None = None, today: date = TODAY) -> Row:
    done = reviews.all_of(site.reader, site.db)
    rows = readiness(
        site.settings.criteria,
        site.register(),
        done,
        today,
        visit=visit,
        stored=lambda sha256: documentfile.stored(site.settings, sha256) is not None,
    )
    assert [one.criterion.id for one in rows] == list(CTPAT.criteria)
    return next(one for one in rows if one.criterion.id == key)


def lacks(found: Row) -> list[tuple[str, str, str, bool]]:
    return [(one.what, one.about, one.by, one.late) for one in found.missing]


def test_a_new_site_lacks_documents_and_reviews_and_no_criterion_is_green(site: Site) -> None:
    found = row(site, "10.1")
    assert (found.enforced, found.recorded, found.people) == (True, True, False)
    assert lacks(found) == [
        (Lack.DOCUMENT, "", "", False),
        (Lack.REVIEW, "access", "", False),
        (Lack.REVIEW, "badges", "", False),
    ]
    visit = date(2027, 2, 1)
    assert {one[2] for one in lacks(row(site, "10.1", visit))} == {"2027-02-01"}
    assert row(site, "1.1").people and not row(site, "1.1").enforced


def test_what_falls_due_before_the_visit_is_missing_by_its_day(site: Site) -> None:
    site.attach("1.3", review_due=TODAY + timedelta(days=40))
    told = reviews.Told("programme", TODAY, TODAY, "all of it", next_due=TODAY + timedelta(days=20))
    reviews.record(site.db, site.reader, told, by=LAURA, today=TODAY)
    assert lacks(row(site, "1.3")) == []
    [review] = lacks(row(site, "1.3", TODAY + timedelta(days=30)))
    assert review == (Lack.REVIEW, "programme", "2026-12-15", False)
    both = lacks(row(site, "1.3", TODAY + timedelta(days=60)))
    assert [one[0] for one in both] == [Lack.DOCUMENT_REVIEW, Lack.REVIEW]
    late = lacks(row(site, "1.3", today=TODAY + timedelta(days=50)))
    assert [one[3] for one in late] == [True, True]


def test_a_file_that_is_gone_is_missing_now(site: Site) -> None:
    made = site.attach("1.1")
    assert lacks(row(site, "1.1")) == []
    (site.settings.documents_path / f"{made.sha256}.pdf").unlink()
    assert lacks(row(site, "1.1")) == [(Lack.FILE, made.id, "", True)]
    site.retire(made.id)
    assert lacks(row(site, "1.1")) == [(Lack.DOCUMENT, "", "", False)]


def test_words_of_what_is_missing_are_in_both_languages(site: Site) -> None:
    for one in row(site, "10.1").missing:
        assert one.words.say("en") != one.words.say("es")


def test_the_draft_goes_by_question_and_says_who_answers_it() -> None:
    known = coverage(CTPAT)
    found = profile.answers(CTPAT.criteria.values(), known, {"10.1": ("ab12",), "9.6": ("cd34",)})
    numbers = [one.question for one in found if one.question]
    assert numbers == sorted(numbers) and len(numbers) == len(set(numbers)) >= 50
    assert [one.question for one in found][len(numbers) :] == [0] * (len(found) - len(numbers))
    assert {one.criterion for one in found} == set(CTPAT.criteria)
    by = {(one.question, one.criterion): one for one in found}
    assert by[(136, "10.1")].stand == profile.SUPPORTED
    assert by[(136, "10.1")].documents == ("ab12",)
    assert by[(143, "10.2")].stand == profile.OPEN
    assert by[(0, "4.11")].stand == profile.OPEN
    assert by[(0, "5.4")].stand == profile.SUPPORTED
    text = by[(143, "10.2")].text
    assert "photo ID" in text.say("en") and "identificación" in text.say("es")
    with locale.speaking("es"):  # as a page says it
        assert saying.said(text) == text.say("es")
    assert "still to be attached" in text.say("en") and "Falta adjuntar" in text.say("es")


def test_where_people_alone_answer_the_draft_says_so() -> None:
    one = CTPAT.criteria["4.11"]
    known = coverage(CTPAT)
    [answer] = profile.answers([one], known, {"4.11": ("ab12",)})
    assert answer.stand == profile.DOCUMENT and "ab12" in answer.text.say()
    [answer] = profile.answers([one], {}, {})
    assert answer.stand == profile.NOT_GATE and answer.text.say() == ""
