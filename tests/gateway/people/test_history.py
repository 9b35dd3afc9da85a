"""Versions, history and rollback of the personnel list; deltas; tripwires."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decide.model import Credential
from gateway.people import Roster
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync import history
from gateway.people.sync.file import COLUMNS, Source, read_people, to_json
from gateway.people.sync.history import HistoryError, Keep
from gateway.people.sync.plan import held
from gateway.people.sync.rows import collect
from gateway.people.sync.tripwires import Limits, check, people_inside, warnings

LEVELS = frozenset({"plant", "night"})
HEAD = ",".join(COLUMNS)
TODAY = date(2026, 11, 25)
KEEP, LIMITS = Keep(), Limits()


def row(key: str, badge: str = "", *, name: str = "N", levels: str = "plant") -> str:
    return f"{key},{name},,,,,,{badge},{levels}"


def read(tmp_path: Path, *rows: str, head: str = HEAD, delta: bool = False) -> Source:
    path = tmp_path / "people.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return read_people(path, levels=LEVELS, zone=UTC, delta=delta)


class List:
    """One people.db, driven as the commands do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "people.db"
        self.db = open_admin(self.path)

    def plan(self, *rows: str, head: str = HEAD, delta: bool = False) -> sync.Plan:
        found = read(self.folder, *rows, head=head, delta=delta)
        assert found.errors == []
        return sync.plan(self.db, found)

    def apply(self, *rows: str, head: str = HEAD, delta: bool = False, keep: Keep = KEEP) -> int:
        return sync.apply(self.db, self.plan(*rows, head=head, delta=delta), by="ana", keep=keep)

    def back(self, to: int) -> int:
        return sync.apply(self.db, history.rollback(self.db, to, LEVELS), by="luis")

    def everybody(self) -> dict[str, object]:
        return dict(held(self.db, None))

    def check(
        self, plan: sync.Plan, inside: Collection[str] = (), limits: Limits = LIMITS
    ) -> list[str]:
        check(self.db, plan, limits, inside=lambda: inside, today=TODAY)
        return [item.name for item in plan.tripped]


@pytest.fixture
def people(tmp_path: Path) -> List:
    return List(tmp_path)


def test_history_says_who_was_changed_from_what_to_what_and_by_whom(people: List) -> None:
    people.apply(row("a", "h10301:1:12345"), row("b"))
    people.apply(row("a", "h10301:1:54321", name="M"), row("c"))
    found = history.changes(people.db)
    assert [(c.version, c.person, c.op, c.fields) for c in found] == [
        (2, "a", "changed", ("name", "credentials")),
        (2, "b", "removed", ()),
        (2, "c", "added", ()),
        (1, "a", "added", ()),
        (1, "b", "added", ()),
    ]
    first = found[0]
    assert (first.by, first.source, first.kind) == ("ana", "people.csv", "sync")
    assert first.before is not None and first.after is not None
    assert (first.before["name"], first.after["name"]) == ("N", "M")
    assert first.before["credentials"] == ["h10301:…45"]
    assert found[1].after is None and found[1].before is not None
    assert found[3].before is None and found[3].after == first.before
    revealed = history.changes(people.db, person="a", reveal=True)
    assert [c.version for c in revealed] == [2, 1]
    assert revealed[0].after is not None and revealed[0].after["credentials"] == ["h10301:1:54321"]


def test_events_hold_no_badge_number(people: List) -> None:
    people.apply(row("a", "h10301:1:12345"))
    people.apply(row("a", "h10301:1:54321"))
    people.back(1)
    for event in Roster(people.path).outbox(10):
        assert "12345" not in json.dumps(event.data) and "54321" not in json.dumps(event.data)


def test_a_rollback_is_a_new_version_with_the_old_content(people: List) -> None:
    people.apply(row("a", "h10301:1:1"), row("b", "h10301:1:2"))
    then = people.everybody()
    people.apply(row("a", "h10301:1:2"), row("c", "h10301:1:1"))
    people.apply(row("c", "h10301:1:3"))
    assert people.back(1) == 4
    assert people.everybody() == then
    found = history.versions(people.db)
    assert [(v["number"], v["kind"], v["to_version"], v["by"]) for v in found][:2] == [
        (4, "rollback", 1, "luis"),
        (3, "sync", None, "ana"),
    ]
    assert people.back(3) == 5  # and forth again
    assert set(people.everybody()) == {"c"}
    event = Roster(people.path).outbox(99)[-1]
    assert event.type == "people.rolled_back" and event.data["to"] == 3


