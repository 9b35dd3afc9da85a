"""What every act on a truck shares: in one transaction of people.db it loads the truck, changes and
saves it, and records the event and the new findings.

If findings stop a step, it raises `findings.Held`.  Then only the record of the try stays.  The
steps are in transaction.py and the judgement in findings.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.desk import partners
from gateway.desk.act import writing
from gateway.desk.errors import DeskError
from gateway.desk.freight import iso6346, store
from gateway.desk.freight.findings import Finding, FreightPolicy, Held, judge
from gateway.desk.freight.transaction import HERE, Transaction, Who
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.people.schema import put_event


@dataclass(frozen=True, slots=True)
class Done:
    """The truck after a step, and what its event says.

    `data` is the event's data.  `serves` are codes whose criteria the event is evidence for, beside
    those of its type; `more` are further criteria.
    """

    tx: Transaction
    data: Mapping[str, object] = field(default_factory=dict)
    serves: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something to a truck, when, and by which policy.

    `db` is an open people.db, `by` the operator as the kernel and the configuration know them,
    `now` an aware time.
    """

    db: sqlite3.Connection
    policy: FreightPolicy
    by: Operator
    now: datetime

    def on(
        self,
        number: int,
        kind: EventType,
        step: Callable[[Transaction], Done],
        *,
        version: int | None = None,
        prepare: Callable[[Transaction], Transaction] | None = None,
        part: bool = True,
    ) -> Transaction:
        """Do `step` to one truck in one transaction: load, change, save, record the event of type
        `kind` and the new findings.

        `prepare` runs before the step, and what it saves stays even if findings stop the step.
        `part` is False for what a second person does, who does not take part by it.
        Raises `Held` if findings stop the step, after it recorded the try and undid the rest.
        Raises NotFound, and Conflict if the truck is not at `version` any more.
        """
        held: Held | None = None
        with writing(self.db):
            tx = self._cleared_again(store.load(self.db, number, version))
            if prepare is not None:
                tx = prepare(tx)
            before = {f.key for f in _wrong(tx, self.policy)}
            self.db.execute("SAVEPOINT act")
            try:
                done = step(tx)
                new = store.save(self.db, tx, self.acted(done.tx, part=part), self.policy)
            except Held as error:
                # Undo what the step wrote already (a seal taken), and record the try.
                self.db.execute("ROLLBACK TO act")
                held = error
                self._held(tx, error.findings, step=kind)
            else:
                self.record(kind, replace(done, tx=new))
                self.tell(new, before)
            self.db.execute("RELEASE act")
        if held is not None:
            raise held
        return new

    def acted(self, tx: Transaction, *, part: bool = True) -> Transaction:
        """The truck, on which this operator has acted."""
        me = Who(str(self.by), self.by.person, self.by.name, part)
        if me in tx.who or (not part and replace(me, part=True) in tx.who):
            return tx
        return replace(tx, who=(*(w for w in tx.who if w != replace(me, part=False)), me))

    def record(self, kind: EventType, done: Done) -> None:
        """Record that `kind` happened to the truck, in the caller's transaction."""
        tx = done.tx
        base: dict[str, object] = {"freight": tx.id, "stage": tx.stage.value}
        if tx.arrival is not None:
            base["tractor"] = tx.arrival.tractor
        marks = self.policy.criteria.marks(kind, *done.serves, more=done.more)
        data = {**base, **done.data, "by": self.by, **marks}
        put_event(self.db, kind, f"freight-{tx.id}", data)

    def tell(self, tx: Transaction, before: set[str]) -> None:
        """Record the findings whose keys are not in `before`."""
        if news := [f for f in _wrong(tx, self.policy) if f.key not in before]:
            self._held(tx, news, step="")

    def clearance(self, carrier: str) -> partners.Clearance:
        """Whether the carrier may send trucks today."""
        today = self.now.astimezone(self.policy.zone).date()
        return partners.clearance(partners.find(self.db, carrier), today, self.policy.partners)

    def _held(self, tx: Transaction, findings: Sequence[Finding], step: str) -> None:
        refuse = any(f.action == "refuse" for f in findings)
        kind = EventType.FREIGHT_REFUSED if refuse else EventType.FREIGHT_HELD
        codes = tuple(f.code for f in findings)
        data = {
            "step": step,
            "findings": [{"code": f.code, "about": f.about, "action": f.action} for f in findings],
            "codes": ", ".join(dict.fromkeys(codes)),
        }
        self.record(kind, Done(tx, data, serves=codes))

    def _cleared_again(self, tx: Transaction) -> Transaction:
        """The truck with the carrier's clearance of now, so that a truck stays if the site has
        suspended its carrier since the arrival."""
        if tx.arrival is None or tx.stage not in HERE:
            return tx
        found = self.clearance(tx.arrival.carrier)
        arrival = replace(tx.arrival, carrier_code=found.code, carrier_verdict=found.verdict)
        return replace(tx, arrival=arrival)


def _wrong(tx: Transaction, policy: FreightPolicy) -> list[Finding]:
    return [f for f in judge(tx, policy) if f.open and not f.kind.todo]


def unit_of(units: Sequence[str], wanted: str) -> str:
    """The unit that the operator means; if there is only one, `wanted` may be "".  Raises
    DeskError."""
    name = iso6346.compact(wanted)
    if not name and len(units) == 1:
        return units[0]
    if name not in units:
        known = ", ".join(units) or "-"
        raise DeskError("no_unit", "which unit? it has {known}", known=known)
    return name
