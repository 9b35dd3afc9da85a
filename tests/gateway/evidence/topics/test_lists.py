"""Sources that fail, wait and come back; acts on single people; marks that were accepted."""

from __future__ import annotations

from gateway.evidence.topics.lists import Lists
from gateway.people import permits
from gateway.people.sources import pull
from gateway.people.sync import apply as sync
from tests.gateway.evidence.topics.written import HOUR, MINUTE, NOON, Written


def test_a_source_that_failed_is_open_until_it_gives_lists_again(log: Written) -> None:
    pull.failed(log.people, "hr", "broke off after 812 bytes")
    log.move(NOON)
    (one,) = log.seen(Lists).rule("list_source_failed")
    assert one.open and "812 bytes" in one.words.say("es")
    log.put("people.sync_recovered", NOON + HOUR, "hr", source="hr")
    (one,) = log.seen(Lists).rule("list_source_failed")
    assert not one.open and one.handled is not None and "13:00" in one.handled.say("en")


def test_a_list_that_waits_ends_by_being_dropped_or_put_in_force(log: Written) -> None:
    facts = {"tripped": ["removed"], "names": "removed", "why": ["x"]}
    for n, source in enumerate(("hr", "other", "third")):
        log.put("people.sync_waiting", NOON + n * MINUTE, source, source=source, **facts)
    log.put("people.sync_dropped", NOON + HOUR, "hr", source="hr", by="eva")
    counts = {"added": 0, "changed": 1, "removed": 9, "total": 40}
    log.put("people.synced", NOON + HOUR, "people", version=2, source="other", by="eva",
            kind="sync", confirmed=["removed"], sha256="ab", **counts)  # fmt: skip
    seen = log.seen(Lists)
    dropped, used, waits = seen.rule("list_waited")
    assert dropped.handled_by == used.handled_by == "eva" and not used.open
    assert waits.open and waits.handled is None
    (agreed,) = seen.rule("list_confirmed")
    assert "Many people go" in agreed.words.say("en")
    assert (seen.figure("list_begin"), seen.figure("list_end")) == (49, 40)


def test_a_rollback_a_late_list_and_a_refused_one(log: Written) -> None:
    log.put("people.rolled_back", NOON, "people", version=3, to=1, by="eva", total=4)
    log.put("people.bundle_refused", NOON, "mqtt", detail="bad signature")
    log.put("alarm.list_late", NOON, "people", version=3, gates=["gate-2"], seconds=900.0)
    seen = log.seen(Lists)
    assert seen.rules() == ["list_late", "list_refused", "list_rolled_back"]
    assert seen.rule("list_late")[0].open
    log.put("people.list_everywhere", NOON + HOUR, "people", version=3, gates=2, seconds=4500.0)
    seen = log.seen(Lists)
    assert not seen.rule("list_late")[0].open and seen.figure("list_slowest") == 4500
    assert seen.rows("lists")[0]["what"] == "rollback"


def test_people_of_a_list_that_touched_many_come_in_parts(log: Written) -> None:
    log.put("people.synced", NOON, "people", version=2, total=5, added=3, by="eva")
    for part, who in enumerate((["a", "b"], ["c"]), 1):
        log.put("people.synced_part", NOON, "people", version=2, part=part, parts=2,
                people={"added": who})  # fmt: skip
    rows = log.seen(Lists).rows("list_people")
    assert [row["person"] for row in rows] == ["a", "b", "c"]
    assert {row["by"] for row in rows} == {"eva"}


def test_acts_on_single_people_name_who_did_them(log: Written) -> None:
    log.people.execute(
        "INSERT INTO person (id, name, company, role, status, access_levels) "
        "VALUES ('e1', 'Ana', '', '', 'active', '[]')"
    )
    log.people.commit()
    number = permits.add_grant(
        log.people, "e1", "door", "yard", NOON, NOON + HOUR, why="moves boxes", by="eva"
    )
    permits.end_grant(log.people, number, by="eva")
    sync.set_pin(log.people, "e1", hashed="h", duress=False, by="rosa")
    log.move(NOON)
    seen = log.seen(Lists)
    acts = [(row["what"], row["person"], row["by"]) for row in seen.rows("people_acts")]
    assert acts == [
        ("grant.given", "e1", "eva"),
        ("grant.ended", "e1", "eva"),
        ("people.pin_set", "e1", "rosa"),
    ]
    assert "moves boxes" in seen.rows("people_acts")[0]["detail"]
    assert (seen.figure("grants_given"), seen.figure("pins_set")) == (1, 1)


def test_a_difference_that_was_accepted_is_told_once(log: Written) -> None:
    for part in (1, 2):
        log.put("tables.accepted", NOON, "people", reason="restored", by="root", part=part, parts=2)
    (one,) = log.seen(Lists).rule("tables_accepted")
    assert one.handled_by == "root" and one.handled is not None
    assert "restored" in one.handled.say("en")
