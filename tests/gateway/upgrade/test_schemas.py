"""Databases of every released schema version become today's, and today's program works on them."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.console.security.database import VERSION, Database
from gateway.decide import decide
from gateway.decide.model import Credential, Lookup, PinOutcome, Request
from gateway.decide.policy import (
    DAYS,
    AccessLevel,
    Area,
    DoorPolicy,
    Mode,
    Period,
    RequirementKind,
    Schedule,
    Site,
)
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.people import Roster, RosterUnavailable
from gateway.people.lookup import SCHEMA_VERSION
from gateway.people.pins import Pins
from gateway.people.schema import migrate, open_admin
from gateway.upgrade.databases import version_of
from gateway.upgrade.undo import plan, undo
from gateway.vault.copies import CopyError, copies
from gateway.vault.sitekey import SiteKey
from tests.gateway.upgrade.schemas import ANA, BEN, EVA, PIN, VISITOR, make, versions

NOW = datetime(2026, 11, 25, 18, tzinfo=UTC)
ALWAYS = Schedule("always", (Period(frozenset(DAYS), time(0), None),))
SITE = Site(
    "gate",
    ZoneInfo("UTC"),
    {"gate": DoorPolicy("gate", Mode.BADGE), "yard": DoorPolicy("yard", Mode.BADGE, area="yard")},
    {"always": ALWAYS},
    {},
    {"plant": AccessLevel("plant", {"gate": "always", "yard": "always"})},
    areas={"yard": Area("yard", requires=("training", "partner"))},
    requirements={
        "training": RequirementKind("training", "person"),
        "partner": RequirementKind("partner", "company"),
    },
)
OLD = versions("people")
STEP = 1 if os.environ.get("GARITA_LONG") else 7
"""How many statements lie between two kills."""


def decided(people: Path, badge: str, door: str = "gate") -> str:
    """What today's gate says to a badge."""
    with closing(Roster(people)) as roster:
        found = roster.find(Credential.parse(badge))
    request = Request(
        door,
        Credential.parse(badge),
        Lookup.FOUND if found.person else Lookup.UNKNOWN,
        found.person,
        found.list_version,
    )
    return decide(request, SITE, NOW).reason.value


def answers(people: Path) -> dict[str, str]:
    return {
        "ana": decided(people, ANA),
        "ana in the yard": decided(people, ANA, "yard"),
        "ben": decided(people, BEN),
        "eva": decided(people, EVA),
        "visitor": decided(people, VISITOR),
        "stranger": decided(people, "em4100:18:9999"),
    }


def expected(version: int) -> dict[str, str]:
    """Tables that there were not yet hold nobody's requirement and no visitor."""
    return {
        "ana": "granted",
        "ana in the yard": "granted" if version >= 4 else "denied_requirement_missing",
        "ben": "denied_revoked",
        "eva": "denied_suspended",
        "visitor": "granted" if version >= 6 else "denied_unknown_credential",
        "stranger": "denied_unknown_credential",
    }


def tables(path: Path) -> dict[str, Any]:
    """Every table with its columns, every index and trigger."""
    with closing(sqlite3.connect(path)) as db:
        names = [
            (kind, name)
            for kind, name in db.execute("SELECT type, name FROM sqlite_master ORDER BY type, name")
            if not name.startswith("sqlite_")
        ]
        return {
            f"{kind} {name}": sorted(row[1:6] for row in db.execute(f'PRAGMA table_info("{name}")'))
            for kind, name in names
        }


def rows(path: Path) -> dict[str, list[Any]]:
    """Everything that is in a list, but for what is random."""
    with closing(sqlite3.connect(path)) as db:
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        kept = [
            n for n in names if not n.startswith(("person_search", "sqlite_", "mark_key", "outbox"))
        ]
        return {name: sorted(map(repr, db.execute(f'SELECT * FROM "{name}"'))) for name in kept}


