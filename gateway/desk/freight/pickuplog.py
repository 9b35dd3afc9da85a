"""The cargo pickup log with exactly the fields of CTPAT's criterion 10.4, in the site's time.

The fields: driver's name; date and time of arrival; employer; truck number; trailer number; time of
departure; seal number at departure.  They come from the records (gateway/desk/logged.py).
"""

from __future__ import annotations

import sqlite3
from datetime import date
from zoneinfo import ZoneInfo

from gateway.desk import logged
from gateway.desk.act import parse, stamp
from gateway.desk.errors import DeskError
from gateway.desk.freight import store
from gateway.desk.freight.transaction import Transaction
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.locale import N_

COLUMNS = {
    "driver": N_("Driver's name"),
    "arrived": N_("Date and time of arrival"),
    "employer": N_("Employer"),
    "truck": N_("Truck number"),
    "trailer": N_("Trailer number"),
    "departed": N_("Time of departure"),
    "seal": N_("Seal number at departure"),
}


def read(
    ledger: LedgerReader,
    connection: sqlite3.Connection,
    first: date,
    last: date,
    zone: ZoneInfo,
) -> logged.Log:
    """The trucks whose arrival lies on one of the local days from `first` to `last`.  Raises
    LedgerUnavailable."""
    return logged.read(
        TRUCKS, ledger, connection, (first, last), zone, lambda facts: cells(facts, zone)
    )


def cells(facts: logged.Facts, zone: ZoneInfo) -> dict[str, str]:
    """A truck with the keys of COLUMNS.  A truck that is still here has an empty departure."""
    came = parse(facts["arrived_at"]).astimezone(zone)
    departed = facts.get("departed_at")
    left = parse(departed).astimezone(zone) if departed else None
    form = "%H:%M" if left and left.date() == came.date() else "%Y-%m-%d %H:%M"
    units = facts.get("units", ())
    # A seal that a guard put on has a record of its own, which is older than the departure's.
    seals = {
        **facts.get("seals", {}),
        **{unit: seal for unit, seal in facts.get("affixed", {}).items() if unit in units},
    }
    truck = (facts.get("tractor_number", ""), facts.get("tractor", ""))
    return {
        "driver": facts.get("driver", ""),
        "arrived": f"{came:%Y-%m-%d %H:%M}",
        "employer": facts.get("carrier", ""),
        "truck": " / ".join(filter(None, truck)),
        "trailer": ", ".join(units),
        "departed": left.strftime(form) if left else "",
        "seal": ", ".join(seals[unit] for unit in sorted(seals)) if left else "",
    }


def left(tx: Transaction, *, at: str) -> dict[str, object]:
    """What left at the time `at`, as a record holds it: the items of the pickup log and the papers
    that went along."""
    arrival = tx.arrival
    if arrival is None:
        return {}
    papers = (*arrival.documents, *(tx.loading.documents if tx.loading else ()))
    return {
        **_facts(tx),
        "kinds": {unit.number: unit.kind for unit in tx.units},
        "loaded": tx.loaded,
        "documents": list(dict.fromkeys(f"{paper.kind}={paper.number}" for paper in papers)),
        "departed_at": at,
    }


def of_table(connection: sqlite3.Connection, number: int) -> logged.Facts:
    """The same facts as the table has them; {} if there is no such truck, or its row is damaged."""
    try:
        tx = store.load(connection, number)
    except DeskError:
        return {}
    return {**_facts(tx), "departed_at": stamp(tx.departed_at) if tx.departed_at else None}


def _facts(tx: Transaction) -> logged.Facts:
    arrival = tx.arrival
    if arrival is None:
        return {}
    return {
        "driver": arrival.driver,
        "carrier": arrival.carrier,
        "tractor": arrival.tractor,
        "tractor_number": arrival.tractor_number,
        "units": [unit.number for unit in tx.units],
        "seals": dict(tx.seals_now),
        "arrived_at": stamp(arrival.at),
    }


def _take(facts: logged.Facts, event: Event) -> None:
    if event.type == EventType.SEAL_AFFIXED:
        facts.setdefault("affixed", {}).setdefault(event.data.get("unit"), event.data.get("seal"))
    elif event.type == EventType.FREIGHT_HOOKED:
        logged.keep(facts, event, "units")
    elif event.type == EventType.FREIGHT_ARRIVED:
        logged.keep(facts, event, *_ARRIVED)
    else:
        # It copies the other facts from the table, so those of the arrival count.
        logged.keep(facts, event, *_LEFT)


_ARRIVED = {
    "driver": ("driver",),
    "carrier": ("employer",),
    "tractor": ("truck",),
    "tractor_number": ("truck",),
    "units": ("trailer",),
    "arrived_at": ("arrived",),
}
_LEFT = {"departed_at": ("departed",), "seals": ("seal",)}
TRUCKS = logged.Kind(
    key="freight",
    columns=COLUMNS,
    arrival=EventType.FREIGHT_ARRIVED,
    leaving=frozenset({EventType.FREIGHT_DEPARTED, EventType.FREIGHT_TURNED_AWAY}),
    others=frozenset({EventType.FREIGHT_HOOKED, EventType.SEAL_AFFIXED}),
    arrived=_ARRIVED,
    left=_LEFT,
    take=_take,
    table=of_table,
)
