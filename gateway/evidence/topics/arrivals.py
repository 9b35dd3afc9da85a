"""Arrivals against announcements (CTPAT 10.7, 5.14): who came as announced, and what differed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.desk.freight.iso6346 import compact
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Place,
    Population,
    Table,
    Unit,
    When,
)
from gateway.evidence.taking import Taker, seconds, text, texts, time
from gateway.evidence.trucks import OVER, ByTruck, in_words, middle, offset
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded
from gateway.locale.text import name_key


@dataclass(slots=True)
class _Truck:
    truck: int
    told: bool = False
    eta: str = ""
    driver: str = ""
    carrier: str = ""
    tractor: str = ""
    units: list[str] = field(default_factory=list)
    arrived_at: str = ""
    came: str = ""
    differs: list[str] = field(default_factory=list)
    cancelled: bool = False
    records: list[int] = field(default_factory=list)

    @property
    def off_s(self) -> float | None:
        """Seconds after the announced time; negative for early."""
        return seconds(self.eta, self.arrived_at)


class Arrivals(Taker):
    """Takes announcements, also those from before the span, and the arrivals in it."""

    key: ClassVar[str] = "arrivals"
    rules: ClassVar[Mapping[str, str]] = {
        "arrival_off_time": N_("a truck came at another time than announced"),
    }
    reads: ClassVar[frozenset[EventType]] = OVER | {
        EventType.FREIGHT_EXPECTED,
        EventType.FREIGHT_ARRIVED,
    }
    before: ClassVar[frozenset[EventType]] = reads

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._trucks = ByTruck(_Truck)
        self._announced = 0
        self._cancelled = 0

    def record(self, event: Event, when: When) -> None:
        """The next record of a truck."""
        data = event.data
        if event.type == EventType.FREIGHT_EXPECTED:
            if when is When.AFTER:
                self._trucks.leave(event)
                return
            one = self._trucks.of(event)
            one.told, one.eta = True, time(data, "eta")
            one.driver, one.carrier = text(data, "driver"), text(data, "carrier")
            one.tractor, one.units = text(data, "tractor"), texts(data, "units")
            one.records.append(event.seq)
            self._announced += when is When.INSIDE
        elif event.type == EventType.FREIGHT_ARRIVED:
            if when is When.BEFORE:
                self._trucks.of(event)
                self._trucks.forget(event)
            elif when is When.AFTER:
                self._trucks.leave(event)
            else:
                _came(self._trucks.of(event), event)
        elif (known := self._trucks.known(event)) is not None:
            if not known.arrived_at:  # announced, and does not come
                known.cancelled = True
                self._cancelled += when is When.INSIDE
                self._trucks.forget(event)
            else:
                self._trucks.leave(event)

    def found(self) -> Found:
        """The arrivals of the span."""
        found = Found(self.key, worded("Arrivals and announcements"), tables=[TABLE])
        found.populations.append(Population(TABLE.key, TABLE.title, Frequency.DAILY))
        freight = self.place.settings.tables.freight
        early, late = -60 * freight.early_min, 60 * freight.late_min
        count: Counter[str] = Counter()
        off: list[float] = []
        for one in self._trucks:
            if not one.arrived_at:
                continue
            count["arrived"] += 1
            count["told"] += one.told
            off_s = one.off_s
            if off_s is not None:
                off.append(abs(off_s))
            out = off_s is not None and not early <= off_s <= late
            count["off"] += out
            count["differs"] += bool(one.differs)
            count["as_told"] += one.told and not one.differs and not out
            found.deviations += _wrong(one, off_s if out else None)
            row = {
                "truck": one.truck,
                "announced": one.told,
                "eta": one.eta,
                "arrived_at": one.arrived_at,
                "off_s": None if off_s is None else round(off_s),
                "carrier": one.came,
                "differs": one.differs,
            }
            self.place.rows.add(TABLE.key, row, tuple(one.records))
        arrived = count["arrived"]
        found.figures += [
            Figure("announced", worded("trucks announced in the span"), self._announced),
            Figure("cancelled", worded("announced and cancelled"), self._cancelled),
            Figure("arrived", worded("trucks that arrived"), arrived),
            Figure("arrived_announced", worded("announced before"), count["told"], of=arrived),
            Figure("as_announced", worded("came as announced"), count["as_told"], of=arrived),
            Figure("off_time", worded("came at another time"), count["off"], of=arrived),
            Figure("differing", worded("differed otherwise"), count["differs"], of=arrived),
            Figure("off_by", worded("off the announced time, median"), middle(off), Unit.SECONDS),
        ]
        words = worded(
            "on time is from {early} min before to {late} min after the announced time, as the "
            "gateway's configuration says",
            early=freight.early_min,
            late=freight.late_min,
        )
        found.notes.append(words)
        return self.told(found)


def _came(one: _Truck, event: Event) -> None:
    data = event.data
    one.arrived_at = time(data, "arrived_at") or event.time
    one.came = text(data, "carrier")
    one.records.append(event.seq)
    if not one.told:
        return
    if name_key(one.driver) != name_key(text(data, "driver")):
        one.differs.append("driver")
    if name_key(one.carrier) != name_key(one.came):
        one.differs.append("carrier")
    if one.tractor and compact(one.tractor) != compact(text(data, "tractor")):
        one.differs.append("tractor")
    if one.units and set(map(compact, one.units)) != set(map(compact, texts(data, "units"))):
        one.differs.append("units")


def _wrong(one: _Truck, off_s: float | None) -> Iterator[Deviation]:
    """What is not as announced and is not held: what is held is told by the topic `holds`."""
    if off_s is not None:
        words = worded(
            "truck {truck} of {carrier} came {minutes} min from the announced time",
            truck=one.truck,
            carrier=one.came,
            minutes=round(off_s / 60),
        )
        yield Deviation("arrival_off_time", words, one.arrived_at, tuple(one.records))


PARTS: Mapping[str, Message] = {
    "driver": worded("Driver"),
    "carrier": worded("Carrier"),
    "tractor": worded("Tractor"),
    "units": worded("Trailer or container"),
}
TABLE = Table(
    "arrivals",
    worded("Arrivals and announcements"),
    (
        Column("truck", N_("Truck"), width=0.5),
        Column("announced", N_("Announced"), width=0.7),
        Column("eta", N_("Announced for"), width=1.3),
        Column("arrived_at", N_("Time of arrival"), width=1.3),
        Column("off_s", N_("Off by"), offset, 0.8),
        Column("carrier", N_("Carrier"), width=1.5),
        Column("differs", N_("Differs in"), in_words(PARTS)),
    ),
)
