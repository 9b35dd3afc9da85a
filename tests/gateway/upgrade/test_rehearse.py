"""Past badges decided again by this program and its configuration: `garita upgrade --rehearse`."""

from __future__ import annotations

import json
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo.rig import Rig
from gateway.decide import decide
from gateway.decide.model import Credential, FaceOutcome, FaceResult, Lookup, PinOutcome, Request
from gateway.decide.policy import DAYS, AccessLevel, DoorPolicy, Mode, Period, Schedule, Site
from gateway.decide.record import access_event
from gateway.ledger import Ledger, LedgerReader, chain, file
from gateway.ledger.event import EventType, NewEvent
from gateway.people import Roster
from gateway.people.lookup import SCHEMA_VERSION, compare_names
from gateway.people.permits import add_grant
from gateway.people.schema import FOLDER, open_admin, statements
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.upgrade.databases import list_of
from gateway.upgrade.rehearse import Difference, Tally, Turn, rehearse
from gateway.vault.sitekey import SiteKey

KEY = SiteKey(bytes(32))
HEAD = ",".join(COLUMNS)
NOW = datetime(2026, 11, 25, 18, tzinfo=UTC)
ALWAYS = Schedule("always", (Period(frozenset(DAYS), time(0), None),))
MORNING = Schedule("morning", (Period(frozenset(DAYS), time(6), time(9)),))
DOORS = dict.fromkeys(("gate", "vault", "lab"), "always")
SITE = Site(
    "gate",
    ZoneInfo("UTC"),
    {
        "gate": DoorPolicy("gate", Mode.BADGE),
        "vault": DoorPolicy("vault", Mode.BADGE_PIN),
        "lab": DoorPolicy("lab", Mode.BADGE_FACE, face_threshold=0.36, face_min_templates=1),
    },
    {"always": ALWAYS, "morning": MORNING},
    {},
    {"plant": AccessLevel("plant", DOORS)},
    policy_version="old",
)
ANA = "e1,Ana,,,,,active,h10301:1:7,plant"
BEN = "e2,Ben,,,,,active,h10301:1:8,plant"


class Gate:
    """A list, a log, and badges shown at the gate of the past."""

    def __init__(self, folder: Path) -> None:
        self.people, self.log = folder / "people.db", folder / "ledger.db"
        self.folder = folder
        self.db = open_admin(self.people)
        self.ledger = Ledger.open(self.log, gateway="gate")

    def apply(self, *rows: str) -> None:
        path = self.folder / "people.csv"
        path.write_text("\n".join([HEAD, *rows]) + "\n")
        found = read_people(path, levels=SITE.access_levels, zone=UTC)
        assert found.errors == []
        sync.apply(self.db, sync.plan(self.db, found), by="x")

    def badge(self, number: int, door: str = "gate", *, hours: float = 1, **more: Any) -> None:
        """As the reader does it: look-up, decide, record; `hours` before `NOW`."""
        credential = Credential("h10301", "1", str(number))
        with closing(Roster(self.people)) as roster:
            found = roster.find(credential)
        request = Request(
            door,
            credential,
            Lookup.FOUND if found.person else Lookup.UNKNOWN,
            found.person,
            found.list_version,
            found.templates,
            has_pin=found.has_pin,
        )
        request = replace(request, **more)
        at = NOW - timedelta(hours=hours)
        event = access_event(request, decide(request, SITE, at), SITE, KEY, {"way": "in"})
        self.ledger.append_sync(NewEvent(event.type, event.subject, event.data, at))

    def act(self, kind: EventType, subject: str, *, hours: float, **data: Any) -> None:
        at = NOW - timedelta(hours=hours)
        self.ledger.append_sync(NewEvent(kind, subject, data, at))

    def rehearse(self, site: Site = SITE, days: int = 31) -> tuple[list[Difference], Tally]:
        tally = Tally()
        since = NOW - timedelta(days=days)
        return list(rehearse(self.log, self.people, site, since, tally)), tally


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_the_same_program_and_configuration_decide_the_same(gate: Gate) -> None:
    gate.apply(ANA)
    gate.badge(7)
    gate.badge(9)
    gate.badge(7, "vault", has_pin=True, pin=PinOutcome.CORRECT)
    gate.badge(7, "lab", templates=2, face=FaceResult(FaceOutcome.MATCH, 0.3, 3))
    found, tally = gate.rehearse()
    assert found == [] and tally.decided == 4 and not tally.unknown


