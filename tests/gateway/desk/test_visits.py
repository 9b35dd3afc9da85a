"""Visitors: the fields of the criterion, badges that end with the visit, nothing half done."""

from __future__ import annotations

import ast
import csv
import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.rig import Rig
from gateway.decide import decide
from gateway.decide.model import Credential, Lookup, Person, Reason, Request
from gateway.decide.policy import AccessLevel, DoorPolicy, Mode, Period, Schedule, Site
from gateway.desk import act as desk
from gateway.desk import identity, partners
from gateway.desk.act import moment
from gateway.desk.errors import Conflict, DeskError, NotFound, Unwritable
from gateway.desk.partners import Partner, PartnerPolicy, clearance
from gateway.desk.second import Second
from gateway.desk.text import clean, defused
from gateway.desk.visits import badges, records, register, regulars, visitlog
from gateway.desk.visits.visit import Plan, Release, Visit, VisitPolicy
from gateway.ledger.operator import Operator
from gateway.people import Roster, RosterUnavailable, losses, requirements
from gateway.people.schema import migrate, open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import read_people
from gateway.vault.sitekey import SiteKey

ZONE = ZoneInfo("America/Tijuana")
NOW = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KINDS = {"ine": ("INE voter card", "credencial INE"), "passport": ("passport", "pasaporte")}
JEFE, B, BOSS, G, GUARD, NIGHT, ONE, T, TWO = map(
    Operator, ("Jefe", "b", "boss", "g", "guard", "night", "one", "t", "two")
)
KEY = SiteKey(bytes(range(32)))
CARD = Credential("em4100", "18", "777")
POLICY = VisitPolicy(
    ZONE, KINDS, access_levels=("visitor",), escorted_access_levels=("visitor-escorted",)
)
PLAN = Plan("José Núñez", "Laura Gil", NOW, NOW + 2 * HOUR)
ACME = Partner("Acme México", "carrier", "ctpat", "SVI-123", None, date(2027, 5, 31))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    database = open_admin(path)
    yield database
    database.close()


def named(name: str) -> Second:
    """A second person who typed their PIN."""
    return Second("", f"id-{name.casefold()}", name, "pin")


def ine(number: str = "") -> identity.Shown:
    return identity.shown("ine", number, kinds=KINDS, key=KEY, keep=False)


def on_site(db: sqlite3.Connection, plan: Plan = PLAN, policy: VisitPolicy = POLICY) -> Visit:
    visit = register.expect(db, plan, policy, by=GUARD, now=NOW)
    return register.arrive(db, visit.id, ine(), policy, by=GUARD, now=NOW)


def badged(db: sqlite3.Connection, card: Credential = CARD) -> Visit:
    visit = on_site(db, replace(PLAN, escort=False))
    return badges.issue_badge(db, visit.id, card, POLICY, key=KEY, by=GUARD, now=NOW)


def employ(db: sqlite3.Connection, key: str = "e17", name: str = "Luis Vega") -> None:
    db.execute(
        "INSERT INTO person (id, name, company, role, status, access_levels) "
        "VALUES (?, ?, '', '', 'active', '[\"plant\"]')",
        (key, name),
    )
    db.commit()


def events(db: sqlite3.Connection) -> list[tuple[str, dict[str, object]]]:
    rows = db.execute("SELECT type, data FROM outbox ORDER BY rowid")
    return [(kind, json.loads(data)) for kind, data in rows]


def refused(code: str) -> pytest.RaisesExc[DeskError]:
    return pytest.RaisesExc(DeskError, check=lambda error: error.code == code)


# The visit


def test_a_visit_from_announcement_to_departure(db: sqlite3.Connection) -> None:
    employ(db)
    visit = on_site(db)
    assert (visit.state, visit.id_kind, visit.arrived_by) == ("on_site", "ine", "guard")
    visit = register.contact_host(db, visit.id, by=GUARD, now=NOW, escort="e17")
    assert visit.escort_name == "Luis Vega"
    visit = badges.issue_badge(db, visit.id, CARD, POLICY, key=KEY, by=GUARD, now=NOW)
    visit = badges.return_badge(db, visit.id, by=GUARD, now=NOW + HOUR)
    visit = register.depart(db, visit.id, by=NIGHT, now=NOW + HOUR)
    assert (visit.state, visit.departed_by, visit.badge_out) == ("departed", "night", False)
    found = events(db)
    assert [kind for kind, _ in found] == [
        "visit.expected",
        "visit.arrived",
        "escort.set",
        "visit.host_contacted",
        "visit.badge_issued",
        "visit.badge_returned",
        "visit.departed",
    ]
    assert all(data["by"] for _, data in found)
    assert all(data["criteria"] == ["10.2"] for kind, data in found if kind != "escort.set")
    assert "18:777" not in json.dumps(found)  # fingerprints and marks may hold any digits


