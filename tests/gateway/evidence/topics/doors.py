"""Decisions at doors for tests, in the form in which a door reader records them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.decide.model import (
    Confirmation,
    Credential,
    Decision,
    Lookup,
    Outcome,
    Person,
    Reason,
    Request,
)
from gateway.decide.policy import Site
from gateway.decide.record import access_event
from gateway.ledger.event import NewEvent
from gateway.vault.sitekey import SiteKey
from tests.gateway.evidence.topics.written import Written

KEY = SiteKey(bytes(range(32)))
ANA = Person("e1", "Ana Ruiz", "Acme")
LUIS = Person("e2", "Luis Vega")


def card(person: Person | None, number: str = "") -> Credential:
    """A badge of a person, or of nobody."""
    return Credential("em4100", "18", number or (f"5550{person.id[1:]}" if person else "999999"))


def decided(
    site: Site,
    person: Person | None,
    at: datetime,
    reason: Reason = Reason.GRANTED,
    *,
    door: str = "main-gate",
    badge: Credential | None = None,
    way: str = "in",
    fallback: Mapping[str, str] | None = None,
    confirmed: bool = False,
) -> NewEvent:
    """A record of a decision."""
    granted = reason is Reason.GRANTED
    request = Request(
        door,
        badge or card(person),
        Lookup.FOUND if person else Lookup.UNKNOWN,
        person,
        confirmation=Confirmation.CONFIRMED if confirmed else None,
    )
    decision = Decision(
        Outcome.GRANT if granted else Outcome.DENY,
        reason,
        "a rule",
        7,
        fallback=dict(fallback or {}),
    )
    about: dict[str, Any] = {"reader": f"{door}-{way}", "way": way, "took_ms": 1.0}
    made = access_event(request, decision, site, KEY, about)
    return NewEvent(made.type, made.subject, made.data, time=at)


def pass_door(log: Written, person: Person | None, at: datetime, *more: Any, **what: Any) -> None:
    """Put one decision into a log."""
    log.all([decided(log.settings.site, person, at, *more, **what)])
