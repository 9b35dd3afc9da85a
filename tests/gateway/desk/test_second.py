"""The second person of a rule is another account and another person, and nobody can type one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo.rig import Rig
from gateway.config.desk import FreightPolicyTable
from gateway.config.operators import OperatorTable
from gateway.desk.errors import DeskError
from gateway.desk.freight import arrivals, checklists, departures, inspections, store
from gateway.desk.freight.act import Act
from gateway.desk.freight.findings import FreightPolicy, required
from gateway.desk.freight.inspections import Answers
from gateway.desk.freight.transaction import PointAnswer, Transaction, Unit
from gateway.desk.identity import Shown
from gateway.desk.second import Second, choose, looked
from gateway.desk.visits import register
from gateway.desk.visits.visit import Plan, Release, VisitPolicy
from gateway.ledger import LedgerReader
from gateway.people.operators import Operators
from gateway.people.schema import open_admin

ZONE = ZoneInfo("America/Tijuana")
NOW = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
MIN = timedelta(minutes=1)
TODAY = date(2026, 11, 25)
LISTS = checklists.load()
POLICY = FreightPolicy(ZONE, LISTS, FreightPolicyTable().model_dump())
GUARD, SUPERVISOR = ["guard"], ["guard", "supervisor"]
TABLE = {
    "rosa": OperatorTable(account="rosa", person="e3", roles=GUARD),
    "laura": OperatorTable(account="lgil", person="e9", roles=SUPERVISOR),
    "hugo": OperatorTable(person="e7", roles=SUPERVISOR),
    "gone": OperatorTable(account="gone", person="e8", roles=SUPERVISOR),
    "nobody": OperatorTable(account="nobody", person="e0", roles=SUPERVISOR),
}
PEOPLE = [
    ("e3", "Rosa Díaz", "active", None),
    ("e9", "Laura Gil", "active", "2026-12-31"),
    ("e7", "Hugo Paz", "active", None),
    ("e8", "Ida Sol", "active", "2026-11-24"),
]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = open_admin(tmp_path / "people.db")
    for key, name, status, until in PEOPLE:
        database.execute(
            "INSERT INTO person VALUES (?, ?, '', '', NULL, ?, ?, '[]')", (key, name, until, status)
        )
    database.commit()
    yield database
    database.close()


@pytest.fixture
def site(tmp_path: Path) -> Operators:
    return Operators(TABLE, tmp_path / "people.db")


def refused(code: str) -> pytest.RaisesExc[DeskError]:
    return pytest.RaisesExc(DeskError, check=lambda error: error.code == code)


# Who may be meant


def test_an_operator_is_account_and_person(db: sqlite3.Connection, site: Operators) -> None:
    rosa = site.of("rosa")
    assert (rosa, rosa.person, rosa.name, rosa.roles) == ("rosa", "e3", "Rosa Díaz", {"guard"})
    assert site.of("root").person == "" and site.of("") == ""
    for text in ("laura", "e9", "Laura Gil"):
        found = site.find(text)
        assert found is not None and (found, found.person) == ("lgil", "e9")
    assert site.find("Laura") is None and site.find("lgil") is None
    db.execute("UPDATE person SET name = 'Laura Gil' WHERE id = 'e7'")
    db.commit()
    assert site.find("Laura Gil") is None  # two of that name: say which


def test_a_typed_name_is_nobody_unless_it_is_an_operator(
    db: sqlite3.Connection, site: Operators
) -> None:
    rosa = site.of("rosa")
    for named in ("Pepe", "Rosa Díaz", "Ida Sol", "nobody", ""):
        with refused("not_a_supervisor"):
            choose(named, rosa, site, TODAY)
    db.execute("INSERT INTO revocation VALUES ('e7', '2026-11-25T00:00:00Z', 'x', 'x')")
    db.commit()
    with refused("not_a_supervisor"):
        choose("hugo", rosa, site, TODAY)
    chosen = choose("Laura Gil", rosa, site, TODAY)
    assert chosen == Second("lgil", "e9", "Laura Gil", "pin")
    laura = site.of("lgil")
    for named in ("", "laura", "Laura Gil"):
        assert choose(named, laura, site, TODAY) == Second("lgil", "e9", "Laura Gil")
    with refused("no_operator"):
        looked("Pepe", rosa, site)
    assert looked("", rosa, site) == ("Rosa Díaz", "e3")


def test_without_operators_only_the_account_is_a_second_person(tmp_path: Path) -> None:
    none = Operators({}, tmp_path / "people.db")
    assert choose("Laura Gil", none.of("rosa"), none, TODAY) == Second("rosa", "", "Laura Gil")
    assert choose("", none.of("lgil"), none, TODAY).name == "lgil"
    with refused("not_a_supervisor"):
        choose("Pepe", none.of("lgil"), none, TODAY, ["Laura Gil"])


# Trucks


def act(site: Operators, db: sqlite3.Connection, account: str, minutes: int = 0) -> Act:
    return Act(db, POLICY, site.of(account), NOW + minutes * MIN)


def truck(site: Operators, db: sqlite3.Connection, account: str = "rosa") -> Transaction:
    came = arrivals.Came(
        "Pedro Paz", "Norte", "AB1", units=(Unit("trailer", "5301"),), shown=Shown("ine")
    )
    return arrivals.arrive(act(site, db, account), None, came)


def inspect(site: Operators, db: sqlite3.Connection, tx: Transaction, account: str) -> Transaction:
    for name, unit in required(store.load(db, tx.id), POLICY):
        points = [PointAnswer(point.id, "ok") for point in LISTS.lists[name].points]
        told = Answers(checklist=name, points=points, inspector="Rosa Díaz", unit=unit, person="e3")
        tx = inspections.inspect(act(site, db, account, 1), tx.id, told)
    return tx


def test_whoever_recorded_the_arrival_does_not_release_it(
    db: sqlite3.Connection, site: Operators
) -> None:
    tx = truck(site, db, "lgil")
    laura, hugo = Second("lgil", "e9", "Laura Gil"), Second("", "e7", "Hugo Paz", "pin")
    with refused("same_person"):
        departures.release(act(site, db, "lgil"), tx.id, supervisor=laura, reason="ok")
    # Nor with a PIN at somebody else's terminal, nor under another account of theirs.
    for same in (Second("lgil", "e9", "Laura Gil", "pin"), Second("lgil2", "e9", "L. Gil")):
        with refused("same_person"):
            departures.release(act(site, db, "rosa"), tx.id, supervisor=same, reason="ok")
    tx = departures.release(act(site, db, "rosa"), tx.id, supervisor=hugo, reason="called")
    assert tx.releases[0].second == hugo and tx.releases[0].operator == "rosa"
    kind, data = db.execute("SELECT type, data FROM outbox ORDER BY rowid DESC").fetchone()
    assert kind == "freight.released"
    data = json.loads(data)
    assert (data["by"], data["by_person"], data["by_name"]) == ("rosa", "e3", "Rosa Díaz")
    assert data["second"] == {
        "account": "", "person": "e7", "name": "Hugo Paz", "proof": "pin", "confirmed": "",
    }  # fmt: skip


def test_the_inspector_does_not_sign_from_another_account(
    db: sqlite3.Connection, site: Operators
) -> None:
    tx = inspect(site, db, truck(site, db), "booth")  # typed by a colleague
    for who in (
        Second("x", "e3", "R. Díaz"),
        Second("booth", "", "B"),
        Second("x", "", "rosa diaz"),
    ):
        with refused("same_person"):
            inspections.sign(act(site, db, "x", 2), tx.id, supervisor=who)
    laura = Second("lgil", "e9", "Laura Gil")
    tx = inspections.sign(act(site, db, "lgil", 2), tx.id, supervisor=laura)
    assert {item.signed_by for item in tx.inspections} == {laura}
    # To sign is not to take part: she may release what is held at the departure.
    assert "lgil" not in tx.accounts and "rosa" in tx.accounts
    departures.release(act(site, db, "lgil", 3), tx.id, supervisor=laura, reason="called")


def test_a_truck_of_before_the_operators_is_read_and_goes_on(
    db: sqlite3.Connection, site: Operators
) -> None:
    tx = inspect(site, db, truck(site, db), "rosa")
    (text,) = db.execute("SELECT doc FROM freight").fetchone()
    old = json.loads(text)
    del old["who"]
    for item in old["inspections"]:
        del item["signed_by"]
        for answer in item["answers"]:
            for name in ("at", "inspector", "person", "by", "command"):
                del answer[name]
    db.execute("UPDATE freight SET doc = ?", (json.dumps(old),))
    db.commit()
    tx = store.load(db, tx.id)
    assert tx.accounts == {"rosa"} and tx.inspections[0].took is None
    with refused("same_person"):
        inspections.sign(act(site, db, "rosa", 2), tx.id, supervisor=Second("rosa", "e3", "R"))
    laura = Second("lgil", "e9", "Laura Gil")
    assert inspections.sign(act(site, db, "lgil", 2), tx.id, supervisor=laura).inspections


# Visitors


def test_a_visitor_is_let_in_by_another_account_or_a_pin(
    db: sqlite3.Connection, site: Operators
) -> None:
    policy = VisitPolicy(ZONE, {"ine": ("INE", "INE")})
    plan = Plan("José Núñez", "Luis Vega", NOW, NOW + 60 * MIN, company="Acme")
    rosa, laura = site.of("rosa"), site.of("lgil")
    word = Release(Second("lgil", "e9", "Laura Gil"), "known to me")
    first = register.expect(db, plan, policy, by=laura, now=NOW)
    with refused("same_person"):  # nobody else has received the visitor
        register.arrive(db, first.id, Shown("ine"), policy, by=laura, now=NOW, release=word)
    second = register.expect(db, plan, policy, by=laura, now=NOW)
    with refused("partner_unknown"):
        register.arrive(db, second.id, Shown("ine"), policy, by=rosa, now=NOW)
    done = register.arrive(db, second.id, Shown("ine"), policy, by=laura, now=NOW, release=word)
    assert (done.held_by, done.held_person) == ("rosa", "e3")
    assert (done.released_by, done.released_account) == ("Laura Gil", "lgil")
    typed = Release(Second("lgil", "e9", "Laura Gil", "pin"), "known to me")
    third = register.walk_in(db, plan, Shown("ine"), policy, by=rosa, now=NOW, release=typed)
    assert (third.arrived_by, third.arrived_person, third.released_person) == ("rosa", "e3", "e9")
    with refused("same_person"):
        register.walk_in(db, plan, Shown("ine"), policy, by=laura, now=NOW, release=typed)


# At a terminal

SITE = """
[freight]
spot_check_percent = 0.0

