"""The release by a second person, the draw for a spot check, and the departure.

A truck departs only if the policy refuses and holds nothing.  The program draws once for each
truck, at the first try to depart, and records the result.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.desk.act import stamp
from gateway.desk.errors import DeskError
from gateway.desk.freight import pickuplog, store
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import Act, Done
from gateway.desk.freight.findings import Step, guard, judge, releasable
from gateway.desk.freight.transaction import HERE, Release, SpotCheck, Transaction
from gateway.desk.second import Second, not_among
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.locale import N_

Draw = Callable[[float], bool]


def draw(percent: float) -> bool:
    """Whether a truck is drawn, with a chance of `percent`.  Uses `secrets`, so that nobody can
    foresee or repeat the draw."""
    return secrets.randbelow(100_000) < round(percent * 1000)


def release(
    act: Act,
    number: int,
    *,
    supervisor: Second,
    reason: str,
    codes: Sequence[str] = (),
    version: int | None = None,
) -> Transaction:
    """The `supervisor` releases what the policy holds now, or only the findings of `codes`.

    The release names the findings.  One that comes later is held again, also a document that is
    only due at the departure.  Raises DeskError if nothing is held, if a code is not held now, or
    if the supervisor took part.  It does not release what the policy refuses.
    """
    why = clean(reason, N_("reason"))

    def step(tx: Transaction) -> Done:
        life.need(tx, *HERE)
        found = releasable(tx, judge(tx, act.policy))
        if other := [code for code in codes if code not in {f.code for f in found}]:
            raise DeskError("nothing_held", "{finding} is not held now", finding=other[0][:60])
        if codes:
            found = [f for f in found if f.code in codes]
        if not found:
            raise DeskError("nothing_held", "nothing is held")
        may_release(tx, supervisor)
        keys = tuple(f.key for f in found)
        new = life.released(
            tx, Release(keys, supervisor.name, str(act.by), act.now, why, supervisor)
        )
        findings = [{"code": f.code, "about": f.about} for f in found]
        data = {
            "supervisor": supervisor.name,
            "second": supervisor.record(),
            "reason": why,
            "released": list(keys),
            "findings": findings,
        }
        return Done(new, data, serves=tuple(f.code for f in found))

    return act.on(number, EventType.FREIGHT_RELEASED, step, version=version, part=False)


def may_release(tx: Transaction, supervisor: Second) -> None:
    """Raise DeskError if the supervisor took part in the truck, or drives it."""
    not_among(supervisor, tx.accounts, tx.persons, tx.people)


def depart(
    act: Act, number: int, *, version: int | None = None, chance: Draw = draw
) -> Transaction:
    """The truck leaves; raises `Held` if findings stop it.

    The first try draws whether it needs a spot check, by `chance`.  The draw stays even if
    findings stop the truck, so nobody draws again.
    """

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
        new = life.departed(tx, act.now, act.by, guard(act.policy, Step.DEPART))
        return Done(new, pickuplog.left(new, at=stamp(act.now)))

    return act.on(number, EventType.FREIGHT_DEPARTED, step, version=version, prepare=prepare)
