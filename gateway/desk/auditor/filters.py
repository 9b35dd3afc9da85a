"""Which records somebody asks for: the filters of an export and of the pages of records.

A filter that can fit nothing is a mistake: a type, criterion or door that there is not, a time in
another form.  An empty answer then says that there was nothing, and not that somebody mistyped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.config import Settings
from gateway.config.criteria import editions
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import GaritaError, Message, worded
from gateway.people import Roster, RosterUnavailable

_DAYS = {"today": 0, "hoy": 0, "yesterday": -1, "ayer": -1}
_OF_PEOPLE = ("area", "escort", "face", "grant", "people", "requirement", "visit")


class FilterError(GaritaError):
    """A filter can fit nothing.  `field` names it; `nobody` says that it names a person, visit or
    truck whom nobody knows, and nothing that was mistyped."""

    def __init__(self, field: str, message: Message, *, nobody: bool = False) -> None:
        self.field, self.nobody = field, nobody
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are asked for; "", 0 and () ask for everything.  Times are UTC as the log has
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
            and (not self.criteria or not criteria_of(event).isdisjoint(self.criteria))
        )

    @property
    def marks(self) -> list[tuple[str, ...]]:
        """Texts that stand in the body of each record that fits: of each tuple at least one.

        A record that has them need not fit.  They spare reading all others.
        """
        found: list[tuple[str, ...]] = []
        if self.type:
            found.append((f'"type":"{self.type}',))
        if self.door:
            found.append((_quoted(self.door),))
        if self.person:
            found.append((_quoted(self.person),))
        if self.visit:
            found.append((f'"visit":{self.visit}', _quoted(self._guest)))
        if self.truck:
            found.append((f'"freight":{self.truck}',))
        if self.criteria:
            found.append(('"criteria":',))
        return found

    @property
    def _guest(self) -> str:
        return f"visit-{self.visit}"


def wanted(
    settings: Settings,
    mentions: Callable[[str], bool],
    *,
    type: str = "",
    criteria: Sequence[str] = (),
    person: str = "",
    door: str = "",
    visit: int = 0,
    truck: int = 0,
    since: str = "",
    until: str = "",
) -> Wanted:
    """The filters as somebody gave them.  Raises FilterError for one that can fit nothing.

    `mentions` says whether any record holds a text (LedgerReader.mentions, which may read all of
    them); it is asked for what neither the configuration nor the list knows.
    """
    if not any(kind.startswith(type) for kind in EventType):
        known = ", ".join(dict.fromkeys(kind.partition(".")[0] for kind in EventType))
        said = worded(
            "there is no event of type {type}; types begin with {known}", type=type, known=known
        )
        raise FilterError("type", said)
    for item in criteria:
        if item not in settings.criteria.criteria and not editions.is_old(item):
            said = worded(
                "there is no criterion {id}; {label} has {known}",
                id=item,
                label=settings.criteria.label,
                known=", ".join(settings.criteria.criteria),
            )
            raise FilterError("criterion", said)
    if door and door not in settings.site.doors and not mentions(door):
        said = worded(
            "there is no door {door}; doors: {known}",
            door=door,
            known=", ".join(settings.site.doors),
        )
        raise FilterError("door", said)
    if person and not _on_list(settings, person) and not mentions(person):
        said = worded(
            "neither the list nor the log knows a person {person}; give the id"
            " (garita people list --search NAME)",
            person=person,
        )
        raise FilterError("person", said, nobody=True)
    for name, number in (("visit", visit), ("freight", truck)):
        subject = f"{name}-{number}"
        if number and not mentions(subject):
            raise FilterError(name, worded("the log has no {name}", name=subject), nobody=True)
    first, last = begin(settings, since, "since"), begin(settings, until, "until")
    if first and last and first >= last:
        raise FilterError("until", worded("the end is not after the beginning"))
    return Wanted(type, tuple(criteria), person, door, visit, truck, first, last)


def begin(settings: Settings, given: str, field: str = "") -> str:
    """A day or time as the log writes times: UTC.  A day begins at midnight of the site; a time is
    UTC unless it names its zone.  Raises FilterError."""
    if not given:
        return ""
    try:
        day = _day(settings, given.strip())
        found = datetime.fromisoformat(day)
        if found.tzinfo is None:
            found = found.replace(tzinfo=settings.site.zone if len(day) == 10 else UTC)
        return utc_text(found)
    except (ValueError, OverflowError) as error:
        said = worded(
            "{given}: expected a day such as 2026-11-24, today or yesterday, or a time such as"
            " 2026-11-24T05:00Z",
            given=given[:60],
        )
        raise FilterError(field, said) from error


def criteria_of(event: Event) -> set[str]:
    """The criteria of a record, by the number it has and by the number of today."""
    return {
        number
        for item in editions.named(event.type, event.data)
        for number in (item.now if item.old else (item.id,))
    }


def _day(settings: Settings, given: str) -> str:
    if (days := _DAYS.get(given.casefold())) is None:
        return given
    today: date = datetime.now(settings.site.zone).date()
    return (today + timedelta(days=days)).isoformat()


def _quoted(text: str) -> str:
    """`text` as it stands in a record's body."""
    return json.dumps(text, ensure_ascii=False)


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