def test_there_is_a_database_of_every_version() -> None:
    assert list(range(1, SCHEMA_VERSION + 1)) == OLD
    assert versions("console") == list(range(1, VERSION + 1))


@pytest.mark.parametrize("version", OLD)
def test_a_list_of_each_version_decides_today(version: int, tmp_path: Path) -> None:
    path = make("people", version, tmp_path / "people.db")
    before = rows(path)
    migrate(path)
    assert version_of(path) == SCHEMA_VERSION and answers(path) == expected(version)
    with closing(Roster(path)) as roster:
        acts = [event for event in roster.outbox(100) if event.type != EventType.TABLES_MARKED]
        assert [(act.id, act.type) for act in acts] == [("act-1", EventType.PEOPLE_REVOKED)]
        if version >= 2:
            sealed = roster.pin("e1")
            assert sealed is not None
            pins = Pins(SiteKey(bytes(32)))
            assert pins.verify("e1", PIN, sealed) is PinOutcome.CORRECT
    fresh = tmp_path / "fresh.db"
    open_admin(fresh).close()
    assert tables(path) == tables(fresh)
    kept = copies(path)
    assert [one.schema for one in kept] == ([version] if version < SCHEMA_VERSION else [])
    for one in kept:
        assert rows(one.path) == before
    migrate(path)
    assert copies(path) == kept  # the second time there is nothing to do


