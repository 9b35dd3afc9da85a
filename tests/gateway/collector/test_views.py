"""The views that an auditor reads: what they say of a guard's real morning, and what the role that
reads them may not do."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import create_engine

from demo.rig import Rig
from gateway.collector import schema
from gateway.ledger import chain
from gateway.ledger.event import EventType, NewEvent
from tests.docs.test_manana import SITE, morning
from tests.postgres import Postgres

ROOT = Path(__file__).parents[3]
Connect = Callable[..., psycopg.Connection[Any]]
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture
def url(postgres: Postgres, request: pytest.FixtureRequest) -> str:
    """A database as the collector makes it."""
    url = postgres.database(f"views_{abs(hash(request.node.name)):x}")
    engine = create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
    schema.upgrade(engine)
    engine.dispose()
    return url


def store(url: str, gateway: str, records: list[tuple[int, str, bytes]]) -> None:
    """Put records into the tables, as the sink does."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO gateways (name, heard, newest) VALUES (%s, clock_timestamp(), %s)",
            (gateway, records[-1][0]),
        )
        row = connection.execute(
            "INSERT INTO origins (gateway, chain, first, prev, began) VALUES (%s, %s, 1, %s, %s)"
            " RETURNING id",
            (gateway, f"chain of {gateway}", bytes(32), NOON),
        ).fetchone()
        assert row is not None
        for seq, body, digest in records:
            item = json.loads(body)
            about = (item[key] for key in ("time", "id", "type", "subject"))
            connection.execute(
                "INSERT INTO events (origin, seq, time, id, type, subject, body, hash)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (row[0], seq, *about, body, digest),
            )
        connection.execute(
            "INSERT INTO cursors (origin, contiguous, hash, size, roots, root)"
            " VALUES (%s, %s, %s, %s, '', '')",
            (row[0], records[-1][0], records[-1][2], len(records)),
        )


class Log:
    """Records of one gateway, made up by a test."""

    def __init__(self, gateway: str) -> None:
        self.gateway, self.records = gateway, list[tuple[int, str, bytes]]()

    def add(self, kind: EventType, subject: str, minute: float, **data: Any) -> int:
        seq = len(self.records) + 1
        event = NewEvent(kind, subject, data, NOON + timedelta(minutes=minute))
        body = chain.body_of(event, f"{self.gateway}-{seq}", NOON)
        self.records.append((seq, body, bytes(32)))
        return seq

    def passage(
        self,
        person: str,
        minute: float,
        door: str = "yard",
        way: str = "in",
        came: bool | None = True,
    ) -> int:
        """A grant, and what the door's contact said of it (None: it has none)."""
        who = {"id": person, "name": person.title(), "company": "ACME"}
        seq = self.add(
            EventType.ACCESS_GRANTED, door, minute, way=way, reason="granted", person=who
        )
        if came is not None:
            kind = EventType.DOOR_ENTERED if came else EventType.DOOR_NO_ENTRY
            self.add(kind, door, minute + 0.1, grant=seq)
        return seq


@pytest.fixture
def query(url: str) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield lambda text, *values: connection.execute(text, values).fetchall()


def minutes(moment: datetime | None) -> float | None:
    return None if moment is None else round((moment - NOON).total_seconds() / 60, 1)


def test_who_entered_and_who_did_not(url: str, query: Any) -> None:
    log = Log("gate-1")
    log.passage("ana", 0)
    log.passage("luis", 1, came=False)
    log.passage("zoe", 2, came=None)
    first = log.passage("eva", 3, came=None)  # with an escort: one door.entered stands for both
    log.passage("leo", 3)
    store(url, log.gateway, log.records)
    found = {row["person"]: row for row in query("SELECT * FROM audit.entries")}
    assert {key: row["outcome"] for key, row in found.items()} == {
        "ana": "entered", "luis": "no_entry", "zoe": "entered", "eva": "entered", "leo": "entered",
    }  # fmt: skip
    assert minutes(found["ana"]["entered_at"]) == 0.1 and found["luis"]["entered_at"] is None
    assert found["eva"]["seq"] == first and found["eva"]["company"] == "ACME"


def test_a_door_without_a_contact_leaves_it_open(url: str, query: Any) -> None:
    log = Log("gate-1")
    log.passage("ana", 0, came=None)
    store(url, log.gateway, log.records)
    assert query("SELECT outcome FROM audit.entries") == [{"outcome": "open"}]
    assert len(query("SELECT * FROM audit.stays")) == 1, "they count as inside, as at the gate"


