"""Decisions at doors: tables, counts by door and reason, and the same by SQL."""

from __future__ import annotations

import random

import pytest

from gateway.decide.model import Reason
from gateway.evidence.topics.access import Access
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.evidence.topics.doors import ANA, LUIS, decided, pass_door
from tests.gateway.evidence.topics.written import DAY, HOUR, MINUTE, NOON, Seen, Written


def test_a_grant_and_a_refusal_are_rows_with_their_record(log: Written) -> None:
    pass_door(log, ANA, NOON)
    pass_door(log, LUIS, NOON, Reason.DENIED_EXPIRED, way="out")
    pass_door(log, ANA, NOON - 30 * DAY)  # in September: not of these days
    seen = log.seen(Access)
    first, second = seen.tables["access_log"]
    assert first.cells["name"] == "Ana Ruiz" and first.cells["company"] == "Acme"
    assert (first.cells["result"], first.cells["badge"]) == ("granted", "em4100:…01")
    assert (second.cells["reason"], second.cells["way"]) == ("denied_expired", "out")
    (denied,) = seen.tables["access_denied"]
    assert denied.records == second.records != first.records
    kind = "SELECT json_extract(body, '$.type') FROM events WHERE seq = ?"
    assert log.one(kind, denied.records[0]) == "access.denied"
    assert seen.rules() == []


def test_who_was_let_in_while_something_did_not_work_is_an_exception(log: Written) -> None:
    for n in range(30):
        pass_door(log, ANA, NOON + n * MINUTE, fallback={"face": "badge"})
    pass_door(log, LUIS, NOON, fallback={"{face}": "{0}"})
    seen = log.seen(Access)
    one, odd = seen.rule("access_on_fallback")
    assert len(one.records) == 20 and "30" in one.words.say("en")
    assert one.handled is not None and one.handled.say("en").endswith("badge")
    assert "(face)" in odd.words.say("es")


def test_refusals_for_which_the_gate_was_the_reason_are_told_by_door(log: Written) -> None:
    for door in ("main-gate", "main-gate", "shipping"):
        pass_door(log, ANA, NOON, Reason.DENIED_CAMERA_FAULT, door=door)
    pass_door(log, ANA, NOON, Reason.DENIED_WRONG_PIN)
    seen = log.seen(Access)
    assert [len(one.records) for one in seen.rule("access_denied_by_fault")] == [2, 1]
    assert (seen.figure("access_faults"), seen.figure("access_denied")) == (3, 4)


def test_a_door_opened_from_afar_names_who_and_why(log: Written) -> None:
    facts = {"by": "root", "by_name": "Eva Sol", "reason": "ambulance", "through": "console"}
    log.put("door.remote_opened", NOON, "shipping", **facts)
    (one,) = log.seen(Access).rule("door_opened_from_afar")
    assert one.handled_by == "Eva Sol" and one.handled is not None
    assert "ambulance" in one.handled.say("en")


def test_the_same_counts_by_sql(log: Written) -> None:
    chance = random.Random(14)
    site, reasons = log.settings.site, [Reason.GRANTED] * 3 + list(Reason)
    events = []
    for n in range(600):
        reason = chance.choice(reasons)
        if not reason.name.startswith(("GRANTED", "DENIED")):
            continue
        person = None if reason is Reason.DENIED_UNKNOWN_CREDENTIAL else chance.choice((ANA, LUIS))
        at = NOON + chance.uniform(-20, 30) * DAY
        door = chance.choice(("main-gate", "shipping"))
        events.append(decided(site, person, at, reason, door=door, confirmed=n % 5 == 0))
        if reason is Reason.GRANTED:
            kind = chance.choice((EventType.DOOR_ENTERED, EventType.DOOR_NO_ENTRY))
            events.append(NewEvent(kind, door, {"grant": n}, time=at))
    log.all(events)
    seen = log.seen(Access)
    inside = "json_extract(body, '$.time') BETWEEN '2026-10-01T07' AND '2026-11-01T07'"

    def count(kind: str, more: str = "1") -> int:
        return int(
            log.one(
                f"SELECT count(*) FROM events WHERE json_extract(body, '$.type') = '{kind}' "
                f"AND {inside} AND {more}"
            )
        )

    granted, denied = count("access.granted"), count("access.denied")
    assert 0 < granted < 600 and len(seen.rows("access_log")) == granted + denied
    assert (seen.figure("access_granted"), seen.figure("access_denied")) == (granted, denied)
    assert seen.figure("access_decided") == granted + denied
    assert seen.figure("access_entered") == count("door.entered")
    assert seen.figure("access_nobody") == count("door.no_entry")
    confirmed = count("access.granted", "json_extract(body, '$.data.confirmation') = 'confirmed'")
    assert seen.figure("access_by_guard") == confirmed > 0
    by_reason = log.sql(
        "SELECT json_extract(body, '$.data.reason') AS why, count(*) AS n FROM events WHERE "
        f"json_extract(body, '$.type') = 'access.denied' AND {inside} GROUP BY why "
        "ORDER BY n DESC, why"
    )
    rows = seen.rows("access_denied_by_reason")
    assert [(row["reason"], row["count"]) for row in rows] == by_reason
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    _doors_agree(log, seen, inside)


def _doors_agree(log: Written, seen: Seen, inside: str) -> None:
    by_door = log.sql(
        "SELECT json_extract(body, '$.subject'), "
        + ", ".join(
            f"sum(json_extract(body, '$.type') = '{kind}')"
            for kind in ("access.granted", "access.denied", "door.entered", "door.no_entry")
        )
        + f" FROM events WHERE json_extract(body, '$.subject') IN ('main-gate', 'shipping') "
        f"AND {inside} GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row.values()) for row in seen.rows("access_by_door")] == by_door


def test_a_clock_of_another_day_decides_by_the_records_own_time(log: Written) -> None:
    pass_door(log, ANA, NOON.replace(hour=23, minute=59, day=31))
    pass_door(log, ANA, NOON.replace(hour=23, minute=59, day=31) + MINUTE)
    pass_door(log, ANA, NOON.replace(hour=0, day=1) - HOUR)
    assert log.seen(Access).figure("access_granted") == 1
