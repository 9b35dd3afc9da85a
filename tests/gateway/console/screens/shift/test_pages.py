"""The handover of a shift, by a client without a browser; no gateway runs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway.console.screens.shift import pages
from gateway.console.site import Site
from gateway.desk.handover import acts
from gateway.ledger.event import EventType
from tests.gateway.console.screens.alarms.test_pages import HOSTILE, add
from tests.gateway.console.site import Desk, record, words_of

Sign = Callable[[str], Desk]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No gateway records what waits: nobody waits for it."""
    monkeypatch.setattr(pages, "RECORDED_S", 0.0)


def draft(page: str) -> str:
    found = re.search(r'name="draft" value="([\w-]+)"', page)
    assert found
    return found[1]


def signed(site: Site, rosa: Desk, note: str = "the yard light is broken") -> int:
    answer = rosa.post("/shift/sign", {"draft": draft(rosa.get("/shift").text), "note": note})
    assert answer.status_code == 303
    record(site.settings)
    with site.ledger() as ledger:
        return acts.handovers(ledger)[0].seq


def test_one_hands_over_and_another_takes_over(site: Site, desk: Sign) -> None:
    add(site, EventType.DOOR_FORCED)
    rosa, samuel = desk("rosa"), desk("samuel")
    seq = signed(site, rosa)
    page = words_of(rosa.get(f"/shift/{seq}").text)
    assert "Rosa Ibarra" in page and "the yard light is broken" in page
    assert "It is as it was signed." in page and "I take over" not in page
    assert rosa.post(f"/shift/{seq}/take").status_code == 409
    assert "Rosa Ibarra hands over" in words_of(samuel.get("/shift").text)
    assert "I take over: Samuel Ochoa" in words_of(samuel.get(f"/shift/{seq}").text)
    assert samuel.post(f"/shift/{seq}/take", {"note": "seen"}).status_code == 303
    assert samuel.post(f"/shift/{seq}/take", {"note": "seen"}).status_code == 303  # twice
    assert desk("ada").post(f"/shift/{seq}/take").status_code == 409
    record(site.settings)
    page = words_of(desk("aurelio").get(f"/shift/{seq}").text)
    assert "Samuel Ochoa" in page and "It is as it was signed." in page
    with site.ledger() as ledger:
        assert len(acts.handovers(ledger)) == 2
    assert "hands over" not in words_of(samuel.get("/shift").text)


def test_what_is_signed_is_what_stood_on_the_screen(site: Site, desk: Sign) -> None:
    rosa = desk("rosa")
    name = draft(rosa.get("/shift").text)
    forced = add(site, EventType.DOOR_FORCED)  # after she looked
    assert rosa.post("/shift/sign", {"draft": name}).status_code == 303
    assert rosa.post("/shift/sign", {"draft": name}).status_code == 303  # a double tap
    record(site.settings)
    with site.ledger() as ledger:
        (event,) = acts.handovers(ledger)
    assert event.data["alarms"] == 0 and str(forced) not in str(event.data["page"]["alarms"])


def test_a_page_of_somebody_else_of_nobody_or_of_yesterday_is_not_signed(
    site: Site, desk: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    rosa = desk("rosa")
    name = draft(rosa.get("/shift").text)
    for who, what in (("samuel", name), ("rosa", "made-up"), ("rosa", "")):
        answer = desk(who).post("/shift/sign", {"draft": what})
        assert answer.status_code == 409 and "too old" in answer.text
    monkeypatch.setattr("gateway.console.screens.shift.drafts.LASTS_S", -1.0)
    assert rosa.post("/shift/sign", {"draft": name}).status_code == 409
    assert desk("aurelio").post("/shift/sign", {"draft": name}).status_code == 403
    assert desk("aurelio").get("/shift").status_code == 200
    assert desk("hilda").get("/shift").status_code == 403


def test_what_is_no_handover_has_no_page(site: Site, desk: Sign) -> None:
    for path in ("/shift/1", "/shift/x", "/shift/99999999", "/shift/1/head.svg"):
        assert desk("rosa").get(path).status_code == 409, path
    assert desk("samuel").post("/shift/1/take").status_code == 409
    assert desk("rosa").get("/shift/head.svg?draft=x").status_code == 404


def test_hostile_notes_are_text_and_too_long_ones_are_refused(site: Site, desk: Sign) -> None:
    rosa = desk("rosa")
    seq = signed(site, rosa, HOSTILE)
    page = rosa.get(f"/shift/{seq}").text
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    name = draft(rosa.get("/shift").text)
    assert rosa.post("/shift/sign", {"draft": name, "note": "x" * 501}).status_code == 409
