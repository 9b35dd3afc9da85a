"""Events, reasons and rules in words, for a guard.

Codes are what records hold; these are what people read.  Every `Reason` and every event type has
words, which a test checks; the other languages are in the catalogues.  It is long because it is
one table: a line for each event, reason and rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from gateway import locale
from gateway.ledger.event import Event, EventType
from gateway.ledger.origin import KEY_LOST
from gateway.locale import N_, Message
from gateway.wording import words
from gateway.wording.details import detail, details

REASONS: Mapping[str, str] = {
    "granted": N_("may pass"),
    "face_required": N_("look at the camera"),
    "denied_unknown_door": N_("this door is not configured"),
    "denied_bad_read": N_("the badge was not read properly; present it again"),
    "denied_busy": N_("too many badges at once; wait and present it again"),
    "denied_stale_badge": N_("the badge was read too long ago; present it again"),
    "denied_list_unavailable": N_("the personnel list can't be read; call the administrator"),
    "denied_unknown_credential": N_("nobody on the list holds this badge"),
    "denied_revoked": N_("access was revoked"),
    "denied_suspended": N_("access is suspended"),
    "denied_clock_untrusted": N_(
        "the gateway's clock is wrong, so validity can't be told; call the administrator"
    ),
    "denied_not_yet_valid": N_("not valid yet"),
    "denied_expired": N_("no longer valid"),
    "denied_no_access_level": N_("no access level for this door"),
    "denied_out_of_schedule": N_("not at this hour"),
    "denied_first_person": N_("somebody else has to enter first today"),
    "denied_threat_level": N_("closed at the present threat level"),
    "denied_requirement_missing": N_("something this area requires is not on record"),
    "denied_requirement_lapsed": N_("something this area requires has lapsed"),
    "denied_degraded": N_("something does not work, and until it does nobody passes here"),
    "denied_passback": N_("the badge is already inside, or did not come through the door before"),
    "denied_area_full": N_("the area is full"),
    "escort_required": N_("the escort's badge, please"),
    "denied_no_escort": N_("no escort showed their badge in time"),
    "second_required": N_("a second person's badge, please"),
    "denied_no_second_person": N_("nobody enters alone, and no second badge was shown in time"),
    "confirm_required": N_("wait for the guard"),
    "denied_not_confirmed": N_("the guard did not confirm"),
    "denied_lock_unavailable": N_("the lock does not answer; call the administrator"),
    "pin_required": N_("type the PIN, then #"),
    "denied_out_of_service": N_("the door is out of service"),
    "denied_tampered": N_("a device of this door was opened; call the administrator"),
    "denied_interlock": N_("another door must be closed first"),
    "denied_pin_not_set": N_("no PIN was set"),
    "denied_pin_locked": N_("too many wrong PINs; wait some minutes"),
    "denied_no_pin": N_("no PIN was typed in time"),
    "denied_wrong_pin": N_("the PIN is wrong"),
    "denied_face_not_enrolled": N_("too few photographs are enrolled"),
    "denied_face_unavailable": N_("face matching is not working; call the administrator"),
    "denied_camera_fault": N_("the camera shows no usable picture"),
    "denied_no_face": N_("no face was seen; stand in front of the camera"),
    "denied_face_mismatch": N_("the face is not the badge holder's"),
    "denied_not_live": N_("the face did not turn as it was told, or looks like a picture"),
    "denied_not_identified": N_("nobody enrolled has this face; show your badge"),
    "denied_identify_limit": N_(
        "too many people are enrolled to open to a face alone; show your badge"
    ),
    "denied_remote_off": N_("this door does not open from afar"),
    "denied_ledger_unavailable": N_(
        "the log can't be written, so nobody passes; call the administrator"
    ),
    "denied_internal_error": N_("the gateway made an error; call the administrator"),
}

EVENTS: Mapping[str, str] = {
    "access.granted": N_("{who} may pass"),
    "access.denied": N_("{who} refused: {why}"),
    "door.unlocked": N_("unlocked"),
    "door.locked": N_("locked"),
    "door.entered": N_("opened and entered"),
    "door.no_entry": N_("granted, and nobody entered"),
    "door.exit": N_("opened from inside"),
    "door.opened": N_("opened during the fire alarm"),
    "door.found_open": N_("found open"),
    "door.closed": N_("closed after {open_s} s"),
    "door.forced": N_("FORCED OPEN"),
    "door.forced_cleared": N_("closed {open_s} s after it was forced"),
    "door.held_warning": N_("open for {open_s} s: close it"),
    "door.held": N_("HELD OPEN for {open_s} s"),
    "door.held_cleared": N_("closed again after {open_s} s"),
    "door.rex": N_("request to exit"),
    "door.input_chatter": N_("input {input} ({device}) chatters; changes: {count}"),
    "door.fire": N_("FIRE ALARM"),
    "door.fire_cleared": N_("fire alarm over"),
    "door.tamper": N_("TAMPER: {device} was opened"),
    "door.tamper_cleared": N_("{device} is closed again"),
    "door.remote_opened": N_("OPENED FROM AFAR by {by}: {reason}"),
    "door.out_of_service": N_("out of service: {reason}"),
    "door.in_service": N_("back in service"),
    "alarm.duress": N_("DURESS: {name} was forced to open"),
    "alarm.lent_badge": N_("LENT BADGE: the badge of {who}, the face of {face_name}"),
    "alarm.seen": N_("{by} saw the alarm {alarm} ({kind}). {note}"),
    "alarm.step": N_("{by} did a step of alarm {alarm} ({kind}): {step}"),
    "alarm.resolved": N_("{by} closed the alarm {alarm} ({kind}): {outcome}. {note}"),
    "alarm.escalated": N_(
        "NOBODY ANSWERED the alarm {alarm} ({kind}) within {after_s} s; it goes to: {to}"
    ),
    "alarm.shelved": N_("{kind} is shelved until {until} by {by}: {reason}"),
    "alarm.unshelved": N_("{kind} is not shelved any more, by {by}"),
    "document.attached": N_("{by} registers the document “{title}”"),
    "document.retired": N_("{by} withdraws the document “{title}”"),
    "evidence.made": N_("{by} makes the evidence of {first} to {last}"),
    "pattern.finding": N_("pattern {detector}: {state}"),
    "review.recorded": N_("{by} reviewed {kind}: {found}"),
    "shift.handed_over": N_("{by} hands the shift over; open alarms: {alarms}, inside: {inside}"),
    "shift.taken_over": N_("{by} takes over the shift that event {handover} handed over"),
    "area.passback": N_("PASSBACK: {who}, {detail}"),
    "area.alone": N_("{name} is alone in {area}"),
    "area.moved": N_("{name} is in {area} now"),
    "area.contradiction": N_(
        "CONTRADICTION in {area}: {name} passed {first_gate} at {first_at} and {second_gate} at "
        "{second_at}, and the second did not know of the first"
    ),
    "area.peer_refused": N_("what came as the log of another gate was refused ({count}): {why}"),
    "area.forgiven": N_("passback forgiven by {by}: {reason}"),
    "grant.given": N_("may pass {kind} {target} until {until}, by {by}: {reason}"),
    "grant.ended": N_("grant of {kind} {target} ended by {by}"),
    "requirement.set": N_("{kind} of {subject}, until {valid_until}, by {by}"),
    "requirement.removed": N_("{kind} of {subject} removed by {by}"),
    "requirement.expiring": N_("{kind} of {subject} lapses after {valid_until}"),
    "escort.set": N_("passes with an escort alone, by {by}"),
    "escort.cleared": N_("needs no escort any more, by {by}"),
    "tables.accepted": N_(
        "{by} accepted that people.db differs from the log, part {part} of {parts}: {reason}"
    ),
    "tables.marked": N_("marks of rows in people.db, part {part} of {parts}: {why}"),
    "threat.changed": N_("THREAT LEVEL {level} (was {was}) by {by}: {reason}"),
    "console.signed_in": N_("{by} signed in at the console by {how}; from {address}"),
    "console.signed_out": N_("{by} signed out of the console"),
    "console.sign_in_refused": N_("a sign-in as {name} was refused: {why}; from {address}"),
    "console.session_ended": N_("a session of {name} was ended: {why}; by {by}"),
    "console.account_changed": N_("account {name}: {what}; by {by}"),
    "command.accepted": N_("command {command} of {by}"),
    "command.refused": N_("a command over MQTT was refused ({count}): {why}"),
    "door.confirm_asked": N_("GUARD: may {name} pass? ({why})"),
    "door.confirmed": N_("{by} lets {name} pass"),
    "door.confirm_extended": N_("{by} needs more time to answer for {name}"),
    "door.confirm_refused": N_("{by} does not let {name} pass"),
    "interlock.breached": N_("open while {other} is not shut"),
    "interlock.overridden": N_("interlock overridden for {seconds} s by {by}: {reason}"),
    "reader.restarted": N_("greeted anew ({count}): {detail}"),
    "reader.refused": N_("refused what is not of its session ({count}): {detail}"),
    "reader.install_opened": N_("install window opened for {seconds} s by {by}"),
    "reader.key_set": N_("has a key of its own"),
    "reader.key_failed": N_("got no key: {detail}"),
    "reader.comset": N_("address and speed changed by {by}: {detail}"),
    "door.lock_fault": N_("the lock could not be driven"),
    "device.online": N_("{kind} online {detail}"),
    "device.offline": N_("{kind} offline: {detail}"),
    "device.unstable": N_("{kind} unstable; changes: {count}; now: {detail}"),
    "uplink.name_taken": N_("another gateway has this name on the broker; its host: {host}"),
    "uplink.name_free": N_("no other gateway has this name on the broker any more"),
    "upgrade.undone": N_("{subject} went back from schema {from} to {to}, by {by}"),
    "uplink.message_skipped": N_(
        "the broker does not take event {event} ({bytes} bytes); it went without its data"
    ),
    "camera.viewed": N_("{by} looked at what the camera sees"),
    "backup.made": N_("backup {file}, up to event {last_seq}, made by {by}"),
    "camera.accepted": N_("what the camera sees now was accepted by {by}: {reason}"),
    "people.list_everywhere": N_(
        "list {version} is in force at all gates after {seconds} s; the last was {last_gate}"
    ),
    "alarm.list_late": N_("LIST {version} IS NOT IN FORCE at {gates} after {seconds} s"),
    "people.synced_part": N_("who was changed by list {version}, part {part} of {parts}"),
    "people.synced": N_(
        "list version {version}: {added} added, {changed} changed, {removed} removed"
    ),
    "people.rolled_back": N_("list version {version}: the list of version {to} again, by {by}"),
    "people.revocation_effective": N_("{who} is denied here {seconds} s after the source revoked"),
    "people.sync_failed": N_("{source} gave no list: {detail}"),
    "people.sync_recovered": N_("{source} gives lists again"),
    "people.sync_waiting": N_("a list of {source} waits to be confirmed: {names}"),
    "people.sync_dropped": N_("a list of {source} that waited was dropped by {by}"),
    "people.bundle_refused": N_("a signed list was refused: {detail}"),
    "people.enrolled": N_("face templates enrolled: {templates}"),
    "face.key_destroyed": N_("face key destroyed by {by}; templates: {templates}; {why}"),
    "face.consent_set": N_("agreed to the face match on {given_at}, until {until}"),
    "face.picture_viewed": N_("{by} looked at the picture of event {seq}"),
    "face.portrait_viewed": N_("{by} looked at the portrait"),
    "face.pictures_purged": N_("pictures deleted: {count}; days kept: {days}"),
    "face.forgotten": N_("face forgotten by {by}: {reason}"),
    "people.pin_set": N_("PIN set by {by}"),
    "people.pin_cleared": N_("PIN removed by {by}"),
    "operator.added": N_("{name} is an operator now, as {roles}; set by {by}"),
    "operator.changed": N_("the operator {name} is now: {roles}; set by {by}"),
    "operator.ended": N_("{name} is not an operator any more; set by {by}"),
    "records.exported": N_("{by} exported {n} records: {asked}"),
    "records.verified": N_("{by} had the log verified up to record {seq}: {result}"),
    "operator.pin_accepted": N_("PIN of {name} accepted for {act}, asked by {by}"),
    "operator.pin_refused": N_("PIN of {name} refused for {act}, asked by {by}"),
    "people.revoked": N_("access revoked: {reason}"),
    "people.badge_lost": N_("BADGE {badge} REPORTED LOST by {by}: {reason}"),
    "people.badge_found": N_("badge {badge} is in use again, by {by}: {reason}"),
    "people.reinstated": N_("access given back: {reason}"),
    "visit.expected": N_("{name} is expected by {host}"),
    "visit.arrived": N_("{name} arrived for {host}; ID seen: {id_kind}"),
    "visit.held": N_("{name} was not let in: {reason}"),
    "visit.host_contacted": N_("{host} was told of {name}"),
    "visit.badge_issued": N_("badge {badge} handed to {name}"),
    "visit.badge_returned": N_("badge {badge} is back"),
    "visit.extended": N_("visit of {name} until {until}"),
    "visit.overdue": N_("{name} should have left by {until}; company contact: {host}"),
    "visit.departed": N_("{name} left"),
    "visit.cancelled": N_("visit of {name} cancelled: {reason}"),
    "visit.refused": N_("{name} sent away: {reason}"),
    "visit.regular_added": N_("{name} is a known regular visitor, by {by}"),
    "visit.regular_removed": N_("{name} is no known regular visitor any more, by {by}"),
    "freight.expected": N_("{driver} of {carrier} is expected"),
    "freight.arrived": N_("{driver} of {carrier} arrived with {tractor}; ID seen: {id_kind}"),
    "freight.identified": N_("the driver's ID was seen: {id_kind}"),
    "freight.hooked": N_("took {units}, recorded by {by}"),
    "freight.seal_seen": N_("seal {seal} looked at by {by}"),
    "freight.inspected": N_("{checklist} answered by {inspector}"),
    "freight.signed": N_("inspections signed by {supervisor}"),
    "freight.unloaded": N_("unloaded"),
    "freight.loading": N_("loading, recorded by {by}"),
    "freight.picture_viewed": N_("{by} looked at a picture of truck {freight}"),
    "freight.held": N_("HELD: {codes}"),
    "freight.refused": N_("REFUSED: {codes}"),
    "freight.released": N_("released by {supervisor}: {reason}"),
    "freight.spot_drawn": N_("spot check, drawn: {drawn}"),
    "freight.spot_checked": N_("spot check by {checker}: {ok}"),
    "freight.departed": N_("{tractor} departed"),
    "freight.turned_away": N_("turned away: {reason}"),
    "seal.received": N_("seals received, class {class}: {count}"),
    "seal.issued": N_("seals handed to {to}: {count}"),
    "seal.voided": N_("seal voided: {reason}"),
    "seal.affixed": N_("seal {seal} put on by {by}"),
    "seal.reconciled": N_("seals compared with trucks by {by}; mismatches: {count}"),
    "partner.added": N_("partner registered by {by}, until {valid_until}"),
    "partner.changed": N_("partner changed by {by}: {status}, until {valid_until}"),
    "config.changed": N_("the configuration was changed by {by}: {keys}"),
    "gateway.started": N_("gateway started"),
    "gateway.stopped": N_("gateway stopped"),
    "gateway.task_failed": N_("a part failed: {detail}"),
    "alarm.log_lost": N_(
        "THE LOG LOST RECORDS: it ended with {seq}, and {known_by} knows {known_seq}"
    ),
    "ledger.archived": N_("events {first} to {last} went into the archive {file}"),
    "ledger.archive_deleted": N_(
        "the archive with events {first} to {last} was deleted; days kept: {days}"
    ),
    "ledger.redacted": N_("personal data were taken out of events by {by}: {count}; {reason}"),
    "ledger.checkpoint": N_("the log's head is signed"),
    "ledger.created": N_("the log begins"),
    "ledger.recovered": N_("the log can be written again; events refused: {refused}"),
    "ledger.key_changed": N_("the log has a new key: the old one signed it"),
    "ledger.late": N_("events {seqs} were written too late to count"),
    "state.damaged": N_("a file of the gateway is damaged: {detail}; {done}"),
    "clock.stepped": N_("the clock moved by {seconds} s"),
    "clock.accepted": N_("the clock was accepted by {by}"),
}

RULES: Mapping[str, str] = {
    "door": N_("the door is in the policy"),
    "busy": N_("not too many badges wait"),
    "age": N_("the badge was read just now"),
    "reading": N_("a valid card was read"),
    "listed": N_("somebody on the list holds it"),
    "status": N_("neither suspended nor revoked"),
    "clock": N_("the clock is to be trusted"),
    "validity": N_("today is a valid day"),
    "access": N_("a level or grant opens it now"),
    "threat": N_("the threat level lets pass"),
    "required": N_("what the area requires is on record"),
    "lapsed": N_("and has not lapsed"),
    "lock": N_("the lock answers"),
    "service": N_("the door is in service"),
    "tampered": N_("no device was opened"),
    "interlock": N_("no other door of its interlock is open"),
    "degraded": N_("what does not work is provided for"),
    "passback": N_("not inside already"),
    "full": N_("the area is not full"),
    "pin": N_("PIN, where it is asked for"),
    "enrolled": N_("face enrolled, where it is asked for"),
    "face": N_("face, where it is asked for"),
    "escort": N_("with an escort, if one is needed"),
    "second": N_("not alone, where nobody may be"),
    "confirmed": N_("a guard's word, where it is asked for"),
    "error": N_("an error of the program"),
}
"""What each rule of `decide()` looks at, as it is when the rule lets pass."""


CONSOLE: Mapping[str, str] = {
    # how somebody signed in
    "password": N_("password"),
    "password+code": N_("password and code"),
    "password+passkey": N_("password and passkey"),
    "badge": N_("badge and PIN"),
    "code": N_("one-time code"),
    "oidc": N_("the company's sign-in"),
    # why not
    "wrong": N_("name or password is wrong"),
    "wrong_code": N_("the one-time code is wrong"),
    "wrong_second": N_("the second factor is wrong"),
    "wrong_pin": N_("the PIN is wrong"),
    "limited": N_("too many tries"),
    "not_active": N_("not active on the list"),
    "no_role": N_("no role at this site"),
    # why a session ended
    "elsewhere": N_("its cookie came from another browser or address"),
    "ended": N_("ended by hand"),
    "password_changed": N_("the password changed"),
    "taken_over": N_("somebody else signed in at the same screen"),
    # what changed
    "new_code": N_("one-time code given"),
    "new_password": N_("password chosen"),
    "totp_on": N_("codes of an app set up"),
    "totp_off": N_("codes of an app removed"),
    "passkey_on": N_("passkey set up"),
    "passkey_off": N_("passkey removed"),
    "second_forgotten": N_("second factor forgotten"),
    "screen_on": N_("this screen stands at the desk's reader"),
    "screen_off": N_("a screen stands at the desk's reader no more"),
    "closed": N_("closed"),
}
"""How and why, as the events of the console say it."""
_CODED = ("how", "why", "what")


def rule(name: str, language: str | None = None) -> str:
    """A rule of `decide()` as a sentence."""
    return _said(RULES.get(name, name), language)


def reason(code: str, language: str | None = None) -> str:
    """A reason code as a sentence; the code itself if it is not known."""
    return _said(REASONS.get(code, code), language)


def duration(seconds: float) -> str:
    """A length of time in its two largest units ("3 d 4 h"), alike in all our languages."""
    left = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        parts.append((count, unit))
    first = next((at for at, (count, _unit) in enumerate(parts) if count), len(parts) - 1)
    shown = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(shown) or "0 s"


CLOCK_BEHIND = N_(
    "the clock is {behind} behind the newest record, so nobody passes: set it (NTP); if the "
    "records were ahead of the time: garita clock accept"
)
# What the gateway did about a file of its own that was damaged at the start.
DAMAGED: Mapping[str, str] = {
    "apps_anew": N_("codes of telephones are wrong until an administrator has them set up anew"),
    "begun_anew": N_("it begins anew"),
    "denies": N_("badges are denied until it is restored"),
    "from_log": N_("what it held was read from the log"),
    "list_copy": N_("its copy is in force; whoever lost access since is refused"),
    "learnt_anew": N_("the cameras learn their scenes anew"),
    "learnt_from_log": N_("what it held is learnt from the log again"),
    "new_log": N_("it is put aside, and a new log has begun"),
    "not_signed": N_("the log is not signed until it is restored"),
    "previous": N_("the version before is in force"),
    "published_again": N_("all records are published again"),
    "readers_offline": N_("readers on buses stay offline until it is restored"),
    "refuses": N_("signed commands are refused until it is restored"),
    "sign_in_anew": N_("everybody signs in anew with a code of `garita console account code`"),
    "signed_anew": N_("the next checkpoint writes it anew"),
    "strictest": N_("the strictest threat level is in force"),
    "written_anew": N_("what it held was known, and was written anew"),
}
CLOCK_AHEAD = N_(
    "the clock leapt {ahead} ahead, so nothing is destroyed or forgiven until it is beyond doubt: "
    "the kernel says that it is synchronised, a day passes, or garita clock accept"
)
CLOCK_WORDS: Mapping[str, str] = {
    "kernel": N_("the clock is accepted: the kernel says that it is synchronised"),
    "day": N_("the clock is accepted: the gateway has run for a day since it leapt"),
}


MOVED_OUT = N_("{name} left {from}")
BADGE_WITHDRAWN = N_("badge of {who} denied here {seconds} s after it was withdrawn: {detail}")
KEY_WAS_LOST = N_(
    "THE LOG'S KEY WAS LOST: the log goes on behind {seq} under a new name, with a new key"
)
SHUT_OUT = frozenset({"left_list", "shut_off"})


def describe(event: Event, language: str | None = None, zone: ZoneInfo | None = None) -> str:
    """One event as a sentence, without its time and place.

    Args:
        event: A record of the log.
        language: One of `gateway.locale.LANGUAGES`; by default the one in use.
        zone: The site's; times in the sentence are local.  Without one they stay UTC.
    """
    template = _said(EVENTS.get(event.type, event.type), language)
    data = event.data
    if event.type == EventType.CLOCK_STEPPED:
        # At a start the clock may be days off without having moved: "moved by 0.0 s" misleads.
        behind, ahead = data.get("behind_s"), data.get("ahead_s")
        if isinstance(behind, int | float) and behind > 0:
            return _said(CLOCK_BEHIND, language).format(behind=duration(behind))
        if isinstance(ahead, int | float) and ahead > 0:
            return _said(CLOCK_AHEAD, language).format(ahead=duration(ahead))
    if event.type == EventType.CLOCK_ACCEPTED and (word := data.get("why")) in CLOCK_WORDS:
        return _said(CLOCK_WORDS[str(word)], language)
    if event.type == EventType.ALARM_LOG_LOST and data.get("known_by") == KEY_LOST:
        template = _said(KEY_WAS_LOST, language)
    if event.type == EventType.AREA_MOVED and not data.get("area"):
        template = _said(MOVED_OUT, language)
    if event.type == EventType.PEOPLE_REVOCATION_EFFECTIVE and not SHUT_OUT.intersection(
        str(data.get("how", "left_list")).split(",")
    ):
        template = _said(BADGE_WITHDRAWN, language)
    person, card = (_table(data.get(name)) for name in ("person", "credential"))
    who = person.get("name") or card.get("masked") or data.get("reader", "?")
    why = reason(str(data.get("reason", "")), language)
    if recorded := data.get("rule"):
        why = f"{why} ({detail(str(recorded), language)})"
    facts = _Blank({key: _fact(value, language, zone) for key, value in data.items()})
    if event.type == EventType.COMMAND_REFUSED:
        codes = str(data.get("why", "")).split(", ")
        told = (reason(c, language) if c in REASONS else detail(c, language) for c in codes)
        why = ", ".join(told)
    elif "why" in data and not data.get("reason"):
        why = details(str(data["why"]), language)
    facts.update(who=who, why=why)
    for key in ("kind", "status"):
        if (code := data.get(key)) in words.CODES:
            facts[key] = _said(words.CODES[str(code)], language)
    if "detail" in data:
        facts["detail"] = detail(str(data["detail"]), language)
    if event.type == EventType.STATE_DAMAGED and (done := data.get("done")) in DAMAGED:
        facts["done"] = _said(DAMAGED[str(done)], language)
    if event.type.startswith("console."):
        known = {key: CONSOLE[str(data[key])] for key in _CODED if data.get(key) in CONSOLE}
        facts.update((key, _said(text, language)) for key, text in known.items())
    if event.type.startswith(("visit.", "freight.")):
        facts.update(_desk(data, language))
    if "kind" in data and event.type.startswith("alarm."):
        facts.update(_alarm(data, language))
    return template.format_map(facts).strip()


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


def _fact(value: object, language: str | None, zone: ZoneInfo | None) -> object:
    """A value of a record inside a sentence: a word for yes or no, a list as people write one, a
    time of the site."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return _said(N_("yes") if value else N_("no"), language)
    if isinstance(value, list | tuple):
        return ", ".join(str(_fact(item, language, zone)) for item in value) or "-"
    if zone is not None and isinstance(value, str) and _MOMENT.fullmatch(value):
        return words.moment(value, zone)
    return value


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