def test_a_badge_that_a_visitor_takes_along_and_a_partner_that_is_suspended_lose_access(
    db: sqlite3.Connection,
) -> None:
    visit = badged(db)
    register.depart(db, visit.id, by=NIGHT, now=NOW + HOUR)
    (lost,) = losses.of(db, visit.person_id)
    assert (lost.how, lost.detail, lost.known_by) == ("visitor_badge", visit.badge, "act")
    assert lost.by == "night"
    other = on_site(db, replace(PLAN, escort=False))
    badges.issue_badge(
        db, other.id, Credential("h10301", "12", "9"), POLICY, key=KEY, by=G, now=NOW
    )
    register.depart(db, other.id, by=NIGHT, now=NOW + HOUR, badge_returned=True)
    assert list(losses.of(db, other.person_id)) == []
    partners.put(db, ACME, STATUS, by=BOSS, now=NOW)
    assert list(losses.of(db, ACME.name)) == []
    partners.put(
        db, replace(ACME, name=ACME.name.upper(), status="suspended"), STATUS, by=B, now=NOW
    )
    (lost,) = losses.of(db, ACME.name.upper())
    assert (lost.how, lost.detail) == ("requirement", STATUS.requirement)


def test_nobody_comes_in_without_a_photo_id(db: sqlite3.Connection) -> None:
    visit = register.expect(db, PLAN, POLICY, by=G, now=NOW)
    with refused("id_missing"):
        register.arrive(db, visit.id, None, POLICY, by=G, now=NOW)
    kind, data = events(db)[-1]
    assert (kind, data["reason"], data["by"]) == ("visit.held", "id_missing", "g")
    with refused("unknown_id_kind"):
        identity.shown("library card", "", kinds=KINDS, key=KEY, keep=False)
    assert records.get(db, visit.id).state == "expected"


def test_a_known_regular_visitor_is_excused_and_logged(db: sqlite3.Connection) -> None:
    policy = replace(POLICY, regulars_without_id=True)
    assert regulars.set_regular(db, "jose nunez", "", regular=True, by=BOSS, now=NOW)
    assert not regulars.set_regular(db, "José Núñez", "", regular=True, by=BOSS, now=NOW)
    visit = register.expect(db, PLAN, POLICY, by=G, now=NOW)
    with refused("id_missing"):  # the site has to say so too
        register.arrive(db, visit.id, None, POLICY, by=G, now=NOW)
    visit = register.arrive(db, visit.id, None, policy, by=G, now=NOW)
    shown = visitlog.cells(visitlog.of_table(db, visit.id), ZONE, KINDS)
    assert visit.regular and shown["photo_id"] == "known regular visitor"
    assert regulars.set_regular(db, "José Núñez", "", regular=False, by=BOSS, now=NOW)
    other = register.expect(db, PLAN, policy, by=G, now=NOW)
    with refused("id_missing"):
        register.arrive(db, other.id, None, policy, by=G, now=NOW)


def test_the_number_of_a_document_is_nowhere(db: sqlite3.Connection, path: Path) -> None:
    visit = register.expect(db, PLAN, POLICY, by=G, now=NOW)
    document = ine("ABC 123-456")
    assert document.fingerprint == ine("abc123456").fingerprint != ine("abc123457").fingerprint
    assert "123" not in repr(document)
    register.arrive(db, visit.id, document, POLICY, by=G, now=NOW)
    for table in ("visit", "outbox"):
        assert "123-456" not in str(list(db.execute(f"SELECT * FROM {table}")))
    kept = identity.shown("ine", "ABC 123-456", kinds=KINDS, key=KEY, keep=True)
    assert kept.number == "ABC 123-456"
    again = register.expect(db, PLAN, POLICY, by=G, now=NOW)
    visit = register.arrive(db, again.id, kept, POLICY, by=G, now=NOW)
    assert visit.id_number == ""  # the policy has the last word


def test_the_same_document_under_another_name_is_held(db: sqlite3.Connection) -> None:
    first = register.expect(db, PLAN, POLICY, by=G, now=NOW)
    register.arrive(db, first.id, ine("A1"), POLICY, by=G, now=NOW)
    second = register.expect(db, replace(PLAN, name="Pedro Paz"), POLICY, by=G, now=NOW)
    with refused("id_of_other_name"):
        register.arrive(db, second.id, ine("A1"), POLICY, by=G, now=NOW)
    with refused("same_person"):
        register.arrive(
            db,
            second.id,
            ine("A1"),
            POLICY,
            by=JEFE,
            now=NOW,
            release=Release(named("JEFE"), "ok"),
        )
    with refused("missing"):
        register.arrive(
            db,
            second.id,
            ine("A1"),
            POLICY,
            by=G,
            now=NOW,
            release=Release(named("Jefe"), " "),
        )
    let_in = register.arrive(
        db,
        second.id,
        ine("A1"),
        POLICY,
        by=G,
        now=NOW,
        release=Release(named("Jefe"), "seen both"),
    )
    assert (let_in.state, let_in.released_by) == ("on_site", "Jefe")
    assert events(db)[-1][1]["held"] == ["id_of_other_name"]


