"""Let go by a second person, drawn for a spot check, departed.

A truck departs only if nothing that the policy refuses or holds is open.  The draw is made once a
truck, at the first try, with `secrets`, and kept whether it was drawn or not.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.desk.errors import DeskError
from gateway.desk.freight import store
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import act, event, not_among, second
from gateway.desk.freight.findings import FreightPolicy, Step, guard, judge
from gateway.desk.freight.transaction import HERE, Release, SpotCheck, Transaction
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.locale import N_

Draw = Callable[[float], bool]


def draw(percent: float) -> bool:
    """Whether chance picks a truck: `secrets`, so that nobody foresees or repeats it."""
    return secrets.randbelow(100_000) < round(percent * 1000)


def release(
    connection: sqlite3.Connection,
    number: int,
    policy: FreightPolicy,
    *,
    by: str,
    operator: str,
    reason: str,
    now: datetime,
    codes: Sequence[str] = (),
    version: int | None = None,
) -> Transaction:
    """A second person, `by` name, lets go what is held now (`codes`: only those).  Never whoever
    took part, nor from the account that recorded an inspection; what is refused stays so."""
    name = second(by, policy)
    why = clean(reason, N_("reason"))
    data: dict[str, object] = {"supervisor": name, "reason": why}
    serves: list[str] = []

    def change(tx: Transaction) -> Transaction:
        life.need(tx, *HERE)
        found = [f for f in judge(tx, policy) if f.action == "hold" and f.open]
        if codes:
            found = [f for f in found if f.code in codes]
        if not found:
            raise DeskError("nothing_held", "nothing is held")
        not_among(name, tx.people)
        not_among(operator, {i.operator for i in tx.inspections}, account=True)
        data["released"] = [f.key for f in found]
        serves.extend(f.code for f in found)
        given = Release(tuple(f.key for f in found), name, operator, now, why)
        return life.release(tx, given)

    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_RELEASED,
        operator,
        now,
        data,
        serves=serves,
    )


def depart(
    connection: sqlite3.Connection,
    number: int,
    policy: FreightPolicy,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
    chance: Draw = draw,
) -> Transaction:
    """The truck leaves, if nothing stands in its way.  At the first try chance draws whether it is
    spot-checked first; the draw is kept whatever comes of the try, so nobody draws again."""

    def prepare(tx: Transaction) -> Transaction:
        if tx.spot is not None or tx.stage not in HERE:
            return tx
        percent = policy.spot_check_percent
        drawn = chance(percent)
        new = replace(tx, spot=SpotCheck(percent, drawn, now))
        new = store.save(connection, tx, new, policy)
        event(
            connection,
            EventType.FREIGHT_SPOT_DRAWN,
            new,
            by,
            policy,
            drawn=drawn,
            percent=percent,
        )
        return new

    def change(tx: Transaction) -> Transaction:
        return life.depart(tx, now, by, guard(policy, Step.DEPART))

    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_DEPARTED,
        by,
        now,
        {},
        prepare=prepare,
    )
