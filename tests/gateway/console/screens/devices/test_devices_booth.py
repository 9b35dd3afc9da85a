"""The devices in a browser: a real gate whose reader takes its key and whose door is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.gateway.console.booth import Booth, bars

HOSTILE = "<img src=x onerror=alert(1)>\u202e"


async def test_an_installer_gives_a_reader_its_key_and_tries_the_inputs(
    booth: Callable[..., Booth],
) -> None:
    gate = booth(osdp=True)
    await gate.start()
    page = await gate.sign_in("ada", viewport={"width": 360, "height": 780})
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    # What does not work is named on the first page of the devices.
    await page.goto(f"{gate.url}/devices")
    assert "vault-in" in await page.inner_text(".attention")
    assert await bars(page) == []
    # The reader takes its key in the window, and the page shows it by itself.
    await page.goto(f"{gate.url}/devices/readers/vault-in")
    assert "sin cifrar" in await page.inner_text("main")
    await page.get_by_role("button", name="abrir la ventana").click()
    await page.get_by_text("cifrado", exact=True).wait_for()
    assert await bars(page) == []
    await page.get_by_role("button", name="parpadear y sonar").click()
    await page.get_by_text("20 respuestas").wait_for()
    assert gate.rig.vault_in.beeps
    # In test mode an opened door shows without a touch.
    await page.goto(f"{gate.url}/devices/inputs")
    await page.get_by_role("link", name="empezar una prueba").click()
    row = page.locator("[data-input='vault-in:1']")
    await row.get_by_text("en reposo").wait_for()
    gate.rig.vault_in.input(1, False)
    await row.get_by_text("cambió").wait_for()
    await row.get_by_text("algo pasa").wait_for()
    await page.get_by_role("link", name="terminar la prueba").wait_for()
    gate.rig.vault_in.input(1, True)
    assert wrong == []


async def test_a_door_goes_out_of_service_and_every_screen_shows_it(
    booth: Callable[..., Booth],
) -> None:
    gate = booth()
    await gate.start()
    rosa, samuel = await gate.sign_in("rosa"), await gate.sign_in("samuel", "en")
    for page in (rosa, samuel):
        await page.goto(f"{gate.url}/devices/doors")
    card = rosa.locator("[data-door=yard]")
    await card.locator("summary").click()
    await card.locator("[name=reason]").fill(HOSTILE)
    await card.get_by_role("button", name="ponerla fuera de servicio").click()
    other = samuel.locator("[data-door=yard]")
    await other.get_by_text("(Rosa Ibarra)").wait_for(timeout=5000)
    assert "<img" in await other.inner_text() and await other.locator("img").count() == 0
    assert await bars(samuel) == []
    async with asyncio.timeout(20):
        await gate.rig.until(lambda status: status["doors"]["yard"]["out_of_service"] != "")
    await other.get_by_role("button", name="back in service").click()
    await card.get_by_text("asegurada").wait_for(timeout=5000)
