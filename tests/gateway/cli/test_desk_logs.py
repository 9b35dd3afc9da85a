"""`garita visit log` and `freight log` as an auditor sees them: from the records, with notes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from gateway import config
from gateway.cli import common
from gateway.desk.visits import register
from gateway.people.schema import open_admin
from tests.gateway.desk import test_freight as freight
from tests.gateway.desk import test_visits as visits

from .conftest import Site

DAYS = ("--from", "2020-01-01", "--to", "2090-01-01")
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def desk(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A visit that is over and a truck that is here, on record."""
    monkeypatch.setattr(visits, "NOW", NOW)
    monkeypatch.setattr(freight, "NOW", NOW)
    with closing(open_admin(site.people)) as db:
        plan = visits.Plan("José Núñez", "Laura Gil", NOW, NOW + timedelta(hours=1))
        visit = visits.on_site(db, plan)
        register.depart(db, visit.id, by=visits.G, now=NOW)
        freight.arrived_bobtail(db)
    common.nudge(config.load(site.config))
    return site


@pytest.mark.parametrize(
    ("command", "changes"),
    [
        ("visit", ("name = 'Otro', host = 'x', id_kind = ''", "departed_at = NULL")),
        ("freight", ("doc = replace(doc, 'Juan Perez', 'Otro')", "doc = '{}'")),
    ],
)
def test_an_update_by_sql_changes_nothing_of_what_is_shown(
    desk: Site, command: str, changes: tuple[str, ...]
) -> None:
    forms: tuple[tuple[str, ...], ...] = ((), ("--csv",), ("--json",))
    before = [desk.run(command, "log", *DAYS, *form).output for form in forms]
    assert all("José" in text or "Juan" in text for text in before)
    for change in changes:
        with closing(sqlite3.connect(desk.people)) as db, db:
            assert db.execute(f"UPDATE {command} SET {change}").rowcount == 1
        assert [desk.run(command, "log", *DAYS, *form).output for form in forms] == before


@pytest.mark.parametrize(
    ("language", "waiting", "more"),
    [
        ("en", "note: 1 act is not recorded yet", "has 1 more arrival on these days"),
        ("es", "nota: 1 acto aún no está registrado", "tiene 1 llegada más en estos días"),
    ],
)
def test_what_is_not_on_record_is_told_and_not_shown(
    desk: Site, monkeypatch: pytest.MonkeyPatch, language: str, waiting: str, more: str
) -> None:
    monkeypatch.setenv("GARITA_LANG", language)
    with closing(open_admin(desk.people)) as db:
        visits.on_site(db, visits.Plan("Ana", "Laura Gil", NOW, NOW + timedelta(hours=1)))
        names = [row[1] for row in db.execute("PRAGMA table_info(visit)")]
    values = ", ".join({"id": "99", "name": "'Forged'"}.get(name, name) for name in names)
    with closing(sqlite3.connect(desk.people)) as db, db:
        db.execute(f"INSERT INTO visit SELECT {values} FROM visit WHERE id = 1")
    done = desk.run("visit", "log", *DAYS)
    assert waiting in done.output and more in done.output
    assert "José" in done.output and "Ana" not in done.output and "Forged" not in done.output
    # Beside a file the notes go to stderr.
    done = desk.run("visit", "log", *DAYS, "--json")
    assert len(json.loads(done.stdout)) == 1 and waiting in done.stderr


def test_without_a_log_nothing_is_shown(desk: Site) -> None:
    settings = config.load(desk.config)
    settings.ledger_path.unlink()
    done = desk.run("visit", "log", *DAYS)
    assert done.exit_code == 5 and "there is no log" in done.output
    assert "José" not in done.output
