"""Weeks of a simulated site: every figure of people again, by SQL over the records alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.site import write
from gateway.evidence.model import Span
from gateway.evidence.topics.people import PEOPLE
from tests.gateway.evidence.topics.written import ZONE, Seen, Written, see

pytestmark = pytest.mark.slow
# A fortnight in the middle, so that there are records before and after it.
SPAN = Span(date(2026, 10, 6), date(2026, 10, 18), ZONE)
TIME = "json_extract(body, '$.time')"
INSIDE = f"{TIME} >= '{SPAN.begin}' AND {TIME} < '{SPAN.end}'"
TYPE = "json_extract(body, '$.type')"
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("month") / "ledger.db", days=22, people=30, seed=3).path


@pytest.fixture(scope="module")
def seen(month: Path) -> dict[str, Seen]:
    found = see(month, Written.example(), PEOPLE, SPAN)
    return {one.found.key: one for one in found}


@pytest.fixture(scope="module")
def sql(month: Path) -> Iterator[Sql]:
    def ask(db: sqlite3.Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return db.execute(statement, values).fetchall()

    with closing(sqlite3.connect(month)) as db:
        db.execute(
            f"CREATE TEMP TABLE visits AS SELECT seq, body, {TYPE} AS type, {TIME} AS time, "
            f"json_extract(body, '$.data.visit') AS visit FROM events WHERE {TYPE} LIKE 'visit.%'"
        )
        yield partial(ask, db)


COUNTED = {
    "access": {
        "access_granted": "access.granted",
        "access_denied": "access.denied",
        "access_entered": "door.entered",
        "access_nobody": "door.no_entry",
    },
    "visitors": {
        "visits": "visit.arrived",
        "visits_expected": "visit.expected",
        "visits_held": "visit.held",
        "visits_cancelled": "visit.cancelled",
        "visits_overdue": "visit.overdue",
    },
    "badges": {"visitor_badges_given": "visit.badge_issued", "badges_lost": "people.badge_lost"},
    "lists": {"lists": "people.synced", "list_failures": "people.sync_failed"},
    "requirements": {
        "requirements_set": "requirement.set",
        "requirement_warnings": "requirement.expiring",
    },
    "accounts": {"sign_ins": "console.signed_in", "sign_in_refusals": "console.sign_in_refused"},
    "pictures": {"portraits": "face.portrait_viewed", "camera_views": "camera.viewed"},
    "log": {"checkpoints": "ledger.checkpoint", "exports": "records.exported"},
}


@pytest.mark.parametrize("topic", COUNTED)
def test_records_of_a_type_are_counted_alike(topic: str, seen: dict[str, Seen], sql: Sql) -> None:
    found = seen[topic]
    for key, kind in COUNTED[topic].items():
        ((count,),) = sql(f"SELECT count(*) FROM events WHERE {TYPE} = ? AND {INSIDE}", kind)
        assert found.figure(key) == count, key
    assert found.found.notes == [note for note in found.found.notes if "count" not in note.facts
                                 or topic == "revocations"]  # fmt: skip


def test_the_access_log_row_by_row(seen: dict[str, Seen], sql: Sql) -> None:
    columns = ("subject", "data.reason", "data.person.id", "data.person.name", "data.way")
    asked = ", ".join(f"coalesce(json_extract(body, '$.{name}'), '')" for name in columns)
    rows = sql(
        f"SELECT seq, {asked} FROM events WHERE {TYPE} IN ('access.granted', 'access.denied') "
        f"AND {INSIDE} ORDER BY seq"
    )
    told = [
        (*row.records, *(row.cells[key] for key in ("door", "reason", "person", "name", "way")))
        for row in seen["access"].tables["access_log"]
    ]
    assert told == rows and len(rows) > 500


def test_refusals_by_reason_and_people_at_doors(seen: dict[str, Seen], sql: Sql) -> None:
    by_reason = sql(
        f"SELECT json_extract(body, '$.data.reason'), count(*) FROM events "
        f"WHERE {TYPE} = 'access.denied' AND {INSIDE} GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    rows = seen["access"].rows("access_denied_by_reason")
    assert [(row["reason"], row["count"]) for row in rows] == by_reason
    ((people,),) = sql(
        "SELECT count(DISTINCT json_extract(body, '$.data.person.id')) FROM events "
        f"WHERE {TYPE} LIKE 'access.%' AND {INSIDE}"
    )
    assert seen["access"].figure("access_people") == people


def test_visits_with_their_departure_badge_and_escort(seen: dict[str, Seen], sql: Sql) -> None:
    later = (
        "coalesce((SELECT min(json_extract(d.body, '$.{field}')) FROM visits d "
        "WHERE d.type = '{kind}' AND d.visit = e.visit), '')"
    )
    rows = sql(
        "SELECT visit, json_extract(body, '$.data.name'), "
        "json_extract(body, '$.data.host'), json_extract(body, '$.data.id_kind'), "
        f"{later.format(kind='visit.departed', field='data.departed_at')}, "
        f"{later.format(kind='visit.host_contacted', field='data.escort')}, "
        f"{later.format(kind='visit.badge_issued', field='data.badge')} "
        f"FROM visits e WHERE type = 'visit.arrived' AND {INSIDE} ORDER BY seq"
    )
    keys = ("visit", "name", "host", "id_kind", "departed_at", "escort", "badge")
    told = [tuple(row[key] for key in keys) for row in seen["visitors"].rows("visitors")]
    assert told == rows and rows
    here = sql(
        f"SELECT count(*) FROM visits e WHERE type = 'visit.arrived' AND time < '{SPAN.begin}' "
        "AND NOT EXISTS (SELECT 1 FROM visits d WHERE d.type = 'visit.departed' "
        f"AND d.visit = e.visit AND d.time < '{SPAN.begin}')"
    )
    assert seen["visitors"].figure("visits_here_before") == here[0][0]


def test_badges_seen_at_doors(seen: dict[str, Seen], sql: Sql) -> None:
    mark = "json_extract(body, '$.data.credential.fingerprint')"
    rows = sql(
        f"SELECT {mark}, min(json_extract(body, '$.time')), max(json_extract(body, '$.time')), "
        f"sum({TYPE} = 'access.granted'), sum({TYPE} = 'access.denied') FROM events "
        f"WHERE {mark} IS NOT NULL AND {INSIDE} GROUP BY 1 ORDER BY 1"
    )
    keys = ("mark", "first", "last", "granted", "denied")
    assert [tuple(r[key] for key in keys) for r in seen["badges"].rows("badges_seen")] == rows


def test_operators_and_their_sign_ins(seen: dict[str, Seen], sql: Sql) -> None:
    rows = sql(
        f"SELECT json_extract(body, '$.subject'), count(*), max(json_extract(body, '$.time')) "
        f"FROM events WHERE {TYPE} = 'console.signed_in' AND {INSIDE} GROUP BY 1 ORDER BY 1"
    )
    told = [
        (row["name"], row["signed_in"], row["last_at"])
        for row in seen["accounts"].rows("operators")
        if row["signed_in"]
    ]
    assert told == [row for row in rows if row[0] in {name for name, *_ in told}] and told
    ((added,),) = sql(
        f"SELECT count(DISTINCT json_extract(body, '$.data.name')) FROM events "
        f"WHERE {TYPE} = 'operator.added' AND json_extract(body, '$.time') < '{SPAN.end}'"
    )
    assert seen["accounts"].figure("operators") == added
