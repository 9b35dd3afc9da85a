"""The records of one truck."""

from __future__ import annotations

import random
from typing import Any

from benchmarks.site.load import PESTS, TRACTOR, TRAILER, Load, second
from benchmarks.site.raw import Day, marks, utc
from benchmarks.site.sealbook import SealBook
from benchmarks.site.visitors import by_of
from gateway.ledger.event import EventType


class Truck:
    """Writes one truck: its way through the gate as the desk records it."""

    def __init__(self, seals: SealBook, day: Day, load: Load, rng: random.Random) -> None:
        self.seals, self.day, self.load, self.rng = seals, day, load, rng
        self.base: dict[str, Any] = {}
        self.by = by_of(load.inspector)

    def _put(
        self, at: float, kind: EventType, data: dict[str, Any], *serves: str, stage: str = ""
    ) -> None:
        if stage:
            self.base["stage"] = stage
        whole = {**self.base, **data, **self.by, **marks(kind, *serves)}
        self.day.put(at, kind, f"freight-{self.base['freight']}", whole, mark=self.load.mark)

    def write(self, number: int) -> None:
        """All records of it; `number` is its transaction."""
        load, rng = self.load, self.rng
        came, unit = load.at, load.trailer
        self.base = {"freight": number, "stage": "expected"}
        if load.announced:
            self._told(came)
        self.base["tractor"] = load.driver.tractor
        old = f"ZZ{rng.randrange(10**6):06}" if load.loaded else ""
        self._arrived(came, unit, old)
        holds = [*load.hold, *self._wrong()]
        at = came + 2
        if holds:
            at = self._held(at, holds)
        if load.turned:
            self._left(at + 4, EventType.FREIGHT_TURNED_AWAY, "turned_away", "", came)
            return
        if load.loaded:
            seen = {"seal": old, "unit": unit, "intact": True, "vvtt": True}
            self._put(at + 1, EventType.FREIGHT_SEAL_SEEN, seen)
        at = self._inspected(at + 3, unit)
        signature = {"supervisor": load.signer.name, "second": second(load.signer)}
        self._put(at + rng.uniform(2, 9), EventType.FREIGHT_SIGNED, signature, stage="inspected")
        at += 10
        if load.loaded:
            self._put(at, EventType.FREIGHT_UNLOADED, {}, stage="inspected")
        done = max(at + 8, came + load.inside - 12)
        papers = [f"bill_of_lading=BL-{number:06}"]
        for when, over in ((at + 2, False), (done, True)):
            data = {"done": over, "documents": papers if over else [], "units": [unit]}
            data |= {"document_seals": []}
            self._put(when, EventType.FREIGHT_LOADING, data, stage="loading")
        seal = self._sealed(done + 3, unit)
        drawn = {"drawn": load.spot, "percent": 5.0}
        self._put(done + 7, EventType.FREIGHT_SPOT_DRAWN, drawn, stage="sealed")
        if load.spot:
            who = load.signer
            checked = {"checker": who.name, "second": second(who), "ok": True, "note": ""}
            self._put(done + 10, EventType.FREIGHT_SPOT_CHECKED, checked)
        self._left(done + 12, EventType.FREIGHT_DEPARTED, "departed", seal, came)

    def _told(self, came: float) -> None:
        load, day = self.load, self.day
        eta = utc(day.clock.ms(day.day, came + load.early))[:19] + "+00:00"
        data = {
            "eta": eta,
            "driver": load.told_driver.name,
            "carrier": load.carrier.name,
            "tractor": load.told_tractor,
            "units": [load.trailer],
            "seals": [],
        }
        # What was announced before this day began is written at its beginning: days are in order.
        at = max(came - load.told_before, 1 + self.rng.random() * 20)
        self._put(at, EventType.FREIGHT_EXPECTED, data)

    def _arrived(self, came: float, unit: str, old: str) -> None:
        load = self.load
        data = {
            "driver": load.driver.name,
            "carrier": load.carrier.name,
            "tractor_number": load.driver.number,
            "units": [unit],
            "plates": {},
            "documents": [],
            "seals": [old] if old else [],
            "loaded": load.loaded,
            "id_kind": "licence",
            "id_fingerprint": load.driver.fingerprint,
            "arrived_at": self.day.text(came),
        }
        self._put(came, EventType.FREIGHT_ARRIVED, data, stage="arrived")

    def _wrong(self) -> list[tuple[str, str]]:
        """What the desk finds on arrival, as its policy judges."""
        load, found = self.load, []
        if not load.announced:
            return [("arrival_unexpected", "")]
        if abs(load.early) > 120:
            eta = self.day.text(load.at + load.early)
            found.append(("arrival_off_time", eta))
        if load.driver is not load.told_driver:
            found.append(("driver_unexpected", load.driver.name))
        if load.driver.tractor != load.told_tractor:
            found.append(("tractor_unexpected", load.driver.tractor))
        return found

    def _held(self, at: float, holds: list[tuple[str, str]]) -> float:
        load = self.load
        codes = tuple(code for code, _ in holds)
        data: dict[str, Any] = {
            "step": "",
            "findings": [{"code": c, "about": a, "action": "hold"} for c, a in holds],
            "codes": ", ".join(codes),
        }
        self._put(at, EventType.FREIGHT_HELD, data, *codes)
        if load.turned:
            return at
        who = load.released_by or load.signer
        data = {
            "supervisor": who.name,
            "second": second(who),
            "reason": "called the carrier",
            "released": [f"{c}:{a}" for c, a in holds],
            "findings": [{"code": c, "about": a} for c, a in holds],
        }
        at += self.rng.uniform(3, 15)
        self._put(at, EventType.FREIGHT_RELEASED, data, *codes)
        return at

    def _inspected(self, at: float, unit: str) -> float:
        load = self.load
        lists = (("tractor-7", "", TRACTOR), ("trailer-10", unit, TRAILER), ("pests", "", PESTS))
        for number, (name, where, points) in enumerate(lists, 1):
            took = load.looks if name == "trailer-10" else load.looks * 0.4
            bad = [one for one in points if where and one in load.bad]
            data = {
                "checklist": name,
                "unit": where,
                "units": [unit],
                "inspection": number,
                "inspector": load.inspector.name,
                "inspector_person": load.inspector.id,
                "camera": "",
                "answers": {one: "bad" if one in bad else "ok" for one in points},
                "notes": dict.fromkeys(bad, "looked at again and in order"),
                "at_once": len(points),
                "bad": bad,
                "pictures": [],
                "pictured": {},
                "finished": True,
                "took_s": round(took * 60, 1),
            }
            at += took
            self._put(at, EventType.FREIGHT_INSPECTED, data)
        if load.bad:
            at = self._held(at + 1, [("checklist_failed", one) for one in load.bad])
        return at

    def _sealed(self, at: float, unit: str) -> str:
        load, seals = self.load, self.seals
        seal = seals.next_seal(self.day, load.inspector, at, load.skip)
        kind = EventType.SEAL_AFFIXED
        data = {"seal": seal, "seal_class": "H", "stock": "ok", "unit": unit, "vvtt": True}
        data |= {"document_seals": [seal]}
        self._put(at, kind, data, stage="sealed")
        if not load.void:
            return seal
        new = seals.next_seal(self.day, load.inspector, at + 2)
        self._put(at + 2, kind, {**data, "seal": new, "document_seals": [new]})
        void = EventType.SEAL_VOIDED
        about = {"reason": "replaced", "freight": self.base["freight"], **self.by, **marks(void)}
        self.day.put(at + 2.01, void, seal, about, mark=load.mark)
        return new

    def _left(self, at: float, kind: EventType, stage: str, seal: str, came: float) -> None:
        load = self.load
        unit = load.trailer
        data = {
            "driver": load.driver.name,
            "carrier": load.carrier.name,
            "tractor_number": load.driver.number,
            "units": [unit],
            "kinds": {unit: "trailer"},
            "seals": {unit: seal} if seal else {},
            "loaded": bool(seal),
            "documents": [f"bill_of_lading=BL-{self.base['freight']:06}"] if seal else [],
            "arrived_at": self.day.text(came),
            "departed_at": self.day.text(at),
        }
        if kind == EventType.FREIGHT_TURNED_AWAY:
            data["reason"] = "papers are wrong"
        self._put(at, kind, data, stage=stage)