def test_who_was_inside_when(url: str, query: Any) -> None:
    one, two = Log("gate-1"), Log("gate-2")
    one.passage("ana", 0)
    one.passage("luis", 5, came=False)
    two.passage("ana", 30, way="out")  # by another gate
    one.passage("zoe", 10)
    one.add(EventType.AREA_FORGIVEN, "zoe", 50, person="zoe", left=True)
    one.passage("eva", 20)
    one.passage("eva", 25, door="lab")
    for log in (one, two):
        store(url, log.gateway, log.records)
    stays = query("SELECT * FROM audit.stays ORDER BY came_at")
    assert [
        (s["person"], s["door"], minutes(s["came_at"]), minutes(s["left_at"])) for s in stays
    ] == [
        ("ana", "yard", 0.1, 30.1),
        ("zoe", "yard", 10.1, 50.0),
        ("eva", "yard", 20.1, 25.1),
        ("eva", "lab", 25.1, None),
    ]

    def inside(minute: float) -> list[tuple[str, str]]:
        at = NOON + timedelta(minutes=minute)
        return [(r["person"], r["door"]) for r in query("SELECT * FROM audit.inside(%s)", at)]

    assert inside(-1) == []
    assert inside(15) == [("ana", "yard"), ("zoe", "yard")]
    assert inside(40) == [("zoe", "yard"), ("eva", "lab")]
    assert inside(60) == [("eva", "lab")]


def test_how_far_a_revocation_reached(url: str, query: Any) -> None:
    for gateway, seconds in (("gate-1", 4), ("gate-2", 95)):
        log = Log(gateway)
        log.add(
            EventType.PEOPLE_REVOCATION_EFFECTIVE, "e9", seconds / 60,
            person={"id": "e9", "name": "Eva"}, how="left_list", seconds=seconds,
            revoked_at=NOON.isoformat(), version=3,
        )  # fmt: skip
        store(url, gateway, log.records)
    reach = query("SELECT * FROM audit.revocation_reach")
    assert [(r["person"], r["gateways"], r["longest_s"], r["last_gateway"]) for r in reach] == [
        ("e9", 2, 95, "gate-2")
    ]
    assert minutes(reach[0]["revoked_at"]) == 0


def test_how_far_a_list_reached(url: str, query: Any) -> None:
    for gateway, when in (("gate-1", 1), ("gate-2", 30)):
        log = Log(gateway)
        log.add(
            EventType.PEOPLE_SYNCED, "people", when,
            version=4, sha256="ab" * 32, generated_at=NOON.isoformat(), total=120,
        )  # fmt: skip
        log.add(EventType.PEOPLE_SYNCED, "people", when + 1, version=5, sha256="", total=1)
        store(url, gateway, log.records)
    (reach,) = query("SELECT * FROM audit.list_reach")
    assert (reach["gateways"], reach["last_gateway"], reach["people"]) == (2, "gate-2", 120)
    assert reach["longest_s"] == 30 * 60 and minutes(reach["generated_at"]) == 0


def test_an_odd_record_hides_no_other(url: str, query: Any) -> None:
    """What a gateway of another version or somebody with its key wrote."""
    log = Log("gate-1")
    log.passage("ana", 0)
    odd: list[Any] = [None, [], {}, "x", True, -1, 1e300, 2**70, "2026-13-45", "a\x00b"]
    kinds = [
        EventType.ACCESS_GRANTED, EventType.DOOR_ENTERED, EventType.VISIT_ARRIVED,
        EventType.VISIT_DEPARTED, EventType.FREIGHT_ARRIVED, EventType.FREIGHT_DEPARTED,
        EventType.SEAL_RECEIVED, EventType.PEOPLE_REVOKED, EventType.PEOPLE_SYNCED,
        EventType.AREA_FORGIVEN,
    ]  # fmt: skip
    keys = ["grant", "person", "visit", "freight", "arrived_at", "departed_at", "units", "seals",
            "seconds", "revoked_at", "version", "left", "credential", "way", "list_version",
            "badge_out"]  # fmt: skip
    for kind in kinds:
        for value in odd:
            log.add(kind, "yard", 1, **dict.fromkeys(keys, value))
    store(url, log.gateway, log.records)
    views = query("SELECT viewname FROM pg_views WHERE schemaname = 'audit'")
    assert len(views) > 8
    for view in views:
        query(f"SELECT * FROM audit.{view['viewname']}")
    assert "ana" in [row["person"] for row in query("SELECT * FROM audit.entries")]
    assert query("SELECT * FROM audit.inside(%s)", NOON + timedelta(minutes=2))


def test_how_far_each_log_is_stored(url: str, query: Any) -> None:
    log = Log("gate-1")
    log.passage("ana", 0)
    store(url, log.gateway, log.records)
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO gateways (name) VALUES ('gate-2')")
        connection.execute("UPDATE gateways SET newest = 9 WHERE name = 'gate-1'")
        connection.execute(
            "INSERT INTO conflicts (gateway, seq, hash, stored, why, message, broker)"
            " VALUES ('gate-1', 1, '\\x01', '\\x02', 'another_record', '{}', 'b')"
        )
        connection.execute(
            "INSERT INTO quarantine (digest, gateway, topic, broker, payload, bytes, why)"
            " VALUES ('\\x01', 'gate-1', 't', 'b', '\\x00ff', 2, 'not JSON')"
        )
    one, two = query("SELECT * FROM audit.gateways ORDER BY gateway")
    assert (one["last_seq"], one["newest_seq"], one["missing"], one["silent"]) == (2, 9, 7, False)
    assert minutes(one["last_time"]) == 0.1 and one["lag_s"] > 0
    assert (two["last_seq"], two["missing"], two["lag_s"], two["silent"]) == (None, 0, 0, True)
    assert [row["gateway"] for row in query("SELECT * FROM audit.silent")] == ["gate-2"]
    (health,) = query("SELECT * FROM audit.log_health")
    assert (health["last_seq"], health["proven_seq"], health["unproven"]) == (2, None, 2)
    assert health["conflicts"] == 1
    assert query("SELECT hash, why FROM audit.conflicts") == [
        {"hash": "01", "why": "another_record"}
    ]
    assert query("SELECT beginning FROM audit.quarantine") == [{"beginning": "\\000\\377"}]


