"""Visitors as the real acts record them, and the same figures by SQL."""

from __future__ import annotations

from datetime import datetime

import pytest

from gateway.decide.model import Credential
from gateway.desk import identity
from gateway.desk.errors import Held
from gateway.desk.second import Second
from gateway.desk.visits import badges, register, regulars
from gateway.desk.visits.visit import Plan, Release, Visit, VisitPolicy
from gateway.evidence.topics.visitors import Visitors
from gateway.ledger.operator import Operator
from gateway.vault.sitekey import SiteKey
from tests.gateway.evidence.topics.written import DAY, HOUR, MINUTE, NOON, ZONE, Written, stamp

GUARD = Operator("guard", person="e7", name="Ana Ruiz")
POLICY = VisitPolicy(
    ZONE,
    {"ine": ("INE", "INE")},
    access_levels=("visitor",),
    escorted_access_levels=("visitor",),
    regulars_without_id=True,
)
KEY = SiteKey(bytes(range(32)))


def plan(name: str = "José Núñez", at: datetime = NOON, **more: object) -> Plan:
    return Plan(name, "Laura Gil", at, at + 2 * HOUR, escort=False, **more)  # type: ignore[arg-type]


def shown(number: str = "A1") -> identity.Shown:
    return identity.shown("ine", number, kinds=POLICY.id_kinds, key=KEY, keep=False)


def come(log: Written, who: str = "José Núñez", at: datetime = NOON) -> Visit:
    """An announced visitor arrives with an ID."""
    visit = register.expect(log.people, plan(who, at), POLICY, by=GUARD, now=at - HOUR)
    visit = register.arrive(log.people, visit.id, shown(who), POLICY, by=GUARD, now=at)
    log.move(at)
    return visit


def give(log: Written, visit: Visit, at: datetime = NOON, number: str = "777") -> None:
    card = Credential("em4100", "18", number)
    badges.issue_badge(log.people, visit.id, card, POLICY, key=KEY, by=GUARD, now=at)
    log.move(at)


def go(log: Written, visit: Visit, at: datetime, *, back: bool = True) -> None:
    register.depart(log.people, visit.id, by=GUARD, now=at, badge_returned=back)
    log.move(at)


def test_a_whole_visit_has_every_field_and_no_deviation(log: Written) -> None:
    visit = come(log)
    log.people.execute(
        "INSERT INTO person (id, name, company, role, status, access_levels) "
        "VALUES ('e17', 'Luis Vega', '', '', 'active', '[]')"
    )
    log.people.commit()
    register.contact_host(log.people, visit.id, by=GUARD, now=NOON + MINUTE, escort="e17")
    log.move(NOON + MINUTE)
    give(log, visit, NOON + 2 * MINUTE)
    go(log, visit, NOON + HOUR)
    seen = log.seen(Visitors)
    assert seen.rows("visitors") == [
        {
            "visit": visit.id,
            "name": "José Núñez",
            "company": "",
            "host": "Laura Gil",
            "id_kind": "ine",
            "arrived_at": visit.arrived_at,
            "received_by": "Ana Ruiz",
            "escort": "Luis Vega",
            "badge": "em4100:…7",
            "badge_returned_at": seen.rows("visitors")[0]["departed_at"],
            "departed_at": register.load(log.people, visit.id).departed_at,
        }
    ]
    assert seen.rules() == []
    wanted = {"visits": 1, "visits_id": 1, "visits_left": 1, "visits_announced": 1}
    wanted |= {"visits_told": 1, "visits_escorted": 1, "visits_badge": 1, "visit_badges_back": 1}
    assert {key: seen.figure(key) for key in wanted} == wanted
    (row,) = seen.tables["visitors"]
    kinds = log.sql("SELECT seq, json_extract(body, '$.type') FROM events ORDER BY seq")
    about = [seq for seq, kind in kinds if kind.startswith("visit.") and kind != "visit.expected"]
    assert list(row.records) == about


