"""Revocations by acts at the gate and by lists, and who passed before and after."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from gateway.decide.model import Person, Reason
from gateway.evidence.model import Span
from gateway.evidence.topics.lists import Lists
from gateway.evidence.topics.revocations import Revocations
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from tests.gateway.evidence.topics.doors import ANA, LUIS, card, pass_door
from tests.gateway.evidence.topics.written import DAY, HOUR, MINUTE, ZONE, Seen, Written

NOW = datetime.now(UTC)
TODAY = Span((NOW - 3 * DAY).date(), (NOW + 3 * DAY).date(), ZONE)
ROWS = {
    "e1": "e1,Ana Ruiz,Acme,,2026-01-01,2030-06-30,active,h10301:1:1001;h10301:1:1002,plant",
    "e2": "e2,Luis Vega,,,,,,h10301:1:1009,plant",
    "e3": "e3,Eva Sol,,,,,,h10301:1:1010,plant",
}


WHO = {"e1": ANA, "e2": LUIS, "e3": Person("e3", "Eva Sol")}


def put_in_force(log: Written, *rows: str) -> None:
    """A list that was made a minute ago."""
    file = log.folder / "hr.csv"
    file.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    ago = datetime.now(UTC).timestamp() - 60
    os.utime(file, (ago, ago))
    source = read_people(file, levels=frozenset({"plant"}), zone=UTC)
    plan = sync.plan(log.people, source)
    sync.apply(log.people, plan, by="eva", confirmed=[item.name for item in plan.tripped])
    log.move(datetime.now(UTC))


def look(log: Written) -> Seen:
    return log.seen(Revocations, TODAY)


def revoke(log: Written, person: str, said: timedelta | None = None) -> None:
    when = datetime.now(UTC) - said if said else None
    assert sync.set_revoked(
        log.people, person, revoked=True, why="left the company", by="eva", said=when
    )
    log.move(datetime.now(UTC))


@pytest.fixture
def listed(log: Written) -> Written:
    put_in_force(log, *ROWS.values())
    return log


def test_whoever_is_revoked_here_has_decision_effect_and_first_refusal(listed: Written) -> None:
    revoke(listed, "e1")
    at = datetime.now(UTC)
    pass_door(listed, ANA, at, Reason.DENIED_REVOKED)
    pass_door(listed, ANA, at + MINUTE, Reason.DENIED_REVOKED)
    seen = look(listed)
    (row,) = seen.rows("revocations")
    assert (row["person"], row["name"], row["how"]) == ("e1", "Ana Ruiz", "revoked_here")
    assert row["seconds"] < 5 and row["known_by"] == "act" and row["reason"] == "left the company"
    assert row["refused_at"][:19] == at.isoformat()[:19] and row["passed_after"] == 0
    assert seen.rules() == [] and seen.figure("revoked_refused") == 1


def test_a_pass_between_decision_and_effect_is_told_with_the_pass(listed: Written) -> None:
    pass_door(listed, ANA, NOW - 50 * HOUR)  # before the decision
    pass_door(listed, ANA, NOW - 2 * HOUR)
    revoke(listed, "e1", said=48 * HOUR)
    seen = look(listed)
    assert seen.rules() == ["access_before_in_force", "revocation_slow"]
    (one,) = seen.rule("access_before_in_force")
    assert "1 times" in one.words.say("en") and one.handled_by == "eva"
    kinds = "SELECT json_extract(body, '$.type') FROM events WHERE seq = ?"
    assert [listed.one(kinds, seq) for seq in one.records] == ["people.revoked", "access.granted"]


def test_a_pass_after_it_is_open_until_the_person_is_back(listed: Written) -> None:
    revoke(listed, "e1")
    pass_door(listed, ANA, datetime.now(UTC))
    pass_door(listed, LUIS, datetime.now(UTC))
    (one,) = look(listed).rule("access_after_revocation")
    assert one.open and len(one.records) == 2
    sync.set_revoked(listed.people, "e1", revoked=False, why="", by="eva")
    listed.move(datetime.now(UTC))
    pass_door(listed, ANA, datetime.now(UTC))
    seen = look(listed)
    (one,) = seen.rule("access_after_revocation")
    assert not one.open and len(one.records) == 2
    assert (seen.figure("reinstated"), seen.figure("revoked_passed")) == (1, 1)


def test_a_list_that_brings_somebody_back_does_not_undo_a_word_here(listed: Written) -> None:
    revoke(listed, "e1")
    put_in_force(listed, ROWS["e2"], ROWS["e3"])
    put_in_force(listed, *ROWS.values())
    pass_door(listed, ANA, datetime.now(UTC))
    assert look(listed).rules() == ["access_after_revocation"]


def test_who_left_the_list_is_known_by_the_badge_that_they_had(listed: Written) -> None:
    pass_door(listed, ANA, NOW - HOUR)
    put_in_force(listed, ROWS["e2"], ROWS["e3"])
    reason = Reason.DENIED_UNKNOWN_CREDENTIAL
    pass_door(listed, None, datetime.now(UTC), reason, badge=card(ANA))
    pass_door(listed, None, datetime.now(UTC), reason)  # another badge of nobody
    seen = look(listed)
    (row,) = seen.rows("revocations")
    assert (row["how"], row["known_by"], row["by"]) == ("left_list", "file", "eva")
    assert 60 <= row["seconds"] < 120 and row["refused_at"]
    put_in_force(listed, *ROWS.values())
    pass_door(listed, ANA, datetime.now(UTC))
    assert look(listed).rules() == []  # they are on the list again


def test_a_badge_that_is_withdrawn_shuts_nobody_out(listed: Written) -> None:
    put_in_force(listed, ROWS["e1"].replace(";h10301:1:1002", ""), ROWS["e2"], ROWS["e3"])
    pass_door(listed, ANA, datetime.now(UTC))
    seen = look(listed)
    assert seen.rules() == [] and seen.figure("badges_withdrawn") == 1
    assert seen.figure("revocations") == 0 and seen.figure("revocation_median") is None


def test_who_was_revoked_before_and_passes_now_is_told(listed: Written) -> None:
    later = Span((NOW + DAY).date(), (NOW + 3 * DAY).date(), ZONE)
    revoke(listed, "e1")
    pass_door(listed, ANA, NOW + 2 * DAY)
    seen = listed.seen(Revocations, later)
    assert seen.rules() == ["access_after_revocation"] and seen.rows("revocations") == []


def test_the_same_by_sql(listed: Written) -> None:
    for hours, person in ((1, "e1"), (30, "e2"), (7, "e3")):
        pass_door(listed, WHO[person], NOW - HOUR / 2)
        revoke(listed, person, said=hours * HOUR)
    pass_door(listed, ANA, datetime.now(UTC))
    seen = look(listed)
    took = listed.sql(
        "SELECT json_extract(body, '$.data.seconds') FROM events "
        "WHERE json_extract(body, '$.type') = 'people.revoked' ORDER BY 1"
    )
    assert seen.figure("revocations") == len(took) == 3
    assert seen.figure("revocation_median") == median(value for (value,) in took)
    assert seen.figure("revocation_slowest") == took[-1][0]
    passed = (
        "SELECT count(*) FROM events a, events r WHERE "
        "json_extract(a.body, '$.type') = 'access.granted' AND "
        "json_extract(r.body, '$.type') = 'people.revoked' AND "
        "json_extract(a.body, '$.data.person.id') = json_extract(r.body, '$.subject') AND "
    )
    after = passed + "json_extract(a.body, '$.time') > json_extract(r.body, '$.time')"
    assert seen.figure("revoked_passed") == listed.one(after) == 1
    between = passed + (
        "julianday(json_extract(a.body, '$.time')) BETWEEN "
        "julianday(json_extract(r.body, '$.data.revoked_at')) AND "
        "julianday(json_extract(r.body, '$.time'))"
    )
    named = [len(one.records) - 1 for one in seen.rule("access_before_in_force")]
    assert sum(named) == listed.one(between) == 3


def test_lists_name_whom_they_added_changed_and_removed(listed: Written) -> None:
    put_in_force(listed, ROWS["e1"].replace("Acme", "Other"), ROWS["e2"])
    seen = listed.seen(Lists, TODAY)
    first, second = seen.rows("lists")
    assert (first["added"], first["total"], first["by"]) == (3, 3, "eva")
    assert (second["changed"], second["removed"], second["total"]) == (1, 1, 2)
    rows = [
        (row["version"], row["what"], row["person"], row["name"], row["fields"])
        for row in seen.rows("list_people")
    ]
    assert rows[:3] == [(1, "added", who, "", []) for who in ("e1", "e2", "e3")]
    assert rows[3:] == [(2, "changed", "e1", "", ["company"]), (2, "removed", "e3", "Eva Sol", [])]
    for kind, key in (("added", "list_added"), ("removed", "list_removed")):
        counted = listed.one(
            f"SELECT sum(json_extract(body, '$.data.{kind}')) FROM events "
            "WHERE json_extract(body, '$.type') = 'people.synced'"
        )
        assert seen.figure(key) == counted
    told = [one for one in seen.rule("list_confirmed") if one.handled_by == "eva"]
    assert len(told) == len(seen.rule("list_confirmed"))
