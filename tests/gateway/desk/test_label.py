"""A visitor's label: one page, of the right size, with every word that a guard has to see."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway import locale
from gateway.desk.errors import DeskError
from gateway.desk.visits import label
from gateway.desk.visits.visit import Visit

ZONE = ZoneInfo("America/Tijuana")
VISIT = Visit(
    12,
    3,
    "on_site",
    "José Núñez Hernández",
    "Acme México, S.A. de C.V.",
    "visitor",
    "Luis Vega",
    "",
    True,
    False,
    "2026-11-27T13:00:00Z",
    "2026-11-28T01:00:00Z",
    "2026-11-27T13:00:00Z",
    "rosa",
    arrived_at="2026-11-27T13:02:00Z",
    badge="em4100:…77",
    badge_issued_at="2026-11-27T13:03:00Z",
)


def words(page: bytes) -> str:
    """What the page shows, in the order in which it is drawn, in a font of the PDF reader's own."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", page, re.DOTALL)
    found = []
    for stream in streams:
        try:
            text = zlib.decompress(stream)
        except zlib.error:
            continue
        found += re.findall(rb"\((.*?)\) Tj", text.replace(rb"\(", b"[").replace(rb"\)", b"]"))
    return " ".join(part.decode("windows-1252") for part in found)


def size(page: bytes) -> tuple[float, float]:
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", page)
    assert box is not None
    return round(float(box[1]) / 72 * 25.4, 1), round(float(box[2]) / 72 * 25.4, 1)


@pytest.mark.parametrize(("paper", "millimetres"), [("62", (62.0, 100.0)), ("a6", (105.0, 148.0))])
def test_a_label_has_the_words_and_the_size_of_its_paper(
    paper: str, millimetres: tuple[float, float]
) -> None:
    page = label.pdf(label.of(VISIT, site="garita-1", zone=ZONE), paper)
    assert page.startswith(b"%PDF-") and page.count(b"/Type /Page\n") == 1
    assert size(page) == millimetres
    shown = words(page)
    for part in (
        "VISITOR",
        "only with an escort",
        "José Núñez",
        "Hernández",
        "Acme México",
        "Luis Vega",
        "2026-11-27",
        "until 17:00",
        "em4100:…77",
        "garita-1 · visit 12",
    ):
        assert part in shown, part


def test_a_label_speaks_the_language_in_use() -> None:
    locale.use("es")
    try:
        made = label.of(VISIT, site="garita-1", zone=ZONE)
    finally:
        locale.use("en")
    assert (made.heading, made.until) == ("VISITA", "hasta 17:00")


def test_whoever_may_walk_alone_and_has_no_badge_has_a_label_without_either() -> None:
    alone = replace(VISIT, escort=False, badge_returned_at="2026-11-27T14:00:00Z")
    made = label.of(alone, site="g", zone=ZONE)
    assert made.under == "" and "em4100" not in str(made)


def test_a_visit_of_days_says_the_day_of_its_end() -> None:
    end = datetime(2026, 11, 29, 20, tzinfo=UTC) + timedelta(hours=1)
    made = label.of(replace(VISIT, expected_until=end.isoformat()), site="g", zone=ZONE)
    assert made.until == "until 2026-11-29 13:00"


@pytest.mark.parametrize(
    "name",
    [
        "W" * 120,
        "x " * 60,
        "<script>alert(1)</script>",
        "אברהם לוי",
        "Ибрагим Łukasz 王伟",
        "i" * 120,
    ],
)
def test_a_hostile_name_makes_one_page_with_the_rest_in_its_place(name: str) -> None:
    made = label.of(replace(VISIT, name=name), site="g", zone=ZONE)
    page = label.drawn(made, "62")
    assert size(page) == (62.0, 100.0) and page.count(b"/Type /Page\n") == 1
    if name.isascii():
        shown = words(page)
        assert "until 17:00" in shown and "Luis Vega" in shown
        plain = name.replace("(", "[").replace(")", "]")
        assert plain.replace(" ", "") in shown.replace(" ", "")


def test_there_is_no_other_paper() -> None:
    with pytest.raises(DeskError) as refused:
        label.pdf(label.of(VISIT, site="g", zone=ZONE), "a0")
    assert refused.value.code == "unknown_word"


def test_a_label_that_can_not_be_made_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label.sys, "executable", "/nowhere/python")
    with pytest.raises(DeskError) as refused:
        label.pdf(label.of(VISIT, site="g", zone=ZONE), "62")
    assert refused.value.code == "no_label"
