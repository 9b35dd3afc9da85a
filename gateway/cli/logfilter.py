"""The options of `garita log export` that say which records it takes
(gateway/desk/auditor/filters.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.cli import common
from gateway.config import Settings
from gateway.desk.auditor import filters
from gateway.desk.auditor.filters import FilterError, Wanted
from gateway.ledger import LedgerReader

SinceOption = Annotated[
    str,
    typer.Option(
        help="From this on: a day of the site (2026-11-24, today, yesterday), or a UTC time "
        "(2026-11-24T05:00)."
    ),
]
UntilOption = Annotated[str, typer.Option(help="Before this day of the site or UTC time.")]
TypeOption = Annotated[str, typer.Option("--type", help="Events of this kind, such as access.")]
CriterionOption = Annotated[
    list[str],
    typer.Option("--criterion", help="Evidence for this criterion, such as 10.2; may be repeated."),
]
PersonOption = Annotated[str, typer.Option("--person", help="About the person of this id.")]
DoorOption = Annotated[str, typer.Option("--door", help="About this door.")]
VisitOption = Annotated[int, typer.Option("--visit", help="About the visit of this number.")]
TruckOption = Annotated[int, typer.Option("--truck", help="About the truck of this number.")]


def wanted(
    settings: Settings,
    ledger: LedgerReader,
    *,
    type: str,
    criteria: Sequence[str],
    person: str,
    door: str,
    visit: int,
    truck: int,
    since: str,
    until: str,
) -> Wanted:
    """The filters of the options; ends with exit code 2 for one that can fit nothing, and with 1
    for a person whom neither the list nor the log knows."""
    try:
        return filters.wanted(
            settings,
            ledger.mentions,
            type=type,
            criteria=criteria,
            person=person,
            door=door,
            visit=visit,
            truck=truck,
            since=since,
            until=until,
        )
    except FilterError as error:
        said = f"--{error.field}: {error}" if error.field in ("since", "until") else str(error)
        common.fail(said, common.REFUSED if error.nobody else common.USAGE)


def begin(settings: Settings, given: str) -> str:
    """An option's day or time as the log writes times (gateway/desk/auditor/filters.py); ends with
    exit code 2 for any other text."""
    try:
        return filters.begin(settings, given)
    except FilterError as error:
        common.fail(str(error), common.USAGE)
