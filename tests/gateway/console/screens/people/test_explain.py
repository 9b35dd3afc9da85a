"""Why a record says what it says, rule by rule, and what would let the person in."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.console.site import Site
from gateway.decide.model import PinOutcome
from gateway.decide.policy import Mode
from gateway.ledger.event import EventType, NewEvent
from gateway.people import permits
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from tests.gateway.console.screens.people.conftest import ROWS, listed, put
from tests.gateway.console.site import Desk, desk_of, words_of

Open = Callable[[str], Desk]
Badge = Callable[..., int]


def page(desk: Desk, address: str) -> str:
    answer = desk.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def states(html: str) -> list[str]:
    return re.findall(r'<li data-state="(\w+)">', html)


def test_a_refusal_is_explained_rule_by_rule_up_to_the_one_that_decided(
    desk: Open, badge: Badge
) -> None:
    seq = badge("em4100:18:2020042")
    html = page(desk("rosa"), f"/explain/{seq}")
    text = words_of(html)
    assert "REFUSED" in text and "no longer valid" in text and "Mario Chávez" in text
    marks = states(html)
    assert marks[:8] == ["ok"] * 7 + ["no"] and set(marks[8:]) == {"later"}
    assert "human resources" in text and "changes their valid days on the list" in text
    assert f"record {seq}" in text


def test_a_pass_is_explained_too_and_has_no_way_in_to_show(desk: Open, badge: Badge) -> None:
    html = page(desk("rosa"), f"/explain/{badge('em4100:18:2010042')}")
    assert "MAY PASS" in words_of(html) and "What would let them in" not in html
    assert set(states(html)) == {"ok"}


def test_a_badge_of_nobody_leads_to_the_names_and_to_the_visitors(desk: Open, badge: Badge) -> None:
    html = page(desk("rosa"), f"/explain/{badge('em4100:18:9999999')}")
    assert 'href="/people"' in html and 'href="/visitors/new"' in html
    assert "9999999" not in html and "em4100:…999" in html


def test_what_changed_since_is_said_and_the_way_in_is_that_of_now(
    site: Site, desk: Open, badge: Badge
) -> None:
    seq = badge("em4100:18:2020042")
    listed(site, ROWS[0], ROWS[1].replace("2026-10-31", "2027-10-31"), *ROWS[2:])
    text = words_of(page(desk("rosa"), f"/explain/{seq}"))
    assert "REFUSED" in text and "of today they would have passed" in text
    assert "Nothing stands in their way now" in text


def test_everything_in_the_way_is_numbered_in_order(site: Site, desk: Open, badge: Badge) -> None:
    with closing(open_admin(site.settings.people_path)) as db:
        sync.set_revoked(db, "e202", revoked=True, why="lost", by="rosa")
    html = page(desk("samuel"), f"/explain/{badge('em4100:18:2020042')}")
    heads = [head.strip() for head in re.findall(r"<h3>([^<(]+)", html)]
    assert heads[:2] == ["access was revoked", "no longer valid"]
    assert 'href="/people/e202#access"' in html


def test_a_supervisor_goes_from_the_refusal_to_the_grant_and_the_person_would_pass(
    site: Site, desk: Open, badge: Badge
) -> None:
    seq = badge("em4100:18:2030042", "main")
    assert "Give a grant" not in page(desk("rosa"), f"/explain/{seq}")
    html = page(desk("samuel"), f"/explain/{seq}")
    (to,) = re.findall(r'href="(/people/e203\?grant=main#grant)"', html)
    form = page(desk("samuel"), to.partition("#")[0])
    assert '<option value="door:main" selected>' in form
    fields = {"person": "e203", "target": "door:main", "hours": "1", "reason": "jacket"}
    desk("samuel").post("/people/-/grant", fields)
    assert "Nothing stands in their way now" in page(desk("rosa"), f"/explain/{seq}")


def test_a_wrong_pin_stays_wrong_in_what_is_to_be_done(
    site: Site, desk: Open, badge: Badge
) -> None:
    door = site.settings.site.doors["main"]
    site.settings.site.doors["main"] = replace(door, mode=Mode.BADGE_PIN)  # type: ignore[index]
    with closing(open_admin(site.settings.people_path)) as db:
        sync.set_pin(db, "e201", hashed="x", duress=False, by="t")
    seq = badge("em4100:18:2010042", pin=PinOutcome.WRONG, has_pin=True)
    text = words_of(page(desk("rosa"), f"/explain/{seq}"))
    assert "the PIN is wrong" in text and "types the right PIN" in text


def test_who_left_the_list_is_explained_by_the_list_of_today(
    site: Site, desk: Open, badge: Badge
) -> None:
    seq = badge("em4100:18:2020042")
    listed(site, ROWS[0], *ROWS[2:])
    text = words_of(page(desk("rosa"), f"/explain/{seq}"))
    assert "nobody on the list holds this badge" in text


def test_what_would_happen_now_at_a_door_is_explained_without_a_badge(desk: Open) -> None:
    text = words_of(page(desk("rosa"), "/explain?id=e203&door=main"))
    assert "WOULD BE REFUSED" in text and "no access level for this door" in text
    assert "gives a level that opens it: plant" in text
    assert "WOULD PASS" in words_of(page(desk("rosa"), "/explain?id=e201&door=main&way=out"))


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/explain/0", 404),
        ("/explain/-1", 404),
        ("/explain/999999", 404),
        ("/explain/" + "9" * 80, 404),
        ("/explain/١", 404),
        ("/explain/<b>", 404),
        ("/explain?id=e201&door=attic", 404),
        ("/explain?id=e201&door=main&way=up", 404),
        ("/explain?id=nobody&door=main", 409),
        ("/explain", 404),
    ],
)
def test_what_is_not_there_is_said(desk: Open, address: str, status: int) -> None:
    answer = desk("rosa").get(address)
    assert answer.status_code == status and "<b>" not in words_of(answer.text)


def test_a_record_that_is_no_decision_is_shown_as_it_is(site: Site, desk: Open) -> None:
    seq = put(site, NewEvent(EventType.DOOR_FORCED, "main", {"door": "main"}))
    text = words_of(page(desk("rosa"), f"/explain/{seq}"))
    assert "FORCED OPEN" in text and "There are no rules to show" in text
    bare = NewEvent(EventType.ACCESS_DENIED, "main", {"door": "main", "reason": "denied_expired"})
    assert "older version" in words_of(page(desk("rosa"), f"/explain/{put(site, bare)}"))
    odd = {"door": ["main"], "reason": "denied_expired", "facts": {"failing": 7}}
    put_odd = put(site, NewEvent(EventType.ACCESS_DENIED, "main", odd))
    assert "There are no rules to show" in words_of(page(desk("rosa"), f"/explain/{put_odd}"))


def test_a_door_outside_an_operators_areas_is_not_explained(site: Site, badge: Badge) -> None:
    seq = badge("em4100:18:2020042", "main")
    table = site.settings.tables.operators["rosa"].model_copy(update={"areas": ["office"]})
    site.settings.tables.operators["rosa"] = table
    rosa = desk_of(site, "rosa")
    assert rosa.get(f"/explain/{seq}").status_code == 403
    assert rosa.get("/explain?id=e202&door=main").status_code == 404
    assert rosa.get("/explain?id=e202&door=office").status_code == 200


def test_spanish_says_it_in_spanish(site: Site, desk: Open, badge: Badge) -> None:
    site.store.set_taste("rosa", "es", "light")
    text = words_of(page(desk("rosa"), f"/explain/{badge('em4100:18:2020042')}"))
    assert "ya no está vigente" in text and "Lo que la dejaría entrar" in text
    assert "recursos humanos cambia su vigencia en la lista" in text


def test_an_explanation_gives_nobody_anything(site: Site, desk: Open, badge: Badge) -> None:
    seq = badge("em4100:18:2030042", "main")
    page(desk("samuel"), f"/explain/{seq}")
    with closing(open_admin(site.settings.people_path)) as db:
        assert permits.grants(db, "e203") == []
