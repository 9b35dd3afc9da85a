"""A badge that was reported lost is nobody's, whatever the list says; the person's others work."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path

import pytest

from gateway.decide.model import Credential
from gateway.people import Roster, losses, lostbadges
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people

ROW = "e1,Ana,,,,,active,{badges},plant"
BOTH = "em4100:18:2010042;em4100:18:77"
LOST, OTHER = Credential("em4100", "18", "2010042"), Credential("em4100", "18", "77")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_admin(tmp_path / "people.db")) as opened:
        apply(opened, tmp_path, ROW.format(badges=BOTH))
        yield opened


def apply(db: sqlite3.Connection, folder: Path, *rows: str) -> None:
    path = folder / "l.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    source = read_people(path, levels=frozenset({"plant"}), zone=UTC)
    plan = sync.plan(db, source)
    sync.apply(db, plan, by="eva", confirmed={item.name for item in plan.tripped})


def lose(db: sqlite3.Connection, place: int = 1, masked: str = LOST.masked) -> bool:
    return lostbadges.lose(db, "e1", place, masked, why="on the bus", by="rosa")


def owner(folder: Path, badge: Credential) -> str:
    with closing(Roster(folder / "people.db")) as roster:
        found = roster.find(badge)
    return found.person.id if found.person else ""


def test_from_the_next_reading_on_it_is_nobodys(db: sqlite3.Connection, tmp_path: Path) -> None:
    assert owner(tmp_path, LOST) == "e1"
    assert lose(db)
    assert owner(tmp_path, LOST) == "" and owner(tmp_path, OTHER) == "e1"


def test_no_list_brings_it_back_to_the_person_who_lost_it(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    lose(db)
    apply(db, tmp_path, ROW.format(badges=OTHER.key))
    apply(db, tmp_path, ROW.format(badges=BOTH))
    assert owner(tmp_path, LOST) == ""


def test_a_list_may_give_it_to_somebody_else(db: sqlite3.Connection, tmp_path: Path) -> None:
    lose(db)
    other = ROW.replace("e1,Ana", "e2,Eva").format(badges=LOST.key)
    apply(db, tmp_path, ROW.format(badges=OTHER.key), other)
    assert owner(tmp_path, LOST) == "e2"


def test_it_is_in_use_again_when_it_was_found(db: sqlite3.Connection, tmp_path: Path) -> None:
    lose(db)
    assert lostbadges.find(db, "e1", 1, LOST.masked, why="at the desk", by="samuel")
    assert owner(tmp_path, LOST) == "e1"
    assert not lostbadges.find(db, "e1", 1, LOST.masked, why="again", by="samuel")


def test_each_act_is_one_event_and_a_loss_of_access(db: sqlite3.Connection, tmp_path: Path) -> None:
    assert lose(db) and not lose(db)
    lostbadges.find(db, "e1", 1, LOST.masked, why="at the desk", by="samuel")
    events = [e for e in Roster(tmp_path / "people.db").outbox(99) if ".badge_" in e.type]
    assert [(e.type, e.data["badge"], e.data["by"], e.data["reason"]) for e in events] == [
        ("people.badge_lost", LOST.masked, "rosa", "on the bus"),
        ("people.badge_found", LOST.masked, "samuel", "at the desk"),
    ]
    assert all("lost_badge/1" in e.data["rows"] for e in events)
    assert not any(LOST.number in str(e.data) for e in events)
    assert [(loss.how, loss.detail) for loss in losses.of(db, "e1")] == [
        ("fewer_badges", LOST.masked)
    ]


@pytest.mark.parametrize(
    ("place", "masked"), [(2, LOST.masked), (9, LOST.masked), (0, OTHER.masked), (1, "em4100:…9")]
)
def test_a_screen_that_is_older_than_the_list_takes_no_other_badge(
    db: sqlite3.Connection, tmp_path: Path, place: int, masked: str
) -> None:
    assert not lose(db, place, masked)
    assert owner(tmp_path, LOST) == "e1" and owner(tmp_path, OTHER) == "e1"
