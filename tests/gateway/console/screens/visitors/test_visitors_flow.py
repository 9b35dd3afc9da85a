"""A visitor in a real browser at a real gate: found by three letters, a badge out and in by the
desk's reader, and another browser that sees it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Locator, Page, TimeoutError, expect

from drivers.simulated.reader import VirtualRdm6300
from gateway.desk.visits import records, regulars
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin
from tests.gateway.console.booth import Booth, bars

MORE = """desk_reader = "desk"

[readers.desk]
driver = "rdm6300"
port = "{port}"
options = {{ hold_off_s = 0.0 }}

[visits]
access_levels = ["plant"]
escorted_access_levels = ["plant"]
"""
BADGE = (18, 7177)
LONG_MS = 30_000  # a badge at the reader, on a busy machine


def watched(page: Page) -> list[str]:
    """Mistakes that the browser tells of this page."""
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    return wrong


async def held_to(reader: VirtualRdm6300, shown: Locator) -> None:
    """Hold the badge to the reader until the page shows it."""
    for _ in range(20):
        reader.present(*BADGE)
        try:
            await shown.wait_for(timeout=3_000)
        except TimeoutError:
            continue
        return
    raise AssertionError("the page did not notice the badge")


async def test_a_regular_visitor_comes_and_goes_with_a_badge_of_the_drawer(
    booth: Callable[..., Booth], tmp_path: Path
) -> None:
    port = tmp_path / "gate0" / "dev" / "desk-reader"
    gate = booth(MORE.format(port=port))
    reader = VirtualRdm6300(port)
    await gate.start()
    with closing(open_admin(gate.settings.people_path)) as db:
        now = datetime.now(UTC)
        regulars.set_regular(db, "Pedro Paz", "", regular=True, by=Operator("desk"), now=now)

    other = await gate.sign_in("samuel", "en")
    await other.goto(f"{gate.url}/visitors")
    page = await gate.sign_in("rosa")
    wrong = watched(page)
    await page.goto(f"{gate.url}/visitors")
    assert await bars(page) == []

    await page.type("#seek", "ped")
    await page.locator("#found li", has_text="Pedro Paz").get_by_role("button").click()
    assert await page.input_value("input[name=name]") == "Pedro Paz"
    await page.fill("input[name=host]", "Luis Vega")
    await page.locator("label.pick", has_text="credencial INE").click()
    assert await bars(page) == []
    await page.get_by_role("button", name="Dejar entrar").click()
    await expect(page.get_by_role("heading", name="Avise a Luis Vega")).to_be_visible()
    await expect(other.locator("#board")).to_contain_text("Pedro Paz", timeout=LONG_MS)

    await page.type("input[name=who]", "samue")
    await page.locator("#escorts label", has_text="Samuel Ochoa").wait_for()
    await page.get_by_role("button", name="Ya se le avisó").click()
    await expect(page.locator(".visit")).to_contain_text("Samuel Ochoa viene por la visita")
    assert await bars(page) == []

    await page.get_by_role("button", name="Acerque un gafete al lector").click()
    await held_to(reader, page.locator("#hand-out", has_text="em4100:…77"))
    await page.get_by_role("button", name="Entregar").first.click()
    await expect(page.locator(".visit")).to_contain_text("em4100:…77", timeout=LONG_MS)

    await page.goto(f"{gate.url}/visitors")
    await page.get_by_role("button", name="Devuelven un gafete").click()
    await held_to(reader, page.locator("#back", has_text="em4100:…77"))
    await page.locator("#back").get_by_role("button", name="Salió y devolvió el gafete").click()
    await expect(page.locator("h1")).to_have_text("Pedro Paz")
    with closing(open_admin(gate.settings.people_path)) as db:
        visit = records.get(db, 1)
    assert (visit.state, visit.badge_out, visit.escort_name) == ("departed", False, "Samuel Ochoa")
    await expect(other.locator("#board")).to_contain_text("No visitor is here", timeout=LONG_MS)
    assert wrong == []