# Why the desk holds a visitor back; a code that is not here stays as it is.
VISIT_REASONS: Mapping[str, str] = {
    "id_missing": N_("no photo ID was shown"),
    "id_of_other_name": N_("the document was shown before by another name"),
    "visit_unexpected": N_("nobody announced this visit"),
    "same_person": N_("a second person must let it in, not the same operator"),
}


def _desk(data: Mapping[str, Any], language: str | None) -> dict[str, str]:
    """The codes of a record of the desk in words."""
    from gateway.config.desk import ID_KINDS  # noqa: PLC0415 - only for records of the desk
    from gateway.desk.freight.findings import CODES  # noqa: PLC0415
    from gateway.desk.partners import WORDS as CLEARANCES  # noqa: PLC0415

    said: dict[str, str] = {}
    if codes := data.get("codes"):
        texts = {code: kind.text for code, kind in CODES.items()}
        said["codes"] = "; ".join(_said(texts.get(c, c), language) for c in codes.split(", "))
    if (why := data.get("reason")) in {**VISIT_REASONS, **CLEARANCES}:
        said["reason"] = _said({**VISIT_REASONS, **CLEARANCES}[str(why)], language)
    if (kind := data.get("id_kind")) in ID_KINDS:
        names = ID_KINDS[str(kind)]
        said["id_kind"] = names.es if (language or locale.language()) == "es" else names.en
    return said


def _alarm(data: Mapping[str, Any], language: str | None) -> dict[str, str]:
    """The codes of what people did about an alarm in words."""
    from gateway.state.alarms.kinds import KINDS, OUTCOMES  # noqa: PLC0415 - only for these

    said = {}
    if (kind := KINDS.get(str(data["kind"]))) is not None:
        said["kind"] = _said(kind.title, language)
    if (outcome := data.get("outcome")) in OUTCOMES:
        said["outcome"] = _said(OUTCOMES[str(outcome)], language)
    return said


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _said(text: str, language: str | None) -> str:
    return Message(text).words(language)
