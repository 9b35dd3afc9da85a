"""Trucks in a real browser: taps and typed fields are counted, and a second browser sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from playwright.async_api import Page, expect

from drivers.simulated.reader import VirtualRdm6300
from gateway.ledger import LedgerReader
from tests.gateway.console.booth import Booth, bars
from tests.gateway.console.screens.trucks.test_trucks import photograph
from tests.gateway.console.site import PASSWORD, PEOPLE
from tests.gateway.console.trucks import FREIGHT, Hand, announce, as_announced, held, stock, tx_of

DESK = 'desk_reader = "desk"\n\n[readers.desk]\ndriver = "rdm6300"\nport = "{port}"\n'
BADGE = (18, 7001)
PIN = "4715"


async def gate_of(booth: Callable[..., Booth], tmp_path: Path) -> tuple[Booth, VirtualRdm6300]:
    """A booth with seals, a cleared carrier, and a supervisor with a badge and a PIN."""
    port = tmp_path / "gate0" / "dev" / "desk-reader"
    gate = booth(DESK.format(port=port) + FREIGHT)
    reader = VirtualRdm6300(port)
    badge = f"em4100:{BADGE[0]}:{BADGE[1]}"
    await gate.start()
    rows = [
        {"id": person, "name": name, "credentials": badge if login == "samuel" else ""}
        for login, person, name, _role in PEOPLE
    ]
    listed = gate.rig.write_people([{**row, "access_levels": "plant"} for row in rows])
    await gate.rig.acli("people", "sync", str(listed), "--apply")
    await gate.rig.acli("people", "pin", "e102", stdin=f"{PIN}\n")
    stock(gate.settings)
    return gate, reader


async def test_a_truck_from_arrival_to_departure_in_25_taps(
    booth: Callable[..., Booth], tmp_path: Path
) -> None:
    gate, _reader = await gate_of(booth, tmp_path)
    announce(gate, "AB123C", "5301")
    page = await gate.sign_in("rosa", viewport={"width": 1024, "height": 768}, has_touch=True)
    other = await gate.sign_in("aurelio", language="en")
    await other.goto(f"{gate.url}/trucks")
    await page.goto(f"{gate.url}/trucks")
    assert await bars(page) == []
    hand = Hand(page)
    await as_announced(hand, seal=False)
    for _list in range(3):
        await hand.follow(".now button[name='begin']")
        await hand.follow(".rest button")
    assert await bars(page) == []
    await hand.type("pin", PIN)
    await hand.follow(".now button.btn-primary")
    await hand.follow(".now form[action$='/load'] button")
    await hand.type("paper-bill_of_lading", "BL-778")
    await hand.follow(".now button.btn-primary")
    await hand.choose("seal", "AB100000")
    for act in ("view", "verify", "tug", "twist"):
        await hand.choose(f"{act}-0", "yes")
    await hand.choose("papers_name", "same")
    await hand.follow(".now button.btn-primary")
    await hand.follow(".now button.btn-good")
    assert await page.locator(".truck-head .pill").inner_text() == "salió"
    assert hand.taps <= 25 and hand.typed <= 3, (hand.taps, hand.typed)
    tx = tx_of(gate, 1)
    assert tx.stage == "departed" and tx.seals_now == (("5301", "AB100000"),)
    assert tx.inspections[0].signed_by is not None
    assert tx.inspections[0].signed_by.proof == "pin"
    # The auditor's board, which nobody touched, shows it within a second.
    gone = other.locator("[data-column='gone'] [data-truck='1']")
    await expect(gone).to_be_visible(timeout=1_000)


async def digits(page: Page, url: str) -> None:
    """The check digit is told while a number is typed."""
    await page.goto(f"{url}/trucks/arrive")
    hand = Hand(page)
    await hand.choose("unit-more-kind", "container")
    told = page.locator("#d-unit-more-seen")
    await hand.type("unit-more-seen", "CSQU305")
    await expect(told).to_contain_text("7 of 11")
    await page.keyboard.type("4384")
    await expect(told).to_contain_text("after CSQU305438 comes 3")
    await page.keyboard.press("Backspace")
    await expect(told).to_contain_text("10 of 11")
    await page.fill("input[name='unit-more-seen']", "CSQU3054383")
    await expect(told).to_contain_text("check digit is right")
    assert await bars(page) == []


async def test_a_truck_as_announced_is_checked_in_with_12_taps(
    booth: Callable[..., Booth], tmp_path: Path
) -> None:
    gate, reader = await gate_of(booth, tmp_path)
    announce(gate, "77AK9P", "CSQU3054383", seal="ML-556677")
    page = await gate.sign_in("rosa", language="en", viewport={"width": 360, "height": 740})
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    await digits(page, gate.url)
    await page.goto(f"{gate.url}/trucks")
    began = time.monotonic()
    hand = Hand(page)
    await as_announced(hand, seal=True)
    assert await page.locator(".truck-head .pill").inner_text() == "arrived"
    assert hand.taps <= 12 and hand.typed == 0
    assert time.monotonic() - began < 60
    assert tx_of(gate, 1).seals_seen[0].vvtt.complete
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360

    # The checklist by its picture: tap a mark, say bad, with a photograph from the device.
    await hand.follow(".now button[name='begin']")
    await hand.tap("a.mark[data-point='fuel-tanks']")
    await expect(page.locator("a.mark[data-point='fuel-tanks']")).to_have_attribute(
        "aria-current", "true"
    )
    await hand.tap("#point summary.btn-danger")
    await hand.tap("label.pick:has(input[name='found'])")
    picture = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photograph()}
    await page.set_input_files("input[name='picture']", files=[picture])
    await hand.tap("#point details button.btn-danger")
    await expect(page.locator("a.mark[data-point='fuel-tanks']")).to_have_attribute(
        "data-state", "bad"
    )
    assert await bars(page) == []
    await hand.follow(".rest button")
    item = tx_of(gate, 1).inspections[0]
    assert [p.point for p in item.pictures] == ["fuel-tanks"]
    assert item.bad[0].note == "damaged"

    # The second person at the guard's screen: a badge at the desk's reader, and its PIN.
    await page.goto(f"{gate.url}/trucks/1?do=release")
    await hand.choose("why", "the carrier confirmed it by telephone")
    await hand.tap("#badge button")
    await page.locator("#badge [hx-get*='after']").wait_for()
    reader.present(*BADGE)
    await expect(page.locator("#badge strong")).to_have_text("Samuel Ochoa")
    await page.fill("input[name='pin']", PIN)
    await hand.follow(".now button.btn-danger")
    release = tx_of(gate, 1).releases[0]
    assert release.by == "Samuel Ochoa" and release.second is not None
    assert release.second.proof == "badge" and release.second.person == "e102"
    await page.goto(f"{gate.url}/trucks/1/arrive")  # a truck that is here leads to its page
    assert page.url == f"{gate.url}/trucks/1"

    # Or they sign in on this screen, and need no PIN.
    held(gate)
    await page.goto(f"{gate.url}/trucks/2?do=release")
    await hand.follow(".pin a[href^='/login']")
    await page.fill("input[name='name']", "samuel")
    await page.fill("input[name='password']", PASSWORD)
    async with page.expect_navigation():
        await page.click("main form button")
    assert page.url == f"{gate.url}/trucks/2?do=release"
    await page.click("label.pick:has(input[name='why'])")
    assert not await page.locator("input[name='pin']").is_visible()
    await hand.follow(".now button.btn-danger")
    second = tx_of(gate, 2).releases[0].second
    assert second is not None and (second.account, second.proof) == ("samuel", "account")
    with closing(LedgerReader(gate.settings.ledger_path)) as ledger:
        text = str([event.data for event in ledger.tail(100)])
    assert PIN not in text and str(BADGE[1]) not in text
    assert wrong == []  # the policy of the page stopped nothing
