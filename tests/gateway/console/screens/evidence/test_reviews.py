"""Reviews at the console: what is due, and what people say that they found."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape

import pytest

from gateway.console.screens.evidence.reviews import offered
from gateway.console.site import Site
from gateway.desk import reviews
from tests.gateway.console.site import Desk, desk_of, record, words_of

PATH = "/evidence/reviews"


@pytest.fixture
def samuel(site: Site) -> Desk:
    for name in ("samuel", "aurelio"):
        site.store.set_taste(name, "en", "light")
    return desk_of(site, "samuel")


def fields(site: Site, **more: str) -> dict[str, str]:
    day = (site.today() - timedelta(days=1)).isoformat()
    return {"kind": "log", "first": day, "last": day, "found": "<b>nothing</b>", **more}


def test_a_day_of_the_log_is_reviewed_and_falls_due_again(site: Site, samuel: Desk) -> None:
    assert "never done" in samuel.get(PATH).text
    form = samuel.get(f"{PATH}/new?kind=log").text
    yesterday = (site.today() - timedelta(days=1)).isoformat()
    assert f'value="{yesterday}"' in form
    sent = fields(site, records="1, 2;1", action="Spoke with the shift")
    assert samuel.post(PATH, sent).status_code == 303
    assert samuel.post(PATH, sent).status_code == 303  # a second tap
    record(site.settings)
    with site.ledger() as ledger:
        (found,) = reviews.all_of(ledger)
    due = site.today() - timedelta(days=1) + timedelta(days=reviews.kinds()["log"].every)
    assert (found.by, found.records, found.next_due) == ("Samuel Ochoa", (1, 2), due.isoformat())
    page = desk_of(site, "aurelio").get(PATH).text
    said = unescape(unescape(words_of(page)))
    assert "<b>nothing</b>" in said and "<b>nothing" not in page
    assert "Spoke with the shift" in said and 'href="/records/2"' in page
    assert "/evidence/reviews/new" not in page  # an auditor records none


def test_the_five_steps_of_a_risk_assessment_are_all_written(site: Site, samuel: Desk) -> None:
    steps = list(reviews.kinds()["risk_assessment"].steps)
    assert len(steps) == 5
    sent = fields(site, kind="risk_assessment")
    for key in steps[:4]:
        sent[f"step-{key}"] = f"about {key}"
    answer = samuel.post(PATH, sent)
    assert answer.status_code == 409 and f"about {steps[0]}" in answer.text  # nothing is lost
    sent[f"step-{steps[4]}"] = "how"
    assert samuel.post(PATH, sent).status_code == 303
    assert f"about {steps[3]}" in samuel.get(PATH).text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"found": ""}, "what was found"),
        ({"found": "x" * 2000}, "what was found"),
        ({"first": "2026-13-01"}, "write a day as"),
        ({"first": ""}, "write a day as"),
        ({"last": "9999-01-01"}, "still to come"),
        ({"first": "2999-01-01", "last": "2026-01-01"}, "not before the first"),
        ({"records": "1 zwei"}, "is not a number"),
        ({"records": "99999"}, "no record"),
        ({"records": "9" * 400}, "is not a number"),
        ({"next_due": "1999-01-01"}, ""),
        ({"kind": "<script>"}, "choose what you reviewed"),
    ],
)
def test_what_can_not_be_is_a_sentence(
    site: Site, samuel: Desk, more: dict[str, str], said: str
) -> None:
    answer = samuel.post(PATH, fields(site, **more))
    assert answer.status_code == 409 and said in unescape(words_of(answer.text))
    assert "<script>" not in answer.text
    with site.people() as db:
        assert db.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0


def test_who_may_record(site: Site) -> None:
    for name, status in (("rosa", 403), ("hilda", 403), ("aurelio", 403), ("ada", 303)):
        assert desk_of(site, name).post(PATH, fields(site)).status_code == status, name


def test_the_form_offers_the_days_since_the_last_one() -> None:
    kind, today = reviews.kinds()["log"], date(2026, 11, 26)
    assert offered(None, kind, today) == ("2026-11-19", "2026-11-25")
    before = reviews.Recorded("log", "2026-11-20", "2026-11-23", "", "", "", (), {}, "", "", 1)
    assert offered(before, kind, today) == ("2026-11-24", "2026-11-25")
    today = date(2026, 11, 23)
    assert offered(before, kind, today) == ("2026-11-22", "2026-11-22")  # all is looked at


def test_whoever_looked_at_days_of_the_log_records_it_from_there(site: Site, samuel: Desk) -> None:
    day = (site.today() - timedelta(days=2)).isoformat()
    page = samuel.get(f"/records?from={day}&to={day}").text
    link = f"{PATH}/new?kind=log&amp;from={day}&amp;to={day}"
    assert f'href="{link}"' in page
    form = samuel.get(unescape(link)).text
    assert form.count(f'value="{day}"') == 2
    assert link not in desk_of(site, "aurelio").get(f"/records?from={day}&to={day}").text
