"""The visitor log with exactly the fields of CTPAT's criterion 10.2, in the site's time.

date; visitor's name; verification of photo ID (the kind, or that a known regular visitor was
excused); time of arrival; company contact; time of departure.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import IO
from zoneinfo import ZoneInfo

from gateway.desk.act import local
from gateway.desk.text import defused
from gateway.desk.visits.visit import Visit

FIELDS = ("date", "name", "photo_id", "arrived", "company_contact", "departed")
HEADS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Date",
        "Visitor's name",
        "Photo ID verified",
        "Time of arrival",
        "Company contact",
        "Time of departure",
    ),
    "es": (
        "Fecha",
        "Nombre del visitante",
        "Identificación verificada",
        "Hora de llegada",
        "Contacto en la empresa",
        "Hora de salida",
    ),
}
_REGULAR = {"en": "known regular visitor", "es": "visitante frecuente conocido"}


def rows(
    visits: Iterable[Visit],
    zone: ZoneInfo,
    kinds: Mapping[str, tuple[str, str]],
    language: str = "en",
) -> list[dict[str, str]]:
    """One row a visit, its keys those of FIELDS.  A departure on another day shows the day."""
    found = []
    for visit in visits:
        day = local(visit.arrived_at, zone, "%Y-%m-%d")
        left = local(visit.departed_at, zone)
        names = kinds.get(visit.id_kind, (visit.id_kind,) * 2)
        shown = names[1 if language == "es" else 0] if visit.id_kind else _REGULAR[language]
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


def write_csv(log: Iterable[Mapping[str, str]], file: IO[str], language: str = "en") -> None:
    """The log as CSV; no cell is a formula."""
    writer = csv.writer(file)
    writer.writerow(HEADS[language])
    for row in log:
        writer.writerow(defused(row[name]) for name in FIELDS)
