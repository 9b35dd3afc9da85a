"""The log and the gateway itself; and who looked at pictures."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.evidence.topics.loghealth import LogHealth
from gateway.evidence.topics.pictures import Pictures
from gateway.people import faces
from tests.gateway.evidence.topics.written import DAY, HOUR, MINUTE, NOON, Written, stamp


def start(log: Written, at: object, policy: str = "p1") -> None:
    log.put("gateway.started", at, "gate-1", version="0.1.0", policy_version=policy)  # type: ignore[arg-type]


def test_what_was_in_force_has_a_row_for_each_version(log: Written) -> None:
    start(log, NOON - 60 * DAY, "p0")
    log.put("gateway.stopped", NOON - 50 * DAY, "gate-1")
    start(log, NOON - 50 * DAY, "p1")
    facts = {"version": "0.1.0", "list_version": 7}
    log.put("ledger.checkpoint", NOON - HOUR, "gate-1", policy_version="p1", **facts)
    log.put("gateway.stopped", NOON, "gate-1")
    start(log, NOON + MINUTE, "p2")
    log.put("ledger.checkpoint", NOON + HOUR, "gate-1", policy_version="p2", **facts)
    seen = log.seen(LogHealth)
    rows = [(r["what"], r["value"], r["since"], r["until"]) for r in seen.rows("in_force")]
    changed = stamp(NOON + MINUTE)
    assert rows == [
        ("version", "0.1.0", stamp(NOON - 60 * DAY), ""),
        ("policy_version", "p1", stamp(NOON - 50 * DAY), changed),
        ("list_version", "7", stamp(NOON - HOUR), ""),
        ("policy_version", "p2", changed, ""),
    ]
    assert (seen.figure("policy_changes"), seen.figure("program_changes")) == (1, 0)
    assert seen.figure("gateway_stood") == 60 and seen.rules() == []
    assert seen.figure("checkpoint_gap") == 2 * 3600


def test_who_reloaded_a_policy_stands_beside_what_changed(log: Written) -> None:
    start(log, NOON, "p1")
    facts = {"by": "rosa", "keys": ["doors.dock.mode", "mqtt.host"], "before": "p1"}
    log.put("config.changed", NOON + HOUR, "gate-1", policy_version="p2", **facts)
    log.put("ledger.checkpoint", NOON + 2 * HOUR, "gate-1", policy_version="p2")
    log.put("config.changed", NOON + 3 * HOUR, "gate-1", policy_version="p3", by=7, keys="odd")
    seen = log.seen(LogHealth)
    rows = [r for r in seen.rows("in_force") if r["what"] == "policy_version"]
    assert [(r["value"], r["by"], r["keys"]) for r in rows] == [
        ("p1", "", ""),
        ("p2", "rosa", "doors.dock.mode, mqtt.host"),
        ("p3", "", ""),
    ]
    assert rows[1]["until"] == rows[2]["since"] == stamp(NOON + 3 * HOUR)
    assert seen.figure("policy_changes") == 2


def test_a_gateway_that_was_killed_is_told(log: Written) -> None:
    start(log, NOON)
    start(log, NOON + HOUR)
    assert log.seen(LogHealth).rules() == ["gateway_not_stopped"]


@pytest.mark.parametrize(
    ("kind", "subject", "data", "rule", "said", "still"),
    [
        ("alarm.log_lost", "gate-1", {"known_by": "broker"}, "log_lost", "broker", True),
        ("ledger.recovered", "gate-1", {"refused": 31}, "log_recovered", "31", False),
        ("ledger.late", "gate-1", {"seqs": [7, 9]}, "log_late", "7, 9", False),
        ("command.refused", "gate-1", {"why": "stale", "count": 3}, "command_refused", "stale",
         False),
        ("state.damaged", "doors.json", {"detail": "bad JSON"}, "state_damaged", "doors.json",
         False),
        ("gateway.task_failed", "mqtt", {"detail": "EIO"}, "gateway_task_failed", "mqtt", False),
        ("ledger.archive_deleted", "g", {"file": "1-9.gz"}, "archive_deleted", "1-9.gz", False),
    ],
)  # fmt: skip
def test_each_trouble_has_a_rule_and_its_detail(
    log: Written, kind: str, subject: str, data: dict[str, object], rule: str, said: str,
    still: bool,
) -> None:  # fmt: skip
    log.put(kind, NOON, subject, **data)
    seen = log.seen(LogHealth)
    (one,) = seen.rule(rule)
    assert said in one.words.say("en") and said in one.words.say("es") and one.open is still
    assert len(seen.rows("gateway_troubles")) == 1


def test_exports_verifications_and_redactions_name_who(log: Written) -> None:
    log.put("records.exported", NOON, "gate-1", format="csv", asked="all", n=40, seq=41, by="eva")
    log.put("records.verified", NOON, "gate-1", seq=41, result="good", n=0, by="eva")
    log.put("records.verified", NOON, "gate-1", seq=41, result="broken", n=2, by="eva")
    for part in ([[1, "a"], [2, "b"]], [[3, "c"]]):
        log.put("ledger.redacted", NOON, "gate-1", act="redact-1", by="root", reason="asked",
                count=3, records=part)  # fmt: skip
    log.put("evidence.made", NOON, "gate-1", first="2026-09-01", last="2026-09-30", by="eva")
    seen = log.seen(LogHealth)
    rows = [(row["what"], row["by"], row["count"]) for row in seen.rows("records_taken")]
    assert rows == [
        ("records.exported", "eva", 40),
        ("records.verified", "eva", 0),
        ("records.verified", "eva", 2),
        ("ledger.redacted", "root", 3),
        ("evidence.made", "eva", None),
    ]
    assert seen.rules() == ["log_found_broken", "log_redacted"]
    assert seen.rule("log_found_broken")[0].open
    assert (seen.figure("redactions"), seen.figure("records_redacted")) == (1, 3)
    for key, kind in (("exports", "records.exported"), ("verified", "records.verified")):
        sql = "SELECT count(*) FROM events WHERE json_extract(body, '$.type') = ?"
        assert seen.figure(key) == log.one(sql, kind)


def test_who_looked_at_what_and_what_became_of_faces(log: Written) -> None:
    log.people.execute(
        "INSERT INTO person (id, name, company, role, status, access_levels) "
        "VALUES ('e1', 'Ana', '', '', 'active', '[]')"
    )
    log.people.commit()
    faces.viewed(log.people, seq=12, event_id="x-12", by="eva")
    day = date(2026, 10, 1)
    faces.set_consent(log.people, "e1", given_at=day, until=None, note="paper", by="rosa")
    log.move(NOON)
    log.put("face.portrait_viewed", NOON, "e1", by="eva")
    log.put("camera.viewed", NOON, "yard", by="ada")
    log.put("face.pictures_purged", NOON, "gate-1", count=31, days=30)
    seen = log.seen(Pictures)
    looked = [(row["what"], row["by"], row["of"], row["record"]) for row in
              seen.rows("pictures_viewed")]  # fmt: skip
    assert looked == [
        ("face.picture_viewed", "eva", "x-12", 12),
        ("face.portrait_viewed", "eva", "e1", None),
        ("camera.viewed", "ada", "yard", None),
    ]
    consent, purged = seen.rows("face_acts")
    assert (consent["why"], consent["by"], purged["what"]) == (
        "paper", "rosa", "face.pictures_purged",
    )  # fmt: skip
    assert (seen.figure("picture_viewers"), seen.figure("pictures_purged")) == (2, 31)
    assert seen.figure("pictures") == log.one(
        "SELECT count(*) FROM events WHERE json_extract(body, '$.type') = 'face.picture_viewed'"
    )
