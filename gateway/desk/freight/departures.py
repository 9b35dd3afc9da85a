"""Let go by a second person, drawn for a spot check, departed.

A truck departs only if nothing that the policy refuses or holds is open.  The draw is made once a
truck, at the first try, with `secrets`, and kept whether it was drawn or not.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.desk.errors import DeskError
from gateway.desk.freight import store
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import Act, Done, not_among, second
from gateway.desk.freight.findings import Step, guard, judge
from gateway.desk.freight.transaction import HERE, Release, SpotCheck, Transaction
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.locale import N_

Draw = Callable[[float], bool]


def draw(percent: float) -> bool:
    """Whether chance picks a truck: `secrets`, so that nobody foresees or repeats it."""
    return secrets.randbelow(100_000) < round(percent * 1000)


def release(
    act: Act,
    number: int,
    *,
    supervisor: str,
    reason: str,
    codes: Sequence[str] = (),
    version: int | None = None,
) -> Transaction:
    """A second person, the `supervisor`, lets go what is held now (`codes`: only those).  Never
    one who took part, nor from the account that recorded an inspection.  What is refused stays
    refused."""
    name = second(supervisor, act.policy)
    why = clean(reason, N_("reason"))

    def step(tx: Transaction) -> Done:
        life.need(tx, *HERE)
        found = [f for f in judge(tx, act.policy) if f.action == "hold" and f.open]
        if codes:
            found = [f for f in found if f.code in codes]
        if not found:
            raise DeskError("nothing_held", "nothing is held")
        not_among(name, tx.people)
        not_among(act.by, {i.operator for i in tx.inspections}, account=True)
        keys = tuple(f.key for f in found)
        new = life.released(tx, Release(keys, name, act.by, act.now, why))
        data = {"supervisor": name, "reason": why, "released": list(keys)}
        return Done(new, data, serves=tuple(f.code for f in found))

    return act.on(number, EventType.FREIGHT_RELEASED, step, version=version)


def depart(
    act: Act, number: int, *, version: int | None = None, chance: Draw = draw
) -> Transaction:
    """The truck leaves, if nothing stands in its way.  At the first try chance draws whether it is
    spot-checked first; the draw is kept whatever comes of the try, so nobody draws again."""

    def prepare(tx: Transaction) -> Transaction:
        if tx.spot is not None or tx.stage not in HERE:
            return tx
        percent = act.policy.spot_check_percent
        drawn = chance(percent)
        new = replace(tx, spot=SpotCheck(percent, drawn, act.now))
        new = store.save(act.db, tx, new, act.policy)
        act.record(EventType.FREIGHT_SPOT_DRAWN, Done(new, {"drawn": drawn, "percent": percent}))
        return new

    def step(tx: Transaction) -> Done:
        return Done(life.departed(tx, act.now, act.by, guard(act.policy, Step.DEPART)))

    return act.on(number, EventType.FREIGHT_DEPARTED, step, version=version, prepare=prepare)
