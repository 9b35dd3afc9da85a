"""The page that checks a log, in Debian's own chromium, driven as a person uses it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.proof import standalone

PAGE = Path(standalone.__file__).with_name("garita-check.html")
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
WITHOUT_WEBCRYPTO = "Object.defineProperty(globalThis, 'crypto', { value: undefined });"


@dataclass(frozen=True)
class Card:
    """What the page says of one file: `state` is right, own word, wrong or unread."""

    name: str
    state: str
    text: str


@contextmanager
def opened(
    *, locale: str = "en-US", webcrypto: bool = True, url: str = "", **options: Any
) -> Iterator[Any]:
    """The page in a browser of its own, from the disk; `url` where it is opened from elsewhere."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            context = browser.new_context(locale=locale, offline=not url, **options)
            page = context.new_page()
            page.set_default_timeout(120_000)
            if not webcrypto:
                page.add_init_script(WITHOUT_WEBCRYPTO)
            page.goto(url or PAGE.as_uri())
            yield page
        finally:
            browser.close()


def asked(page: Any, paths: Iterable[Path], trust: str = "") -> list[Card]:
    """Choose these files together, with the keys or trust file typed in; what the page answers."""
    page.fill("#trust", trust)
    page.set_input_files("#files", [])
    page.set_input_files("#files", [str(path) for path in paths])
    page.wait_for_selector("#results[data-done]", state="attached")
    cards = page.query_selector_all("#results .card")
    return [
        Card(c.get_attribute("data-name"), c.get_attribute("data-state"), c.inner_text())
        for c in cards
    ]
