"""Unloaded, loaded, sealed.

Each step asks first what stands in its way (findings.py): no loading on an unfinished or failed
inspection.  A seal is taken from the inventory in the same transaction.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.desk.errors import DeskError
from gateway.desk.freight import seals
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import act, unit_of
from gateway.desk.freight.findings import FreightPolicy, Step, guard
from gateway.desk.freight.transaction import (
    Document,
    Loading,
    SealAffixed,
    Stage,
    Transaction,
    Vvtt,
)
from gateway.ledger.event import EventType


def unload(
    connection: sqlite3.Connection,
    number: int,
    policy: FreightPolicy,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
) -> Transaction:
    """The cargo that it came with is off."""

    def change(tx: Transaction) -> Transaction:
        return life.unload(tx, now, guard(policy, Step.LOAD))

    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_UNLOADED,
        by,
        now,
        {},
    )


def load(
    connection: sqlite3.Connection,
    number: int,
    policy: FreightPolicy,
    *,
    by: str,
    now: datetime,
    done: bool = False,
    documents: Sequence[Document] = (),
    document_seals: Sequence[str] = (),
    version: int | None = None,
) -> Transaction:
    """Loading begins, or is `done`; with the shipping documents and the seals that they name."""
    named = tuple(seals.number(text) for text in document_seals)

    def change(tx: Transaction) -> Transaction:
        old = tx.loading
        if old is not None and not done and not documents and not named:
            raise DeskError("loading_began", "loading has begun already")
        base = old or Loading(now, by)
        finished = (base.finished_at or now) if done else base.finished_at
        new = replace(
            base,
            finished_at=finished,
            documents=tuple(dict.fromkeys((*base.documents, *documents))),
            document_seals=named or base.document_seals,
        )
        if done and old is None:
            raise DeskError("not_loading", "loading has not begun")
        return life.load(tx, new, guard(policy, Step.LOAD))

    data = {
        "done": done,
        "documents": [f"{d.kind}={d.number}" for d in documents],
        "document_seals": list(named),
    }
    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_LOADING,
        by,
        now,
        data,
    )


def affix(
    connection: sqlite3.Connection,
    number: int,
    seal: str,
    policy: FreightPolicy,
    *,
    vvtt: Vvtt,
    by: str,
    now: datetime,
    unit: str = "",
    document_seals: Sequence[str] = (),
    version: int | None = None,
) -> Transaction:
    """A seal is on; from the inventory, or held or refused as the policy says."""
    text = seals.number(seal)
    named = tuple(seals.number(item) for item in document_seals)

    def change(tx: Transaction) -> Transaction:
        where = unit_of([item.number for item in tx.units], unit)
        life.need(tx, Stage.INSPECTED, Stage.LOADING, Stage.SEALED)
        before = {item.unit: item.number for item in tx.affixed}
        if text in (n for u, n in before.items() if u != where):
            raise DeskError("seal_used_twice", "{number} is on another unit", number=text)
        seal_class, stock = seals.take(connection, text, tx.id, by=by, now=now)
        if where in before and before[where] != text:
            seals.give_up(
                connection, before[where], tx.id, by=by, now=now, criteria=policy.criteria
            )
        form = re.fullmatch(policy.seal_pattern, text) is not None
        if named and tx.loading is not None:
            tx = replace(tx, loading=replace(tx.loading, document_seals=named))
        new = SealAffixed(where, text, now, by, seal_class, stock, form, vvtt)
        return life.affix(tx, new, guard(policy, Step.SEAL))

    data = {"seal": text, "unit": unit, "vvtt": vvtt.complete, "document_seals": list(named)}
    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.SEAL_AFFIXED,
        by,
        now,
        data,
    )
