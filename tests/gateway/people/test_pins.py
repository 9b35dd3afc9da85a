"""PINs: right, wrong and under threat; bound to person and site; nowhere to be read."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC
from pathlib import Path

import pytest
from argon2 import Parameters, PasswordHasher, Type
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import gateway.daemon.errand
import gateway.people.pins
from demo.rig import example_config
from gateway.cli.main import app
from gateway.decide.model import Credential, PinOutcome
from gateway.ledger import LedgerReader
from gateway.people import Roster, RosterUnavailable, SealedPin, schema
from gateway.people.lookup import SCHEMA_VERSION
from gateway.people.pins import Pins, check_new
from gateway.people.schema import migrate, open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey

ROOT = Path(__file__).parents[3]
HEAD = ",".join(COLUMNS)
ANA = "e1,Ana,,,,,,h10301:12:345,plant"
LUIS = "e2,Luis,,,,,,h10301:12:346,plant"
BADGE = Credential("h10301", "12", "345")
PIN, DURESS = "58201934", "40718256"  # long: no time or id in a file holds them by chance
REAL = gateway.people.pins.PARAMETERS
CHEAP = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=32, parallelism=1
)
KEY = SiteKey(bytes(range(32)))

# The tables as the program before PINs made them, word for word.
VERSION_1 = """
CREATE TABLE "person" (
   "id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "company" TEXT NOT NULL, "role" TEXT NOT NULL,
   "valid_from" TEXT, "valid_until" TEXT, "status" TEXT NOT NULL, "access_levels" TEXT NOT NULL
);
CREATE TABLE "credential" (
   "key" TEXT PRIMARY KEY, "person_id" TEXT NOT NULL REFERENCES "person"("id")
);
CREATE INDEX "idx_credential_person_id" ON "credential" ("person_id");
CREATE TABLE "revocation" ("person_id" TEXT PRIMARY KEY, "at" TEXT NOT NULL, "why" TEXT, "by" TEXT);
CREATE TABLE "list_version" (
   "number" INTEGER PRIMARY KEY, "applied_at" TEXT, "source" TEXT, "source_sha256" TEXT,
   "added" INTEGER, "changed" INTEGER, "removed" INTEGER, "total" INTEGER, "by" TEXT
);
CREATE TABLE "template" (
   "id" TEXT PRIMARY KEY, "person_id" TEXT NOT NULL, "model" TEXT NOT NULL,
   "created_at" TEXT NOT NULL, "quality" TEXT, "sealed" BLOB NOT NULL
);
CREATE INDEX "idx_template_person_id" ON "template" ("person_id");
CREATE TABLE "outbox" (
   "id" TEXT PRIMARY KEY, "created_at" TEXT NOT NULL, "type" TEXT NOT NULL,
   "subject" TEXT NOT NULL, "data" TEXT NOT NULL
);
INSERT INTO person VALUES ('e1', 'Ana', '', '', NULL, NULL, 'active', '["plant"]');
INSERT INTO credential VALUES ('h10301:12:345', 'e1');
INSERT INTO revocation VALUES ('e9', '2026-01-01T00:00:00Z', 'w', 'x');
INSERT INTO list_version VALUES (7, '2026-01-01T00:00:00Z', 'l.csv', '', 1, 0, 0, 1, 'x');
INSERT INTO template VALUES ('t1', 'e1', 'm', '2026-01-01T00:00:00Z', '{}', x'00');
PRAGMA user_version = 1;
"""


@pytest.fixture(autouse=True, scope="module")
def _cheap() -> Iterator[None]:
    """argon2 is slow on purpose; one test measures it as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway.people.pins, "PARAMETERS", CHEAP)
        yield


@pytest.fixture
def pins() -> Pins:
    return Pins(KEY)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    apply(path, ANA, LUIS)
    return path


def apply(people: Path, *rows: str) -> None:
    source = people.parent / "people.csv"
    source.write_text("\n".join([HEAD, *rows]) + "\n")
    found = read_people(source, levels=frozenset({"plant"}), zone=UTC)
    assert found.errors == []
    db = open_admin(people)
    sync.apply(db, sync.plan(db, found), by="test")
    db.close()


def set_pin(people: Path, person: str, hashed: str, *, duress: bool = False) -> bool:
    db = open_admin(people)
    done = sync.set_pin(db, person, hashed=hashed, duress=duress, by="test")
    db.close()
    return done


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


# Hashing


