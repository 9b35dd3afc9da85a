"""A key per person: what opens, what does not, and what is left when it is destroyed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date
from pathlib import Path

import pytest

from gateway.config.tables import FaceTable
from gateway.decide.model import FaceOutcome
from gateway.face.matcher import CardholderMatcher
from gateway.ledger import Ledger, LedgerReader
from gateway.people import Roster, faces
from gateway.people.schema import migrate, open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault, VaultError

SITE = SiteKey(bytes(range(32)))
VAULT = Vault(SITE)
FACE = bytes(range(256)) * 2
NOW = "2026-11-25T00:00:00Z"

# The tables as the program before person keys made them.
VERSION_2 = """
CREATE TABLE "person" ( "id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "company" TEXT NOT NULL,
   "role" TEXT NOT NULL, "valid_from" TEXT, "valid_until" TEXT, "status" TEXT NOT NULL,
   "access_levels" TEXT NOT NULL );
CREATE TABLE "credential" ( "key" TEXT PRIMARY KEY,
   "person_id" TEXT NOT NULL REFERENCES "person"("id") );
CREATE INDEX "idx_credential_person_id" ON "credential" ("person_id");
CREATE TABLE "revocation" ( "person_id" TEXT PRIMARY KEY, "at" TEXT NOT NULL, "why" TEXT,
   "by" TEXT );
CREATE TABLE "list_version" ( "number" INTEGER PRIMARY KEY, "applied_at" TEXT, "source" TEXT,
   "source_sha256" TEXT, "added" INTEGER, "changed" INTEGER, "removed" INTEGER, "total" INTEGER,
   "by" TEXT );
CREATE TABLE "template" ( "id" TEXT PRIMARY KEY, "person_id" TEXT NOT NULL,
   "model" TEXT NOT NULL, "created_at" TEXT NOT NULL, "quality" TEXT, "sealed" BLOB NOT NULL );
CREATE INDEX "idx_template_person_id" ON "template" ("person_id");
CREATE TABLE "outbox" ( "id" TEXT PRIMARY KEY, "created_at" TEXT NOT NULL, "type" TEXT NOT NULL,
   "subject" TEXT NOT NULL, "data" TEXT NOT NULL );
CREATE TABLE pin ( person_id TEXT PRIMARY KEY NOT NULL, hash TEXT NOT NULL, duress_hash TEXT,
   set_at TEXT NOT NULL, by TEXT );
