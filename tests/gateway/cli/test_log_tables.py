"""The tables that an auditor reads are held against the log: one SQL statement is found."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, timedelta

import pytest

from gateway import config
from gateway.cli import common
from gateway.desk.freight import seals
from gateway.desk.visits import badges, regulars
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.operator import Operator
from gateway.people import audit, faces, marks, permits, requirements
from gateway.people.lookup import SCHEMA_VERSION
from gateway.people.schema import ROWS_PER_EVENT, open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from tests.gateway.desk import test_freight as freight
from tests.gateway.desk import test_visits as visits

from .conftest import Site

FROM = visits.NOW
UNTIL = FROM + timedelta(days=1)


def put_list(site: Site, db: sqlite3.Connection, *lines: str) -> None:
    path = site.folder / "list.csv"
    path.write_text("\n".join((",".join(COLUMNS), *lines)) + "\n")
    sync.apply(db, sync.plan(db, read_people(path, levels=(), zone=UTC)), by="t")


@pytest.fixture
def busy(site: Site) -> Site:
    """A site with a row in every marked table, all on record."""
    with closing(open_admin(site.people)) as db:
        put_list(site, db, "e1,Ana,,,,,,,", "e2,Luis B,,,,,,,", "e4,Eva,,,,,,,")  # e3 is gone
        freight.partners.put(db, freight.NORTE, freight.PartnerPolicy(), by="boss", now=FROM)
        seals.receive(
            db, freight.seals.numbers(["AB100000..AB100009"]), seal_class="H", certificate="T-1",
            by="boss", now=FROM,
        )  # fmt: skip
        tx = freight.arrived(db)
        freight.inspected(db, tx.id)
        freight.loaded(db, tx.id)
        freight.affix(db, tx.id)
        freight.leave(db, tx.id)
        visit = visits.badged(db)
        badges.return_badge(db, visit.id, by="guard", now=FROM)
        regulars.set_regular(db, "Iñaki", "Acme", regular=True, by="boss", now=FROM)
        sync.set_pin(db, "e2", hashed="argon", duress=False, by="boss")
        requirements.set_requirement(
            db, requirements.Row("person", "e2", "background", date(2027, 1, 1)), by="boss"
        )
        sync.set_revoked(db, "e1", revoked=True, why="lost", by="boss")
        permits.put_escort(db, "e1", ["e2"], by="boss")
        db.execute(
            "INSERT INTO temporary_grant (person_id, kind, target, since, until, by, set_at) "
            "VALUES ('e1', 'door', 'main', '2026', '2027', 'boss', '2026')"
        )
        key = "INSERT INTO person_key VALUES ('e2', x'01ff', '2026', 'k1')"
        face = "INSERT INTO template VALUES ('t1', 'e2', 'm', '2026', '{}', x'02fe')"
        portrait = "INSERT INTO portrait VALUES ('e2', 'p1', '2026', 't', x'02fe')"
        operator = "INSERT INTO operator VALUES ('rosa', 'e2', '[]', '[]', '', '', '', '')"
        badge = "INSERT INTO visit_badge VALUES ('x', 77, 'visit:77', '', '', '', '', '', '')"
        lost = "INSERT INTO lost_badge VALUES (1, 'em4100:1:2', 'e1', '', '', '')"
        for statement in (key, face, portrait, operator, badge, lost):
            db.execute(statement)
        db.commit()  # written in the way of an act, and told with the next event
        faces.set_consent(db, "e2", given_at=date(2026, 1, 1), until=None, note="", by="t")
    common.nudge(config.load(site.config))
    return site


def verified(site: Site) -> list[tuple[str, str]]:
    """What differs, as (row, how); the exit code goes with it."""
    done = site.run("log", "verify", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == (3 if told["tables"] else 0), done.output
    assert told["ok"] is not bool(told["tables"]) and told["problems"] == []
    return [(item["row"], item["what"]) for item in told["tables"]]


def by_hand(site: Site, *statements: str) -> None:
    """As somebody with sqlite3 would."""
    with closing(sqlite3.connect(site.people)) as db, db:
        for statement in statements:
            assert db.execute(statement).rowcount > 0, statement


def test_acts_in_good_order_differ_in_nothing(busy: Site) -> None:
    assert verified(busy) == []
    with closing(sqlite3.connect(busy.people)) as db:
        marks.ready(db)
        rows = {row.partition("/")[0] for row, _ in marks.present(db)}
    assert rows == set(marks.TABLES)  # so each table is tried below
    assert "compared" in busy.run("log", "verify").stdout


CHANGES = {
    "visit": "UPDATE visit SET host = 'Otro'",
    "regular_visitor": "UPDATE regular_visitor SET by = 'x'",
    "freight": "UPDATE freight SET doc = replace(doc, 'Juan Perez', 'Pedro')",
    "seal": "UPDATE seal SET state = 'void' WHERE number = 'AB100000'",
    "seal_batch": "UPDATE seal_batch SET certificate = 'T-9'",
    "partner": "UPDATE partner SET valid_until = '2099-01-01'",
    "partner_history": "UPDATE partner_history SET at = '2020'",
    "list_version": "UPDATE list_version SET by = 'x' WHERE number = 2",
    "revocation": "UPDATE revocation SET at = '2020'",
    "access_loss": "UPDATE access_loss SET seconds = 0.5 WHERE id = 1",
    "face_consent": "UPDATE face_consent SET given_at = '2020-01-01' WHERE person_id = 'e2'",
    "temporary_grant": "UPDATE temporary_grant SET until = '2099'",
    "escort": "UPDATE escort SET escorts = '[]'",
    "requirement": "UPDATE requirement SET valid_until = '2099-01-01' WHERE key = 'e2'",
    "visit_badge": "UPDATE visit_badge SET until = '2099'",
    "pin": "UPDATE pin SET hash = 'other'",
    "person_key": "UPDATE person_key SET wrapped = x'01fe'",
    "template": "UPDATE template SET sealed = x'02ff'",
    "portrait": "UPDATE portrait SET made_at = '2020'",
    "lost_badge": "UPDATE lost_badge SET person_id = 'e9'",
    "operator": "UPDATE operator SET roles = '[\"administrator\"]'",
}


def test_every_marked_table_is_tried() -> None:
    assert set(CHANGES) == set(marks.TABLES)


@pytest.mark.parametrize("table", CHANGES)
def test_one_update_is_found(busy: Site, table: str) -> None:
    by_hand(busy, CHANGES[table])
    ((row, what),) = verified(busy)
    assert row.startswith(f"{table}/") and what == "changed"
    assert row in busy.run("log", "verify").stdout


@pytest.mark.parametrize("table", CHANGES)
def test_one_delete_is_found(busy: Site, table: str) -> None:
    by_hand(busy, f"DELETE FROM {table}")
    found = verified(busy)
    assert found and {(row.partition("/")[0], what) for row, what in found} == {(table, "missing")}


@pytest.mark.parametrize("table", CHANGES)
def test_one_insert_is_found(busy: Site, table: str) -> None:
    keys = marks.TABLES[table].keys
    with closing(sqlite3.connect(busy.people)) as db:
        names = [item[1] for item in db.execute(f"PRAGMA table_info({table})")]
    # A copy of a row under another key.
    values = ", ".join(f"{name} || '9'" if name == keys[0] else name for name in names)
    if table in ("seal_batch", "list_version") or (keys == ("id",) and table != "template"):
        values = ", ".join("99" if name == keys[0] else name for name in names)
    if table in ("visit_badge", "lost_badge"):
        unique = ("id", "key", "visit_id", "person_id")
        values = ", ".join("99" if name in unique else name for name in names)
    by_hand(busy, f"INSERT INTO {table} SELECT {values} FROM {table} LIMIT 1")
    ((row, what),) = verified(busy)
    assert row.startswith(f"{table}/") and what == "unrecorded"


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE person SET valid_until = NULL, name = 'X' WHERE id = 'e4'", "list/2"),
        ("DELETE FROM person WHERE id = 'e4'", "list/2"),
        ("INSERT INTO person VALUES ('e9', 'X', '', '', NULL, NULL, 'active', '[]')", "list/2"),
        ("INSERT INTO credential VALUES ('em4100:1:2', 'e2')", "list/2"),
        ("UPDATE person_history SET fields = '' WHERE person_id = 'e2'", "history/2"),
        ("DELETE FROM person_history WHERE version = 1 AND person_id = 'e1'", "history/1"),
        ("INSERT INTO person_history VALUES (2, 'e9', 'removed', '', NULL)", "history/2"),
    ],
)  # fmt: skip
def test_a_change_of_the_list_or_its_history_is_found(busy: Site, statement: str, row: str) -> None:
    by_hand(busy, statement)
    assert (row, "changed") in verified(busy)


def test_a_change_is_found_also_after_an_act_has_written_the_row_again(busy: Site) -> None:
    with closing(open_admin(busy.people)) as db:
        visit = visits.on_site(db)
    by_hand(busy, f"UPDATE visit SET name = 'Otro' WHERE id = {visit.id}")
    with closing(open_admin(busy.people)) as db:
        visits.register.depart(db, visit.id, by=Operator("guard"), now=FROM)
    assert verified(busy) == [(f"visit/{visit.id}", "meanwhile")]  # in the outbox
    common.nudge(config.load(busy.config))
    assert verified(busy) == [(f"visit/{visit.id}", "meanwhile")]  # on record


def test_a_list_that_was_changed_by_hand_is_found_also_after_the_next_list(busy: Site) -> None:
    by_hand(busy, "UPDATE person SET valid_until = NULL, name = 'X' WHERE id = 'e4'")
    with closing(open_admin(busy.people)) as db:
        put_list(busy, db, "e1,Ana,,,,,,,", "e2,Luis C,,,,,,,", "e4,X,,,,,,,")
    assert verified(busy) == [("list/2", "meanwhile")]
    common.nudge(config.load(busy.config))
    assert verified(busy) == [("list/2", "meanwhile")]


def test_an_act_that_is_not_on_record_yet_is_no_difference(busy: Site) -> None:
    with closing(open_admin(busy.people)) as db:
        visits.on_site(db)
    assert verified(busy) == []


def test_a_list_of_the_lost_is_found(busy: Site) -> None:
    busy.people.unlink()
    assert {what for _, what in verified(busy)} == {"missing"}


def test_rows_older_than_the_marks_are_taken_as_the_update_found_them(busy: Site) -> None:
    older(busy)
    done = json.loads(busy.run("log", "verify", "--json").stdout)
    assert done["tables"] == [] and done["tables_since"] is None  # nothing is called forged
    with closing(open_admin(busy.people)):
        pass  # the update
    common.nudge(config.load(busy.config))
    done = json.loads(busy.run("log", "verify", "--json").stdout)
    assert done["tables"] == [] and done["tables_since"] > 1
    by_hand(busy, "UPDATE visit SET name = 'Otro'", "INSERT INTO escort VALUES ('x', '', '', '')")
    assert verified(busy) == [("visit/1", "changed"), ("escort/x", "unrecorded")]


def older(site: Site) -> None:
    """Make people.db and the log as a version without marks left them."""
    settings = config.load(site.config)
    settings.ledger_path.unlink()
    with closing(sqlite3.connect(site.people)) as db, db:
        db.execute("DROP TABLE mark_key")
        db.execute(f"PRAGMA user_version = {MARKS_SINCE - 1}")
    with closing(Ledger.open(settings.ledger_path, gateway="g")):
        pass


MARKS_SINCE = 10


def test_a_new_log_begins_with_the_marks_of_what_is_there(busy: Site) -> None:
    settings = config.load(busy.config)
    settings.ledger_path.unlink()  # moved away, as docs/ledger.md says
    common.nudge(settings)
    assert verified(busy) == []
    by_hand(busy, "UPDATE visit SET name = 'Otro'")
    assert verified(busy) == [("visit/1", "changed")]


def test_what_an_act_writes_after_its_event_is_on_record_too(busy: Site) -> None:
    with closing(open_admin(busy.people)) as db:
        with db:
            db.execute("UPDATE visit SET note = 'x'")
        db.execute("UPDATE visit SET note = 'y'")
        db.commit()
        with pytest.raises(RuntimeError), db:
            db.execute("UPDATE visit SET note = 'z'")
            raise RuntimeError
    assert verified(busy) == []


def test_many_rows_are_told_in_parts(busy: Site) -> None:
    many = seals.numbers([f"ZZ{1:06}..ZZ{3 * ROWS_PER_EVENT:06}"])
    with closing(open_admin(busy.people)) as db:
        seals.receive(db, many, seal_class="H", certificate="T-2", by="boss", now=FROM)
    common.nudge(config.load(busy.config))
    assert verified(busy) == []
    with closing(LedgerReader(config.load(busy.config).ledger_path)) as reader:
        parts = [event.data for event in reader.search(type_prefix="tables.marked")]
    assert [part["part"] for part in parts[-4:]] == [1, 2, 3, 4]
    assert all(len(json.dumps(dict(part))) < 8192 for part in parts)


def test_the_record_of_a_list_says_who_was_added_changed_and_removed(busy: Site) -> None:
    with closing(LedgerReader(config.load(busy.config).ledger_path)) as reader:
        *_, last = reader.search(type_prefix="people.synced")
    assert last.data["people"] == {
        "added": ["e4"],
        "changed": {"e1": ["name"], "e2": ["name"]},
        "removed": {"e3": "Elena"},
    }
    done = busy.run("log", "export", "--person", "e3", "--type", "people.synced")
    assert [json.loads(line)["data"]["version"] for line in done.stdout.splitlines()] == [1, 2]


def test_a_large_list_is_told_in_parts_that_every_broker_takes(busy: Site) -> None:
    with closing(open_admin(busy.people)) as db:
        put_list(busy, db, *(f"n{number:05},Nombre {number},,,,,,," for number in range(2000)))
    common.nudge(config.load(busy.config))
    with closing(LedgerReader(config.load(busy.config).ledger_path)) as reader:
        parts = [event.data for event in reader.search(type_prefix="people.synced_part")]
    added = [key for part in parts for key in part["people"].get("added", ())]
    assert len(added) == len(set(added)) == 2000
    assert parts[-1]["people"]["removed"] == {"e1": "Ana", "e2": "Luis B", "e4": "Eva"}
    assert max(len(json.dumps(dict(part))) for part in parts) < 8192
    assert verified(busy) == []


def test_marks_tell_nobody_a_badge_number(busy: Site) -> None:
    """Two sites with the same rows have other marks, so nobody can try all numbers."""
    with closing(sqlite3.connect(busy.people)) as db, db:
        marks.ready(db)
        before = dict(marks.present(db))
        db.execute("UPDATE mark_key SET key = randomblob(32)")
        marks.ready(db)
        assert not set(before.values()) & {mark for _, mark in marks.present(db)}
        db.rollback()


def test_what_a_trail_can_not_read_says_nothing() -> None:
    trail = audit.Trail()
    for data in ({"rows": 5}, {"rows": {"x": 1}}, {"rows": {"x": [1]}}, {"version": "x"}):
        trail.take(1, "t", data)
    assert trail.rows == {} and SCHEMA_VERSION >= MARKS_SINCE


def test_an_explained_difference_is_accepted_and_stays_a_note(busy: Site) -> None:
    by_hand(
        busy,
        "UPDATE visit SET host = 'Otro'",
        "DELETE FROM escort",
        "UPDATE pin SET hash = 'other'",
        "UPDATE person SET name = 'X' WHERE id = 'e4'",
    )
    differ = verified(busy)
    assert len(differ) == 4
    assert busy.run("log", "accept").exit_code == 2  # no reason
    refused = busy.run("log", "accept", "--reason", "restored")
    assert refused.exit_code == 1 and verified(busy) == differ
    done = busy.run("log", "accept", "--reason", "restored", "--yes")
    assert done.exit_code == 0, done.output
    assert verified(busy) == []
    told = json.loads(busy.run("log", "verify", "--json").stdout)["tables_accepted"]
    assert sorted((item["row"], item["what"]) for item in told) == sorted(differ)
    with closing(LedgerReader(config.load(busy.config).ledger_path)) as reader:
        (event,) = reader.search(type_prefix="tables.accepted")
    assert event.data["reason"] == "restored" and event.data["by"]
    assert set(event.data["accepted"]) == {row for row, _ in differ}
    assert f"(accepted, event {event.seq})" in busy.run("log", "verify").stdout
    by_hand(busy, "UPDATE visit SET host = 'Tercero'")  # it is compared from there on
    assert verified(busy) == [("visit/1", "changed")]


def test_a_change_that_an_act_wrote_over_can_be_accepted(busy: Site) -> None:
    by_hand(busy, "UPDATE escort SET escorts = '[]'")
    with closing(open_admin(busy.people)) as db, db:
        permits.put_escort(db, "e1", ["e4"], by="boss")
    assert verified(busy) == [("escort/e1", "meanwhile")]
    assert busy.run("log", "accept", "--reason", "w", "--yes").exit_code == 0
    assert verified(busy) == []


def test_one_requirement_of_a_large_list_is_found_and_can_be_accepted(busy: Site) -> None:
    path = busy.folder / "list.csv"
    people = "".join(f"n{n:05},N {n},,,,,,,,2027-01-01\n" for n in range(marks.MANY + 50))
    path.write_text(",".join((*COLUMNS, "requires:background")) + "\n" + people)
    with closing(open_admin(busy.people)) as db:
        sync.apply(db, sync.plan(db, read_people(path, levels=(), zone=UTC)), by="t")
        told = [json.loads(data) for (data,) in db.execute("SELECT data FROM outbox")]
    assert [set(data["sums"]) for data in told if "sums" in data] == [{"requirement"}]
    assert verified(busy) == []
    common.nudge(config.load(busy.config))
    assert verified(busy) == []
    by_hand(busy, "UPDATE requirement SET valid_until = '2099-01-01' WHERE key = 'n00007'")
    assert verified(busy) == [("requirement", "changed")]
    with closing(open_admin(busy.people)) as db:  # an act makes nothing good, on either row
        for key in ("n00007", "n00008"):
            row = requirements.Row("person", key, "background", date(2028, 1, 1))
            requirements.set_requirement(db, row, by="boss")
    assert verified(busy) == [("requirement", "changed")]
    assert busy.run("log", "accept", "--reason", "w", "--yes").exit_code == 0
    assert verified(busy) == []
    by_hand(busy, "DELETE FROM requirement WHERE key = 'n00009'")
    assert verified(busy) == [("requirement", "changed")]


def test_only_an_administrator_or_a_supervisor_accepts_differences(busy: Site) -> None:
    by_hand(busy, "UPDATE visit SET host = 'Otro'")
    account = common.account.own()
    text = busy.config.read_text()
    for role, code in (("guard", 1), ("supervisor", 0)):
        table = f'\n[operators.x]\naccount = "{account}"\nperson = "e1"\nroles = ["{role}"]\n'
        busy.config.write_text(text + table)
        assert busy.run("log", "accept", "--reason", "w", "--yes").exit_code == code
    assert verified(busy) == []
