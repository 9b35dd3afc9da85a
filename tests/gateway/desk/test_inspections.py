"""An inspection says who looked at each point and when, and what one command answered at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo.rig import Rig
from gateway.config.desk import FreightPolicyTable
from gateway.desk.errors import DeskError
from gateway.desk.freight import (
    arrivals,
    checklists,
    departures,
    inspections,
    pictures,
    store,
)
from gateway.desk.freight.act import Act
from gateway.desk.freight.findings import FreightPolicy, judge
from gateway.desk.freight.inspections import Answers
from gateway.desk.freight.transaction import PointAnswer, Result, Transaction
from gateway.desk.identity import Shown
from gateway.desk.second import Second
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin

NOW = datetime(2026, 11, 25, 13, 12, tzinfo=UTC)  # 05:12 in Tijuana
POLICY = FreightPolicy(
    ZoneInfo("America/Tijuana"), checklists.load(), FreightPolicyTable().model_dump()
)
POINTS = [point.id for point in POLICY.checklists.lists["tractor-7"].points]
ROSA = Operator("rosa", person="e3", name="Rosa Díaz")
PEPE = Operator("pepe", person="e4", name="José Luna")

JPEG = b"\xff\xd8\xff\xe0 not whole: its hash is a record too"

Look = Callable[..., Transaction]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Answers points of one truck's tractor; the truck is transaction 1."""
    db = open_admin(tmp_path / "people.db")
    came = arrivals.Came("Juan Pérez", "Norte", "AB1", shown=Shown("ine"))
    arrivals.arrive(Act(db, POLICY, Operator("desk"), NOW), None, came)

    def answered(
        who: Operator, seconds: int, *points: str, result: Result = "ok", rest: bool = False
    ) -> Transaction:
        told = Answers(
            checklist="tractor-7",
            points=[PointAnswer(p, result, "" if result == "ok" else "cut") for p in points],
            inspector=who.name,
            person=who.person,
            rest_good=rest,
        )
        act = Act(db, POLICY, who, NOW + timedelta(seconds=seconds))
        return inspections.inspect(act, 1, told)

    return answered


def hasty(tx: Transaction, policy: FreightPolicy = POLICY) -> list[str]:
    return [f.about for f in judge(tx, policy) if f.code == "checklist_hasty"]


def test_each_answer_has_its_time_and_who_gave_it(look: Look) -> None:
    tx = look(ROSA, 0)  # begins
    assert tx.inspections[0].answers == () and tx.inspections[0].took is None
    for number, point in enumerate(POINTS, 1):
        tx = look(ROSA, number * 20, point)
    (item,) = tx.inspections
    assert [a.at for a in item.answers] == [NOW + timedelta(seconds=20 * n) for n in range(1, 8)]
    assert {(a.inspector, a.person, a.by) for a in item.answers} == {("Rosa Díaz", "e3", "rosa")}
    assert [a.command for a in item.answers] == list(range(1, 8))
    assert item.took == timedelta(seconds=140) and hasty(tx) == []


def test_seventeen_points_in_one_command_are_on_record_as_that(look: Look) -> None:
    tx = look(ROSA, 0, POINTS[0], result="bad")
    tx = look(ROSA, 1, rest=True)
    (item,) = tx.inspections
    assert [a.command for a in item.answers] == [1, 2, 2, 2, 2, 2, 2]
    assert item.bad[0].point == POINTS[0]  # the rest, and not what was found
    assert hasty(tx) == ["tractor-7 #1: 7, 1 s"]
    note = next(f for f in judge(tx, POLICY) if f.code == "checklist_hasty")
    assert note.action == "note" and not note.open
    strict = replace(POLICY, actions={**POLICY.actions, "checklist_hasty": "hold"})
    assert next(f for f in judge(tx, strict) if f.code == "checklist_hasty").open
    assert hasty(tx, replace(POLICY, point_s=0.0)) == []


