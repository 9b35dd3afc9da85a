"""Patterns at the console: the findings of a week, why, and what people say of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.console.screens.patterns import view
from gateway.console.site import Site
from gateway.daemon.openlog import open_log
from gateway.desk import findings
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.console.site import Desk, desk_of, make, record, words_of, write_site

NAME = "Transportes <b>Ñandú</b>"
ONE, OWN, AWAY, OLD = "a1b2c3d4e5", "b1b2c3d4e5", "c1b2c3d4e5", "d1b2c3d4e5"


def item(key: str, day: date, about: dict[str, str], bits: float = 20.0) -> dict[str, Any]:
    words = {"en": f"Changed after the announcement: {NAME}", "es": f"Cambió: {NAME}"}
    shares = [[{"en": "came early", "es": "llegó antes"}, 4.0], [words, 16.0]]
    found = {"finding": key, "detector": "pickup", "day": day.isoformat(), "bits": bits}
    return {**found, "words": words, "shares": shares, "about": about, "records": [1, 2, 10**30]}


def fill(site: Site) -> None:
    """Findings of this week and one of long ago; one is about the supervisor, one about a door."""
    today = site.today()
    monday = today - timedelta(days=today.weekday())
    items = [
        item(ONE, monday, {"carrier": NAME, "freight": "7", "hour": "3", "zzz": "<i>"}),
        item(OWN, monday, {"operator": "samuel"}, 15.0),
        item(AWAY, monday, {"door": "main", "person": "../e1"}, 11.0),
        item(OLD, monday - timedelta(days=30), {"person": "e101"}),
    ]
    with site.people() as db, site.ledger() as ledger:
        assert findings.put_new(db, ledger, items, by="") == [ONE, OWN, AWAY, OLD]
    record(site.settings)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make(write_site(tmp_path))
    fill(made)
    for name in ("ada", "samuel", "aurelio"):
        made.store.set_taste(name, "en", "light")
    yield made
    made.store.close()


@pytest.fixture
def samuel(site: Site) -> Desk:
    return desk_of(site, "samuel")


def state(site: Site, key: str) -> findings.Known:
    record(site.settings)
    with site.people() as db, site.ledger() as ledger:
        return findings.known(db, ledger)[key]


def test_a_week_shows_its_findings_and_what_waits_from_before(site: Site, samuel: Desk) -> None:
    page = samuel.get("/patterns").text
    week, waiting = page.split("Of other weeks")
    assert [week.find(f"/patterns/{key}") > 0 for key in (ONE, OWN, AWAY, OLD)] == [
        True,
        True,
        True,
        False,
    ]
    assert week.index(ONE) < week.index(OWN) < week.index(AWAY)  # the strangest first
    assert f"/patterns/{OLD}" in waiting
    assert "<b>Ñandú" not in page and NAME in unescape(page)
    assert "have not gone through the log yet" in page
    assert "Of 4 shown so far, 0 were useful" in page
    back = site.today() - timedelta(days=site.today().weekday() + 30)
    assert f"/patterns/{OLD}" in samuel.get(f"/patterns?week={back}").text.split("Of other")[0]
    for odd in ("x", "0001-01-01", "9999-12-31", "%00"):
        assert samuel.get(f"/patterns?week={odd}").status_code == 200


def test_a_finding_says_why_with_its_shares_and_records(samuel: Desk) -> None:
    page = samuel.get(f"/patterns/{ONE}").text
    said = unescape(words_of(page))
    assert said.index("16.0") < said.index("came early") < said.index("4.0")
    assert (
        'href="/trucks/7"' in page and "3:00" in said and "<i>" not in page.replace("<i></i>", "")
    )
    assert 'href="/records/1"' in page and 'href="/records/2"' in page
    assert "not shown: 1" in said  # a record that there is not
    assert 'href="/people/..%2Fe1"' in samuel.get(f"/patterns/{AWAY}").text
    assert samuel.get("/patterns/none").status_code == 409
    assert samuel.get("/patterns/<script>").status_code == 409


def test_a_finding_goes_its_way_and_each_step_is_on_record(site: Site, samuel: Desk) -> None:
    path = f"/patterns/{ONE}"
    assert samuel.post(path, {"state": "looked_at"}).status_code == 303
    wrong = samuel.post(path, {"state": "explained", "note": ""})
    assert wrong.status_code == 409 and state(site, ONE).state == "looked_at"
    note = "<b>They</b> told us by telephone"
    for _twice in range(2):
        assert samuel.post(path, {"state": "explained", "note": note}).status_code == 303
    found = state(site, ONE)
    assert [step.state for step in found.steps] == ["new", "looked_at", "explained"]
    assert found.steps[-1].by_name == "Samuel Ochoa" and found.steps[-1].note == note
    ada = desk_of(site, "ada")
    assert ada.post(path, {"state": "looked_at"}).status_code == 303  # changes nothing
    assert ada.post(path, {"state": "confirmed"}).status_code == 303
    assert ada.post(path, {"state": "acted_upon", "note": "Carrier barred"}).status_code == 303
    again = ada.post(path, {"state": "explained", "note": "no"})
    assert again.status_code == 409 and state(site, ONE).state == "acted_upon"
    page = desk_of(site, "aurelio").get(path).text
    assert "<b>They" not in page and "Carrier barred" in page
    assert "1 were useful" in samuel.get("/patterns").text


@pytest.mark.parametrize(
    "sent",
    [
        {"state": "new"},
        {"state": "<script>"},
        {},
        {"state": "explained", "note": "x" * 5000},
        {"state": "acted_upon", "note": "   "},
    ],
)
def test_what_can_not_be_is_a_sentence(site: Site, samuel: Desk, sent: dict[str, str]) -> None:
    answer = samuel.post(f"/patterns/{ONE}", sent)
    assert answer.status_code == 409 and "<script>" not in answer.text
    assert state(site, ONE).state == "new"


def test_nobody_deals_with_what_is_about_themself(site: Site, samuel: Desk) -> None:
    page = samuel.get(f"/patterns/{OWN}").text
    assert "somebody else deals with it" in page and 'value="explained"' not in page
    sent = {"state": "explained", "note": "it was nothing"}
    assert samuel.post(f"/patterns/{OWN}", sent).status_code == 409
    assert state(site, OWN).state == "new"
    assert desk_of(site, "ada").post(f"/patterns/{OWN}", sent).status_code == 303


def test_who_sees_and_who_acts(site: Site) -> None:
    for name in ("rosa", "hilda"):
        assert desk_of(site, name).get("/patterns").status_code == 403
        assert desk_of(site, name).get(f"/patterns/{ONE}").status_code == 403
    aurelio = desk_of(site, "aurelio")
    assert 'name="state"' not in aurelio.get(f"/patterns/{ONE}").text
    assert aurelio.post(f"/patterns/{ONE}", {"state": "looked_at"}).status_code == 403


def test_who_sees_some_areas_sees_no_finding_of_another_door(tmp_path: Path) -> None:
    settings = write_site(tmp_path)
    told = settings.path.read_text(encoding="utf-8")
    scoped = told.replace('["supervisor"]', '["supervisor"]\nareas = ["office"]')
    settings.path.write_text(scoped, encoding="utf-8")
    site = make(config.load(settings.path))
    try:
        fill(site)
        samuel = desk_of(site, "samuel")
        page = samuel.get("/patterns").text
        assert ONE in page and AWAY not in page
        assert samuel.get(f"/patterns/{AWAY}").status_code == 409
        assert samuel.post(f"/patterns/{AWAY}", {"state": "looked_at"}).status_code == 409
    finally:
        site.store.close()


def test_records_of_another_form_end_no_page(site: Site, samuel: Desk) -> None:
    odd: list[dict[str, Any]] = [
        {},
        {"finding": 7, "state": "new"},
        {"finding": "x", "state": "new", "words": "text", "day": 3},
        {"finding": "y", "state": "new", "detector": "d", "day": "<b>", "words": {}, "about": {}},
        {"finding": ONE, "state": "gone"},
    ]
    with closing(open_log(site.settings)) as ledger:
        for data in odd:
            ledger.append_sync(NewEvent(EventType.PATTERN_FINDING, "x", data))
    assert samuel.get("/patterns").status_code == 200
    assert samuel.get("/patterns/y").status_code == 200
    assert state(site, ONE).state == "new"


def test_when_the_patterns_looked_last(site: Site, samuel: Desk) -> None:
    path = site.settings.patterns_path
    assert view.looked_at(site.settings) is None
    path.parent.mkdir()
    path.write_bytes(b"")
    assert view.looked_at(site.settings) is not None
    assert "was last gone through" in samuel.get("/patterns").text


@pytest.mark.slow
def test_pictures_beside_a_finding_are_drawn_without_scripts_and_styles(
    site: Site, samuel: Desk
) -> None:
    with samuel.client as client:
        page = client.get(f"/patterns/{ONE}").text
        assert f"/patterns/{ONE}/plot/arrivals" in page and "/plot/door" not in page
        for name in ("arrivals", "dwell"):
            answer = client.get(f"/patterns/{ONE}/plot/{name}")
            assert answer.headers["content-type"] == "image/svg+xml"
            assert "<svg" in answer.text and "Ñandú" not in answer.text
            assert "style=" not in answer.text and "<script" not in answer.text
        for name in ("door", "..%2Fx", "person"):
            assert client.get(f"/patterns/{ONE}/plot/{name}").status_code == 404
