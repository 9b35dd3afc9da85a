"""What the peers see: a row of counts for each person, door, carrier, guard, device and day.

They get what anybody would compute first from such a log.  Nothing is said of incidents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.ledger.event import Event

NAMES: dict[str, tuple[str, ...]] = {
    "person": ("granted", "denied", "doors", "night", "hour_off", "no_entry", "fast", "face"),
    "door": ("granted", "denied", "no_entry", "held", "forced", "night", "in_minus_out"),
    "carrier": ("trucks", "early", "mismatch", "holds", "dwell", "turned", "night", "drivers"),
    "guard": ("inspected", "haste", "bad", "voided", "sealed", "viewed", "released"),
    "device": ("offline",),
    "visitor": ("visits", "overdue"),
}


@dataclass(slots=True)
class Row:
    """One entity's day."""

    kind: str
    name: str
    day: date
    values: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    records: list[int] = field(default_factory=list)

    @property
    def vector(self) -> list[float]:
        """In the order of NAMES."""
        return [self.values.get(name, 0.0) for name in NAMES[self.kind]]


class Features:
    """Makes the rows of one day after another."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._hours: dict[str, list[float]] = {}
        self._carriers: dict[Any, tuple[str, str]] = {}
        self._told: dict[Any, Any] = {}
        self._drivers: dict[str, str] = {}

    def day(self, day: date, events: Iterable[Event]) -> list[Row]:
        """The rows of a day."""
        rows: dict[tuple[str, str], Row] = {}

        def row(kind: str, name: Any) -> Row:
            key = (kind, str(name))
            if key not in rows:
                rows[key] = Row(kind, str(name), day)
            return rows[key]

        last: dict[str, tuple[float, str]] = {}
        grants: dict[int, str] = {}
        for event in events:
            data = event.data
            moment = datetime.fromisoformat(event.time).astimezone(self._zone)
            hour = moment.hour + moment.minute / 60
            kind = event.type
            if kind.startswith("access."):
                self._access(event, hour, moment.timestamp(), row, last, grants)
            elif kind.startswith("door."):
                found = row("door", event.subject)
                what = kind.removeprefix("door.")
                if what in ("held", "forced", "no_entry"):
                    found.values[what] += 1
                    found.records.append(event.seq)
                if what == "no_entry" and (person := grants.get(data.get("grant", 0))):
                    row("person", person).values["no_entry"] += 1
                    row("person", person).records.append(event.seq)
            elif kind.startswith(("freight.", "seal.")):
                self._freight(event, hour, row)
            elif kind.startswith("device.") and data.get("kind") != "broker":
                found = row("device", event.subject)
                found.records.append(event.seq)
                found.values["offline"] += kind == "device.offline"
            elif kind == "face.portrait_viewed":
                found = row("guard", data.get("by_person", ""))
                found.values["viewed"] += 1
                found.records.append(event.seq)
            elif kind in ("visit.arrived", "visit.overdue", "visit.departed"):
                found = row("visitor", data.get("name", ""))
                found.records.append(event.seq)
                found.values["visits"] += kind == "visit.arrived"
                found.values["overdue"] += kind == "visit.overdue"
        return list(rows.values())

    def _access(
        self,
        event: Event,
        hour: float,
        at: float,
        row: Any,
        last: dict[str, tuple[float, str]],
        grants: dict[int, str],
    ) -> None:
        data = event.data
        good, door = event.type == "access.granted", str(data.get("door"))
        night = 0.5 < hour < 4.5
        place = row("door", door)
        place.values["granted" if good else "denied"] += 1
        place.values["night"] += night
        place.values["in_minus_out"] += (1 if data.get("way") == "in" else -1) if good else 0
        if not good:
            place.records.append(event.seq)
        person = data.get("person")
        if not isinstance(person, dict):
            return
        name = str(person["id"])
        grants[event.seq] = name
        own = row("person", name)
        own.records.append(event.seq)
        own.values["granted" if good else "denied"] += 1
        own.values["night"] += night
        own.values["face"] += data.get("reason") == "denied_face_mismatch"
        mean = self._hours.setdefault(name, [hour, 1.0])
        apart = (hour - mean[0] + 12) % 24 - 12  # the clock is round
        own.values["hour_off"] = max(own.values["hour_off"], abs(apart))
        mean[0] = (mean[0] + apart / min(60.0, mean[1] + 1)) % 24
        mean[1] += 1
        before = last.get(name)
        if good:
            if before is not None and before[1] != door:
                own.values["doors"] += 1
                own.values["fast"] = max(own.values["fast"], 60 / max(1.0, at - before[0]))
            last[name] = (at, door)

    def _freight(self, event: Event, hour: float, row: Any) -> None:
        data, kind = event.data, event.type
        guard = row("guard", data.get("by_person", ""))
        if kind == "freight.inspected":
            guard.values["inspected"] += 1
            guard.values["bad"] += len(data.get("bad") or ())
            haste = 60 * len(data.get("answers") or ()) / max(10.0, float(data["took_s"] or 10))
            guard.values["haste"] = max(guard.values["haste"], haste)
            guard.records.append(event.seq)
        elif kind == "seal.voided":
            guard.values["voided"] += 1
            guard.records.append(event.seq)
        elif kind == "seal.affixed":
            guard.values["sealed"] += 1
        elif kind == "freight.released":
            second = data.get("second") or {}
            who = row("guard", second.get("person", ""))
            who.values["released"] += 1
            who.records.append(event.seq)
        if kind == "freight.arrived":
            self._carriers[data["freight"]] = (str(data["carrier"]), str(data["arrived_at"]))
            found = row("carrier", data["carrier"])
            found.values["trucks"] += 1
            found.values["night"] += not 6 <= hour < 22
            found.records.append(event.seq)
            self._against(found, data)
        elif kind == "freight.expected":
            self._told[data["freight"]] = data
        elif kind in ("freight.held", "freight.departed", "freight.turned_away"):
            known = self._carriers.get(data.get("freight", 0))
            if known is None:
                return
            found = row("carrier", known[0])
            found.records.append(event.seq)
            found.values["holds"] += kind == "freight.held"
            found.values["turned"] += kind == "freight.turned_away"
            if kind == "freight.departed":
                begin = datetime.fromisoformat(known[1])
                stay = (datetime.fromisoformat(event.time) - begin).total_seconds() / 60
                found.values["dwell"] = max(found.values["dwell"], stay)

    def _against(self, found: Row, data: Any) -> None:
        told = self._told.pop(data["freight"], None)
        if told is None:
            found.values["mismatch"] += 2
            return
        came = datetime.fromisoformat(str(data["arrived_at"]))
        eta = datetime.fromisoformat(str(told["eta"]))
        early = abs((eta - came).total_seconds()) / 60
        found.values["early"] = max(found.values["early"], early)
        found.values["mismatch"] += told["driver"] != data["driver"]
        found.values["mismatch"] += told["tractor"] != data["tractor"]
        drivers = self._drivers.setdefault(str(data["driver"]), str(data["carrier"]))
        found.values["drivers"] += drivers != data["carrier"]
