"""The visitor log with exactly the fields of CTPAT's criterion 10.2, in the site's time.

The fields: date; visitor's name; photo ID verified (its kind, or "known regular visitor"); time of
arrival; company contact; time of departure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO
from zoneinfo import ZoneInfo

from gateway.desk import text
from gateway.desk.act import local
from gateway.desk.visits.visit import Visit
from gateway.locale import N_, Words, _, choose

FIELDS = ("date", "name", "photo_id", "arrived", "company_contact", "departed")
HEADS = (
    N_("Date"),
    N_("Visitor's name"),
    N_("Photo ID verified"),
    N_("Time of arrival"),
    N_("Company contact"),
    N_("Time of departure"),
)


def rows(
    visits: Iterable[Visit],
    zone: ZoneInfo,
    kinds: Mapping[str, Words],
) -> list[dict[str, str]]:
    """One row for each visit, with the keys of FIELDS.  A departure on another day has its day."""
    found = []
    for visit in visits:
        day = local(visit.arrived_at, zone, "%Y-%m-%d")
        left = local(visit.departed_at, zone)
        named = choose(kinds.get(visit.id_kind, (visit.id_kind,) * 2))
        shown = named if visit.id_kind else _("known regular visitor")
        found.append(
            {
                "date": day,
                "name": visit.name,
                "photo_id": shown,
                "arrived": local(visit.arrived_at, zone, "%H:%M"),
                "company_contact": visit.host,
                "departed": left.removeprefix(f"{day} "),
            }
        )
    return found


def write_csv(log: Iterable[Mapping[str, str]], file: IO[str]) -> None:
    """Write the log as CSV; no cell is a formula."""
    text.write_csv(file, HEADS, ([row[name] for name in FIELDS] for row in log))
