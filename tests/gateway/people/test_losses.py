"""Every way to lose access has a time, and the time until the gate acted on it is measured."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config import SourceTable
from gateway.people import Roster, losses, permits, requirements
from gateway.people.losses import Loss
from gateway.people.schema import FOLDER, migrate, open_admin, statements
from gateway.people.sources import Asked, pull
from gateway.people.sync import apply as sync
from gateway.people.sync import history
from gateway.people.sync.file import COLUMNS, read_people
from gateway.wording import words

LEVELS = frozenset({"plant", "night"})
HEAD = f"{','.join(COLUMNS)},requires:t"
ANA = "a,Ana,,,2026-01-01,2027-06-30,active,h10301:1:1001;h10301:1:1002,plant;night,2027-06-30"
LUIS = "z,Luis,,,,,,h10301:1:1009,plant,"


class List:
    """A people.db with two people, and lists that came a minute ago."""

    def __init__(self, folder: Path) -> None:
        self.path, self.file = folder / "people.db", folder / "l.csv"
        self.db = open_admin(self.path)
        self.apply(ANA, LUIS)

    def apply(self, *rows: str, head: str = HEAD) -> None:
        self.file.write_text("\n".join([head, *rows]) + "\n")
        ago = datetime.now(UTC).timestamp() - 60
        os.utime(self.file, (ago, ago))
        source = read_people(self.file, levels=LEVELS, zone=UTC)
        assert source.errors == []
        sync.apply(self.db, sync.plan(self.db, source), by="eva")

    def lost(self, subject: str = "a") -> list[Loss]:
        return list(losses.of(self.db, subject))

    def events(self) -> list[dict[str, object]]:
        kind = "people.revocation_effective"
        return [dict(e.data) for e in Roster(self.path).outbox(99) if e.type == kind]


@pytest.fixture
def people(tmp_path: Path) -> List:
    return List(tmp_path)


def changed(old: str, new: str) -> str:
    assert old in ANA
    return ANA.replace(old, new, 1)


@pytest.mark.parametrize(
    ("row", "how", "detail", "told"),
    [
        (None, "left_list", "", True),
        (changed("active", "suspended"), "shut_off", "suspended", True),
        (changed("active", "revoked"), "shut_off", "revoked", True),
        (changed("2027-06-30,a", "2026-12-31,a"), "shorter", "2027-06-30 -> 2026-12-31", False),
        (changed("2026-01-01", "2026-02-01"), "shorter", "2026-01-01 -> 2026-02-01", False),
        (changed("h10301:1:1001;", ""), "fewer_badges", "h10301:…01", True),
        (changed("1001", "1003"), "fewer_badges", "h10301:…01", True),
        (changed(";night", ""), "fewer_levels", "night", False),
    ],
)
def test_whoever_loses_something_by_a_list_has_a_time_for_it(
    people: List, row: str | None, how: str, detail: str, told: bool
) -> None:
    people.apply(*filter(None, (row, LUIS)))
    (loss,) = people.lost()
    assert (loss.how, loss.detail, loss.version, loss.by, loss.why) == (
        how,
        detail,
        2,
        "eva",
        "l.csv",
    )
    assert loss.known_by == "file" and 60 <= loss.seconds < 90
    assert people.lost("z") == []
    assert [event["how"] for event in people.events()] == ([how] if told else [])
    # As a number of its own: a digest or a fraction of a second may hold these digits.
    assert not re.search(r"(?<![0-9a-f.])1001(?![0-9a-f])", json.dumps(people.events()))


def test_a_requirement_that_a_list_withdraws_has_a_time(people: List) -> None:
    people.apply(ANA.removesuffix("2027-06-30"), LUIS)
    assert [(loss.how, loss.detail) for loss in people.lost()] == [("requirement", "t")]
    people.apply(ANA, LUIS)
    assert len(people.lost()) == 1  # given back
    people.apply(ANA.removesuffix("2027-06-30") + "2027-05-30", LUIS)
    assert len(people.lost()) == 2
    people.apply(ANA.rpartition(",")[0], LUIS.rpartition(",")[0], head=",".join(COLUMNS))
    assert len(people.lost()) == 2  # a list that does not keep it takes nothing away


def test_one_list_may_take_several_things_at_once(people: List) -> None:
    people.apply("a,Ana,,,2026-01-01,2026-12-31,suspended,,,", LUIS)
    (loss,) = people.lost()
    assert loss.how == "shut_off,shorter,fewer_badges,fewer_levels,requirement"
    people.apply("a,Ana,,,2026-01-01,2026-11-30,revoked,,,", LUIS)
    assert len(people.lost()) == 1  # they had no access any more


def test_what_gives_more_or_the_same_is_no_loss(people: List) -> None:
    people.apply("a,ANA,New,R,,,active,h10301:1:1001;h10301:1:1002,plant;night,2027-07-01", LUIS)
    assert people.lost() == []


def test_a_revocation_at_the_gate_counts_with_its_time(people: List) -> None:
    """The measure said "no revocation with a known time"."""
    assert sync.set_revoked(people.db, "a", revoked=True, why="left", by="luis")
    (loss,) = people.lost()
    assert (loss.how, loss.known_by, loss.by, loss.why) == ("revoked_here", "act", "luis", "left")
    assert loss.seconds < 5
    assert list(losses.since(people.db, datetime.now(UTC) - timedelta(minutes=1))) == [loss]
    event = Roster(people.path).outbox(99)[-1]
    assert event.type == "people.revoked" and event.data["revoked_at"] and "seconds" in event.data
    people.apply(LUIS)
    assert len(people.lost()) == 1  # this gate denied them already


def test_who_revokes_again_does_not_move_the_time(people: List) -> None:
    sync.set_revoked(people.db, "a", revoked=True, why="first", by="luis")
    first = people.db.execute("SELECT at, by, why FROM revocation").fetchone()
    assert not sync.set_revoked(people.db, "a", revoked=True, why="second", by="eva")
    assert people.db.execute("SELECT at, by, why FROM revocation").fetchone() == first
    sync.set_revoked(people.db, "a", revoked=False, why="x", by="eva")
    assert sync.set_revoked(people.db, "a", revoked=True, why="again", by="eva")
    assert len(people.lost()) == 2


def test_a_revocation_that_was_decided_earlier_is_measured_from_then(people: List) -> None:
    said = datetime.now(UTC) - timedelta(minutes=12)
    sync.set_revoked(people.db, "a", revoked=True, why="w", by="luis", said=said)
    (loss,) = people.lost()
    assert loss.known_by == "said" and 720 <= loss.seconds < 750


def test_a_rollback_that_takes_people_off_is_measured(people: List) -> None:
    people.apply(ANA, LUIS, "n,New,,,,,,h10301:1:1005,plant,")
    sync.apply(people.db, history.rollback(people.db, 1, LEVELS), by="luis")
    (loss,) = people.lost("n")
    assert (loss.how, loss.known_by, loss.by) == ("left_list", "act", "luis") and loss.seconds == 0


def test_a_grant_and_a_requirement_that_end_early_count(people: List) -> None:
    now = datetime.now(UTC)

    def grant(until: datetime) -> int:
        since = now - timedelta(days=1)
        return permits.add_grant(people.db, "a", "door", "main", since, until, why="w", by="luis")

    assert permits.end_grant(people.db, grant(now + timedelta(hours=1)), by="luis")
    assert permits.end_grant(people.db, grant(now - timedelta(hours=1)), by="luis")  # over already
    assert [(loss.how, loss.detail) for loss in people.lost()] == [("grant", "door main")]
    row = requirements.Row("person", "a", "course", date(2027, 1, 31))
    for until, count in ((date(2027, 1, 31), 1), (None, 1), (date(2027, 1, 31), 2)):
        row = requirements.Row("person", "a", "course", until)
        assert requirements.set_requirement(people.db, row, by="luis")
        assert len(people.lost()) == count
    requirements.remove(people.db, "person", "a", "course", by="luis")
    assert len(people.lost()) == 3 and people.lost()[0].detail == "course"


@pytest.mark.parametrize(
    ("head", "known_by"),
    [('{"generated_at": "2026-01-01T00:00:00Z", "people": %s}', "generated_at"), ("%s", "file")],
)
def test_the_lists_own_time_comes_before_that_of_its_file(
    people: List, head: str, known_by: str
) -> None:
    path = people.file.with_suffix(".json")
    person = {"id": "z", "name": "Luis", "credentials": [], "access_levels": []}
    path.write_text(head % json.dumps([person]))
    source = read_people(path, levels=LEVELS, zone=UTC)
    sync.apply(people.db, sync.plan(people.db, source), by="eva")
    assert {loss.known_by for key in "az" for loss in people.lost(key)} == {known_by}


def test_a_list_that_waited_is_measured_from_when_it_came(people: List, tmp_path: Path) -> None:
    people.file.write_text(f"{HEAD}\n{LUIS}\n")
    table = SourceTable(kind="file", path=people.file)
    asked = Asked(LEVELS, "gate-1", UTC)
    found = pull.pull(people.db, "hr", {"hr": table}, asked)
    assert found.source is not None
    came = datetime.now(UTC) - timedelta(hours=2)
    found.source.received_at, found.source.modified_at = came, None  # as from a web server
    pull.put_aside(people.db, tmp_path / "p", "hr", found, sync.plan(people.db, found.source))
    held = pull.waiting(tmp_path / "p", "hr", LEVELS, UTC).source
    sync.apply(people.db, sync.plan(people.db, held), by="eva")
    (loss,) = people.lost()
    assert loss.known_by == "received" and 7199 <= loss.seconds < 7300


def test_a_file_from_the_future_gives_no_time_below_zero(people: List) -> None:
    people.file.write_text(f"{HEAD}\n{LUIS}\n")
    later = datetime.now(UTC).timestamp() + 9999
    os.utime(people.file, (later, later))
    source = read_people(people.file, levels=LEVELS, zone=UTC)
    sync.apply(people.db, sync.plan(people.db, source), by="eva")
    assert people.lost()[0].seconds == 0


def test_revocations_of_an_older_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    with closing(sqlite3.connect(path)) as db, db:
        for file in sorted(FOLDER.glob("00[1-6]_*.sql")):
            for statement in statements(file.read_text("utf-8")):
                db.execute(statement)
        db.execute("PRAGMA user_version = 6")
        at = "2026-11-24T00:00:00+00:00"
        db.execute("INSERT INTO revocation_delay VALUES ('gone', 3, ?, ?, 90)", (at, at))
        db.execute("INSERT INTO revocation VALUES ('a', '2026-11-25T00:00:00Z', 'w', 'luis')")
    for _ in range(2):
        migrate(path)
        with closing(open_admin(path)) as db:
            found = list(losses.since(db, datetime(2026, 1, 1, tzinfo=UTC)))
            assert [(loss.subject, loss.how, loss.version) for loss in found] == [
                ("gone", "left_list", 3),
                ("a", "revoked_here", None),
            ]
            assert db.execute("SELECT sum(seconds) FROM access_loss").fetchone() == (90,)
            for statement in statements((FOLDER / "008_access_loss.sql").read_text("utf-8")):
                db.execute(statement)  # once more over what is there


def test_every_way_to_lose_access_has_words() -> None:
    known = {"revoked_at", "generated_at", "file", "received", "said", "act", "source"}
    assert {*losses.HOWS, *known} == set(words.LOSSES)
