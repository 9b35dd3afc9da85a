"""The personnel list: every error named, swaps whole, look-ups in one version."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decide.model import Credential, Person, PersonStatus
from gateway.ledger import Ledger
from gateway.locale.text import id_flaw, plain
from gateway.people import Roster, RosterUnavailable
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, Source, read_people

LEVELS = frozenset({"plant", "night"})
HEAD = ",".join(COLUMNS)
ANA = "e1,Ana López,Acme,Welder,2026-01-01,2026-12-31,active,h10301:12:345;em4100:1:2,plant;night"

CARD_ALONE = (
    "line 9, credentials: a card's number alone: write it with format and facility, such as "
    "em4100:18:345 or h10301:12:345, or let a profile do that for the column (garita people map); "
    "garita reader watch NAME shows how a reader reads a card"
)


def read(tmp_path: Path, content: str | bytes, name: str = "people.csv") -> Source:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_people(path, levels=LEVELS, zone=UTC)


def errors(source: Source) -> list[str]:
    return [str(error) for error in source.errors]


def test_a_good_row(tmp_path: Path) -> None:
    source = read(tmp_path, f"{HEAD}\n{ANA}\n")
    assert source.errors == []
    assert source.people == [
        Person(
            "e1",
            "Ana López",
            "Acme",
            "Welder",
            date(2026, 1, 1),
            date(2026, 12, 31),
            PersonStatus.ACTIVE,
            (Credential("h10301", "12", "345"), Credential("em4100", "1", "2")),
            ("plant", "night"),
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + f"{HEAD}\n{ANA}\n",
        f"{HEAD}\r\n{ANA}\r\n",
        f"{HEAD}\n\n{ANA}\n,,,,,,,,\n",
        f"{HEAD}\n{ANA}\n".replace(",", "\t"),
        f"{HEAD}\n{ANA}\n".replace(";", "|").replace(",", ";"),
        "ID,Nombre,Empresa,Puesto,Vigente desde,Vigente hasta,Estado,Credenciales,Niveles\n"
        + ANA.replace("active", "Activo"),
    ],
    ids=["bom", "crlf", "blank lines", "tabs", "semicolons", "spanish"],
)
def test_what_spreadsheets_make_of_it(tmp_path: Path, text: str) -> None:
    source = read(tmp_path, text)
    assert errors(source) == []
    assert [(p.id, len(p.credentials), len(p.access_levels)) for p in source.people] == [
        ("e1", 2, 2)
    ]


def test_every_error_with_line_and_column_and_no_badge_number(tmp_path: Path) -> None:
    rows = [
        ANA,
        "e1,Again,,,,,,h10301:1:99991,plant",
        "e2,Twin,,,,,,h10301:12:345,plant",
        "e3,Date,,,2026-02-30,31.12.2026,,h10301:1:99993,plant",
        "e4,Order,,,2026-02-02,2026-02-01,,h10301:1:99994,plant",
        "e5,Status,,,,,fired,h10301:1:99995,plant",
        "e6,Level,,,,,,h10301:1:99996,planta",
        "e7,Badge,,,,,,99997,plant",
        "e8,Badge,,,,,,h10301:x:99998,plant",
        ",NoId,,,,,,h10301:1:99999,plant",
        "e10,Short,,",
        'e11,"' + "x" * 1001 + '",,,,,,h10301:1:99990,plant',
    ]
    source = read(tmp_path, HEAD + "\n" + "\n".join(rows) + "\n")
    found = errors(source)
    for expected in (
        "line 3, id: e1 is on line 2 too",
        "line 4, credentials: badge h10301:…5 is on line 2 too",
        "line 5, valid_from: '2026-02-30': expected a date such as 2026-11-30",
        "line 5, valid_until: '31.12.2026': expected a date such as 2026-11-30; a profile says "
        "which number is the day (garita people map)",
        "line 6, valid_until: 2026-02-01 is before valid_from 2026-02-02",
        "line 7, status: 'fired': expected active (activo), suspended (suspendido), revoked "
        "(revocado, baja)",
        "line 8, access_levels: the configuration has no level 'planta'",
        CARD_ALONE,
        "line 10, credentials: facility code must be digits",
        "line 11, id: is empty",
        "line 13, name: longer than 1000 characters",
    ):
        assert expected in found, found
    assert len(found) == 11  # e10 has neither badge nor level
    assert not any("9999" in error for error in found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (f"{HEAD}\n{ANA}\n".encode("utf-16"), "UTF-16"),
        (f"{HEAD}\n{ANA}\n".encode("latin-1"), "line 2: not UTF-8 text (byte "),
        (f"{HEAD}\n{ANA}\n".encode() + b"\0", "line 3: holds a NUL byte"),
        ("id,name,phone\n", "line 1, phone: unknown column"),
        ("id,name,badge\n", "line 1, access_levels (niveles): this column is missing"),
        (f"{HEAD},name\n", "line 1, name: this column is there twice"),
        (f'{HEAD}\n"unclosed', "not CSV"),
        (f"{HEAD}\n" + "x" * 200_000, "not CSV"),
    ],
)
def test_files_that_are_no_list(tmp_path: Path, content: str | bytes, message: str) -> None:
    found = errors(read(tmp_path, content))
    assert any(message in error for error in found), found


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    source = read_people(tmp_path / "none.csv", levels=LEVELS, zone=UTC)
    assert errors(source) == ["file: can't be read: No such file or directory"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1: not JSON"),
        ("[" * 100_000, "not JSON"),
        ('"x"', "expected a list of people"),
        ("[1]", "line 1: expected an object"),
        ('[{"id": "e1"}]', "line 1, name: missing"),
        ('[{"id": 5, "name": "A", "credentials": [], "access_levels": []}]', "expected text"),
        ('[{"id": "1", "name": "A", "credentials": [5], "access_levels": []}]', "format:facility"),
        ('[{"id": "1", "name": "A", "credentials": {}, "access_levels": []}]', "expected a list"),
        (
            '[{"id": "1", "name": "A\\ud800", "credentials": [], "access_levels": []}]',
            "line 1, name: character 2 can't be seen (U+D800)",
        ),
        (
            '[{"id": "1", "name": "A", "credentials": ["text::a\\u0007"], "access_levels": []}]',
            "line 1, credentials: character 8 can't be seen (U+0007)",
        ),
        (
            '[{"id": "1", "name": "A", "credentials": [], "access_levels": [], "x": 1}]',
            "line 1, x: unknown column",
        ),
    ],
)
def test_json_that_is_no_list(tmp_path: Path, content: str, message: str) -> None:
    found = errors(read(tmp_path, content, "people.json"))
    assert any(message in error for error in found), found


def test_json_objects_for_badges(tmp_path: Path) -> None:
    item = {
        "id": "e1",
        "name": "A",
        "access_levels": ["plant"],
        "credentials": [{"format": "H10301", "facility": 12, "number": "00345"}],
    }
    source = read(tmp_path, json.dumps({"people": [item]}), "people.json")
    assert source.people[0].credentials == (Credential("h10301", "12", "345"),)


words = (
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
    .map(plain)
    .filter(lambda text: id_flaw(text) is None)
)
persons = st.builds(
    Person,
    id=words,
    name=words,
    company=st.just("") | words,
    role=st.just(""),
    valid_from=st.none() | st.dates(date(2020, 1, 1), date(2024, 1, 1)),
    valid_until=st.none() | st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    status=st.sampled_from(PersonStatus),
    credentials=st.lists(
        st.builds(
            Credential,
            st.just("h10301"),
            st.integers(0, 255).map(str),
            st.integers(0, 65535).map(str),
        ),
        max_size=2,
        unique=True,
    ).map(tuple),
    access_levels=st.lists(st.sampled_from(sorted(LEVELS)), unique=True).map(tuple),
)


@given(
    st.lists(persons, unique_by=lambda p: p.id, max_size=6).filter(
        lambda people: (
            len({c.key for p in people for c in p.credentials})
            == sum(len(p.credentials) for p in people)
        )
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, people: list[Person]
) -> None:
    rows = [
        ",".join(
            (
                p.id,
                p.name,
                p.company,
                p.role,
                str(p.valid_from or ""),
                str(p.valid_until or ""),
                p.status,
                ";".join(c.key for c in p.credentials),
                ";".join(p.access_levels),
            )
        )
        for p in people
    ]
    source = read(tmp_path_factory.mktemp("list"), "\n".join([HEAD, *rows]) + "\n")
    assert errors(source) == []
    assert source.people == people


@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.json"]))
def test_no_file_raises(tmp_path_factory: pytest.TempPathFactory, raw: bytes, name: str) -> None:
    source = read(tmp_path_factory.mktemp("junk"), raw, name)
    assert source.errors or not source.people or len(raw) > 20


# Syncing

BADGE = Credential("h10301", "12", "345")


def apply(path: Path, tmp_path: Path, *rows: str) -> int:
    db = open_admin(path)
    source = read(tmp_path, "\n".join([HEAD, *rows]) + "\n")
    assert errors(source) == []
    number = sync.apply(db, sync.plan(db, source), by="test")
    db.close()
    return number


def row(key: str, badge: str = "", *, name: str = "N", levels: str = "plant") -> str:
    return f"{key},{name},,,,,,{badge},{levels}"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


def test_a_sync_is_in_force_at_the_next_look_up(people: Path, tmp_path: Path) -> None:
    roster = Roster(people)
    with pytest.raises(RosterUnavailable, match="no list yet"):
        roster.find(BADGE)
    apply(people, tmp_path, ANA)
    found = roster.find(BADGE)
    assert found.person is not None and found.person.name == "Ana López"
    assert (found.list_version, found.templates) == (1, 0)
    assert roster.find(Credential("h10301", "12", "346")).person is None
    apply(people, tmp_path, row("e9", "h10301:12:346"))
    assert roster.find(BADGE).person is None
    assert roster.find(BADGE).list_version == 2
    version = roster.version()
    assert version is not None and (version.number, version.total) == (2, 1)


def test_a_badge_may_pass_from_one_person_to_another(people: Path, tmp_path: Path) -> None:
    apply(people, tmp_path, row("a", "h10301:12:345"), row("b", "h10301:12:1"))
    apply(people, tmp_path, row("a", "h10301:12:1"), row("b", "h10301:12:345"))
    found = Roster(people).find(BADGE).person
    assert found is not None and found.id == "b"


def test_a_plan_names_what_changes_and_writes_nothing(people: Path, tmp_path: Path) -> None:
    apply(people, tmp_path, row("a"), row("b"), row("c", "h10301:1:1"))
    db = open_admin(people)
    rows = [row("b", name="New"), row("c", "h10301:1:2", levels="night"), row("d")]
    source = read(tmp_path, "\n".join([HEAD, *rows]) + "\n")
    plan = sync.plan(db, source)
    assert [p.id for p in plan.added] == ["d"]
    assert plan.changed == {"b": ("name",), "c": ("access_levels", "credentials")}
    assert [key for key, _ in plan.removed] == ["a"]
    assert Roster(people).version().number == 1  # type: ignore[union-attr]


def test_a_plan_that_is_overtaken_is_not_applied(people: Path, tmp_path: Path) -> None:
    apply(people, tmp_path, row("a"))
    db = open_admin(people)
    plan = sync.plan(db, read(tmp_path, f"{HEAD}\n{row('b')}\n"))
    apply(people, tmp_path, row("c"))
    with pytest.raises(sync.SyncError, match="another list"):
        sync.apply(db, plan, by="test")
    assert Roster(people).version().number == 2  # type: ignore[union-attr]


def test_a_revocation_is_stronger_than_any_list(people: Path, tmp_path: Path) -> None:
    apply(people, tmp_path, ANA)
    db = open_admin(people)
    assert sync.set_revoked(db, "e1", revoked=True, why="lost badge", by="test")
    assert not sync.set_revoked(db, "nobody", revoked=True, why="", by="test")
    roster = Roster(people)

    def status() -> PersonStatus:
        person = roster.find(BADGE).person
        assert person is not None
        return person.status

    assert status() is PersonStatus.REVOKED
    apply(people, tmp_path, ANA.replace("Welder", "Foreman"))
    assert status() is PersonStatus.REVOKED
    apply(people, tmp_path, row("x"))  # dropped from the list ...
    apply(people, tmp_path, ANA)  # ... and back
    assert status() is PersonStatus.REVOKED
    plan = sync.plan(db, read(tmp_path, f"{HEAD}\n{ANA}\n"))
    assert plan.overridden == ["e1"]
    assert sync.set_revoked(db, "e1", revoked=False, why="found", by="test")
    assert status() is PersonStatus.ACTIVE


def test_acts_and_their_events_go_together(people: Path, tmp_path: Path) -> None:
    apply(people, tmp_path, ANA)
    db = open_admin(people)
    sync.set_revoked(db, "e1", revoked=True, why="w", by="test")
    roster = Roster(people)
    events = roster.outbox(10)
    assert [event.type for event in events] == ["people.synced", "people.revoked"]
    assert events[0].data["added"] == 1 and len({event.id for event in events}) == 2
    roster.outbox_done([events[0].id])
    assert roster.outbox(10) == events[1:]


def test_who_leaves_the_list_leaves_no_face_behind(people: Path, tmp_path: Path) -> None:
    apply(people, tmp_path, ANA)
    with sqlite3.connect(people) as db:
        db.execute("INSERT INTO template VALUES ('t1', 'e1', 'm', 'now', '{}', x'00')")
    assert Roster(people).find(BADGE).templates == 1
    assert len(Roster(people).templates("e1")) == 1
    apply(people, tmp_path, row("x"))
    assert Roster(people).templates("e1") == []
    assert Roster(people).outbox(10)[-1].data["templates_removed"] == 1


KILLED = """
import os, signal, sys
from datetime import UTC
from pathlib import Path
from gateway.people.sync import apply as sync
from gateway.people.schema import open_admin
from gateway.people.sync.file import read_people
db = open_admin(Path(sys.argv[1]))
source = read_people(Path(sys.argv[2]), levels={"plant", "night"}, zone=UTC)
steps = 0
def step(*args):
    global steps
    steps += 1
    if steps == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return 0
