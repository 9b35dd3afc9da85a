"""A site with people to look for, and records of badges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.console.site import Site
from gateway.decide import decide
from gateway.decide.model import Credential, Lookup, Request
from gateway.decide.record import access_event
from gateway.ledger import Ledger
from gateway.people import Roster, requirements
from gateway.people.requirements import Row
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import read_people
from gateway.vault.sitekey import SiteKey
from tests.gateway.console.site import PEOPLE, Desk, desk_of, make, write_site

HOSTILE = '<script>alert(1)</script> & "Ñandú" ' + "x" * 150
MORE = """
[schedules.never]
periods = [{ days = ["holiday"], from = "22:00", to = "23:00" }]

[access_levels.night]
doors = { office = "never" }

[requirements.induction]
title = { en = "Induction", es = "Inducción" }
of = "person"
"""
ROWS = (
    "e201,María López Núñez,Acme México,plant,em4100:18:2010042;em4100:18:2077,2027-01-31,active",
    "e202,Mario Chávez,Acme México,plant,em4100:18:2020042,2026-10-31,active",
    "e203,Noé Night,Acme México,night,em4100:18:2030042,,active",
    f'e204,"{HOSTILE.replace(chr(34), chr(34) * 2)}",Norte,plant,em4100:18:2040042,,suspended',
    "a/b,Slash Ortiz,Norte,plant,,,active",
)


def listed(site: Site, *rows: str) -> None:
    """Put the operators and `rows` on the list."""
    path = site.settings.people_path.parent / "people.csv"
    own = [f"{person},{name},Garita,plant,,,active" for _, person, name, _ in PEOPLE]
    head = "id,name,company,access_levels,credentials,valid_until,status"
    path.write_text("\n".join((head, *own, *rows)) + "\n", encoding="utf-8")
    with closing(open_admin(site.settings.people_path)) as db:
        read = read_people(path, levels=("plant", "night"), zone=UTC)
        assert not read.errors, read.errors
        plan = sync.plan(db, read)
        sync.apply(db, plan, by="hilda", confirmed={item.name for item in plan.tripped})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make(write_site(tmp_path, MORE))
    listed(made, *ROWS)
    with closing(open_admin(made.settings.people_path)) as db:
        today = datetime.now(made.settings.site.zone).date()
        row = Row("person", "e201", "induction", today + timedelta(days=12))
        requirements.set_requirement(db, row, by="hilda")
    yield made
    made.store.close()


@pytest.fixture
def desk(site: Site) -> Callable[[str], Desk]:
    return lambda name: desk_of(site, name)


@pytest.fixture
def badge(site: Site) -> Callable[..., int]:
    """``badge("em4100:18:2020042", "main", at=..., pin=...)``: somebody shows a badge, as the gate
    writes it down; returns the record's number."""

    def shown(key: str, door: str = "main", **facts: Any) -> int:
        settings, at = site.settings, facts.pop("at", datetime.now(UTC))
        with closing(Roster(settings.people_path)) as roster:
            found = roster.find(Credential.parse(key))
        lookup = Lookup.FOUND if found.person else Lookup.UNKNOWN
        request = replace(
            Request(door, Credential.parse(key), lookup, found.person, found.list_version), **facts
        )
        event = access_event(
            request,
            decide(request, settings.site, at),
            settings.site,
            SiteKey.load(settings.tables.site.key_file),
            {"reader": "main-in", "way": "in", "took_ms": 1.0},
        )
        return put(site, event)

    return shown


def put(site: Site, event: Any) -> int:
    """Write a record, as the daemon does; returns its number."""

    async def write() -> int:
        with closing(
            Ledger.open(site.settings.ledger_path, gateway=site.settings.site.gateway)
        ) as ledger:
            return (await ledger.append(event)).seq

    return asyncio.run(write())