def test_what_another_policy_changes_is_shown_each_way(gate: Gate) -> None:
    gate.apply(ANA, BEN)
    gate.badge(7)  # 17:00
    gate.badge(7, "lab", templates=2, face=FaceResult(FaceOutcome.MATCH, 0.35, 3))
    gate.badge(8, "lab", templates=2, face=FaceResult(FaceOutcome.MISMATCH, 0.37, 3))
    gate.badge(9)
    doors = dict(SITE.doors)
    doors["gate"] = replace(doors["gate"], mode=Mode.BADGE_PIN)
    doors["lab"] = replace(doors["lab"], mode=Mode.BADGE)
    site = replace(SITE, doors=doors, policy_version="new")
    found, tally = gate.rehearse(site)
    assert [(one.event.seq, one.turn) for one in found] == [(2, Turn.REFUSES), (4, Turn.OPENS)]
    assert found[0].now.reason == "denied_pin_not_set"
    assert tally.other_policy == 2 and tally.decided == 4

    site = replace(SITE, schedules={"always": MORNING}, policy_version="old")
    found, tally = gate.rehearse(site)
    assert {one.now.reason.value for one in found} == {"denied_out_of_schedule"}
    assert {one.turn for one in found} == {Turn.REFUSES, Turn.REASON}
    assert tally.other_policy == 0


def test_a_factor_that_is_asked_for_now_was_not_tried(gate: Gate) -> None:
    gate.apply(ANA)
    gate.badge(7, has_pin=True)
    doors = {**SITE.doors, "gate": DoorPolicy("gate", Mode.BADGE_PIN)}
    found, _ = gate.rehearse(replace(SITE, doors=doors))
    assert [one.turn for one in found] == [Turn.ASKS]
    assert found[0].now.reason == "pin_required"


def test_people_are_as_the_list_had_them_then(gate: Gate) -> None:
    """Each of these would differ if today's list decided."""
    gate.apply(ANA, BEN)
    gate.badge(7, hours=50)
    gate.badge(8, hours=50)
    gate.apply(
        "e1,Ana,,,,2026-01-01,active,h10301:1:7,plant", "e2,Ben,,,,,suspended,h10301:1:8,plant"
    )
    gate.badge(7, hours=30)
    gate.badge(8, hours=30)
    gate.apply(ANA)  # Ben left
    gate.badge(7, hours=10)
    gate.badge(8, hours=10)
    found, tally = gate.rehearse()
    assert found == [] and tally.decided == 6 and not tally.unknown


def test_a_revocation_made_here_counts_from_its_time_on(gate: Gate) -> None:
    gate.apply(ANA)
    gate.badge(7, hours=50)
    at = (NOW - timedelta(hours=40)).isoformat(timespec="seconds").replace("+00:00", "Z")
    with gate.db:
        gate.db.execute("INSERT INTO revocation VALUES ('e1', ?, 'x', 'x')", (at,))
    gate.badge(7, hours=30)
    found, tally = gate.rehearse()
    assert found == [] and tally.decided == 2


def test_what_no_list_keeps_is_counted_and_not_taken_for_a_difference(gate: Gate) -> None:
    gate.apply("e1,Ana,,,,,active,h10301:1:7,")
    gate.badge(7, hours=50)  # refused: no level
    add_grant(
        gate.db,
        "e1",
        "door",
        "gate",
        since=NOW - timedelta(days=10),
        until=NOW + timedelta(days=1),
        why="",
        by="x",
    )
    gate.act(EventType.GRANT_GIVEN, "e1", hours=40)
    gate.badge(7, hours=30)
    found, tally = gate.rehearse()
    assert found == [] and tally.decided == 1
    assert [(count, "grant" in why) for why, count in tally.unknown.items()] == [(1, True)]


def test_who_left_without_a_trace_is_said_and_an_old_record_too(gate: Gate) -> None:
    gate.apply(ANA)
    data = {"door": "gate", "reason": "granted", "credential": {"masked": "x", "fingerprint": "f"}}
    gate.act(EventType.ACCESS_GRANTED, "gate", hours=3, **data)
    visitor = {"person": {"id": "visit-1", "name": "V"}, "list_version": 1, "facts": {}}
    gate.act(EventType.ACCESS_GRANTED, "gate", hours=2, **data, **visitor)
    broken = {**data, **visitor, "facts": {"place": "nowhere"}}
    gate.act(EventType.ACCESS_GRANTED, "gate", hours=2, **broken)
    gate.act(EventType.ACCESS_GRANTED, "gate", hours=1, **{**broken, "facts": {"templates": "x"}})
    found, tally = gate.rehearse()
    assert found == [] and tally.decided == 0 and tally.unknown.total() == 4
    assert any("older version" in why for why in tally.unknown)
    assert any("on file" in why for why in tally.unknown)


def test_a_list_whose_history_is_gone_is_not_guessed(gate: Gate) -> None:
    gate.apply(ANA)
    gate.badge(7, hours=50)
    gate.apply("e1,Ana,,,,2026-01-01,active,h10301:1:7,plant")
    with gate.db:
        gate.db.execute("DELETE FROM person_history")
        gate.db.execute("UPDATE version_detail SET kept = 0")
    found, tally = gate.rehearse()
    assert found == [] and list(tally.unknown) == ["the list of that day is not kept any more"]


