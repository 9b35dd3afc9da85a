"""What somebody at headquarters has to look at: rows of `alarms`, each once with a count.

log_lost      the gateway says that records of its log are lost; `about` is the new origin
log_anew      the gateway began another log: it was replaced, or its log was moved away
conflict      another record than the one that is stored; `about` is its number and hash
replaced      what was stored was not what the gateway signed, and is so now
root_differs  what is stored is not what the gateway signed
no_data       a record came without its data, so nothing behind it can be proven
key_changed   a checkpoint is signed with a key that is not the gateway's
quarantine    messages that are not understood; `about` is why
database_lost what was stored before is lost: the file was damaged; `about` is its name now
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

KINDS = (
    "log_lost",
    "log_anew",
    "conflict",
    "replaced",
    "root_differs",
    "no_data",
    "key_changed",
    "quarantine",
    "database_lost",
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """`kind` and `about` together are one alarm, which may come again."""

    gateway: str
    kind: str
    about: str
    data: Mapping[str, Any]


def raise_alarms(connection: Connection, alarms: Sequence[Alarm]) -> None:
    """Write them inside the transaction that is open."""
    for one in alarms:
        connection.execute(
            text(
                "INSERT INTO alarms (gateway, kind, about, data)"
                " VALUES (:gateway, :kind, :about, :data)"
                " ON CONFLICT (gateway, kind, about) DO UPDATE"
                " SET count = alarms.count + 1, last = CURRENT_TIMESTAMP"
            ),
            {
                "gateway": one.gateway,
                "kind": one.kind,
                "about": one.about,
                "data": json.dumps(dict(one.data), ensure_ascii=False),
            },
        )
