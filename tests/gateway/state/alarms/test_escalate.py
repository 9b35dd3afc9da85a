"""Nobody answers: who is told, when, once; and when the siren sounds and is silent."""

from __future__ import annotations

from typing import Any

from gateway.config.alarms import AlarmsTable, SirenTable
from gateway.ledger.event import NewEvent
from gateway.state.alarms import escalate
from tests.gateway.state.alarms.records import Log

TO = {"en": "Supervisor, 664 555 0101", "es": "Supervisora, 664 555 0101"}
TABLE = AlarmsTable.model_validate(
    {
        "escalation": [
            {"after_s": 60, "to": TO},
            {"after_s": 300, "to": {"en": "Police", "es": "Policía"}, "siren": True},
        ],
        "siren": {"readers": ["booth"], "seconds": 30},
    }
)


def due(log: Log) -> list[NewEvent]:
    return escalate.due(log.book, TABLE, "es", log.now)


def record(log: Log, events: list[NewEvent]) -> None:
    for event in events:
        log.add(event.type, event.subject, **dict(event.data))


def test_an_alarm_that_nobody_has_seen_escalates_step_by_step() -> None:
    log = Log()
    number = log.add("door.forced")
    log.wait(59)
    assert due(log) == []
    log.wait(1)
    (first,) = due(log)
    assert first.data["to"] == "Supervisora, 664 555 0101" and first.data["level"] == 1
    assert first.data["alarm"] == number and first.data["siren"] is False
    assert due(log)[0].id == first.id  # the log takes it once
    record(log, [first])
    assert due(log) == []
    log.wait(240)
    (second,) = due(log)
    assert second.data["level"] == 2 and second.data["siren"] is True and second.id != first.id
    record(log, [second])
    log.wait(10_000)
    assert due(log) == []


def test_what_somebody_has_seen_shelved_or_what_is_not_urgent_escalates_never() -> None:
    log = Log()
    number = log.add("door.forced")
    log.add("door.held", "office")
    log.act("alarm.seen", number)
    log.wait(10_000)
    assert due(log) == []


def test_an_alarm_that_comes_again_escalates_again() -> None:
    log = Log()
    number = log.add("door.forced")
    log.wait(60)
    first = due(log)
    record(log, first)
    log.act("alarm.seen", number)
    log.add("door.forced_cleared")
    log.add("door.forced")
    assert due(log) == []
    log.wait(60)
    (again,) = due(log)
    assert again.data["level"] == 1 and again.id != first[0].id


def siren(log: Log, **more: Any) -> bool:
    table = SirenTable.model_validate({"readers": ["booth"], **more})
    return escalate.sounds(log.book, table, log.now)


def test_the_siren_sounds_for_its_priorities_until_somebody_has_seen_it_or_its_time_is_over() -> (
    None
):
    log = Log()
    log.add("device.offline", "mqtt", kind="broker", detail="")
    number = log.add("door.forced")
    assert not siren(log) and siren(log, priorities=["high"], seconds=30)
    log.wait(30)
    assert not siren(log, priorities=["high"], seconds=30)
    assert siren(log, priorities=["high"], seconds=31)
    log.act("alarm.seen", number)
    assert not siren(log, priorities=["high"], seconds=600)


def test_an_escalation_sounds_the_siren_and_a_duress_alarm_never_does() -> None:
    log = Log()
    log.add("alarm.duress", person="e1", name="Ana")
    log.wait(400)
    told = due(log)
    assert [event.data["siren"] for event in told] == [False, False]
    record(log, told)
    assert not siren(log, priorities=["high"], seconds=600)
    log.add("door.forced")
    log.wait(400)
    record(log, due(log))
    assert siren(log)
    log.wait(61)
    assert not siren(log)