def test_a_rollback_leaves_revocations_and_does_not_bring_faces_back(people: List) -> None:
    people.apply(row("a", "h10301:1:1"), row("b", "h10301:1:2"))
    with people.db as db:
        db.execute("INSERT INTO template VALUES ('t', 'b', 'm', 'now', '{}', x'00')")
    sync.set_revoked(people.db, "a", revoked=True, why="w", by="x")
    people.apply(row("c"))
    people.back(1)
    roster = Roster(people.path)
    found = roster.find(Credential("h10301", "1", "1")).person
    assert found is not None and found.status == "revoked"
    assert roster.templates("b") == []


def test_no_rollback_to_what_is_not_there(people: List) -> None:
    people.apply(row("a"))
    for to in (0, 1, 2, -1):
        with pytest.raises(HistoryError, match="there is no version"):
            history.rollback(people.db, to, LEVELS)
    people.apply(row("a", levels="night"))
    people.apply(row("a", levels="plant"))
    plan = history.rollback(people.db, 2, {"plant"})
    assert "level 'night' any more" in str(plan.errors[0])
    with pytest.raises(sync.SyncError, match="any more"):
        sync.apply(people.db, plan, by="x")


def test_old_versions_are_forgotten_by_count_and_by_size_the_present_never(people: List) -> None:
    for n in range(5):
        people.apply(row("a", name=f"N{n}"), keep=Keep(versions=3))
    assert [v["number"] for v in history.versions(people.db) if v["kept"]] == [5, 4, 3]
    assert people.plan(row("a")).base == 5
    history.rollback(people.db, 2, LEVELS)
    with pytest.raises(HistoryError, match="no longer kept"):
        history.rollback(people.db, 1, LEVELS)
    people.apply(row("a", name="x" * 900), keep=Keep(bytes=1))
    assert [v["number"] for v in history.versions(people.db) if v["kept"]] == [6]
    assert {c.version for c in history.changes(people.db)} == {6}
    assert people.back(5) == 7


WITH = f"{HEAD},requires:background-check,requisito:training"


def shown(people: List, key: str) -> dict[str, str | None]:
    rows = people.db.execute(
        "SELECT kind, valid_until FROM requirement WHERE subject_kind='person' AND subject=?",
        (key,),
    )
    return dict(rows.fetchall())


def test_requirements_come_with_the_list_and_others_stay(people: List) -> None:
    people.apply(row("a") + ",2027-01-31,", row("b") + ",2027-01-31,2026-12-31", head=WITH)
    assert shown(people, "a") == {"background-check": "2027-01-31"}
    with people.db as db:
        db.execute(
            "INSERT INTO requirement (subject_kind, key, subject, kind, valid_until, set_at) "
            "VALUES ('person', 'a', 'a', 'medical', '2026-12-01', 'now')"
        )
    plan = people.plan(row("a") + ",,2027-02-01", row("b") + ",2027-01-31,2026-12-31", head=WITH)
    assert plan.changed == {"a": ("requirements",)} and plan.unchanged == 1
    assert sync.apply(people.db, plan, by="x") == 2
    assert shown(people, "a") == {"training": "2027-02-01", "medical": "2026-12-01"}
    assert people.plan(row("a"), row("b")).empty  # a list that keeps none leaves all alone
    people.apply(row("b"))
    assert shown(people, "a") == {}
    people.back(1)
    assert shown(people, "a") == {"background-check": "2027-01-31", "medical": "2026-12-01"}


def test_what_else_is_known_of_a_requirement_stays_with_its_day(people: List) -> None:
    people.apply(row("a") + ",2027-01-31,2027-01-01", head=WITH)
    with people.db as db:
        db.execute("UPDATE requirement SET number = 'N-' || kind")
    people.apply(row("a") + ",2027-01-31,2028-01-01", head=WITH)
    rows = people.db.execute("SELECT kind, number, by FROM requirement ORDER BY kind")
    assert rows.fetchall() == [
        ("background-check", "N-background-check", "ana"),
        ("training", None, "ana"),
    ]