def test_after_a_shift_change_the_next_guard_goes_on_in_their_own_name(look: Look) -> None:
    look(ROSA, 0, *POINTS[:3])
    tx = look(PEPE, 60, *POINTS)  # the first three again, as they are
    (item,) = tx.inspections
    assert [(a.inspector, a.by) for a in item.answers] == [
        *[("Rosa Díaz", "rosa")] * 3,
        *[("José Luna", "pepe")] * 4,
    ]
    assert item.inspectors == ("Rosa Díaz", "José Luna")
    assert item.accounts == {"rosa", "pepe"} and item.persons == {"e3", "e4"}
    assert item.finished_at is not None


def test_the_next_guard_takes_back_nothing_that_was_found(look: Look) -> None:
    look(ROSA, 0, POINTS[0], result="bad")
    with pytest.raises(DeskError) as told:
        look(PEPE, 60, POINTS[0])
    assert told.value.code == "found_is_found"


async def test_the_page_shows_when_how_long_and_by_one_command(
    make_rig: Callable[..., Rig], from_account: Callable[[str], None]
) -> None:
    rig = make_rig()
    arrive = ("arrive", "--driver", "Juan", "--carrier", "N", "--tractor", "AB1")
    await rig.acli("freight", *arrive, "--id-kind", "ine")
    from_account("rosa")
    await rig.acli("freight", "inspect", "1", "tractor-7", "--ok", "1-2")
    from_account("pepe")
    done = await rig.acli("freight", "inspect", "1", "tractor-7", "--all-good", "--json")
    (item,) = json.loads(done.stdout)["inspections"]
    assert [a["by"] for a in item["answers"]] == ["rosa"] * 2 + ["pepe"] * 5
    again = ("tractor-7", "--again", "--all-good", "--inspector", "Rosa Díaz")
    await rig.acli("freight", "inspect", "1", *again)
    page = (await rig.acli("freight", "show", "1")).stdout
    assert "Rosa Díaz, typed by pepe" in page  # a name that somebody else typed
    for text in ("took 0 min", "2 points answered at once at", "by one command: pepe", "5 points"):
        assert text in page, page
    assert "faster than somebody can look" in page


def test_a_picture_is_kept_with_its_point_and_each_look_at_it_is_on_record(tmp_path: Path) -> None:
    keep = tmp_path / "pictures"
    picture = pictures.record("floor.jpg", JPEG, ".jpg", keep, point="cab")
    assert pictures.kept(keep, picture.sha256) == keep / f"{picture.sha256}.jpg"
    for name in ("", "../people", picture.sha256.upper(), "0" * 64):
        assert pictures.kept(keep, name) is None
    with closing(open_admin(tmp_path / "people.db")) as db:
        act = Act(db, POLICY, ROSA, NOW)
        arrivals.arrive(act, None, arrivals.Came("Juan Pérez", "Norte", "AB1", shown=Shown("ine")))
        told = Answers(
            checklist="tractor-7",
            points=[PointAnswer("cab", "bad", "cut")],
            inspector=ROSA.name,
            person=ROSA.person,
            pictures=[picture],
        )
        tx = inspections.inspect(act, 1, told)
        assert store.load(db, 1).inspections[0].pictures == (picture,)
        inspections.viewed(act, tx, picture.sha256)
        rows = dict(db.execute("SELECT type, data FROM outbox ORDER BY rowid"))
    assert json.loads(rows["freight.inspected"])["pictured"] == {picture.sha256: "cab"}
    seen = json.loads(rows["freight.picture_viewed"])
    assert (seen["freight"], seen["picture"], seen["by"]) == (1, picture.sha256, "rosa")


def test_who_may_sign_is_told_before_they_try(look: Look) -> None:
    tx = look(ROSA, 0, rest=True)
    for who in (Second("rosa", "e3", "Rosa Díaz"), Second("", "e3", "Rosa Díaz", "pin")):
        with pytest.raises(DeskError):
            inspections.may_sign(tx, who)
        with pytest.raises(DeskError):
            departures.may_release(tx, who)
    laura = Second("laura", "e9", "Laura Gil", "pin")
    inspections.may_sign(tx, laura)
    inspections.may_check(tx, laura)
    departures.may_release(tx, laura)
