"""The visitor log with exactly the fields of CTPAT's criterion 10.2, in the site's time.

The fields: date; visitor's name; photo ID verified (its kind, or "known regular visitor"); time of
arrival; company contact; time of departure.  They come from the records (gateway/desk/logged.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from gateway.desk import logged
from gateway.desk.act import local
from gateway.desk.errors import NotFound
from gateway.desk.visits import records
from gateway.desk.visits.visit import VisitPolicy
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Words, _, choose

COLUMNS = {
    "date": N_("Date"),
    "name": N_("Visitor's name"),
    "photo_id": N_("Photo ID verified"),
    "arrived": N_("Time of arrival"),
    "company_contact": N_("Company contact"),
    "departed": N_("Time of departure"),
}


def read(
    ledger: LedgerReader,
    connection: sqlite3.Connection,
    first: date,
    last: date,
    policy: VisitPolicy,
) -> logged.Log:
    """The visits whose arrival lies on one of the local days from `first` to `last`.  Raises
    LedgerUnavailable."""
    return logged.read(
        VISITS,
        ledger,
        connection,
        (first, last),
        policy.zone,
        lambda facts: cells(facts, policy.zone, policy.id_kinds),
    )


def cells(facts: logged.Facts, zone: ZoneInfo, kinds: Mapping[str, Words]) -> dict[str, str]:
    """A visit with the keys of COLUMNS.  A departure on another day has its day."""
    day = local(facts["arrived_at"], zone, "%Y-%m-%d")
    left = local(facts.get("departed_at"), zone)
    kind = facts.get("id_kind", "")
    return {
        "date": day,
        "name": facts.get("name", ""),
        "photo_id": choose(kinds.get(kind, (kind,) * 2)) if kind else _("known regular visitor"),
        "arrived": local(facts["arrived_at"], zone, "%H:%M"),
        "company_contact": facts.get("host", ""),
        "departed": left.removeprefix(f"{day} "),
    }


def of_table(connection: sqlite3.Connection, number: int) -> logged.Facts:
    """The same facts as the table has them; {} if there is no such visit."""
    try:
        visit = records.get(connection, number)
    except NotFound:
        return {}
    return {
        "name": str(visit.name),
        "host": str(visit.host),
        "id_kind": str(visit.id_kind),
        "arrived_at": logged.time_in(visit.arrived_at),
        "departed_at": logged.time_in(visit.departed_at),
    }


def _take(facts: logged.Facts, event: Event) -> None:
    # A departure copies name and contact from the table, so the arrival's count.
    if event.type == EventType.VISIT_ARRIVED:
        logged.keep(facts, event, "name", "host", "id_kind", "arrived_at")
    else:
        logged.keep(facts, event, "departed_at")


VISITS = logged.Kind(
    key="visit",
    columns=COLUMNS,
    arrival=EventType.VISIT_ARRIVED,
    leaving=frozenset({EventType.VISIT_DEPARTED}),
    others=frozenset(),
    arrived={
        "name": ("name",),
        "host": ("company_contact",),
        "id_kind": ("photo_id",),
        "arrived_at": ("date", "arrived"),
    },
    left={"departed_at": ("departed",)},
    take=_take,
    table=of_table,
)
