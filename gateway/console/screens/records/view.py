"""What the pages of records show, in the language in use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config import Settings
from gateway.config.criteria.editions import named
from gateway.console.screens.records.asked import Asked
from gateway.desk.auditor.figures import Figures
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, _, language
from gateway.locale.text import tidy
from gateway.wording import criteria as numbers
from gateway.wording import text

KINDS: Mapping[str, str] = {
    "access": N_("Passages and refusals"),
    "alarm": N_("Alarms"),
    "area": N_("Who is inside"),
    "camera": N_("Cameras"),
    "clock": N_("Clock"),
    "command": N_("Commands from afar"),
    "device": N_("Devices"),
    "door": N_("Doors"),
    "escort": N_("Escorts"),
    "face": N_("Faces"),
    "freight": N_("Trucks"),
    "gateway": N_("The gateway"),
    "grant": N_("Temporary grants"),
    "interlock": N_("Interlocks"),
    "ledger": N_("The log itself"),
    "operator": N_("Operators"),
    "partner": N_("Partners"),
    "people": N_("People and lists"),
    "reader": N_("Readers"),
    "records": N_("Exports and verifications"),
    "requirement": N_("Requirements"),
    "seal": N_("Seals"),
    "shift": N_("Shifts"),
    "visit": N_("Visitors"),
}
"""Kinds of records by the beginning of their type; a type without an entry is shown as it is."""
LONGEST = 400


@dataclass(frozen=True, slots=True)
class Line:
    """A record in a list."""

    seq: int
    at: str
    kind: str
    place: str
    words: str
    criteria: tuple[str, ...]
    redacted: bool


def line(event: Event, zone: ZoneInfo) -> Line:
    """A record as a line."""
    return Line(
        event.seq,
        event.time,
        event.type,
        event.subject,
        sentence(event, zone),
        tuple(map(numbers.number, named(event.type, event.data))),
        event.redacted is not None,
    )


def sentence(event: Event, zone: ZoneInfo) -> str:
    """A record in words; its type, if it is in another form."""
    try:
        return tidy(text.describe(event, zone=zone), LONGEST)
    except Exception:
        return event.type


def kinds() -> list[tuple[str, str]]:
    """The kinds of records, each with its words, by the words."""
    prefixes = dict.fromkeys(kind.partition(".")[0] for kind in EventType)
    found = [(f"{prefix}.", _(KINDS.get(prefix, prefix))) for prefix in prefixes]
    return sorted(found, key=lambda pair: pair[1].casefold())


def kind_words(kind: str) -> str:
    """A kind, or the type of a record, in words."""
    prefix = kind.partition(".")[0]
    said = _(KINDS.get(prefix, prefix))
    return said if kind in (prefix, f"{prefix}.") else f"{said}: {kind}"


def criteria(settings: Settings) -> list[tuple[str, str]]:
    """The criteria of the site's set, each with its title."""
    return [
        (item.id, f"{item.id}  {item.title.get(language(), item.title['en'])}")
        for item in settings.criteria.criteria.values()
    ]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and the records behind it."""

    words: str
    count: int
    link: str


@dataclass(frozen=True, slots=True)
class DoorFigures:
    """A door: how often somebody passed and how often somebody was refused."""

    door: str
    granted: Figure
    denied: Figure


def kinds_of(found: Figures, given: Asked) -> list[Figure]:
    """The number of each type of record, the largest first."""
    return [
        Figure(kind_words(kind), count, given.link(kind=kind))
        for kind, count in found.types.most_common()
    ]


def doors_of(found: Figures, given: Asked) -> list[DoorFigures]:
    """The numbers of each door."""
    return [
        DoorFigures(
            door,
            *(
                Figure(words, counts[kind], given.link(door=door, kind=kind))
                for kind, words in (
                    (EventType.ACCESS_GRANTED, _("let in")),
                    (EventType.ACCESS_DENIED, _("refused")),
                )
            ),
        )
        for door, counts in sorted(found.doors.items())
    ]


def criteria_of(found: Figures, given: Asked, settings: Settings) -> list[Figure]:
    """The number of records of each criterion, in the set's order."""
    order = dict(criteria(settings))
    known = [key for key in order if key in found.criteria]
    other = sorted(set(found.criteria) - set(order))
    return [
        Figure(order.get(key, key), found.criteria[key], given.link(criterion=key))
        for key in [*known, *other]
    ]


def as_json(event: Event) -> str:
    """The data of a record, to read."""
    return json.dumps(dict(event.data), ensure_ascii=False, indent=2, sort_keys=True)


def related(event: Event) -> list[tuple[str, str]]:
    """Links to other records about the same: words and address."""
    found: list[tuple[str, str]] = []
    data: Mapping[str, Any] = event.data
    person = data.get("person")
    key = person.get("id") if isinstance(person, dict) else person
    if isinstance(key, str) and key:
        found.append((_("records of this person"), Asked({"person": key}).link()))
    door = data.get("door") or (
        event.subject if event.type.startswith(("access.", "door.")) else ""
    )
    if isinstance(door, str) and door:
        found.append((_("records of this door"), Asked({"door": door}).link()))
    for name, field, said in (
        ("visit", "visit", _("records of this visit")),
        ("freight", "truck", _("records of this truck")),
    ):
        number = data.get(name)
        if isinstance(number, int):
            found.append((said, Asked({field: str(number)}).link()))
    return found
