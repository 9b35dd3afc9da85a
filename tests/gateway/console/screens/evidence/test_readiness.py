"""Readiness at the console: what is missing for a visit, by when, and where it is done."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from gateway.console.screens.evidence.readiness import tasks_of
from gateway.console.site import Site
from gateway.desk import documentfile, documents, reviews
from gateway.desk.documentlist import Register
from gateway.evidence.readiness import readiness
from gateway.ledger.operator import Operator
from tests.gateway.console.site import Desk, desk_of, record, words_of

PATH = "/evidence/readiness"
BY = Operator("samuel", person="e102", name="Samuel Ochoa")


@pytest.fixture
def samuel(site: Site) -> Desk:
    for name in ("samuel", "aurelio"):
        site.store.set_taste(name, "en", "light")
    return desk_of(site, "samuel")


def attach(site: Site, *, due_in: int, title: str = "Visitors <b>P-07</b>") -> str:
    """A document for 10.2 whose review is due in so many days; returns its id."""
    today = site.today()
    approved, due = today - timedelta(days=300), today + timedelta(days=due_in)
    about = documents.About(title, ("10.2",), "Lucía", approved, due)
    file = documentfile.content((b"%PDF-1.7\n%%EOF\n",))
    with site.people() as db, site.ledger() as ledger:
        made = documents.attach(site.settings, db, ledger, file, about, by=BY, today=today)
    record(site.settings)
    return made.id


def test_what_is_missing_has_its_criteria_and_a_way_to_do_it(site: Site, samuel: Desk) -> None:
    page = samuel.get(PATH).text
    assert 'href="/evidence/documents?criterion=10.2"' in page
    assert 'href="/evidence/reviews/new?kind=log"' in page
    form = samuel.get("/evidence/documents?criterion=10.2").text
    assert re.search(r'value="10.2"\s+checked', form) and "<details" in form
    auditor = desk_of(site, "aurelio").get(PATH).text
    assert "/evidence/reviews/new" not in auditor and "10.2" in auditor


def test_a_document_and_a_review_take_away_what_was_missing(site: Site, samuel: Desk) -> None:
    before = samuel.get(PATH).text
    attach(site, due_in=100)
    day = site.today() - timedelta(days=1)
    with site.people() as db, site.ledger() as ledger:
        told = reviews.Told("log", day, day, "nothing")
        reviews.record(db, ledger, told, by=BY, today=site.today())
    after = samuel.get(PATH).text
    for link in ('documents?criterion=10.2"', 'reviews/new?kind=log"'):
        assert link in before and link not in after
    assert "<b>P-07" not in after and "Visitors <b>P-07</b>" in unescape(after)


def test_what_falls_due_before_the_visit_is_missing_too(site: Site, samuel: Desk) -> None:
    key = attach(site, due_in=100)
    link = f"/evidence/documents?replaces={key}"
    assert link not in samuel.get(PATH).text
    visit = site.today() + timedelta(days=150)
    page = samuel.get(f"{PATH}?visit={visit}").text
    assert link in page and (site.today() + timedelta(days=100)).isoformat() in page


def test_a_file_that_is_gone_is_missing_now(site: Site, samuel: Desk) -> None:
    attach(site, due_in=100)
    (kept,) = site.settings.documents_path.iterdir()
    kept.unlink()
    assert "is gone, or is another one" in words_of(samuel.get(PATH).text)


@pytest.mark.parametrize("visit", ["yesterday", "2020-01-01", "9999-12-31", "%3Cscript%3E"])
def test_a_day_that_can_not_be_is_a_sentence(samuel: Desk, visit: str) -> None:
    answer = samuel.get(f"{PATH}?visit={visit}")
    assert answer.status_code == 409 and "a day from today on" in answer.text
    assert "<script>" not in answer.text and "What is missing" in answer.text


def test_no_task_stands_twice(site: Site) -> None:
    rows = readiness(site.settings.criteria, Register(), [], site.today())
    tasks = tasks_of(rows)
    links = [task.link for task in tasks if task.link]
    assert len(links) == len(set(links))
    asked = sum(row.coverage.document for row in rows)
    assert sum(len(task.links) for task in tasks) == asked


def test_the_draft_of_the_profile_names_what_is_attached(site: Site, samuel: Desk) -> None:
    key = attach(site, due_in=100)
    page = samuel.get("/evidence/profile").text
    said = unescape(words_of(page))
    assert f'href="/evidence/documents/{key}/file"' in page and "<b>P-07" not in page
    numbers = [int(n) for n in re.findall(r'data-label="question">(\d+)<', page)]
    assert numbers == sorted(numbers) and {25, 146, 211} & set(numbers)
    assert "a document is missing" in said and "the gate's evidence supports it" in said
    site.store.set_taste("aurelio", "es", "light")
    assert "Borrador" in desk_of(site, "aurelio").get("/evidence/profile").text


def test_who_sees_it(site: Site) -> None:
    for name in ("rosa", "hilda"):
        assert desk_of(site, name).get(PATH).status_code == 403
        assert desk_of(site, name).get("/evidence/profile").status_code == 403