def test_overdue_visitors_and_badges_that_are_out(db: sqlite3.Connection) -> None:
    visit = badged(db)
    assert records.overdue(db, NOW + 2 * HOUR) == []
    late = records.overdue(db, NOW + 2 * HOUR + timedelta(seconds=1))
    assert [v.id for v in late] == [visit.id]
    longer = register.extend(db, visit.id, NOW + 4 * HOUR, POLICY, by=G, now=NOW)
    assert records.overdue(db, NOW + 3 * HOUR) == [] and longer.version > visit.version
    register.depart(db, visit.id, by=G, now=NOW + HOUR)
    assert [v.id for v in records.badges_out(db, departed_only=True)] == [visit.id]
    with refused("badge_out"):  # it may be in anybody's pocket
        badged(db)
    badges.return_badge(db, visit.id, by=G, now=NOW + HOUR)
    assert records.badges_out(db) == []
    assert badged(db).badge_out


def test_a_walk_in_is_one_act_or_none(db: sqlite3.Connection) -> None:
    with refused("id_missing"):
        register.walk_in(db, PLAN, None, POLICY, by=G, now=NOW)
    assert records.find(db) == [] and [kind for kind, _ in events(db)] == ["visit.held"]
    strict = replace(POLICY, walk_ins=False)
    with refused("visit_unexpected"):
        register.walk_in(db, PLAN, ine(), strict, by=G, now=NOW)
    visit = register.walk_in(
        db,
        PLAN,
        ine(),
        strict,
        by=G,
        now=NOW,
        release=Release(named("Laura"), "repair"),
    )
    assert visit.state == "on_site"


def test_what_comes_twice_or_in_the_wrong_order(db: sqlite3.Connection) -> None:
    visit = on_site(db)
    with refused("wrong_state"):
        register.arrive(db, visit.id, ine(), POLICY, by=G, now=NOW)
    with refused("wrong_state"):
        register.cancel(db, visit.id, by=G, reason="x")
    with refused("no_badge"):
        badges.return_badge(db, visit.id, by=G, now=NOW)
    with refused("clock_odd"):
        register.depart(db, visit.id, by=G, now=NOW - HOUR)
    register.depart(db, visit.id, by=G, now=NOW)
    with refused("wrong_state"):
        register.depart(db, visit.id, by=G, now=NOW)
    for odd in (0, -1, 99, 2**63, 10**30):
        with pytest.raises(NotFound):
            records.get(db, odd)


def test_of_two_operators_one_looks_again(db: sqlite3.Connection) -> None:
    visit = on_site(db)
    register.depart(db, visit.id, by=ONE, now=NOW, version=visit.version)
    with pytest.raises(Conflict):
        register.depart(db, visit.id, by=TWO, now=NOW, version=visit.version)
    assert records.get(db, visit.id).departed_by == "one"


# The badge


@pytest.mark.parametrize(
    ("badge", "why"),
    [
        ("h10301:1:98765", "no badge of format h10301 has a number above 65535"),
        ("h10301:987:1", "no badge of format h10301 has a facility code above 255"),
        ("h10301::98765", "a badge of format h10301 has a facility code"),
    ],
)
def test_a_badge_that_no_card_can_be_was_handed_out(
    db: sqlite3.Connection, badge: str, why: str
) -> None:
    with refused("badge_impossible") as refusal:
        badged(db, Credential.parse(badge))
    assert str(refusal.value) == why
    assert db.execute("SELECT count(*) FROM visit_badge").fetchone() == (0,)
    assert not any(badge.partition(":")[2] in line for line in db.iterdump())