[operators.rosa]
account = "rosa"
person = "e3"
roles = ["guard"]

[operators.laura]
person = "e9"
roles = ["supervisor"]

[pin]
attempts = 3
"""
ARRIVE = (
    "freight", "arrive", "--driver", "Pedro", "--carrier", "Norte", "--tractor", "AB1",
    "--id-kind", "ine",
)  # fmt: skip
RELEASE = ("freight", "release", "1", "--by", "Laura Gil", "--reason", "called")


async def at_the_gate(make_rig: Callable[..., Rig], from_account: Callable[[str], None]) -> Rig:
    rig = make_rig(policy=SITE)
    people = [{"id": "e3", "name": "Rosa Díaz"}, {"id": "e9", "name": "Laura Gil"}]
    await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
    await rig.acli("people", "pin", "e9", stdin="4715\n")
    from_account("rosa")
    await rig.acli(*ARRIVE)
    return rig


def records(rig: Rig, prefix: str) -> list[tuple[str, str]]:
    ledger = LedgerReader(rig.ledger_path)
    found = [(e.type, e.data.get("pin", "")) for e in ledger.after(0, 1000)]
    ledger.close()
    return [item for item in found if item[0].startswith(prefix)]


async def tries(rig: Rig) -> None:
    """A wrong PIN, the right one, then too many wrong ones."""
    done = await rig.acli(*RELEASE, stdin="1111\n", check=False)
    assert done.returncode == 1 and "wrong_pin" in done.stderr and "1111" not in done.stderr
    done = await rig.acli("freight", "release", "1", "--by", "e3", "--reason", "x", check=False)
    assert "not_a_supervisor" in done.stderr and "there are: Laura Gil" in done.stderr
    done = await rig.acli(*RELEASE, stdin="4715\n")
    assert "released: nobody announced this truck" in done.stdout
    page = (await rig.acli("freight", "show", "1")).stdout
    assert "Laura Gil, by PIN: called" in page and "Rosa Díaz (account rosa)" in page
    for _ in range(3):
        await rig.acli(*RELEASE, stdin="2222\n", check=False)
    done = await rig.acli(*RELEASE, stdin="4715\n", check=False)
    assert done.returncode == 1 and "pin_locked" in done.stderr
    wrong = ("operator.pin_refused", "wrong")
    accepted = ("operator.pin_accepted", "")
    locked = ("operator.pin_refused", "locked")
    found = records(rig, "operator.")
    # Without the gateway the wrong one before the right one counts too.
    assert found[:4] == [wrong, accepted, wrong, wrong] and found[-1] == locked and len(found) == 6


async def test_a_supervisor_releases_at_the_guards_terminal_by_their_pin(
    make_rig: Callable[..., Rig], from_account: Callable[[str], None]
) -> None:
    rig = await at_the_gate(make_rig, from_account)
    await rig.start()
    (rig.folder / "site.key").rename(rig.folder / "away.key")  # guards may not read it
    await tries(rig)
    ledger = LedgerReader(rig.ledger_path)
    accepted = next(e for e in ledger.after(0, 1000) if e.type == "operator.pin_accepted")
    given = next(e for e in ledger.after(0, 1000) if e.type == "freight.released")
    ledger.close()
    assert given.data["second"]["confirmed"] == accepted.id
    assert accepted.data["act"] == "freight.released 1"


async def test_wrong_pins_count_over_a_restart_and_without_the_gateway(
    make_rig: Callable[..., Rig], from_account: Callable[[str], None]
) -> None:
    rig = await at_the_gate(make_rig, from_account)
    await tries(rig)  # the gateway is stopped; whoever types may read the key
    await rig.start()
    done = await rig.acli(*RELEASE, stdin="4715\n", check=False)
    assert done.returncode == 1 and "pin_locked" in done.stderr


async def test_without_gateway_and_key_no_pin_is_verified(
    make_rig: Callable[..., Rig], from_account: Callable[[str], None]
) -> None:
    rig = await at_the_gate(make_rig, from_account)
    (rig.folder / "site.key").rename(rig.folder / "away.key")
    done = await rig.acli(*RELEASE, stdin="4715\n", check=False)
    assert done.returncode == 5 and "it is not running" in done.stderr
    assert "Traceback" not in done.stderr and records(rig, "freight.released") == []
