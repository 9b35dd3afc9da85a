"""Trucks that carriers announce, that arrive, and that the guard turns away.

An `Act` says who does it, when, and by which policy.  `version` is the one that the operator looked
at.  If a function raises `gateway.desk.errors.DeskError`, it did nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.desk.act import stamp, writing
from gateway.desk.errors import DeskError
from gateway.desk.freight import iso6346, pickuplog, seals, store
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import Act, Done, unit_of
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
    """What the guard saw at arrival; `shown` is None if the guard verified no photo ID."""

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
    """A unit with its number checked.

    Raises DeskError for a container number with a wrong check digit.  With `as_painted` it takes
    the number as it is, and the policy holds the truck.
    """
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


def told_unit(number: str, plates: str = "", *, as_painted: bool = False) -> Unit:
    """An announced unit: a container if the number has that form, else a trailer; raises
    DeskError."""
    kind: UnitKind = "container" if iso6346.looks_like(number) else "trailer"
    return unit(kind, number, plates, as_painted=as_painted)


def document(text: str) -> Document:
    """A document from ``kind=number``, such as ``bill_of_lading=BL-778``; raises DeskError."""
    kind, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[a-z_]{2,40}", kind):
        raise DeskError("bad_document", "a document is written as bill_of_lading=NUMBER")
    return Document(kind, clean(value, N_("document number"), most=60))


def expect(act: Act, expected: Expected) -> Transaction:
    """A carrier announced a truck."""
    return expect_all(act, [expected])[0]


def expect_all(act: Act, announced: Sequence[Expected]) -> list[Transaction]:
    """Announce all trucks of a list, or none; raises DeskError if the site denies a carrier."""
    checked = [_expected(item) for item in announced]
    made = []
    with writing(act.db):
        for item in checked:
            cleared = act.clearance(item.carrier)
            if cleared.verdict == "deny":
                raise DeskError(
                    cleared.code, "{carrier}: {why}", carrier=item.carrier, why=cleared.message
                )
            tx = store.insert(act.db, Transaction(0, expected=item), act.policy)
            data = {
                "eta": item.eta.isoformat(),
                "driver": item.driver,
                "carrier": item.carrier,
                "tractor": item.tractor,
                "units": list(item.units),
                "seals": list(item.seals),
            }
            act.record(EventType.FREIGHT_EXPECTED, Done(tx, data))
            made.append(tx)
    return made


def arrive(act: Act, number: int | None, came: Came, *, version: int | None = None) -> Transaction:
    """A truck is at the gate.  `number` is its transaction; None if nobody announced it."""
    names = [item.number for item in came.units]
    _check_units(names)
    seen = tuple(
        SealSeen(unit_of(names, item), seals.number(text), act.now, act.by, intact, vvtt)
        for item, text, intact, vvtt in came.seals
    )
    if len({item.unit for item in seen}) != len(seen):
        raise DeskError("bad_units", "one seal a unit")
    arrival = _arrival(act, came)
    data = {
        "driver": arrival.driver,
        "carrier": arrival.carrier,
        "tractor": arrival.tractor,
        "tractor_number": arrival.tractor_number,
        "units": names,
        "plates": {item.number: item.plates for item in came.units if item.plates},
        "documents": [f"{item.kind}={item.number}" for item in arrival.documents],
        "seals": [item.number for item in seen],
        "loaded": arrival.loaded,
        "id_kind": arrival.id_kind,
        "id_fingerprint": arrival.id_fingerprint,
        "arrived_at": stamp(arrival.at),
    }

    def step(tx: Transaction) -> Done:
        _not_here_already(act, arrival.tractor, names)
        cleared = act.clearance(arrival.carrier)
        other = other_name(act.db, arrival.id_fingerprint, arrival.driver)
        known = replace(
            arrival,
            carrier_code=cleared.code,
            carrier_verdict=cleared.verdict,
            other_name=other,
        )
        begun = replace(tx, checklist_set=act.policy.checklists.name)
        return Done(life.arrived(begun, known, seen), data)

    if number is not None:
        return act.on(number, EventType.FREIGHT_ARRIVED, step, version=version)
    with writing(act.db):
        blank = store.insert(act.db, Transaction(0), act.policy)
        done = step(blank)
        tx = store.save(act.db, blank, act.acted(done.tx), act.policy)
        act.record(EventType.FREIGHT_ARRIVED, replace(done, tx=tx))
        act.tell(tx, set())
    return tx


def _arrival(act: Act, came: Came) -> Arrival:
    """What the guard saw, with its text cleaned and without the carrier's clearance."""
    shown = came.shown
    plates = clean(came.tractor, N_("tractor plates"), most=20)
    return Arrival(
        at=act.now,
        by=act.by,
        driver=clean(came.driver, N_("driver"), most=120),
        carrier=clean(came.carrier, N_("carrier"), most=120),
        tractor=iso6346.compact(plates),
        tractor_number=clean(came.tractor_number, N_("economic number"), most=20, needed=False),
        units=came.units,
        loaded=came.loaded,
        id_kind=shown.kind if shown else "",
        id_fingerprint=shown.fingerprint if shown else "",
        documents=came.documents,
    )


