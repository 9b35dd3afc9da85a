"""Reviews: what is recorded, when it falls due, what is refused, twice, and odd records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.desk import reviews
from gateway.desk.errors import DeskError, NotFound
from gateway.desk.reviews import Recorded, Stand, Told
from tests.gateway.desk.papers import LAURA, TODAY, Site

STEPS = dict.fromkeys(
    ("cargo_flow", "threats", "vulnerabilities", "action_plan", "method"), "written"
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def do(site: Site, kind: str = "log", **more: Any) -> Recorded:
    told = {"first": TODAY, "last": TODAY, "found": "nothing odd", **more}
    return reviews.record(site.db, site.reader, Told(kind, **told), by=LAURA, today=TODAY)


def code(call: Callable[[], object]) -> str:
    with pytest.raises(DeskError) as caught:
        call()
    return caught.value.code


def stand(done: list[Recorded], kind: str, day: date) -> Stand:
    return next(one.stand for one in reviews.due(done, day) if one.kind.key == kind)


def test_a_review_is_a_record_with_the_days_that_it_looked_at(site: Site) -> None:
    first = TODAY - timedelta(days=6)
    do(site, first=first, found="  two refusals at\tnight ", action="asked the guard", records=(1,))
    [(kind, data)] = site.waiting()
    assert kind == "review.recorded" and data["by_name"] == "Laura Gil"
    assert (data["first"], data["last"], data["next_due"]) == (
        "2026-11-19", "2026-11-25", "2026-12-02",
    )  # fmt: skip
    assert (data["found"], data["records"]) == ("two refusals at night", [1])
    site.record()
    [found] = reviews.all_of(site.reader, site.db)
    assert (found.record, found.by, found.action) == (2, "Laura Gil", "asked the guard")
    event = site.reader.get(2)
    assert event is not None and event.data["criteria"] == ["4.5", "10.10"]


def test_a_double_tap_is_one_record_and_another_day_is_another(site: Site) -> None:
    first = do(site)
    assert do(site) == first
    site.record()
    assert do(site).record == 2 and site.waiting() == []
    do(site, first=TODAY - timedelta(days=1))
    assert len(site.waiting()) == 1


def test_it_falls_due_again_by_its_kind_or_as_somebody_says(site: Site) -> None:
    assert do(site, "incident").next_due == ""
    assert do(site, "programme").next_due == "2027-11-25"
    assert do(site, "footage", next_due=date(2026, 12, 1)).next_due == "2026-12-01"
    done = reviews.all_of(site.reader, site.db)
    assert stand(done, "programme", date(2027, 6, 1)) is Stand.DONE
    assert stand(done, "programme", date(2027, 11, 1)) is Stand.SOON
    assert stand(done, "programme", date(2027, 11, 25)) is Stand.SOON
    assert stand(done, "programme", date(2027, 11, 26)) is Stand.OVERDUE
    assert stand(done, "incident", date(2037, 1, 1)) is Stand.DONE
    assert stand(done, "log", TODAY) is Stand.NEVER
    assert stand([], "incident", TODAY) is Stand.OPTIONAL


def test_the_risk_assessment_has_five_steps_and_each_is_written(site: Site) -> None:
    made = do(site, "risk_assessment", steps=STEPS)
    assert made.steps == STEPS and made.next_due == "2027-11-25"
    without = {key: said for key, said in STEPS.items() if key != "threats"}
    assert code(lambda: do(site, "risk_assessment", steps=without)) == "step_missing"
    more = {**STEPS, "sixth": "x"}
    assert code(lambda: do(site, "risk_assessment", steps=more)) == "no_step_of_review"
    assert code(lambda: do(site, "log", steps=STEPS)) == "no_step_of_review"
    assert len(site.waiting()) == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"kind": "horoscope"}, "no_review_kind"),
        ({"found": ""}, "missing"),
        ({"found": "x" * 1001}, "too_long"),
        ({"action": "a\u202eb"}, "bad_text"),
        ({"last": TODAY + timedelta(days=1)}, "day_to_come"),
        ({"first": TODAY + timedelta(days=1)}, "days_in_order"),
        ({"next_due": TODAY - timedelta(days=1)}, "bad_due_day"),
        ({"next_due": date(2050, 1, 1)}, "bad_due_day"),
        ({"records": (0,)}, "no_record"),
        ({"records": (2,)}, "no_record"),
        ({"records": tuple(range(1, 102))}, "too_many_records"),
    ],
)
def test_what_can_not_be_taken_records_nothing(site: Site, given: dict[str, Any], why: str) -> None:
    assert code(lambda: do(site, **given)) == why
    assert site.waiting() == []


def test_an_unknown_kind_names_those_that_there_are(site: Site) -> None:
    with pytest.raises(NotFound) as caught:
        do(site, "logs")
    assert "footage" in caught.value.say()


def test_records_of_another_form_are_skipped(site: Site) -> None:
    for odd in ({}, {"kind": 7}, {"kind": "log", "first": "then", "last": "now"}):
        site.append("review.recorded", "log", **odd)
    site.append(
        "review.recorded", "log", kind="log", first="2026-11-01", last="2026-11-02",
        found=None, records=["1", True, 3], steps=[], next_due="x",
    )  # fmt: skip
    [found] = reviews.all_of(site.reader, site.db)
    assert (found.found, found.records, found.steps, found.next_due) == ("", (3,), {}, "")


def test_every_kind_has_words_in_both_languages_and_steps_that_differ() -> None:
    assert len(reviews.kinds()) >= 20
    for kind in reviews.kinds().values():
        for words in (kind.title, kind.asks, *kind.steps.values()):
            assert words["en"] and words["es"] and words["en"] != words["es"], kind.key
        assert 0 <= kind.every <= 400
