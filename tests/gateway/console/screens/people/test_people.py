"""People at the console: found by name, one person's page, access taken and given, grants."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.console.site import Site
from gateway.ledger.event import EventType, NewEvent
from gateway.people import permits
from gateway.people.schema import open_admin
from tests.gateway.console.screens.people.conftest import HOSTILE, ROWS, listed, put
from tests.gateway.console.site import Desk, desk_of, words_of

Open = Callable[[str], Desk]


def events(site: Site, kind: str) -> list[dict[str, Any]]:
    """What waits to be recorded of that type."""
    with closing(sqlite3.connect(site.settings.people_path)) as db:
        rows = db.execute("SELECT data FROM outbox WHERE type = ?", (kind,))
        return [json.loads(data) for (data,) in rows]


def found(desk: Desk, q: str) -> str:
    answer = desk.post("/people/-/find", {"q": q}, part=True)
    assert answer.status_code == 200
    return answer.text


# --- search


def test_a_person_is_found_by_beginnings_and_the_answer_says_their_standing(desk: Open) -> None:
    text = words_of(found(desk("rosa"), "lop mar"))
    assert "María López Núñez" in text and "active" in text and "Mario" not in text
    assert "expired" in words_of(found(desk("rosa"), "mario"))


def test_a_name_as_it_sounds_says_that_it_is_a_guess(desk: Open) -> None:
    text = words_of(found(desk("rosa"), "chabes"))
    assert "Mario Chávez" in text and "sound alike" in text


def test_without_javascript_the_search_is_a_whole_page(desk: Open) -> None:
    page = desk("rosa").post("/people/-/find", {"q": "mario"})
    assert page.status_code == 200 and "<!doctype html>" in page.text
    assert "Mario Chávez" in page.text and 'value="mario"' in page.text


def test_nobody_found_says_so(desk: Open) -> None:
    assert "Nobody on the list fits" in words_of(found(desk("rosa"), "zzz"))


def test_no_name_stands_in_an_address(desk: Open) -> None:
    assert desk("rosa").get("/people?q=mario").status_code == 200
    assert "Mario" not in desk("rosa").get("/people?q=mario").text
    assert 'method="post" action="/people/-/find"' in desk("rosa").get("/people").text


def test_hostile_names_are_text(desk: Open) -> None:
    text = found(desk("rosa"), "nandu")
    assert "<script>" not in text and "&lt;script&gt;" in text
    page = desk("rosa").get("/people/e204").text
    assert "<script>alert" not in page and HOSTILE[:24] not in page
    assert found(desk("rosa"), '"><b>' + "x" * 3000)


# --- one person


def test_the_page_of_a_person_shows_what_a_guard_needs(desk: Open) -> None:
    text = words_of(desk("rosa").get("/people/e201").text)
    for said in (
        "María López Núñez",
        "e201",
        "Acme México",
        "days left: 12",
        "plant",
        "em4100:…042",
    ):
        assert said in text, said
    assert "2010042" not in text


def test_days_left_are_those_of_the_site_and_what_lapsed_is_said(site: Site, desk: Open) -> None:
    with closing(sqlite3.connect(site.settings.people_path)) as db, db:
        yesterday = (datetime.now(site.settings.site.zone) - timedelta(days=1)).date()
        db.execute("UPDATE requirement SET valid_until = ?", (yesterday.isoformat(),))
    assert "lapsed, days ago: 1" in words_of(desk("rosa").get("/people/e201").text)


def test_an_id_with_a_slash_has_a_page_too(desk: Open) -> None:
    rosa = desk("rosa")
    assert 'href="/people?id=a%2Fb"' in found(rosa, "slash")
    assert "Slash Ortiz" in rosa.get("/people?id=a%2Fb").text
    answer = rosa.post("/people/-/revoke", {"person": "a/b", "reason": "left"})
    assert answer.headers["location"] == "/people?id=a%2Fb"


def test_somebody_who_left_the_list_is_told_with_the_list(site: Site, desk: Open) -> None:
    listed(site, *ROWS[1:])
    answer = desk("rosa").get("/people/e201")
    assert answer.status_code == 404 and "left the list" in words_of(answer.text)
    assert desk("rosa").get("/people/nobody").status_code == 404


def test_what_lists_changed_is_shown_with_badges_masked(site: Site, desk: Open) -> None:
    listed(site, ROWS[0].replace("2027-01-31", "2027-03-31"), *ROWS[1:])
    text = words_of(desk("rosa").get("/people/e201").text)
    assert "valid until: 2027-01-31 → 2027-03-31" in text and "hilda" in text


def test_doors_say_now_which_open_and_why_not(desk: Open) -> None:
    text = desk("rosa").get("/people/-/doors?id=e202", part=True).text
    assert "no longer valid" in text and "/explain?id=e202&amp;door=main" in text
    whole = desk("rosa").get("/people/-/doors?id=e202")
    assert "<!doctype html>" in whole.text and "no longer valid" in whole.text
    assert desk("rosa").get("/people/-/doors?id=nobody", part=True).status_code == 409


def test_records_of_a_person_come_newest_first_and_a_refusal_leads_to_why(
    desk: Open, badge: Callable[..., int]
) -> None:
    first, last = badge("em4100:18:2010042"), badge("em4100:18:2077", "office")
    badge("em4100:18:2020042")
    page = desk("rosa").get("/people/-/records?id=e201", part=True).text
    assert page.index(f"/explain/{last}") < page.index(f"/explain/{first}")
    assert "Chávez" not in page


def test_a_record_of_duress_is_shown_to_those_whom_the_site_names(site: Site, desk: Open) -> None:
    data = {"person": {"id": "e201", "name": "María López"}, "name": "María López", "door": "main"}
    seq = put(site, NewEvent(EventType.ALARM_DURESS, "main", data))
    assert "DURESS" not in desk("rosa").get("/people/-/records?id=e201", part=True).text
    assert "DURESS" in desk("samuel").get("/people/-/records?id=e201", part=True).text
    assert desk("rosa").get(f"/explain/{seq}").status_code == 403


# --- access


def test_access_is_taken_with_a_reason_and_the_operators_name(site: Site, desk: Open) -> None:
    rosa = desk("rosa")
    answer = rosa.post("/people/-/revoke", {"person": "e201", "reason": "  lost her badge "})
    assert answer.status_code == 303 and answer.headers["location"] == "/people/e201"
    assert [(e["reason"], e["by"], e["by_person"]) for e in events(site, "people.revoked")] == [
        ("lost her badge", "rosa", "e101")
    ]
    text = words_of(rosa.get("/people/e201").text)
    assert "revoked" in text and "lost her badge" in text and "Take access away" not in text


def test_the_same_form_sent_twice_takes_access_once(site: Site, desk: Open) -> None:
    rosa = desk("rosa")
    for _ in range(2):
        assert rosa.post("/people/-/revoke", {"person": "e201", "reason": "x"}).status_code == 303
    assert len(events(site, "people.revoked")) == 1


@pytest.mark.parametrize("reason", ["", "   ", "x" * 300, "a\u202eb"])
def test_without_a_good_reason_nothing_is_done_and_what_was_typed_stays(
    site: Site, desk: Open, reason: str
) -> None:
    answer = desk("rosa").post("/people/-/revoke", {"person": "e201", "reason": reason})
    assert answer.status_code == 422 and events(site, "people.revoked") == []
    assert '<details class="act" open>' in answer.text
    assert reason.strip()[:50] in answer.text


def test_access_is_given_back_by_a_supervisor_and_not_by_a_guard(site: Site, desk: Open) -> None:
    desk("rosa").post("/people/-/revoke", {"person": "e201", "reason": "x"})
    fields = {"person": "e201", "reason": "found"}
    assert desk("rosa").post("/people/-/reinstate", fields).status_code == 403
    assert "gives access back" in words_of(desk("rosa").get("/people/e201").text)
    assert desk("samuel").post("/people/-/reinstate", fields).status_code == 303
    assert [e["by"] for e in events(site, "people.reinstated")] == ["samuel"]


def test_nobody_gives_access_to_themselves(site: Site, desk: Open) -> None:
    samuel = desk("samuel")
    answer = samuel.post("/people/-/reinstate", {"person": "e102", "reason": "I am good"})
    assert answer.status_code == 422 and "ask somebody else" in words_of(answer.text)
    grant = {"person": "e102", "target": "door:main", "hours": "4", "reason": "x"}
    assert samuel.post("/people/-/grant", grant).status_code == 422
    assert events(site, "people.reinstated") == [] and events(site, "grant.given") == []
    assert "Give a grant" not in words_of(samuel.get("/people/e102").text)


def test_an_operator_whose_access_was_taken_is_signed_out(site: Site, desk: Open) -> None:
    samuel = desk("samuel")
    desk("rosa").post("/people/-/revoke", {"person": "e102", "reason": "x"})
    answer = samuel.post("/people/-/reinstate", {"person": "e102", "reason": "I am good"})
    assert answer.headers["location"].startswith("/login")
    assert events(site, "people.reinstated") == []


def test_an_auditor_looks_and_does_nothing(desk: Open) -> None:
    aurelio = desk("aurelio")
    text = words_of(aurelio.get("/people/e201").text)
    assert "María López" in text and "Take access away" not in text and "Give a grant" not in text
    for act in ("revoke", "reinstate", "grant", "grant-end"):
        fields = {
            "person": "e201",
            "reason": "x",
            "target": "door:main",
            "hours": "1",
            "grant": "1",
        }
        assert aurelio.post(f"/people/-/{act}", fields).status_code == 403


# --- grants


GRANT = {"person": "e203", "target": "door:main", "hours": "4", "reason": "forgot the jacket"}


def grants(site: Site, person: str = "e203") -> list[permits.Grant]:
    with closing(open_admin(site.settings.people_path)) as db:
        return permits.grants(db, person)


def test_a_grant_for_some_hours_is_given_shown_and_ended(site: Site, desk: Open) -> None:
    samuel = desk("samuel")
    assert samuel.post("/people/-/grant", GRANT).headers["location"] == "/people/e203"
    (given,) = grants(site)
    assert (given.kind, given.target, given.why, given.by) == (
        "door",
        "main",
        "forgot the jacket",
        "samuel",
    )
    assert timedelta(hours=3.9) < given.until - datetime.now(UTC) <= timedelta(hours=4)
    assert "forgot the jacket" in samuel.get("/people/e203").text
    assert "may pass" in desk("rosa").get("/people/-/doors?id=e203", part=True).text
    ended = desk("rosa").post("/people/-/grant-end", {"person": "e203", "grant": str(given.id)})
    assert ended.status_code == 303 and grants(site) == []
    assert [e["by"] for e in events(site, "grant.ended")] == ["rosa"]


def test_a_grant_until_a_day_and_time_is_in_the_sites_zone(site: Site, desk: Open) -> None:
    tomorrow = (datetime.now(site.settings.site.zone) + timedelta(days=1)).date()
    fields = {**GRANT, "hours": "", "date": tomorrow.isoformat(), "time": "18:30"}
    assert desk("hilda").post("/people/-/grant", fields).status_code == 303
    (given,) = grants(site)
    local = given.until.astimezone(site.settings.site.zone)
    assert (local.date(), local.hour, local.minute) == (tomorrow, 18, 30)


def test_the_same_grant_sent_twice_is_given_once(site: Site, desk: Open) -> None:
    tomorrow = (datetime.now(site.settings.site.zone) + timedelta(days=1)).date()
    fields = {**GRANT, "hours": "", "date": tomorrow.isoformat(), "time": "18:30"}
    for _ in range(2):
        assert desk("samuel").post("/people/-/grant", fields).status_code == 303
    assert len(grants(site)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": ""},
        {"target": "door:attic"},
        {"target": "main"},
        {"target": "vault:main"},
        {"hours": "0"},
        {"hours": "25"},
        {"hours": "-4"},
        {"hours": "", "date": "2020-01-01", "time": "10:00"},
        {"hours": "", "date": "2999-01-01", "time": "10:00"},
        {"hours": "", "date": "tomorrow", "time": "10:00"},
        {"hours": "", "date": "2026-12-01", "time": ""},
        {"reason": " "},
    ],
)
def test_a_grant_that_makes_no_sense_is_refused_and_the_form_stays(
    site: Site, desk: Open, wrong: dict[str, str]
) -> None:
    answer = desk("samuel").post("/people/-/grant", {**GRANT, **wrong})
    assert answer.status_code == 422 and grants(site) == []
    assert "notice-bad" in answer.text and '<details class="act" open>' in answer.text


def test_a_grant_of_somebody_else_is_not_ended_by_its_number(site: Site, desk: Open) -> None:
    desk("samuel").post("/people/-/grant", GRANT)
    (given,) = grants(site)
    for number in (str(given.id), "0", "x", "9" * 30):
        desk("rosa").post("/people/-/grant-end", {"person": "e201", "grant": number})
    assert len(grants(site)) == 1


def test_nobody_is_given_a_grant_who_is_not_on_the_list(site: Site, desk: Open) -> None:
    assert desk("samuel").post("/people/-/grant", {**GRANT, "person": "e999"}).status_code == 404


def test_an_operator_of_one_area_gives_grants_there_alone(site: Site) -> None:
    samuel = desk_of(site, "samuel")
    table = site.settings.tables.operators["samuel"].model_copy(update={"areas": ["office"]})
    site.settings.tables.operators["samuel"] = table
    page = samuel.get("/people/e203").text
    assert 'value="door:office"' in page and 'value="door:main"' not in page
    answer = samuel.post("/people/-/grant", GRANT)
    assert answer.status_code == 422 and "not in your areas" in words_of(answer.text)
    assert samuel.post("/people/-/grant", {**GRANT, "target": "area:plant"}).status_code == 422
    assert samuel.post("/people/-/grant", {**GRANT, "target": "area:office"}).status_code == 303
    doors = samuel.get("/people/-/doors?id=e203", part=True).text
    assert "office" in doors and "main" not in doors


@pytest.mark.parametrize(
    "path",
    [
        "/people",
        "/people/e201",
        "/people/-/live?id=e201",
        "/people/-/doors?id=e201",
        "/people/-/records?id=e201",
    ],
)
def test_every_role_sees_people_and_nobody_without_a_session(desk: Open, path: str) -> None:
    for name in ("rosa", "samuel", "hilda", "ada", "aurelio"):
        assert desk(name).get(path).status_code == 200
    assert desk("").get(path).headers["location"].startswith("/login")


# --- badges


MASKED = "em4100:…042"
FIELDS = {"person": "e201", "place": "1", "masked": MASKED, "reason": "on the bus"}


def test_a_lost_badge_opens_nothing_and_the_other_one_does(
    site: Site, desk: Open, badge: Callable[..., int]
) -> None:
    rosa = desk("rosa")
    page = rosa.get("/people/e201").text
    assert f'name="masked" value="{MASKED}"' in page and "2010042" not in page
    assert rosa.post("/people/-/badge-lost", FIELDS).headers["location"] == "/people/e201"
    lost, other = badge("em4100:18:2010042"), badge("em4100:18:2077")
    assert "nobody on the list holds this badge" in words_of(rosa.get(f"/explain/{lost}").text)
    assert "MAY PASS" in words_of(rosa.get(f"/explain/{other}").text)
    text = words_of(rosa.get("/people/e201").text)
    assert "on the bus" in text and "It was found" not in text
    assert "It was found" in words_of(desk("samuel").get("/people/e201").text)


def test_a_badge_is_found_by_a_supervisor_and_lost_once(site: Site, desk: Open) -> None:
    for _ in range(2):
        assert desk("rosa").post("/people/-/badge-lost", FIELDS).status_code == 303
    assert len(events(site, "people.badge_lost")) == 1
    assert desk("rosa").post("/people/-/badge-found", FIELDS).status_code == 403
    assert desk("samuel").post("/people/-/badge-found", FIELDS).status_code == 303
    assert [e["by"] for e in events(site, "people.badge_found")] == ["samuel"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"place": "2"},
        {"place": "x"},
        {"place": ""},
        {"place": "0"},
        {"masked": "x"},
        {"reason": ""},
    ],
)
def test_another_badge_than_the_one_on_the_screen_is_not_taken(
    site: Site, desk: Open, wrong: dict[str, str]
) -> None:
    answer = desk("rosa").post("/people/-/badge-lost", {**FIELDS, **wrong})
    assert answer.status_code == 422 and "notice-bad" in answer.text
    assert events(site, "people.badge_lost") == []