def see_seal(
    act: Act,
    number: int,
    seal: str,
    *,
    vvtt: Vvtt,
    unit: str = "",
    intact: bool = True,
    version: int | None = None,
) -> Transaction:
    """The guard looked (again) at the seal that a unit came with."""
    text = seals.number(seal)

    def step(tx: Transaction) -> Done:
        where = unit_of([item.number for item in tx.units], unit)
        new = life.seal_seen(tx, SealSeen(where, text, act.now, act.by, intact, vvtt))
        return Done(new, {"seal": text, "unit": where, "intact": intact, "vvtt": vvtt.complete})

    return act.on(number, EventType.FREIGHT_SEAL_SEEN, step, version=version)


def identify(act: Act, number: int, shown: Shown, *, version: int | None = None) -> Transaction:
    """The guard verified the driver's photo ID, after an arrival that was recorded without one."""

    def step(tx: Transaction) -> Done:
        driver = tx.arrival.driver if tx.arrival else ""
        other = other_name(act.db, shown.fingerprint, driver)
        new = life.identified(tx, shown.kind, shown.fingerprint, other)
        return Done(new, {"id_kind": shown.kind, "id_fingerprint": shown.fingerprint})

    return act.on(number, EventType.FREIGHT_IDENTIFIED, step, version=version)


def hook(
    act: Act,
    number: int,
    units: tuple[Unit, ...],
    *,
    loaded: bool,
    version: int | None = None,
) -> Transaction:
    """The truck leaves what it pulled and takes other units, or none.  Somebody has to inspect
    them, and to seal them if `loaded`."""
    names = [item.number for item in units]
    _check_units(names)

    def step(tx: Transaction) -> Done:
        _not_here_already(act, "", names, but=tx.id)
        new = life.hooked(tx, units, act.now, loaded=loaded)
        return Done(new, {"units": names, "loaded": loaded})

    return act.on(number, EventType.FREIGHT_HOOKED, step, version=version)


def turn_away(act: Act, number: int, *, reason: str, version: int | None = None) -> Transaction:
    """The guard sends the truck away; or an announced truck does not come."""
    why = clean(reason, N_("reason"))

    def step(tx: Transaction) -> Done:
        if tx.stage is Stage.EXPECTED:
            return Done(life.cancelled(tx, why), {"reason": why})
        new = life.turned_away(tx, act.now, act.by, why)
        return Done(new, {**pickuplog.left(new, at=stamp(act.now)), "reason": why})

    return act.on(number, EventType.FREIGHT_TURNED_AWAY, step, version=version)


def _check_units(names: Sequence[str]) -> None:
    if len(names) > MAX_UNITS or len(set(names)) != len(names):
        raise DeskError("bad_units", "at most {most} units, each once", most=MAX_UNITS)


def _not_here_already(act: Act, tractor: str, units: Sequence[str], but: int = 0) -> None:
    for other in store.find(act.db, stages=HERE, limit=10_000):
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
