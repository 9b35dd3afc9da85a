"""Alarms at a real gate and in real browsers: from the forced door to the end of the shift."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.gateway.console.booth import Booth, bars
from tests.gateway.console.window import Window

SITE = """
[alarms.instructions.vault]
kinds = ["forced"]
subjects = ["vault"]
required = true
steps = [{ en = "Call the yard on channel 3", es = "Llame al patio por el canal 3" }]

[[alarms.escalation]]
after_s = 3600
to = { en = "Boss", es = "Jefa" }

[alarms.siren]
lock = "board"
channel = 4
seconds = 300
priorities = ["high"]
"""


@pytest.fixture
async def window(tmp_path: Path) -> AsyncIterator[Window]:
    """A console with a log that the test writes, and a browser."""
    made = Window(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.05)


async def heard(page: Page) -> str:
    """The next sound that the page makes."""
    return str(
        await page.evaluate(
            "new Promise(done => document.addEventListener('garita:sounded',"
            " event => done(event.detail), { once: true }))"
        )
    )


async def test_a_forced_door_from_the_siren_to_the_handover(booth: Callable[..., Booth]) -> None:
    gate = booth(SITE, osdp=True)
    text = gate.rig.config.read_text().replace("channels = 3", "channels = 4")
    gate.rig.config.write_text(text)
    await gate.start()
    for reader in ("vault-in", "vault-out"):
        await gate.rig.acli("reader", "install", reader)
    await gate.rig.until(lambda s: s["doors"]["vault"]["open"] is False)
    rosa, samuel = await gate.sign_in("rosa"), await gate.sign_in("samuel", "en")
    sounds = asyncio.create_task(heard(rosa))
    gate.rig.vault_in.input(1, False)  # nobody showed a badge
    call = rosa.locator(".call", has_text="puerta forzada")
    await call.wait_for()
    await samuel.locator(".call", has_text="door forced").wait_for()
    await until(lambda: gate.rig.board.state.get(4, False))
    assert await sounds == "high"
    await call.get_by_role("button", name=re.compile("Ya la vi")).click()
    await call.wait_for(state="detached")
    await samuel.locator(".call", has_text="door forced").wait_for(state="detached")
    await until(lambda: not gate.rig.board.state.get(4, False))
    await rosa.locator(".calls-more a").click()
    await rosa.locator(".alarm a.alarm-open", has_text="puerta forzada").click()
    assert await bars(rosa) == []
    assert "La causa sigue" in await rosa.inner_text("#resolve")
    gate.rig.vault_in.input(1, True)
    outcome = rosa.get_by_label("falsa alarma", exact=True)
    await outcome.wait_for()
    await rosa.fill("#f-note", "fue el viento")
    await rosa.get_by_role("button", name=re.compile("Llame al patio")).click()
    await rosa.locator(".todo-step[aria-pressed=true]").wait_for()
    assert (
        await rosa.input_value("#f-note") == "fue el viento"
    )  # the part came anew, the note stays
    await outcome.check()
    await rosa.get_by_role("button", name="cerrar la alarma").click()
    await rosa.locator(".table", has_text="falsa alarma: fue el viento").wait_for()
    assert await rosa.locator(".alarm", has_text="puerta forzada").count() == 0
    assert await bars(rosa) == []
    await samuel.goto(f"{gate.url}/alarms/figures")
    assert await bars(samuel) == []

    await rosa.goto(f"{gate.url}/shift")
    assert await bars(rosa) == []
    await rosa.fill("#f-note", "la luz del patio no sirve")
    await rosa.get_by_role("button", name=re.compile("Firmo")).click()
    await rosa.wait_for_url(re.compile(r"/shift/\d+$"))
    number = rosa.url.rpartition("/")[2]
    await samuel.goto(f"{gate.url}/shift")
    await samuel.get_by_role("link", name="look at it and take over").click()
    await samuel.get_by_role("button", name=re.compile("I take over")).click()
    await samuel.locator(".sign-name", has_text="Samuel Ochoa").wait_for()
    assert "It is as it was signed." in await samuel.inner_text("main")
    assert "la luz del patio no sirve" in await samuel.inner_text("main")
    code = samuel.locator(".shift-qr img")
    async with asyncio.timeout(30):  # wait_for_function would need eval, which the page forbids
        while await code.evaluate("image => image.naturalWidth") <= 100:
            await asyncio.sleep(0.05)
    assert await bars(samuel) == []
    done = await gate.rig.acli("shift", "verify", number, check=False)
    assert done.returncode == 0, done.stdout


async def test_no_alarm_is_missed_over_a_lost_connection(window: Window) -> None:
    page = await window.open("/trucks")
    await page.wait_for_selector('html[data-link="good"]')
    await window.wire.cut()
    await page.wait_for_selector('html[data-link="lost"]')
    await window.record("door.forced", "main")
    await window.record("door.forced_cleared", "main", open_s=1.0)
    await window.wire.start()
    await page.locator(".call", has_text="puerta forzada").wait_for()
    assert "ya terminó" in await page.inner_text(".call")


async def test_the_alarms_fit_a_telephone_and_hostile_names(window: Window) -> None:
    name = "<img src=x onerror=alert(1)> \u202e" + "W" * 170
    person = {"id": "e1", "name": name, "company": name}
    await window.record(
        "alarm.lent_badge", "main", door="main", person=person, face_person="e2", face_name=name
    )
    await window.record("door.held", "office", open_s=31.0)
    phone = {"viewport": {"width": 360, "height": 740}}
    page = await window.open("/alarms", **phone)
    await page.locator(".alarm").first.wait_for()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for path in ("/alarms", "/alarms/figures", "/shift"):
        await page.goto(path)
        assert await page.evaluate(wide) <= 0, path
        assert await bars(page) == [], path
    assert window.errors == []
