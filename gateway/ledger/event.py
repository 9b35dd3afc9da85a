"""The event as the log takes it and as the log gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.ledger.operator import with_person


class EventType(StrEnum):
    """Every type of event that the gateway records.  A type is never renamed or reused."""

    ACCESS_DENIED = "access.denied"
    ACCESS_GRANTED = "access.granted"

    ALARM_DURESS = "alarm.duress"
    ALARM_ESCALATED = "alarm.escalated"
    ALARM_LENT_BADGE = "alarm.lent_badge"
    ALARM_LIST_LATE = "alarm.list_late"
    ALARM_LOG_LOST = "alarm.log_lost"
    ALARM_RESOLVED = "alarm.resolved"
    ALARM_SEEN = "alarm.seen"
    ALARM_SHELVED = "alarm.shelved"
    ALARM_STEP = "alarm.step"
    ALARM_UNSHELVED = "alarm.unshelved"

    AREA_ALONE = "area.alone"
    AREA_CONTRADICTION = "area.contradiction"
    AREA_FORGIVEN = "area.forgiven"
    AREA_MOVED = "area.moved"
    AREA_PASSBACK = "area.passback"
    AREA_PEER_REFUSED = "area.peer_refused"

    BACKUP_MADE = "backup.made"

    CAMERA_ACCEPTED = "camera.accepted"
    CAMERA_VIEWED = "camera.viewed"

    CLOCK_ACCEPTED = "clock.accepted"
    CLOCK_STEPPED = "clock.stepped"

    COMMAND_ACCEPTED = "command.accepted"
    COMMAND_REFUSED = "command.refused"

    CONFIG_CHANGED = "config.changed"

    CONSOLE_ACCOUNT_CHANGED = "console.account_changed"
    CONSOLE_SESSION_ENDED = "console.session_ended"
    CONSOLE_SIGN_IN_REFUSED = "console.sign_in_refused"
    CONSOLE_SIGNED_IN = "console.signed_in"
    CONSOLE_SIGNED_OUT = "console.signed_out"

    DEVICE_OFFLINE = "device.offline"
    DEVICE_ONLINE = "device.online"
    DEVICE_UNSTABLE = "device.unstable"

    DOCUMENT_ATTACHED = "document.attached"
    DOCUMENT_RETIRED = "document.retired"

    DOOR_CLOSED = "door.closed"
    DOOR_CONFIRM_ASKED = "door.confirm_asked"
    DOOR_CONFIRM_EXTENDED = "door.confirm_extended"
    DOOR_CONFIRM_REFUSED = "door.confirm_refused"
    DOOR_CONFIRMED = "door.confirmed"
    DOOR_ENTERED = "door.entered"
    DOOR_EXIT = "door.exit"
    DOOR_FIRE = "door.fire"
    DOOR_FIRE_CLEARED = "door.fire_cleared"
    DOOR_FORCED = "door.forced"
    DOOR_FORCED_CLEARED = "door.forced_cleared"
    DOOR_FOUND_OPEN = "door.found_open"
    DOOR_HELD = "door.held"
    DOOR_HELD_CLEARED = "door.held_cleared"
    DOOR_HELD_WARNING = "door.held_warning"
    DOOR_IN_SERVICE = "door.in_service"
    DOOR_INPUT_CHATTER = "door.input_chatter"
    DOOR_LOCK_FAULT = "door.lock_fault"
    DOOR_LOCKED = "door.locked"
    DOOR_NO_ENTRY = "door.no_entry"
    DOOR_OPENED = "door.opened"
    DOOR_OUT_OF_SERVICE = "door.out_of_service"
    DOOR_REMOTE_OPENED = "door.remote_opened"
    DOOR_REX = "door.rex"
    DOOR_TAMPER = "door.tamper"
    DOOR_TAMPER_CLEARED = "door.tamper_cleared"
    DOOR_UNLOCKED = "door.unlocked"

    ESCORT_CLEARED = "escort.cleared"
    ESCORT_SET = "escort.set"

    EVIDENCE_MADE = "evidence.made"

    FACE_CONSENT_SET = "face.consent_set"
    FACE_FORGOTTEN = "face.forgotten"
    FACE_KEY_DESTROYED = "face.key_destroyed"
    FACE_PICTURE_VIEWED = "face.picture_viewed"
    FACE_PICTURES_PURGED = "face.pictures_purged"
    FACE_PORTRAIT_VIEWED = "face.portrait_viewed"

    FREIGHT_ARRIVED = "freight.arrived"
    FREIGHT_DEPARTED = "freight.departed"
    FREIGHT_EXPECTED = "freight.expected"
    FREIGHT_HELD = "freight.held"
    FREIGHT_HOOKED = "freight.hooked"
    FREIGHT_IDENTIFIED = "freight.identified"
    FREIGHT_INSPECTED = "freight.inspected"
    FREIGHT_LOADING = "freight.loading"
    FREIGHT_PICTURE_VIEWED = "freight.picture_viewed"
    FREIGHT_REFUSED = "freight.refused"
    FREIGHT_RELEASED = "freight.released"
    FREIGHT_SEAL_SEEN = "freight.seal_seen"
    FREIGHT_SIGNED = "freight.signed"
    FREIGHT_SPOT_CHECKED = "freight.spot_checked"
    FREIGHT_SPOT_DRAWN = "freight.spot_drawn"
    FREIGHT_TURNED_AWAY = "freight.turned_away"
    FREIGHT_UNLOADED = "freight.unloaded"

    GATEWAY_STARTED = "gateway.started"
    GATEWAY_STOPPED = "gateway.stopped"
    GATEWAY_TASK_FAILED = "gateway.task_failed"

    GRANT_ENDED = "grant.ended"
    GRANT_GIVEN = "grant.given"

    INTERLOCK_BREACHED = "interlock.breached"
    INTERLOCK_OVERRIDDEN = "interlock.overridden"

    LEDGER_ARCHIVE_DELETED = "ledger.archive_deleted"
    LEDGER_ARCHIVED = "ledger.archived"
    LEDGER_CHECKPOINT = "ledger.checkpoint"
    LEDGER_CREATED = "ledger.created"
    LEDGER_KEY_CHANGED = "ledger.key_changed"
    LEDGER_LATE = "ledger.late"
    LEDGER_REDACTED = "ledger.redacted"
    LEDGER_RECOVERED = "ledger.recovered"

    OPERATOR_ADDED = "operator.added"
    OPERATOR_CHANGED = "operator.changed"
    OPERATOR_ENDED = "operator.ended"
    OPERATOR_PIN_ACCEPTED = "operator.pin_accepted"
    OPERATOR_PIN_REFUSED = "operator.pin_refused"

    PARTNER_ADDED = "partner.added"
    PARTNER_CHANGED = "partner.changed"

    PATTERN_FINDING = "pattern.finding"

    PEOPLE_BUNDLE_REFUSED = "people.bundle_refused"
    PEOPLE_ENROLLED = "people.enrolled"
    PEOPLE_BADGE_FOUND = "people.badge_found"
    PEOPLE_BADGE_LOST = "people.badge_lost"
    PEOPLE_LIST_EVERYWHERE = "people.list_everywhere"
    PEOPLE_PIN_CLEARED = "people.pin_cleared"
    PEOPLE_PIN_SET = "people.pin_set"
    PEOPLE_REINSTATED = "people.reinstated"
    PEOPLE_REVOCATION_EFFECTIVE = "people.revocation_effective"
    PEOPLE_REVOKED = "people.revoked"
    PEOPLE_ROLLED_BACK = "people.rolled_back"
    PEOPLE_SYNC_DROPPED = "people.sync_dropped"
    PEOPLE_SYNC_FAILED = "people.sync_failed"
    PEOPLE_SYNC_RECOVERED = "people.sync_recovered"
    PEOPLE_SYNC_WAITING = "people.sync_waiting"
    PEOPLE_SYNCED = "people.synced"
    PEOPLE_SYNCED_PART = "people.synced_part"

    READER_COMSET = "reader.comset"
    READER_INSTALL_OPENED = "reader.install_opened"
    READER_KEY_FAILED = "reader.key_failed"
    READER_KEY_SET = "reader.key_set"
    READER_REFUSED = "reader.refused"
    READER_RESTARTED = "reader.restarted"

    RECORDS_EXPORTED = "records.exported"
    RECORDS_VERIFIED = "records.verified"

    REQUIREMENT_EXPIRING = "requirement.expiring"
    REQUIREMENT_REMOVED = "requirement.removed"
    REQUIREMENT_SET = "requirement.set"

    REVIEW_RECORDED = "review.recorded"

    SEAL_AFFIXED = "seal.affixed"
    SEAL_ISSUED = "seal.issued"
    SEAL_RECEIVED = "seal.received"
    SEAL_RECONCILED = "seal.reconciled"
    SEAL_VOIDED = "seal.voided"

    SHIFT_HANDED_OVER = "shift.handed_over"
    SHIFT_TAKEN_OVER = "shift.taken_over"

    STATE_DAMAGED = "state.damaged"

    TABLES_ACCEPTED = "tables.accepted"
    TABLES_MARKED = "tables.marked"

    THREAT_CHANGED = "threat.changed"

    UPGRADE_UNDONE = "upgrade.undone"

    UPLINK_MESSAGE_SKIPPED = "uplink.message_skipped"
    UPLINK_NAME_FREE = "uplink.name_free"
    UPLINK_NAME_TAKEN = "uplink.name_taken"

    VISIT_ARRIVED = "visit.arrived"
    VISIT_BADGE_ISSUED = "visit.badge_issued"
    VISIT_BADGE_RETURNED = "visit.badge_returned"
    VISIT_CANCELLED = "visit.cancelled"
    VISIT_DEPARTED = "visit.departed"
    VISIT_EXPECTED = "visit.expected"
    VISIT_EXTENDED = "visit.extended"
    VISIT_HELD = "visit.held"
    VISIT_HOST_CONTACTED = "visit.host_contacted"
    VISIT_OVERDUE = "visit.overdue"
    VISIT_REFUSED = "visit.refused"
    VISIT_REGULAR_ADDED = "visit.regular_added"
    VISIT_REGULAR_REMOVED = "visit.regular_removed"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, not yet on record.

    `type` is dotted and stable (``access.granted``), `subject` what it is about (a door, a
    device, a person), `data` JSON values.  `id` is given only by those who may hand in the
    same event twice (an admin act kept in an outbox): the ledger takes it once.  If `by` in `data`
    is an operator with a person, the person stands beside it (gateway/ledger/operator.py).
    """

    type: EventType
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    time: datetime | None = None
    id: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", with_person(self.data))


@dataclass(frozen=True, slots=True)
class Event:
    """A record: `seq` counts from 1 without holes, `hash` (hex) chains it to all before it."""

    seq: int
    id: str
    time: str
    type: str
    subject: str
    data: Mapping[str, Any]
    hash: str
    prev: str
    redacted: Mapping[str, str] | None = None
    """If personal data are gone from it (redact.py): `act`, the id of the record that says so, and
    `body`, SHA-256 (hex) of the body that was, which `hash` takes in."""