PRAGMA user_version = 2;
"""


def apply(path: Path, *ids: str) -> None:
    file = path.with_suffix(".csv")
    lines = [",".join(COLUMNS), *(f"{key},Name,,,,,,," for key in ids)]
    file.write_text("\n".join(lines) + "\n")
    db = open_admin(path)
    sync.apply(db, sync.plan(db, read_people(file, levels=(), zone=UTC)), by="test")
    db.close()


def enrol(path: Path, person: str, *ids: str) -> None:
    db = open_admin(path)
    with db as c:
        key = faces.key_for(c, VAULT, person)
        for item in ids:
            sealed = VAULT.seal(person, item, "m", FACE, key)
            c.execute(
                "INSERT INTO template VALUES (?, ?, 'm', ?, '{}', ?)", (item, person, NOW, sealed)
            )
    db.close()


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    apply(path, "e1", "e2")
    enrol(path, "e1", "t1", "t2")
    enrol(path, "e2", "t3")
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """people.db as version 2 had it: no keys, templates sealed with the site key itself."""
    path = tmp_path / "people.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(VERSION_2)
        for person in ("e1", "e2"):
            db.execute(
                "INSERT INTO person VALUES (?, 'Name', '', '', NULL, NULL, 'active', '[]')",
                (person,),
            )
        db.execute("INSERT INTO list_version VALUES (1, ?, 'l.csv', '', 2, 0, 0, 2, 'x')", (NOW,))
        for person, item in (("e1", "t1"), ("e1", "t2"), ("e2", "t3")):
            sealed = VAULT.seal(person, item, "m", FACE)
            db.execute(
                "INSERT INTO template VALUES (?, ?, 'm', ?, '{}', ?)", (item, person, NOW, sealed)
            )
    return path


def opened(path: Path, person: str, vault: Vault = VAULT) -> list[bytes]:
    roster = Roster(path)
    items = roster.templates(person)
    roster.close()
    return [vault.open(person, i.id, i.model, i.sealed, i.key) for i in items]


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute(sql, values).rowcount > 0


def events(path: Path, kind: str) -> list[tuple[str, dict[str, object]]]:
    roster = Roster(path)
    found = [(e.subject, dict(e.data)) for e in roster.outbox(100) if e.type == kind]
    roster.close()
    return found


def test_each_person_has_a_key_of_their_own(people: Path) -> None:
    assert opened(people, "e1") == [FACE, FACE] and opened(people, "e2") == [FACE]
    with closing(sqlite3.connect(people)) as db:
        keys = db.execute("SELECT key_id, wrapped FROM person_key").fetchall()
    assert len({key for key, _ in keys}) == len({wrapped for _, wrapped in keys}) == 2
    assert VAULT.new_key("e1")[1] != VAULT.new_key("e1")[1]
    held = b"".join(file.read_bytes() for file in people.parent.glob("people.db*"))
    assert FACE[:16] not in held


@pytest.mark.parametrize(
    "harm",
    [
        # a template of one person in another's row
        "UPDATE template SET person_id = 'e1' WHERE id = 't3'",
        # the key of another person, with its id or without
        "UPDATE person_key SET wrapped = (SELECT wrapped FROM person_key WHERE person_id = 'e2')",
        "UPDATE person_key SET key_id = 'k', wrapped = (SELECT wrapped FROM person_key "
        "WHERE person_id = 'e2')",
        "UPDATE person_key SET key_id = 'other' WHERE person_id = 'e1'",
        "UPDATE person_key SET wrapped = substr(wrapped, 1, 20) WHERE person_id = 'e1'",
        "UPDATE person_key SET wrapped = x'' WHERE person_id = 'e1'",
        "UPDATE person_key SET wrapped = 'text' WHERE person_id = 'e1'",
        "UPDATE person_key SET wrapped = zeroblob(60) WHERE person_id = 'e1'",
        "UPDATE template SET sealed = substr(sealed, 1, 100) WHERE id = 't1'",
        "UPDATE template SET sealed = 'text' WHERE id = 't1'",
        "UPDATE template SET model = 'n' WHERE id = 't1'",
        # without its key a template must not open by the old path
        "DELETE FROM person_key WHERE person_id = 'e1'",
    ],
)
async def test_what_was_moved_or_damaged_does_not_open(people: Path, harm: str) -> None:
    change(people, harm)
    with pytest.raises(VaultError) as caught:
        opened(people, "e1")
    assert "\\x" not in str(caught.value)
    # and at the door: unavailable, which denies, before any face process is asked
    matcher = CardholderMatcher(None, Roster(people), SITE, FaceTable(), people.parent)  # type: ignore[arg-type]
    assert (await matcher.match("gate", "e1", 0.0)).outcome is FaceOutcome.UNAVAILABLE


def test_the_other_persons_pair_of_key_and_template_does_not_open(people: Path) -> None:
    with closing(sqlite3.connect(people)) as db, db:
        db.execute("DELETE FROM template WHERE person_id = 'e1'")
        db.execute("DELETE FROM person_key WHERE person_id = 'e1'")
        db.execute("UPDATE template SET person_id = 'e1'")
        db.execute("UPDATE person_key SET person_id = 'e1'")
    with pytest.raises(VaultError):
        opened(people, "e1")


def test_another_site_key_opens_nothing(people: Path) -> None:
    with pytest.raises(VaultError):
        opened(people, "e1", Vault(SiteKey(bytes(32))))


def test_a_flipped_bit_anywhere_in_the_wrapped_key_is_noticed(people: Path) -> None:
    (first, _) = Roster(people).templates("e1")
    assert first.key is not None
    for place in range(len(first.key[1])):
        bad = bytearray(first.key[1])
        bad[place] ^= 1
        with pytest.raises(VaultError):
            VAULT.open("e1", first.id, first.model, first.sealed, (first.key[0], bytes(bad)))


def test_who_leaves_the_list_takes_the_key_along(people: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(people)) as db:
        (key_id, wrapped) = db.execute(
            "SELECT key_id, wrapped FROM person_key WHERE person_id = 'e1'"
        ).fetchone()
        sealed = [row[0] for row in db.execute("SELECT sealed FROM template")]
    apply(people, "e2")
    data = {"key_id": key_id, "templates": 2, "by": "test", "why": "left the list"}
    ((subject, told),) = events(people, "face.key_destroyed")
    assert (subject, {key: told[key] for key in data}) == ("e1", data)
    assert set(told) == {*data, "rows"}
    held = b"".join(file.read_bytes() for file in tmp_path.glob("people.db*"))
    assert wrapped not in held and sealed[0] not in held and sealed[1] not in held
    assert sealed[2] in held and opened(people, "e2") == [FACE]
    apply(people, "e2")  # twice: nothing more to destroy
    assert len(events(people, "face.key_destroyed")) == 1


def test_the_log_verifies_after_a_key_was_destroyed(people: Path, tmp_path: Path) -> None:
    apply(people, "e2")
    roster = Roster(people)
    with closing(Ledger.open(tmp_path / "ledger.db", gateway="g")) as ledger:
        for _ in range(2):  # whoever died after recording and before clearing does it again
            for event in roster.outbox(100):
                ledger.append_sync(event)
    reader = LedgerReader(tmp_path / "ledger.db")
    types = [event.type for event in reader.after(0, 100)]
    assert types.count("face.key_destroyed") == 1
    assert reader.verify().ok
    reader.close()


def test_an_old_face_opens_after_the_update_and_is_resealed(old: Path) -> None:
    migrate(old)
    assert opened(old, "e1") == [FACE, FACE]  # by the old path: nobody loses their face
    before = [item.sealed for item in Roster(old).templates("e1")]
    db = open_admin(old)
    assert faces.reseal(db, VAULT, VaultError) == (2, [])
    assert faces.reseal(db, VAULT, VaultError) == (0, [])
    db.close()
    assert opened(old, "e1") == [FACE, FACE] and opened(old, "e2") == [FACE]
    assert all(item.key for item in Roster(old).templates("e1"))
    held = b"".join(file.read_bytes() for file in old.parent.glob("people.db*"))
    assert before[0] not in held
    assert events(old, "face.key_destroyed") == []


def test_one_old_face_that_does_not_open_leaves_the_others_alone(old: Path) -> None:
    migrate(old)
    change(old, "UPDATE template SET sealed = x'00' WHERE id = 't2'")
    db = open_admin(old)
    assert faces.reseal(db, VAULT, VaultError) == (1, ["e1"])
    assert [row[0] for row in db.execute("SELECT person_id FROM person_key")] == ["e2"]
    wrong = Vault(SiteKey(bytes(32)))
    assert faces.reseal(db, wrong, VaultError) == (0, ["e1"])
    db.close()
    assert opened(old, "e2") == [FACE]


def test_an_old_face_without_a_key_is_destroyed_with_an_event_too(old: Path) -> None:
    migrate(old)
    apply(old, "e2")
    ((subject, data),) = events(old, "face.key_destroyed")
    assert (subject, data["key_id"], data["templates"]) == ("e1", None, 2)


KILLED = """
import os, signal, sys
from pathlib import Path
from gateway.people import faces
from gateway.people.schema import open_admin
db = open_admin(Path(sys.argv[1]))
with db:
    db.execute("BEGIN IMMEDIATE")
    faces.destroy(db, "e1", why="w", by="t")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_in_between_leaves_key_templates_and_no_event(people: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(people)], check=False)
    assert ended.returncode == -9
    assert opened(people, "e1") == [FACE, FACE]
    assert events(people, "face.key_destroyed") == []


