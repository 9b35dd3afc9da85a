"""The pages of alarms, by a client without a browser; no gateway runs, so acts wait."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.console.page import Page
from gateway.console.site import Site
from gateway.daemon.openlog import open_log
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.console.site import Desk, record, words_of

HOSTILE = "<script>alert(1)</script>" + "W" * 160
Sign = Callable[[str], Desk]


def add(site: Site, kind: EventType, subject: str = "main", /, **data: Any) -> int:
    """Put a record into the log, and into what every page shows."""
    with closing(open_log(site.settings)) as ledger:
        seq = ledger.append_sync(NewEvent(kind, subject, data)).seq
    site.alarms.book = site.alarms.log.now_book()
    return seq


def test_a_forced_door_from_the_strip_to_its_end(site: Site, desk: Sign) -> None:
    number = add(site, EventType.DOOR_FORCED)
    rosa = desk("rosa")
    page = rosa.get("/alarms").text
    assert 'data-sound="high"' in page and "door forced" in page and "NOT SEEN" in page
    shown = rosa.get(f"/alarms/{number}").text
    assert "What to do" in shown and "1. Seen" in shown and "close the alarm" not in shown
    done = rosa.post(f"/alarms/{number}/seen", {"upto": number, "note": "on my way"})
    assert done.status_code == 303 and done.headers["location"] == f"/alarms/{number}"
    shown = words_of(rosa.get(f"/alarms/{number}").text)
    assert "2. Close it" in shown and "waits to be recorded" in shown and "on my way" in shown
    assert "The cause still goes on" in shown  # and a guard has no button then
    step = "Close the door and pull it: it must lock"
    assert rosa.post(f"/alarms/{number}/step", {"step": step, "done": "yes"}).status_code == 303
    record(site.settings)
    add(site, EventType.DOOR_FORCED_CLEARED, open_s=4.0)
    closed = {"upto": number, "outcome": "false_alarm", "note": "wind"}
    assert rosa.post(f"/alarms/{number}/resolved", closed).headers["location"] == "/alarms"
    page = words_of(rosa.get("/alarms").text)
    assert "No alarm is open." in page and "false alarm: wind" in page and "Rosa Ibarra" in page
    record(site.settings)
    with site.ledger() as ledger:
        told = [event for event in ledger.tail(20) if event.type.startswith("alarm.")]
    assert [event.type for event in told] == ["alarm.seen", "alarm.step", "alarm.resolved"]
    assert {event.data["by_name"] for event in told} == {"Rosa Ibarra"}


def test_the_strip_stands_on_every_page_and_its_button_answers_with_the_strip(
    site: Site, desk: Sign
) -> None:
    number = add(site, EventType.DOOR_FORCED)
    rosa = desk("rosa")
    for path in ("/", "/alarms", "/alarms/figures", "/trucks", "/shift"):
        assert f'href="/alarms/{number}"' in rosa.get(path).text, path
    fields = {"upto": number, "from": "strip"}
    part = rosa.post(f"/alarms/{number}/seen", fields, part=True)
    assert part.status_code == 200 and 'data-part="alarms"' in part.text
    assert "data-sound" not in part.text and "seen and open: 1" in part.text
    again = rosa.post(f"/alarms/{number}/seen", fields, part=True)
    assert again.status_code == 200  # a double tap
    other = desk("samuel").post(f"/alarms/{number}/seen", fields, part=True)
    assert other.status_code == 409 and "Rosa Ibarra has seen this alarm already" in other.text


def test_an_auditor_sees_and_does_nothing(site: Site, desk: Sign) -> None:
    number = add(site, EventType.DOOR_HELD, open_s=31.0)
    aurelio = desk("aurelio")
    for path in ("/alarms", f"/alarms/{number}"):
        text = aurelio.get(path).text
        assert "held open" in text.lower() and "/seen" not in text, path
    for path in ("seen", "step", "resolved", "shelve"):
        assert aurelio.post(f"/alarms/{number}/{path}", {"upto": number}).status_code == 403
    assert desk("hilda").get("/alarms").status_code == 403


def test_duress_is_shown_to_those_who_may_see_it_alone_and_makes_no_sound(
    site: Site, desk: Sign
) -> None:
    number = add(site, EventType.ALARM_DURESS, door="main", person="e101", name="Rosa Ibarra")
    samuel, rosa = desk("samuel"), desk("rosa")
    assert "duress" in samuel.get("/alarms").text
    assert "data-sound" not in samuel.get("/alarms").text
    for path in ("/", "/alarms", "/alarms/figures", "/shift"):
        assert "duress" not in rosa.get(path).text.lower(), path
    said = rosa.get(f"/alarms/{number}")
    nothing = rosa.get("/alarms/9999")
    assert said.status_code == nothing.status_code == 409
    assert words_of(said.text).replace(str(number), "N") == words_of(nothing.text).replace(
        "9999", "N"
    )
    assert rosa.post(f"/alarms/{number}/seen", {"upto": number}).status_code == 409
    samuel.post(f"/alarms/{number}/seen", {"upto": number})
    samuel.post(f"/alarms/{number}/resolved", {"upto": number, "outcome": "passed_on"})
    record(site.settings)
    site.alarms.book = site.alarms.log.now_book()
    assert "duress" in samuel.get("/alarms").text and "duress" not in rosa.get("/alarms").text


def test_a_supervisor_shelves_and_takes_off_the_shelf(site: Site, desk: Sign) -> None:
    number = add(site, EventType.DOOR_HELD, open_s=31.0)
    rosa, samuel = desk("rosa"), desk("samuel")
    assert "shelve it" not in rosa.get(f"/alarms/{number}").text
    fields = {"minutes": "60", "reason": "wind"}
    assert rosa.post(f"/alarms/{number}/shelve", fields).status_code == 403
    too_long = samuel.post(f"/alarms/{number}/shelve", {**fields, "minutes": "6000"})
    assert too_long.status_code == 409 and "at most 8 h" in too_long.text
    assert samuel.post(f"/alarms/{number}/shelve", fields).status_code == 303
    page = samuel.get("/alarms").text
    assert "shelved until" in page and "wind" in page
    record(site.settings)
    site.alarms.book = site.alarms.log.now_book()
    assert "data-sound" not in samuel.get("/alarms").text
    off = {"kind": "held", "source": "main"}
    assert rosa.post("/alarms/unshelve", off).status_code == 403
    assert samuel.post("/alarms/unshelve", off).status_code == 303
    assert "shelved until" not in samuel.get("/alarms").text


def test_the_part_of_an_alarm_is_sent_only_when_something_changed(site: Site, desk: Sign) -> None:
    number = add(site, EventType.DOOR_FORCED)
    rosa = desk("rosa")
    found = re.search(r"/part\?v=([0-9a-f]+)", rosa.get(f"/alarms/{number}").text)
    assert found
    assert rosa.get(f"/alarms/{number}/part?v={found[1]}", part=True).status_code == 204
    add(site, EventType.DOOR_FORCED_CLEARED, open_s=1.0)
    fresh = rosa.get(f"/alarms/{number}/part?v={found[1]}", part=True)
    assert fresh.status_code == 200 and "is over" in fresh.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("x/seen", {"upto": "1"}),
        ("{n}/seen", {"upto": "no"}),
        ("{n}/seen", {"upto": "9" * 30}),
        ("{n}/seen", {"upto": "1"}),
        ("{n}/seen", {"upto": "{n}", "note": "y" * 300}),
        ("{n}/seen", {"upto": "{n}", "note": "a\u202eb"}),
        ("{n}/step", {"step": "jump"}),
        ("{n}/resolved", {"upto": "{n}", "outcome": "magic"}),
        ("{n}/resolved", {"upto": "{n}", "outcome": "fixed"}),
        ("999999/seen", {"upto": "1"}),
    ],
)
def test_what_can_not_be_done_says_why_and_does_nothing(
    site: Site, desk: Sign, path: str, fields: dict[str, str]
) -> None:
    first = add(site, EventType.DOOR_HELD)
    add(site, EventType.DOOR_HELD_CLEARED)
    add(site, EventType.DOOR_HELD)  # it came again, so `upto=1` is old
    newest = site.alarms.book.open(_soon())[0].seq
    filled = {name: value.replace("{n}", str(newest)) for name, value in fields.items()}
    for part in (True, False):
        answer = desk("rosa").post(f"/alarms/{path.replace('{n}', str(first))}", filled, part=part)
        assert answer.status_code == 409 and 'role="alert"' in answer.text
    with site.people() as db:
        assert db.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def test_hostile_names_are_text(site: Site, desk: Sign) -> None:
    person = {"id": "e1", "name": HOSTILE, "company": ""}
    data = {"door": "main", "person": person, "face_name": HOSTILE, "face_person": "e2"}
    number = add(site, EventType.ALARM_LENT_BADGE, **data)
    add(site, EventType.DEVICE_OFFLINE, HOSTILE, kind="camera", detail=HOSTILE)
    for path in ("/alarms", f"/alarms/{number}", "/alarms/figures", "/shift", "/"):
        text = desk("rosa").get(path).text
        assert ("<script>alert" not in text and "lent badge" in text.lower()) or path != "/alarms"


def test_an_operator_of_some_areas_sees_the_alarms_of_their_doors(
    site: Site, desk: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = add(site, EventType.DOOR_FORCED, "office"), add(site, EventType.DOOR_FORCED)
    view = Page.view.fget
    assert view is not None

    def of_office(page: Page) -> Any:
        return replace(view(page), areas=frozenset({"office"}))

    monkeypatch.setattr(Page, "view", property(of_office))
    rosa = desk("rosa")
    text = rosa.get("/alarms").text
    assert f"/alarms/{here}" in text and f"/alarms/{there}" not in text
    assert rosa.get(f"/alarms/{there}").status_code == 409
    assert rosa.post(f"/alarms/{there}/seen", {"upto": there}).status_code == 409


def test_the_figures_say_how_many_and_how_many_there_should_be(site: Site, desk: Sign) -> None:
    for _n in range(12):
        add(site, EventType.DOOR_HELD)
        add(site, EventType.DOOR_HELD_CLEARED)
    page = desk("aurelio").get("/alarms/figures?days=1")
    said = words_of(page.text)
    assert page.status_code == 200 and "chatters" in said and "at most 144" in said
    link = re.search(r'href="(/records\?[^"]+)"', page.text)
    assert link is not None
    behind = desk("aurelio").get(link[1].replace("&amp;", "&"))
    assert behind.status_code == 200 and "HELD OPEN" in behind.text
    assert desk("rosa").get("/alarms/figures?days=x").status_code == 200