def test_a_badge_is_good_for_the_visit_and_no_longer(db: sqlite3.Connection, path: Path) -> None:
    roster = Roster(path)
    assert roster.find(CARD).person is None
    visit = badged(db)
    person = roster.find(CARD).person
    assert person is not None and (person.id, person.access_levels) == ("visit-1", ("visitor",))
    always = Schedule("always", (Period(frozenset(("wed",)), datetime.min.time(), None),))
    site = Site(
        "g",
        ZONE,
        {"gate": DoorPolicy("gate", Mode.BADGE)},
        {"always": always},
        {},
        {"visitor": AccessLevel("visitor", {"gate": "always"})},
    )
    request = Request("gate", CARD, Lookup.FOUND, person)
    ends = NOW + 2 * HOUR + timedelta(minutes=30)
    assert decide(request, site, ends - timedelta(seconds=1)).reason is Reason.GRANTED
    over = decide(request, site, ends)
    assert (over.reason, over.rule) == (Reason.DENIED_EXPIRED, "valid until 2026-11-25 10:30")
    register.depart(db, visit.id, by=G, now=NOW)
    assert roster.find(CARD).person is None


def test_an_escorted_visitor_gets_the_levels_of_escorted_visitors(
    db: sqlite3.Connection, path: Path
) -> None:
    visit = on_site(db)
    with refused("no_escort"):
        badges.issue_badge(db, visit.id, CARD, POLICY, key=KEY, by=G, now=NOW)
    employ(db)
    register.contact_host(db, visit.id, by=G, now=NOW, escort="e17")
    badges.issue_badge(db, visit.id, CARD, POLICY, key=KEY, by=G, now=NOW)
    person = Roster(path).find(CARD).person
    assert person is not None and person.access_levels == ("visitor-escorted",)
    with refused("no_visitor_level"):
        bare = replace(POLICY, access_levels=(), escorted_access_levels=())
        other = on_site(db)
        badges.issue_badge(db, other.id, CARD, bare, key=KEY, by=G, now=NOW)


def test_an_escorted_visitor_passes_with_their_escort_alone(
    db: sqlite3.Connection, path: Path
) -> None:
    employ(db)
    employ(db, "e18", "Eva")
    visit = on_site(db)
    for nobody in ("Luis Vega", "e99", visit.person_id):
        with refused("escort_unknown"):
            register.contact_host(db, visit.id, by=G, now=NOW, escort=nobody)
    register.contact_host(db, visit.id, by=G, now=NOW, escort="e17")
    badges.issue_badge(db, visit.id, CARD, POLICY, key=KEY, by=G, now=NOW)
    roster = Roster(path)
    visitor, luis, eva = (
        roster.find(CARD).person,
        roster.find_person("e17").person,
        roster.find_person("e18").person,
    )
    assert visitor is not None and luis is not None and eva is not None
    assert (visitor.needs_escort, visitor.escorts) == (True, ("e17",))
    always = Schedule("always", (Period(frozenset(("wed",)), datetime.min.time(), None),))
    levels = {
        "visitor-escorted": AccessLevel("visitor-escorted", {"gate": "always"}),
        "plant": AccessLevel("plant", {"gate": "always"}, may_escort=True),
    }
    site = Site("g", ZONE, {"gate": DoorPolicy("gate", Mode.BADGE)}, {"always": always}, {}, levels)

    def asked(who: Person, *others: Person) -> Reason:
        request = Request("gate", CARD, Lookup.FOUND, who, companions=others, waited=True)
        return decide(request, site, NOW).reason

    assert asked(visitor) is Reason.DENIED_NO_ESCORT
    assert asked(visitor, eva) is Reason.DENIED_NO_ESCORT
    assert asked(visitor, luis) is Reason.GRANTED
    register.contact_host(db, visit.id, by=G, now=NOW, escort="e18")
    visitor = roster.find(CARD).person or visitor
    assert asked(visitor, luis) is Reason.DENIED_NO_ESCORT
    # Without the row (a visit of an older version, somebody of that id who left the list): never
    # alone, and nobody whose level does not let them escort.
    db.execute("DELETE FROM escort")
    db.commit()
    visitor = roster.find(CARD).person or visitor
    assert (visitor.needs_escort, visitor.escorts) == (True, ())
    assert asked(visitor) is Reason.DENIED_NO_ESCORT
    assert asked(visitor, eva) is Reason.GRANTED
    assert asked(visitor, replace(eva, access_levels=())) is Reason.DENIED_NO_ESCORT
    register.contact_host(db, visit.id, by=G, now=NOW, escort="e18")
    register.depart(db, visit.id, by=G, now=NOW)
    assert db.execute("SELECT count(*) FROM escort").fetchone()[0] == 0


def test_who_lost_access_escorts_nobody(db: sqlite3.Connection) -> None:
    employ(db)
    visit = on_site(db)
    db.execute("INSERT INTO revocation (person_id, at) VALUES ('e17', '2026-11-25T00:00:00Z')")
    db.commit()
    with refused("escort_unknown"):
        register.contact_host(db, visit.id, by=G, now=NOW, escort="e17")
    assert records.get(db, visit.id).host_contacted_at is None


