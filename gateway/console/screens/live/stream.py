"""GET /stream: server-sent events (WHATWG HTML, section 9.2) for one browser.

``event: changed`` has JSON ``{"seq": 812, "topics": ["doors"]}`` and the record's number as id.  A
browser that comes back sends its last id: if anything happened since, it is told all topics, so
that nothing is missed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from gateway.console.follow.hub import Hub
from gateway.console.follow.topics import TOPICS
from gateway.console.page import Page
from gateway.console.roles import EVERYBODY
from gateway.console.routes import Pages

HEARTBEAT_S = 10.0

pages = Pages()


@pages.get("/stream", roles=EVERYBODY)
async def stream(page: Page) -> Response:
    """What changes, as long as the browser listens and the session lasts."""
    last = page.request.headers.get("last-event-id", "")
    seen = int(last) if last.isascii() and last.isdigit() else None
    return StreamingResponse(
        _events(page, page.site.hub, seen), media_type="text/event-stream", headers=HEADERS
    )


HEADERS = {"x-accel-buffering": "no"}


async def _events(page: Page, hub: Hub, seen: int | None) -> AsyncIterator[str]:
    listener = hub.join()
    try:
        yield "retry: 1000\n\n"
        if seen is not None and seen != hub.seq:
            listener.tell(TOPICS, hub.seq)
        while await page.still():
            if await listener.wait(HEARTBEAT_S):
                topics, seq = listener.take()
                data = json.dumps({"seq": seq, "topics": sorted(topics)})
                yield f"id: {seq}\nevent: changed\ndata: {data}\n\n"
            else:
                yield ": still here\n\n"
    finally:
        hub.leave(listener)
