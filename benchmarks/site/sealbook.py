"""The inventory of seals of a simulated site."""

from __future__ import annotations

from benchmarks.site.raw import Day, marks
from benchmarks.site.visitors import by_of
from benchmarks.site.world import Person, World
from gateway.ledger.event import EventType

BATCH = 500


class SealBook:
    """Seals come in batches and go out in order of number."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.batch = 0
        self.seal = 100_000
        self.stock = 0

    def next_seal(self, day: Day, by: Person, at: float, skip: int = 0) -> str:
        """The next seal of the inventory; a new batch comes in when it is used up."""
        if self.stock <= skip:
            self.receive(day, by, at - 3)
        self.stock -= 1 + skip
        self.seal += 1 + skip
        return f"MX{self.seal:08}"

    def receive(self, day: Day, by: Person, at: float) -> None:
        """A batch of seals comes in and is handed out."""
        self.batch += 1
        self.stock += BATCH
        first, last = (f"MX{n:08}" for n in (self.seal + 1, self.seal + BATCH))
        kind, who = EventType.SEAL_RECEIVED, by_of(self.world.supervisors[0])
        data = {
            "batch": self.batch,
            "class": "H",
            "certificate": f"ISO17712-{self.batch:03}",
            "certificate_sha256": "",
            "supplier": "Sellos del Norte",
            "count": BATCH,
            "seals": [f"{first}..{last}"],
            "first": first,
            "last": last,
            **who,
            **marks(kind),
        }
        day.put(at, kind, f"batch-{self.batch}", data)
        kind = EventType.SEAL_ISSUED
        more = {"seals": [f"{first}..{last}"], "count": BATCH, "to": by.name, **who, **marks(kind)}
        day.put(at + 1, kind, first, more)

    def void(self, day: Day, at: float, by: Person, reason: str, mark: str = "") -> None:
        """A seal that nobody used is destroyed."""
        kind = EventType.SEAL_VOIDED
        seal = self.next_seal(day, by, at)
        data = {"reason": reason, **by_of(by), **marks(kind)}
        day.put(at, kind, seal, data, mark=mark)

    def reconcile(self, day: Day, at: float) -> None:
        """The weekly count."""
        kind = EventType.SEAL_RECONCILED
        who = by_of(self.world.supervisors[1])
        day.put(at, kind, "seals", {"mismatches": [], "count": 0, **who, **marks(kind)})
