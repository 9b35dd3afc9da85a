"""The pictures at the end of a packet: the same from the same rows, and none from none."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.evidence.model import Span
from gateway.evidence.pictures import Pictures, last_week
from gateway.evidence.spool import Spool
from gateway.ledger.event import EventType

ZONE = ZoneInfo("America/Tijuana")
OCTOBER = Span(date(2026, 10, 1), date(2026, 10, 31), ZONE)
ODD: tuple[dict[str, Any], ...] = (
    {"at": "not a time", "door": "yard", "result": "granted"},
    {"at": None, "door": None, "result": "granted"},
    {"at": "2026-10-20T15:00:00.000Z", "door": "yard", "result": ["granted"]},
    {},
)


def pictures(path: Path, *rows: tuple[str, dict[str, Any]]) -> Pictures:
    with closing(Spool(path)) as spool:
        for table, cells in rows:
            spool.add(table, cells, (1,))
        return Pictures(SimpleNamespace(span=OCTOBER), spool)  # type: ignore[arg-type]


def passed(door: str, result: str = "granted") -> tuple[str, dict[str, Any]]:
    return "access_log", {"at": "2026-10-20T15:00:00.000Z", "door": door, "result": result}


def left(carrier: str) -> tuple[str, dict[str, Any]]:
    times = {"arrived_at": "2026-10-20T15:00:00Z", "departed_at": "2026-10-20T17:00:00Z"}
    return "pickups", {**times, "employer": carrier}


@pytest.mark.parametrize(
    ("first", "last", "monday"),
    [
        (date(2026, 10, 1), date(2026, 10, 31), date(2026, 10, 19)),
        (date(2026, 10, 1), date(2026, 11, 1), date(2026, 10, 26)),  # it ends on a Sunday
        (date(2026, 10, 7), date(2026, 10, 8), date(2026, 10, 5)),  # no whole week
        (date(2026, 10, 5), date(2026, 10, 5), date(2026, 10, 5)),
    ],
)
def test_the_week_is_the_last_whole_one(first: date, last: date, monday: date) -> None:
    assert last_week(Span(first, last, ZONE)) == monday


def test_where_nothing_passed_there_is_no_picture(tmp_path: Path) -> None:
    drawn = pictures(tmp_path / "db", ("access_log", dict(ODD[0])), passed("yard", "denied"))
    assert drawn.draw("en", tmp_path) == []


def test_rows_of_another_form_are_left_out(tmp_path: Path) -> None:
    rows = [("access_log", dict(cells)) for cells in ODD] + [("pickups", {"employer": 7})]
    drawn = pictures(tmp_path / "db", *rows, passed("yard"))
    assert drawn.doors == ["yard"] and drawn.carriers == []


def test_the_busiest_doors_and_carriers_have_one_each_in_the_language(tmp_path: Path) -> None:
    names = ["a", "b", "c", "d", "e", "e"]
    rows = [passed(name) for name in names] + [left("Norte <b>{x}"), left("Sur")]
    rows.append(("door_alarms", {"at": "2026-10-20T15:00:00.000Z", "door": "a", "what": "forced"}))
    drawn = pictures(tmp_path / "db", *rows)
    assert drawn.doors == ["e", "a", "b", "c"]  # of equals the first by name
    assert drawn._passes["a"][-1].type == EventType.DOOR_FORCED
    for folder in ("es", "again"):
        (tmp_path / folder).mkdir()
    plots = drawn.draw("es", tmp_path / "es")
    again = drawn.draw("es", tmp_path / "again")
    assert len(plots) == 6
    assert str(plots[-2].title.say("es")).endswith("Norte <b>{x}")
    assert "en una semana" in plots[0].about.say("es")
    for one, other in zip(plots, again, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()
        assert b"<svg" in one.path.read_bytes()
