"""A month of trucks and of technology at one gate, as one log, with SQL over its records.

The trucks are made by the acts of the desk, some of them with something wrong; alarms and devices
are written as the daemon writes them.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.desk.freight import arrivals, inspections, seals, store
from gateway.desk.freight.findings import Held, required
from gateway.desk.freight.inspections import Answers
from gateway.desk.freight.transaction import PointAnswer, Unit, Vvtt
from gateway.desk.identity import Shown
from gateway.desk.partners import Partner
from gateway.evidence.model import Span
from gateway.evidence.topics.yard import YARD
from gateway.ledger.event import EventType as E
from tests.gateway.evidence.topics.gate import ALL, DAY, FIRST, LAST, MIN, Gate, Seen
from tests.gateway.evidence.topics.test_partners import put
from tests.gateway.evidence.topics.test_spotchecks import check

TRUCKS = 48
IN = "json_extract(body, '$.time') >= :begin AND json_extract(body, '$.time') < :end"
VIEW = f"""
CREATE TEMP TABLE record AS SELECT seq,
    json_extract(body, '$.type') AS type, json_extract(body, '$.subject') AS subject,
    json_extract(body, '$.time') AS time, json_extract(body, '$.data') AS data,
    json_extract(body, '$.data.freight') AS truck, {IN} AS inside