def sync_list(db: sqlite3.Connection, folder: Path, *rows: str) -> sync.Plan:
    file = folder / "people.csv"
    file.write_text("\n".join(["id,name,credentials,access_levels", *rows]) + "\n")
    plan = sync.plan(db, read_people(file, levels=frozenset({"plant"}), zone=UTC))
    sync.apply(db, plan, by=T)
    return plan


def test_no_list_counts_or_removes_a_visitor(
    db: sqlite3.Connection, path: Path, tmp_path: Path
) -> None:
    badged(db)
    plan = sync_list(db, tmp_path, "e1,Ana,em4100:18:1,plant")
    assert (len(plan.added), plan.removed) == (1, [])
    assert sync_list(db, tmp_path, "e2,Eva,em4100:18:2,plant").removed == [("e1", "Ana")]
    version = Roster(path).version()
    assert version is not None and version.total == 1
    person = Roster(path).find(CARD).person
    assert person is not None and person.id == "visit-1"


def test_a_visitor_is_nobody_of_the_same_id_on_the_list(
    db: sqlite3.Connection, path: Path, tmp_path: Path
) -> None:
    sync_list(db, tmp_path, "visit-1,Ana,em4100:18:1,plant")
    db.execute("INSERT INTO pin VALUES ('visit-1', 'h', NULL, 't', 'x')")
    db.execute("INSERT INTO template VALUES ('t', 'visit-1', 'm', 't', '{}', x'00')")
    db.commit()
    badged(db)
    found = Roster(path).find(CARD)
    assert found.person is not None and found.person.role == "visitor"
    assert (found.templates, found.has_pin) == (0, False)
    assert sync_list(db, tmp_path, "e2,Eva,em4100:18:2,plant").removed == [("visit-1", "Ana")]
    assert Roster(path).find(CARD).person is not None


def test_a_badge_that_two_would_hold_opens_nothing(
    db: sqlite3.Connection, path: Path, tmp_path: Path
) -> None:
    badged(db)
    sync_list(db, tmp_path, f"e1,Ana,{CARD.key},plant")
    found = Roster(path).find(CARD)
    assert found.person is None and found.list_version == 1
    badges.return_badge(db, 1, by=G, now=NOW)
    person = Roster(path).find(CARD).person
    assert person is not None and person.id == "e1"
    other = on_site(db, replace(PLAN, escort=False))
    with refused("badge_of_employee"):
        badges.issue_badge(db, other.id, CARD, POLICY, key=KEY, by=G, now=NOW)


def test_the_look_up_stays_one_statement_by_keys(db: sqlite3.Connection) -> None:
    from gateway.people.lookup import _BY_BADGE

    steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {_BY_BADGE}", ("x",))]
    for table in ("c", "b", "p", "v", "r", "e", "w"):
        assert not [step for step in steps if step.startswith(f"SCAN {table} ")], steps
        assert [step for step in steps if step.startswith(f"SEARCH {table} ")], steps


# Partners


def test_clearance_of_a_company() -> None:
    policy = PartnerPolicy()
    day = date(2026, 11, 25)
    assert clearance(None, day, policy).code == "partner_unknown"
    assert clearance(ACME, day, policy).verdict == "pass"
    assert clearance(ACME, ACME.valid_until, policy).verdict == "pass"
    lapsed = clearance(ACME, ACME.valid_until + timedelta(days=1), policy)
    assert (lapsed.verdict, lapsed.code, lapsed.rule) == ("hold", "partner_lapsed", "2027-05-31")
    deny = replace(policy, lapsed="deny")
    assert clearance(ACME, date(2028, 1, 1), deny).verdict == "deny"
    assert clearance(replace(ACME, status="suspended"), day, policy).verdict == "deny"
    asked = replace(ACME, programme="none", number="", questionnaire=date(2025, 11, 26))
    assert clearance(asked, day, policy).verdict == "pass"
    assert clearance(asked, date(2026, 11, 26), policy).code == "partner_questionnaire_old"
    assert clearance(replace(asked, questionnaire=date(2027, 1, 1)), day, policy).verdict == "hold"


def test_a_company_that_is_not_cleared_sends_nobody(db: sqlite3.Connection) -> None:
    plan = replace(PLAN, company="ACME Mexico")
    visit = register.expect(db, plan, POLICY, by=G, now=NOW)
    with refused("partner_unknown"):
        register.arrive(db, visit.id, ine(), POLICY, by=G, now=NOW)
    partners.put(db, ACME, PartnerPolicy(), by=BOSS, now=NOW)
    assert register.arrive(db, visit.id, ine(), POLICY, by=G, now=NOW).state == "on_site"
    partners.put(db, replace(ACME, status="suspended"), PartnerPolicy(), by=BOSS, now=NOW)
    with refused("partner_suspended"):
        register.expect(db, plan, POLICY, by=G, now=NOW)
    with refused("partner_suspended"):  # what is denied, no second person lets in
        register.walk_in(
            db,
            plan,
            ine(),
            POLICY,
            by=G,
            now=NOW,
            release=Release(named("Laura"), "hurry"),
        )
    past = partners.history(db, "acme méxico")
    assert [(row["version"], row["status"]) for row in past] == [(1, "active"), (2, "suspended")]