def test_a_rollback_leaves_requirements_that_no_version_touched(people: List) -> None:
    head = f"{HEAD},requires:medical"
    people.apply(row("a") + ",2027-01-01", row("b") + ",2027-01-01", head=head)
    people.apply(row("a", name="M"), row("b"))  # keeps no requirements
    people.apply(row("a", name="M") + ",2027-01-01", row("b") + ",2028-01-01", head=head)
    people.back(1)
    assert shown(people, "a") == {"medical": "2027-01-01"} == shown(people, "b")


@pytest.mark.parametrize(
    ("head", "cells", "message"),
    [
        (f"{HEAD},requires:", ",2027-01-01", "a requirement is named by"),
        (f"{HEAD},requires:x", ",soon", "requires:x: 'soon': expected a date"),
        (
            f"{HEAD},revoked_at",
            ",2026-11-30",
            "revoked_at: '2026-11-30': expected a time with its zone",
        ),
        (
            f"{HEAD},revoked_at",
            ",9999-99-99T00:00:00Z",
            "revoked_at: '9999-99-99T00:00:00Z': expected a time",
        ),
        (HEAD + "".join(f",requires:k{n}" for n in range(51)), "," * 51, "more than 50"),
    ],
)
def test_columns_that_are_wrong(tmp_path: Path, head: str, cells: str, message: str) -> None:
    found = [str(error) for error in read(tmp_path, row("a") + cells, head=head).errors]
    assert any(message in error for error in found), found


def test_json_may_say_requirements_and_when_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "l.json"
    item = {
        "id": "a",
        "name": "A",
        "credentials": [],
        "access_levels": [],
        "requirements": {"training": "2027-01-01", "medical": None},
        "revoked_at": "2026-11-24T10:00:00-08:00",
    }
    path.write_text(json.dumps({"generated_at": "2026-11-25T00:00:00Z", "people": [item]}))
    found = read_people(path, levels=LEVELS, zone=UTC)
    assert found.errors == []
    assert found.requirements == {"a": {"training": date(2027, 1, 1)}}
    assert found.kinds == {"training", "medical"}
    assert found.generated_at == datetime(2026, 11, 25, tzinfo=UTC)
    assert found.revoked_at["a"] == datetime(2026, 11, 24, 18, tzinfo=UTC)
    for wrong in ("2026-11-25", "x" * 50, 5):
        path.write_text(json.dumps({"generated_at": wrong, "people": []}))
        assert "generated_at" in str(read_people(path, levels=LEVELS, zone=UTC).errors[0])
    item["requirements"] = {"../x": "2027-01-01"}
    path.write_text(json.dumps([item]))
    assert "a name that is none" in str(read_people(path, levels=LEVELS, zone=UTC).errors[0])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=4,
)
KEYS = (*COLUMNS, "op", "revoked_at", "requirements", "requires:training")