FROM events;
"""


def trucks(gate: Gate, dice: random.Random) -> None:
    """Trucks from a week before the month until a week after it, as they come at real gates."""
    begin = datetime(2026, 9, 26, 14, tzinfo=UTC)
    for n in range(TRUCKS):
        gate.now = begin + n * timedelta(hours=21.3)
        truck(gate, dice, n)
        if n % 16 == 15:
            known = store.find(gate.db, limit=10_000)
            on_trucks = [(tx.id, seal) for tx in known for _unit, seal in tx.seals_now]
            seals.reconcile(gate.db, on_trucks[:-1] if n == 31 else on_trucks, by="boss")
            gate.move()


def truck(gate: Gate, dice: random.Random, n: int) -> None:
    carrier = dice.choice(("Transportes Norte", "Transportes Norte", "Otra SA"))
    told = {"carrier": carrier, "tractor": f"AA{n:03}", "units": (f"U{n}",)}
    came = {"carrier": carrier, "tractor": f"AA{n:03}", "units": (Unit("trailer", f"U{n}"),)}
    number = None
    if n in (12, 30) or dice.random() < 0.85:
        eta = gate.now + dice.choice((0, 0, 0, 1, 4)) * timedelta(hours=1)
        number = gate.expect(eta=eta, **told).id
        gate.now += 20 * MIN
        if n in (12, 30):
            gate.turn_away(number, "does not come")
            return
        if dice.random() < 0.15:
            came["tractor"] = f"ZZ{n:03}"
        if dice.random() < 0.15:
            came["driver"] = "Pedro Paz"
    if dice.random() < 0.2:
        came["shown"] = None
    number = gate.arrive(number, **came).id
    gate.now += 5 * MIN
    if dice.random() < 0.1:
        gate.turn_away(number, "not ours")
        return
    if came.get("shown", "") is None and dice.random() < 0.7:
        arrivals.identify(gate.act(), number, Shown("ine"))
        gate.move()
    for name, unit in required(store.load(gate.db, number), gate.policy):
        look(gate, number, name, unit, bad=dice.random() < 0.06)
    if dice.random() < 0.1:
        return  # it stays
    gate.sign(number)
    let_go(gate, number)
    try:
        finish(gate, dice, number, f"AB{100000 + n:06}")
    except Held:
        gate.move()


def look(gate: Gate, number: int, name: str, unit: str, *, bad: bool) -> None:
    point = gate.policy.checklists.lists[name].points[0].id
    told = [PointAnswer(point, "bad" if bad else "ok", "found" if bad else "")]
    answers = Answers(checklist=name, points=told, inspector="Rosa", unit=unit, camera="dock")
    inspections.inspect(gate.act("rosa-account"), number, answers)
    gate.move()
    gate.now += 3 * MIN
    rest = Answers(checklist=name, points=[], inspector="Rosa", unit=unit, rest_good=True)
    inspections.inspect(gate.act("rosa-account"), number, rest)
    gate.move()


def let_go(gate: Gate, number: int) -> None:
    try:
        gate.release(number)
    except Exception as error:  # nothing is held
        assert getattr(error, "code", "") == "nothing_held", error


def finish(gate: Gate, dice: random.Random, number: int, seal: str) -> None:
    gate.load(number, seal)
    gate.seal(number, seal, ALL if dice.random() < 0.9 else Vvtt(view=True))
    gate.now += MIN
    gate.seal(number, seal)
    drawn = dice.random() < 0.2
    try:
        gate.leave(number, drawn=drawn)
    except Held:
        gate.move()
        if drawn:
            check(gate, number, ok=dice.random() < 0.8, note="looked")
        let_go(gate, number)
        gate.leave(number)


def technology(gate: Gate, dice: random.Random) -> None:
    gate.now = datetime(2026, 9, 20, tzinfo=UTC)
    gate.note(E.GATEWAY_STARTED, "gate-1")
    for n in range(45):
        gate.now += DAY
        door = f"door-{n % 7}"
        kind = dice.choice((E.DOOR_FORCED, E.DOOR_HELD))
        name = kind.rpartition(".")[2]
        raised = gate.note(kind, door, **({"open_s": 31.0} if name == "held" else {}))
        gate.now += timedelta(seconds=dice.randrange(5, 300))
        about = {"alarm": raised, "kind": name, "upto": raised, "by": "rosa"}
        if dice.random() < 0.9:
            gate.note(E.ALARM_SEEN, door, **about, note="")
        gate.note(E(f"{kind}_cleared"), door, open_s=float(dice.randrange(40, 400)))
        gate.note(E.ALARM_RESOLVED, door, **about, outcome="fixed", note="", stands=False)
        for device, what in (("cam-1", "camera"), ("cam-2", "camera"), ("in", "reader")):
            if dice.random() < 0.4:
                gate.note(E.DEVICE_OFFLINE, device, kind=what, detail="no_signal")
                gate.now += dice.randrange(1, 200) * MIN
                gate.note(E.DEVICE_ONLINE, device, kind=what, detail="")
        if n % 5 == 0:
            gate.note(E.BACKUP_MADE, "gate-1", file=f"{n}.tar", bytes=9, clear=n == 20, last_seq=n)
        if n % 9 == 0:
            gate.note(E.THREAT_CHANGED, "gate-1", level=f"l{n % 2}", was="", by="b", reason="r")
        seq = gate.note(E.SHIFT_HANDED_OVER, "gate-1", sha256="a", alarms=n, note="", by="rosa")
        gate.now += dice.randrange(1, 100) * MIN
        if dice.random() < 0.95:
            gate.note(E.SHIFT_TAKEN_OVER, "gate-1", handover=seq, sha256="a", by="paco")
    gate.note(E.CLOCK_STEPPED, "gate-1", seconds=3.0, trusted=True)


class Month:
    """The gate after that time, what all topics found, and SQL over the same records."""

    def __init__(self, folder: Path) -> None:
        dice = random.Random(14)
        self.gate = Gate(folder)
        put(self.gate, Partner("Sur SA", "supplier", "none", "", FIRST, LAST.replace(day=20)))
        trucks(self.gate, dice)
        self.gate.kept, trucks_kept = [], self.gate.kept
        technology(self.gate, dice)
        self._merge(trucks_kept)
        self.gate.now = datetime(2026, 11, 12, tzinfo=UTC)
        self.log = self.gate.log()
        span = Span(FIRST, LAST, self.gate.settings.site.zone)
        self.log.execute(
            VIEW.replace(":begin", f"'{span.begin}'").replace(":end", f"'{span.end}'").split(";")[0]
        )
        self.begin, self.end = span.begin, span.end
        self.seen: dict[str, Seen] = {topic.key: self.gate.found(topic) for topic in YARD}

    def _merge(self, others: list[Any]) -> None:
        """Both in the order of their times, as one log, with the numbers that records name."""
        old = [(kept, 0) for kept in others] + [(kept, 1) for kept in self.gate.kept]
        bodies = [(json.loads(kept.body), kept.seq, part) for kept, part in old]
        bodies.sort(key=lambda one: (one[0]["time"], one[2], one[1]))
        moved = {seq: n for n, (_b, seq, part) in enumerate(bodies, 1) if part == 1}
        self.gate.kept = []
        for body, _seq, part in bodies:
            data = body["data"]
            for key in ("alarm", "upto", "handover") if part else ():
                if key in data:
                    data[key] = moved[data[key]]
            self.gate.now = datetime.fromisoformat(body["time"])
            self.gate.write(body["type"], body["subject"], data, body["id"] + f"-{part}")

    def sql(self, text: str) -> Any:
        """The one value of an answer."""
        return self.log.execute(text, {"begin": self.begin, "end": self.end}).fetchone()[0]

    def count(self, type_: str, where: str = "1") -> Any:
        return self.sql(
            f"SELECT count(*) FROM record WHERE inside AND type = '{type_}' AND {where}"
        )
