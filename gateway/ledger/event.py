"""The event as the log takes it and as the log gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, not yet on record.

    `type` is dotted and stable (``access.granted``), `subject` what it is about (a door, a
    device, a person), `data` JSON values.  `id` is given only by those who may hand in the
    same event twice (an admin act kept in an outbox): the ledger takes it once.
    """

    type: str
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    time: datetime | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A record: `seq` counts from 1 without holes, `hash` (hex) chains it to all before it."""

    seq: int
    id: str
    time: str
    type: str
    subject: str
    data: Mapping[str, Any]
    hash: str
    prev: str
