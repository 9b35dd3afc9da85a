"""Which records `garita log export` takes: its filters, and what is wrong with one.

A filter that can fit nothing is a mistake: a type, criterion or door that there is not, a time in
another form.  An empty export then says that there was nothing, and not that somebody mistyped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer

from gateway.cli import common
from gateway.config import Settings
from gateway.config.criteria import editions
from gateway.ledger import LedgerReader
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import _
from gateway.people import Roster, RosterUnavailable

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

_DAYS = {"today": 0, "hoy": 0, "yesterday": -1, "ayer": -1}
_OF_PEOPLE = ("area", "escort", "face", "grant", "people", "requirement", "visit")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is asked for; "", 0 and () ask for everything.  Times are UTC as the log has
    them."""

    type: str = ""
    criteria: tuple[str, ...] = ()
    person: str = ""
    door: str = ""
    visit: int = 0
    truck: int = 0
    since: str = ""
    until: str = ""

    @property
    def asked(self) -> dict[str, Any]:
        """The filters that are set, by name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    def fits(self, event: Event) -> bool:
        """Whether the event is among those asked for."""
        return (
            event.type.startswith(self.type)
            and (not self.since or event.time >= self.since)
            and (not self.until or event.time < self.until)
            and (not self.door or self.door in (event.subject, event.data.get("door")))
            and (not self.visit or event.data.get("visit") == self.visit or _of(event, self._guest))
            and (not self.truck or event.data.get("freight") == self.truck)
            and (not self.person or _of(event, self.person))
            and (not self.criteria or not _named(event).isdisjoint(self.criteria))
        )

    @property
    def _guest(self) -> str:
        return f"visit-{self.visit}"


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
    if not any(kind.startswith(type) for kind in EventType):
        known = ", ".join(dict.fromkeys(kind.partition(".")[0] for kind in EventType))
        common.fail(
            _("there is no event of type {type}; types begin with {known}").format(
                type=type, known=known
            ),
            common.USAGE,
        )
    for item in criteria:
        if item not in settings.criteria.criteria and not editions.is_old(item):
            common.fail(
                _("there is no criterion {id}; {label} has {known}").format(
                    id=item,
                    label=settings.criteria.label,
                    known=", ".join(settings.criteria.criteria),
                ),
                common.USAGE,
            )
    if door and door not in settings.site.doors and not ledger.mentions(door):
        common.fail(
            _("there is no door {door}; doors: {known}").format(
                door=door, known=", ".join(settings.site.doors)
            ),
            common.USAGE,
        )
    if person and not _on_list(settings, person) and not ledger.mentions(person):
        common.fail(
            _(
                "neither the list nor the log knows a person {person}; give the id"
                " (garita people list --search NAME)"
            ).format(person=person),
            common.REFUSED,
        )
    for name, number in (("visit", visit), ("freight", truck)):
        if number and not ledger.mentions(f"{name}-{number}"):
            common.fail(_("the log has no {name}").format(name=f"{name}-{number}"), common.REFUSED)
    first, last = begin(settings, since), begin(settings, until)
    if first and last and first >= last:
        common.fail(_("--since is not before --until"), common.USAGE)
    return Wanted(type, tuple(criteria), person, door, visit, truck, first, last)


def begin(settings: Settings, given: str) -> str:
    """An option's day or time as the log writes times: UTC.  A day begins at midnight of the site;
    a time is UTC unless it names its zone."""
    if not given:
        return ""
    try:
        day = _day(settings, given.strip())
        found = datetime.fromisoformat(day)
        if found.tzinfo is None:
            found = found.replace(tzinfo=settings.site.zone if len(day) == 10 else UTC)
        return utc_text(found)
    except (ValueError, OverflowError):
        common.fail(
            _(
                "{given}: expected a day such as 2026-11-24, today or yesterday, or a time such as"
                " 2026-11-24T05:00Z"
            ).format(given=given),
            common.USAGE,
        )


def _day(settings: Settings, given: str) -> str:
    if (days := _DAYS.get(given.casefold())) is None:
        return given
    today: date = datetime.now(settings.site.zone).date()
    return (today + timedelta(days=days)).isoformat()


def _named(event: Event) -> set[str]:
    """The criteria of a record, by the number it has and by the number of today."""
    return {
        number
        for item in editions.named(event.type, event.data)
        for number in (item.now if item.old else (item.id,))
    }


def _of(event: Event, person: str) -> bool:
    """Whether the event is about the person of that id, or names them."""
    if event.subject == person and event.type.partition(".")[0] in _OF_PEOPLE:
        return True
    return person in set(_people(event.data))


def _people(data: Any) -> Iterator[str]:
    """The ids of people in a record's data."""
    for key in ("person", "partner", "escort_id", "subject", "id"):
        value = data.get(key)
        found = value.get("id") if isinstance(value, dict) else value
        if isinstance(found, str):
            yield found
    facts = data.get("facts")
    companions = facts.get("companions") if isinstance(facts, dict) else ()
    lists = [data.get("escorts")]
    if isinstance(people := data.get("people"), dict):
        lists += people.values()
    for value in lists:
        if isinstance(value, list | dict):  # a list of ids, or a table by id
            yield from (item for item in value if isinstance(item, str))
    if isinstance(companions, list):
        yield from (item for item in companions if isinstance(item, str))


def _on_list(settings: Settings, person: str) -> bool:
    try:
        return Roster(settings.people_path).find_person(person).person is not None
    except RosterUnavailable:
        return False