def test_a_reader_in_the_way_delays_the_scrub_and_nothing_else(people: Path) -> None:
    db = open_admin(people)
    db.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(people, isolation_level=None)) as busy:
        busy.execute("BEGIN")
        busy.execute("SELECT * FROM person").fetchall()
        with db as c:
            assert faces.destroy(c, "e1", why="w", by="t") == 2
        assert not faces.scrub(db)
        busy.execute("ROLLBACK")
    assert faces.scrub(db)
    assert Path(f"{people}-wal").stat().st_size == 0
    db.close()


# Consent and retention


def agree(path: Path, person: str, until: str | None) -> bool:
    db = open_admin(path)
    last = date.fromisoformat(until) if until else None
    done = faces.set_consent(
        db, person, given_at=date(2026, 11, 1), until=last, note="paper 7", by="t"
    )
    db.close()
    return done


def test_consent_has_a_first_and_a_last_day(people: Path) -> None:
    assert not agree(people, "nobody", None)
    assert agree(people, "e1", "2026-11-30") and agree(people, "e2", None)
    db = open_admin(people)
    days = {
        day: faces.has_consent(db, "e1", date.fromisoformat(day))
        for day in ("2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01")
    }
    assert list(days.values()) == [False, True, True, False]
    assert faces.has_consent(db, "e2", date(2036, 1, 1))
    assert not faces.has_consent(db, "e3", date(2026, 11, 2))
    db.close()
    assert [subject for subject, _ in events(people, "face.consent_set")] == ["e1", "e2"]


def test_a_purge_takes_what_is_past_its_day_and_once(people: Path) -> None:
    agree(people, "e1", "2026-11-30")
    agree(people, "e2", None)
    assert faces.purge_file(people, date(2026, 11, 30)) == []
    assert faces.purge_file(people, date(2026, 12, 1)) == ["e1"]
    assert faces.purge_file(people, date(2026, 12, 1)) == []
    ((subject, data),) = events(people, "face.key_destroyed")
    assert (subject, data["templates"], data["by"]) == ("e1", 2, "gateway")
    assert data["why"] == "retention ended 2026-11-30"
    assert opened(people, "e1") == [] and opened(people, "e2") == [FACE]
    assert faces.purge_file(people.parent / "none.db", date(2026, 12, 1)) == []


def test_forgetting_leaves_the_person_and_nothing_of_the_face(people: Path) -> None:
    agree(people, "e1", None)
    db = open_admin(people)
    assert faces.forget(db, "e1", why="asked", by="t") == 2
    assert faces.forget(db, "e1", why="asked", by="t") is None
    assert db.execute("SELECT count(*) FROM person WHERE id = 'e1'").fetchone() == (1,)
    for table in ("template", "person_key", "face_consent"):
        found = db.execute(f"SELECT 1 FROM {table} WHERE person_id = 'e1'").fetchall()
        assert found == [], table
    db.close()
    assert len(events(people, "face.key_destroyed")) == len(events(people, "face.forgotten")) == 1
    enrol(people, "e1", "t9")  # whoever comes back gets another key
    assert opened(people, "e1") == [FACE]
