"""Unloading, loading and sealing.

findings.py stops each step if something is wrong: nobody loads after an unfinished or failed
inspection.  Sealing takes the seal from the inventory in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gateway.desk.errors import DeskError
from gateway.desk.freight import seals
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import Act, Done, unit_of
from gateway.desk.freight.findings import Step, guard
from gateway.desk.freight.transaction import (
    Document,
    Loading,
    SealAffixed,
    Stage,
    Transaction,
    Vvtt,
)
from gateway.ledger.event import EventType


def unload(act: Act, number: int, *, version: int | None = None) -> Transaction:
    """The cargo with which the truck came is off."""

    def step(tx: Transaction) -> Done:
        return Done(life.unloaded(tx, act.now, guard(act.policy, Step.LOAD)))

    return act.on(number, EventType.FREIGHT_UNLOADED, step, version=version)


def load(
    act: Act,
    number: int,
    *,
    done: bool = False,
    documents: Sequence[Document] = (),
    document_seals: Sequence[str] = (),
    version: int | None = None,
) -> Transaction:
    """Loading begins, or is `done`.  `document_seals` are the seal numbers on the documents."""
    named = tuple(seals.number(text) for text in document_seals)

    def step(tx: Transaction) -> Done:
        old = tx.loading
        if old is not None and not done and not documents and not named:
            raise DeskError("loading_began", "loading has begun already")
        base = old or Loading(act.now, act.by)
        finished = (base.finished_at or act.now) if done else base.finished_at
        new = replace(
            base,
            finished_at=finished,
            documents=tuple(dict.fromkeys((*base.documents, *documents))),
            document_seals=named or base.document_seals,
        )
        if done and old is None:
            raise DeskError("not_loading", "loading has not begun")
        data = {
            "done": done,
            "units": [item.number for item in tx.units],
            "documents": [f"{d.kind}={d.number}" for d in documents],
            "document_seals": list(named),
        }
        return Done(life.loaded(tx, new, guard(act.policy, Step.LOAD)), data)

    return act.on(number, EventType.FREIGHT_LOADING, step, version=version)


def affix(
    act: Act,
    number: int,
    seal: str,
    *,
    vvtt: Vvtt,
    unit: str = "",
    document_seals: Sequence[str] = (),
    version: int | None = None,
) -> Transaction:
    """The guard put a seal on a unit.

    If the seal is not good in the inventory, the policy holds or refuses the truck.  A seal that it
    replaces on the same unit becomes void.
    """
    text = seals.number(seal)
    named = tuple(seals.number(item) for item in document_seals)

    def step(tx: Transaction) -> Done:
        where = unit_of([item.number for item in tx.units], unit)
        life.need(tx, Stage.INSPECTED, Stage.LOADING, Stage.SEALED)
        before = {item.unit: item.number for item in tx.affixed}
        if text in (n for u, n in before.items() if u != where):
            raise DeskError("seal_used_twice", "{number} is on another unit", number=text)
        seal_class, stock = seals.take(act.db, text, tx.id, by=act.by, now=act.now)
        if where in before and before[where] != text:
            seals.give_up(
                act.db,
                before[where],
                tx.id,
                by=act.by,
                now=act.now,
                criteria=act.policy.criteria,
            )
        if named and tx.loading is not None:
            tx = replace(tx, loading=replace(tx.loading, document_seals=named))
        new = SealAffixed(
            unit=where,
            number=text,
            at=act.now,
            by=act.by,
            seal_class=seal_class,
            stock=stock,
            format_ok=re.fullmatch(act.policy.seal_pattern, text) is not None,
            vvtt=vvtt,
        )
        data = {
            "seal": text,
            "unit": where,
            "seal_class": seal_class,
            "stock": stock,
            "vvtt": vvtt.complete,
            "document_seals": list(named),
        }
        return Done(life.sealed(tx, new, guard(act.policy, Step.SEAL)), data)

    return act.on(number, EventType.SEAL_AFFIXED, step, version=version)