@given(
    st.lists(st.dictionaries(st.sampled_from(KEYS), anything), max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_no_row_raises(rows: list[dict[str, object]], delta: bool, whole: bool) -> None:
    source = Source("x", removals=[] if delta else None, kinds={"training"})
    if whole:
        rows = [dict.fromkeys(KEYS) | found for found in rows]
    collect(enumerate(rows, 1), source, LEVELS, UTC)
    assert source.errors or len(source.people) + len(source.removals or ()) == len(rows)
    to_json(source)


# Deltas

DELTA = f"op,{HEAD}"


def test_a_delta_touches_whom_it_names_and_nobody_else(people: List) -> None:
    people.apply(row("a", "h10301:1:1"), row("b", "h10301:1:2"), row("c", "h10301:1:3"))
    plan = people.plan(
        "add," + row("d", "h10301:1:1"),
        "cambio," + row("a", name="M"),
        "remove,b,,,,,,,,",
        head=DELTA,
        delta=True,
    )
    assert plan.errors == [] and (plan.held, plan.total, plan.unchanged) == (3, 3, 1)
    assert sync.apply(people.db, plan, by="x") == 2
    assert set(people.everybody()) == {"a", "c", "d"}
    roster = Roster(people.path)
    found = roster.find(Credential("h10301", "1", "1")).person
    assert found is not None and found.id == "d"
    assert roster.outbox(9)[-1].data["kind"] == "delta"
    people.apply("baja,d", head="op,id", delta=True)
    assert set(people.everybody()) == {"a", "c"}
    people.back(1)
    assert set(people.everybody()) == {"a", "b", "c"}


def test_what_a_delta_says_and_the_list_belies(people: List) -> None:
    people.apply(row("a", "h10301:1:12345"), row("b"))
    plan = people.plan(
        "add," + row("a"), "change," + row("x"), "remove,y,,,,,,,,", head=DELTA, delta=True
    )
    assert [str(error) for error in plan.errors] == [
        "file, op: add a: is on the list already",
        "file, op: change x: is not on the list",
        "file, op: remove y: is not on the list",
    ]
    with pytest.raises(sync.SyncError, match="on the list already"):
        sync.apply(people.db, plan, by="x")
    twice = people.plan("change," + row("b", "h10301:1:12345"), head=DELTA, delta=True)
    assert "badge h10301:…45 of b is held by a" in str(twice.errors[0])
    bad = read(people.folder, "drop," + row("a"), head=DELTA, delta=True)
    assert "expected add, change or remove" in str(bad.errors[0])
    bad = read(people.folder, "add,z", head="op,id", delta=True)
    assert [error.column for error in bad.errors][:3] == ["name", "credentials", "access_levels"]
    assert "unknown column" in str(read(people.folder, "add," + row("a"), head=DELTA).errors[0])


ids = st.sampled_from("abcdef")
lists = st.dictionaries(ids, st.tuples(st.integers(0, 3), st.booleans()), max_size=6)


@given(st.lists(lists, min_size=2, max_size=5), st.data())
def test_any_version_can_be_had_back(
    tmp_path_factory: pytest.TempPathFactory,
    states: list[dict[str, tuple[int, bool]]],
    data: st.DataObject,
) -> None:
    people = List(tmp_path_factory.mktemp("list"))
    seen: dict[int, object] = {}
    for state in states:
        rows = [
            row(key, f"h10301:1:{ord(key)}" if badge else "", name=f"N{n}")
            + (f",2027-01-0{n}" if n else ",")
            for key, (n, badge) in state.items()
        ]
        plan = people.plan(*rows, head=f"{HEAD},requires:training")
        if not plan.empty or not plan.base:
            number = sync.apply(people.db, plan, by="x")
            seen[number] = people.everybody()
    if len(seen) > 1:
        to = data.draw(st.sampled_from(sorted(seen)[:-1]))
        plan = history.rollback(people.db, to, LEVELS)
        if not plan.empty:
            sync.apply(people.db, plan, by="x")
        assert people.everybody() == seen[to]


# Tripwires


def many(count: int, **more: str) -> list[str]:
    return [row(f"p{n}", f"h10301:1:{n + 100}", **more) for n in range(count)]


def test_a_first_list_trips_nothing_but_being_empty(people: List) -> None:
    assert people.check(people.plan(*many(50))) == []
    assert people.check(people.plan()) == ["empty"]


def test_too_many_gone_new_or_shut_out(people: List) -> None:
    people.apply(*many(100))
    assert people.check(people.plan(*many(95))) == []  # five are few
    assert people.check(people.plan(*many(93))) == ["removed", "losing_access"]
    shut = many(93) + [f"p{n},N,,,,,suspended,h10301:1:{n + 100},plant" for n in range(93, 100)]
    assert people.check(people.plan(*shut)) == ["losing_access"]
    expired = many(93) + [f"p{n},N,,,,2026-11-24,,h10301:1:{n + 100},plant" for n in range(93, 100)]
    assert people.check(people.plan(*expired)) == ["losing_access"]
    bare = many(93) + [f"p{n},N,,,,,,,plant" for n in range(93, 100)]
    assert people.check(people.plan(*bare)) == ["losing_access"]
    assert people.check(people.plan(*many(120))) == []
    assert people.check(people.plan(*many(121))) == ["added"]
    assert people.check(people.plan()) == ["empty", "removed", "losing_access"]


def test_who_is_inside_is_not_stranded_unasked(people: List) -> None:
    people.apply(*many(10))
    plan = people.plan(*many(9))
    assert people.check(plan, inside={"p8"}) == []
    assert people.check(plan, inside={"p9", "p1"}) == ["stranded"]
    assert plan.tripped[0].people == ("p9",)


def test_if_nobody_knows_who_is_inside_anybody_may_be(people: List) -> None:
    people.apply(*many(10))

    def broken() -> Collection[str]:
        raise OSError("presence.json is damaged")

    for rows, names in ((many(9), ["stranded"]), (many(11), [])):
        plan = people.plan(*rows)
        check(people.db, plan, LIMITS, inside=broken, today=TODAY)
        assert [item.name for item in plan.tripped] == names


def test_a_badge_that_was_anothers_of_late(people: List) -> None:
    people.apply(row("a", "h10301:1:1"), row("b", "h10301:1:2"), row("c", "h10301:1:3"))
    assert people.check(people.plan(row("a", "h10301:1:2"), row("b", "h10301:1:1"))) == []
    assert people.check(people.plan(row("b"), row("d", "h10301:1:1"))) == ["badge_reissued"]
    people.apply(row("b", "h10301:1:2"), row("c", "h10301:1:3"))  # a left
    plan = people.plan(row("b", "h10301:1:2"), row("c", "h10301:1:1"))
    assert people.check(plan) == ["badge_reissued"] and plan.tripped[0].people == ("c",)
    delta = people.plan("add," + row("d", "h10301:1:1"), head=DELTA, delta=True)
    assert people.check(delta) == ["badge_reissued"]
    assert people.check(people.plan(row("a", "h10301:1:1"))) == []  # back to whom it was
    assert people.check(plan, limits=Limits(reissue_days=0)) == []
    with people.db as db:
        db.execute("UPDATE released_badge SET at = '2020-01-01T00:00:00Z'")
    assert people.check(plan) == []
    sync.set_revoked(people.db, "b", revoked=True, why="w", by="x")
    assert people.check(people.plan(row("b"), row("c", "h10301:1:2"))) == ["badge_reissued"]


def test_ids_that_differ_by_case_or_accents_alone_must_be_confirmed(people: List) -> None:
    """E12 beside e12 is one person typed twice; e12 in place of E12 loses their face and PIN."""
    assert people.check(people.plan(row("josé"), row("JOSE"))) == ["similar_ids"]
    people.apply(row("E12"), row("Núñez"))
    plan = people.plan(row("E12"), row("e12"), row("Núñez"))
    assert people.check(plan) == ["similar_ids"] and plan.tripped[0].people == ("E12 / e12",)
    assert people.check(people.plan(row("e12"), row("Núñez"))) == ["similar_ids"]
    assert people.check(people.plan(row("E12"), row("NUNEZ"))) == ["similar_ids"]
    assert people.check(people.plan(row("E12"), row("Núñez"), row("e13"))) == []
    delta = people.plan("add," + row("nũnez"), head=DELTA, delta=True)
    assert people.check(delta) == ["similar_ids"]
    people.apply(row("E12"), row("e12"), row("Núñez"))  # confirmed once: not asked again
    assert people.check(people.plan(row("E12"), row("e12"), row("Núñez"), row("z"))) == []


def dated(people: List, at: str, *keys: str) -> sync.Plan:
    path = people.folder / "list.json"
    items = [{"id": k, "name": k, "credentials": [], "access_levels": []} for k in keys]
    path.write_text(json.dumps({"generated_at": at, "people": items}))
    return sync.plan(people.db, read_people(path, levels=LEVELS, zone=UTC))


def test_a_list_older_than_the_present_one(people: List) -> None:
    sync.apply(people.db, dated(people, "2026-11-25T06:00:00Z", "a"), by="x")
    older = dated(people, "2026-11-24T23:00:00-06:00", "a", "b")
    assert people.check(older) == ["older"]
    assert people.check(dated(people, "2026-11-25T06:00:00Z", "a", "b")) == []


def test_an_old_file_only_warns(people: List) -> None:
    people.apply(row("a"))
    plan = people.plan(row("a"), row("b"))
    now = datetime.now(UTC)
    assert plan.modified_at is not None and warnings(people.db, plan, now) == []
    plan.modified_at -= timedelta(days=2)
    assert "before the last one" in warnings(people.db, plan, now)[0]
    plan.modified_at += timedelta(days=4)
    assert "future" in warnings(people.db, plan, now)[0]
    assert people.check(plan) == []


def test_a_list_that_was_rolled_back_does_not_come_again_by_itself(people: List) -> None:
    people.apply(row("a"))
    people.apply(row("b"))
    people.back(1)
    assert people.check(people.plan(row("b"))) == ["rolled_back"]
    assert people.check(people.plan(row("c"))) == []


def test_only_what_was_confirmed_by_name_is_applied_and_the_event_says_so(people: List) -> None:
    people.apply(*many(10))
    plan = people.plan()
    assert people.check(plan) == ["empty", "removed", "losing_access"]
    for confirmed in ((), ("empty",), ("empty", "removed", "added")):
        with pytest.raises(sync.SyncError, match="losing_access"):
            sync.apply(people.db, plan, by="eva", confirmed=confirmed)
    names = ["empty", "losing_access", "removed"]
    assert sync.apply(people.db, plan, by="eva", confirmed=[*names, "older"]) == 2
    event = Roster(people.path).outbox(99)[-1]
    assert (event.data["confirmed"], event.data["by"]) == (names, "eva")
    assert history.versions(people.db)[0]["confirmed"] == names


def test_who_is_inside_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "presence.json"
    assert people_inside(path) == frozenset()
    at = "2026-11-25T06:00:00+00:00"
    rows = [["a", "A", "C", "yard", at, False], ["b", "B", "C", "", at, False]]
    path.write_text("".join(json.dumps(line) + "\n" for line in ({"seq": 7}, *rows)))
    assert people_inside(path) == {"a"}
    path.write_text("{}\n")
    assert people_inside(path) == frozenset()
    for damaged in ("", "{", "[]", "{}\n[1]", "{}\n5", "{}\n" + "[" * 50_000, '{}\n["a", "A"'):
        path.write_text(damaged)
        with pytest.raises(OSError, match="damaged"):
            people_inside(path)


# Revocations


def test_the_time_from_the_sources_revocation_to_ours(people: List) -> None:
    people.apply(row("a"), row("b"), row("c"), row("d"))
    at = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
    rows = (f"a,A,,,,,revoked,,plant,{at}", f"c,C,,,,,suspended,,plant,{at}", row("d") + ",")
    people.apply(*rows, head=f"{HEAD},revoked_at")
    found = Roster(people.path).outbox(9)
    events = [event for event in found if event.type == "people.revocation_effective"]
    assert [event.subject for event in events] == ["b", "a", "c"]  # b by the file's own time
    assert [event.data["known_by"] for event in events] == ["file", "revoked_at", "revoked_at"]
    assert all(90 <= event.data["seconds"] < 100 for event in events[1:])
    people.apply(*rows, row("e") + ",", head=f"{HEAD},revoked_at")
    assert len(Roster(people.path).outbox(9)) == len(found) + 1  # told once


def test_a_list_in_force_with_an_id_that_no_list_may_have_any_more(people: List) -> None:
    """It was taken by an older version: the person passes until the list is mended."""
    people.apply(row("e1"), row("e2"))
    with people.db as db:
        db.execute("UPDATE person SET id = 'e1' || char(8203) WHERE id = 'e1'")
        db.execute("INSERT INTO credential VALUES ('em4100:1:2', 'e1' || char(8203))")
    found = Roster(people.path).find(Credential("em4100", "1", "2")).person
    assert found is not None and found.id == "e1\u200b"
    assert sync.set_revoked(people.db, found.id, revoked=True, why="", by="x")
    assert people.plan(row("e1"), row("e2")).removed == [("e1\u200b", "N")]
    people.apply(row("e1"), row("e2"))
    people.back(1)