def test_an_auditor_reads_the_views_and_nothing_else(url: str, postgres: Postgres) -> None:
    """As docs/audit.md has an administrator make the account."""
    name = f"maria_{abs(hash(url)):x}"
    postgres.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x' IN ROLE garita_auditor")
    mine = url.replace("hr:s3cret", f"{name}:x")
    with psycopg.connect(mine, autocommit=True) as connection:
        views = connection.execute(
            "SELECT viewname FROM pg_views WHERE schemaname = 'audit'"
        ).fetchall()
        for (view,) in views:
            connection.execute(f"SELECT * FROM audit.{view}")
        connection.execute("SELECT * FROM audit.inside(now())")
        for forbidden in (
            "SELECT * FROM events",
            "DELETE FROM events",
            "SELECT * FROM quarantine",
            "SELECT * FROM leases",
            "UPDATE cursors SET contiguous = 0",
            "DELETE FROM audit.records",
            "INSERT INTO audit.findings (gateway) VALUES ('x')",
            "CREATE TABLE audit.mine (x int)",
            "CREATE TABLE mine (x int)",
        ):
            with pytest.raises(REFUSED):
                connection.execute(forbidden)


def test_grafanas_panels_ask_what_there_is(url: str, query: Any) -> None:
    """Each query of the dashboard's file runs, with Grafana's macros put in as Grafana does."""
    log = Log("gate-1")
    log.passage("ana", 0)
    store(url, log.gateway, log.records)
    board = json.loads((ROOT / "deploy" / "grafana" / "garita.json").read_text())
    since, until = (f"'{(NOON + timedelta(hours=n)).isoformat()}'" for n in (-1, 1))
    shown = {}
    for panel in board["panels"]:
        for target in panel["targets"]:
            text = re.sub(
                r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {since} AND {until}", target["rawSql"]
            )
            text = text.replace("$__timeTo()", until).replace("${gateway:sqlstring}", "'gate-1'")
            assert "$" not in text, text
            shown[panel["title"]] = query(text)
    assert len(shown) >= 12
    assert [row["name"] for row in shown["Inside at the end of the time shown"]] == ["Ana"]
    assert [(row["metric"], row["value"]) for row in shown["Badges an hour"]] == [("granted", 1)]


async def test_the_logs_of_a_guards_morning_are_those_of_the_gateway(
    make_rig: Callable[..., Rig],
    from_account: Callable[[str], None],
    url: str,
    query: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Real acts at a real gate: the views show what `garita visit log`, `freight log` and the seal
    inventory show there."""
    monkeypatch.setenv("COLUMNS", "100")
    rig = make_rig(site='language = "es"', policy=SITE)
    async for _ in morning(rig, from_account):
        pass
    with closing(sqlite3.connect(rig.ledger_path)) as db:
        store(url, "garita-1", db.execute("SELECT seq, body, hash FROM events").fetchall())
    visits = json.loads((await rig.acli("visit", "log", "--json")).stdout)
    found = query("SELECT * FROM audit.visitors ORDER BY arrived_at")
    assert [(v["name"], v["company_contact"]) for v in visits] == [
        (v["name"], v["company_contact"]) for v in found
    ]
    assert found[0]["photo_id"] == "ine" and found[0]["departed_at"] > found[0]["arrived_at"]
    assert found[0]["badge_issued_at"] and found[0]["badge_returned_at"]

    trucks = json.loads((await rig.acli("freight", "log", "--json")).stdout)
    rows = query("SELECT * FROM audit.pickups ORDER BY arrived_at")
    assert [(t["driver"], t["employer"], t["truck"], t["trailer"], t["seal"]) for t in trucks] == [
        (t["driver"], t["employer"], t["truck"], t["trailer"], t["seals"]) for t in rows
    ]
    acts = [(s["act"], s["seals"]) for s in query("SELECT * FROM audit.seals ORDER BY at, seq")]
    assert ("received", "AB100000..AB100099") in acts and ("affixed", "AB100000") in acts
    assert {"received", "issued", "affixed"} <= {act for act, _ in acts}

    denied = query("SELECT reason, person FROM audit.denials ORDER BY seq")
    assert ("denied_expired", "e31") in [(d["reason"], d["person"]) for d in denied]
    assert any(d["reason"] == "denied_unknown_credential" and d["person"] is None for d in denied)
    entered = query("SELECT person FROM audit.entries")
    assert {"person": "e17"} in entered
    assert query("SELECT list_version FROM audit.lists")[0]["list_version"] == 1
