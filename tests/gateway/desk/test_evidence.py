"""What an auditor reads of a truck or a visitor stands in the records, without any table."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.desk.freight import seals
from gateway.desk.freight.transaction import PointAnswer
from gateway.desk.visits import badges, register
from tests.gateway.desk import test_freight as freight
from tests.gateway.desk import test_visits as visits

CAME = freight.arrivals.Came(
    "Juan Perez",
    "TRANSPORTES NORTE",
    "ab-123-c",
    tractor_number="118",
    units=(freight.BOX,),
    shown=freight.Shown("licence"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


db = freight.db
guests = visits.db


def _record(db: sqlite3.Connection, kind: str) -> dict[str, Any]:
    rows = db.execute("SELECT data FROM outbox WHERE type = ? ORDER BY rowid DESC", (kind,))
    return dict(json.loads(rows.fetchone()[0]))


@pytest.fixture
def gone(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    tx = freight.arrived(db, CAME)
    freight.inspected(db, tx.id)
    freight.loaded(db, tx.id)
    freight.affix(db, tx.id)
    freight.leave(db, tx.id)
    yield db


def test_the_record_of_a_departure_has_the_items_of_the_pickup_log(
    gone: sqlite3.Connection,
) -> None:
    data = _record(gone, "freight.departed")
    assert (data["driver"], data["carrier"]) == ("Juan Perez", "TRANSPORTES NORTE")
    assert (data["tractor"], data["tractor_number"]) == ("AB123C", "118")
    assert (data["units"], data["seals"]) == (["5301"], {"5301": "AB100000"})
    assert data["documents"] == ["bill_of_lading=BL-1"]
    assert data["arrived_at"] == "2026-11-25T16:00:00Z"
    assert _record(gone, "freight.arrived")["tractor_number"] == "118"


def test_the_record_of_a_seal_names_the_unit_although_the_guard_did_not(
    gone: sqlite3.Connection,
) -> None:
    data = _record(gone, "seal.affixed")
    assert (data["unit"], data["seal"], data["seal_class"]) == ("5301", "AB100000", "H")
    assert data["stock"] == "ok" and data["vvtt"] and data["by"] == "desk"


def test_the_record_of_an_inspection_names_unit_and_each_point_with_its_note(
    db: sqlite3.Connection,
) -> None:
    tx = freight.arrived(db, CAME)
    (name, _), *_rest = freight.required(tx, freight.POLICY)
    point = freight.LISTS.lists[name].points[0].id
    freight.look(db, tx.id, name, answers=[PointAnswer(point, "bad", "false wall")])
    data = _record(db, "freight.inspected")
    assert (data["unit"], data["units"], data["inspection"]) == ("5301", ["5301"], 1)
    assert (data["answers"], data["notes"]) == ({point: "bad"}, {point: "false wall"})


def test_the_records_of_seals_name_every_one(db: sqlite3.Connection) -> None:
    many = [f"ZZ{number:06}" for number in (*range(1, 201), 300)]
    seals.receive(db, many, seal_class="H", certificate="T-2", by="boss", now=freight.NOW)
    seals.issue(db, many, to="Rosa", by="boss", now=freight.NOW)
    for kind in ("seal.received", "seal.issued"):
        assert _record(db, kind)["seals"] == ["ZZ000001..ZZ000200", "ZZ000300"]
    assert seals.numbers(seals.ranges(many)) == many
    assert seals.ranges(["AB9", "AB10", "X-Y"]) == ["AB10", "AB9", "X-Y"]


def test_the_records_of_a_visit_have_the_visitor_logs_fields(guests: sqlite3.Connection) -> None:
    visit = visits.badged(guests)
    badges.return_badge(guests, visit.id, by=visits.GUARD, now=visits.NOW)
    register.depart(guests, visit.id, by=visits.GUARD, now=visits.NOW)
    came, left = _record(guests, "visit.arrived"), _record(guests, "visit.departed")
    assert (came["name"], came["host"], came["id_kind"]) == ("José Núñez", "Laura Gil", "ine")
    assert (came["kind"], left["arrived_at"]) == ("visitor", "2026-11-25T16:00:00Z")
    assert _record(guests, "visit.expected")["until"] == "2026-11-25T18:00:00Z"
