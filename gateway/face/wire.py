"""How the daemon and the face process talk: messages of JSON with their length in front.

Four bytes, big endian, then that many bytes of UTF-8 JSON, over the child's stdin and stdout.
A message above the limit is a fault of the sender and ends the conversation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

HEADER = 4
LIMIT = 4 * 1024 * 1024


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as bytes; raises ValueError if it is too large."""
    body = json.dumps(message).encode()
    if len(body) > LIMIT:
        raise ValueError("the message is too large")
    return len(body).to_bytes(HEADER, "big") + body


def size(header: bytes) -> int:
    """How many bytes follow; raises ValueError for more than a message may have."""
    length = int.from_bytes(header, "big")
    if length > LIMIT:
        raise ValueError("the message is too large")
    return length


def decode(body: bytes) -> dict[str, Any]:
    """The message; raises ValueError for anything else than a JSON object."""
    message = json.loads(body)
    if not isinstance(message, dict):
        raise ValueError("expected an object")
    return message
