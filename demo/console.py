"""The web console of the demo: started beside the gateway, and walked through by a real browser.

The walk needs Debian's chromium (package `chromium`); without it, the demo says so and goes on.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sys
from contextlib import closing
from pathlib import Path

from demo.rig import ROOT, Rig
from gateway import config
from gateway.console.security import passwords
from gateway.console.security.store import Store
from gateway.people import account

GUARD, SUPERVISOR = "elena", "nora"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def tables(port: int) -> str:
    """What the demo's configuration needs for a console: two operators, and where it listens."""
    return f"""
[operators.{GUARD}]
person = "e200"
roles = ["guard"]

[operators.{SUPERVISOR}]
person = "e400"
roles = ["supervisor"]

[console]
listen = "127.0.0.1:{port}"
account = "{account.own()}"
data_dir = "console"
"""


class DemoConsole:
    """`garita console` for the gate of `rig`, whose configuration has `tables(port)`."""

    def __init__(self, rig: Rig, port: int) -> None:
        self.rig = rig
        self.url = f"http://127.0.0.1:{port}"
        self.password = secrets.token_urlsafe(9)
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Give both operators their password and start the console; returns when it answers.

        Raises TimeoutError if it does not."""
        table = config.load(self.rig.config).tables.console
        hashed = await asyncio.to_thread(passwords.hashed, self.password)
        with closing(Store(table.data_dir / "console.db")) as store:
            for name in (GUARD, SUPERVISOR):
                store.set_password(name, hashed)
        command = [sys.executable, "-m", "gateway.cli.main", "-c", str(self.rig.config), "console"]
        with (self.rig.folder / "console.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdout=log, stderr=log
            )
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                return

    async def stop(self) -> None:
        """End it as systemd does."""
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()
            self._process = None


def browser() -> Path | None:
    """The chromium of this machine; None if there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return Path(found) if found else None


async def truck_walk(console: DemoConsole, pin: str) -> tuple[int, int]:
    """Take truck 2 from its arrival to its departure in a browser, as a guard taps it; the
    supervisor signs by `pin`.  Returns the number of taps and of typed fields.

    Raises playwright's Error if a button is not there.
    """
    from playwright.async_api import Page, async_playwright  # noqa: PLC0415 - the walk alone

    taps = typed = 0

    async def tap(page: Page, selector: str, *, onward: bool = False) -> None:
        nonlocal taps
        taps += 1
        if onward:
            async with page.expect_navigation():
                await page.locator(selector).first.click()
        else:
            await page.locator(selector).first.click()

    async def choose(page: Page, name: str, value: str) -> None:
        await tap(page, f"label.pick:has(input[name='{name}'][value='{value}'])")

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser(), args=["--no-sandbox"]
        )
        page = await chromium.new_page()
        page.set_default_timeout(60_000)
        await page.goto(f"{console.url}/login?next=/trucks&language=en")
        await page.fill("input[name=name]", GUARD)
        await page.fill("input[name=password]", console.password)
        await page.click("main form button.btn-primary")
        await page.locator("nav.rail").wait_for()
        await tap(page, "a.truck-card[href='/trucks/2/arrive']", onward=True)
        for name in ("driver", "carrier", "tractor", "unit-0"):
            await choose(page, name, "same")
        await choose(page, "id_kind", "licence")
        await choose(page, "loaded", "no")
        await tap(page, "#arrive button.btn-big", onward=True)
        while await page.locator(".now button[name='begin']").count():
            await tap(page, ".now button[name='begin']", onward=True)
            await tap(page, ".rest button", onward=True)
        await page.locator("input[name='pin']:focus").wait_for()
        await page.keyboard.type(pin)
        await tap(page, ".now button.btn-primary", onward=True)
        await tap(page, ".now form[action$='/load'] button", onward=True)
        await page.keyboard.type("BL-778")
        typed += 2
        await tap(page, ".now button.btn-primary", onward=True)
        await choose(page, "seal", "AB200000")
        for act in ("view", "verify", "tug", "twist"):
            await choose(page, f"{act}-0", "yes")
        await choose(page, "papers_name", "same")
        await tap(page, ".now button.btn-primary", onward=True)
        await tap(page, ".now button.btn-good", onward=True)
        await chromium.close()
    return taps, typed
