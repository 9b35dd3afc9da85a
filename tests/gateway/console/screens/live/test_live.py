"""The live page and its answers, by a client without a browser; no gateway runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.console.follow.board import Extra
from gateway.console.follow.view import View
from gateway.console.site import Site
from gateway.daemon.control import Refused
from gateway.daemon.openlog import open_log
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import worded
from tests.gateway.console.site import Desk, words_of

GUARD = View("en", frozenset({"guard"}))
HOSTILE = "<script>alert(1)</script> \u202eевил " + "W" * 180


def told(site: Site, *events: tuple[str, str, dict[str, Any]]) -> list[Event]:
    """Put events into the log and into what the live page shows, as the console's feed does."""
    with closing(open_log(site.settings)) as ledger:
        done = [
            ledger.append_sync(NewEvent(EventType(kind), subject, data))
            for kind, subject, data in events
        ]
    site.board.take(done)
    return done


def denied(name: str = "Pedro Salas", **more: Any) -> tuple[str, str, dict[str, Any]]:
    person = {"id": "e31", "name": name, "company": "Fletes del Bravo"}
    data = {"door": "main", "reason": "denied_expired", "rule": "valid until 2026-10-31"}
    return "access.denied", "main", {**data, "way": "in", "person": person, **more}


def asked(door: str = "main") -> tuple[str, str, dict[str, Any]]:
    about = {"id": "a1b2", "door": door, "reader": f"{door}-in", "person": "e31", "why": "camera"}
    now = datetime.now(UTC).isoformat()
    return "door.confirm_asked", door, {**about, "name": "Ana", "company": "Acme", "since": now}


def test_a_refusal_says_who_why_and_what_to_do(site: Site, desk: Callable[[str], Desk]) -> None:
    told(site, denied())
    page = desk("rosa").get("/")
    said = words_of(page.text)
    for words in ("REFUSED", "Pedro Salas", "Fletes del Bravo", "no longer valid", "2026-10-31"):
        assert words in said
    assert "Send the person to human resources." in said
    seq = site.board.seq
    assert f'href="/explain/{seq}"' in page.text


def test_the_page_is_in_the_operator_s_language(site: Site, desk: Callable[[str], Desk]) -> None:
    told(site, denied())
    site.store.set_taste("rosa", "es", "")
    said = words_of(desk("rosa").get("/").text)
    assert "NO PASA" in said
    assert "Mande a la persona a recursos humanos." in said
    assert "REFUSED" not in said


def test_every_state_of_a_door_has_its_words(site: Site, desk: Callable[[str], Desk]) -> None:
    rosa = desk("rosa")
    for event, words in [
        (("door.unlocked", "main", {"grant": 1}), "unlocked since"),
        (("door.entered", "main", {"grant": 1}), "open since"),
        (("door.held", "main", {"open_s": 30}), "Go and shut the door."),
        (("door.held_cleared", "main", {"open_s": 31}), "locked"),
        (("door.forced", "main", {}), "Nobody was let in here."),
        (("door.forced_cleared", "main", {"open_s": 3}), "locked"),
        (("door.tamper", "main", {"device": "main-in"}), "tampered with"),
        (("door.tamper_cleared", "main", {"device": "main-in"}), "locked"),
        (("door.out_of_service", "main", {"reason": "painted"}), "painted"),
        (("device.offline", "board", {"kind": "lock", "detail": "no answer"}), "away: board"),
        (("device.unstable", "board", {"kind": "lock", "count": 9}), "unstable: board"),
        (("door.fire", "main", {}), "FIRE ALARM"),
    ]:
        told(site, event)
        assert words in words_of(rosa.get("/").text), event


def test_a_name_is_text_whatever_stands_in_it(site: Site, desk: Callable[[str], Desk]) -> None:
    told(site, denied(HOSTILE), asked())
    page = desk("rosa").get("/").text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_duress_is_not_shown_to_a_guard(site: Site, desk: Callable[[str], Desk]) -> None:
    told(site, ("alarm.duress", "main", {"door": "main", "name": "Ana", "person": "e1"}))
    assert "DURESS" not in words_of(desk("rosa").get("/").text)
    assert "DURESS" in words_of(desk("samuel").get("/").text)


def test_an_operator_of_one_area_sees_its_doors_alone(site: Site) -> None:
    told(site, denied(), ("door.forced", "office", {}), asked("office"))
    plant = View("en", frozenset({"guard"}), frozenset({"plant"}))
    parts = site.screens.parts(plant)
    assert "door:main" in parts
    assert "door:office" not in parts
    assert "Ana" not in parts["waiting"].html
    assert "Office" not in parts["inside"].html
    assert "FORCED" not in site.screens.rows(plant, 0)
    assert "Ana" in site.screens.parts(GUARD)["waiting"].html


