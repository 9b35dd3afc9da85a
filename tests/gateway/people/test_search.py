"""A guard finds a person by the beginnings of words, whatever the case, accents and spelling."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decide.model import Person
from gateway.people import RosterUnavailable, schema, search
from gateway.people.lookup import SCHEMA_VERSION
from gateway.people.schema import migrate, open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync import history
from gateway.people.sync.file import COLUMNS, read_people

TODAY = date(2026, 11, 27)
PEOPLE = (
    "e1,María López Núñez,Acme México,Soldadora,,,active,,plant",
    "e2,Mario López,Acme México,,,2026-10-31,active,,plant",
    "e10,Ana Hernández,López Hermanos,,,,active,,plant",
    "e17,José Chávez González,Transportes Águila,,2026-12-01,,active,,plant",
    "k-204,Juan Velázquez,,,,,suspended,,plant",
)


class List:
    def __init__(self, folder: Path) -> None:
        self.path, self.file = folder / "people.db", folder / "l.csv"
        self.apply(*PEOPLE)

    def apply(self, *rows: str) -> None:
        self.file.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
        source = read_people(self.file, levels=frozenset({"plant"}), zone=UTC)
        assert source.errors == []
        with closing(open_admin(self.path)) as db:
            plan = sync.plan(db, source)
            names = {item.name for item in plan.tripped}
            sync.apply(db, plan, by="eva", confirmed=names)

    def find(self, typed: str, most: int = search.MOST) -> list[str]:
        return [hit.id for hit in search.find(self.path, typed, TODAY, most).people]


@pytest.fixture
def people(tmp_path: Path) -> List:
    return List(tmp_path)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("maria lopez", ["e1"]),
        ("LÓPEZ mar", ["e1", "e2"]),
        ("mar", ["e1", "e2"]),
        ("núñez", ["e1"]),
        ("nunez", ["e1"]),
        ("e1", ["e1", "e10", "e17"]),
        ("17", []),
        ("204", ["k-204"]),
        ("K-204", ["k-204"]),
        ("aguila", ["e17"]),
        ("acme lopez", ["e1", "e2"]),
        ("nobody", []),
        ("maria nobody", []),
        ("", []),
        (" .,-* ", []),
    ],
)
def test_what_a_guard_types_finds_who_is_meant(people: List, typed: str, found: list[str]) -> None:
    assert people.find(typed) == found


def test_who_has_the_words_in_the_name_comes_before_who_has_them_in_the_company(
    people: List,
) -> None:
    assert people.find("lopez") == ["e1", "e2", "e10"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [("chabes", "e17"), ("gonsales", "e17"), ("belasques", "k-204"), ("ernandes", "e10")],
)
def test_a_name_is_found_as_it_sounds(people: List, typed: str, found: str) -> None:
    hits = search.find(people.path, typed, TODAY)
    assert [hit.id for hit in hits.people] == [found] and hits.guessed


def test_what_was_found_as_typed_is_not_called_a_guess(people: List) -> None:
    assert not search.find(people.path, "chavez", TODAY).guessed


def test_whoever_is_found_is_shown_with_their_standing(people: List) -> None:
    with closing(open_admin(people.path)) as db:
        sync.set_revoked(db, "e1", revoked=True, why="left", by="eva")
    shown = {
        hit.id: hit.standing
        for word in ("lopez", "chavez", "velazquez")
        for hit in search.find(people.path, word, TODAY).people
    }
    assert shown == {
        "e1": "revoked",
        "e2": "expired",
        "e10": "active",
        "e17": "not_yet",
        "k-204": "suspended",
    }


def test_more_than_are_shown_is_said(people: List) -> None:
    hits = search.find(people.path, "lopez", TODAY, most=2)
    assert [hit.id for hit in hits.people] == ["e1", "e2"] and hits.more
    assert not search.find(people.path, "lopez", TODAY, most=3).more


def test_a_new_list_is_found_at_once_and_the_old_one_no_more(people: List) -> None:
    people.apply(
        PEOPLE[0].replace("María", "Marina").replace("Acme", "Norte"),
        *PEOPLE[2:],
        "e99,Zoé Quiroz,,,,,active,,plant",
    )
    assert people.find("marina norte") == ["e1"]
    assert people.find("maria") == [] and people.find("mario") == []
    assert people.find("zoe") == ["e99"]


def consistent(path: Path) -> bool:
    """Whether the index has the words of the people on the list and no others."""
    with closing(sqlite3.connect(path)) as db, db:
        try:
            db.execute(
                "INSERT INTO person_search(person_search, rank) VALUES('integrity-check', 1)"
            )
        except sqlite3.DatabaseError:
            return False
    return True


def test_the_index_is_that_of_the_list_after_any_list_and_after_a_vacuum(people: List) -> None:
    assert consistent(people.path)
    people.apply(PEOPLE[0].replace("López", "Lara"), *PEOPLE[2:4], "e5,Eva Mora,,,,,active,,plant")
    assert consistent(people.path)
    people.apply("e5,Eva Mora,Norte,,,,active,,plant", "e1,Ana,,,,,active,,plant")
    assert consistent(people.path)
    with closing(sqlite3.connect(people.path)) as db:
        db.execute("VACUUM")
    assert consistent(people.path)
    assert people.find("eva norte") == ["e5"]
    with closing(sqlite3.connect(people.path)) as db, db:
        db.execute("UPDATE person SET name = 'Rita' WHERE id = 'e5'")
    assert not consistent(people.path)


def test_a_list_that_could_not_be_put_in_force_leaves_the_index_as_it_was(people: List) -> None:
    source = read_people(people.file, levels=frozenset({"plant"}), zone=UTC)
    with closing(open_admin(people.path)) as db:
        plan = sync.plan(db, source)
        plan.added = [Person("e50", "Zita"), Person("e50", "Zita")]  # the second one can't be
        with pytest.raises(sync.SyncError):
            sync.apply(db, plan, by="eva")
    assert people.find("zita") == [] and consistent(people.path)


def test_going_back_to_an_older_list_is_found_too(people: List) -> None:
    people.apply(*PEOPLE[2:])
    with closing(open_admin(people.path)) as db:
        plan = history.rollback(db, 1, {"plant"})
        sync.apply(db, plan, by="eva", confirmed={item.name for item in plan.tripped})
    assert people.find("maria") == ["e1"] and consistent(people.path)


def test_a_file_of_the_version_before_is_indexed_when_the_gateway_starts(people: List) -> None:
    with closing(sqlite3.connect(people.path)) as db, db:
        db.execute("DROP TABLE person_search")
        db.execute("PRAGMA user_version = 14")
    with pytest.raises(RosterUnavailable):
        people.find("maria")
    migrate(people.path)
    assert people.find("maria") == ["e1"]
    people.apply(*PEOPLE[1:])
    assert people.find("maria") == []


def test_three_digits_or_more_find_ids_that_end_with_them(people: List) -> None:
    people.apply("emp00412,Rosa Paz,,,,,active,,plant", "emp00413,Sara Paz,,,,,active,,plant")
    assert people.find("412") == ["emp00412"] and people.find("0041") == []
    assert people.find("12") == []  # too many ids end with two digits


def test_without_a_list_nobody_is_found(tmp_path: Path) -> None:
    assert search.find(tmp_path / "people.db", "maria", TODAY).people == ()


def test_a_damaged_file_is_an_error_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.write_bytes(b"not a database, but long enough to be read as one " * 100)
    with pytest.raises(RosterUnavailable):
        search.find(path, "maria", TODAY)


@pytest.mark.parametrize(
    "typed",
    [
        'maria" OR "a',
        "maria* NOT lopez",
        "NEAR(a b)",
        "name : maria",
        "{id} : e1",
        "(((",
        "^maria",
        "maria + lopez",
        "'; DROP TABLE person; --",
        "\x00maria",
        "ma\u202eria",
        "\u0301",
        "ß ﬁ Ⅳ ² مريم 山田 नमस्ते",
        "s" * 100_000,
        "sczbvgjxyill " * 2000,
    ],
)
def test_hostile_text_is_only_words(people: List, typed: str) -> None:
    begun = time.process_time()
    search.find(people.path, typed, TODAY)
    assert time.process_time() - begun < 1
    assert len(people.find("e")) == 4


@given(st.text(max_size=80))
def test_no_text_is_an_error(tmp_path_factory: pytest.TempPathFactory, typed: str) -> None:
    path = tmp_path_factory.getbasetemp() / "people-of-hypothesis.db"
    if not path.exists():
        open_admin(path).close()
    search.find(path, typed, TODAY)


def test_the_schema_is_the_one_that_the_search_reads() -> None:
    assert SCHEMA_VERSION >= 15
    assert any("person_search" in file.read_text() for file in schema.steps(14))
