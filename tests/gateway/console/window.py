"""A console with a log that a test writes, and chromium behind a wire that the test can cut.

No daemon runs: what it would record, the test records.  The browser is real, and so is the server.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import uvicorn
from playwright.async_api import Browser, Page, Playwright, async_playwright

from gateway import config
from gateway.console.server import server_of, site_of
from gateway.console.site import Site
from gateway.daemon.openlog import open_log
from gateway.ledger import Ledger
from gateway.ledger.event import Event, EventType, NewEvent
from tests.gateway.console.booth import CHROMIUM
from tests.gateway.console.site import write_site


class Wire:
    """Carries connections to a port of this machine until it is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.made = 0
        """So many connections were made."""

    async def start(self) -> None:
        """Carry; again on the same port after a cut."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections and take no more."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._open -= {writer, back}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Window:
    """One console and one browser.  Use it inside an event loop and call `stop`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.settings: config.Settings
        self.site: Site
        self.ledger: Ledger
        self.wire: Wire
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self.errors: list[str] = []
        """What the pages complained of."""

    async def start(self) -> None:
        """Open the log and start the console."""
        self.settings = await asyncio.to_thread(write_site, self._folder)
        self.ledger = open_log(self.settings)
        self.wire = Wire(self.settings.tables.console.address[1])
        await self.wire.start()
        await self.start_console()

    async def start_console(self) -> None:
        """Start the console; its sessions are those of before."""
        self.site = site_of(self.settings)
        self._server = server_of(self.settings, self.site)
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.02)

    async def stop_console(self) -> None:
        """End the console."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._server = None

    async def record(self, kind: str, subject: str, /, **data: Any) -> Event:
        """Put an event on record, as the daemon does."""
        return await self.ledger.append(NewEvent(EventType(kind), subject, data))

    async def deny(self, name: str, door: str = "main") -> Event:
        """Somebody is refused at a door."""
        person = {"id": "e31", "name": name, "company": "Fletes del Bravo"}
        about = {"reason": "denied_expired", "rule": "valid until 2026-10-31", "way": "in"}
        return await self.record("access.denied", door, door=door, person=person, **about)

    async def open(
        self, path: str = "/", name: str = "rosa", language: str = "es", **options: Any
    ) -> Page:
        """A browser profile of its own in which the operator is signed in, on `path`."""
        if self._browser is None:
            self._playwright = await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
        self.site.store.set_taste(name, language, "light")
        token = self.site.store.begin(name)
        url = f"http://127.0.0.1:{self.wire.port}"
        context = await self._browser.new_context(
            base_url=url, **{"viewport": {"width": 1280, "height": 800}, **options}
        )
        context.set_default_timeout(20_000)
        await context.add_cookies([{"name": "garita", "value": token, "url": url}])
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        await page.goto(path)
        return page

    async def stop(self) -> None:
        """End everything."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        await self.stop_console()
        await self.wire.cut()
        self.ledger.close()
