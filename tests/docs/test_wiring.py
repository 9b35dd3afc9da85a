"""The wiring drawings: both languages show the same wires, and each is on its page."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

DOCS = Path(__file__).parents[2] / "docs"
DRAWINGS = sorted({path.name.split(".")[0] for path in (DOCS / "wiring").glob("*.svg")})
PAGES = {"en": "hardware.md", "es": "equipo-y-cableado.md"}


def _parts(name: str, language: str) -> list[ET.Element]:
    return list(ET.parse(DOCS / "wiring" / f"{name}.{language}.svg").getroot())


@pytest.mark.parametrize("name", DRAWINGS)
def test_both_languages_show_the_same_wires(name: str) -> None:
    wires = [
        [part.attrib for part in _parts(name, language) if not part.tag.endswith(("text", "title"))]
        for language in PAGES
    ]
    assert wires[0] == wires[1]


@pytest.mark.parametrize("language", PAGES)
def test_each_drawing_is_on_its_page_and_says_in_words_what_it_shows(language: str) -> None:
    text = (DOCS / PAGES[language]).read_text("utf-8")
    shown = dict(re.findall(r"!\[([^\]]+)\]\(wiring/(\w+)\.\w+\.svg\)", text))
    assert sorted(shown.values()) == DRAWINGS
    assert len(re.findall(rf"\.{language}\.svg\)", text)) == len(DRAWINGS)


@pytest.mark.parametrize("language", PAGES)
@pytest.mark.parametrize("name", DRAWINGS)
def test_words_are_large_enough_and_lie_on_a_panel(name: str, language: str) -> None:
    title, panel, *rest = _parts(name, language)
    assert title.text and panel.attrib["fill"] == "#f6f8fa"  # dark pages stay readable
    sizes = [int(part.attrib["font-size"]) for part in rest if part.tag.endswith("text")]
    assert sizes and min(sizes) >= 14