def test_who_stays_is_overdue_until_they_leave(log: Written) -> None:
    visit = come(log)
    late = NOON + 3 * HOUR
    log.put("visit.overdue", late, visit.person_id, visit=visit.id, name=visit.name)
    seen = log.seen(Visitors)
    (overdue,) = seen.rule("visit_overdue")
    assert overdue.open and overdue.handled is None and seen.rules() == ["visit_overdue"]
    go(log, visit, NOON + 4 * HOUR)
    (overdue,) = log.seen(Visitors).rule("visit_overdue")
    assert not overdue.open and overdue.handled_by == "Ana Ruiz"
    assert overdue.handled is not None and "2026-10-14 16:00" in overdue.handled.say("en")


def test_an_extension_handles_the_overdue_before_it_and_not_the_one_after(log: Written) -> None:
    visit = come(log)
    facts = {"visit": visit.id, "name": visit.name}
    log.put("visit.overdue", NOON + 3 * HOUR, visit.person_id, **facts)
    at, until = NOON + 3 * HOUR + MINUTE, NOON + 6 * HOUR
    register.extend(log.people, visit.id, until, POLICY, by=GUARD, now=at)
    log.move(at)
    log.put("visit.overdue", NOON + 7 * HOUR, visit.person_id, **facts)
    first, second = log.seen(Visitors).rule("visit_overdue")
    assert first.handled is not None and not first.open
    assert second.handled is None and second.open


def test_nobody_is_called_not_left_before_a_day_has_passed(log: Written) -> None:
    come(log)
    assert log.seen(Visitors, upto=NOON + 23 * HOUR).rules() == []
    (left,) = log.seen(Visitors, upto=NOON + 25 * HOUR).rule("visit_not_left")
    assert left.open and left.words.say("en") == "José Núñez has no departure on record"


def test_a_badge_that_is_kept_is_open_until_it_comes_back(log: Written) -> None:
    visit = come(log)
    give(log, visit)
    go(log, visit, NOON + HOUR, back=False)
    (kept,) = log.seen(Visitors).rule("visit_badge_not_returned")
    assert kept.open and "em4100:…7" in kept.words.say("es")
    badges.return_badge(log.people, visit.id, by=GUARD, now=NOON + DAY)
    log.move(NOON + DAY)
    seen = log.seen(Visitors)
    assert seen.rules() == [] and seen.figure("visit_badges_back") == 1


def test_a_regular_without_an_id_is_an_exception_that_the_policy_excuses(log: Written) -> None:
    regulars.set_regular(log.people, "Eva Sol", "", regular=True, by=GUARD, now=NOON)
    visit = register.walk_in(log.people, plan("Eva Sol"), None, POLICY, by=GUARD, now=NOON)
    log.move(NOON)
    go(log, visit, NOON + HOUR)
    seen = log.seen(Visitors)
    (deviation,) = seen.rule("visit_no_id")
    assert deviation.handled is not None and not deviation.open
    assert (seen.figure("visits"), seen.figure("visits_id")) == (1, 0)
    assert (seen.figure("visits_regular"), seen.figure("regulars_added")) == (1, 1)
    assert seen.figure("visits_announced") == 0
    (row,) = seen.rows("regular_visitors")
    assert (row["name"], row["what"], row["by"]) == ("Eva Sol", "visit.regular_added", "Ana Ruiz")


def test_who_was_held_and_released_names_the_second_person(log: Written) -> None:
    strict = VisitPolicy(ZONE, POLICY.id_kinds, walk_ins=True)
    odd = plan("Iván Paz", company="Nobody Knows SA")
    visit = register.expect(log.people, odd, strict, by=GUARD, now=NOON)
    with pytest.raises(Held):
        register.arrive(log.people, visit.id, shown(), strict, by=GUARD, now=NOON)
    log.move(NOON)
    release = Release(Second("", "e9", "Olga Díaz", "pin"), "called the company")
    visit = register.arrive(
        log.people, visit.id, shown(), strict, by=GUARD, now=NOON, release=release
    )
    log.move(NOON + MINUTE)
    seen = log.seen(Visitors)
    (released,) = seen.rule("visit_released")
    assert released.handled_by == "Olga Díaz" and released.handled is not None
    assert "called the company" in released.handled.say("en")
    (held,) = seen.rows("visitors_not_let_in")
    assert (held["what"], held["reason"], held["by"]) == ("held", "partner_unknown", "Ana Ruiz")
    words = {column.key: column.words for column in seen.found.tables[1].columns}
    assert words["reason"](held["reason"]) == "the company is not in the register of partners"


