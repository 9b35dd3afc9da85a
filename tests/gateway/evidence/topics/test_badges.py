"""Badges: seen, lost, found, given to visitors."""

from __future__ import annotations

from gateway.decide.model import Credential, Reason
from gateway.evidence.topics.badges import Badges
from gateway.people import lostbadges
from tests.gateway.evidence.topics.doors import ANA, LUIS, card, decided, pass_door
from tests.gateway.evidence.topics.written import DAY, HOUR, MINUTE, NOON, Written

BADGE = card(ANA)


def own(log: Written) -> None:
    log.people.execute(
        "INSERT INTO person (id, name, company, role, status, access_levels) "
        "VALUES ('e1', 'Ana Ruiz', '', '', 'active', '[]')"
    )
    log.people.execute("INSERT INTO credential VALUES (?, 'e1')", (BADGE.key,))
    log.people.commit()


def lose(log: Written, at: object) -> None:
    assert lostbadges.lose(log.people, "e1", 1, BADGE.masked, why="bus", by="eva")
    log.move(at)  # type: ignore[arg-type]


def test_a_lost_badge_that_is_shown_is_refused_and_told(log: Written) -> None:
    own(log)
    pass_door(log, ANA, NOON)
    lose(log, NOON + HOUR)
    seen = log.seen(Badges)
    assert seen.rules() == [] and seen.figure("badges_still_lost") == 1
    late = NOON + 2 * HOUR
    pass_door(log, None, late, Reason.DENIED_UNKNOWN_CREDENTIAL, badge=BADGE)
    seen = log.seen(Badges)
    (one,) = seen.rule("lost_badge_shown")
    assert one.handled is not None and "Ana Ruiz" in one.words.say("en")
    (row,) = seen.rows("badges_lost")
    assert (row["shown"], row["passed"], row["by"], row["reason"]) == (1, 0, "eva", "bus")
    lostbadges.find(log.people, "e1", 1, BADGE.masked, why="in a coat", by="rosa")
    log.move(NOON + 3 * HOUR)
    pass_door(log, ANA, NOON + 4 * HOUR)
    seen = log.seen(Badges)
    assert seen.rules() == ["lost_badge_shown"] and seen.figure("badges_still_lost") == 0
    assert seen.rows("badges_lost")[0]["found_by"] == "rosa"


def test_a_lost_badge_that_opens_a_door_is_open(log: Written) -> None:
    own(log)
    pass_door(log, ANA, NOON - DAY)
    lose(log, NOON)
    pass_door(log, ANA, NOON + HOUR)
    new = Credential("em4100", "18", "90001")  # another one of theirs, with the same last digits
    assert new.masked == BADGE.masked
    pass_door(log, ANA, NOON + HOUR, badge=new)
    (one,) = log.seen(Badges).rule("lost_badge_passed")
    assert one.open and len(one.records) == 2 and "1 times" in one.words.say("en")
    (row,) = log.seen(Badges).rows("badges_lost")
    assert (row["name"], row["passed"]) == ("Ana Ruiz", 1)


def test_the_inventory_says_who_had_a_badge_and_when_by_sql_too(log: Written) -> None:
    events = [
        decided(log.settings.site, who, NOON + n * MINUTE, Reason.GRANTED if n % 3 else
                Reason.DENIED_OUT_OF_SCHEDULE, badge=card(who, str(40 + n % 5)))
        for n, who in enumerate([ANA, LUIS] * 20)
    ]  # fmt: skip
    log.all(events)
    pass_door(log, None, NOON, Reason.DENIED_UNKNOWN_CREDENTIAL)
    seen = log.seen(Badges)
    mark = "json_extract(body, '$.data.credential.fingerprint')"
    held = log.sql(
        f"SELECT {mark}, min(json_extract(body, '$.time')), max(json_extract(body, '$.time')), "
        "sum(json_extract(body, '$.type') = 'access.granted'), "
        "sum(json_extract(body, '$.type') = 'access.denied'), "
        "count(DISTINCT json_extract(body, '$.data.person.id')) "
        f"FROM events WHERE {mark} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    rows = [
        (row["mark"], row["first"], row["last"], row["granted"], row["denied"])
        for row in seen.rows("badges_seen")
    ]
    assert rows == [tuple(row[:5]) for row in held] and len(rows) == 6
    assert seen.figure("badges_unknown") == sum(row[5] == 0 for row in held) == 1
    assert seen.figure("badges_moved") == sum(row[5] > 1 for row in held) == 5


def test_visitors_badges_that_are_out_at_both_ends_of_the_days(log: Written) -> None:
    early = NOON - 20 * DAY
    for number, at in ((1, early), (2, early), (3, NOON), (4, NOON)):
        log.put("visit.badge_issued", at, f"visit-{number}", visit=number, name="N", badge="b")
        if number == 2:
            log.put("visit.badge_returned", early + HOUR, "visit-1", visit=1, badge="b")
    log.put("visit.departed", NOON + HOUR, "visit-3", visit=3, badge_out=False)
    log.put("visit.departed", NOON + HOUR, "visit-4", visit=4, badge_out=True)
    log.put("visit.badge_returned", NOON + 40 * DAY, "visit-4", visit=4, badge="b")
    seen = log.seen(Badges)
    figures = ("visitor_badges_begin", "visitor_badges_given", "visitor_badges_end")
    assert [seen.figure(key) for key in figures] == [1, 2, 2]
    assert seen.figure("visitor_badges_now") == 1
    assert [row["visit"] for row in seen.rows("visitor_badges")] == [2, 3, 4]
