"""The visitor log and the pickup log come from the records: no statement of SQL changes them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import locale
from gateway.desk import logged
from gateway.desk.freight import pickuplog
from gateway.desk.freight.act import Act
from gateway.desk.visits import register, visitlog
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.people.schema import open_admin
from tests.gateway.desk import test_freight as freight
from tests.gateway.desk import test_visits as visits

NOW, HOUR, DAY = visits.NOW, visits.HOUR, date(2026, 11, 25)
ZONE, KINDS, POLICY = visits.ZONE, visits.KINDS, visits.POLICY
Db = sqlite3.Connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


trucks = freight.db
guests = visits.db


def record(
    path: Path,
    at: datetime = NOW,
    older: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _, data: data,
) -> None:
    """Move the outbox into the log, recorded at `at`; `older` makes a record of its data."""
    with (
        closing(sqlite3.connect(path)) as db,
        db,
        closing(Ledger.open(path.with_name("ledger.db"), gateway="t")) as ledger,
    ):
        for key, kind, subject, data in db.execute("SELECT id, type, subject, data FROM outbox"):
            held = older(kind, json.loads(data))
            ledger.append_sync(NewEvent(EventType(kind), subject, held, time=at, id=key))
        db.execute("DELETE FROM outbox")


def log_of(path: Path, kind: str, first: date = DAY, last: date = DAY) -> logged.Log:
    ledger = LedgerReader(path.with_name("ledger.db"))
    with closing(ledger), closing(sqlite3.connect(path)) as db:
        if kind == "visit":
            return visitlog.read(ledger, db, first, last, POLICY)
        return pickuplog.read(ledger, db, first, last, ZONE)


def cells(log: logged.Log) -> list[dict[str, str]]:
    return [dict(row.cells) for row in log.rows]


def of_table(path: Path, kind: str, *numbers: int) -> list[dict[str, str]]:
    """The same rows from the tables."""
    with closing(sqlite3.connect(path)) as db:
        if kind == "visit":
            return [visitlog.cells(visitlog.of_table(db, n), ZONE, KINDS) for n in numbers]
        return [pickuplog.cells(pickuplog.of_table(db, n), ZONE) for n in numbers]


@pytest.fixture
def visited(guests: Db, path: Path) -> Iterator[Path]:
    """A visit that is over, on record."""
    visit = visits.on_site(guests)
    register.depart(guests, visit.id, by=visits.NIGHT, now=NOW + 20 * HOUR)
    record(path)
    yield path


@pytest.fixture
def shipped(trucks: Db, path: Path) -> Iterator[Path]:
    """A truck that is gone, on record."""
    ship(trucks)
    record(path)
    yield path


def ship(db: Db, **came: Any) -> int:
    tx = freight.arrived(db, replace(freight.CAME, tractor_number="118", **came))
    freight.inspected(db, tx.id)
    freight.loaded(db, tx.id)
    freight.affix(db, tx.id)
    return freight.leave(db, tx.id).id


# What is shown


def test_the_visitor_log_has_the_fields_of_the_criterion_in_local_time(
    guests: Db, path: Path
) -> None:
    visit = visits.on_site(guests, replace(visits.PLAN, name="=cmd|x", host="@boss"))
    register.depart(guests, visit.id, by=visits.G, now=NOW + 20 * HOUR)
    record(path)
    log = log_of(path, "visit")
    assert cells(log) == [
        {
            "date": "2026-11-25",
            "name": "=cmd|x",
            "photo_id": "INE voter card",
            "arrived": "08:00",
            "company_contact": "@boss",
            "departed": "2026-11-26 04:00",
        }
    ]
    assert log.public() == cells(log) and (log.waiting, log.unrecorded) == (0, 0)
    file = io.StringIO()
    locale.use("es")
    log.write_csv(file)
    assert file.getvalue().startswith("\ufeff")  # Excel reads it as UTF-8
    head, row = csv.reader(io.StringIO(file.getvalue().lstrip("\ufeff")))
    assert head[0] == "Fecha" and row[1] == "'=cmd|x" and row[4] == "'@boss"
    assert len(head) == len(row) == 6
    before = DAY - timedelta(days=1)
    assert log_of(path, "visit", before, before).rows == []


def test_the_pickup_log_has_the_fields_of_the_criterion_in_local_time(shipped: Path) -> None:
    log = log_of(shipped, "freight")
    assert cells(log) == [
        {
            "driver": "Juan Perez",
            "arrived": "2026-11-25 08:00",
            "employer": "TRANSPORTES NORTE",
            "truck": "118 / AB123C",
            "trailer": "5301",
            "departed": "08:04",
            "seal": "AB100000",
        }
    ]
    assert log.public() == cells(log) and (log.waiting, log.unrecorded) == (0, 0)
    file = io.StringIO()
    locale.use("es")
    log.write_csv(file)
    head, row = csv.reader(io.StringIO(file.getvalue().lstrip("\ufeff")))
    assert head[0] == "Nombre del chofer" and row[0] == "Juan Perez" and len(row) == 7


# Records and tables


def test_the_visitor_log_from_the_records_is_that_from_the_tables(guests: Db, path: Path) -> None:
    """Visits with and without departure, regular, walked in, called off, the badge kept."""
    policy = replace(POLICY, regulars_without_id=True)
    visits.regulars.set_regular(guests, "Ana", "", regular=True, by=visits.BOSS, now=NOW)
    plan = replace(visits.PLAN, escort=False)
    gone = visits.badged(guests)
    register.depart(guests, gone.id, by=visits.G, now=NOW + HOUR)
    here = register.walk_in(guests, plan, visits.ine(), POLICY, by=visits.G, now=NOW + HOUR)
    ana = register.walk_in(
        guests, replace(plan, name="Ana"), None, policy, by=visits.G, now=NOW - HOUR
    )
    no = register.expect(guests, plan, POLICY, by=visits.G, now=NOW)
    register.cancel(guests, no.id, by=visits.G, reason="ill")
    record(path)
    log = log_of(path, "visit")
    assert cells(log) == of_table(path, "visit", ana.id, gone.id, here.id)
    assert not log.completed and (log.waiting, log.unrecorded) == (0, 0)


def test_the_pickup_log_from_the_records_is_that_from_the_tables(trucks: Db, path: Path) -> None:
    """Trucks that left, are here, took another trailer and a second seal, were sent away."""
    gone = ship(trucks)
    act = Act(trucks, freight.POLICY, by=visits.G, now=NOW + HOUR)
    van = freight.Unit("reefer", "R77")
    hooked = freight.arrived(trucks, replace(freight.CAME, tractor="ZZ9"), None)
    freight.let_go(trucks, hooked.id)
    freight.inspected(trucks, hooked.id)
    freight.arrivals.hook(act, hooked.id, (van,), loaded=True)
    freight.inspected(trucks, hooked.id)
    freight.affix(trucks, hooked.id, "AB100001")
    freight.affix(trucks, hooked.id, "AB100002")
    freight.let_go(trucks, hooked.id)
    freight.leave(trucks, hooked.id)
    sealed = replace(
        freight.CAME, tractor="Y1", loaded=True, units=(replace(van, number="R78"),),
        seals=(("R78", "XX900", True, freight.ALL),),
    )  # fmt: skip
    away = freight.arrived(trucks, sealed, None)
    freight.arrivals.turn_away(act, away.id, reason="wrong papers")
    here = freight.arrived_bobtail(trucks)
    no = freight.arrivals.expect(act, freight.TOLD)
    freight.arrivals.turn_away(act, no.id, reason="does not come")
    record(path)
    log = log_of(path, "freight")
    shown = cells(log)
    assert shown == of_table(path, "freight", gone, hooked.id, away.id, here.id)
    assert [row["seal"] for row in shown] == ["AB100000", "AB100002", "XX900", ""]
    assert not log.completed and (log.waiting, log.unrecorded) == (0, 0)


VISIT_CHANGES = [
    "name = 'Otro'",
    "host = 'Otro'",
    "id_kind = ''",
    "id_kind = 'passport'",
    "arrived_at = '2026-11-25T01:00:00Z'",
    "arrived_at = '2020-01-01T01:00:00Z'",
    "arrived_at = 'nonsense'",
    "arrived_at = NULL",
    "departed_at = NULL",
    "departed_at = '2026-11-25T17:00:00Z'",
    "state = 'on_site'",
]


@pytest.mark.parametrize("change", VISIT_CHANGES)
def test_an_update_of_a_visit_changes_nothing_of_the_log(visited: Path, change: str) -> None:
    before = cells(log_of(visited, "visit"))
    by_hand(visited, f"UPDATE visit SET {change}")
    assert len(before) == 1 and cells(log_of(visited, "visit")) == before


FREIGHT_CHANGES = [
    *(
        f"doc = replace(doc, '{old}', '{new}')"
        for old, new in (
            ("Juan Perez", "Pedro"),
            ("TRANSPORTES NORTE", "OTRA"),
            ("AB123C", "ZZ999Z"),
            ('"118"', '"119"'),
            ("5301", "9999"),
            ("AB100000", "AB100009"),
            ("2026-11-25T16:04", "2026-11-25T19:04"),
            ("2026-11-25T16:00", "2026-11-20T16:00"),
        )
    ),
    "doc = '{}'",
    "arrived_at = '2020-01-01T01:00:00Z'",
    "departed_at = NULL, stage = 'arrived'",
]


@pytest.mark.parametrize("change", FREIGHT_CHANGES)
def test_an_update_of_a_truck_changes_nothing_of_the_log(shipped: Path, change: str) -> None:
    before = cells(log_of(shipped, "freight"))
    by_hand(shipped, f"UPDATE freight SET {change}")
    assert len(before) == 1 and cells(log_of(shipped, "freight")) == before


def by_hand(path: Path, statement: str) -> None:
    """As somebody with sqlite3 would."""
    with closing(sqlite3.connect(path)) as db, db:
        old = list(db.iterdump())
        db.execute(statement)
        assert list(db.iterdump()) != old


def test_an_update_before_the_departure_changes_nothing_of_the_log(
    guests: Db, trucks: Db, path: Path
) -> None:
    """The departure copies facts from the table; those that have a record already count."""
    visit = visits.on_site(guests)
    tx = freight.arrived(trucks)
    freight.inspected(trucks, tx.id)
    freight.loaded(trucks, tx.id)
    freight.affix(trucks, tx.id)
    by_hand(path, "UPDATE visit SET name = 'Otro', host = 'Otro', arrived_at = '2026-11-25T15:00Z'")
    by_hand(path, "UPDATE freight SET doc = replace(doc, 'AB100000', 'AB100009')")
    by_hand(path, "UPDATE freight SET doc = replace(doc, 'Juan Perez', 'Pedro')")
    register.depart(guests, visit.id, by=visits.G, now=NOW + HOUR)
    freight.let_go(trucks, tx.id)
    freight.leave(trucks, tx.id)
    record(path)
    (guest,), (truck,) = cells(log_of(path, "visit")), cells(log_of(path, "freight"))
    assert (guest["name"], guest["company_contact"], guest["arrived"]) == (
        "José Núñez",
        "Laura Gil",
        "08:00",
    )
    assert (truck["driver"], truck["seal"]) == ("Juan Perez", "AB100000")


@pytest.mark.parametrize("table", ["visit", "freight"])
def test_a_row_that_was_deleted_or_put_in_by_hand(
    guests: Db, trucks: Db, path: Path, table: str
) -> None:
    visits.on_site(guests)
    ship(trucks)
    record(path)
    before = cells(log_of(path, table))
    columns = [row[1] for row in guests.execute(f"PRAGMA table_info({table})")]
    values = ", ".join("99" if name == "id" else name for name in columns)
    by_hand(path, f"INSERT INTO {table} SELECT {values} FROM {table}")
    log = log_of(path, table)
    assert cells(log) == before and log.unrecorded == 1
    by_hand(path, f"DELETE FROM {table}")
    log = log_of(path, table)
    assert cells(log) == before and log.unrecorded == 0


def test_a_number_that_is_used_again_is_another_row(guests: Db, path: Path) -> None:
    visits.on_site(guests)
    by_hand(path, "DELETE FROM visit")
    again = visits.on_site(guests, replace(visits.PLAN, name="Ana"))
    register.depart(guests, again.id, by=visits.G, now=NOW + HOUR)
    record(path)
    assert again.id == 1
    assert [(row["name"], row["departed"]) for row in cells(log_of(path, "visit"))] == [
        ("José Núñez", ""),
        ("Ana", "09:00"),
    ]


# What is not recorded, or was recorded by an earlier version


def test_acts_that_wait_in_the_outbox_are_told(guests: Db, path: Path) -> None:
    first = visits.on_site(guests)
    record(path)
    register.depart(guests, first.id, by=visits.G, now=NOW + HOUR)
    visits.on_site(guests, replace(visits.PLAN, name="Ana"))
    log = log_of(path, "visit")
    assert [(row["name"], row["departed"]) for row in cells(log)] == [("José Núñez", "")]
    assert (log.waiting, log.unrecorded) == (2, 0)
    assert log_of(path, "freight").waiting == 0
    record(path)
    log = log_of(path, "visit")
    assert len(log.rows) == 2 and log.waiting == 0


NEW = {  # facts that the records of version 0.1.0 lack
    "visit.arrived": {"arrived_at", "kind", "purpose"},
    "visit.departed": {"arrived_at", "departed_at", "kind", "purpose"},
    "freight.arrived": {"arrived_at", "tractor_number", "plates", "documents"},
    "freight.departed": {
        "driver", "carrier", "tractor_number", "units", "kinds", "seals", "documents",
        "arrived_at", "departed_at", "loaded",
    },
}  # fmt: skip


def older(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """The record as version 0.1.0 wrote it."""
    if kind == "seal.affixed":
        return {**data, "unit": ""}
    return {name: value for name, value in data.items() if name not in NEW.get(kind, ())}


def test_rows_of_older_records_are_completed_from_the_table_and_marked(
    guests: Db, trucks: Db, path: Path
) -> None:
    visit = visits.on_site(guests)
    register.depart(guests, visit.id, by=visits.G, now=NOW + HOUR)
    ship(trucks)
    record(path, NOW + 3 * HOUR, older)
    visits.on_site(guests, replace(visits.PLAN, name="Ana"))
    record(path)
    log = log_of(path, "visit")
    assert cells(log) == of_table(path, "visit", 1, 2)
    assert [row.from_table for row in log.rows] == [("date", "arrived", "departed"), ()]
    assert log.public()[0]["from_table"] == ["date", "arrived", "departed"]
    assert "from_table" not in log.public()[1]
    file = io.StringIO()
    log.write_csv(file)
    head, first, second = csv.reader(io.StringIO(file.getvalue()))
    assert head[-1] == logged.FROM_TABLE and (first[-1], second[-1]) == (
        "Date, Time of arrival, Time of departure",
        "",
    )
    log = log_of(path, "freight")
    assert cells(log) == of_table(path, "freight", 1)
    assert log.rows[0].from_table == ("arrived", "truck", "departed", "seal")
    # What the records have is not taken from the table.
    by_hand(path, "UPDATE visit SET name = 'Otro', host = 'Otro', id_kind = ''")
    by_hand(path, "UPDATE freight SET doc = replace(doc, 'Juan Perez', 'Pedro')")
    by_hand(path, "UPDATE freight SET doc = replace(doc, 'AB123C', 'ZZ1')")
    assert cells(log_of(path, "visit"))[0]["name"] == "José Núñez"
    truck = cells(log_of(path, "freight"))[0]
    assert (truck["driver"], truck["truck"]) == ("Juan Perez", "118 / AB123C")


@pytest.mark.parametrize(
    "value", ["NULL", "'nonsense'", "'2020-01-01'", "7", "'2020-01-01T00:00:00Z'"]
)
def test_an_older_row_can_not_be_moved_out_of_sight(guests: Db, path: Path, value: str) -> None:
    visits.on_site(guests)
    record(path, NOW, older)
    by_hand(path, f"UPDATE visit SET arrived_at = {value}")
    (row,) = log_of(path, "visit").rows
    assert row.cells["name"] == "José Núñez"
    assert (row.cells["arrived"] == "08:00") is not bool(row.from_table)


def test_a_record_that_came_late_is_of_the_day_of_its_act(guests: Db, path: Path) -> None:
    visits.on_site(guests)
    record(path, NOW + timedelta(days=3))
    assert [row["arrived"] for row in cells(log_of(path, "visit"))] == ["08:00"]
    later = DAY + timedelta(days=3)
    assert log_of(path, "visit", later, later).rows == []


def test_a_day_is_found_behind_many_records(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    with closing(open_admin(path)) as db:
        visits.on_site(db)
    record(path)
    other = NewEvent(EventType.DOOR_OPENED, "main", {"visit": 1}, time=NOW + HOUR)

    async def many() -> None:
        await asyncio.gather(*(ledger.append_soon(other) for _ in range(4500)))

    with closing(Ledger.open(path.with_name("ledger.db"), gateway="t", timeout_s=60)) as ledger:
        asyncio.run(many())
    assert len(log_of(path, "visit").rows) == 1
