"""Pictures of patterns: what they show, the same bytes twice, and nothing that a page refuses."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from benchmarks.site import Shape, Site, event, make
from gateway import locale
from gateway.ledger.event import Event
from gateway.patterns import plots

ZONE = ZoneInfo("America/Tijuana")
MONDAY = date(2026, 10, 5)
LAST = MONDAY + timedelta(days=13)


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(make(Shape(seed=1, people=40, begin=MONDAY)))


@pytest.fixture(scope="module")
def events(site: Site) -> list[Event]:
    days = [MONDAY + timedelta(days=number) for number in range(14)]
    return [event(raw) for day in days for raw in site.day(day)]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    locale.use("en")
    yield
    locale.use("en")


def pictures(site: Site, events: list[Event]) -> list[plots.Picture]:
    person, carrier = site.world.people[20].id, site.world.carriers[0].name
    return [
        plots.door_week(events, "main-1", MONDAY, ZONE),
        plots.rhythm(events, person, LAST, ZONE),
        plots.dwell(events, carrier, LAST, ZONE),
        plots.carrier_times(events, carrier, LAST, ZONE),
    ]


def test_the_same_records_give_the_same_bytes(site: Site, events: list[Event]) -> None:
    assert pictures(site, events) == pictures(site, events)


def test_they_are_svg_without_styles_scripts_or_names(site: Site, events: list[Event]) -> None:
    person, carrier = site.world.people[20], site.world.carriers[0]
    for picture in pictures(site, events):
        text = picture.svg.decode()
        root = ET.fromstring(text)
        assert root.get("role") == "img"
        assert root.findtext("{http://www.w3.org/2000/svg}title") == picture.alt
        for word in ("style=", "<style", "<script", "<!--", person.name, person.id, carrier.name):
            assert word not in text
        assert picture.pdf.startswith(b"%PDF") and len(picture.pdf) < 100_000


def test_what_is_shown_is_what_was_counted(site: Site, events: list[Event]) -> None:
    week = [one for one in events if one.subject == "main-1"]
    ends = {MONDAY + timedelta(days=number) for number in range(7)}
    inside = [one for one in week if one.type == "access.granted" and _day(one) in ends]
    assert plots.door_week(events, "main-1", MONDAY, ZONE).alt.startswith(f"{len(inside)} passes")
    carrier = site.world.carriers[0].name
    came = sum(
        one.type == "freight.arrived" and one.data["carrier"] == carrier and _day(one) <= LAST
        for one in events
    )
    assert plots.carrier_times(events, carrier, LAST, ZONE).alt.startswith(f"{came} trucks")


def _day(one: Event) -> date:
    return datetime.fromisoformat(one.time).astimezone(ZONE).date()


def test_nothing_at_all_is_a_picture_too() -> None:
    for picture in (
        plots.door_week([], "x", MONDAY, ZONE),
        plots.rhythm([], "x", LAST, ZONE),
        plots.dwell([], "x", LAST, ZONE),
        plots.carrier_times([], "x", LAST, ZONE),
    ):
        assert b"<svg" in picture.svg and picture.alt


@pytest.mark.parametrize(
    "data",
    [
        {"person": "e1"},
        {"person": {"id": ["e1"]}, "way": 7},
        {"carrier": "x", "arrived_at": "yesterday", "eta": None, "freight": {}},
        {"carrier": "x", "arrived_at": "2999-01-01T00:00:00Z", "eta": "2026-10-05", "freight": 1},
    ],
)
def test_odd_records_are_passed_over(events: list[Event], data: dict[str, Any]) -> None:
    odd = [
        replace(events[0], type=kind, subject="main-1", data=data, time=time)
        for kind in ("access.granted", "freight.arrived", "freight.departed", "freight.expected")
        for time in ("2026-10-06T10:00:00.000Z", "never", "2026-10-06T10:00:00")
    ]
    plots.door_week(odd, "main-1", MONDAY, ZONE)
    plots.rhythm(odd, "e1", LAST, ZONE)
    plots.dwell(odd, "x", LAST, ZONE)
    plots.carrier_times(odd, "x", LAST, ZONE)


def test_the_words_are_in_the_language_in_use(site: Site, events: list[Event]) -> None:
    locale.use("es")
    assert all("semana" in picture.alt for picture in pictures(site, events))
