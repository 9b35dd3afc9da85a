"""Simulated records have the form of real ones: the keys of records that the acts themselves made.

Left out on purpose are the marks of rows of people.db (`rows`, `sums`).  `by_person` and `by_name`
stand where the operator is known.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from benchmarks.site import Shape, Site, make
from gateway.config.criteria import standard
from gateway.decide import decide
from gateway.decide.model import Credential, Lookup, Outcome, Person, Request
from gateway.decide.record import access_event
from gateway.desk.freight import seals
from gateway.desk.visits import register
from gateway.ledger.event import EventType
from tests.gateway.decide.policy_world import SITE
from tests.gateway.desk import test_freight as freight
from tests.gateway.desk import test_visits as visits

NOW = datetime(2026, 11, 25, 16, 0, tzinfo=ZoneInfo("America/Tijuana"))
APART = {"rows", "sums", "by_person", "by_name"}
trucks = freight.db
guests = visits.db


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


@pytest.fixture(scope="module")
def simulated() -> dict[str, dict[str, Any]]:
    """One record of each type of two months."""
    site, found = Site(make(Shape(seed=3, people=60, begin=date(2026, 10, 1)))), {}
    for number in range(60):
        for raw in site.day(date(2026, 10, 1) + timedelta(days=number)):
            found.setdefault(raw.type, raw.data)
    return found


def real(db: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    return {kind: json.loads(data) for kind, data in db.execute("SELECT type, data FROM outbox")}


def same(made: Mapping[str, Any], simulated: Mapping[str, Any]) -> None:
    assert set(simulated) - APART == set(made) - APART
    for key in set(made) - APART:
        if made[key] is not None and simulated[key] is not None:
            number = isinstance(made[key], (int, float)) and isinstance(
                simulated[key], (int, float)
            )
            assert number or type(made[key]) is type(simulated[key]), key
            if isinstance(made[key], str) and made[key][:2] == "20" and "T" in made[key]:
                datetime.fromisoformat(simulated[key])


def test_a_truck(
    trucks: sqlite3.Connection, path: Path, simulated: dict[str, dict[str, Any]]
) -> None:
    tx = freight.arrived(trucks, replace(freight.CAME, tractor_number="118"))
    freight.inspected(trucks, tx.id)
    freight.loaded(trucks, tx.id)
    freight.affix(trucks, tx.id)
    freight.leave(trucks, tx.id)
    made = real(trucks)
    kinds = {kind for kind in made if kind.startswith(("freight.", "seal.", "partner."))}
    assert len(kinds) >= 8
    for kind in kinds & set(simulated):
        same(made[kind], simulated[kind])


def test_seals(trucks: sqlite3.Connection, simulated: dict[str, dict[str, Any]]) -> None:
    stock = [one.number for one in seals.listed(trucks, state="stock")]
    seals.issue(trucks, stock[:2], to="Rosa", by="g", now=freight.NOW)
    seals.void(trucks, stock[0], reason="broken", by="g", now=freight.NOW)
    seals.reconcile(trucks, [], by="g")
    made = real(trucks)
    for kind in (EventType.SEAL_ISSUED, EventType.SEAL_RECONCILED, EventType.SEAL_RECEIVED):
        same(made[kind], simulated[kind])


def test_a_visit(
    guests: sqlite3.Connection, path: Path, simulated: dict[str, dict[str, Any]]
) -> None:
    visits.employ(guests)
    visit = visits.badged(guests)
    register.contact_host(guests, visit.id, by=visits.GUARD, now=visits.NOW, escort="e17")
    register.depart(guests, visit.id, by=visits.G, now=visits.NOW + visits.HOUR)
    made = real(guests)
    kinds = {kind for kind in made if kind.startswith("visit.")}
    assert len(kinds) >= 5
    for kind in kinds & set(simulated):
        same(made[kind], simulated[kind])


class Key:
    def fingerprint(self, credential_key: str) -> str:
        return "f" * 16


def test_a_badge(simulated: dict[str, dict[str, Any]]) -> None:
    person = Person("e1", "Ana", "Acme", access_levels=("plant",))
    badge = Credential("wiegand26", "1", "12345")
    asked = Request("gate", badge, Lookup.FOUND, person, templates=3)
    denied = decide(asked, SITE, NOW)
    granted = replace(denied, outcome=Outcome.GRANT)
    about = {"reader": "main-1-in", "way": "in", "took_ms": 0.7}
    for decision in (denied, granted):
        made = access_event(asked, decision, SITE, Key(), about)
        kinds = (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED)
        assert made.type in kinds
        same(made.data, dict(simulated[EventType.ACCESS_GRANTED]))


def test_criteria_are_those_of_the_standard_set(simulated: dict[str, dict[str, Any]]) -> None:
    for kind, data in simulated.items():
        if kind.startswith("access."):
            continue
        assert set(standard().of(kind)) <= set(data.get("criteria", ())), kind