def test_right_wrong_and_under_threat(pins: Pins) -> None:
    sealed = SealedPin(pins.hash("e1", PIN), pins.hash("e1", DURESS))
    assert pins.verify("e1", PIN, sealed) is PinOutcome.CORRECT
    assert pins.verify("e1", DURESS, sealed) is PinOutcome.DURESS
    assert pins.verify("e1", "58201935", sealed) is PinOutcome.WRONG
    alone = SealedPin(sealed.hash)
    assert pins.verify("e1", PIN, alone) is PinOutcome.CORRECT
    assert pins.verify("e1", DURESS, alone) is PinOutcome.WRONG
    # Two that are one: rather an alarm too many than none.
    both = SealedPin(sealed.hash, pins.hash("e1", PIN))
    assert pins.verify("e1", PIN, both) is PinOutcome.DURESS


def test_a_hash_is_of_one_person_and_one_site(pins: Pins) -> None:
    sealed = SealedPin(pins.hash("e1", PIN))
    assert pins.verify("e2", PIN, sealed) is PinOutcome.WRONG
    assert Pins(SiteKey(bytes(32))).verify("e1", PIN, sealed) is PinOutcome.WRONG
    assert Pins(SiteKey(bytes(range(32)))).verify("e1", PIN, sealed) is PinOutcome.CORRECT
    # Where the id ends and the PIN begins is told apart.
    assert pins.verify("e", "1" + PIN, sealed) is PinOutcome.WRONG
    assert pins.hash("e1", PIN) != sealed.hash


def test_without_the_key_there_is_nothing_to_search(pins: Pins) -> None:
    hashed = pins.hash("e1", PIN)
    for guess in (PIN, "e1" + PIN):
        with pytest.raises(gateway.people.pins.Argon2Error):
            PasswordHasher().verify(hashed, guess)
    assert hashed not in repr(SealedPin(hashed, hashed))


def test_both_hashes_are_computed_whatever_the_first_says(
    pins: Pins, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = SealedPin(pins.hash("e1", PIN), pins.hash("e1", DURESS))
    seen: list[str] = []
    matches = Pins._matches

    def counted(self: Pins, one: str, peppered: str) -> bool:
        seen.append(one)
        return matches(self, one, peppered)

    monkeypatch.setattr(Pins, "_matches", counted)
    for typed in (PIN, DURESS, "0000"):
        seen.clear()
        pins.verify("e1", typed, sealed)
        assert seen == [sealed.hash, sealed.duress_hash]


def test_the_parameters_and_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.people.pins, "PARAMETERS", REAL)
    pins = Pins(KEY)
    sealed = SealedPin(pins.hash("e1", PIN))
    assert sealed.hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda typed: pins.verify("e1", typed, sealed), [PIN, DURESS])
        assert list(found) == [PinOutcome.CORRECT, PinOutcome.WRONG]


def damaged(good: str) -> list[str]:
    return [
        "",
        "$",
        "x" * 1000,
        good[:-1],
        good[:40],
        good + "A",
        good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1],
        good.replace("argon2id", "argon2i"),
        good.replace("v=19", "v=16"),
        good.replace("v=19", "v=99999999999999999999"),
        good.replace("m=32", "m=33554432"),  # 32 GiB
        good.replace("t=1", "t=1000000000"),
        good.replace("p=1", "p=16777215"),
        good.replace("t=1", "t=-1"),
        good.replace("t=1", "t=" + "9" * 5000),
        good.replace("$", "\0"),
        good.replace("$", "ñ"),
        good + "\ud800",
    ]


@pytest.mark.parametrize("place", range(18))
def test_a_damaged_hash_opens_nothing_and_costs_nothing(pins: Pins, place: int) -> None:
    good, other = pins.hash("e1", PIN), pins.hash("e1", DURESS)
    bad = damaged(good)[place]
    assert bad != good
    began = time.monotonic()
    assert pins.verify("e1", PIN, SealedPin(bad)) is PinOutcome.WRONG
    assert pins.verify("e1", PIN, SealedPin(good, bad)) is PinOutcome.CORRECT
    assert pins.verify("e1", DURESS, SealedPin(bad, other)) is PinOutcome.DURESS
    assert time.monotonic() - began < 2


@given(st.text(st.characters(categories=None), max_size=40) | st.text("0123456789 \0", max_size=9))
def test_no_text_raises(typed: str) -> None:
    pins = Pins(KEY)
    sealed = SealedPin(pins.hash("e1", PIN), pins.hash("e1", DURESS))
    expected = {PIN: PinOutcome.CORRECT, DURESS: PinOutcome.DURESS}
    assert pins.verify("e1", typed, sealed) is expected.get(typed, PinOutcome.WRONG)
    own = SealedPin(pins.hash("e1", typed))
    assert pins.verify("e1", typed, own) is PinOutcome.CORRECT


