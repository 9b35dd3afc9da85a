"""The stream of changes in a real browser: nothing is missed, nothing freezes, nothing grows."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.gateway.console.booth import bars
from tests.gateway.console.window import Window


@pytest.fixture
async def window(tmp_path: Path) -> AsyncIterator[Window]:
    """A console with a log that the test writes, and a browser."""
    made = Window(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def seen(page: Page, name: str) -> None:
    """Wait until the newest passage at the main door is that of `name`."""
    await page.locator('[data-part="door:main"] .pass-name', has_text=name).wait_for()


async def linked(page: Page, state: str) -> None:
    await page.wait_for_selector(f'html[data-link="{state}"]')


async def feed(page: Page) -> list[int]:
    rows = await page.evaluate("[...document.querySelectorAll('#feed li')].map(r => r.dataset.seq)")
    return [int(row) for row in rows if row]


async def test_two_browsers_see_the_same(window: Window) -> None:
    """How soon they do is a figure of `make bench ARGS=console`."""
    guard, boss = await window.open(), await window.open(name="samuel", language="en")
    await asyncio.gather(linked(guard, "good"), linked(boss, "good"))
    await window.deny("Pedro Salas")
    await asyncio.gather(seen(guard, "Pedro Salas"), seen(boss, "Pedro Salas"))
    assert "NO PASA" in await guard.inner_text('[data-part="door:main"]')
    assert "REFUSED" in await boss.inner_text('[data-part="door:main"]')
    assert window.errors == []


async def test_all_tabs_of_a_browser_share_one_stream(window: Window) -> None:
    first = await window.open()
    await linked(first, "good")
    tabs = [first]
    for _ in range(7):  # more than a browser's connections to a host
        tab = await first.context.new_page()
        await tab.goto("/")
        tabs.append(tab)
    await window.deny("Pedro Salas")
    for tab in tabs:
        await seen(tab, "Pedro Salas")
    assert len(window.site.hub) == 1
    # The tab with the stream is closed: another takes over, and nothing is missed.
    await first.close()
    await window.deny("Marta Ruiz")
    for tab in tabs[1:]:
        await seen(tab, "Marta Ruiz")
    async with asyncio.timeout(10):  # the closed tab's stream may end a moment later
        while len(window.site.hub) != 1:
            await asyncio.sleep(0.05)
    assert window.errors == []


async def test_a_lost_connection_is_told_and_nothing_is_missed(window: Window) -> None:
    page = await window.open()
    await linked(page, "good")
    await window.deny("Before")
    await seen(page, "Before")
    await window.wire.cut()
    await linked(page, "lost")
    assert await page.inner_text("#link") == "sin conexión"
    missed = [await window.deny(f"Missed {n}") for n in range(12)]
    missed.append(await window.record("door.forced", "office"))
    await window.wire.start()
    await linked(page, "good")
    await seen(page, "Missed 11")
    assert {event.seq for event in missed} <= set(await feed(page))
    assert "forzada" in await page.inner_text('[data-part="door:office"]')


async def test_more_than_the_feed_holds_is_told_as_a_number(window: Window) -> None:
    page = await window.open()
    await window.deny("Before")
    await seen(page, "Before")
    await window.wire.cut()
    await linked(page, "lost")
    for n in range(100):
        await window.deny(f"Crowd {n}")
    await window.wire.start()
    await seen(page, "Crowd 99")
    assert len(await feed(page)) == 40
    assert "60" in await page.inner_text("#feed .gap")


async def test_a_restarted_console_goes_on(window: Window) -> None:
    page = await window.open()
    await window.deny("Before")
    await seen(page, "Before")
    await window.stop_console()
    await linked(page, "lost")
    await window.deny("Meanwhile")
    await window.start_console()
    await seen(page, "Meanwhile")
    await linked(page, "good")


async def test_a_session_that_was_ended_elsewhere_shows_nothing_more(window: Window) -> None:
    page = await window.open()
    await linked(page, "good")
    cookies = await page.context.cookies()
    session = window.site.store.session(cookies[0]["value"])
    assert session is not None
    window.site.store.end(session)
    window.site.hub.end(session.digest)
    await page.wait_for_url(re.compile("/login"))


async def test_another_operator_in_the_same_browser_gets_pages_of_their_own(
    window: Window,
) -> None:
    page = await window.open()
    await linked(page, "good")
    url = page.url
    token = window.site.store.begin("samuel")
    await page.context.add_cookies([{"name": "garita", "value": token, "url": url}])
    other = await page.context.new_page()
    await other.goto("/")  # it asks for the stream, which begins anew for the new session
    await page.wait_for_selector('body[data-who="samuel"]')


async def test_two_hundred_events_a_second_do_not_freeze_the_page(window: Window) -> None:
    """For six seconds here; benchmarks/console.py does it for a minute."""
    page = await window.open()
    await linked(page, "good")
    await page.evaluate(
        """() => { window.frames_ = []; let last = performance.now();
        const frame = (now) => {
          frames_.push(now - last); last = now; requestAnimationFrame(frame); };
        requestAnimationFrame(frame); }"""
    )
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < 6:
        await asyncio.gather(*(window.deny(f"Person {count + n}") for n in range(20)))
        count += 20
        await asyncio.sleep(max(0.0, begun + count / 200 - time.monotonic()))
    await seen(page, f"Person {count - 1}")
    frames = sorted(await page.evaluate("frames_"))
    assert frames[len(frames) // 2] < 50
    assert await page.evaluate("document.querySelectorAll('#feed li').length") <= 41
    assert await page.evaluate("document.querySelectorAll('*').length") < 1000
    assert window.errors == []


async def test_the_corner_shows_how_long_each_part_took(window: Window) -> None:
    page = await window.open()
    await linked(page, "good")
    assert not await page.is_visible("#times")
    await page.click("#times-ask")
    await window.deny("Pedro Salas")
    await page.wait_for_selector("#times tbody tr")
    text = await page.inner_text("#times")
    assert "door" in text
    assert "feed" in text


async def test_sound_is_shown_as_muted_until_somebody_taps_and_can_be_stopped(
    window: Window,
) -> None:
    page = await window.open()
    await page.wait_for_selector("#sound:not([hidden])")
    await page.click("h1")
    await page.wait_for_selector('#sound[data-state="works"]')
    assert await page.inner_text("#sound") == "con sonido"
    await page.evaluate(
        "document.addEventListener('garita:sounded', e => (document.body.dataset.heard = e.detail))"
    )
    now = "2099-01-01T00:00:00+00:00"
    about = {"id": "a1", "reader": "main-in", "person": "e1", "name": "Ana", "company": ""}
    await window.record("door.confirm_asked", "main", door="main", why="camera", since=now, **about)
    await page.wait_for_selector('body[data-heard="waiting"]')
    await page.click("#sound")
    await page.wait_for_selector('#sound[data-state="quiet"]')
    assert await page.inner_text("#sound") == "silenciado"
    await window.record(
        "door.confirm_asked",
        "office",
        door="office",
        why="camera",
        since=now,
        **{**about, "id": "b2", "reader": "office-in"},
    )
    await page.wait_for_selector('#sound[data-state="works"]')


@pytest.mark.parametrize(
    ("language", "theme", "width"),
    [("es", "light", 1280), ("en", "dark", 360), ("es", "dark", 800)],
)
async def test_the_page_keeps_nobody_out(
    window: Window, language: str, theme: str, width: int
) -> None:
    await window.deny("Pedro Salas " + "W" * 180)
    await window.record("door.forced", "office")
    await window.record(
        "door.confirm_asked",
        "main",
        id="a1",
        door="main",
        reader="main-in",
        person="e1",
        name="Ana",
        company="Acme",
        why="camera",
        since="2099-01-01T00:00:00+00:00",
    )
    page = await window.open(language=language, viewport={"width": width, "height": 800})
    window.site.store.set_taste("rosa", language, theme)
    for path in ("/", "/muster", "/?wall=1"):
        await page.goto(path)
        assert await bars(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        small = await page.evaluate(
            """[...document.querySelectorAll('a, button, summary')].filter(e => {
            const r = e.getBoundingClientRect();
            return r.width && !e.closest('.skip') && (r.height < 44 || r.width < 44) })
            .map(e => e.outerHTML)"""
        )
        assert small == []
