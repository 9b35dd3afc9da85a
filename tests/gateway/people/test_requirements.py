"""Requirements, temporary grants and escorts: rows of people.db, in force at the next look-up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.decide.model import Credential, Requirement, TemporaryGrant
from gateway.desk import partners
from gateway.people import Roster, RosterUnavailable, permits, requirements
from gateway.people.requirements import Row
from gateway.people.schema import FOLDER, migrate, open_admin, statements

BADGE = Credential("em4100", "1", "2")
SINCE = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
CHECK = Row("person", "e1", "check", date(2027, 1, 31), "A-17")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    open_admin(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT INTO person VALUES ('e1','Ana','Acme','',NULL,NULL,'active','[\"plant\"]')"
        )
        db.execute("INSERT INTO credential VALUES (?, 'e1')", (BADGE.key,))
    return path


@pytest.fixture
def db(people: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(people)) as connection:
        yield connection


def events(db: sqlite3.Connection) -> list[tuple[str, str, dict[str, object]]]:
    rows = db.execute("SELECT type, subject, data FROM outbox ORDER BY rowid")
    return [(kind, subject, json.loads(data)) for kind, subject, data in rows]


def test_a_requirement_is_in_force_at_the_next_look_up(
    people: Path, db: sqlite3.Connection
) -> None:
    roster = Roster(people)
    assert roster.find(BADGE).person.requirements == ()  # type: ignore[union-attr]
    assert requirements.set_requirement(db, CHECK, by="x")
    partner = Row("company", "Acme", "partner")
    other = Row("company", "Acme, Inc", "partner", date(2026, 1, 1))
    assert requirements.set_requirement(db, partner, by="x")
    assert requirements.set_requirement(db, other, by="x")
    held = roster.find(BADGE).person.requirements  # type: ignore[union-attr]
    assert held == (
        Requirement("check", "person", date(2027, 1, 31)),
        Requirement("partner", "company", None),
    )
    assert roster.find_person("e1").person.requirements == held  # type: ignore[union-attr]
    assert list(requirements.rows(db, subject="e1")) == [CHECK]
    assert requirements.remove(db, "person", "e1", "check", by="x")
    assert not requirements.remove(db, "person", "e1", "check", by="x")
    assert len(roster.find(BADGE).person.requirements) == 1  # type: ignore[union-attr]
    kinds = [kind for kind, _, _ in events(db)]
    assert kinds == ["requirement.set"] * 3 + ["requirement.removed"]
    assert events(db)[0][2]["valid_until"] == "2027-01-31"


def test_nobody_has_no_requirement(db: sqlite3.Connection) -> None:
    assert not requirements.set_requirement(db, Row("person", "e9", "check"), by="x")
    assert list(requirements.rows(db)) == [] and events(db) == []


def test_what_lapses_soon(db: sqlite3.Connection) -> None:
    days = [date(2026, 11, 24) + timedelta(days=n) for n in (0, 1, 31, 32)]
    rows = [Row("person", f"e{n}", "check", day) for n, day in enumerate(days)]
    with db:
        assert requirements.put(db, [*rows, Row("person", "e7", "check")], by="sync") == 5
    today = date(2026, 11, 25)
    due = list(requirements.due(db, [("check", "person", 30)], today))
    assert [row.subject for row in due] == ["e1", "e2"]
    assert list(requirements.due(db, [("check", "company", 30)], today)) == []
    assert [r.subject for r in requirements.rows(db, due_by=today)] == ["e0", "e1"]


def test_a_grant_is_given_found_and_ended(people: Path, db: sqlite3.Connection) -> None:
    until = SINCE + timedelta(hours=4)
    number = permits.add_grant(db, "e1", "area", "yard", SINCE, until, why="crane", by="x")
    assert number == 1
    assert permits.add_grant(db, "e9", "area", "yard", SINCE, until, why="", by="x") == 0
    found = Roster(people).find(BADGE).person
    assert found is not None
    assert found.grants == (TemporaryGrant("area", "yard", SINCE, until),)
    assert [grant.why for grant in permits.grants(db, "e1")] == ["crane"]
    assert permits.end_grant(db, 1, by="x") and not permits.end_grant(db, 1, by="x")
    assert [kind for kind, _, _ in events(db)] == ["grant.given", "grant.ended"]


def test_an_escort_is_required_and_not_any_more(people: Path, db: sqlite3.Connection) -> None:
    roster = Roster(people)
    assert permits.set_escort(db, "e1", ["e2"], by="x")
    found = roster.find(BADGE).person
    assert found is not None and found.needs_escort and found.escorts == ("e2",)
    assert permits.set_escort(db, "e1", None, by="x")
    assert not permits.set_escort(db, "e1", None, by="x")
    assert not permits.set_escort(db, "e9", [], by="x")
    assert not roster.find(BADGE).person.needs_escort  # type: ignore[union-attr]


def test_who_leaves_the_list_leaves_nothing_to_the_next_of_that_id(
    db: sqlite3.Connection,
) -> None:
    requirements.set_requirement(db, CHECK, by="x")
    requirements.set_requirement(db, Row("company", "e1", "partner"), by="x")
    permits.add_grant(db, "e1", "door", "d", SINCE, SINCE, why="", by="x")
    permits.set_escort(db, "e1", [], by="x")
    with db:
        db.execute("DELETE FROM credential")
        db.execute("DELETE FROM person")
    left = [row.subject_kind for row in requirements.rows(db)]
    assert left == ["company"] and permits.grants(db) == []
    assert db.execute("SELECT count(*) FROM escort").fetchone()[0] == 0


@pytest.mark.parametrize(
    "damage",
    [
        "INSERT INTO requirement VALUES ('person','e1','check','e1','someday','','','','','')",
        "INSERT INTO temporary_grant VALUES (1,'e1','door','d','now','then','','','')",
        "INSERT INTO escort VALUES ('e1','everybody','','')",
    ],
)
def test_a_damaged_row_lets_nobody_in(people: Path, db: sqlite3.Connection, damage: str) -> None:
    with db:
        db.execute(damage)
    with pytest.raises(RosterUnavailable):
        Roster(people).find(BADGE)


def test_a_list_of_version_2_becomes_one_of_now(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as db, db:
        of_version(db, 2)
        db.execute("INSERT INTO person VALUES ('e1','Ana','Acme','',NULL,NULL,'active','[]')")
        db.execute("INSERT INTO credential VALUES (?, 'e1')", (BADGE.key,))
    with pytest.raises(RosterUnavailable, match="schema 2"):
        Roster(path).find(BADGE)
    migrate(path)
    assert Roster(path).find(BADGE).person is not None
    with closing(open_admin(path)) as db:
        assert requirements.set_requirement(db, CHECK, by="x")


def of_version(db: sqlite3.Connection, version: int) -> None:
    """The tables as that version of the schema had them."""
    for number in range(1, version + 1):
        script = next(FOLDER.glob(f"{number:03}_*.sql")).read_text("utf-8")
        for statement in statements(script):
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {version}")


SPELLED = (
    "Núñez y Águila, S.A. de C.V.",
    "NUNEZ  Y AGUILA SA DE CV",
    "Nu\u0301n\u0303ez y A\u0301guila SA de CV",
)


@pytest.mark.parametrize("shown", SPELLED)
@pytest.mark.parametrize("listed", SPELLED)
def test_a_company_written_in_another_way_was_another_company(
    people: Path, db: sqlite3.Connection, shown: str, listed: str
) -> None:
    with db:
        db.execute("UPDATE person SET company = ?", (listed,))
    assert requirements.set_requirement(db, Row("company", shown, "partner"), by="x")
    person = Roster(people).find(BADGE).person
    assert person is not None and [r.kind for r in person.requirements] == ["partner"]
    # Said again in another spelling it takes the place of the first, and can be taken away.
    assert requirements.set_requirement(db, Row("company", SPELLED[1], "partner"), by="x")
    assert [row.subject for row in requirements.rows(db, subject=listed)] == [SPELLED[1]]
    assert requirements.remove(db, "company", listed, "partner", by="x")
    assert list(requirements.rows(db)) == []


def test_a_person_without_a_company_has_no_requirement_of_a_nameless_one(
    people: Path, db: sqlite3.Connection
) -> None:
    with db:
        db.execute("UPDATE person SET company = ''")
    assert requirements.set_requirement(db, Row("company", ".", "partner"), by="x")
    assert Roster(people).find(BADGE).person.requirements == ()  # type: ignore[union-attr]


def test_two_spellings_of_one_company_become_one_when_an_older_file_is_opened(
    tmp_path: Path,
) -> None:
    path = tmp_path / "people.db"
    with closing(sqlite3.connect(path)) as db, db:
        of_version(db, 6)
        held = "INSERT INTO requirement VALUES ('company', ?, 'partner', ?, '', NULL, '', ?, 'x')"
        db.execute(held, ("Acme S.A.", "2027-01-31", "2026-01-01T00:00:00Z"))
        db.execute(held, ("ACME SA", "2026-01-31", "2026-02-01T00:00:00Z"))
        db.execute("INSERT INTO requirement VALUES ('person','E1','check',NULL,'','','','t','x')")
        partner = (
            "INSERT INTO partner VALUES "
            "(?, ?, 'carrier', 'ctpat', '1', NULL, ?, ?, '', 2, 't', 'x')"
        )
        past = "INSERT INTO partner_history VALUES (?, ?, 't', 'x', '{}')"
        for key, name, status in (
            ("acme s.a.", "Acme S.A.", "active"),
            ("acme sa", "ACME SA", "suspended"),
        ):
            db.execute(partner, (key, name, "2027-01-31", status))
            db.executemany(past, [(key, 1), (key, 2)])
        db.execute("INSERT INTO person VALUES ('E1','Ana','acmé, s.a.','',NULL,NULL,'active','[]')")
        db.execute("INSERT INTO credential VALUES (?, 'E1')", (BADGE.key,))
    migrate(path)
    person = Roster(path).find(BADGE).person
    assert person is not None and {r.kind: r.valid_until for r in person.requirements} == {
        "check": None,
        "partner": date(2026, 1, 31),  # the act recorded last
    }
    with closing(open_admin(path)) as db:
        found = partners.get(db, "Acme, S. A.")
        assert (found.name, found.status) == ("ACME SA", "suspended")  # the stricter one
        assert len(partners.every(db)) == 2 and len(partners.history(db, "ACME SA")) == 2
        again = replace(found, status="active")
        now = datetime(2026, 11, 25, tzinfo=UTC)
        assert partners.put(db, again, partners.PartnerPolicy(), by="x", now=now).version == 3
        with db:
            db.execute("DELETE FROM person")
        assert [row.subject_kind for row in requirements.rows(db)] == ["company"]
