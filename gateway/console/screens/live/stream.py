"""GET /stream: server-sent events (WHATWG HTML, section 9.2) for one browser.

``hello``    who is signed in: a page of somebody else loads itself anew
``changed``  ``{"seq": 812, "topics": ["doors"]}``: pages ask for their parts of these topics again
``parts``    the live page's parts that changed, as HTML (with ``?parts=1``), and the new lines of
             the feed
``beat``     nothing, so that a browser knows that the connection is alive

The id of each message is the number of the newest record in it.  A browser that comes back sends
its last id (or ``?last=``): it is told all topics if anything happened since, gets all parts as
they are now and the feed's lines after that record, and a line that says how many are left out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from gateway.console.follow.topics import TOPICS
from gateway.console.page import Page
from gateway.console.roles import EVERYBODY, WATCHERS
from gateway.console.routes import Pages
from gateway.console.screens.live.seen import view_of

BEAT_S = 8.0
STILL_S = 1.0
"""So often at most it is looked up whether the session still holds."""
HEADERS = {"x-accel-buffering": "no"}

pages = Pages()


@pages.get("/stream", roles=EVERYBODY)
async def stream(page: Page) -> Response:
    """What changes, as long as the browser listens and the session lasts."""
    last = page.request.headers.get("last-event-id", "") or page.query("last")
    seen = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else None
    parts = page.query("parts") == "1" and page.may(*WATCHERS)
    return StreamingResponse(
        _events(page, seen, parts=parts), media_type="text/event-stream", headers=HEADERS
    )


async def _events(page: Page, seen: int | None, *, parts: bool) -> AsyncIterator[str]:
    site, loop = page.site, asyncio.get_running_loop()
    view, hub = view_of(page), site.hub
    listener = hub.join(page.session.digest if page.session is not None else "")
    have, fed = 0, seen or 0
    try:
        who = page.session.operator if page.session is not None else ""
        yield "retry: 1000\n" + _message("hello", {"who": who})
        if seen is not None and seen != hub.seq:
            listener.tell(TOPICS, hub.seq)
        elif parts:
            listener.tell(frozenset(), hub.seq)
        checked = loop.time()
        while not listener.ended:
            news = await listener.wait(BEAT_S)
            if loop.time() - checked >= STILL_S:
                checked = loop.time()
                if not await page.still():
                    return
            if not news:
                yield _message("beat", {})
                continue
            topics, seq = listener.take()
            board = site.board
            if parts and (have < board.version or fed < board.seq):
                told = site.screens.message(view, have, fed)
                have, fed = board.version, board.seq  # before the wait for a slow browser
                yield told
            if topics:
                yield _message("changed", {"seq": seq, "topics": sorted(topics)}, seq)
    finally:
        hub.leave(listener)


def _message(kind: str, data: dict[str, Any], seq: int | None = None) -> str:
    mark = f"id: {seq}\n" if seq is not None else ""
    return f"{mark}event: {kind}\ndata: {json.dumps(data)}\n\n"
