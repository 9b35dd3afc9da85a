"""Codes of the status and of lists as words on the screen; dates and times as people write them.

JSON and files keep the codes and UTC.  What is not known here is shown as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from gateway.locale import N_, _, language

CODES: Mapping[str, str] = {
    # devices and links
    "online": N_("online"),
    "offline": N_("offline"),
    "unstable": N_("unstable"),
    "reader": N_("reader"),
    "lock": N_("lock"),
    "camera": N_("camera"),
    "input": N_("input"),
    "inputs": N_("inputs"),
    "bus": N_("bus"),
    "face": N_("faces"),
    "broker": N_("broker"),
    # cameras
    "no_signal": N_("no picture"),
    "unreachable": N_("does not answer at its address"),
    "login_refused": N_("refuses the user or password"),
    "no_stream": N_("refuses the stream"),
    "delayed": N_("pictures come late"),
    "frozen": N_("the picture stands still"),
    "looping": N_("plays a recording"),
    "black": N_("black picture"),
    "underexposed": N_("too dark"),
    "overexposed": N_("too bright"),
    "covered": N_("covered"),
    "moved": N_("looks elsewhere"),
    "defocused": N_("out of focus"),
    "capabilities": N_("starting"),
    "challenge": N_("starting"),
    "crypt": N_("starting"),
    # doors
    "locked": N_("locked"),
    "waiting": N_("waiting"),
    "unlocked": N_("unlocked"),
    "open": N_("open"),
    "held": N_("held open"),
    "forced": N_("forced"),
    "tampered": N_("tampered with"),
    "out_of_service": N_("out of service"),
    # people
    "active": N_("active"),
    "suspended": N_("suspended"),
    "revoked": N_("revoked"),
    "off": N_("off"),
    "soft": N_("soft"),
    "hard": N_("hard"),
    "timed": N_("timed"),
    "expired": N_("expired"),
    "not_yet": N_("not valid yet"),
    # what may fail
    "clock": N_("clock"),
    "sync": N_("clock synchronisation"),
    "list_old": N_("list too old"),
    "list_copy": N_("the list is a copy"),
    "disk": N_("disk space"),
    "channel": N_("secure channel"),
    "peers": N_("another gate"),
    "peer": N_("other gate"),
    "deny": N_("deny"),
    "confirm": N_("a guard confirms"),
    "badge": N_("badge"),
    "badge+pin": N_("badge and PIN"),
    "badge+face": N_("badge and face"),
    "badge+face+pin": N_("badge, face and PIN"),
    # keys of a person, of a link, of MQTT
    "id": N_("id"),
    "name": N_("name"),
    "company": N_("company"),
    "role": N_("role"),
    "valid_from": N_("valid from"),
    "valid_until": N_("valid until"),
    "status": N_("status"),
    "access_levels": N_("levels"),
    "credentials": N_("badges"),
    "templates": N_("faces"),
    "revoked_at": N_("revoked at"),
    "revoked_by": N_("revoked by"),
    "revoked_why": N_("revoked because"),
    "list_status": N_("status on the list"),
    "inactive_since": N_("without access since"),
    "inactive_by": N_("taken by"),
    "inactive_why": N_("because"),
    "escorts": N_("escorts"),
    "state": N_("state"),
    "connected": N_("connected"),
    "disconnected": N_("not connected"),
    "pending": N_("waiting to be sent"),
    "vendor": N_("vendor"),
    "model": N_("model"),
    "version": N_("version"),
    "serial": N_("serial number"),
    "firmware": N_("firmware"),
    # rows of a list
    "add": N_("added"),
    "change": N_("changed"),
    "remove": N_("removed"),
    "added": N_("added"),
    "changed": N_("changed"),
    "removed": N_("removed"),
    "unchanged": N_("unchanged"),
    "door": N_("door"),
    "area": N_("area"),
    "person": N_("person"),
}
# How access was lost, and how its time is known (gateway/people/losses.py).
LOSSES: Mapping[str, str] = {
    "left_list": N_("left the list"),
    "shut_off": N_("no longer active on the list"),
    "shorter": N_("validity shortened"),
    "fewer_badges": N_("badge withdrawn"),
    "fewer_levels": N_("level withdrawn"),
    "requirement": N_("requirement withdrawn"),
    "revoked_here": N_("revoked here"),
    "grant": N_("grant ended"),
    "visitor_badge": N_("visitor's badge not returned"),
    "generated_at": N_("the list"),
    "file": N_("the list's file"),
    "received": N_("when it came"),
    "said": N_("the operator"),
    "act": N_("the act itself"),
    "source": N_("the source"),
    "revoked_at": N_("the source"),
}


def word(code: object) -> str:
    """A code as a word; a code that is not known, with spaces for its underscores."""
    text = str(code)
    return _(CODES[text]) if text in CODES else text.replace("_", " ")


def loss(code: str) -> str:
    """How access was lost, or how its time is known, as words."""
    return _(LOSSES[code]) if code in LOSSES else code


def yes(value: object) -> str:
    return _("yes") if value else _("no")


def moment(
    at: datetime | str, zone: ZoneInfo, *, seconds: bool = False, named: bool = False
) -> str:
    """An instant on the screen: local time of the site, as its language writes it.

    Args:
        at: The instant; ISO text, as in records, is read as UTC if it names no zone.
        zone: The site's zone.
        seconds: With the seconds.
        named: With the zone's short name, where it matters which zone is meant.
    """
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            return str(at)
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo("UTC"))
    local = at.astimezone(zone)
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    shown = f"{day(local.date())} {clock}"
    return f"{shown} {local:%Z}" if named else shown


def day(on: date | str) -> str:
    """A day as the language writes it; in English as in ISO 8601, which nobody misreads."""
    if isinstance(on, str):
        try:
            on = date.fromisoformat(on)
        except ValueError:
            return str(on)
    if language() == "en":
        return on.isoformat()
    from babel.dates import format_date  # noqa: PLC0415 - English needs it not

    return format_date(on, "medium", locale=language())


def number(value: float, digits: int = 0) -> str:
    """A number with so many decimals, as the language writes it."""
    if language() == "en":
        return f"{value:.{digits}f}"
    from babel.numbers import format_decimal  # noqa: PLC0415

    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(value, pattern, locale=language())