STATUS = PartnerPolicy(requirement="partner-status")


def company_requirements(db: sqlite3.Connection) -> dict[str, tuple[str, date | None, str]]:
    found = requirements.rows(db, subject_kind="company")
    return {row.subject: (row.kind, row.valid_until, row.number) for row in found}


def test_the_requirement_of_a_company_follows_the_register(
    db: sqlite3.Connection, path: Path, tmp_path: Path
) -> None:
    partners.put(db, ACME, PartnerPolicy(), by=BOSS, now=NOW)
    assert company_requirements(db) == {}  # the site did not ask for it
    employ(db, "e1")
    db.execute("UPDATE person SET company = 'ACME MEXICO'")
    db.commit()
    partners.put(db, ACME, STATUS, by=BOSS, now=NOW)
    row = ("partner-status", ACME.valid_until, "SVI-123")
    assert company_requirements(db) == {"Acme México": row}
    assert events(db)[-1][1]["requirement"] == {
        "kind": "partner-status",
        "valid_until": "2027-05-31",
        "companies": ["ACME MEXICO", "Acme México"],
    }
    # A visitor announced under yet another spelling is of the registered company at the door.
    visit = on_site(db, replace(PLAN, escort=False, company="acme  mexico"))
    badges.issue_badge(db, visit.id, CARD, POLICY, key=KEY, by=G, now=NOW)
    person = Roster(path).find(CARD).person
    assert person is not None and [r.kind for r in person.requirements] == ["partner-status"]
    # Under another spelling it is suspended as well: nothing of the old one stays.
    partners.put(db, replace(ACME, name="ACME MÉXICO", status="suspended"), STATUS, by=B, now=NOW)
    assert company_requirements(db) == {}
    person = Roster(path).find(CARD).person
    assert person is not None and person.requirements == ()


@pytest.mark.parametrize(
    ("zone", "now", "cleared"),
    [
        ("America/Tijuana", datetime(2026, 11, 26, 7, 59, tzinfo=UTC), False),
        ("America/Tijuana", datetime(2026, 11, 26, 8, 0, tzinfo=UTC), True),
        ("Asia/Tokyo", datetime(2026, 11, 25, 14, 59, tzinfo=UTC), False),
        ("Asia/Tokyo", datetime(2026, 11, 25, 15, 0, tzinfo=UTC), True),
    ],
)
def test_a_questionnaire_counts_from_its_day_at_the_site(
    db: sqlite3.Connection, zone: str, now: datetime, cleared: bool
) -> None:
    day = date(2026, 11, 26)
    partner = replace(ACME, programme="none", number="", questionnaire=day)
    policy = replace(STATUS, zone=ZoneInfo(zone))
    partners.put(db, partner, policy, by=BOSS, now=now)
    assert bool(company_requirements(db)) is cleared


def test_requirement_and_register_are_one_transaction(db: sqlite3.Connection) -> None:
    db.execute("CREATE TRIGGER no BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END")
    db.commit()
    with pytest.raises(Unwritable):
        partners.put(db, ACME, STATUS, by=BOSS, now=NOW)
    assert company_requirements(db) == {} and partners.every(db) == []


@given(
    asked=st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    months=st.integers(1, 60),
    until=st.dates(date(2000, 1, 1), date(2099, 1, 1)),
)
def test_the_last_good_day_is_the_last_that_clears(asked: date, months: int, until: date) -> None:
    policy = PartnerPolicy(questionnaire_months=months)
    partner = replace(ACME, programme="none", number="", questionnaire=asked, valid_until=until)
    last = partners.last_good_day(partner, policy)
    assert last is not None
    assert clearance(partner, last + timedelta(days=1), policy).verdict == "hold"
    if last >= asked:
        assert clearance(partner, last, policy).verdict == "pass"


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"name": "\u0301"},
        {"kind": "friend"},
        {"programme": "iso"},
        {"number": ""},
        {"status": "?"},
        {"programme": "none"},
        {"name": "a\nb"},
        {"note": "x" * 1000},
    ],
)
def test_a_partner_that_cant_be(db: sqlite3.Connection, change: dict[str, str]) -> None:
    with pytest.raises(DeskError):
        partners.put(db, replace(ACME, **change), PartnerPolicy(), by=B, now=NOW)  # type: ignore[arg-type]
    assert partners.every(db) == [] and events(db) == []