@pytest.mark.parametrize(
    "typed", ["５８２０１９３４", PIN + "\n", " " + PIN, PIN + "\0", PIN * 9999]
)
def test_what_only_looks_like_the_pin(pins: Pins, typed: str) -> None:
    assert pins.verify("e1", typed, SealedPin(pins.hash("e1", PIN))) is PinOutcome.WRONG


# New PINs


@pytest.mark.parametrize("good", ["1235", "0000001", "1357", "7890", "9012", "12345679", "1010"])
def test_good_pins(good: str) -> None:
    check_new(good)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "4 to 8 digits"),
        ("123", "4 to 8 digits"),
        ("123456789", "4 to 8 digits"),
        ("12a4", "4 to 8 digits"),
        ("-135", "4 to 8 digits"),
        ("1357\n", "4 to 8 digits"),
        ("１３５７", "4 to 8 digits"),
        ("²³⁵⁷", "4 to 8 digits"),
        ("7777", "repeated"),
        ("00000000", "repeated"),
        ("1234", "up or down"),
        ("0123456", "up or down"),
        ("8765", "up or down"),
        ("76543210", "up or down"),
    ],
)
def test_bad_pins_and_why(bad: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        check_new(bad)
    assert not bad or bad not in str(caught.value)


@given(st.text(max_size=10) | st.text("0123456789", max_size=10))
def test_whatever_is_accepted_is_four_to_eight_digits(text: str) -> None:
    try:
        check_new(text)
    except ValueError:
        return
    assert set(text) <= set("0123456789") and 4 <= len(text) <= 8 and len(set(text)) > 1


# In the list


def test_a_pin_is_in_force_at_the_next_badge(people: Path, pins: Pins) -> None:
    roster = Roster(people)
    assert not roster.find(BADGE).has_pin and roster.pin("e1") is None
    hashed, duress = pins.hash("e1", PIN), pins.hash("e1", DURESS)
    assert not set_pin(people, "e1", duress, duress=True)  # no duress PIN without a PIN
    assert not set_pin(people, "e9", hashed)
    assert set_pin(people, "e1", hashed)
    assert roster.pin("e1") == SealedPin(hashed) and roster.find(BADGE).has_pin
    assert set_pin(people, "e1", duress, duress=True)
    assert roster.pin("e1") == SealedPin(hashed, duress)
    assert not roster.find(Credential("h10301", "12", "346")).has_pin
    assert not roster.find(Credential("h10301", "1", "1")).has_pin
    again = pins.hash("e1", "9047")
    assert set_pin(people, "e1", again)
    assert roster.pin("e1") == SealedPin(again)
    db = open_admin(people)
    assert sync.clear_pin(db, "e1", by="test") and not sync.clear_pin(db, "e1", by="test")
    assert roster.pin("e1") is None and not roster.find(BADGE).has_pin


def test_acts_and_their_events_go_together(people: Path, pins: Pins) -> None:
    hashed = pins.hash("e1", PIN)
    set_pin(people, "e9", hashed)
    set_pin(people, "e1", hashed, duress=True)
    for duress in (False, False, True, False):
        set_pin(people, "e1", hashed, duress=duress)
    db = open_admin(people)
    sync.clear_pin(db, "e1", by="test")
    sync.clear_pin(db, "e1", by="test")
    events = Roster(people).outbox(10)[1:]
    assert [(event.type, event.subject) for event in events] == [
        *[("people.pin_set", "e1")] * 4,
        ("people.pin_cleared", "e1"),
    ]
    said = [(event.data["duress"], event.data["duress_cleared"]) for event in events[:4]]
    assert said == [(False, False), (False, False), (True, False), (False, True)]
    assert all(event.data["by"] == "test" for event in events)
    assert set(events[4].data) == {"by", "rows"}
    assert hashed not in json.dumps([dict(event.data) for event in events])


def test_what_cant_be_written_is_said_and_undone(people: Path, pins: Pins) -> None:
    set_pin(people, "e1", "old")
    db = open_admin(people)
    db.execute("DROP TABLE outbox")
    with pytest.raises(sync.SyncError, match="could not be written"):
        sync.set_pin(db, "e1", hashed="new", duress=False, by="test")
    with pytest.raises(sync.SyncError, match="could not be written"):
        sync.clear_pin(db, "e1", by="test")
    assert Roster(people).pin("e1") == SealedPin("old")


def test_who_leaves_the_list_leaves_no_pin_behind(people: Path, pins: Pins) -> None:
    set_pin(people, "e1", pins.hash("e1", PIN))
    set_pin(people, "e2", pins.hash("e2", PIN))
    apply(people, ANA.replace("Ana", "Ana María"), LUIS)
    assert Roster(people).pin("e1") is not None  # a change keeps it
    apply(people, LUIS)
    apply(people, ANA, LUIS)
    assert Roster(people).pin("e1") is None
    assert Roster(people).pin("e2") is not None


def test_the_digits_are_in_no_file(people: Path, pins: Pins) -> None:
    db = open_admin(people)  # stays open, so that the write-ahead log is looked at too
    sync.set_pin(db, "e1", hashed=pins.hash("e1", PIN), duress=False, by="test")
    sync.set_pin(db, "e1", hashed=pins.hash("e1", DURESS), duress=True, by="test")
    held = bytes_of(people.parent)
    sealed = Roster(people).pin("e1")
    assert sealed is not None and sealed.hash.encode() in held
    outbox = repr(Roster(people).outbox(10))
    for digits in (PIN, DURESS):
        assert digits.encode() not in held and digits not in outbox
    assert sealed.hash not in outbox


@pytest.mark.parametrize("value", ["x'ff00'", "5", "''", "cast(x'ff41' AS TEXT)"])
def test_a_damaged_row_opens_nothing(people: Path, pins: Pins, value: str) -> None:
    set_pin(people, "e1", pins.hash("e1", PIN))
    with closing(sqlite3.connect(people)) as db, db:
        db.execute(f"UPDATE pin SET hash = {value}, duress_hash = {value}")
    try:
        sealed = Roster(people).pin("e1")
    except RosterUnavailable:
        return
    assert sealed is not None
    assert pins.verify("e1", PIN, sealed) is PinOutcome.WRONG


# The file of the version before


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(VERSION_1)
    return path


def tables(path: Path) -> tuple[int, dict[str, set[tuple[object, ...]]]]:
    with closing(sqlite3.connect(path)) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        return version, {
            name: {tuple(row) for row in db.execute(f"PRAGMA table_info({name})")} for name in names
        }


def migrate_by_command(path: Path) -> None:
    open_admin(path).close()


@pytest.mark.parametrize("way", [migrate, migrate_by_command])
def test_an_old_list_becomes_a_new_one(old: Path, way: Callable[[Path], None]) -> None:
    with pytest.raises(RosterUnavailable, match="schema 1, this program needs"):
        Roster(old).find(BADGE)
    way(old)
    way(old)
    found = Roster(old).find(BADGE)
    assert found.person is not None and found.person.id == "e1"
    assert (found.templates, found.list_version, found.has_pin) == (1, 7, False)
    assert set_pin(old, "e1", "h") and Roster(old).find(BADGE).has_pin
    way(old)
    assert Roster(old).pin("e1") == SealedPin("h")
    new = old.parent / "new.db"
    open_admin(new).close()
    assert tables(old) == tables(new)


def test_half_a_migration_that_was_left_is_finished(old: Path) -> None:
    with closing(sqlite3.connect(old)) as db, db:
        db.execute(
            "CREATE TABLE pin (person_id TEXT PRIMARY KEY NOT NULL, hash TEXT NOT NULL, "
            "duress_hash TEXT, set_at TEXT NOT NULL, by TEXT)"
        )
        db.execute("INSERT INTO pin VALUES ('e1', 'h', NULL, 'now', 'x')")
    migrate(old)
    assert Roster(old).pin("e1") == SealedPin("h")


def test_a_migration_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables(old)
    with monkeypatch.context() as patch:
        # Every table is made, and then a later step fails.
        folder = old.parent / "schema"
        shutil.copytree(schema.FOLDER, folder)
        (folder / "999_broken.sql").write_text("CREATE TABLE late (a);\nCREATE TABEL x (a);\n")
        patch.setattr(schema, "FOLDER", folder)
        patch.setattr(schema, "SCHEMA_VERSION", 999)
        with pytest.raises(RosterUnavailable, match="syntax error"):
            migrate(old)
    assert tables(old) == before
    migrate(old)
    assert Roster(old).find(BADGE).person is not None


def test_migrate_leaves_alone_what_is_no_old_list(tmp_path: Path, people: Path) -> None:
    migrate(tmp_path / "none" / "people.db")
    assert not (tmp_path / "none").exists()
    empty = tmp_path / "empty.db"
    empty.touch()
    migrate(empty)  # a first sync is making it, or died: it has no list to bring over
    assert empty.read_bytes() == b""
    with closing(sqlite3.connect(people, isolation_level=None)) as busy:
        busy.execute("BEGIN IMMEDIATE")  # a long sync
        began = time.monotonic()
        migrate(people)
        assert time.monotonic() - began < 1
        busy.execute("ROLLBACK")
        busy.execute("PRAGMA user_version = 99")
    with pytest.raises(RosterUnavailable, match="newer version"):
        migrate(people)
    empty.write_bytes(os.urandom(8192))
    with pytest.raises(RosterUnavailable, match="not a database"):
        migrate(empty)
    with pytest.raises(RosterUnavailable, match="unable to open"):
        migrate(tmp_path)


def test_two_that_migrate_at_once_wait_for_each_other(old: Path) -> None:
    start = threading.Barrier(4)

    def work(way: Callable[[Path], None]) -> None:
        start.wait(10)
        way(old)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [migrate, migrate_by_command] * 2))
    assert Roster(old).find(BADGE).person is not None


