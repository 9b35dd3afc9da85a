"""Operators by the real acts, and sign-ins as the console records them."""

from __future__ import annotations

from pathlib import Path

from gateway.config.operators import OperatorTable
from gateway.evidence.topics.accounts import Accounts
from gateway.ledger.operator import Operator
from gateway.people import keptoperators
from gateway.people.operators import Operators
from tests.gateway.evidence.topics.written import DAY, HOUR, LAST, MINUTE, NOON, Written

ADA = Operator("ada", person="e1", name="Ada Paz")


def operators(log: Written) -> Operators:
    for key in ("e1", "e2", "e3"):
        log.people.execute(
            "INSERT INTO person (id, name, company, role, status, access_levels) "
            "VALUES (?, ?, '', '', 'active', '[]')",
            (key, f"Person {key}"),
        )
    log.people.commit()
    table = OperatorTable(account="adams", person="e1", roles=["administrator"])
    return Operators({"ada": table}, Path(log.folder / "people.db"))


def add(log: Written, held: Operators, name: str, person: str, *roles: str) -> None:
    keptoperators.add(log.people, held, name, person, roles=roles, by=ADA, today=LAST)


def sign_in(log: Written, name: str, how: str, n: int = 0) -> None:
    log.put("console.signed_in", NOON + n * MINUTE, name, by=name, how=how, address="10.0.0.9",
            device="Firefox")  # fmt: skip


def refuse(log: Written, name: str, n: int) -> None:
    facts = {"name": name, "why": "wrong", "by": "", "address": "10.0.0.9"}
    log.put("console.sign_in_refused", NOON + n * MINUTE, name, **facts)


def test_operators_are_as_they_were_when_the_days_ended(log: Written) -> None:
    held = operators(log)
    add(log, held, "eva", "e2", "guard")
    add(log, held, "rosa", "e3", "hr")
    log.move(NOON - 20 * DAY)
    keptoperators.change(
        log.people, held, "eva", roles=["guard", "supervisor"], areas=[], by=ADA, today=LAST
    )
    log.move(NOON)
    keptoperators.end(log.people, held, "rosa", by=ADA, today=LAST)
    log.move(NOON + HOUR)
    sign_in(log, "eva", "password+code")
    seen = log.seen(Accounts)
    eva, rosa = seen.rows("operators")
    assert (eva["name"], eva["roles"], eva["by"]) == ("eva", ["guard", "supervisor"], "Ada Paz")
    assert (eva["signed_in"], eva["ended_at"]) == (1, "") and rosa["ended_at"]
    assert (seen.figure("operators"), seen.figure("operators_used")) == (1, 1)
    assert seen.figure("operator_changes") == 2
    changes = [(row["what"], row["name"]) for row in seen.rows("operator_changes")]
    assert changes == [("operator.changed", "eva"), ("operator.ended", "rosa")]
    assert seen.rules() == []


def test_a_password_alone_is_told_for_each_account(log: Written) -> None:
    for n, how in enumerate(("password", "password", "password+passkey", "badge", "code")):
        sign_in(log, "eva", how, n)
    seen = log.seen(Accounts)
    (one,) = seen.rule("sign_in_one_factor")
    assert len(one.records) == 2 and "eva" in one.words.say("es")
    assert (seen.figure("sign_ins"), seen.figure("sign_ins_strong")) == (5, 3)


def test_many_refusals_of_one_name_on_one_day(log: Written) -> None:
    for n in range(10):
        refuse(log, "eva", n)
        if n:
            refuse(log, "rosa", n)
    seen = log.seen(Accounts)
    (one,) = seen.rule("sign_ins_refused")
    assert "eva" in one.words.say("en") and "2026-10-14" in one.words.say("en")
    assert seen.figure("sign_in_refusals") == 19
    assert [row["how"] for row in seen.rows("sign_ins")] == ["wrong"] * 19
    words = {column.key: column.words for column in seen.found.tables[2].columns}
    assert words["how"]("wrong") == "name or password is wrong"


def test_a_second_persons_pin_that_was_locked(log: Written) -> None:
    facts = {"person": "e2", "name": "Eva", "act": "visit", "by": "ada"}
    log.put("operator.pin_accepted", NOON, "e2", **facts, pin="")
    log.put("operator.pin_refused", NOON, "e2", **facts, pin="wrong")
    log.put("operator.pin_refused", NOON, "e2", **facts, pin="locked")
    seen = log.seen(Accounts)
    assert len(seen.rule("operator_pin_locked")) == 1
    assert (seen.figure("second_pins"), seen.figure("second_pins_refused")) == (1, 2)


def test_the_same_by_sql(log: Written) -> None:
    for n in range(24):
        sign_in(log, f"op{n % 5}", ("password", "password+code", "oidc")[n % 3], n)
        refuse(log, f"op{n % 2}", n)
        if n % 4 == 0:
            log.put("console.signed_out", NOON + n * MINUTE, f"op{n % 5}", address="10.0.0.9")
    seen = log.seen(Accounts)
    count = "SELECT count(*) FROM events WHERE json_extract(body, '$.type') = ?"
    assert seen.figure("sign_ins") == log.one(count, "console.signed_in") == 24
    assert seen.figure("sign_in_refusals") == log.one(count, "console.sign_in_refused")
    strong = count + " AND json_extract(body, '$.data.how') <> 'password'"
    assert seen.figure("sign_ins_strong") == log.one(strong, "console.signed_in") == 16
    alone = (
        "SELECT json_extract(body, '$.subject'), count(*) FROM events "
        "WHERE json_extract(body, '$.type') = 'console.signed_in' "
        "AND json_extract(body, '$.data.how') = 'password' GROUP BY 1"
    )
    told = [one.words.facts for one in seen.rule("sign_in_one_factor")]
    assert sorted((facts["name"], facts["count"]) for facts in told) == sorted(log.sql(alone))
    assert len(seen.rows("sign_ins")) == 24 + 24 + 6
