"""The inventory of seals (CTPAT 6.1, 6.5, 6.6): batches received, seals handed out, what became
void, and the reconciliation with the trucks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from gateway.desk.errors import DeskError
from gateway.desk.freight import seals as inventory
from gateway.evidence.handling import Handled
from gateway.evidence.model import (
    Deviation,
    Figure,
    Found,
    Frequency,
    Personal,
    Place,
    Population,
    When,
)
from gateway.evidence.taking import Odd, Taker, count, named, text, texts, who
from gateway.evidence.topics import sealtables as tables
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded


@dataclass(slots=True)
class _Reconciled:
    at: str
    by: str
    differences: int
    named: list[str]
    record: int


class SealStock(Taker):
    """Takes the acts on the inventory, those from before the span for the state at its end."""

    key: ClassVar[str] = "seal_stock"
    rules: ClassVar[Mapping[str, str]] = {
        "seal_certificate_missing": N_("a batch of seals came without a certificate"),
        "seals_differ": N_("inventory and trucks differed when seals were reconciled"),
        "seals_not_reconciled": N_("seals were put on and never reconciled in the span"),
    }
    before: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.SEAL_RECEIVED,
            EventType.SEAL_ISSUED,
            EventType.SEAL_AFFIXED,
            EventType.SEAL_VOIDED,
        }
    )
    reads: ClassVar[frozenset[EventType]] = before | {EventType.SEAL_RECONCILED}

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._state: dict[str, str] = {}
        self._reconciled: list[_Reconciled] = []
        self._later: list[_Reconciled] = []
        self._first: tuple[str, int] | None = None
        self._wrong: list[Deviation] = []
        self._count: Counter[str] = Counter()

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if event.type == EventType.SEAL_RECONCILED:
            self._reconcile(event, when)
        elif when is When.AFTER:
            return
        elif event.type == EventType.SEAL_AFFIXED:
            self._affix(event, when)
        elif event.type == EventType.SEAL_VOIDED:
            self._void(event, when)
        elif event.type == EventType.SEAL_RECEIVED:
            self._receive(event, when)
        else:
            self._issue(event, when)

    def _affix(self, event: Event, when: When) -> None:
        seal = named(event.data, "seal")
        if self._state.get(seal) in ("stock", "issued"):
            self._state[seal] = "used"
        if when is When.INSIDE:
            self._count["affixed"] += 1
            self._first = self._first or (event.time, event.seq)

    def _receive(self, event: Event, when: When) -> None:
        data = event.data
        numbers = _numbers(event)
        self._state.update(dict.fromkeys(numbers, "stock"))
        if when is When.BEFORE:
            return
        self._count["received"] += len(numbers)
        certificate = text(data, "certificate")
        row = {
            "batch": count(data, "batch"),
            "at": event.time,
            "class": text(data, "class"),
            "certificate": certificate,
            "file": text(data, "certificate_sha256"),
            "supplier": text(data, "supplier"),
            "count": len(numbers),
            "seals": texts(data, "seals") or [numbers[0], numbers[-1]],
            "by": who(data),
        }
        self.place.rows.add(tables.BATCHES.key, row, (event.seq,))
        if not certificate:
            words = worded("batch {batch} of seals has no certificate", batch=row["batch"])
            self._wrong.append(
                Deviation("seal_certificate_missing", words, event.time, (event.seq,), open=True)
            )

    def _issue(self, event: Event, when: When) -> None:
        numbers = _numbers(event)
        self._state.update(dict.fromkeys(numbers, "issued"))
        if when is When.INSIDE:
            self._count["issued"] += len(numbers)
            row = {
                "at": event.time,
                "to": text(event.data, "to"),
                "count": len(numbers),
                "seals": texts(event.data, "seals"),
                "by": who(event.data),
            }
            self.place.rows.add(tables.ISSUED.key, row, (event.seq,))

    def _void(self, event: Event, when: When) -> None:
        if not event.subject:
            raise Odd("subject")
        seal, was = event.subject, self._state.get(event.subject, "")
        self._state[seal] = "void"
        truck = event.data.get("freight")
        if when is When.INSIDE:
            self._count["voided"] += 1
            row = {
                "at": event.time,
                "seal": seal[:60],
                "was": was,
                "reason": text(event.data, "reason"),
                "truck": truck if isinstance(truck, int) else None,
                "by": who(event.data),
            }
            self.place.rows.add(tables.VOIDED.key, row, (event.seq,))

    def _reconcile(self, event: Event, when: When) -> None:
        data = event.data
        one = _Reconciled(
            event.time, who(data), count(data, "count"), texts(data, "mismatches"), event.seq
        )
        if when is When.AFTER:
            self._later.append(one)
            return
        self._reconciled.append(one)
        row = {"at": one.at, "by": one.by, "differences": one.differences, "named": one.named}
        self.place.rows.add(tables.RECONCILED.key, row, (event.seq,))

    def found(self) -> Found:
        """What was done in the span, and the inventory at its end."""
        found = Found(self.key, worded("Inventory of seals"), tables=list(tables.STOCK))
        found.populations = [Population(one.key, one.title, Frequency.RARE) for one in tables.STOCK]
        found.deviations = [*self._wrong, *self._differences()]
        state, done = Counter(self._state.values()), len(self._reconciled)
        clean = sum(not one.differences for one in self._reconciled)
        found.figures = [
            Figure("seals_received", worded("seals received"), self._count["received"]),
            Figure("seals_issued", worded("seals handed out"), self._count["issued"]),
            Figure("seals_voided", worded("seals that became void"), self._count["voided"]),
            Figure("reconciliations", worded("reconciliations"), done),
            Figure("reconciliations_clean", worded("without a difference"), clean, of=done),
            Figure("seals_in_stock", worded("in stock at the end"), state["stock"]),
            Figure("seals_with_people", worded("handed out at the end"), state["issued"]),
            Figure("seals_used", worded("used by the end"), state["used"]),
            Figure("seals_void", worded("void by the end"), state["void"]),
        ]
        return self.told(found)

    def _differences(self) -> Iterator[Deviation]:
        every = [*self._reconciled, *self._later]
        for at, one in enumerate(self._reconciled):
            if one.differences:
                words = worded(
                    "seals were reconciled with {count} differences", count=one.differences
                )
                clean = next((two for two in every[at + 1 :] if not two.differences), None)
                yield Deviation("seals_differ", words, one.at, (one.record,), **_mended(clean))
        if self._first is not None and not self._reconciled:
            begun, record = self._first
            affixed = self._count["affixed"]
            words = worded("{count} seals were put on and none reconciled", count=affixed)
            later = next(iter(self._later), None)
            yield Deviation("seals_not_reconciled", words, begun, (record,), **_mended(later))


def _mended(by: _Reconciled | None) -> Handled:
    if by is None:
        return Handled(open=True)
    words = worded("reconciled later")
    return Handled(handled=words, handled_by=Personal(by.by), handled_at=by.at)


def _numbers(event: Event) -> list[str]:
    """The numbers of a batch or of what was handed out.  Raises Odd."""
    data = event.data
    parts = texts(data, "seals") or [f"{text(data, 'first')}..{text(data, 'last')}"]
    try:
        return inventory.numbers(parts)
    except DeskError as error:
        raise Odd("seals") from error