def test_a_day_is_the_sites_day_also_when_clocks_change() -> None:
    begin, end = desk.day_bounds(date(2026, 11, 1), date(2026, 11, 1), ZONE)
    assert (begin, end) == ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z")


# Hostile input, and death in between


@pytest.mark.parametrize(
    "text", ["", "  ", "x" * 121, "x" * 10_000_000, "a\x00", "a\nb", "a\u202eb"]
)
def test_text_that_no_record_takes(db: sqlite3.Connection, text: str) -> None:
    with pytest.raises(DeskError):
        register.expect(db, replace(PLAN, name=text), POLICY, by=G, now=NOW)
    assert records.find(db) == []


@given(st.text(max_size=300))
def test_clean_text_is_clean_or_refused(text: str) -> None:
    try:
        found = clean(text, "f", needed=False)
    except DeskError:
        return
    assert found == clean(found, "f", needed=False) and len(found) <= 200
    assert found.isprintable() or all(c.isprintable() for c in found if not c.isspace())


@given(st.text(max_size=30))
def test_any_time_is_a_time_or_refused(text: str) -> None:
    try:
        assert moment(text, ZONE, NOW).tzinfo is not None
    except DeskError as error:
        assert error.code == "bad_time"


@given(st.text(max_size=20))
def test_no_cell_is_a_formula(text: str) -> None:
    assert not defused(text).startswith(("=", "+", "-", "@", "\t", "\r"))


ACTS: list[Callable[[sqlite3.Connection, int], object]] = [
    lambda db, n: register.expect(db, PLAN, POLICY, by=G, now=NOW),
    lambda db, n: register.contact_host(db, n, by=G, now=NOW),
    lambda db, n: badges.issue_badge(db, n, CARD, POLICY, key=KEY, by=G, now=NOW),
    lambda db, n: register.depart(db, n, by=G, now=NOW),
    lambda db, n: register.extend(db, n, NOW + 3 * HOUR, POLICY, by=G, now=NOW),
    lambda db, n: partners.put(db, ACME, PartnerPolicy(), by=G, now=NOW),
    lambda db, n: regulars.set_regular(db, "A", "", regular=True, by=G, now=NOW),
]


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as db:
        return list(db.iterdump())


@pytest.mark.parametrize("act", range(len(ACTS)))
def test_an_act_whose_event_cant_be_written_is_not_done(
    db: sqlite3.Connection, path: Path, act: int
) -> None:
    visit = on_site(db, replace(PLAN, escort=False))
    db.execute("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END")
    db.commit()
    before = dump(path)
    with pytest.raises(Unwritable, match="full"):
        ACTS[act](db, visit.id)
    assert dump(path) == before


@pytest.mark.slow
def test_a_process_that_dies_in_the_act_leaves_nothing(path: Path) -> None:
    open_admin(path).close()
    before = dump(path)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from tests.gateway.desk.test_visits import *\n"
        "records.put_event = lambda *a: os._exit(9)\n"
        "register.expect(open_admin(Path(sys.argv[1])), PLAN, POLICY, by=G, now=NOW)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == 9 and dump(path) == before


# The file, and the words


def test_a_list_of_the_version_before_keeps_everything(tmp_path: Path, path: Path) -> None:
    database = open_admin(path)
    sync_list(database, tmp_path, f"e1,Ana,{CARD.key},plant")
    for table in (
        "partner",
        "partner_history",
        "visit",
        "visit_badge",
        "regular_visitor",
        "freight",
        "seal",
        "seal_batch",
    ):
        database.execute(f"DROP TABLE {table}")
    database.execute("PRAGMA user_version = 5")
    database.close()
    with pytest.raises(RosterUnavailable, match="schema 5"):
        Roster(path).find(CARD)
    for _ in range(2):
        migrate(path)
        person = Roster(path).find(CARD).person
        assert person is not None and person.id == "e1"
    database = open_admin(path)
    assert on_site(database).id == 1
    database.close()


def test_every_code_of_a_refusal_is_in_the_docs() -> None:
    root = Path(__file__).parents[3]
    docs = "".join(page.read_text() for page in (root / "docs").glob("*.md"))
    found = set(partners.WORDS) | {"freight_held", "freight_refused", "id_of_other_name"}
    for file in (root / "gateway" / "desk").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            name = (
                node.func.id
                if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
                else ""
            )
            if name in ("DeskError", "NotFound", "Held", "Conflict", "Unwritable"):
                code = node.args[0]  # type: ignore[attr-defined]
                if isinstance(code, ast.Constant):
                    found.add(str(code.value))
    assert len(found) > 50
    assert {code for code in found if f"`{code}`" not in docs} == set()