def test_who_was_sent_away_or_called_off_is_in_a_table_of_its_own(log: Written) -> None:
    for refused in (True, False):
        visit = register.expect(log.people, plan(), POLICY, by=GUARD, now=NOON)
        register.cancel(log.people, visit.id, by=GUARD, reason="sick", refused=refused)
    log.move(NOON)
    seen = log.seen(Visitors)
    assert [row["what"] for row in seen.rows("visitors_not_let_in")] == ["refused", "cancelled"]
    assert (seen.figure("visits_refused"), seen.figure("visits_cancelled")) == (1, 1)
    assert seen.figure("visits") == 0 and seen.rows("visitors") == []


def test_visits_that_began_before_are_no_rows_and_their_badges_still_count(log: Written) -> None:
    early = NOON - 20 * DAY
    over, stays = come(log, "Over", early), come(log, "Stays", early)
    go(log, over, early + HOUR)
    give(log, stays, early + MINUTE)
    seen = log.seen(Visitors, upto=NOON)
    assert seen.rows("visitors") == [] and seen.figure("visits_here_before") == 1
    go(log, stays, NOON, back=False)
    seen = log.seen(Visitors)
    assert seen.rules() == ["visit_badge_not_returned"] and seen.figure("visits") == 0


def test_a_departure_before_its_arrival_is_told(log: Written) -> None:
    visit = come(log)
    facts = {"visit": visit.id, "departed_at": stamp(NOON - HOUR), "badge_out": False}
    log.put("visit.departed", NOON + HOUR, visit.person_id, **facts)
    assert log.seen(Visitors).rules() == ["visit_times_odd"]


def test_records_in_another_form_are_counted_and_left_out(log: Written) -> None:
    come(log)
    for odd in (None, True, "7", 2**70, [7]):
        log.put("visit.arrived", NOON, "visit-7", visit=odd, name="x")
    seen = log.seen(Visitors)
    assert len(seen.rows("visitors")) == 1
    (note,) = seen.found.notes
    assert note.say("en").startswith("5 records")


def test_the_same_figures_by_sql(log: Written) -> None:
    for n in range(12):
        visit = come(log, f"Visitor {n}", NOON + n * DAY / 2)
        if n % 3:
            give(log, visit, NOON + n * DAY / 2 + MINUTE, str(n))
        if n != 5:
            go(log, visit, NOON + n * DAY / 2 + HOUR, back=n % 4 > 0)
    seen = log.seen(Visitors)
    began = (
        "FROM events e WHERE json_extract(body, '$.type') = 'visit.arrived' "
        "AND json_extract(body, '$.time') BETWEEN '2026-10-01T07' AND '2026-11-01T07'"
    )
    later = (
        " AND EXISTS (SELECT 1 FROM events d WHERE json_extract(d.body, '$.type') = '{kind}' "
        "AND json_extract(d.body, '$.data.visit') = json_extract(e.body, '$.data.visit'){more})"
    )
    left = later.format(kind="visit.departed", more="")
    badge = later.format(kind="visit.badge_issued", more="")
    kept = later.format(
        kind="visit.departed", more=" AND json_extract(d.body, '$.data.badge_out') = 1"
    )
    assert seen.figure("visits") == log.one(f"SELECT count(*) {began}") == 12
    assert seen.figure("visits_left") == log.one(f"SELECT count(*) {began}{left}") == 11
    assert seen.figure("visits_badge") == log.one(f"SELECT count(*) {began}{badge}") == 8
    assert len(seen.rule("visit_badge_not_returned")) == log.one(f"SELECT count(*) {began}{kept}")
    rows = log.sql(
        "SELECT json_extract(body, '$.data.visit'), json_extract(body, '$.data.name'), "
        f"json_extract(body, '$.data.id_kind') {began} ORDER BY seq"
    )
    assert [(r["visit"], r["name"], r["id_kind"]) for r in seen.rows("visitors")] == rows
