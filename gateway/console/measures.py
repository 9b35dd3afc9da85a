"""The figures of the console: counted at each answer, read by Prometheus (gateway/metrics).

The label `kind` is one of KINDS, so neither an address nor who asked is in a figure.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import __version__
from gateway.metrics.server import MetricsServer
from gateway.metrics.slow import Slow, of_disk
from gateway.metrics.tally import Histogram
from gateway.metrics.text import Samples, text

if TYPE_CHECKING:
    from gateway.console.site import Site

SESSIONS_EVERY_S = 5.0
TIMED = ("page", "part", "act")
"""A page that somebody opened, a part of one that loads itself anew, a form that was sent."""
KINDS = (*TIMED, "asset", "stream")


class Measures:
    """Counts in the event loop; `figures` reads in the server's thread."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._started = time.monotonic()
        self._slow = Slow()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.seconds = {kind: Histogram() for kind in TIMED}

    async def run(self) -> None:
        """Show the figures until cancelled, if the configuration says where."""
        table = self._site.settings.tables.console.metrics
        if table.listen:
            await MetricsServer(table.socket or table.address, self.figures).keep()
        await asyncio.Event().wait()

    def figures(self) -> bytes:
        """All of them, as text."""
        site, found = self._site, Samples()
        put = found.put
        put("garita_build_info", 1, __version__)
        put("garita_uptime_seconds", time.monotonic() - self._started)
        put("garita_console_streams", len(site.hub))
        put("garita_console_gateway_answers", bool(site.board.gate.answers))
        for pair, count in dict(self.answers).items():
            put("garita_console_requests_total", count, *pair)
        for kind, histogram in self.seconds.items():
            found.put_histogram("garita_console_page_seconds", histogram, kind)
        found.join(self._slow("sessions", SESSIONS_EVERY_S, self._sessions))
        found.join(of_disk(site.settings.tables.console.data_dir))
        return text(found)

    def _sessions(self) -> Samples:
        table, now, found = self._site.settings.tables.console, time.time(), Samples()
        alive = (one for one in self._site.store.sessions() if one.alive(table, now))
        found.put("garita_console_sessions", sum(one.stage == "" for one in alive))
        return found


class Counted:
    """The application `app`, whose answers `measures` counts."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self._app, self._measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; anything else goes through as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind, begun, status = kind_of(scope), time.monotonic(), 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if kind == "stream":  # which may last for hours
                    self._count(kind, status)
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            if kind != "stream":
                self._count(kind, status)
            if kind in TIMED:
                self._measures.seconds[kind].observe(time.monotonic() - begun)

    def _count(self, kind: str, status: int) -> None:
        self._measures.answers[kind, f"{status // 100}xx"] += 1


def kind_of(scope: Scope) -> str:
    """Which of KINDS a request is."""
    if scope["path"].startswith("/static/"):
        return "asset"
    if scope["method"] not in ("GET", "HEAD"):
        return "act"
    if scope["path"] == "/stream":
        return "stream"
    return "part" if "hx-request" in Headers(scope=scope) else "page"
