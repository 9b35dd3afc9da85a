"""What every act on a truck shares: load, change, save, its event and what it newly found, in one
transaction of people.db; and the questions of who and which unit.

A step that something stands in the way of raises `findings.Held`; that it was tried is on record
all the same, and nothing else of it.  Nothing here decides: the steps are transaction.py's, the
judgement is findings.py's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.desk import partners
from gateway.desk.act import writing
from gateway.desk.errors import DeskError
from gateway.desk.freight import iso6346, store
from gateway.desk.freight.findings import Finding, FreightPolicy, Held, judge
from gateway.desk.freight.transaction import HERE, Transaction
from gateway.desk.text import clean, fold
from gateway.ledger.event import EventType
from gateway.locale import N_
from gateway.people.schema import put_event


def act(
    connection: sqlite3.Connection,
    number: int,
    version: int | None,
    policy: FreightPolicy,
    change: Callable[[Transaction], Transaction],
    kind: str,
    by: str,
    now: datetime,
    data: dict[str, object],
    *,
    serves: Sequence[str] = (),
    more: Sequence[str] = (),
    prepare: Callable[[Transaction], Transaction] | None = None,
) -> Transaction:
    """One act: load, change, save, its event, and what it newly found; or, where a step was held
    back, the record of that alone.  `serves` and `more` are those of `event`; they are read after
    `change` was called."""
    held: Held | None = None
    with writing(connection):
        tx = store.load(connection, number, version)
        tx = _cleared_again(connection, tx, policy, now)
        if prepare is not None:
            tx = prepare(tx)
        before = {f.key for f in _wrong(tx, policy)}
        connection.execute("SAVEPOINT act")
        try:
            new = store.save(connection, tx, change(tx), policy)
        except Held as error:
            # What the step had already written (a seal taken) is undone; the try is recorded.
            connection.execute("ROLLBACK TO act")
            held = error
            _held_event(connection, tx, error.findings, by, policy, step=kind)
        else:
            event(connection, kind, new, by, policy, serves=serves, more=more, **data)
            tell(connection, new, before, policy, by)
        connection.execute("RELEASE act")
    if held is not None:
        raise held
    return new


def tell(
    connection: sqlite3.Connection,
    tx: Transaction,
    before: set[str],
    policy: FreightPolicy,
    by: str,
) -> None:
    """An event for what is newly wrong."""
    if news := [f for f in _wrong(tx, policy) if f.key not in before]:
        _held_event(connection, tx, news, by, policy, step="")


def _wrong(tx: Transaction, policy: FreightPolicy) -> list[Finding]:
    return [f for f in judge(tx, policy) if f.open and not f.kind.todo]


def _held_event(
    connection: sqlite3.Connection,
    tx: Transaction,
    found: Iterable[Finding],
    by: str,
    policy: FreightPolicy,
    step: str,
) -> None:
    findings = list(found)
    refuse = any(f.action == "refuse" for f in findings)
    event(
        connection,
        EventType.FREIGHT_REFUSED if refuse else EventType.FREIGHT_HELD,
        tx,
        by,
        policy,
        serves=[f.code for f in findings],
        step=step,
        findings=[{"code": f.code, "about": f.about, "action": f.action} for f in findings],
        codes=", ".join(dict.fromkeys(f.code for f in findings)),
    )


def event(
    connection: sqlite3.Connection,
    kind: str,
    tx: Transaction,
    by: str,
    policy: FreightPolicy,
    *,
    serves: Iterable[str] = (),
    more: Iterable[str] = (),
    **data: object,
) -> None:
    """Record that `kind` happened to the truck.  `serves` are codes whose criteria it is evidence
    for beside those of its kind, `more` further criteria."""
    base: dict[str, object] = {"freight": tx.id, "stage": tx.stage.value}
    if tx.arrival is not None:
        base["tractor"] = tx.arrival.tractor
    marks = policy.criteria.marks(kind, *serves, more=more)
    put_event(connection, kind, f"freight-{tx.id}", {**base, **data, "by": by, **marks})


def clearance(
    connection: sqlite3.Connection, carrier: str, policy: FreightPolicy, now: datetime
) -> partners.Clearance:
    today = now.astimezone(policy.zone).date()
    return partners.clearance(partners.find(connection, carrier), today, policy.partners)


def _cleared_again(
    connection: sqlite3.Connection, tx: Transaction, policy: FreightPolicy, now: datetime
) -> Transaction:
    """The same truck with its carrier's clearance of now: one suspended since does not leave."""
    if tx.arrival is None or tx.stage not in HERE:
        return tx
    found = clearance(connection, tx.arrival.carrier, policy, now)
    arrival = replace(tx.arrival, carrier_code=found.code, carrier_verdict=found.verdict)
    return replace(tx, arrival=arrival)


def unit_of(units: Sequence[str], wanted: str) -> str:
    """The unit that is meant; with one alone it need not be named."""
    name = iso6346.compact(wanted)
    if not name and len(units) == 1:
        return units[0]
    if name not in units:
        known = ", ".join(units) or "-"
        raise DeskError("no_unit", "which unit? it has {known}", known=known)
    return name


def second(name: str, policy: FreightPolicy) -> str:
    """A supervisor's name; one of the site's, where it names them."""
    text = clean(name, N_("supervisor"), most=120)
    if policy.supervisors and fold(text) not in {fold(known) for known in policy.supervisors}:
        raise DeskError("not_a_supervisor", "{number} is no supervisor of this site", number=text)
    return text


def not_among(name: str, others: Iterable[str], *, account: bool = False) -> None:
    """Refuse one who took part; `account` says that `name` is the account that it is typed from,
    whoever the second person is."""
    if fold(name) not in {fold(other) for other in others}:
        return
    if account:
        raise DeskError(
            "same_person",
            "the account {account} took part; the second person does this from their own",
            account=name[:60],
        )
    raise DeskError("same_person", "a second person must do this, not one who took part")
