"""What guards have to do with beside the desk: alarms and their answers, devices, shifts, doors."""

from __future__ import annotations

import random
from typing import Any

from benchmarks.site.raw import Day, Raw, marks
from benchmarks.site.visitors import by_of
from benchmarks.site.world import Person, World
from gateway.ledger.event import EventType

OUTCOMES = ("fixed", "false_alarm", "false_alarm", "passed_on")


class Watch:
    """The guards' room of one site."""

    def __init__(self, world: World) -> None:
        self.world = world
        readers = [f"{gate}-{way}" for gate in world.gates for way in ("in", "out")]
        self.devices = [*(("reader", one) for one in (*readers, "shipping-in", "office-in"))]
        self.devices += [("camera", f"camera-{n}") for n in range(1, 7)]

    def write(self, day: Day, desk: list[Person]) -> None:
        """The records of an ordinary day."""
        rng = self.world.rng("watch", day.day)
        if rng.random() < 0.2:
            self.forced(day, rng, desk, rng.choice(self.world.doors), rng.uniform(60, 1400))
        if rng.random() < 0.3:
            self.away(day, rng, desk, rng.choice(self.devices), rng.uniform(60, 1300))
        if rng.random() < 0.1:
            self.held(day, rng, desk, rng.choice(("shipping", "warehouse")), rng.uniform(400, 1300))
        if rng.random() < 0.01:
            self.tamper(day, rng, desk)
        if rng.random() < 0.006:
            self.fire(day, rng, desk)
        if rng.random() < 0.015:
            self._out_of_service(day, rng, desk)
        if rng.random() < 0.01:
            self.threat(day, rng)
        if rng.random() < 0.2:
            guard = rng.choice(desk)
            data = {**by_of(guard)}
            day.put(rng.uniform(60, 1400), EventType.CAMERA_VIEWED, "camera-1", data)
        self._shift(day, rng, desk)

    def forced(
        self, day: Day, rng: random.Random, desk: list[Person], door: str, at: float, mark: str = ""
    ) -> None:
        """A door opens and nobody asked."""
        raw = day.put(at, EventType.DOOR_FORCED, door, mark=mark)
        open_s = round(rng.uniform(2, 90), 1)
        day.put(at + open_s / 60, EventType.DOOR_FORCED_CLEARED, door, {"open_s": open_s})
        self.answer(day, rng, desk, raw, "forced", at + open_s / 60)

    def held(
        self, day: Day, rng: random.Random, desk: list[Person], door: str, at: float, mark: str = ""
    ) -> None:
        """A door stands open after somebody left by it."""
        open_s = round(rng.uniform(70, 600), 1)
        day.put(at, EventType.DOOR_REX, door)
        day.put(at + 0.02, EventType.DOOR_EXIT, door)
        day.put(at + 0.52, EventType.DOOR_HELD_WARNING, door, {"open_s": 30.0})
        raw = day.put(at + 1.02, EventType.DOOR_HELD, door, {"open_s": 60.0}, mark=mark)
        end = at + 0.02 + open_s / 60
        day.put(end, EventType.DOOR_HELD_CLEARED, door, {"open_s": open_s})
        self.answer(day, rng, desk, raw, "held", end)

    def answer(
        self, day: Day, rng: random.Random, desk: list[Person], raw: Raw, kind: str, over: float
    ) -> None:
        """A guard sees an alarm and says what became of it; one in thirty is forgotten."""
        at = (raw.at - day.clock.ms(day.day, 0)) / 60_000
        if rng.random() < 0.03:
            return
        by = by_of(rng.choice(desk))
        seen = at + min(rng.expovariate(1 / 2.5) + 0.3, 45)
        to = (("alarm", raw), ("upto", raw))
        about: dict[str, Any] = {"alarm": 0, "kind": kind, "upto": 0}

        def put(minutes: float, type_: EventType, **data: Any) -> None:
            whole = {**about, **data, **by, **marks(type_)}
            day.put(minutes, type_, raw.subject, whole, to)

        put(seen, EventType.ALARM_SEEN, note="")
        if kind in ("forced", "held"):
            step = "Close the door and pull it: it must lock"
            put(max(seen, over) + 1, EventType.ALARM_STEP, step=step, done=True)
        done = max(seen, over) + rng.uniform(2, 25)
        note = "looked, nobody there"
        outcome = rng.choice(OUTCOMES)
        put(done, EventType.ALARM_RESOLVED, outcome=outcome, note=note, stands=False)

    def away(
        self,
        day: Day,
        rng: random.Random,
        desk: list[Person],
        device: tuple[str, str],
        at: float,
        mark: str = "",
    ) -> None:
        """A device is away for a while."""
        kind, name = device
        data = {"kind": kind, "detail": "no answer"}
        raw = day.put(at, EventType.DEVICE_OFFLINE, name, data, mark=mark)
        back = at + rng.uniform(1, 60)
        day.put(back, EventType.DEVICE_ONLINE, name, {"kind": kind, "detail": ""})
        if kind == "camera":
            self.answer(day, rng, desk, raw, "camera", back)

    def tamper(self, day: Day, rng: random.Random, desk: list[Person]) -> None:
        """Somebody opened the case of a reader."""
        door, at = rng.choice(self.world.gates), rng.uniform(400, 1300)
        data = {"device": f"{door}-in"}
        raw = day.put(at, EventType.DOOR_TAMPER, door, dict(data))
        day.put(at + 20, EventType.DOOR_TAMPER_CLEARED, door, dict(data))
        self.answer(day, rng, desk, raw, "tamper", at + 20)

    def fire(self, day: Day, rng: random.Random, desk: list[Person]) -> None:
        """A drill: the fire panel opens the gates."""
        at = rng.uniform(600, 1000)
        for gate in self.world.gates:
            raw = day.put(at, EventType.DOOR_FIRE, gate)
            day.put(at + 0.2, EventType.DOOR_OPENED, gate)
            day.put(at + 12, EventType.DOOR_FIRE_CLEARED, gate)
            day.put(at + 12.5, EventType.DOOR_CLOSED, gate, {"open_s": 738.0})
            self.answer(day, rng, desk, raw, "fire", at + 12)

    def threat(self, day: Day, rng: random.Random) -> None:
        """The threat level is raised for some hours."""
        at, who = rng.uniform(400, 900), self.world.supervisors[0]
        by = by_of(who)
        for minutes, level, was, why in (
            (at, "high", "normal", "call of the authorities"),
            (at + 240, "normal", "high", "it is over"),
        ):
            data = {"level": level, "was": was, "reason": why, **by}
            day.put(minutes, EventType.THREAT_CHANGED, self.world.shape.gateway, data)

    def _out_of_service(self, day: Day, rng: random.Random, desk: list[Person]) -> None:
        door, at = rng.choice(("office", "tools", "lab")), rng.uniform(500, 900)
        by = by_of(rng.choice(desk))
        data = {"reason": "the lock is repaired", **by}
        day.put(at, EventType.DOOR_OUT_OF_SERVICE, door, data)
        day.put(at + 90, EventType.DOOR_IN_SERVICE, door, dict(by))

    def _shift(self, day: Day, rng: random.Random, desk: list[Person]) -> None:
        for at in (355, 1075):
            if rng.random() < 0.04:
                continue  # forgotten
            first, then = rng.sample(desk, 2)
            sha = f"{rng.getrandbits(256):064x}"
            gateway = self.world.shape.gateway
            page = {"gateway": gateway, "alarms": [], "inside": None, "more": {}}
            data = {"page": page, "sha256": sha, "alarms": 0, "inside": None, "note": ""}
            kind = EventType.SHIFT_HANDED_OVER
            over = day.put(at, kind, gateway, {**data, **by_of(first), **marks(kind)})
            kind = EventType.SHIFT_TAKEN_OVER
            data = {"handover": 0, "sha256": sha, "note": "", **by_of(then), **marks(kind)}
            day.put(at + rng.uniform(2, 9), kind, gateway, data, (("handover", over),))
