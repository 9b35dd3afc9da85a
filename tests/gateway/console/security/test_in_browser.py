"""Signing in with a real browser at a real gate: by badge and PIN, with a passkey, on a phone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from playwright.async_api import Page

from demo.rig import Rig
from drivers.simulated.reader import VirtualRdm6300
from gateway.console.security.store import Store
from gateway.people.schema import open_admin
from tests.gateway.console.booth import Booth, bars
from tests.gateway.console.site import PASSWORD

MORE = """
desk_reader = "desk"

[readers.desk]
driver = "rdm6300"
port = "{folder}/dev/desk-reader"
options = {{ hold_off_s = 0.0 }}
"""
PIN = "4715"
BADGE = 1001
SHOTS = os.environ.get("GARITA_SHOTS", "")


async def shot(page: Page, name: str) -> None:
    """Keep a picture of the page, if somebody wants to look at it."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


async def give_badge(rig: Rig) -> None:
    """Rosa's badge, and her PIN."""
    with closing(open_admin(rig.people_path)) as db:
        db.execute("INSERT INTO credential VALUES (?, 'e101')", (f"em4100:7:{BADGE}",))
        db.commit()
    await rig.acli("people", "pin", "e101", stdin=f"{PIN}\n{PIN}\n")


async def test_operators_change_by_badge_and_pin(booth: Callable[..., Booth]) -> None:
    gate = booth()
    text = gate.rig.config.read_text(encoding="utf-8") + MORE.format(folder=gate.rig.folder)
    gate.rig.config.write_text(text, encoding="utf-8")
    reader = VirtualRdm6300(gate.rig.folder / "dev" / "desk-reader")
    await gate.start()
    await give_badge(gate.rig)
    await gate.rig.until(lambda s: any(d["name"] == "desk" and d["online"] for d in s["devices"]))
    page = await gate.sign_in("samuel")
    await page.goto(f"{gate.url}/account")
    assert await bars(page) == []
    await shot(page, "account-es")
    await page.get_by_role("button", name="esta pantalla está ahí").click()
    async with page.expect_request(
        lambda sent: "/desk/sign-in?after=" in sent.url and "after=&" not in sent.url
    ):  # it listens from now on
        await page.goto(f"{gate.url}/desk/change?next=/account")
    await shot(page, "desk-wait-es")
    assert await bars(page) == []
    begun = time.monotonic()
    reader.present(7, BADGE)
    await page.get_by_role("heading", name="Rosa Ibarra").wait_for()
    for key in PIN:  # by taps, as with gloves
        await page.locator(f'[data-key="{key}"]').click()
    await shot(page, "desk-pin-es")
    await page.locator(".pin-pad .btn-primary").click()
    await page.wait_for_url(f"{gate.url}/account")
    took_s = time.monotonic() - begun
    assert "Rosa Ibarra" in await page.inner_text(".who summary")
    assert took_s < 10, took_s  # two seconds on a machine that has nothing else to do
    said = (await gate.rig.acli("log", "tail")).stdout
    assert "PIN of Rosa Ibarra accepted for sign in" in said
    with closing(Store(gate.settings.tables.console.data_dir / "console.db")) as store:
        assert [item.operator for item in store.sessions()] == ["rosa"]  # he is out


async def test_an_administrator_uses_a_passkey(booth: Callable[..., Booth]) -> None:
    gate = booth()
    await gate.start()
    gate.url = gate.url.replace("127.0.0.1", "localhost")  # passkeys need a name
    page = await gate.sign_in("ada", viewport={"width": 360, "height": 740}, color_scheme="dark")
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    devices = await page.context.new_cdp_session(page)
    await devices.send("WebAuthn.enable")
    own = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
           "hasUserVerification": True, "isUserVerified": True,
           "automaticPresenceSimulation": True}  # fmt: skip
    await devices.send("WebAuthn.addVirtualAuthenticator", {"options": own})
    await page.goto(f"{gate.url}/account/second")
    assert await bars(page) == []
    refused = """() => { try { document.createElement("script").text = "1"; return "taken"; }
                         catch (error) { return error.name; } }"""
    assert await page.evaluate(refused) == "TypeError"  # Trusted Types hold
    wrong.clear()  # what was just tried
    await shot(page, "second-setup-360")
    await page.fill("input[name=label]", "<b>llave</b> de \u202eada")
    await page.click("form[data-passkey=create] button")
    await page.wait_for_url(f"{gate.url}/account")
    await shot(page, "account-360")
    await page.goto(f"{gate.url}/accounts")
    assert await bars(page) == []
    await shot(page, "accounts-360")
    await page.evaluate("document.querySelector('form[action=\"/logout\"]').submit()")
    await page.wait_for_url(f"{gate.url}/login")
    assert await bars(page) == []
    await shot(page, "login-360")
    await page.fill("input[name=name]", "ada")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button")
    await page.wait_for_url("**/login/second**")
    assert await bars(page) == []
    await shot(page, "second-360")
    await page.click("form[data-passkey=get] button")
    await page.wait_for_selector("nav.rail")
    said = (await gate.rig.acli("log", "tail")).stdout
    assert "password and passkey" in said and "passkey set up" in said
    assert wrong == []


async def test_an_administrator_adds_a_guard_who_chooses_a_password(
    booth: Callable[..., Booth],
) -> None:
    gate = booth()
    await gate.start([{"id": "e200", "name": "<i>Nadia</i> Ruiz", "access_levels": "plant"}])
    page = await gate.sign_in("ada", "en")
    await page.goto(f"{gate.url}/accounts")
    assert await bars(page) == []
    await shot(page, "accounts-en")
    await page.fill("input[name=name]", "nadia")
    await page.fill("input[name=person]", "e200")
    await page.check("input[name=role][value=guard]")
    await page.click("form[action='/accounts/add'] button")
    code = await page.inner_text(".code-once")
    await shot(page, "new-code-en")
    guard = await (await gate.browser(viewport={"width": 800, "height": 1280})).new_page()
    await guard.goto(f"{gate.url}/login/code?language=es")
    assert await bars(guard) == []
    await guard.fill("input[name=name]", "nadia")
    await guard.fill("input[name=code]", code.lower())
    await guard.click("main form button")
    await guard.fill("input[name=password]", "cuatro perros en la nieve")
    await guard.fill("input[name=again]", "cuatro perros en la nieve")
    await shot(guard, "password-es")
    await guard.click("main form button")
    await guard.wait_for_selector("nav.rail")
    await page.goto(f"{gate.url}/accounts/nadia")
    assert await bars(page) == []
    await shot(page, "operator-en")
    await page.click("form[action='/signed-in/end'] button")  # ended elsewhere
    await page.wait_for_url(f"{gate.url}/accounts")
    await guard.goto(gate.url)
    assert "/login?next=" in guard.url
