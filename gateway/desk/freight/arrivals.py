"""Trucks announced, arrived, and turned away.

Every act names the operator (`by`) and takes the time (`now`, aware), and where given the
`version` that the operator looked at.  Raises `gateway.desk.errors.DeskError`; then nothing is
done.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.desk.act import writing
from gateway.desk.errors import DeskError
from gateway.desk.freight import iso6346, seals, store
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import act, clearance, event, tell, unit_of
from gateway.desk.freight.findings import FreightPolicy
from gateway.desk.freight.transaction import (
    HERE,
    Arrival,
    Document,
    Expected,
    SealSeen,
    Stage,
    Transaction,
    Unit,
    UnitKind,
    Vvtt,
)
from gateway.desk.identity import Shown, other_name
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.locale import N_

MAX_UNITS = 4


@dataclass(frozen=True, slots=True)
class Came:
    """What the guard saw at arrival; `shown` None if no photo ID was verified."""

    driver: str
    carrier: str
    tractor: str
    tractor_number: str = ""
    units: tuple[Unit, ...] = ()
    loaded: bool = False
    shown: Shown | None = None
    documents: tuple[Document, ...] = ()
    seals: tuple[tuple[str, str, bool, Vvtt], ...] = ()  # unit ("": the only one), number, intact


def unit(kind: UnitKind, number: str, plates: str = "", *, as_painted: bool = False) -> Unit:
    """A unit with its number checked; a container number with a wrong check digit is refused, or
    recorded `as_painted` and held."""
    text = iso6346.compact(clean(number, N_("unit number"), most=30))
    text = clean(text, N_("unit number"), most=20)
    plate = clean(plates, N_("plates"), most=20, needed=False).upper()
    good = iso6346.is_valid(text) if kind == "container" or iso6346.looks_like(text) else True
    if not good and not as_painted:
        hint = ""
        if iso6346.looks_like(text):
            hint = f" ({text[:10]} {iso6346.check_digit(text[:10])}?)"
        raise DeskError(
            "unit_number_wrong",
            "{number} is no container number: read it again{hint}",
            number=text,
            hint=hint,
        )
    return Unit(kind, text, plate, good)


def document(text: str) -> Document:
    """``kind=number``, such as ``bill_of_lading=BL-778``; raises DeskError."""
    kind, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[a-z_]{2,40}", kind):
        raise DeskError("bad_document", "a document is written as bill_of_lading=NUMBER")
    return Document(kind, clean(value, N_("document number"), most=60))


def expect(
    connection: sqlite3.Connection,
    expected: Expected,
    policy: FreightPolicy,
    *,
    by: str,
    now: datetime,
) -> Transaction:
    """A carrier announced a truck."""
    return expect_all(connection, [expected], policy, by=by, now=now)[0]


def expect_all(
    connection: sqlite3.Connection,
    announced: Sequence[Expected],
    policy: FreightPolicy,
    *,
    by: str,
    now: datetime,
) -> list[Transaction]:
    """All of a list of announced trucks, or none."""
    checked = [_expected(item) for item in announced]
    made = []
    with writing(connection):
        for item in checked:
            cleared = clearance(connection, item.carrier, policy, now)
            if cleared.verdict == "deny":
                raise DeskError(
                    cleared.code, "{carrier}: {why}", carrier=item.carrier, why=cleared.message
                )
            tx = store.insert(connection, Transaction(0, expected=item), policy)
            event(
                connection,
                EventType.FREIGHT_EXPECTED,
                tx,
                by,
                policy,
                eta=item.eta.isoformat(),
                driver=item.driver,
                carrier=item.carrier,
                tractor=item.tractor,
                units=list(item.units),
                seals=list(item.seals),
            )
            made.append(tx)
    return made


def arrive(
    connection: sqlite3.Connection,
    number: int | None,
    came: Came,
    policy: FreightPolicy,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
) -> Transaction:
    """A truck is at the gate: the announced one of that `number`, or None for one that nobody
    announced."""
    driver = clean(came.driver, N_("driver"), most=120)
    carrier = clean(came.carrier, N_("carrier"), most=120)
    tractor = iso6346.compact(clean(came.tractor, N_("tractor plates"), most=20))
    economic = clean(came.tractor_number, N_("economic number"), most=20, needed=False)
    names = [item.number for item in came.units]
    _check_units(names)
    seen = tuple(
        SealSeen(unit_of(names, item), seals.number(text), now, by, intact, vvtt)
        for item, text, intact, vvtt in came.seals
    )
    if len({item.unit for item in seen}) != len(seen):
        raise DeskError("bad_units", "one seal a unit")

    def change(tx: Transaction) -> Transaction:
        _not_here_already(connection, tractor, names)
        mark = came.shown.fingerprint if came.shown else ""
        cleared = clearance(connection, carrier, policy, now)
        arrival = Arrival(
            now,
            by,
            driver,
            carrier,
            tractor,
            economic,
            came.units,
            came.loaded,
            came.shown.kind if came.shown else "",
            mark,
            other_name(connection, mark, driver),
            cleared.code,
            cleared.verdict,
            came.documents,
        )
        now_in_force = replace(tx, checklist_set=policy.checklists.name)
        return life.arrive(now_in_force, arrival, seen)

    data = {
        "driver": driver,
        "carrier": carrier,
        "tractor": tractor,
        "units": names,
        "seals": [item.number for item in seen],
        "loaded": came.loaded,
        "id_kind": came.shown.kind if came.shown else "",
        "id_fingerprint": came.shown.fingerprint if came.shown else "",
    }
    if number is not None:
        return act(
            connection,
            number,
            version,
            policy,
            change,
            EventType.FREIGHT_ARRIVED,
            by,
            now,
            data,
        )
    with writing(connection):
        blank = store.insert(connection, Transaction(0), policy)
        tx = store.save(connection, blank, change(blank), policy)
        event(connection, EventType.FREIGHT_ARRIVED, tx, by, policy, serves=(), more=(), **data)
        tell(connection, tx, set(), policy, by)
    return tx


def see_seal(
    connection: sqlite3.Connection,
    number: int,
    seal: str,
    policy: FreightPolicy,
    *,
    vvtt: Vvtt,
    by: str,
    now: datetime,
    unit: str = "",
    intact: bool = True,
    version: int | None = None,
) -> Transaction:
    """The seal that a unit came with was looked at (again)."""
    text = seals.number(seal)

    def change(tx: Transaction) -> Transaction:
        where = unit_of([item.number for item in tx.units], unit)
        return life.see_seal(tx, SealSeen(where, text, now, by, intact, vvtt))

    data = {"seal": text, "intact": intact, "vvtt": vvtt.complete}
    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_SEAL_SEEN,
        by,
        now,
        data,
    )


def identify(
    connection: sqlite3.Connection,
    number: int,
    shown: Shown,
    policy: FreightPolicy,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
) -> Transaction:
    """The driver's photo ID, verified after the arrival was recorded without one."""

    def change(tx: Transaction) -> Transaction:
        driver = tx.arrival.driver if tx.arrival else ""
        other = other_name(connection, shown.fingerprint, driver)
        return life.identify(tx, shown.kind, shown.fingerprint, other)

    data: dict[str, object] = {"id_kind": shown.kind, "id_fingerprint": shown.fingerprint}
    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_IDENTIFIED,
        by,
        now,
        data,
    )


