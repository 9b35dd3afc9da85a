"""What would let a person in, in words: who can do what, for codes of gateway/decide/waysout.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.decide.waysout import Way
from gateway.locale import N_, _
from gateway.wording import words

WHO: Mapping[str, str] = {
    "person": N_("the person"),
    "guard": N_("the guard"),
    "supervisor": N_("a supervisor"),
    "hr": N_("human resources"),
    "administrator": N_("an administrator"),
}

SAID: Mapping[str, tuple[str, str]] = {
    "again": ("person", N_("presents the badge again")),
    "show_badge": ("person", N_("shows the badge")),
    "type_pin": ("person", N_("presents the badge again and types the PIN")),
    "right_pin": ("person", N_("presents the badge again and types the right PIN")),
    "wait_pin": ("person", N_("waits some minutes and types the right PIN")),
    "stand_before": ("person", N_("stands in front of the camera and presents the badge again")),
    "turn_head": ("person", N_("presents the badge again and turns the head as the reader asks")),
    "leave_first": ("person", N_("shows the badge at the way out first, if they are inside")),
    "wait_until": ("person", N_("comes back: the door opens to them on {at}")),
    "wait_day": ("person", N_("comes back: they are valid from {day}")),
    "at_the_door": ("person", N_("presents the badge at the door")),
    "second_person": ("person", N_("comes together with a second person who may enter")),
    "escort": ("person", N_("comes with somebody who may be an escort ({levels})")),
    "escort_named": ("person", N_("comes with one of their escorts: {people}")),
    "first": ("person", N_("waits until somebody of {levels} has entered")),
    "area_full": ("person", N_("waits until somebody leaves the area")),
    "other_door": ("person", N_("goes to another door")),
    "find_person": ("guard", N_("asks who it is, and looks for the name among the people")),
    "visitor_badge": ("guard", N_("registers a visitor, who gets a visitor's badge")),
    "identity": ("guard", N_("compares face, badge and photo ID: the badge may be lent")),
    "confirm": ("guard", N_("answers when the door asks for a guard's word")),
    "close_door": ("guard", N_("has the door {door} shut first")),
    "extend_visit": ("guard", N_("extends the visit, if the host agrees")),
    "tamper": (
        "guard",
        N_("looks at the reader; when it is whole and closed, the door works again"),
    ),
    "grant": ("supervisor", N_("gives a grant for the door {door} with an end")),
    "forgive": ("supervisor", N_("forgives the passback, after a look at the person")),
    "in_service": ("supervisor", N_("puts the door back into service")),
    "threat_level": ("supervisor", N_("lowers the threat level to {level}")),
    "open_to": ("supervisor", N_("lets only these levels in meanwhile: {levels}")),
    "reinstate": ("supervisor", N_("takes back a revocation that was made at this gate")),
    "list_status": ("hr", N_("makes them active on the list")),
    "list_days": ("hr", N_("changes their valid days on the list")),
    "list_badge": ("hr", N_("puts the badge on the list, for its holder")),
    "level": ("hr", N_("gives a level that opens it: {levels}")),
    "requirement": ("hr", N_("puts a valid {kind} of the person on record")),
    "company_requirement": ("hr", N_("puts a valid {kind} of the company {company} on record")),
    "set_pin": ("hr", N_("sets a PIN for them")),
    "enroll": ("hr", N_("enrols their face; photographs: {count} or more")),
    "new_list": ("hr", N_("puts a new list in force")),
    "clock": ("administrator", N_("sets the clock, or accepts it")),
    "repair": ("administrator", N_("repairs what fails: {thing}")),
    "repair_list": ("administrator", N_("makes the personnel list readable again")),
    "repair_lock": ("administrator", N_("repairs the lock's relay board or its cable")),
    "repair_face": ("administrator", N_("repairs the face match")),
    "repair_camera": ("administrator", N_("repairs the camera")),
    "repair_log": ("administrator", N_("makes room on the disk, so that the log can be written")),
    "configure_door": ("administrator", N_("configures the door in garita.toml")),
    "administrator": ("administrator", N_("looks into it")),
}
"""By code: who can do it, and what."""


def who(way: Way) -> str:
    """Who can do it, as a word."""
    return _(WHO[SAID[way.code][0]])


def said(way: Way, zone: ZoneInfo) -> str:
    """What they do, as the rest of a sentence that begins with `who`."""
    return _(SAID[way.code][1]).format(**{k: _fact(v, zone) for k, v in way.facts.items()})


def sentence(way: Way, zone: ZoneInfo) -> str:
    """Who does what, as one line."""
    return _("{who} {does}").format(who=who(way), does=said(way, zone))


def _fact(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return words.moment(value, zone)
    if isinstance(value, date):
        return words.day(value)
    return words.word(value) if value in words.CODES else str(value)
