"""Trucks that carriers announce: from a form, and from a file that a process of its own reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.console import uploads
from gateway.console.screens.trucks.comparison import Get
from gateway.desk.act import moment
from gateway.desk.errors import DeskError
from gateway.desk.freight import store
from gateway.desk.freight.act import Act
from gateway.desk.freight.announced import MAX_BYTES, LineError, split
from gateway.desk.freight.transaction import Expected, Stage
from gateway.locale.text import name_key

__all__ = ["MAX_BYTES", "Found", "once", "read", "told"]
TASK = "gateway.desk.freight.announced:apart"


@dataclass(frozen=True, slots=True)
class Found:
    """What a file announces, and its mistakes."""

    trucks: list[Expected]
    errors: list[LineError]


def told(get: Get, zone: ZoneInfo, now: datetime) -> Expected:
    """The truck of the form; raises DeskError for a time that can't be read."""
    return Expected(
        moment(get("eta"), zone, now),
        get("driver"),
        get("carrier"),
        get("tractor"),
        tuple(split(get("units").replace(",", ";"))),
        tuple(split(get("seals").replace(",", ";"))),
    )


def once(act: Act, items: Iterable[Expected]) -> None:
    """Raise DeskError if one of the trucks is announced already: a form that was sent twice."""
    known = {
        _key(tx.expected): tx.id
        for tx in store.find(act.db, stages=[Stage.EXPECTED.value], limit=10_000)
        if tx.expected is not None
    }
    for item in items:
        if (number := known.get(_key(item))) is not None:
            raise DeskError(
                "announced_already", "this truck is announced already as {id}", id=number
            )


def _key(item: Expected) -> tuple[datetime, str, str]:
    return item.eta, name_key(item.driver), name_key(item.carrier)


async def read(data: bytes, zone: ZoneInfo, now: datetime) -> Found:
    """The trucks of a CSV file.  Raises UploadError for a file that can't be read at all."""
    args: Mapping[str, Any] = {"zone": zone.key, "now": now.isoformat()}
    facts, _payload = await uploads.apart(TASK, data, args)
    trucks = [
        Expected(
            datetime.fromisoformat(row["eta"]),
            row["driver"],
            row["carrier"],
            row["tractor"],
            tuple(row["units"]),
            tuple(row["seals"]),
        )
        for row in facts["trucks"]
    ]
    return Found(trucks, [LineError(int(line), str(why)) for line, why in facts["errors"]])
