"""A guard's booth: the real daemon over ptys, the real console, and Debian's chromium."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pyotp
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

from demo.rig import ROOT, Rig
from gateway import config
from gateway.console.security import passwords
from gateway.console.security.store import Store
from tests.gateway.console.site import OPERATORS, PASSWORD, PEOPLE, SECRET, console_table

CHROMIUM = "/usr/bin/chromium"
_hashed = passwords.hashed(PASSWORD)


class Booth:
    """One gate with its console; use it inside an event loop and call `stop`."""

    def __init__(self, rig: Rig, more: str = "") -> None:
        self.rig = rig
        text = rig.config.read_text(encoding="utf-8") + OPERATORS + console_table() + more
        rig.config.write_text(text, encoding="utf-8")
        self.settings = config.load(rig.config)
        host, port = self.settings.tables.console.address
        self.url = f"http://{host}:{port}"
        self.console: subprocess.Popen[bytes] | None = None
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def start(self, people: list[dict[str, str]] | None = None) -> None:
        """Put the operators (and `people`) on the list, start the daemon and the console."""
        rows = [
            {"id": person, "name": name, "company": "Garita", "access_levels": "plant"}
            for _, person, name, _ in PEOPLE
        ]
        listed = self.rig.write_people([*rows, *(people or [])])
        await self.rig.acli("people", "sync", str(listed), "--apply")
        await self.rig.start()
        with closing(Store(self.settings.tables.console.data_dir / "console.db")) as store:
            for name, *_ in PEOPLE:
                store.set_password(name, _hashed)
            store.credentials.set_totp("ada", SECRET, 0)
        await self.start_console()

    async def start_console(self) -> None:
        """Start the console and wait until it answers."""
        command = [sys.executable, "-m", "gateway.cli.main", "-c", str(self.rig.config), "console"]
        with (self.rig.folder / "console.log").open("ab") as log:
            self.console = subprocess.Popen(
                command, cwd=ROOT, stderr=log, stdout=log, env={**os.environ}
            )
        host, port = self.settings.tables.console.address
        for _ in range(600):
            if self.console.poll() is not None:
                raise RuntimeError((self.rig.folder / "console.log").read_text())
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
        raise RuntimeError("the console does not answer")

    async def stop_console(self) -> None:
        """End the console as systemd does."""
        if self.console is not None:
            self.console.terminate()
            await asyncio.to_thread(self.console.wait, 20)
            self.console = None

    async def browser(self, **options: Any) -> BrowserContext:
        """A new browser profile; chromium is started once."""
        if self._browser is None:
            self._playwright = await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
        context = await self._browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, **options}
        )
        context.set_default_timeout(20_000)
        return context

    async def sign_in(self, name: str, language: str = "es", **options: Any) -> Page:
        """A page on which the operator `name` has signed in, in `language`."""
        with closing(Store(self.settings.tables.console.data_dir / "console.db")) as store:
            store.set_taste(name, language, "light")
        page = await (await self.browser(**options)).new_page()
        await page.goto(f"{self.url}/login?language={language}")
        await page.fill("input[name=name]", name)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("main form button")
        if name == "ada":  # an administrator has a second factor
            await self.second(page)
        await page.wait_for_selector("nav.rail")
        return page

    async def second(self, page: Page, name: str = "ada") -> None:
        """Type a code of the app, which `start` set up for the administrator alone.  It is new each
        time, as the console takes none twice."""
        with closing(Store(self.settings.tables.console.data_dir / "console.db")) as store:
            store.db.do("UPDATE credential SET totp_step = 0 WHERE operator = ?", name)
        await page.fill("input[name=code]", pyotp.TOTP(SECRET).now())
        await page.click("form:has(input[name=code]) button")

    async def kill_browser(self) -> None:
        """The browser dies as by a power cut: its process is killed."""
        assert self._browser is not None
        session = await self._browser.new_browser_cdp_session()
        found = await session.send("SystemInfo.getProcessInfo")
        main = next(one["id"] for one in found["processInfo"] if one["type"] == "browser")
        os.kill(int(main), signal.SIGKILL)
        while self._browser.is_connected():
            await asyncio.sleep(0.05)
        assert self._playwright is not None
        await self._playwright.stop()
        self._browser = self._playwright = None

    async def stop(self) -> None:
        """End the browser and the console; the rig is its fixture's."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        await self.stop_console()


async def bars(page: Page) -> list[str]:
    """What axe-core finds on a page that keeps people out: serious and critical violations."""
    found = await Axe().run(page)  # type: ignore[no-untyped-call]
    wrong = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    return [
        f"{v['id']}: {v['help']}: {json.dumps([n['html'][:160] for n in v['nodes'][:3]])}"
        for v in wrong
    ]


MakeBooth = Callable[..., Booth]
