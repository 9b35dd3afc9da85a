"""The documentation as a site: it is built strictly, and it works from a disk without a network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import pytest
from playwright.async_api import async_playwright

from gateway import locale
from manual import __main__ as manual
from manual import check
from manual.stage import linked

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(find_spec("zensical") is None, reason="needs the extra docs: make setup"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "docs"
    assert manual.build(folder) > 40
    return folder


async def test_from_a_disk_it_searches_and_asks_no_other_host(site: Path) -> None:
    asked: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = await browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        await page.goto((site / "doors.html").as_uri())
        await page.keyboard.press("Control+k")
        await page.keyboard.type("interlock", delay=20)
        await page.get_by_role("link", name="Interlock").first.wait_for(timeout=30_000)
        await browser.close()
    assert asked and [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []


def test_the_pages_say_their_language(site: Path) -> None:
    assert '<html lang="es"' in (site / "consola.html").read_text("utf-8")
    assert '<html lang="en"' in (site / "doors.html").read_text("utf-8")


def test_building_leaves_the_language_as_it_was(site: Path) -> None:
    assert locale.language() == "en"
    assert "garita people sync" in (site / "comandos.html").read_text("utf-8")


def _page(folder: Path, body: str) -> list[str]:
    (folder / "there.html").write_text("<h2 id='here'>x</h2>", encoding="utf-8")
    (folder / "page.html").write_text(body, encoding="utf-8")
    return list(check.mistakes(folder))


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example.com/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.com/x.css">',
        '<img src="nowhere.png">',
        '<a href="nowhere.html">x</a>',
        '<a href="there.html#nowhere">x</a>',
        '<a href="#nowhere">x</a>',
    ],
)
def test_a_page_that_needs_the_network_or_leads_nowhere_is_found(body: str, tmp_path: Path) -> None:
    assert len(_page(tmp_path, body)) == 1


def test_a_page_in_order_has_no_mistake(tmp_path: Path) -> None:
    good = '<a href="there.html#here">x</a><a href="https://example.com/">x</a>'
    assert _page(tmp_path, good + '<img src="data:image/png;base64,AA==">') == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[doors](doors.md#inputs)", "[doors](doors.md#inputs)"),
        ("[drivers/base.py](../drivers/base.py)", "`drivers/base.py`"),
        ("[a list](../config/people.example.csv)", "a list (`config/people.example.csv`)"),
        ("[change](../CONTRIBUTING.md)", "[change](contributing.md)"),
        ("```\n[x](../nowhere)\n```", "```\n[x](../nowhere)\n```"),
    ],
)
def test_links_out_of_docs_become_names(text: str, shown: str) -> None:
    assert linked(text, PurePosixPath("docs/page.md")) == shown


def test_links_of_pages_from_elsewhere_lead_into_the_site() -> None:
    assert linked("[x](docs/doors.md)", PurePosixPath("CHANGELOG.md")) == "[x](doors.md)"


def test_a_link_to_a_file_that_is_not_there_stops_the_build() -> None:
    with pytest.raises(ValueError, match="there is no drivers/nowhere.py"):
        linked("[x](../drivers/nowhere.py)", PurePosixPath("docs/page.md"))


def test_a_page_without_a_place_in_the_navigation_is_named() -> None:
    assert list(manual._places(["a.md", {"B": ["b.md"]}], ["a.md", "c.md"])) == [
        "c.md has no place in the navigation of mkdocs.yml",
        "mkdocs.yml names b.md, which is not there",
    ]
