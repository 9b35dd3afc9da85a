"""The frame of every page: signing in, the menu, and the stream that keeps pages fresh."""

from __future__ import annotations

from collections.abc import Callable

from playwright.async_api import Page

from tests.gateway.console.booth import Booth, bars
from tests.gateway.console.site import PASSWORD, Desk


def test_nobody_sees_a_page_before_they_sign_in(desk: Callable[[str], Desk]) -> None:
    answer = desk("").get("/")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/"
    assert desk("rosa").get("/").status_code == 200


def test_what_is_not_there_is_said(desk: Callable[[str], Desk]) -> None:
    rosa = desk("rosa")
    for path in ("/nowhere", "/trucks/99999999999"):
        answer = rosa.get(path)
        assert answer.status_code in (404, 409)
        assert "This was not done" in answer.text
    huge = rosa.post("/trucks/new", {"driver": "x" * 100_000})
    assert huge.status_code == 413
    assert "larger than the form takes" in huge.text
    assert rosa.get("/static/css/none.css").content == b""


async def test_a_guard_signs_in_and_sees_what_happens(booth: Callable[..., Booth]) -> None:
    gate = booth()
    await gate.start()
    page = await gate.sign_in("rosa")
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    await page.goto(gate.url)
    assert await page.inner_text("h1") == "En vivo"
    gate.rig.gate_reader.present(18, 4242)
    await page.get_by_text("nadie en la lista", exact=False).first.wait_for()
    assert await bars(page) == []
    assert wrong == []


async def test_the_keyboard_alone_is_enough(booth: Callable[..., Booth]) -> None:
    gate = booth()
    await gate.start()
    page = await (await gate.browser()).new_page()
    await page.goto(f"{gate.url}/login?language=es")
    await tab_to(page, "input[name=name]")
    await page.keyboard.type("rosa")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("nav.rail")
    await page.keyboard.press("Tab")  # the first stop leads past the menu
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.goto(gate.url)
    await tab_to(page, "nav.rail a[href='/visitors']")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{gate.url}/visitors")
    await tab_to(page, "a[href='/visitors/new']")
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2  # whoever tabs sees where they are


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until `selector` has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} can't be reached by Tab")
