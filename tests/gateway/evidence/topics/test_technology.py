"""Alarms, doors, devices, the gateway itself, threat levels, shifts: who answered and how soon."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.evidence.topics.alarms import Alarms
from gateway.evidence.topics.devices import Devices
from gateway.evidence.topics.doorwatch import DoorWatch
from gateway.evidence.topics.shifts import Shifts
from gateway.evidence.topics.threat import Threat
from gateway.evidence.topics.upkeep import Upkeep
from gateway.ledger.event import EventType as E
from tests.gateway.evidence.topics.gate import DAY, FIRST, HOUR, LAST, MIN, START, Gate


def answer(
    gate: Gate, alarm: int, kind: str, subject: str, outcome: str = "", **more: object
) -> int:
    """The act of a guard, as the desk writes it."""
    data = {"alarm": alarm, "kind": kind, "upto": alarm, "by": "rosa", "by_name": "Rosa Díaz"}
    if outcome:
        told = {"outcome": outcome, "note": "the guard closed it", "stands": False}
        return gate.note(E.ALARM_RESOLVED, subject, **data, **{**told, **more})
    return gate.note(E.ALARM_SEEN, subject, **data, note="")


def test_an_alarm_with_its_answer_in_seconds_and_its_outcome(gate: Gate) -> None:
    raised = gate.note(E.DOOR_FORCED, "yard")
    gate.now += MIN
    seen = answer(gate, raised, "forced", "yard")
    gate.note(E.DOOR_FORCED_CLEARED, "yard", open_s=70.0)
    gate.now += MIN
    closed = answer(gate, raised, "forced", "yard", "fixed")
    found = gate.found(Alarms)
    (row,) = found.rows("alarms")
    assert row.records == (raised, seen, closed)
    cells = row.cells
    assert (cells["kind"], cells["source"], cells["priority"]) == ("forced", "yard", "high")
    assert cells["answer_s"] == 60 and cells["answered_by"] == cells["closed_by"] == "Rosa Díaz"
    assert cells["outcome"] == "fixed" and cells["over_at"].startswith("2026-10-05T15:01")
    assert found.figures["alarms"] == found.figures["alarms_closed"] == 1
    assert found.figures["alarm_answer"] == found.figures["alarm_answer_95"] == 60
    assert found.rules == []


def test_alarms_that_nobody_answered_or_answered_late_or_never_closed(gate: Gate) -> None:
    gate.note(E.DOOR_FORCED, "gate")
    late = gate.note(E.DOOR_FORCED, "yard")
    gate.now += MIN
    assert gate.found(Alarms).rules == []  # two minutes are the time to answer
    gate.now += 9 * MIN
    answer(gate, late, "forced", "yard")
    gate.now += 2 * DAY
    found = gate.found(Alarms)
    assert found.rules == ["alarm_not_answered", "alarm_answered_late", "alarm_not_closed"]
    assert "600 s" in found.found.deviations[1].words.say("en")
    assert found.figures["alarms_open"] == 2


def test_an_alarm_that_was_closed_while_its_cause_went_on(gate: Gate) -> None:
    raised = gate.note(E.DOOR_HELD, "yard", open_s=31.0)
    answer(gate, raised, "held", "yard")
    answer(gate, raised, "held", "yard", "work", stands=True)
    (wrong,) = gate.found(Alarms).found.deviations
    assert wrong.rule == "alarm_closed_standing" and wrong.handled_by == "Rosa Díaz"


def test_no_duress_alarm_is_in_a_packet_nor_what_was_done_about_it(gate: Gate) -> None:
    person = {"id": "e9", "name": "Juana"}
    raised = gate.note(E.ALARM_DURESS, "yard", person=person)
    answer(gate, raised, "duress", "yard")
    gate.note(E.ALARM_ESCALATED, "yard", alarm=raised, kind="duress", upto=raised, level=1)
    found = gate.found(Alarms)
    assert not found.rows("alarms") and not any(found.figures.values())
    assert found.found.notes == gate.found(Alarms, kept=[]).found.notes  # says no more than that


def test_a_device_that_was_back_at_once_was_no_alarm(gate: Gate) -> None:
    gate.note(E.DEVICE_OFFLINE, "cam", kind="camera", detail="no_signal")
    gate.now += MIN / 20
    gate.note(E.DEVICE_ONLINE, "cam", kind="camera", detail="")
    assert gate.found(Alarms).figures["alarms"] == 0
    assert gate.found(Devices).figures["camera_outages"] == 1


def test_a_shelved_source_is_told_with_who_and_why_and_asks_no_answer(gate: Gate) -> None:
    first = gate.note(E.DOOR_HELD, "yard", open_s=31.0)
    data = {"alarm": first, "kind": "held", "upto": first, "source": "yard", "by": "boss"}
    until = "2026-10-05T23:00:00Z"
    gate.note(E.ALARM_SHELVED, "yard", **data, until=until, reason="the closer is being mended")
    answer(gate, first, "held", "yard", "work")
    gate.note(E.DOOR_HELD_CLEARED, "yard", open_s=60.0)
    gate.now += HOUR
    gate.note(E.DOOR_HELD, "yard", open_s=31.0)
    gate.now += DAY
    found = gate.found(Alarms)
    assert "alarm_not_answered" not in found.rules
    (cells,) = found.cells("alarm_shelves")
    assert cells["reason"] == "the closer is being mended" and cells["until"] == until


def test_doors_with_their_end_and_the_answer_of_the_guard(gate: Gate) -> None:
    raised = gate.note(E.DOOR_HELD, "yard", open_s=31.0)
    gate.now += 2 * MIN
    gate.note(E.DOOR_HELD_CLEARED, "yard", open_s=151.0)
    answer(gate, raised, "held", "yard", "fixed")
    forced = gate.note(E.DOOR_FORCED, "gate")
    gate.note(E.DOOR_TAMPER, "gate", device="reader")
    gate.note(E.DOOR_FIRE, "gate")
    gate.note(E.DOOR_REMOTE_OPENED, "yard", by="lgil", reason="a delivery", key="k")
    found = gate.found(DoorWatch)
    held, stands, tamper = found.found.deviations
    assert held.rule == "door_held" and not held.open and held.handled_by == "Rosa Díaz"
    assert held.handled is not None and "the guard closed it" in held.handled.say("en")
    assert stands.rule == "door_forced" and stands.open and stands.records == (forced,)
    assert tamper.rule == "door_tampered" and tamper.open
    assert found.figures["doors_held_longest"] == 151 and found.figures["fire_alarms"] == 1
    assert [cells["lasted_s"] for cells in found.cells("door_alarms")] == [151, None, None, None]
    (act,) = found.cells("door_acts")
    assert act["reason"] == "a delivery" and act["by"] == "lgil"


def test_how_long_a_camera_was_away_is_counted_inside_the_span_alone(gate: Gate) -> None:
    gate.now = datetime(2026, 10, 1, 5, tzinfo=UTC)  # two hours before the month begins there
    gate.note(E.DEVICE_OFFLINE, "cam", kind="camera", detail="black")
    gate.note(E.DEVICE_ONLINE, "gate-in", kind="reader", detail="")
    gate.now += 3 * HOUR
    gate.note(E.DEVICE_ONLINE, "cam", kind="camera", detail="")
    gate.now += 10 * DAY
    bad = gate.note(E.DEVICE_OFFLINE, "cam", kind="camera", detail="frozen")
    gate.now += MIN
    answer(gate, bad, "camera", "cam")
    gate.now += 2 * HOUR
    gate.note(E.DEVICE_ONLINE, "cam", kind="camera", detail="")
    gate.note(E.CAMERA_ACCEPTED, "cam", by="lgil", reason="moved to the new post")
    gate.now = datetime(2026, 12, 1, tzinfo=UTC)
    found = gate.found(Devices)
    assert found.figures["cameras"] == found.figures["readers"] == 1
    assert found.figures["camera_outages"] == 2 and found.figures["camera_longest"] == 7260
    assert found.figures["camera_away"] == 3600 + 7260
    (wrong,) = found.found.deviations
    assert wrong.rule == "camera_away" and not wrong.open and wrong.handled_by == "Rosa Díaz"
    rows = {cells["name"]: cells for cells in found.cells("devices")}
    assert rows["gate-in"]["share"] == 1 and rows["gate-in"]["outages"] == 0
    assert 0.99 < rows["cam"]["share"] < 1
    (change,) = found.cells("device_changes")
    assert change["detail"] == "moved to the new post"


def test_a_device_that_is_still_away_is_open(gate: Gate) -> None:
    gate.note(E.DEVICE_UNSTABLE, "gate-in", kind="reader", detail="no answer", count=5)
    gate.now += 3 * HOUR
    (wrong,) = gate.found(Devices).found.deviations
    assert wrong.rule == "reader_away" and wrong.open
    assert gate.found(Devices).cells("device_outages")[0]["unstable"] is True


def test_a_reader_that_did_not_take_its_key(gate: Gate) -> None:
    gate.note(E.READER_KEY_FAILED, "gate-in", detail="no answer")
    gate.note(E.READER_REFUSED, "gate-in", detail="bad mac", count=1)
    assert gate.found(Devices).rules == ["reader_key_failed", "reader_refused"]


def test_backups_that_are_late_missing_or_in_clear(gate: Gate) -> None:
    gate.now = datetime(2026, 10, 1, 12, tzinfo=UTC)
    gate.note(E.GATEWAY_STARTED, "gate-1")
    for day in (2, 8, 20):
        gate.now = datetime(2026, 10, day, 12, tzinfo=UTC)
        gate.note(E.BACKUP_MADE, "gate-1", file=f"{day}.tar", bytes=9, clear=day == 8, last_seq=1)
    gate.now = datetime(2026, 11, 20, tzinfo=UTC)
    found = gate.found(Upkeep)
    assert found.rules == ["backup_in_clear", "backup_late", "backup_late"]
    _clear, first, last = found.found.deviations
    assert first.handled_at.startswith("2026-10-20") and not first.open
    assert last.open and found.figures["backup_gap"] == 12.0 and found.figures["backups"] == 3
    gate.note(E.BACKUP_MADE, "gate-1", file="x", bytes=9, clear=False, last_seq=1)
    assert not gate.found(Upkeep).found.deviations[-1].open


def test_a_gateway_that_ran_and_never_made_a_backup(gate: Gate) -> None:
    gate.note(E.GATEWAY_STARTED, "gate-1")
    gate.now += 8 * DAY
    assert gate.found(Upkeep).rules == ["backup_late"]


def test_the_clock_in_doubt_until_somebody_accepts_it(gate: Gate) -> None:
    gate.note(E.CLOCK_STEPPED, "gate-1", seconds=-7200.0, trusted=False, behind_s=7200.0)
    assert gate.found(Upkeep).found.deviations[0].open
    gate.now += MIN
    gate.note(E.CLOCK_ACCEPTED, "gate-1", by="lgil", back_s=7140.0, ahead_s=0.0)
    gate.note(E.CLOCK_STEPPED, "gate-1", seconds=1.4, trusted=True)
    (wrong,) = gate.found(Upkeep).found.deviations
    assert wrong.rule == "clock_in_doubt" and not wrong.open and wrong.handled_by == "lgil"
    assert gate.found(Upkeep).figures["clock_steps"] == 2


def test_threat_levels_in_force_and_for_how_long(gate: Gate) -> None:
    gate.now = START.replace(month=9)
    gate.note(
        E.THREAT_CHANGED, "gate-1", level="elevated", was="normal", by="lgil", reason="a note"
    )
    gate.now = datetime(2026, 10, 11, 7, tzinfo=UTC)
    gate.note(E.THREAT_CHANGED, "gate-1", level="normal", was="elevated", by="lgil", reason="over")
    gate.now = datetime(2026, 12, 1, tzinfo=UTC)
    found = gate.found(Threat)
    rows = [(cells["level"], cells["lasted_s"] / 86_400) for cells in found.cells("threat_levels")]
    assert rows == [("elevated", 10), ("normal", 21)]
    assert found.figures == {"threat_changes": 1, "threat_level": "normal"}


def test_handovers_and_the_one_that_nobody_took(gate: Gate) -> None:
    page = {"sha256": "a" * 64, "alarms": 2, "page": {}, "note": "quiet", "by_name": "Rosa Díaz"}
    seq = gate.note(E.SHIFT_HANDED_OVER, "gate-1", **page, by="rosa")
    gate.now += 5 * MIN
    gate.note(E.SHIFT_TAKEN_OVER, "gate-1", handover=seq, sha256="a" * 64, by="paco")
    gate.now += DAY
    again = gate.note(E.SHIFT_HANDED_OVER, "gate-1", **page, by="rosa")
    gate.now += 2 * HOUR
    found = gate.found(Shifts)
    first, second = found.cells("handovers")
    assert (first["by"], first["taken_by"], first["alarms"]) == ("Rosa Díaz", "paco", 2)
    assert found.rules == ["shift_not_taken"] and found.found.deviations[0].open
    gate.note(E.SHIFT_TAKEN_OVER, "gate-1", handover=again, sha256="b" * 64, by="paco")
    found = gate.found(Shifts)
    assert found.rules == ["shift_not_taken", "shift_other_page"]
    assert found.figures["handover_time"] == (300 + 7200) / 2 and second["taken_at"] == ""


def test_odd_records_of_technology_are_left_out(gate: Gate) -> None:
    for kind in sorted({*Alarms.reads, *Devices.reads, *Upkeep.reads, *DoorWatch.reads}):
        for odd in (None, [], {}, "x", -1, 1e300):
            gate.write(kind, "", dict.fromkeys(("kind", "alarm", "upto", "ahead_s", "by"), odd))
    for topic in (Alarms, Devices, Upkeep, DoorWatch, Threat, Shifts):
        gate.found(topic, FIRST, LAST)
