"""People and "why" in a real browser: found while typing, by keyboard, without a hindrance."""

from __future__ import annotations

import json

import pytest

from tests.gateway.console.booth import MakeBooth, bars


@pytest.mark.parametrize("language", ["es", "en"])
async def test_a_refusal_is_explained_and_the_person_is_found_while_typing(
    booth: MakeBooth, language: str
) -> None:
    gate = booth()
    await gate.start(
        [
            {
                "id": "e201",
                "name": "María Chávez <b>Núñez</b>",
                "company": "Acme",
                "credentials": "em4100:18:2010042",
                "access_levels": "plant",
                "valid_until": "2026-01-31",
            }
        ]
    )
    page = await gate.sign_in("samuel", language)
    await page.goto(f"{gate.url}/people")
    await page.keyboard.type("chabes mar")  # the field has the focus
    hit = page.locator(".hit")
    await hit.wait_for()
    assert "María Chávez <b>Núñez</b>" in await hit.inner_text()
    assert await bars(page) == []
    await hit.click()
    await page.wait_for_selector(".doors-now")
    assert await bars(page) == []
    await page.locator(".doors-now a").first.click()
    refused = {"es": "NO PASARÍA", "en": "WOULD BE REFUSED"}[language]
    assert refused in await page.locator(".verdict").inner_text()
    assert await bars(page) == []
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 1280, json.dumps(width)


async def test_what_another_operator_does_is_on_the_page_at_once(booth: MakeBooth) -> None:
    gate = booth()
    await gate.start([{"id": "e201", "name": "Ana Ruiz", "access_levels": "plant"}])
    rosa, samuel = await gate.sign_in("rosa", "en"), await gate.sign_in("samuel", "en")
    await samuel.goto(f"{gate.url}/people/e201")
    await samuel.wait_for_selector(".doors-now")
    await rosa.goto(f"{gate.url}/people/e201")
    await rosa.click(".act > summary.btn-danger")
    await rosa.fill("#revoke-why", "left the company")
    await rosa.click("form[action='/people/-/revoke'] button")
    await samuel.locator("#person-live .notice-bad").wait_for()
    assert "left the company" in await samuel.locator("#person-live").inner_text()