plan = sync.plan(db, source)
db.set_progress_handler(step, 2000)
sync.apply(db, plan, by="test")
"""


@pytest.mark.slow
def test_kill_9_in_the_middle_of_a_sync_leaves_the_old_list(people: Path, tmp_path: Path) -> None:
    apply(people, tmp_path, ANA)
    big = tmp_path / "big.csv"
    big.write_text("\n".join([HEAD, *(row(f"p{n}", f"h10301:1:{n}") for n in range(3000))]) + "\n")
    for step in (1, 5, 20):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(people), str(big), str(step)], check=False
        )
        assert done.returncode == -signal.SIGKILL
        found = Roster(people).find(BADGE)
        assert found.person is not None and found.list_version == 1
        assert len(Roster(people).outbox(10)) == 1
        with closing(sqlite3.connect(people)) as db:
            assert db.execute("SELECT max(version) FROM person_history").fetchone() == (1,)
            assert db.execute("SELECT max(number) FROM version_detail").fetchone() == (1,)
    done = subprocess.run([sys.executable, "-c", KILLED, str(people), str(big), "0"], check=False)
    assert done.returncode == 0 and Roster(people).find(BADGE).list_version == 2


async def test_a_reader_sees_one_version_or_the_other(people: Path, tmp_path: Path) -> None:
    """Two lists swap one badge between two people; version and holder must always agree."""
    apply(people, tmp_path, row("even", "h10301:12:345"), row("odd", "h10301:1:1"))
    stop = threading.Event()
    seen: set[tuple[int, str]] = set()

    def look() -> None:
        roster = Roster(people)
        while not stop.is_set():
            found = roster.find(BADGE)
            assert found.person is not None
            seen.add((found.list_version % 2, found.person.id))

    thread = asyncio.create_task(asyncio.to_thread(look))
    for n in range(20):
        holders = ("odd", "even") if n % 2 == 0 else ("even", "odd")
        apply(people, tmp_path, row(holders[0], "h10301:12:345"), row(holders[1], "h10301:1:1"))
        await asyncio.sleep(0)
    stop.set()
    await thread
    assert seen <= {(1, "even"), (0, "odd")} and len(seen) == 2


def test_a_list_that_is_damaged_or_newer_is_unavailable(people: Path, tmp_path: Path) -> None:
    apply(people, tmp_path, ANA)
    roster = Roster(people)
    with sqlite3.connect(people) as db:
        db.execute("UPDATE person SET valid_until = 'tomorrow'")
    with pytest.raises(RosterUnavailable, match="damaged"):
        roster.find(BADGE)
    with sqlite3.connect(people) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(RosterUnavailable, match="schema 99"):
        Roster(people).find(BADGE)
    with pytest.raises(RosterUnavailable, match="newer version"):
        open_admin(people)
    people.write_bytes(os.urandom(8192))
    for name in ("people.db-wal", "people.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(RosterUnavailable, match="not a database"):
        Roster(people).find(BADGE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_belongs_to_the_service(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 4321, 4321)
    open_admin(folder / "people.db").close()
    Ledger.open(folder / "ledger.db", gateway="g").close()
    assert {path.stat().st_uid for path in folder.iterdir()} == {4321}