class Killer(sqlite3.Connection):
    """Dies by SIGKILL before statement `at`."""

    at = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_trace_callback(self._count)

    def _count(self, _statement: str) -> None:
        Killer.at -= 1
        if Killer.at == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def killed_at(work: Callable[[], object], statement: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do `work` in a child that is killed at that statement; False if it came to its end."""
    child = os.fork()
    if child == 0:
        Killer.at, real = statement, sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, factory=Killer, **k))
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("version", [1, 6, SCHEMA_VERSION - 1])
def test_a_migration_that_is_killed_at_any_statement_is_done_again(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GARITA_LONG=1 tries each statement, otherwise some of them (and each of a short one)."""
    good = make("people", version, tmp_path / "good.db")
    old = tmp_path / "old.db"
    shutil.copy(good, old)
    migrate(good)
    path = tmp_path / "gate" / "people.db"
    path.parent.mkdir()
    step = 1 if version > 10 else 4 * STEP
    for statement in range(1, 1000, step):
        for left in path.parent.glob("people.db*"):
            left.unlink()
        shutil.copy(old, path)
        killed = killed_at(lambda: migrate(path), statement, monkeypatch)
        assert version_of(path) in (version, SCHEMA_VERSION)
        if version_of(path) == version:
            migrate(path)
        assert answers(path) == expected(version), statement
        assert rows(path) == rows(good), statement
        assert all(one.schema == version for one in copies(path)) and len(copies(path)) <= 3
        if not killed:
            break
    assert not killed and statement > 10


def test_no_copy_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the copies is a file: nothing is changed, and the gateway says why."""
    path = make("people", 15, tmp_path / "people.db")
    (tmp_path / "before-upgrade").write_text("")
    with pytest.raises(RosterUnavailable, match="before-upgrade"):
        migrate(path)
    assert version_of(path) == 15


@pytest.mark.parametrize("version", [v for v in OLD if v < SCHEMA_VERSION])
def test_undo_brings_the_old_tables_with_the_list_of_now(version: int, tmp_path: Path) -> None:
    """Whoever lost access since does not get it back, and whoever got it keeps it."""
    path = make("people", version, tmp_path / "people.db")
    migrate(path)
    with closing(open_admin(path)) as db, db:
        db.execute("INSERT INTO revocation VALUES ('e1', '2026-11-24T08:00:00Z', 'left', 'x')")
        db.execute("DELETE FROM person WHERE id = 'e3'")
        db.execute("DELETE FROM credential WHERE person_id = 'e3'")
        db.execute(
            "INSERT INTO person SELECT 'e4', 'Leo', company, role, NULL, NULL, 'active', "
            "access_levels FROM person WHERE id = 'e2'"
        )
        db.execute("INSERT INTO credential VALUES ('em4100:18:1004', 'e4')")
        db.execute("INSERT INTO credential VALUES ('em4100:18:1005', 'e4')")
        db.execute("INSERT INTO lost_badge VALUES (9, 'em4100:18:1005', 'e4', '', '', 'x')")
    foreseen = plan(path)
    assert foreseen.copy.schema == version and foreseen.now == SCHEMA_VERSION
    assert foreseen.lost["lost_badge"] >= 1 and foreseen.kept > 5
    assert undo(path, "x").lost == foreseen.lost
    assert version_of(path) == version
    with closing(sqlite3.connect(path)) as db:
        one = db.execute("SELECT data FROM outbox WHERE type = 'upgrade.undone'").fetchone()
        assert one and f'"to": {version}' in one[0]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert {row[0] for row in db.execute("SELECT person_id FROM revocation")} == {"e1", "e2"}
        badges = {row[0] for row in db.execute("SELECT key FROM credential WHERE person_id = 'e4'")}
        assert badges == {"em4100:18:1004"}
    migrate(path)  # and forward again
    said = answers(path)
    assert said["ana"] == "denied_revoked" and said["eva"] == "denied_unknown_credential"
    assert decided(path, "em4100:18:1004") == "granted"
    assert decided(path, "em4100:18:1005") == "denied_unknown_credential"
    assert said["visitor"] == expected(version)["visitor"]


def test_undo_without_a_copy_or_with_a_damaged_one_changes_nothing(tmp_path: Path) -> None:
    path = make("people", 15, tmp_path / "people.db")
    with pytest.raises(CopyError, match="nothing to go back to"):
        undo(path, "x")
    migrate(path)
    before = rows(path)
    kept = copies(path)[0].path
    kept.write_bytes(kept.read_bytes()[:-4096])
    with pytest.raises(CopyError, match="not good"):
        undo(path, "x")
    assert version_of(path) == SCHEMA_VERSION and rows(path) == before


@pytest.mark.parametrize("version", versions("ledger"))
def test_a_log_of_each_version_is_written_on(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No record changes: the log is added to and needs no copy.  Its opening is killed too."""
    path = make("ledger", version, tmp_path / "ledger.db")
    with closing(sqlite3.connect(path)) as db:
        before = db.execute("SELECT * FROM events").fetchall()
    for statement in range(1, 400, STEP):
        if not killed_at(lambda: Ledger.open(path, gateway="gate").close(), statement, monkeypatch):
            break
    with closing(Ledger.open(path, gateway="gate")) as ledger:
        event = ledger.append_sync(NewEvent(EventType.GATEWAY_STARTED, "gate", {}, NOW))
    assert event.seq == 7
    report = LedgerReader(path).verify()
    assert report.ok and report.count == 7
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM events WHERE seq <= 6").fetchall() == before


@pytest.mark.parametrize("version", versions("console"))
def test_a_console_of_each_version_signs_in(version: int, tmp_path: Path) -> None:
    path = make("console", version, tmp_path / "console.db")
    with closing(Database(path)) as db:
        assert db.one("SELECT password, theme FROM credential WHERE operator = 'rosa'") == (
            "$argon2id$x",
            "dark",
        )
        db.do(
            "INSERT INTO session (token, operator, csrf, began, seen, how, stage, roles) "
            "VALUES ('n', 'rosa', 'c', 1, 2, 'password', '', '[]')"
        )
        assert db.one("SELECT count(*), max(device) FROM session") == (1, "")
    fresh = tmp_path / "fresh.db"
    Database(fresh).close()
    assert tables(path) == tables(fresh)
    assert len(copies(path)) == (version < VERSION)


def test_a_console_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    path = make("console", 2, tmp_path / "console.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(sqlite3.DatabaseError, match="newer"):
        Database(path)
