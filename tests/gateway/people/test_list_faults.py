"""What a list, its file and the disk can do to us: a clear error, and the old list in force."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import UTC
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decide.model import Credential, PersonStatus
from gateway.locale import english
from gateway.people import Roster, RosterUnavailable
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, Source, read_people

HEAD = ",".join(COLUMNS)
BADGE = Credential("h10301", "12", "345")
ANA = "e1,Ana,,,,,,h10301:12:345,plant"
PERSON: dict[str, Any] = {"id": "1", "name": "A", "credentials": [], "access_levels": []}


def read(folder: Path, content: str, name: str = "people.csv") -> Source:
    path = folder / name
    path.write_text(content)
    return read_people(path, levels=frozenset({"plant"}), zone=UTC)


def apply(people: Path, *rows: str) -> None:
    db = open_admin(people)
    sync.apply(db, sync.plan(db, read(people.parent, "\n".join([HEAD, *rows]))), by="test")
    db.close()


def holder(roster: Roster) -> str | None:
    person = roster.find(BADGE).person
    return person.id if person else None


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    apply(path, ANA)
    return path


# The file


def test_the_gate_needs_the_standard_library_and_the_model_alone() -> None:
    code = (
        "import sys; import gateway.people\n"
        "rooms = {m.split('.')[1] for m in sys.modules if m.startswith('gateway.')}\n"
        "assert rooms == {'people', 'decide', 'ledger', 'vault', 'proof', 'locale'}, rooms\n"
        "others = {m.partition('.')[0] for m in sys.modules} - sys.stdlib_module_names\n"
        "assert not others & {'pydantic', 'typer', 'rich', 'numpy', 'cv2'}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_list_restored_under_the_gate_is_the_list(people: Path, tmp_path: Path) -> None:
    """Whoever was removed must not pass because the old file is still open."""
    roster = Roster(people)
    assert holder(roster) == "e1"
    other = tmp_path / "copy.db"
    apply(other, "e2,Luis,,,,,,h10301:12:345,plant")
    with sqlite3.connect(other) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    other.replace(people)
    assert holder(roster) == "e2"


def test_a_list_begun_anew_under_the_gate_is_the_list(people: Path) -> None:
    roster = Roster(people)
    assert holder(roster) == "e1"
    for path in people.parent.glob("people.db*"):
        path.unlink()
    with pytest.raises(RosterUnavailable, match="no list yet"):
        roster.find(BADGE)
    # Its writer stays open, so what is new is in the write-ahead log, which must survive us.
    db = open_admin(people)
    rows = f"{HEAD}\ne2,Luis,,,,,,h10301:12:345,plant"
    sync.apply(db, sync.plan(db, read(people.parent, rows)), by="test")
    assert holder(roster) == "e2"
    assert sync.set_revoked(db, "e2", revoked=True, why="w", by="test")
    found = roster.find(BADGE).person
    assert found is not None and found.status is PersonStatus.REVOKED


def test_any_path_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "a 100%25 ?mode=rw #1"
    folder.mkdir()
    apply(folder / "people.db", ANA)
    roster = Roster(folder / "people.db")
    assert holder(roster) == "e1"
    roster.outbox_done([event.id for event in roster.outbox(10)])
    assert roster.outbox(10) == []


def test_a_path_that_can_be_no_file_is_unavailable(people: Path) -> None:
    with pytest.raises(RosterUnavailable, match="Not a directory"):
        Roster(people / "people.db").find(BADGE)


def test_clearing_the_outbox_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(RosterUnavailable):
        Roster(tmp_path / "people.db").outbox_done(["x"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE person SET access_levels = '\"plant\"'",
        "UPDATE person SET access_levels = 'plant'",
        "UPDATE person SET access_levels = '5'",
        "UPDATE person SET status = 'fired'",
        "UPDATE person SET valid_from = 5",
        "UPDATE person SET name = cast(x'ff41' AS TEXT)",
        "DROP TABLE revocation",
    ],
)
def test_a_damaged_entry_lets_nobody_in(people: Path, damage: str) -> None:
    with sqlite3.connect(people) as db:
        db.execute(damage)
    db.close()
    with pytest.raises(RosterUnavailable):
        Roster(people).find(BADGE)


def test_a_damaged_act_is_an_error_that_the_gate_knows(people: Path) -> None:
    with sqlite3.connect(people) as db:
        db.execute("UPDATE outbox SET data = '{'")
    db.close()
    with pytest.raises(RosterUnavailable, match="damaged"):
        Roster(people).outbox(10)


# The disk


def test_a_full_disk_leaves_the_old_list_and_a_later_try_works(people: Path) -> None:
    rows = "\n".join(f"p{n},N,,,,,,h10301:1:{n},plant" for n in range(3000))
    source = read(people.parent, f"{HEAD}\n{rows}\n")
    db = open_admin(people)
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 3}")
    plan = sync.plan(db, source)
    with pytest.raises(sync.SyncError, match="full"):
        sync.apply(db, plan, by="test")
    roster = Roster(people)
    assert holder(roster) == "e1" and roster.find(BADGE).list_version == 1
    assert len(roster.outbox(10)) == 1
    db.execute("PRAGMA max_page_count = 1000000")
    assert sync.apply(db, plan, by="test") == 2
    assert roster.find(Credential("h10301", "1", "2999")).person is not None


def test_what_is_interrupted_is_undone(people: Path) -> None:
    rows = "\n".join(f"p{n},N,,,,,,h10301:1:{n},plant" for n in range(1500))
    db = open_admin(people)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan = sync.plan(db, read(people.parent, f"{HEAD}\n{rows}\n"))
        sync.apply(db, plan, by="test", progress=interrupt)
    assert not db.in_transaction
    apply(people, ANA, "e2,Luis,,,,,,,plant")  # nobody holds the lock
    assert holder(Roster(people)) == "e1"


def test_a_list_that_cant_be_written_says_so(people: Path) -> None:
    db = open_admin(people)
    plan = sync.plan(db, read(people.parent, HEAD))
    db.execute("PRAGMA query_only = 1")
    with pytest.raises(sync.SyncError, match="could not be written"):
        sync.apply(db, plan, by="test")
    with pytest.raises(sync.SyncError, match="could not be written"):
        sync.set_revoked(db, "e1", revoked=True, why="w", by="test")
    assert holder(Roster(people)) == "e1"


# The source


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" + "9" * 5000 + "]", "not JSON"),
        ('[{"id": "1", "id": "2"}]', "a key twice"),
        (json.dumps([PERSON | {"name": "\ud800"}]), "name: character"),
        (json.dumps([PERSON | {"name": "a\x9bb"}]), "name: character"),
        (json.dumps([PERSON | {"credentials": ["text::\ud800"]}]), "credentials: character"),
        (json.dumps([PERSON | {"credentials": ["text::a\x1b[2Jb"]}]), "credentials: character"),
        (json.dumps([PERSON | {"credentials": ["text::" + "x" * 1000]}]), "longer than 1000"),
        (json.dumps([PERSON | {"access_levels": [{}]}]), "access_levels: the configuration"),
        (json.dumps([PERSON | {"access_levels": [[]]}]), "access_levels: the configuration"),
        (json.dumps([PERSON | {"\ud800": 1}]), "line 1, ?: unknown column"),
    ],
    ids=range(10),
)
def test_json_that_no_database_takes(tmp_path: Path, content: str, message: str) -> None:
    source = read(tmp_path, content, "people.json")
    assert any(message in str(error) for error in source.errors), source.errors
    json.dumps([str(error) for error in source.errors], ensure_ascii=False).encode()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["format", "facility", "number", "x"]), inner)
    ),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), values), max_size=3))
def test_no_json_value_raises_and_what_is_accepted_is_stored(
    tmp_path_factory: pytest.TempPathFactory, items: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("json")
    rows = [PERSON | {"id": str(place)} | item for place, item in enumerate(items)]
    source = read(folder, json.dumps(rows), "people.json")
    if not source.errors:
        db = open_admin(folder / "people.db")
        assert sync.apply(db, sync.plan(db, source), by="test") == 1
        assert sync.plan(db, source).empty
        db.close()


def test_a_badge_in_the_wrong_column_is_not_repeated(tmp_path: Path) -> None:
    sources = (
        read(tmp_path, f"{HEAD}\ne1,A,,,h10301:1:98765,98765,h10301:1:98765,plant,em4100:1:98765"),
        read(tmp_path, f"{HEAD}\ne1,A,,,,,,,text::SECRET"),
        read(tmp_path, "e1,A,h10301:1:98765,plant\n"),
        read(tmp_path, json.dumps([PERSON | {"h10301:1:98765": 1}]), "p.json"),
        read(tmp_path, json.dumps([PERSON | {"access_levels": [{"n": 98765}]}]), "p.json"),
    )
    for source in sources:
        text = " ".join(map(str, source.errors))
        assert source.errors and "9876" not in text and "SECRET" not in text


def test_a_row_with_an_error_still_counts_for_duplicates(tmp_path: Path) -> None:
    rows = "e1,A,,,soon,,,h10301:1:5,plant\ne1,B,,,,,,h10301:1:5,plant"
    found = [str(error) for error in read(tmp_path, f"{HEAD}\n{rows}\n").errors]
    assert found == [
        "line 2, valid_from: 'soon': expected a date such as 2026-11-30",
        "line 3, id: e1 is on line 2 too",
        "line 3, credentials: badge h10301:… is on line 2 too",
    ]


@pytest.mark.parametrize("name", ["people.csv", "people.json", "people.xlsx"])
def test_an_id_with_a_zero_width_space_was_another_person_that_looked_the_same(
    tmp_path: Path, name: str
) -> None:
    cells = {"id": "e1\u200b00", "name": "Ana\u202eanA", "credentials": "", "access_levels": ""}
    if name.endswith(".json"):
        item = cells | {"credentials": [], "access_levels": []}
        (tmp_path / name).write_text(json.dumps([item]), "utf-8")
    elif name.endswith(".csv"):
        text = ",".join(cells) + "\n" + ",".join(cells.values()) + "\n"
        (tmp_path / name).write_text(text, "utf-8")
    else:
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        sheet.append(list(cells))
        sheet.append(list(cells.values()))
        book.save(tmp_path / name)
    source = read_people(tmp_path / name, levels=[], zone=UTC)
    assert [(error.column, english(error.message)[:34]) for error in source.errors] == [
        ("id", "character 3 can't be seen (U+200B)"),
        ("name", "character 4 can't be seen (U+202E)"),
    ]


def test_names_come_out_in_one_form_and_ids_as_well(tmp_path: Path) -> None:
    item = {
        "id": "n\u0303 1",
        "name": "Mun\u0303oz\u00a0 Ana",
        "credentials": [],
        "access_levels": [],
    }
    (tmp_path / "people.json").write_text(json.dumps([item, item | {"id": "ñ 1"}]), "utf-8")
    source = read_people(tmp_path / "people.json", levels=[], zone=UTC)
    assert source.people[0].name == "Muñoz Ana"
    assert [str(error) for error in source.errors] == ["line 2, id: ñ 1 is on line 1 too"]
