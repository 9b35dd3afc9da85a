"""Business partners (CTPAT 3.1, 3.4 to 3.8): their status at the end of the span, what changed in
it, and the carriers whose trucks came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import ClassVar

from gateway.desk import partners
from gateway.desk.partners import WORDS, Partner, PartnerPolicy
from gateway.evidence.handling import Handled
from gateway.evidence.model import (
    Deviation,
    Figure,
    Found,
    Frequency,
    Place,
    Population,
    When,
)
from gateway.evidence.taking import Odd, Taker, moment, named, text, who
from gateway.evidence.topics.partnertables import CARRIERS, CHANGES, TABLE
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded
from gateway.locale.text import name_key

_SETS = frozenset({EventType.PARTNER_ADDED, EventType.PARTNER_CHANGED})


@dataclass(slots=True)
class _Known:
    partner: Partner
    at: str
    by: str
    record: int


@dataclass(slots=True)
class _Carrier:
    name: str
    trucks: int = 0
    cleared: int = 0
    worst: str = "partner_cleared"
    first_at: str = ""
    records: list[int] = field(default_factory=list)


class Partners(Taker):
    """Takes the register's changes, those from before the span too, and arrivals in it."""

    key: ClassVar[str] = "partners"
    rules: ClassVar[Mapping[str, str]] = {
        "partner_status_over": N_(
            "a partner's status lapsed in the span and was not renewed in time"
        ),
        "partner_questions_old": N_("a partner's questionnaire became too old"),
        "carrier_without_status": N_("trucks came of a carrier without a status on that day"),
    }
    before: ClassVar[frozenset[EventType]] = _SETS
    reads: ClassVar[frozenset[EventType]] = _SETS | {EventType.FREIGHT_ARRIVED}

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        months = place.settings.tables.partners.questionnaire_months
        self._policy = PartnerPolicy(questionnaire_months=months)
        self._known: dict[str, _Known] = {}
        self._later: dict[str, _Known] = {}
        self._carriers: dict[str, _Carrier] = {}
        self._count: Counter[str] = Counter()
        self._wrong: list[Deviation] = []

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if event.type == EventType.FREIGHT_ARRIVED:
            if when is When.INSIDE:
                self._arrived(event)
            return
        data = event.data
        one = _Known(_partner(event), event.time, who(data), event.seq)
        key = name_key(one.partner.name)
        if when is When.AFTER:
            self._later.setdefault(key, one)
            return
        old = self._known.get(key)
        if when is When.INSIDE:
            self._count["added" if old is None else "changed"] += 1
            asked = old.partner.questionnaire if old else None
            self._count["asked"] += one.partner.questionnaire not in (None, asked)
            if old is not None:
                self._over(old, one)
            row = {
                "at": event.time,
                "name": one.partner.name,
                "programme": one.partner.programme,
                "valid_until": one.partner.valid_until.isoformat(),
                "status": one.partner.status,
                "note": one.partner.note,
                "by": one.by,
            }
            self.place.rows.add(CHANGES.key, row, (event.seq,))
        self._known[key] = one

    def _arrived(self, event: Event) -> None:
        name = text(event.data, "carrier")
        known = self._known.get(name_key(name))
        day = self._day(event.time)
        code = partners.clearance(known.partner if known else None, day, self._policy).code
        one = self._carriers.setdefault(name_key(name), _Carrier(name, first_at=event.time))
        one.trucks += 1
        if code == "partner_cleared":
            one.cleared += 1
        else:
            one.worst = code
            one.records.append(event.seq)

    def _day(self, at: str) -> date:
        found = moment(at)
        return found.astimezone(self.place.span.zone).date() if found else self.place.span.first

    def _over(self, one: _Known, renewed: _Known | None) -> None:
        """A deviation if the status ended in the span before it was renewed."""
        span, partner = self.place.span, one.partner
        good = partners.last_good_day(partner, self._policy)
        today = self.place.as_of.astimezone(span.zone).date()
        if good is None or good < span.first or good >= min(span.last, today):
            return
        if renewed is not None and self._day(renewed.at) <= good + timedelta(days=1):
            return
        asked = partner.programme == "none" and good < partner.valid_until
        facts = {"name": partner.name, "day": good.isoformat()}
        words = worded("the status of {name} was good until {day}", **facts)
        became = Handled(open=True)
        if renewed is not None:
            became = Handled(
                handled=worded("its entry was changed"),
                handled_by=renewed.by,
                handled_at=renewed.at,
            )
        rule = "partner_questions_old" if asked else "partner_status_over"
        self._wrong.append(Deviation(rule, words, one.at, (one.record,), **became))

    def found(self) -> Found:
        """The register at the end of the span, and the carriers that came."""
        found = Found(self.key, worded("Business partners"), tables=[TABLE, CHANGES, CARRIERS])
        found.populations = [Population(one.key, one.title, Frequency.RARE) for one in found.tables]
        for key, one in self._known.items():
            self._over(one, self._later.get(key))
        as_of = self.place.as_of.astimezone(self.place.span.zone).date()
        last = min(self.place.span.last, as_of)
        state: Counter[str] = Counter()
        for _key, one in sorted(self._known.items()):
            code = partners.clearance(one.partner, last, self._policy).code
            state[code] += 1
            state[f"programme {one.partner.programme != 'none'}"] += 1
            asked = one.partner.questionnaire
            row = {
                "name": one.partner.name,
                "kind": one.partner.kind,
                "programme": one.partner.programme,
                "number": one.partner.number,
                "questionnaire": asked.isoformat() if asked else "",
                "valid_until": one.partner.valid_until.isoformat(),
                "standing": code,
                "set_at": one.at,
                "by": one.by,
            }
            self.place.rows.add(TABLE.key, row, (one.record,))
        for carrier in self._carriers.values():
            self.place.rows.add(CARRIERS.key, _cells(carrier), tuple(carrier.records[:100]))
            found.deviations += _without(carrier)
        found.deviations = sorted(
            [*self._wrong, *found.deviations], key=lambda one: (one.at, one.records)
        )
        total, count = len(self._known), self._count
        trucks = sum(one.trucks for one in self._carriers.values())
        good = sum(one.cleared for one in self._carriers.values())

        def of_all(key: str, label: Message, code: str) -> Figure:
            return Figure(key, label, state[code], of=total)

        found.figures = [
            Figure("partners", worded("partners in the register"), total),
            of_all("partners_cleared", worded("cleared at the end"), "partner_cleared"),
            of_all("partners_programme", worded("with a programme's status"), "programme True"),
            of_all("partners_lapsed", worded("lapsed at the end"), "partner_lapsed"),
            of_all("partners_suspended", worded("suspended at the end"), "partner_suspended"),
            Figure("partners_added", worded("added in the span"), count["added"]),
            Figure("partners_changed", worded("changes in the span"), count["changed"]),
            Figure("partners_asked", worded("new questionnaires in the span"), count["asked"]),
            Figure("carriers", worded("carriers whose trucks came"), len(self._carriers)),
            Figure("trucks_cleared", worded("trucks of cleared carriers"), good, of=trucks),
        ]
        return self.told(found)


def _partner(event: Event) -> Partner:
    data = event.data
    asked = text(data, "questionnaire")
    return Partner(
        named(data, "name"),
        text(data, "kind"),
        text(data, "programme"),
        text(data, "number"),
        _iso(asked) if asked else None,
        _iso(text(data, "valid_until")),
        text(data, "status") or "active",
        text(data, "note"),
    )


def _iso(told: str) -> date:
    try:
        return date.fromisoformat(told)
    except ValueError as error:
        raise Odd(told) from error


def _without(one: _Carrier) -> Iterator[Deviation]:
    if one.worst != "partner_cleared":
        words = worded(
            "{count} trucks of {carrier} came on days without a status: {why}",
            count=one.trucks - one.cleared,
            carrier=one.name,
            why=Message(WORDS[one.worst]),
        )
        records = tuple(one.records)
        yield Deviation("carrier_without_status", words, one.first_at, records)


def _cells(one: _Carrier) -> dict[str, object]:
    return {
        "name": one.name,
        "trucks": one.trucks,
        "cleared": one.cleared,
        "standing": one.worst,
    }
