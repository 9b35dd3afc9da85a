"""The frame of every page: signing in, the menu, and the stream that keeps pages fresh."""

from __future__ import annotations

from collections.abc import Callable

from tests.gateway.console.booth import Booth, bars
from tests.gateway.console.site import Desk


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