def hook(
    connection: sqlite3.Connection,
    number: int,
    units: tuple[Unit, ...],
    policy: FreightPolicy,
    *,
    loaded: bool,
    by: str,
    now: datetime,
    version: int | None = None,
) -> Transaction:
    """The truck leaves what it pulled and takes other units, or none; they are inspected anew, and
    sealed if `loaded`."""
    names = [item.number for item in units]
    _check_units(names)

    def change(tx: Transaction) -> Transaction:
        _not_here_already(connection, "", names, but=tx.id)
        return life.hook(tx, units, now, loaded=loaded)

    data: dict[str, object] = {"units": names, "loaded": loaded}
    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_HOOKED,
        by,
        now,
        data,
    )


def turn_away(
    connection: sqlite3.Connection,
    number: int,
    policy: FreightPolicy,
    *,
    reason: str,
    by: str,
    now: datetime,
    version: int | None = None,
) -> Transaction:
    """The truck is sent away, or (still expected) does not come."""
    why = clean(reason, N_("reason"))

    def change(tx: Transaction) -> Transaction:
        if tx.stage is Stage.EXPECTED:
            return life.cancel(tx, why)
        return life.turn_away(tx, now, by, why)

    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_TURNED_AWAY,
        by,
        now,
        {"reason": why},
    )


def _check_units(names: Sequence[str]) -> None:
    if len(names) > MAX_UNITS or len(set(names)) != len(names):
        raise DeskError("bad_units", "at most {most} units, each once", most=MAX_UNITS)


def _not_here_already(
    connection: sqlite3.Connection, tractor: str, units: Sequence[str], but: int = 0
) -> None:
    for other in store.find(connection, stages=HERE, limit=10_000):
        if other.id == but:
            continue
        here = {other.arrival.tractor if other.arrival else ""} | {u.number for u in other.units}
        if twice := (here & {tractor, *units}) - {""}:
            raise DeskError(
                "here_already",
                "{which} is here already as transaction {id}",
                which=min(twice),
                id=other.id,
            )


def _expected(item: Expected) -> Expected:
    return Expected(
        item.eta,
        clean(item.driver, N_("driver"), most=120),
        clean(item.carrier, N_("carrier"), most=120),
        iso6346.compact(clean(item.tractor, N_("tractor"), most=20, needed=False)),
        tuple(iso6346.compact(clean(u, N_("unit"), most=20)) for u in item.units[:99]),
        tuple(seals.number(seal) for seal in item.seals[:99]),
    )