# The commands


async def test_a_shift_at_the_desk(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(site='language = "es"')
    rig.config.write_text(
        rig.config.read_text() + '\n[visits]\naccess_levels = ["plant"]\n', encoding="utf-8"
    )
    done = await rig.acli(
        "visit", "expect", "José Núñez", "--host", "Laura", "--until", "23:59", "--no-escort"
    )
    assert "visita 1: anunciada" in done.stdout
    held = await rig.acli("visit", "arrive", "1", check=False)
    assert held.returncode == 1 and "id_missing; 10.2" in held.stderr
    done = await rig.acli("visit", "arrive", "1", "--id-kind", "ine", "--id-number", stdin="X99\n")
    assert "entró José Núñez" in done.stdout
    await rig.acli("visit", "badge", "1", "em4100:18:777")
    listed = json.loads((await rig.acli("visit", "list", "--badges-out", "--json")).stdout)
    assert [item["id"] for item in listed] == [1] and "id_number" not in listed[0]
    out = await rig.acli("visit", "depart", "1", "--json")
    assert json.loads(out.stdout)["badge_out"] is True
    await rig.acli("visit", "return", "1")
    rows = list(csv.reader(io.StringIO((await rig.acli("visit", "log", "--csv")).stdout)))
    assert rows[0][1] == "Nombre del visitante" and rows[1][1:3] == ["José Núñez", "credencial INE"]
    again = await rig.acli("visit", "depart", "1", check=False)
    assert again.returncode == 1 and "la visita 1 está en estado «terminada»" in again.stderr
    tail = (await rig.acli("log", "tail")).stdout
    assert "llegó José Núñez con Laura" in tail and "X99" not in tail
    await rig.acli(
        "partner", "add", "Acme", "--until", "2027-05-31", "--programme", "ctpat", "--number", "S1"
    )
    await rig.acli("partner", "status", "acme", "suspended", "--reason", "seal case")
    shown = json.loads((await rig.acli("partner", "show", "ACME", "--json")).stdout)
    assert shown["verdict"] == "deny" and len(shown["history"]) == 2
    for bad in (
        ("visit", "show", "9"),
        ("visit", "list", "--state", "x"),
        ("partner", "show", "x"),
    ):
        done = await rig.acli(*bad, check=False)
        assert done.returncode in (1, 2) and "Traceback" not in done.stderr, bad


# Who came before


def test_three_letters_find_regulars_first_and_then_whoever_came_before(
    db: sqlite3.Connection,
) -> None:
    regulars.set_regular(db, "Núria Ponce", "Paquetería Águila", regular=True, by="g", now=NOW)
    regulars.set_regular(db, "Pedro Paz", "Acme México", regular=True, by="g", now=NOW)
    partners.put(db, ACME, PartnerPolicy(), by=BOSS, now=NOW)
    for hours, host in ((0, "Laura Gil"), (1, "Luis Vega")):
        plan = replace(PLAN, company="Acme México", host=host)
        visit = register.walk_in(db, plan, ine(), POLICY, by=GUARD, now=NOW + hours * HOUR)
        register.depart(db, visit.id, by=GUARD, now=NOW + hours * HOUR)
    register.expect(db, replace(PLAN, name="Nuño Nunca"), POLICY, by=GUARD, now=NOW)
    found = regulars.known(db, "nuñ")
    assert [(item.name, item.regular) for item in found] == [("José Núñez", False)]
    assert found[0].host == "Luis Vega"  # whom they visited last; whoever never came is not known
    assert [item.name for item in regulars.known(db, "NUR")] == ["Núria Ponce"]
    assert [item.name for item in regulars.known(db, "acme")] == ["Pedro Paz", "José Núñez"]
    assert [item.name for item in regulars.known(db, "jo nu acm")] == ["José Núñez"]
    assert regulars.known(db, "aguila") and not regulars.known(db, "guila")


@pytest.mark.parametrize(
    "typed", ["", "  ", "nu", "n u", "'; DROP TABLE visit; --", "%%%", "x" * 999]
)
def test_less_than_three_letters_and_nonsense_find_nobody(
    db: sqlite3.Connection, typed: str
) -> None:
    on_site(db)
    assert regulars.known(db, typed) == []


def test_a_regular_who_came_keeps_the_name_of_the_register(db: sqlite3.Connection) -> None:
    regulars.set_regular(db, "José Núñez", "", regular=True, by="g", now=NOW)
    on_site(db, replace(PLAN, name="JOSE NUÑEZ"))
    (found,) = regulars.known(db, "nunez")
    assert found == regulars.Known("José Núñez", "", "Laura Gil", "2026-11-25T16:00:00Z", True)
