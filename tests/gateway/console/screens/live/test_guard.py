"""A guard at the live page of a real gate: somebody waits for a word; the gateway comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from playwright.async_api import Page

from tests.gateway.console.booth import Booth

POLICY = """
[areas.patio]
title = { en = "Yard", es = "Patio" }
degraded = { channel = "confirm" }

[health]
confirm_s = 45
"""
ANA = {
    "id": "e1",
    "name": "Ana Ríos",
    "credentials": "em4100:18:1001",
    "access_levels": "plant",
}


@pytest.fixture
async def gate(booth: Callable[..., Booth]) -> Booth:
    """A gate whose yard reader speaks in clear, so that a guard has to confirm who comes."""
    made = booth(yard_more='area = "patio"', policy=POLICY)
    await made.start([ANA])
    return made


async def shown(page: Page) -> str:
    """The name on the card of who waits."""
    await page.wait_for_selector(".ask")
    return await page.inner_text(".ask-name")


async def test_a_guard_lets_a_person_pass_with_one_tap_and_a_supervisor_sees_it(
    gate: Booth,
) -> None:
    rosa = await gate.sign_in("rosa")
    await rosa.wait_for_selector('#sound[data-state="works"]')  # the sign-in's tap unlocked it
    samuel = await gate.sign_in("samuel", "en")
    gate.rig.yard_reader.present(18, 1001)
    assert await shown(rosa) == "Ana Ríos"
    assert await shown(samuel) == "Ana Ríos"
    assert "Waiting for your word" in await samuel.inner_text(".ask")
    assert "No funciona: canal seguro" in await rosa.inner_text(".ask")
    assert 0 < int((await rosa.inner_text(".ask-left .num")).split(":")[1]) <= 45
    await rosa.get_by_role("button", name="más tiempo").click()
    await rosa.get_by_role("button", name="más tiempo").wait_for(state="detached")
    assert (await rosa.inner_text(".ask-left .num")).startswith("1:")
    await rosa.get_by_role("button", name="dejar pasar", exact=True).click()
    await rosa.get_by_text("Ana Ríos puede pasar.").wait_for()
    await gate.rig.until(lambda s: (s["last"]["yard"] or {}).get("reason") == "granted")
    for page, words in ((rosa, "PUEDE PASAR"), (samuel, "MAY PASS")):
        await page.locator('[data-part="door:yard"]', has_text=words).wait_for()
        await page.locator(".ask").wait_for(state="detached")
        await page.locator("#inside strong", has_text="1").wait_for()
    await rosa.goto(f"{gate.url}/muster")
    assert "Ana Ríos" in await rosa.inner_text(".muster-table")
    tail = (await gate.rig.acli("log", "tail", "--json", "-n", "20")).stdout
    assert '"by_name":"Rosa Ibarra"' in tail.replace(": ", ":")


async def test_a_guard_says_no_in_english_and_a_second_word_counts_for_nothing(
    gate: Booth,
) -> None:
    rosa = await gate.sign_in("rosa", "en")
    samuel = await gate.sign_in("samuel", "en")
    gate.rig.yard_reader.present(18, 1001)
    await asyncio.gather(shown(rosa), shown(samuel))
    no = rosa.get_by_role("button", name="do not let pass")
    yes = samuel.get_by_role("button", name="let pass", exact=True)
    await asyncio.gather(no.click(), yes.click(), return_exceptions=True)
    await rosa.locator(".ask").wait_for(state="detached")
    tail = (await gate.rig.acli("log", "tail", "--json", "-n", "20")).stdout
    answers = [line for line in tail.splitlines() if '"door.confirm' in line]
    assert len([line for line in answers if "door.confirm_asked" not in line]) <= 2
    decided = tail.count("access.granted") + tail.count("access.denied")
    assert decided == 1


async def test_the_page_says_when_the_gateway_does_not_answer_and_when_it_does_again(
    gate: Booth,
) -> None:
    rosa = await gate.sign_in("rosa")
    gate.rig.gate_reader.present(18, 1001)
    await rosa.locator('[data-part="door:gate"]', has_text="Ana Ríos").wait_for()
    await gate.rig.stop_daemon()
    await rosa.get_by_text("El gateway no contesta", exact=False).wait_for()
    await gate.rig.start()
    await rosa.get_by_text("El gateway no contesta", exact=False).wait_for(state="detached")
    gate.rig.gate_reader.present(18, 4242)
    await rosa.locator('[data-part="door:gate"]', has_text="NO PASA").wait_for()
    await gate.stop_console()
    await rosa.wait_for_selector('html[data-link="lost"]')
    gate.rig.yard_reader.present(18, 4243)
    await gate.start_console()
    await rosa.locator('[data-part="door:yard"]', has_text="NO PASA").wait_for()
