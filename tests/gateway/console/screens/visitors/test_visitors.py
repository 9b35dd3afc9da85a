"""Visitors at the console: the board, somebody new, and a visit to its end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from gateway.console.screens.visitors import typed
from gateway.console.site import Site
from gateway.decide.model import Credential
from gateway.desk import partners
from gateway.desk.partners import Partner
from gateway.desk.visits import badges, records, register, regulars
from gateway.desk.visits.settings import visit_policy
from gateway.desk.visits.visit import Plan, Visit
from gateway.ledger.operator import Operator
from gateway.vault.sitekey import SiteKey
from tests.gateway.console.site import Desk, desk_of, make, record, words_of, write_site

MORE = """
[visits]
access_levels = ["plant"]
escorted_access_levels = ["plant"]
"""
KEY = SiteKey(bytes(32))
GUARD = Operator("rosa", person="e101", name="Rosa Ibarra", roles=frozenset({"guard"}))
HOUR = timedelta(hours=1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make(write_site(tmp_path, MORE))
    made.store.set_taste("rosa", "en", "light")
    made.store.set_taste("aurelio", "en", "light")
    yield made
    made.store.close()


@pytest.fixture
def rosa(site: Site) -> Desk:
    return desk_of(site, "rosa")


def now() -> datetime:
    return datetime.now(UTC)


def end(hours: int = 2) -> str:
    return (now() + hours * HOUR).isoformat()


def filled(**more: str) -> dict[str, str]:
    """The form of somebody who is here, filled in."""
    return {"name": "José Núñez", "host": "Luis Vega", "id_kind": "ine", "end": end(), **more}


def expected(site: Site, name: str = "José Núñez", *, begin: int = 0, until: int = 2) -> Visit:
    plan = Plan(name, "Luis Vega", now() + begin * HOUR, now() + until * HOUR)
    with site.people() as db:
        return register.expect(db, plan, visit_policy(site.settings), by=GUARD, now=now())


def here(site: Site, name: str = "José Núñez", *, ago: int = 0, until: int = 2) -> Visit:
    with site.people() as db:
        plan = Plan(name, "Luis Vega", now() - (ago + 1) * HOUR, now() + until * HOUR)
        shown = typed.Shown("ine")
        at = now() - ago * HOUR
        return register.walk_in(db, plan, shown, visit_policy(site.settings), by=GUARD, now=at)


def of(site: Site, number: int = 1) -> Visit:
    with site.people() as db:
        return records.get(db, number)


def events(site: Site) -> list[tuple[str, dict[str, object]]]:
    with site.people() as db:
        rows = db.execute("SELECT type, data FROM outbox ORDER BY rowid")
        return [(kind, json.loads(data)) for kind, data in rows]


def count(site: Site) -> int:
    with site.people() as db:
        return int(db.execute("SELECT count(*) FROM visit").fetchone()[0])


# Somebody whom nobody announced


def test_somebody_new_takes_at_most_six_fields(rosa: Desk) -> None:
    page = rosa.get("/visitors/new").text
    form = re.search(r'<form method="post" action="/visitors/new".*?</form>', page, re.DOTALL)
    assert form is not None
    first = re.sub(r"<details.*?</details>", "", form[0], flags=re.DOTALL)
    names = set(re.findall(r'<input[^>]* name="(\w+)"', first)) - {"csrf"}
    assert names == {"name", "company", "host", "purpose", "id_kind", "end"}


def test_somebody_new_is_let_in_and_the_page_says_what_to_do_next(site: Site, rosa: Desk) -> None:
    answer = rosa.post("/visitors/new", filled(purpose="la prensa"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/visitors/1")
    visit = of(site)
    assert (visit.state, visit.id_kind, visit.host) == ("on_site", "ine", "Luis Vega")
    assert "Tell Luis Vega" in words_of(rosa.get("/visitors/1").text)
    ((kind, data),) = events(site)
    assert (kind, data["by"], data["by_person"]) == ("visit.arrived", "rosa", "e101")
    assert data["criteria"] == ["10.2"]


def test_without_a_photo_id_nobody_enters_and_the_form_keeps_what_was_typed(
    site: Site, rosa: Desk
) -> None:
    answer = rosa.post("/visitors/new", filled(id_kind="", purpose="la prensa"))
    assert answer.status_code == 409
    said = words_of(answer.text)
    assert "a photo ID must be shown" in said and "id_missing" in said and "10.2" in said
    for text in ("José Núñez", "Luis Vega", "la prensa"):
        assert f'value="{text}"' in answer.text
    assert count(site) == 0
    assert [kind for kind, _ in events(site)] == ["visit.held"]


def test_two_taps_let_one_visitor_in(site: Site, rosa: Desk) -> None:
    form = filled()
    first, second = (rosa.post("/visitors/new", form) for _ in range(2))
    assert first.headers["location"] == second.headers["location"] == "/visitors/1"
    assert rosa.post("/visitors/expect", {**form, "name": "Otra Visita"}).status_code == 303
    assert rosa.post("/visitors/expect", {**form, "name": "Otra Visita"}).status_code == 303
    assert count(site) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "is empty"),
        ({"name": "x" * 500}, "longer than 120"),
        ({"name": "Ana\u202eznuM"}, "U+202E"),
        ({"end": "", "other_end": ""}, "until when"),
        ({"other_end": "25:99"}, "is no time"),
        ({"other_end": "2020-01-01T10:00"}, "ends after it begins"),
        ({"id_kind": "library-card"}, "no photo ID of this kind"),
        ({"kind": "burglar"}, "kind: one of"),
    ],
)
def test_what_can_not_be_used_is_a_sentence_on_the_form(
    site: Site, rosa: Desk, wrong: dict[str, str], said: str
) -> None:
    answer = rosa.post("/visitors/new", {**filled(), **wrong})
    assert answer.status_code == 409
    assert said in unescape(words_of(answer.text))
    assert 'value="Luis Vega"' in answer.text
    assert count(site) == 0


def test_a_number_of_a_document_needs_the_gateway_and_is_not_shown_again(
    site: Site, rosa: Desk
) -> None:
    answer = rosa.post("/visitors/new", filled(id_number="IDMEX1234567"))
    assert answer.status_code == 409 and "not running" in answer.text
    assert "IDMEX1234567" not in answer.text
    assert count(site) == 0


# The board


def test_the_board_has_everybody_in_their_lane_and_the_overdue_in_red(
    site: Site, rosa: Desk
) -> None:
    expected(site, "Ema Espera")
    expected(site, "Lalo Luego", begin=30, until=32)
    here(site, "Inés Adentro")
    here(site, "Olga Tarde", ago=3, until=-1)
    gone = here(site, "Saúl Salió")
    rosa.post(f"/visitors/{gone.id}/left", {"version": gone.version})
    page = rosa.get("/visitors").text
    lanes = [
        (words_of(lane).split("<")[0], lane)
        for lane in re.findall(r'class="lane"(.*?)(?:</section>|</details>)', page, re.DOTALL)
    ]
    by_name = {
        name: words_of(lane)
        for name in ("Ema Espera", "Lalo Luego", "Inés Adentro", "Olga Tarde", "Saúl Salió")
        for _, lane in lanes
        if name in lane
    }
    for name, heading in (
        ("Ema Espera", "Expected today 1"),
        ("Lalo Luego", "Later days 1"),
        ("Inés Adentro", "Here now 1"),
        ("Olga Tarde", "Should have left 1"),
        ("Saúl Salió", "Left today 1"),
    ):
        assert heading in by_name[name], name
    assert "Olga Tarde" in lanes[0][1] and 'data-kind="bad"' in lanes[0][1]
    assert "1 h too long" in by_name["Olga Tarde"]


def test_a_badge_that_did_not_come_back_stands_on_the_board_until_it_does(
    site: Site, rosa: Desk
) -> None:
    visit = badged(site)
    assert rosa.post(f"/visitors/{visit.id}/left", {"badge": ""}).status_code == 303
    assert "Left without returning the badge" in words_of(rosa.get("/visitors").text)
    assert "did not come back" in words_of(rosa.get(f"/visitors/{visit.id}").text)
    assert rosa.post(f"/visitors/{visit.id}/returned").status_code == 303
    assert "Left without returning the badge" not in rosa.get("/visitors").text


def badged(site: Site) -> Visit:
    visit = here(site)
    with site.people() as db:
        register.contact_host(db, visit.id, by=GUARD, now=now(), escort="e102")
        rules = visit_policy(site.settings)
        card = Credential("em4100", "18", "777")
        return badges.issue_badge(db, visit.id, card, rules, key=KEY, by=GUARD, now=now())


def test_three_letters_find_who_is_expected_and_who_came_before(site: Site, rosa: Desk) -> None:
    expected(site, "Nuño Esperado")
    gone = here(site, "Nuria Antes")
    with site.people() as db:
        register.depart(db, gone.id, by=GUARD, now=now())
        regulars.set_regular(db, "Pepe Nuñez", "", regular=True, by=GUARD, now=now())
    page = rosa.post("/visitors/find", {"q": "nuñ"}, part=True).text
    assert "<html" not in page and "Nuño Esperado" in page and "announced" in page
    said = words_of(rosa.post("/visitors/find", {"q": "nur"}, part=True).text)
    assert "Nuria Antes" in said and "last visited Luis Vega" in said
    assert "regular" in words_of(rosa.post("/visitors/find", {"q": "nuñez"}, part=True).text)
    assert "Nuria" not in rosa.post("/visitors/find", {"q": "nu"}, part=True).text
    whole = rosa.post("/visitors/find", {"q": "nur"}).text  # without JavaScript
    assert "<html" in whole and "Nuria Antes" in whole and 'value="nur"' in whole


def test_somebody_found_fills_the_form(rosa: Desk) -> None:
    fields = {"name": "Nuria Antes", "company": "Acme", "host": "Luis Vega"}
    page = rosa.post("/visitors/fill", fields).text
    for text in fields.values():
        assert f'value="{text}"' in page


# One visit


def test_a_visit_from_announcement_to_departure(site: Site, rosa: Desk) -> None:
    form = {"name": "José Núñez", "host": "Luis Vega", "other_end": end()}
    assert rosa.post("/visitors/expect", form).headers["location"] == "/visitors"
    assert "José Núñez" in rosa.get("/visitors").text
    assert rosa.post("/visitors/1/arrive", {"id_kind": "ine", "version": "1"}).status_code == 303
    assert rosa.post("/visitors/1/host", {"escort": "e102"}).status_code == 303
    assert of(site).escort_name == "Samuel Ochoa"
    assert rosa.post("/visitors/1/extend", {"end": end(4)}).status_code == 303
    assert rosa.post("/visitors/1/left", {"badge": ""}).headers["location"] == "/visitors/1"
    assert of(site).state == "departed"
    assert [kind for kind, _ in events(site)] == [
        "visit.expected",
        "visit.arrived",
        "escort.set",
        "visit.host_contacted",
        "visit.extended",
        "visit.departed",
    ]
    assert {data["by"] for _, data in events(site)} == {"rosa"}


@pytest.mark.parametrize("act", ["arrive", "left", "off", "returned"])
def test_a_second_tap_does_nothing_more_and_is_no_error(site: Site, rosa: Desk, act: str) -> None:
    visit = {"arrive": expected, "off": expected, "left": here, "returned": badged}[act](site)
    form = {"id_kind": "ine", "version": str(visit.version), "reason": "llamó", "how": "cancel"}
    for _ in range(2):
        answer = rosa.post(f"/visitors/{visit.id}/{act}", form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/visitors/{visit.id}")
    kinds = [kind for kind, _ in events(site)]
    assert len(kinds) == len(set(kinds) - {"visit.held"}) + kinds.count("visit.held")


def test_whoever_is_slower_looks_again(site: Site, rosa: Desk) -> None:
    visit = here(site)
    rosa.post(f"/visitors/{visit.id}/host", {})
    form = {"version": str(visit.version), "badge": ""}
    answer = rosa.post(f"/visitors/{visit.id}/left", form)
    assert answer.status_code == 409 and "changed in the meantime" in answer.text
    assert of(site, visit.id).state == "on_site"


def test_a_refusal_says_why_and_what_stands_in_no_command(site: Site, rosa: Desk) -> None:
    visit = here(site)
    answer = rosa.post(f"/visitors/{visit.id}/host", {"escort": "nobody"})
    assert answer.status_code == 409 and "escort_unknown" in answer.text
    answer = rosa.post(f"/visitors/{visit.id}/badge", {"card": "no badge"})
    assert answer.status_code == 409 and "garita " not in words_of(answer.text)


def test_an_announced_visitor_is_sent_away_with_a_reason(site: Site, rosa: Desk) -> None:
    visit = expected(site)
    answer = rosa.post(f"/visitors/{visit.id}/off", {"how": "refuse", "reason": ""})
    assert answer.status_code == 409
    rosa.post(f"/visitors/{visit.id}/off", {"how": "refuse", "reason": "sin identificación"})
    assert (of(site).state, of(site).note) == ("refused", "sin identificación")


def test_a_visitor_becomes_a_regular_one(site: Site, rosa: Desk) -> None:
    visit = here(site)
    rosa.post(f"/visitors/{visit.id}/regular", {"regular": "yes"})
    assert "No longer a regular visitor" in rosa.get(f"/visitors/{visit.id}").text
    rosa.post(f"/visitors/{visit.id}/regular", {"regular": "no"})
    with site.people() as db:
        assert regulars.regulars(db) == []


def test_a_visit_that_is_not_there_is_a_sentence(rosa: Desk) -> None:
    for number in (999, 2**80):
        assert "there is no visit" in rosa.get(f"/visitors/{number}").text
        assert rosa.post(f"/visitors/{number}/left").status_code == 409
    assert rosa.get("/visitors/abc").status_code == 404


def test_a_company_that_is_suspended_is_refused(site: Site, rosa: Desk) -> None:
    acme = Partner("Acme", "carrier", "ctpat", "S1", None, date(2099, 1, 1), status="suspended")
    with site.people() as db:
        rules = visit_policy(site.settings).partners
        partners.put(db, acme, rules, by=GUARD, now=now())
    answer = rosa.post("/visitors/new", filled(company="Acme"))
    assert answer.status_code == 409 and "partner_suspended" in answer.text


# Label and log


@pytest.mark.parametrize("paper", ["62", "a6"])
def test_the_label_is_a_pdf_that_no_cache_keeps(site: Site, rosa: Desk, paper: str) -> None:
    here(site)
    answer = rosa.get(f"/visitors/1/label?paper={paper}")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"%PDF-")
    assert "Núñez" not in answer.headers["content-disposition"]


def test_there_is_no_label_of_other_paper_or_of_nobody(site: Site, rosa: Desk) -> None:
    here(site)
    assert rosa.get("/visitors/1/label?paper=a0").status_code == 409
    assert rosa.get("/visitors/2/label").status_code == 409


def test_the_visitor_log_is_made_of_records_and_goes_into_a_file(site: Site, rosa: Desk) -> None:
    here(site, "=José Núñez")
    page = words_of(rosa.get("/visitors/log").text)
    assert "1 act is not recorded yet" in page
    record(site.settings)
    page = rosa.get("/visitors/log").text
    assert 'href="/visitors/1"' in page and "INE voter card" in page
    answer = rosa.get("/visitors/log.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "'=José Núñez" in answer.text  # no formula
    for days in (
        "from=2026-13-01",
        "from=2026-02-01&to=2026-01-01",
        "from=0001-01-01&to=9999-12-31",
    ):
        assert rosa.get(f"/visitors/log?{days}").status_code == 409
    assert "José" not in rosa.get("/visitors/log?from=2020-01-01&to=2020-01-02").text


# Who may


def test_the_auditor_looks_and_does_nothing(site: Site) -> None:
    visit = here(site)
    aurelio = desk_of(site, "aurelio")
    for path in ("/visitors", f"/visitors/{visit.id}", "/visitors/log"):
        page = aurelio.get(path)
        assert page.status_code == 200
        forms = set(re.findall(r'<form[^>]*action="(/visitors[^"]*)"', page.text))
        assert forms <= {"/visitors/find", "/visitors/log"}, path
    for act in ("left", "host", "extend", "returned", "badge", "regular", "off", "arrive"):
        assert aurelio.post(f"/visitors/{visit.id}/{act}").status_code == 403
    assert aurelio.post("/visitors/new", filled()).status_code == 403
    assert desk_of(site, "hilda").get("/visitors").status_code == 403


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "x" * 120, "\"'&<b>", "אברהם לוי"])
def test_a_hostile_name_is_text_everywhere(site: Site, rosa: Desk, name: str) -> None:
    expected(site, name)
    here(site, name, ago=3, until=-1)
    record(site.settings)
    for path in ("/visitors", "/visitors/1", "/visitors/2", "/visitors/log"):
        page = rosa.get(path).text
        assert name in unescape(page), path
        assert not name.startswith("<") or name not in page
    page = rosa.post("/visitors/find", {"q": name}, part=True).text
    assert not name.startswith("<") or name not in page


def test_the_pages_are_in_spanish_for_whoever_chose_it(site: Site) -> None:
    site.store.set_taste("rosa", "es", "light")
    rosa = desk_of(site, "rosa")
    here(site, ago=3, until=-1)
    assert "Ya debieron salir 1" in words_of(rosa.get("/visitors").text)
    answer = rosa.post("/visitors/new", filled(id_kind=""))
    assert "hay que mostrar y revisar una identificación" in answer.text


def test_a_page_that_is_old_or_of_another_site_does_nothing(site: Site, rosa: Desk) -> None:
    answer = rosa.client.post("/visitors/new", data={**filled(), "csrf": "x"})
    assert answer.status_code == 403
    assert count(site) == 0


# A second person


HOLD = {"company": "Nobody Knows"}  # a company that is not registered is held


def test_a_visitor_who_is_held_asks_for_a_second_person_and_keeps_the_form(
    site: Site, rosa: Desk
) -> None:
    answer = rosa.post("/visitors/new", filled(**HOLD))
    said = unescape(words_of(answer.text))
    assert answer.status_code == 409 and "partner_unknown" in said
    assert "A second person must let the visitor in" in said and "Samuel Ochoa" in said
    assert "Rosa Ibarra" not in said.split("A second person must let")[1]  # not the one who types
    assert 'value="Nobody Knows"' in answer.text
    for wrong in ({"second": "e102"}, {"second": "e102", "pin": "1234"}, {"second": "e101"}):
        answer = rosa.post("/visitors/new", filled(**HOLD, **wrong, reason="cliente nuevo"))
        assert answer.status_code == 409  # no PIN; nobody verifies it; not a supervisor
        assert "1234" not in answer.text
    assert count(site) == 0


def test_a_supervisor_lets_in_from_their_own_session_whom_another_received(
    site: Site, rosa: Desk
) -> None:
    with site.people() as db:
        plan = Plan("José Núñez", "Luis Vega", now(), now() + HOUR, "Nobody Knows")
        visit = register.expect(db, plan, visit_policy(site.settings), by=GUARD, now=now())
    form = {"id_kind": "ine", "version": str(visit.version)}
    assert rosa.post(f"/visitors/{visit.id}/arrive", form).status_code == 409
    samuel = desk_of(site, "samuel")
    assert "Samuel Ochoa" in samuel.get(f"/visitors/{visit.id}").text
    more = {"second": "e102", "reason": "lo conozco", "version": str(of(site).version)}
    assert samuel.post(f"/visitors/{visit.id}/arrive", {**form, **more}).status_code == 303
    let_in = of(site)
    assert (let_in.state, let_in.released_by) == ("on_site", "Samuel Ochoa")
    assert let_in.release_reason == "lo conozco"


# Who comes for the visitor


def test_the_escort_is_found_by_letters_and_several_are_told_apart(site: Site, rosa: Desk) -> None:
    visit = here(site)
    part = rosa.post("/visitors/escorts", {"who": "och"}, part=True).text
    assert 'value="e102"' in part and "<html" not in part
    assert "e102" not in rosa.post("/visitors/escorts", {"who": "oc"}, part=True).text
    answer = rosa.post(f"/visitors/{visit.id}/host", {"who": "e10"})
    assert answer.status_code == 409 and "several people fit" in answer.text
    assert rosa.post(f"/visitors/{visit.id}/host", {"who": "Samuel"}).status_code == 303
    assert of(site, visit.id).escort_name == "Samuel Ochoa"
    assert rosa.post(f"/visitors/{visit.id}/host", {"who": "<b>Nadie</b>"}).status_code == 409


def test_without_a_reader_on_the_desk_a_number_is_typed(site: Site, rosa: Desk) -> None:
    visit = here(site)
    page = rosa.get(f"/visitors/{visit.id}").text
    assert "/desk/badge" not in page and 'name="card"' in page
    assert "/visitors/back" not in rosa.get("/visitors").text
    answer = rosa.post(f"/visitors/{visit.id}/badge", {"card": "em4100:18:778899"})
    assert answer.status_code == 409 and "778899" not in answer.text