def test_a_guard_s_word_goes_to_the_daemon_in_their_name(
    site: Site, desk: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(site, asked())
    heard: list[tuple[str, str, dict[str, Any]]] = []

    async def ask(operator: Any, op: str, **params: Any) -> dict[str, Any]:
        heard.append((operator.person, op, params))
        return {"person": "e31", "name": "Ana"}

    monkeypatch.setattr(site, "ask", ask)
    rosa = desk("rosa")
    fields = {"id": "a1b2", "door": "main", "word": "yes"}
    said = rosa.post("/live/answer", fields, part=True)
    assert said.status_code == 200
    assert "Ana may pass." in said.text
    assert heard == [("e101", "door_confirm", {"id": "a1b2", "door": "main", "yes": True})]
    assert rosa.post("/live/answer", {**fields, "word": "no"}).status_code == 303
    assert heard[-1][2]["yes"] is False


def test_a_word_that_comes_twice_or_late_opens_nothing_and_is_told(
    site: Site, desk: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(operator: Any, op: str, **params: Any) -> dict[str, Any]:
        raise Refused(worded("too late: the request has ended"))

    monkeypatch.setattr(site, "ask", ask)
    answer = desk("rosa").post(
        "/live/answer", {"id": "a1b2", "door": "main", "word": "yes"}, part=True
    )
    assert answer.status_code == 409
    assert "too late: the request has ended" in answer.text


@pytest.mark.parametrize(
    "fields", [{"word": "maybe", "door": "main"}, {"word": "yes", "door": "x"}]
)
def test_a_word_that_is_none_is_refused_here(
    fields: dict[str, str], desk: Callable[[str], Desk]
) -> None:
    assert desk("rosa").post("/live/answer", {"id": "a1", **fields}).status_code == 409


def test_only_guards_answer_and_watchers_watch(desk: Callable[[str], Desk]) -> None:
    answer = {"id": "a1", "door": "main", "word": "yes"}
    assert desk("aurelio").post("/live/answer", answer).status_code == 403
    assert desk("hilda").get("/").headers["location"] == "/people"
    assert desk("hilda").get("/live/clock").status_code == 403


def test_pictures_are_of_who_stands_there_now(site: Site, desk: Callable[[str], Desk]) -> None:
    told(site, denied())
    seq = site.board.seq
    rosa = desk("rosa")
    assert rosa.get(f"/live/pictures/main/{seq}", part=True).status_code == 200
    told(site, denied("Somebody Else"))
    assert rosa.get(f"/live/pictures/main/{seq}", part=True).status_code == 404
    assert rosa.get(f"/live/pictures/nowhere/{seq}", part=True).status_code == 404


def test_the_muster_list_without_a_gateway_says_that_it_may_be_old(
    desk: Callable[[str], Desk],
) -> None:
    said = words_of(desk("hilda").get("/muster").text)
    assert "The gateway does not answer." in said
    assert "Plant" in said
    assert "Office" in said
    assert "Office" not in words_of(desk("hilda").get("/muster?area=plant").text)


def test_the_muster_list_has_everybody_by_area_and_what_other_gates_did_not_tell(
    site: Site, desk: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    people = [
        {"area": "plant", "person": "e1", "name": HOSTILE, "company": "Acme", "since": since},
        {"area": "office", "person": "e2", "name": "Luis", "company": "", "since": since},
        {
            "area": "office",
            "person": "e3",
            "name": "Eva",
            "company": "",
            "since": "2026-01-01T05:00:00+00:00",
            "gate": "norte",
        },
    ]
    part = {"gate": "norte", "areas": ["office"], "as_of": None, "away": "not heard yet"}

    async def ask(operator: Any, op: str, **params: Any) -> dict[str, Any]:
        return {"people": people, "parts": [{**part, "missing": 0}]}

    monkeypatch.setattr(site, "ask", ask)
    page = desk("rosa").get("/muster").text
    said = words_of(page)
    assert "3 people inside" in said
    assert "Luis" in said
    assert "NOT COMPLETE" in said
    assert "<script>alert" not in page
    assert "( norte )" in said


def test_another_screen_s_part_is_on_the_page_and_rendered_when_its_topic_changes(
    site: Site, desk: Callable[[str], Desk]
) -> None:
    count = 0

    def strip(view: View) -> str:
        nonlocal count
        count += 1
        return f'<div data-part="other">{view.language} {count}</div>'

    site.board.register(Extra("other", frozenset({"doors"}), strip))
    assert "en 1" in desk("rosa").get("/").text
    have = site.board.version
    told(site, ("ledger.checkpoint", "", {}))
    told(site, ("visit.departed", "v1", {"name": "x"}))
    version = site.board.version
    told(site, ("door.forced", "main", {}))
    assert site.screens.parts(GUARD, have)["other"].version > version


def test_a_part_that_can_t_be_made_stops_no_other(site: Site, desk: Callable[[str], Desk]) -> None:
    def broken(view: View) -> str:
        raise KeyError("x")

    site.board.register(Extra("else", frozenset({"doors"}), broken))
    told(site, denied())
    assert "else can" in site.screens.parts(GUARD)["else"].html
    assert "Pedro Salas" in site.screens.parts(GUARD)["door:main"].html
    assert desk("rosa").get("/").status_code == 200


def test_what_did_not_change_is_rendered_once_for_all_who_see_the_same(site: Site) -> None:
    first = site.screens.parts(GUARD)
    again = site.screens.parts(View("en", frozenset({"guard"})))
    assert first["door:main"] is again["door:main"]
    have = site.board.version
    assert site.screens.parts(GUARD, have) == {}
    told(site, denied())
    assert set(site.screens.parts(GUARD, have)) == {"door:main"}


def test_a_browser_that_comes_back_gets_what_it_missed_or_is_told_how_much(site: Site) -> None:
    first = told(site, denied("First"))[0].seq
    told(site, *(denied(f"Person {n}") for n in range(5)))
    rows = site.screens.rows(GUARD, first)
    assert [f"Person {n}" in rows for n in range(5)] == [True] * 5
    assert "First" not in rows
    assert "data-gap" not in rows
    told(site, *(denied(f"Crowd {n}") for n in range(60)))
    rows = site.screens.rows(GUARD, first)
    assert rows.count("<li") == 41
    assert 'data-gap="25"' in rows
