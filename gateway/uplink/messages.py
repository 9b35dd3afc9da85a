"""What goes over MQTT, as text: events out, replay requests in.  No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gateway.ledger.event import Event
from gateway.ledger.kept import Kept
from gateway.ledger.reader import event_of

REPLAY_LIMIT = 10_000
REQUEST_LIMIT = 1024
_TYPE = re.compile(r'[a-z_.]+"\}')
_NO_SUBJECT = '"subject":"","time":"'


def cloud_event(event: Event, gateway: str) -> str:
    """A record as CloudEvents 1.0 JSON, structured mode (schemas/events.schema.json)."""
    if event.redacted:  # whoever recomputes its hash must know that this is not what it was
        size = len(json.dumps(dict(event.data)))
        return _cloud_event(event, gateway, {"omitted": "redacted", "bytes": size})
    return _cloud_event(event, gateway, event.data)


def cloud_text(kept: Kept, gateway: str) -> str:
    """The same of a record as it is kept, whose body is JSON already and is not read.

    The type stands last in a body, whose keys are sorted (gateway/ledger/chain.py).  A record that
    is not what its hash says, that was redacted or has no subject is read.
    """
    rest, _, kind = kept.body.rpartition('","type":"')
    if kept.redacted or not kept.intact or not _TYPE.fullmatch(kind) or _NO_SUBJECT in rest[-80:]:
        return cloud_event(event_of(kept), gateway)
    return (
        f'{{"specversion":"1.0","source":"/garita/{gateway}","datacontenttype":"application/json",'
        f'"seq":{kept.seq},"hash":"{kept.hash.hex()}","prev":"{kept.prev.hex()}",'
        f'{rest[1:]}","type":"org.garita.{kind}'
    )


def omitted_event(event: Event, gateway: str, size: int) -> str:
    """A record in the place of one that the broker does not take: the same number, id and hash,
    and instead of its data how many bytes (`size`) the whole message would have had."""
    return _cloud_event(event, gateway, {"omitted": "too large for the broker", "bytes": size})


def _cloud_event(event: Event, gateway: str, data: Mapping[str, Any]) -> str:
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
            "data": data,
        },
        ensure_ascii=False,
    )


def expires_at(properties: Any, now: float) -> float | None:
    """When a message that arrived at `now` expires, by the same clock (seconds); None if never.

    The broker has taken the time that the message lay there off the interval already (MQTT 5.0,
    3.3.2.3.3); with 3.1.1 there are no properties.
    """
    interval = getattr(properties, "MessageExpiryInterval", None)
    return None if interval is None else now + float(interval)


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
