"""What a gate's log says of its face match: logs made here, whose answer is known."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo.rig import Rig
from gateway.face.accuracy.report import Advice, Enrolled, Report, report
from gateway.ledger import Ledger
from gateway.ledger.event import Event, NewEvent
from gateway.people import RosterUnavailable
from gateway.people.enrolled import enrolled

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ZONE = ZoneInfo("America/Tijuana")
MODEL = "dlib-resnet-v1"


def face(distance: float | None = 0.30, **changes: Any) -> dict[str, Any]:
    return {
        "outcome": "match",
        "distance": distance,
        "threshold": 0.4,
        "camera": "main",
        "model": MODEL,
        "templates": 3,
        "others": {"n": 10, "nearest": 0.7, "below": 0},
        **changes,
    }


def event(days_ago: float, person: str = "e1", **parts: Any) -> Event:
    time = (NOW - timedelta(days=days_ago)).isoformat(timespec="milliseconds")
    data = {"person": {"id": person, "name": "Ana"}, "face": face(), **parts}
    kind = "access.granted"
    return Event(1, "x", time.replace("+00:00", "Z"), kind, "gate", data, "", "")


def template(person: str = "e1", days_ago: float = 300, model: str = MODEL) -> Enrolled:
    return Enrolled(person, f"name of {person}", model, NOW - timedelta(days=days_ago))


def made(events: list[Event], people: list[Enrolled] | None = None, **advice: Any) -> Report:
    return report(events, people or [], NOW, ZONE, Advice(**advice))


def test_false_matches_are_counted_with_their_bound() -> None:
    others = {"n": 10, "nearest": 0.39, "below": 1}
    events = [event(9, f"e{n % 20}") for n in range(99)]
    events.append(event(8, "e3", face=face(others=others)))
    result = made(events)
    assert (result.faces, result.comparisons, result.false_matches) == (100, 1000, 1)
    assert result.false_match_rate.value == 0.001
    assert result.false_match_rate.bounds[1] == pytest.approx(0.00556, abs=1e-5)
    assert (result.mistaken_people, result.sampled_people) == (1, 20)


def test_no_false_match_is_the_rule_of_three() -> None:
    result = made([event(9) for _ in range(300)])
    assert result.false_match_rate.bounds[1] == pytest.approx(3 / 3000, rel=0.01)
    assert result.mistaken_rate.bounds[1] == pytest.approx(0.95)  # one person shows nothing


def test_a_refused_face_that_matches_another_is_no_false_match() -> None:
    """It may well be that other person, with a borrowed badge."""
    others = {"n": 10, "nearest": 0.2, "below": 1}
    result = made([event(9), event(8, face=face(0.8, outcome="mismatch", others=others))])
    assert (result.comparisons, result.false_matches) == (10, 0)
    assert (result.refused_faces, result.lent) == (1, 1)
    assert result.outcomes == {"match": 1, "mismatch": 1}


def test_a_face_without_a_badge_has_borrowed_none() -> None:
    """At a door that knows faces alone, two looks may disagree on who it is."""
    near = face(0.3, outcome="mismatch", others={"n": 10, "nearest": 0.3, "below": 1})
    result = made([event(9, face=near, identified={"enrolled": 40})])
    assert (result.refused_faces, result.lent) == (0, 0)
    assert (result.outcomes, result.skipped) == ({"mismatch": 1}, 0)


def test_distances_are_those_of_accepted_faces() -> None:
    events = [event(9, face=face(n / 1000)) for n in range(101, 201)]
    events += [event(8, face=face(0.9, outcome="mismatch"))] * 50
    result = made(events)
    assert result.quantiles == pytest.approx((0.106, 0.126, 0.151, 0.176, 0.196))
    assert (result.matches, result.thresholds) == (100, {"0.4": 100})


def drifting(camera: str, first: float, newest: float, count: int) -> list[Event]:
    """The first weeks a hundred days ago, the newest this month, something between."""
    return [
        event(days, face=face(distance, camera=camera))
        for days, distance in ((100, first), (50, 0.39), (5, newest))
        for _ in range(count)
    ]


def test_a_camera_that_drifts_is_told_and_others_are_not() -> None:
    events = drifting("worse", 0.20, 0.30, 20) + drifting("same", 0.20, 0.24, 20)
    events += drifting("few", 0.20, 0.30, 19)
    cameras = made(sorted(events, key=lambda item: item.time)).cameras
    assert {name: drift.worse for name, drift in cameras.items()} == {
        "worse": True,
        "same": False,
        "few": False,
    }
    assert (cameras["worse"].first, cameras["worse"].newest) == (0.20, 0.30)
    assert (cameras["worse"].first_count, cameras["worse"].newest_count) == (20, 20)


def test_a_new_camera_has_nothing_to_be_compared_with() -> None:
    drift = made([event(days) for days in range(20, 0, -1)]).cameras["main"]
    assert (drift.first_count, drift.newest, drift.worse) == (20, None, False)


def test_hours_are_those_of_the_site() -> None:
    """Midnight UTC in November is four in the afternoon in Tijuana."""
    assert list(made([event(5)]).hours) == [16]


def test_who_needs_new_pictures_and_why() -> None:
    near = [event(9, "near", face=face(0.33)) for _ in range(5)]
    few = [event(9, "few", face=face(0.39)) for _ in range(4)]
    fine = [event(9, "fine", face=face(0.31)) for _ in range(30)]
    people = [template(name) for name in ("near", "few", "fine")]
    people += [template("old", days_ago=731), template("other", model="another-v1")]
    people += [template("both", days_ago=800, model="another-v1"), template("both")]
    found = {item.person_id: item.reasons for item in made(near + few + fine, people).renewals}
    assert found == {
        "near": ("distance",),
        "old": ("age",),
        "other": ("model",),
        "both": ("age", "model"),
    }


def test_only_the_newest_matches_and_those_after_new_pictures_count() -> None:
    got_better = [event(20, "e1", face=face(0.39))] * 50 + [event(9, "e1", face=face(0.2))] * 20
    renewed = [event(20, "e2", face=face(0.39))] * 50 + [event(1, "e2", face=face(0.39))] * 4
    people = [template("e1"), template("e2", days_ago=10)]
    assert made(got_better + renewed, people).renewals == []
    one_more = [event(0.5, "e2", face=face(0.39))]
    (item,) = made(got_better + renewed + one_more, people).renewals
    assert (item.person_id, item.median, item.matches) == ("e2", 0.39, 5)


def test_who_left_the_list_needs_no_pictures() -> None:
    assert made([event(9, "gone", face=face(0.39))] * 30, []).renewals == []


@pytest.mark.parametrize(
    "broken",
    [
        "match",
        [],
        {},
        face(threshold=0),
        face(threshold="0.4"),
        face(threshold=None),
        face("near"),
        face(-1.0),
        face(float("nan")),
        face(True),
        face(outcome=None),
        face(others={"n": 3, "below": 4}),
        face(others={"n": -1, "below": 0}),
        face(others={"n": True, "below": False}),
        face(others={"n": "many"}),
        face(others=[1]),
    ],
)
def test_a_record_out_of_form_is_counted_and_used_for_nothing(broken: Any) -> None:
    result = made([event(9), event(8, face=broken)])
    assert result.skipped == 1
    assert (result.outcomes, result.comparisons, result.matches) == ({"match": 1}, 10, 1)


def test_older_records_and_other_events_are_understood() -> None:
    old = {"outcome": "match", "distance": 0.3, "threshold": 0.5, "frames": 1, "detail": ""}
    other = Event(1, "x", "2026-11-24T00:00:00Z", "door.held", "gate", {"face": "?"}, "", "")
    badge_only = event(8, face=None)
    result = made([event(9, face=old), other, badge_only])
    assert (result.matches, result.comparisons, result.skipped) == (1, 0, 0)
    assert list(result.cameras) == ["gate"]


def test_an_empty_log_is_no_error() -> None:
    result = made([])
    assert (result.outcomes, result.quantiles, result.renewals) == ({}, (), [])
    assert result.false_match_rate.bounds == (0.0, 1.0)


def test_a_list_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    assert enrolled(tmp_path / "none.db") == []
    (tmp_path / "people.db").write_bytes(b"not a database, for sure" * 100)
    with pytest.raises(RosterUnavailable, match=r"people\.db"):
        enrolled(tmp_path / "people.db")


@pytest.mark.parametrize(
    ("language", "says"),
    [
        (
            "en",
            ["2 accepted faces", "20 comparisons, 0 false matches", "pictures since 2020-01-01"],
        ),
        ("es", ["2 rostros aceptados", "20 comparaciones", "fotografías desde 1 ene 2020"]),
    ],
)
async def test_the_command_reads_the_log_and_the_list(
    make_rig: Callable[..., Rig], language: str, says: list[str]
) -> None:
    rig = make_rig()
    config = rig.config.read_text().replace("[site]", f'[site]\nlanguage = "{language}"', 1)
    rig.config.write_text(config)
    people = [
        {
            "id": "e1",
            "name": "Ana [x]",
            "credentials": "em4100:18:5550100",
            "access_levels": "plant",
        }
    ]
    await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
    with closing(sqlite3.connect(rig.ledger_path.parent / "people.db")) as db, db:
        db.execute(
            "INSERT INTO template (id, person_id, model, created_at, quality, sealed) "
            "VALUES ('t', 'e1', ?, '2020-01-01T00:00:00Z', '{}', x'00')",
            (MODEL,),
        )
    with closing(Ledger.open(rig.ledger_path, gateway="g")) as ledger:
        for _ in range(2):
            data = {"person": {"id": "e1"}, "face": face()}
            await ledger.append(NewEvent("access.granted", "gate", data))
    shown = (await rig.acli("face", "report")).stdout
    for sentence in [*says, "Ana [x]"]:
        assert sentence in " ".join(shown.split()) or sentence in shown
    document = json.loads((await rig.acli("face", "report", "--json")).stdout)
    assert document["false_match_rate"]["trials"] == 20
    assert document["renewals"][0]["reasons"] == ["age"]


async def test_no_log_yet_is_one_sentence(make_rig: Callable[..., Rig]) -> None:
    done = await make_rig().acli("face", "report", check=False)
    assert done.returncode == 5
    assert "there is no log yet" in done.stderr
