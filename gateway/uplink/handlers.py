"""What the uplink hands on: what arrives from the broker, and what happens to the connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.ledger.event import NewEvent

Command = Callable[[Any, bool, float | None], None]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who gets what arrives, and what happens.

    `state(connected, detail)` at each change of the connection; `note(event)` takes events for the
    log; `command(payload, retained, expires_at)` what arrives for commands, with the moment of the
    loop's clock at which it expires, if it does; `bundle(payload)` a part of a signed list;
    `checkpoint(payload)` judges the checkpoint of our log that the broker holds (empty: it has
    none) before anything is published; `cosigned(payload)` takes a checkpoint that a mirror
    cosigned.
    """

    state: Callable[[bool, str], None]
    note: Callable[[NewEvent], None]
    command: Command | None = None
    bundle: Callable[[bytes], None] | None = None
    checkpoint: Callable[[bytes], Awaitable[None]] | None = None
    cosigned: Callable[[bytes], None] | None = None
