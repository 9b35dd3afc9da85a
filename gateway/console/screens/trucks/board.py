"""The board: every truck of today in the column where it stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.console.screens.trucks import way
from gateway.desk.freight import store
from gateway.desk.freight.findings import FreightPolicy, judge, status
from gateway.desk.freight.transaction import HERE, Stage, Transaction
from gateway.locale import _, in_context

COLUMNS = ("held", "expected", "arrived", "inspecting", "loading", "sealed", "gone")
"""Held first: it waits for somebody who is not at the screen."""

TITLES = {
    "expected": in_context("column", "expected"),
    "arrived": in_context("column", "arrived"),
    "inspecting": in_context("column", "inspecting"),
    "loading": in_context("column", "loading"),
    "sealed": in_context("column", "sealed"),
    "held": in_context("column", "held"),
    "gone": in_context("column", "gone"),
}
MOST = 60
"""Cards of a column; the board says how many more there are."""


@dataclass(frozen=True, slots=True)
class Card:
    """One truck.  `since` is when it came to where it is, `late_min` how long it is overdue."""

    id: int
    driver: str
    carrier: str
    tractor: str
    units: tuple[str, ...]
    at: datetime | None
    late_min: int
    next: str
    why: tuple[str, ...]
    refused: bool
    sent_away: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its cards and how many there are in all."""

    key: str
    title: str
    cards: list[Card]
    count: int


def column_of(tx: Transaction, state: str) -> str:
    """The column of a truck; `state` is `findings.status`."""
    if state in ("held", "refused"):
        return "held"
    if tx.stage is Stage.EXPECTED:
        return "expected"
    if tx.stage is Stage.ARRIVED:
        return "inspecting" if tx.inspections else "arrived"
    if tx.stage is Stage.INSPECTED:
        return "inspecting"
    if tx.stage in HERE:
        return tx.stage.value
    return "gone"


def columns(
    db: sqlite3.Connection, policy: FreightPolicy, now: datetime, search: str = ""
) -> list[Column]:
    """The board at `now`: who is expected, who is here, and who left since midnight.

    With `search` it has every truck with that part of a driver, carrier, plate, unit or seal.
    """
    here = [stage.value for stage in (Stage.EXPECTED, *HERE)]
    found = store.find(db, stages=here, search=search, limit=2000)
    midnight = now.astimezone(policy.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    gone = [Stage.DEPARTED.value, Stage.TURNED_AWAY.value]
    since = None if search else midnight
    left = store.find(db, stages=gone, search=search, limit=500, left_since=since)
    return arranged([*found, *left], policy, now)


def arranged(trucks: Iterable[Transaction], policy: FreightPolicy, now: datetime) -> list[Column]:
    """`trucks` in their columns: the ones that wait longest first, those that left newest first."""
    made: dict[str, list[Card]] = {key: [] for key in COLUMNS}
    for tx in trucks:
        findings = judge(tx, policy)
        key = column_of(tx, state := status(tx, findings))
        act = way.next_act(tx, policy, findings)
        wrong = [f for f in findings if f.open and not f.kind.todo] if key == "held" else []
        card = Card(
            id=tx.id,
            driver=_known(tx, "driver"),
            carrier=_known(tx, "carrier"),
            tractor=_known(tx, "tractor"),
            units=_units(tx),
            at=_at(tx),
            late_min=_late(tx, now),
            next=_(way.ACT_WORDS[act]) if act else "",
            why=tuple(way.words(f, policy) for f in wrong),
            refused=state == "refused",
            sent_away=tx.stage is Stage.TURNED_AWAY,
        )
        made[key].append(card)
    for key, cards in made.items():
        cards.sort(key=lambda card: (card.at or now, card.id), reverse=key == "gone")
    return [Column(key, TITLES[key].say(), made[key][:MOST], len(made[key])) for key in COLUMNS]


def _known(tx: Transaction, name: str) -> str:
    told = tx.arrival or tx.expected
    return str(getattr(told, name)) if told else ""


def _units(tx: Transaction) -> tuple[str, ...]:
    if tx.arrival is not None:
        return tuple(unit.number for unit in tx.units)
    return tx.expected.units if tx.expected else ()


def _at(tx: Transaction) -> datetime | None:
    if tx.departed_at is not None:
        return tx.departed_at
    if tx.arrival is not None:
        return tx.arrival.at
    return tx.expected.eta if tx.expected else None


def _late(tx: Transaction, now: datetime) -> int:
    """Minutes since an announced truck should have come; 0 for one that is here or not due."""
    if tx.stage is not Stage.EXPECTED or tx.expected is None:
        return 0
    return max(0, (now - tx.expected.eta) // timedelta(minutes=1))