def test_each_schema_version_is_one_file() -> None:
    numbers = [int(file.name[:3]) for file in schema.steps(0)]
    assert numbers == list(range(1, SCHEMA_VERSION + 1))
    assert len(list(schema.FOLDER.glob("*.sql"))) == SCHEMA_VERSION


def test_a_file_of_sql_is_parted_as_sqlite_parts_it() -> None:
    script = "-- a; b\nCREATE TABLE a (b);\nCREATE TRIGGER t AFTER DELETE ON a BEGIN\n"
    script += "  DELETE FROM a WHERE b = ';';\n  DELETE FROM a;\nEND;\n"
    found = list(schema.statements(script))
    assert len(found) == 2 and found[1].endswith("END;\n")
    with pytest.raises(sqlite3.Error, match="inside a statement"):
        list(schema.statements("CREATE TABLE a (b"))


def test_no_command_loads_sqlite_utils() -> None:
    """It takes a third of a second, and nothing in the program needs it."""
    code = (
        "import sys, gateway.cli.people.list, gateway.cli.people.sync, gateway.cli.people.pull\n"
        "assert 'sqlite_utils' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_daemon_migrates_without_what_commands_need() -> None:
    code = (
        "import sys; import gateway.people.schema\n"
        "others = {m.partition('.')[0] for m in sys.modules} - sys.stdlib_module_names\n"
        "assert not others & {'pydantic', 'typer', 'rich', 'argon2'}, others\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# The command

PEOPLE_PIN = ("people", "pin")


class Site:
    """A configuration, a key and a list, and the command on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = example_config(folder)
        self.people = folder / "var" / "data" / "people.db"
        self.key = folder / "var" / "site.key"
        SiteKey.create(self.key)
        apply(self.people, ANA, LUIS)

    def run(self, *arguments: str, typed: str | bytes = "") -> Result:
        done = CliRunner().invoke(
            app, [*PEOPLE_PIN, *arguments, "-c", str(self.config)], input=typed
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def verify(self, digits: str, person: str = "e1") -> PinOutcome | None:
        sealed = Roster(self.people).pin(person)
        pins = Pins(SiteKey.load(str(self.key)))
        return pins.verify(person, digits, sealed) if sealed else None

    def recorded(self) -> list[str]:
        reader = LedgerReader(self.folder / "var" / "data" / "ledger.db")
        return [event.type for event in reader.after(0, 100)]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_pin_from_a_pipe_and_on_record(site: Site) -> None:
    done = site.run("e1", typed=f"{PIN}\n")
    assert done.exit_code == 0 and "e1: PIN set" in done.stdout
    assert site.verify(PIN) is PinOutcome.CORRECT
    done = site.run("e1", "--duress", "--json", typed=f"{DURESS}\r\n")
    assert json.loads(done.stdout) == {
        "person": "e1",
        "act": "set",
        "duress": True,
        "duress_cleared": False,
    }
    assert site.verify(DURESS) is PinOutcome.DURESS
    done = site.run("e1", typed="9047")
    assert "the duress PIN before is gone" in done.stdout
    assert site.verify("9047") is PinOutcome.CORRECT
    assert site.verify(DURESS) is PinOutcome.WRONG
    done = site.run("e1", "--clear")
    assert done.exit_code == 0 and "PIN removed" in done.stdout and site.verify("9047") is None
    done = site.run("e1", "--clear")
    assert done.exit_code == 1 and "e1 has no PIN" in done.stderr
    assert site.recorded()[-4:] == [*["people.pin_set"] * 3, "people.pin_cleared"]
    held = bytes_of(site.folder)
    assert PIN.encode() not in held and DURESS.encode() not in held


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "4 to 8 digits"),
        ("77777777", "repeated"),
        ("23456789", "up or down"),
        ("5820193x", "4 to 8 digits"),
        (b"5820193\xff", ""),
    ],
)
def test_a_pin_that_is_refused_is_not_repeated(site: Site, typed: str | bytes, why: str) -> None:
    done = site.run("e1", typed=typed)
    assert done.exit_code == 1 and why in done.stderr and done.stderr.strip()
    shown = typed.decode(errors="ignore") if isinstance(typed, bytes) else typed
    assert not shown or shown not in done.output
    assert site.verify(PIN) is None


def test_the_duress_pin_is_another(site: Site) -> None:
    done = site.run("e1", "--duress", typed=DURESS)
    assert done.exit_code == 1 and "has no PIN yet" in done.stderr
    site.run("e1", typed=PIN)
    done = site.run("e1", "--duress", typed=PIN)
    assert done.exit_code == 1 and "must not be the PIN" in done.stderr
    assert PIN not in done.output and site.verify(PIN) is PinOutcome.CORRECT
    for _ in range(2):  # the same again is no mistake
        assert site.run("e1", "--duress", typed=DURESS).exit_code == 0
        assert site.verify(DURESS) is PinOutcome.DURESS


def test_a_generated_pin_is_good_and_shown_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = iter([111111, 345678, 4711, 4711, 58201])
    monkeypatch.setattr(gateway.daemon.errand.secrets, "randbelow", lambda _: next(offered))
    done = site.run("e1", "--generate")
    assert done.exit_code == 0 and done.output.count("004711") == 1
    assert site.verify("004711") is PinOutcome.CORRECT
    done = site.run("e1", "--generate", "--duress", "--json")
    assert json.loads(done.stdout)["pin"] == "058201"  # the one after the PIN itself
    assert site.verify("058201") is PinOutcome.DURESS
    assert b"004711" not in bytes_of(site.folder)


def test_what_is_wrong_is_said_in_a_sentence(site: Site) -> None:
    for arguments, code, why in (
        (("e9",), 1, "nobody on the list has the id e9"),
        (("e9", "--clear"), 1, "nobody on the list has the id e9"),
        (("[/x]", "--generate"), 1, "has the id [/x]"),
        (("e1", "--clear", "--duress"), 2, "--clear"),
        (("e1", "--clear", "--generate"), 2, "--clear"),
    ):
        done = site.run(*arguments, typed=PIN)
        assert done.exit_code == code and why in done.stderr, arguments
    site.key.unlink()
    done = site.run("e1", typed=PIN)
    assert done.exit_code == 5 and "garita key new" in done.stderr
    site.people.write_bytes(os.urandom(8192))
    done = site.run("e1", typed=PIN)
    assert done.exit_code == 5 and PIN not in done.output


RUN = "from gateway.cli.main import main; main()"


@pytest.mark.slow
def test_at_a_terminal_it_is_asked_twice_and_not_shown(site: Site) -> None:
    command = [sys.executable, "-c", RUN, *PEOPLE_PIN, "e1", "-c", str(site.config), "--json"]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(command[0], command)
    shown = b""
    # The second time mistyped, so it is asked for from the start.
    for answer in (PIN, PIN[:-1], PIN, PIN):
        while b": " not in shown.rpartition(b"\n")[2] or not shown.endswith(b": "):
            shown += os.read(terminal, 1000)
        os.write(terminal, answer.encode() + b"\n")
        shown += b"<typed>"
    while True:
        try:
            piece = os.read(terminal, 1000)
        except OSError:  # Linux: the other end is closed
            break
        if not piece:
            break
        shown += piece
    assert os.waitpid(child, 0)[1] == 0, shown
    os.close(terminal)
    assert b"PIN of e1: " in shown and b"do not match" in shown
    assert PIN[:-1].encode() not in shown
    with pytest.MonkeyPatch.context() as patch:  # the child hashed in earnest
        patch.setattr(gateway.people.pins, "PARAMETERS", REAL)
        assert site.verify(PIN) is PinOutcome.CORRECT