async def test_the_command_beside_a_running_gate(make_rig: Callable[..., Rig]) -> None:
    """The new configuration on the data of a gate at work, in both languages and as JSON."""
    rig = make_rig()
    people = [
        {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}
    ]
    rig.cli("people", "sync", str(rig.write_people(people)), "--apply")
    await rig.start()
    for number in (1001, 9999):
        rig.yard_reader.present(18, number)
        said = "granted" if number == 1001 else "denied_unknown_credential"
        await rig.until(lambda s, r=said: (s["last"]["yard"] or {}).get("reason") == r)
    same = await rig.acli("upgrade", "--rehearse")
    assert same.returncode == 0 and "2 badges" in same.stdout and "0 differ" in same.stdout

    other = rig.folder / "new" / "garita.toml"
    other.parent.mkdir()
    text = rig.config.read_text("utf-8").replace('yard = "always"', 'yard = "never-today"')
    other.write_text(text, encoding="utf-8")
    before = {p: p.stat().st_mtime_ns for p in (rig.folder / "data").iterdir()}
    command = ("upgrade", "--rehearse", "--data", str(rig.folder / "data"), "-c", str(other))
    done = await rig.acli(*command, config=False, check=False)
    assert done.returncode == 3, done
    assert "refuses" in done.stdout and "denied_out_of_schedule" in done.stdout
    assert "another configuration" in done.stdout
    found = json.loads((await rig.acli(*command, "--json", config=False, check=False)).stdout)
    assert found["differing"] == 1 and found["decided"] == 2
    (row,) = found["differences"]
    assert row["then"]["reason"] == "granted" and row["person"] == "e1"
    assert row["now"]["outcome"] == "deny" and row["turn"] == "refuses"
    other.write_text(text.replace("[site]\n", '[site]\nlanguage = "es"\n'), encoding="utf-8")
    said = (await rig.acli(*command, config=False, check=False)).stdout
    assert "niega" in said and "differ" not in said, said
    after = {p: p.stat().st_mtime_ns for p in before if p.suffix != ".db-shm" and p.exists()}
    written = {p.name for p, at in after.items() if before.get(p) != at}
    assert not written & {"people.db", "doors.json", "threat.json"}, written


def test_a_list_of_an_older_schema_is_rehearsed_on_a_copy(gate: Gate, tmp_path: Path) -> None:
    """The file of the old program stays as it is, byte for byte, and so does its folder."""
    gate.db.close()
    old = tmp_path / "old" / "people.db"
    old.parent.mkdir()
    with closing(sqlite3.connect(old)) as db:
        compare_names(db)
        for script in sorted(FOLDER.glob("0*.sql"))[: SCHEMA_VERSION - 1]:
            for statement in statements(script.read_text("utf-8")):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
        db.commit()
    before = old.read_bytes()
    with list_of(old) as path:
        assert path != old
        assert not path.parent.stat().st_mode & 0o077
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    assert not path.exists() and old.read_bytes() == before
    assert [item.name for item in old.parent.iterdir()] == ["people.db"]


def fill(path: Path, record: dict[str, Any], count: int) -> None:
    """`count` more records in the log, a minute apart; nobody waits for the disk."""
    with closing(file.connect(path, "gate")[0]) as db:
        db.execute("PRAGMA synchronous = OFF")
        seq, digest = db.execute(
            "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        event = NewEvent(EventType.ACCESS_GRANTED, "gate", record)
        db.execute("BEGIN")
        for number in range(seq + 1, seq + 1 + count):
            at = NOW - timedelta(minutes=seq + count - number)
            body = chain.body_of(event, f"x-{number}", at)
            digest = chain.link(digest, number, chain.digest_of(body))
            db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (number, body, digest))
        db.execute("COMMIT")


def test_a_long_log_takes_no_more_memory(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record differs, and three times as many take as much room."""
    monkeypatch.setattr("gateway.people.sync.badgelog.CHUNK", 200)
    gate.apply(ANA)
    gate.badge(7)
    record = next(LedgerReader(gate.log).back("access.granted")).data
    gate.ledger.close()
    site = replace(SITE, schedules={"always": MORNING}, policy_version="new")
    peaks, counts = [], []
    for more in (800, 1_600):
        fill(gate.log, dict(record), more)
        tally, reached = Tally(), list[int]()
        tracemalloc.start()
        for one in rehearse(
            gate.log, gate.people, site, NOW - timedelta(days=31), tally, reached.append
        ):
            assert one.now.reason == "denied_out_of_schedule"
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        counts.append(tally.differing)
        assert len(reached) >= more // 200  # progress is told all the way
    assert counts[1] > 2.5 * counts[0] > 500
    assert peaks[1] < 1.2 * peaks[0], peaks
