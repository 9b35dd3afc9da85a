"""What goes over MQTT, as text: events out, replay requests in.  No I/O."""

from __future__ import annotations

import json
import re
from typing import Any

from gateway.ledger.event import Event

REPLAY_LIMIT = 10_000
REQUEST_LIMIT = 1024


def cloud_event(event: Event, gateway: str) -> str:
    """A record as CloudEvents 1.0 JSON, structured mode (gateway/uplink/events.schema.json)."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": f"/garita/{gateway}",
            "type": f"org.garita.{event.type}",
            "time": event.time,
            # CloudEvents wants no empty subject.
            **({"subject": event.subject} if event.subject else {}),
            "datacontenttype": "application/json",
            "seq": event.seq,
            "hash": event.hash,
            "prev": event.prev,
            "data": event.data,
        },
        ensure_ascii=False,
    )


def parse_replay(payload: Any, *, retained: bool) -> tuple[str, int, int] | None:
    """``{"id": "audit-1", "from": 7, "to": 9}`` as (id, first, last), or None.

    A retained request is refused: it would be answered after every reconnect for ever.
    """
    if retained or not isinstance(payload, bytes | bytearray) or len(payload) > REQUEST_LIMIT:
        return None
    try:
        item = json.loads(payload)
        name, first, last = item["id"], item["from"], item["to"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)):
        return None
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in (first, last)):
        return None
    if not 1 <= first <= last < first + REPLAY_LIMIT or last > 2**62:
        return None
    return name, first, last
