"""A list that gives more access than people have is shown as such, and held back beyond a limit."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config import SourceTable
from gateway.people.schema import open_admin
from gateway.people.sources import Asked, bundle, ldap, pull, read
from gateway.people.sync import apply as sync
from gateway.people.sync import history
from gateway.people.sync.file import COLUMNS, Source, parse, read_people
from gateway.people.sync.profile import make
from gateway.people.sync.tripwires import Limits, check
from gateway.vault.files import write_whole

LEVELS = frozenset({"plant", "night"})
TODAY = date(2026, 11, 25)
HEAD = ",".join(COLUMNS)
WITHOUT = ",".join(name for name in COLUMNS if name != "valid_until")
PEOPLE = 64


def rows(*, until: str | None = "2026-12-31", count: int = PEOPLE) -> list[str]:
    """People with an expiry; with None, without that column."""
    last = "" if until is None else f"{until},"
    return [f"p{n},N,Acme,,,{last},h10301:1:{n + 100},plant" for n in range(count)]


def text(head: str, lines: list[str]) -> str:
    return "\n".join([head, *lines]) + "\n"


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    """A list in force whose people all have an expiry."""
    db = open_admin(tmp_path / "people.db")
    sync.apply(db, sync.plan(db, csv(tmp_path, text(HEAD, rows()))), by="t")
    return db


def csv(folder: Path, content: str, *, delta: bool = False) -> Source:
    (folder / "l.csv").write_text(content)
    source = read_people(folder / "l.csv", levels=LEVELS, zone=UTC, delta=delta)
    assert source.errors == []
    return source


def tripped(db: sqlite3.Connection, source: Source, limits: Limits = Limits()) -> sync.Plan:  # noqa: B008
    assert source.errors == []
    plan = sync.plan(db, source)
    check(db, plan, limits, inside=set, today=TODAY)
    return plan


def names(plan: sync.Plan) -> list[str]:
    return [item.name for item in plan.tripped]


def of_csv(folder: Path) -> Source:
    return csv(folder, text(WITHOUT, rows(until=None)))


def of_json(folder: Path) -> Source:
    people = [
        {
            "id": f"p{n}",
            "name": "N",
            "company": "Acme",
            "credentials": [f"h10301:1:{n + 100}"],
            "access_levels": ["plant"],
        }
        for n in range(PEOPLE)
    ]
    (folder / "l.json").write_text(json.dumps(people))
    return read_people(folder / "l.json", levels=LEVELS, zone=UTC)


def of_profile(folder: Path) -> Source:
    book = openpyxl.Workbook()
    book.active.append(("No. empleado", "Nombre", "Empresa", "Tarjeta"))
    for n in range(PEOPLE):
        book.active.append((f"p{n}", "N", "Acme", n + 100))
    book.save(folder / "l.xlsx")
    columns = {"id": "No. empleado", "name": "Nombre", "credentials": "Tarjeta"}
    profile = make(
        {
            "columns": {**columns, "company": "Empresa"},
            "credential_prefix": "h10301:1:",
            "access_levels": ["plant"],
        }
    )
    return read_people(folder / "l.xlsx", levels=LEVELS, zone=UTC, profile=profile)


def of_sql(folder: Path) -> Source:
    with closing(sqlite3.connect(folder / "hr.db")) as hr, hr:
        hr.execute("CREATE TABLE p (id, name, company, credentials, access_levels)")
        hr.executemany(
            "INSERT INTO p VALUES (?, 'N', 'Acme', ?, 'plant')",
            [(f"p{n}", f"h10301:1:{n + 100}") for n in range(PEOPLE)],
        )
    table = SourceTable(kind="sql", url=f"sqlite:///{folder / 'hr.db'}", query="SELECT * FROM p")
    return had(read("hr", table, Asked(LEVELS, "gate-1", UTC)).source)


def of_bundle(folder: Path) -> Source:
    bundle.keygen(folder / "hr.key", folder / "hr.pub")
    key = bundle.load_private(folder / "hr.key")
    assert isinstance(key, Ed25519PrivateKey)
    body = text(WITHOUT, rows(until=None)).encode()
    at = datetime.now(UTC)
    raw = bundle.seal(body, key, form="csv", gateways=["*"], generated_at=at, serial=1)
    write_whole(folder / "l.bundle", raw, mode=0o600)
    table = SourceTable(kind="bundle", path=folder / "l.bundle")
    return had(read("hr", table, Asked(LEVELS, "gate-1", UTC, (folder / "hr.pub",))).source)


def of_ldap(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """Only the answer of the directory is made up: which attributes are asked for is configured."""
    people: list[tuple[int, dict[str, Any]]] = [
        (
            n,
            {
                "id": f"p{n}",
                "name": "N",
                "company": "Acme",
                "credentials": [f"h10301:1:{n + 100}"],
                "access_levels": ["plant"],
            },
        )
        for n in range(PEOPLE)
    ]
    monkeypatch.setattr(ldap, "fetch", lambda table, most: people)
    attributes = {"id": "uid", "name": "cn", "company": "o", "credentials": "badge"}
    table = SourceTable(kind="ldap", url="ldaps://h", base="x", attributes=attributes)
    return had(read("hr", table, Asked(LEVELS, "gate-1", UTC)).source)


def had(source: Source | None) -> Source:
    assert source is not None
    return source


@pytest.mark.parametrize("kind", [of_csv, of_json, of_profile, of_sql, of_bundle])
def test_a_list_without_a_column_takes_nobodys_expiry_away_unasked(
    db: sqlite3.Connection, tmp_path: Path, kind: Callable[[Path], Source]
) -> None:
    plan = tripped(db, kind(tmp_path))
    assert len(plan.changed) == PEOPLE
    assert names(plan) == ["widened", "missing_column"]
    assert "valid_until (vigente_hasta): 64; 64 people" in str(plan.tripped[1].why)
    with pytest.raises(sync.SyncError, match="missing_column"):
        sync.apply(db, plan, by="t", confirmed=["widened"])
    assert sync.apply(db, plan, by="t", confirmed=["widened", "missing_column"]) == 2


def test_a_directory_whose_attributes_name_no_expiry_takes_none_away_unasked(
    db: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "missing_column" in names(tripped(db, of_ldap(tmp_path, monkeypatch)))


def test_a_delta_without_a_column_is_held_back_for_one_person(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    change = csv(tmp_path, text(f"op,{WITHOUT}", ["change," + rows(until=None)[3]]), delta=True)
    plan = tripped(db, change)
    assert names(plan) == ["missing_column"] and plan.tripped[0].people == ("p3",)
    leave = csv(tmp_path, text("op,id", ["remove,p3"]), delta=True)
    assert names(tripped(db, leave)) == []
    new = ["add,q1,N,Acme,,,,h10301:1:9,plant"]
    assert names(tripped(db, csv(tmp_path, text(f"op,{WITHOUT}", new), delta=True))) == []


def test_a_column_in_which_nobody_has_anything_is_not_missed(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    head = HEAD.replace("role,", "").replace("valid_from,", "").replace("status,", "")
    lines = [f"p{n},N,Acme,2026-12-31,h10301:1:{n + 100},plant" for n in range(PEOPLE)]
    assert names(tripped(db, csv(tmp_path, text(head, lines)))) == []


def test_without_the_column_of_the_status_nobody_is_active_again_unasked(tmp_path: Path) -> None:
    db = open_admin(tmp_path / "people.db")
    lines = ["a,A,,,,,suspended,h10301:1:1,plant", "b,B,,,,,,h10301:1:2,plant"]
    sync.apply(db, sync.plan(db, csv(tmp_path, text(HEAD, lines))), by="t")
    head = "id,name,credentials,access_levels"
    plan = tripped(db, csv(tmp_path, text(head, ["a,A,h10301:1:1,plant", "b,B,h10301:1:2,plant"])))
    assert names(plan) == ["missing_column"] and plan.tripped[0].people == ("a",)
    assert plan.widened == {"a": ("status",)}


def test_a_list_that_waits_still_lacks_its_column(db: sqlite3.Connection, tmp_path: Path) -> None:
    """It waits as JSON, which has every column."""
    (tmp_path / "hr.csv").write_text(text(WITHOUT, rows(until=None)))
    sources = {"hr": SourceTable(kind="file", path=tmp_path / "hr.csv")}
    found = pull.pull(db, "hr", sources, Asked(LEVELS, "gate-1", UTC))
    plan = tripped(db, had(found.source))
    pull.put_aside(db, tmp_path / "pending", "hr", found, plan)
    held = pull.waiting(tmp_path / "pending", "hr", LEVELS, UTC)
    assert names(tripped(db, held.source)) == names(plan) == ["widened", "missing_column"]


def test_a_later_expiry_for_many_is_held_back_at_its_limit(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    def renewed(count: int, until: str) -> Source:
        lines = rows()
        lines[:count] = rows(until=until, count=count)
        return csv(tmp_path, text(HEAD, lines))

    assert names(tripped(db, renewed(6, "2027-12-31"))) == []  # 9.4 %
    plan = tripped(db, renewed(7, "2027-12-31"))
    assert names(plan) == ["widened"]
    assert "7 of 64 people (10.9 %) with more access than now" in str(plan.tripped[0].why)
    assert names(tripped(db, renewed(64, "2026-12-01"))) == []  # earlier is not more
    limits = Limits(widened_percent=1.0, few=0)
    assert names(tripped(db, renewed(1, ""), limits)) == ["widened"]


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        ("a,N,,,,2026-12-31,,h10301:1:1,plant", "a,N,,,,,,h10301:1:1,plant", ("valid_until",)),
        ("a,N,,,2026-12-31,,,h10301:1:1,plant", "a,N,,,,,,h10301:1:1,plant", ("valid_from",)),
        ("a,N,,,,,revoked,,plant", "a,N,,,,,active,,plant", ("status",)),
        ("a,N,,,,,suspended,,plant", "a,N,,,,,revoked,,plant", None),
        ("a,N,,,,,,,plant", "a,N,,,,,,,plant;night", ("access_levels",)),
        ("a,N,,,,,,,plant;night", "a,N,,,,,,,night", None),
        ("a,N,,,,,,h10301:1:1,", "a,N,,,,,,h10301:1:2,", None),  # a new card for a lost one
        ("a,N,,,,,,h10301:1:1,", "a,N,,,,,,h10301:1:1;h10301:1:2,", ("credentials",)),
        ("a,N,,,,,,,", "a,M,B,R,,2026-12-31,,,", None),
    ],
)
def test_what_counts_as_more_access(
    tmp_path: Path, before: str, after: str, more: tuple[str, ...] | None
) -> None:
    db = open_admin(tmp_path / "people.db")
    sync.apply(db, sync.plan(db, csv(tmp_path, text(HEAD, [before]))), by="t")
    plan = tripped(db, csv(tmp_path, text(HEAD, [after])))
    assert plan.widened == ({"a": more} if more else {})


def test_a_requirement_that_lapses_later_is_more_access(tmp_path: Path) -> None:
    db, head = open_admin(tmp_path / "people.db"), f"{HEAD},requires:t"
    sync.apply(db, sync.plan(db, csv(tmp_path, text(head, ["a,N,,,,,,,,2026-11-30"]))), by="t")
    later = tripped(db, csv(tmp_path, text(head, ["a,N,,,,,,,,2027-11-30"])))
    assert later.widened == {"a": ("requirements",)}
    assert tripped(db, csv(tmp_path, text(head, ["a,N,,,,,,,,"]))).widened == {}
    assert tripped(db, csv(tmp_path, text(HEAD, ["a,M,,,,,,,"]))).widened == {}  # left alone


def test_who_is_revoked_here_gets_no_more_by_a_list(tmp_path: Path) -> None:
    db = open_admin(tmp_path / "people.db")
    old = text(HEAD, ["a,N,,,,2026-12-31,,h10301:1:1,plant"])
    sync.apply(db, sync.plan(db, csv(tmp_path, old)), by="t")
    sync.set_revoked(db, "a", revoked=True, why="w", by="t")
    assert tripped(db, csv(tmp_path, text(HEAD, ["a,N,,,,,,h10301:1:1,plant"]))).widened == {}


def test_going_back_misses_no_column(db: sqlite3.Connection, tmp_path: Path) -> None:
    sync.apply(db, sync.plan(db, of_csv(tmp_path)), by="t")
    back = history.rollback(db, 1, LEVELS)
    check(db, back, Limits(), inside=set, today=TODAY)
    assert names(back) == []


def test_lists_that_are_none_lack_no_column_and_raise_nothing() -> None:
    for raw in (b"[]", b"[1]", b'{"people": [{"id": 1}]}', b"5"):
        parse(raw, Source("l"), json=True, levels=LEVELS, zone=UTC)
