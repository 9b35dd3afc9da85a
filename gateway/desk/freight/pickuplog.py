"""The cargo pickup log with exactly the fields of CTPAT's criterion 10.4, in the site's time.

The fields: driver's name; date and time of arrival; employer; truck number; trailer number; time of
departure; seal number at departure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO
from zoneinfo import ZoneInfo

from gateway.desk import text
from gateway.desk.freight.transaction import Transaction
from gateway.locale import N_

FIELDS = ("driver", "arrived", "employer", "truck", "trailer", "departed", "seal")
HEADS = (
    N_("Driver's name"),
    N_("Date and time of arrival"),
    N_("Employer"),
    N_("Truck number"),
    N_("Trailer number"),
    N_("Time of departure"),
    N_("Seal number at departure"),
)


def rows(transactions: Iterable[Transaction], zone: ZoneInfo) -> list[dict[str, str]]:
    """One row for each truck that arrived, with the keys of FIELDS.  A truck that is still here has
    an empty departure."""
    found = []
    for tx in transactions:
        arrival = tx.arrival
        if arrival is None:
            continue
        came = arrival.at.astimezone(zone)
        left = tx.departed_at.astimezone(zone) if tx.departed_at else None
        truck = [text for text in (arrival.tractor_number, arrival.tractor) if text]
        form = "%H:%M" if left and left.date() == came.date() else "%Y-%m-%d %H:%M"
        found.append(
            {
                "driver": arrival.driver,
                "arrived": f"{came:%Y-%m-%d %H:%M}",
                "employer": arrival.carrier,
                "truck": " / ".join(truck),
                "trailer": ", ".join(unit.number for unit in tx.units),
                "departed": left.strftime(form) if left else "",
                "seal": ", ".join(number for _, number in tx.seals_now) if left else "",
            }
        )
    return found


def write_csv(log: Iterable[Mapping[str, str]], file: IO[str]) -> None:
    """Write the log as CSV; no cell is a formula."""
    text.write_csv(file, HEADS, ([row[name] for name in FIELDS] for row in log))
