"""Requirements: set by real acts, warned of by the real job, lapsed, renewed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.daemon import jobs
from gateway.decide.model import Reason
from gateway.decide.policy import RequirementKind
from gateway.evidence.topics.requirements import Requirements
from gateway.people import requirements
from gateway.people.requirements import Row
from tests.gateway.evidence.topics.doors import ANA, LUIS, pass_door
from tests.gateway.evidence.topics.written import DAY, NOON, ZONE, Written

KINDS = {
    name: RequirementKind(name, of, warn_days=7)  # type: ignore[arg-type]
    for name, of in (("check", "person"), ("partner", "company"))
}


@pytest.fixture
def staffed(log: Written) -> Written:
    for person in (ANA, LUIS):
        log.people.execute(
            "INSERT INTO person (id, name, company, role, status, access_levels) "
            "VALUES (?, ?, ?, '', 'active', '[]')",
            (person.id, person.name, person.company),
        )
    log.people.commit()
    return log


def have(log: Written, who: str, until: date, at: datetime, kind: str = "check") -> None:
    row = Row(KINDS[kind].of, who, kind, until, "A-17")  # type: ignore[arg-type]
    assert requirements.set_requirement(log.people, row, by="rosa")
    log.move(at)


def warn(log: Written, first: datetime, days: int) -> None:
    """What the daily job records on so many days."""
    site: Any = SimpleNamespace(
        site=SimpleNamespace(requirements=KINDS), people_path=log.folder / "people.db"
    )
    for n in range(days):
        at = first + n * DAY
        log.all(
            type(event)(event.type, event.subject, event.data, time=at, id=event.id)
            for event in jobs.expiring(site, at.astimezone(ZONE).date())
        )


LAST = date(2026, 10, 14)


def test_what_lapsed_is_open_and_who_passed_after_it_is_told(staffed: Written) -> None:
    have(staffed, "e1", LAST, NOON - 20 * DAY)
    warn(staffed, NOON - 10 * DAY, 14)
    pass_door(staffed, ANA, NOON + timedelta(hours=11))  # the last good day
    pass_door(staffed, ANA, NOON + 2 * DAY)
    pass_door(staffed, LUIS, NOON + 2 * DAY)
    seen = staffed.seen(Requirements)
    (lapsed,) = seen.rule("requirement_lapsed")
    assert lapsed.open and "check" in lapsed.words.say("en") and "e1" in lapsed.words.say("en")
    (passed,) = seen.rule("passed_while_lapsed")
    assert len(passed.records) == 2 and seen.figure("requirements_lapsed") == 1
    (row,) = seen.rows("requirements_due")
    assert (row["state"], row["warnings"], row["passed"]) == ("lapsed", 8, 1)
    assert seen.figure("requirement_warnings") == staffed.one(
        "SELECT count(*) FROM events WHERE json_extract(body, '$.type') = 'requirement.expiring'"
    )


def test_what_is_renewed_in_time_is_no_exception(staffed: Written) -> None:
    have(staffed, "e1", LAST, NOON - 20 * DAY)
    warn(staffed, NOON - 10 * DAY, 8)
    have(staffed, "e1", date(2027, 10, 14), NOON - 2 * DAY)
    pass_door(staffed, ANA, NOON + 2 * DAY)
    seen = staffed.seen(Requirements)
    assert seen.rules() == []
    (row,) = seen.rows("requirements_due")
    assert (row["state"], row["renewed_by"]) == ("renewed", "rosa")
    assert row["renewed_until"] == "2027-10-14"
    assert seen.figure("requirements_set") == 1  # the first one was in September


def test_what_is_renewed_late_was_lapsed_and_is_not_open(staffed: Written) -> None:
    have(staffed, "e1", LAST, NOON - 20 * DAY)
    warn(staffed, NOON - 10 * DAY, 14)
    pass_door(staffed, ANA, NOON + DAY)
    have(staffed, "e1", date(2027, 10, 14), NOON + 2 * DAY)
    pass_door(staffed, ANA, NOON + 3 * DAY)
    seen = staffed.seen(Requirements)
    (lapsed,) = seen.rule("requirement_lapsed")
    assert not lapsed.open and lapsed.handled_by == "rosa"
    assert len(seen.rule("passed_while_lapsed")[0].records) == 2


def test_a_list_that_renews_ends_the_warnings_and_nothing_lapsed(staffed: Written) -> None:
    have(staffed, "e1", LAST, NOON - 20 * DAY)
    warn(staffed, NOON - 10 * DAY, 5)
    with staffed.people as db:
        db.execute("UPDATE requirement SET valid_until = '2027-10-14'")
    warn(staffed, NOON - 5 * DAY, 10)
    pass_door(staffed, ANA, NOON + 3 * DAY)
    seen = staffed.seen(Requirements)
    assert seen.rules() == [] and seen.rows("requirements_due")[0]["state"] == "answered"


def test_a_company_counts_for_those_who_come_for_it_in_any_spelling(staffed: Written) -> None:
    have(staffed, "ACME", LAST, NOON - 20 * DAY, "partner")
    warn(staffed, NOON - 10 * DAY, 14)
    pass_door(staffed, ANA, NOON + 2 * DAY)
    seen = staffed.seen(Requirements)
    assert len(seen.rule("passed_while_lapsed")) == 1
    assert seen.rows("requirements_due")[0]["of"] == "company"


def test_refusals_and_removals(staffed: Written) -> None:
    have(staffed, "e1", LAST, NOON)
    assert requirements.remove(staffed.people, "person", "e1", "check", by="rosa")
    staffed.move(NOON)
    pass_door(staffed, ANA, NOON, Reason.DENIED_REQUIREMENT_MISSING)
    pass_door(staffed, ANA, NOON, Reason.DENIED_REQUIREMENT_LAPSED)
    pass_door(staffed, ANA, NOON, Reason.DENIED_EXPIRED)
    seen = staffed.seen(Requirements)
    (removed,) = seen.rule("requirement_removed")
    assert removed.handled_by == "rosa"
    assert (seen.figure("refused_missing"), seen.figure("refused_lapsed")) == (1, 1)
    assert [row["what"] for row in seen.rows("requirement_acts")] == [
        "requirement.set",
        "requirement.removed",
    ]


def test_what_will_lapse_later_is_due(staffed: Written) -> None:
    have(staffed, "e1", date(2026, 11, 2), NOON)
    warn(staffed, NOON + 14 * DAY, 2)
    seen = staffed.seen(Requirements)
    assert seen.rules() == [] and seen.rows("requirements_due")[0]["state"] == "due"
