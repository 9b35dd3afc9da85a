"""The coverage as data: complete, in both languages, and about things that there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.config import criteria
from gateway.config.criteria import CriteriaError
from gateway.desk import reviews
from gateway.evidence.model import Found, Place, Span
from gateway.evidence.programmes import Coverage, coverage
from gateway.evidence.programmes.kin import SEEN, elsewhere, programmes
from gateway.evidence.spool import Spool
from gateway.evidence.topics import TOPICS
from tests.gateway.desk.papers import Site

CTPAT = criteria.standard()
KNOWN = coverage(CTPAT)
LATE = {"registered"}
"""What was late of documents and reviews goes by the document or review, not by the topic."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Found]:
    """What each topic finds in an empty log: all its figures and tables."""
    site = Site(tmp_path_factory.mktemp("site"))
    spool = Spool(site.folder / "spool.db")
    span = Span(date(2026, 10, 1), date(2026, 10, 31), ZoneInfo("America/Tijuana"))
    place = Place(site.settings, span, spool, datetime(2026, 11, 1, tzinfo=UTC))
    made = {kind.key: kind(place).found() for kind in TOPICS}
    site.close()
    return made


def test_all_97_criteria_are_covered() -> None:
    assert len(KNOWN) == 97 and set(KNOWN) == set(CTPAT.criteria)


@pytest.mark.parametrize("key", KNOWN)
def test_a_criterion_says_in_both_languages_what_is_shown_and_what_is_not(key: str) -> None:
    one = KNOWN[key]
    assert one.cannot["en"], "every criterion has something that a gate can't show"
    for words in (one.enforces, one.records, one.cannot):
        english, spanish = words["en"], words["es"]
        assert bool(english) == bool(spanish) and (english != spanish or not english)
        for text in (english, spanish):
            assert not text or (text[-1] == "." and text == " ".join(text.split()))
    if one.with_people:
        assert one.document or one.reviews, "people show it by something"
        assert not (one.topics or one.rules or one.figures or one.tables)


@pytest.mark.parametrize("key", KNOWN)
def test_what_a_criterion_names_exists(key: str, found: Mapping[str, Found]) -> None:
    one = KNOWN[key]
    kinds = {kind.key: kind for kind in TOPICS}
    assert set(one.topics) <= set(kinds) and set(one.reviews) <= set(reviews.kinds())
    none = {"none"}
    rules = none | {rule for topic in one.topics for rule in kinds[topic].rules}
    figures = none | {figure.key for topic in one.topics for figure in found[topic].figures}
    tables = none | {table.key for topic in one.topics for table in found[topic].tables}
    assert set(one.rules) <= rules and set(one.figures) <= figures and set(one.tables) <= tables


def test_every_topic_and_every_rule_counts_for_a_criterion() -> None:
    unused = {
        (kind.key, rule)
        for kind in TOPICS
        for rule in kind.rules
        if kind.key not in LATE
        and not any(
            kind.key in one.topics and (not one.rules or rule in one.rules)
            for one in KNOWN.values()
        )
    }
    assert unused == set()
    named = {topic for one in KNOWN.values() for topic in one.topics}
    assert {kind.key for kind in TOPICS} - named - LATE == set()


def test_every_kind_of_review_is_evidence_for_a_criterion_in_record_and_packet() -> None:
    for kind in reviews.kinds():
        marked = CTPAT.evidence[f"review.recorded/{kind}"]
        shown = [key for key, one in KNOWN.items() if kind in one.reviews]
        assert set(shown) & set(marked), kind


def _own(tmp_path: Path, text: str) -> criteria.Criteria:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return criteria.load(criteria.STANDARD, path)


def test_a_site_corrects_key_by_key_and_adds_a_criterion(tmp_path: Path) -> None:
    own = _own(
        tmp_path,
        """
        [criteria."10.99"]
        kind = "must"
        title = { en = "Own", es = "Propio" }
        [coverage."10.2"]
        cannot = { en = "Nothing.", es = "Nada." }
        [coverage."10.99"]
        records = { en = "Passages.", es = "Pasos." }
        document = true
        """,
    )
    made = coverage(own)
    assert made["10.2"].cannot["en"] == "Nothing."
    assert made["10.2"].enforces == KNOWN["10.2"].enforces
    assert made["10.99"].document and made["10.99"].cannot == {"en": "", "es": ""}
    assert coverage(criteria.Criteria()) == {}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[coverage."77.7"]\ndocument = true', "coverage.77.7"),
        ('[coverage."10.2"]\ndocument = "yes"', "coverage.10.2.document"),
        ('[coverage."10.2"]\ncannot = "x"', "coverage.10.2.cannot"),
        ('[coverage."10.2"]\ncannot = { en = "x" }', "coverage.10.2.cannot"),
        ('[coverage."10.2"]\ntopics = "visitors"', "coverage.10.2.topics"),
        ('[coverage."10.2"]\ntopics = [1]', "coverage.10.2.topics"),
        ('[coverage."10.2"]\ncolour = "green"', "coverage.10.2.colour"),
        ("coverage = 1", "coverage"),
        ('coverage = { "10.2" = 1 }', "coverage.10.2"),
    ],
)
def test_a_site_that_corrects_badly_is_told_where(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(CriteriaError) as caught:
        _own(tmp_path, text)
    assert caught.value.key == where


def test_programmes_that_are_kin_name_criteria_that_there_are() -> None:
    assert set(programmes()) == {"oea-mx", "basc-v6", "iso-28000-2022"}
    for programme in programmes().values():
        assert programme.note["en"] and programme.note["es"]
        for one in programme.requirements.values():
            assert set(one.criteria) <= set(CTPAT.criteria), (programme.name, one.id)
            assert one.seen in SEEN and one.title["en"] and one.title["es"]
            assert len(one.criteria) == len(set(one.criteria))


def test_a_criterion_has_its_numbers_elsewhere_and_another_set_has_none() -> None:
    found = elsewhere(CTPAT.name, "10.2")
    assert found["oea-mx"] == ("3", "3.3") and "6.0.3 4.1" in found["basc-v6"]
    assert elsewhere("own", "10.2") == {} and elsewhere(CTPAT.name, "9.9") == {}


def test_a_coverage_without_anything_is_with_people() -> None:
    assert Coverage().with_people and not KNOWN["10.2"].with_people
