"""The HTML verifier, in a real browser: a packet as zip and as folder, and any byte changed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.evidence.make import Made, Order, make
from tests.gateway.evidence.conftest import Gate
from tests.gateway.evidence.test_checked import flipped
from tests.gateway.proof.browser import Card, asked, opened

pytestmark = [pytest.mark.slow, pytest.mark.system]


@pytest.fixture
def made(gate: Gate, tmp_path: Path) -> Made:
    return make(gate.settings, Order(gate.span, ("10.2",), "tecolote", pdf=False), tmp_path / "out")


def folder(page: Any, path: Path, trust: str = "") -> list[Card]:
    """Choose this folder; what the page answers."""
    page.fill("#trust", trust)
    page.set_input_files("#folder", str(path))
    page.wait_for_selector("#results[data-done]", state="attached")
    return [
        Card(c.get_attribute("data-name"), c.get_attribute("data-state"), c.inner_text())
        for c in page.query_selector_all("#results .card")
    ]


def test_a_packet_is_right_and_any_byte_that_changed_is_found(made: Made, tmp_path: Path) -> None:
    with opened() as page:
        _every_byte(page, made, tmp_path)


def _every_byte(page: Any, made: Made, tmp_path: Path) -> None:
    assert made.zip is not None
    (key,) = made.packet.keys
    for trust, state in (("", "own word"), (str(key), "right")):
        for (card,) in (asked(page, [made.zip], trust), folder(page, made.folder, trust)):
            assert card.state == state, card.text
            assert "80 records shown and 0 withheld" in card.text
    dice = random.Random(14)
    copy = tmp_path / "copy.zip"
    size = made.zip.stat().st_size
    for at in [dice.randrange(size) for _ in range(10)] + [0, 8, size - 1, size - 100, size - 900]:
        shutil.copyfile(made.zip, copy)
        flipped(copy, at)
        cards = asked(page, [copy])
        assert cards and all(card.state in {"wrong", "unread"} for card in cards), (at, cards)
    for path in sorted(made.folder.rglob("*")):
        if path.is_file():
            before = path.read_bytes()
            flipped(path, dice.randrange(len(before)))
            (card,) = folder(page, made.folder)
            assert card.state == "wrong", (path, card.text)
            path.write_bytes(before)
    (made.folder / "note.txt").write_text("x")
    (card,) = folder(page, made.folder)
    assert card.state == "wrong" and "note.txt does not belong" in card.text


def test_without_webcrypto_and_in_spanish_it_says_the_same(made: Made) -> None:
    with opened(locale="es-MX", webcrypto=False) as page:
        (card,) = asked(page, [made.zip])  # type: ignore[list-item]
    assert card.state == "own word" and "80 registros mostrados" in card.text
