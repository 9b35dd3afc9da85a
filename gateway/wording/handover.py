"""The page of a handover in words: lines for a terminal, and the sentences of the console."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from gateway.desk.freight.findings import CODES
from gateway.desk.handover.verify import Verified
from gateway.locale import N_, _
from gateway.wording import alarms, text, words

HEADS: Mapping[str, str] = {
    "alarms": N_("Open alarms"),
    "shelved": N_("Shelved sources"),
    "inside": N_("Who is inside"),
    "overdue": N_("Visitors who should have left"),
    "badges_out": N_("Badges that are out"),
    "trucks": N_("Held trucks"),
    "overridden": N_("What was overridden"),
}
"""The parts of the page, in order."""


def line(part: str, item: Mapping[str, Any], zone: ZoneInfo) -> str:
    """One line of a part of the page."""
    at = words.moment
    if part == "alarms":
        seen = _("seen by {name}").format(name=item["seen"]) if item["seen"] else _("NOT SEEN")
        what = f"{alarms.title(item['kind'])}, {item['subject']}"
        return f"{item['alarm']}: {what}, {at(item['since'], zone)}, {seen}"
    if part == "shelved":
        until = _("until {until}").format(until=at(item["until"], zone))
        return f"{alarms.title(item['kind'])}, {item['subject']}, {until}"
    if part == "inside":
        return f"{item['name'] or item['person']}, {item['area']}, {at(item['since'], zone)}"
    if part == "overdue":
        until = _("until {until}").format(until=at(item["until"], zone))
        return f"{item['visit']}: {item['name']} ({item['host']}), {until}"
    if part == "badges_out":
        return f"{item['badge']}: {item['name']}"
    if part == "trucks":
        found = "; ".join(_(CODES[code].text) if code in CODES else code for code in item["codes"])
        return f"{item['truck']}: {item['driver']}, {item['carrier']}: {found}"
    what = _plain(text.EVENTS.get(item["type"], item["type"]))
    told = (at(item["time"], zone), item["subject"], what, item["by"], item["reason"])
    return f"{item['seq']}: {', '.join(filter(None, told))}"


def lines(page: Mapping[str, Any], zone: ZoneInfo) -> Iterable[str]:
    """The whole page for a terminal."""
    since, until = (words.moment(page[key], zone, named=True) for key in ("since", "until"))
    yield _("{gateway}: shift from {since} to {until}").format(
        gateway=page["gateway"], since=since, until=until
    )
    for part, head in HEADS.items():
        found, named = page[part], _(head)
        if found is None:
            unknown = _("not known, the gateway is stopped")
            yield f"{named}: {unknown}"
            continue
        yield f"{named}: {len(found) + page['more'].get(part, 0)}"
        for item in found:
            yield f"    {line(part, item, zone)}"
    yield _("log: {seq}:{hash}").format(seq=page["head"]["seq"], hash=page["head"]["hash"])


def verified(found: Verified, zone: ZoneInfo) -> Iterable[str]:
    """What the check of a handover found."""
    by = found.event.data
    yield _("handed over by {name}, {time}").format(
        name=by.get("by_name") or by.get("by"), time=words.moment(found.event.time, zone)
    )
    if found.taken is not None:
        to = found.taken.data
        yield _("taken over by {name}, {time}").format(
            name=to.get("by_name") or to.get("by"), time=words.moment(found.taken.time, zone)
        )
    else:
        yield _("nobody has taken over yet")
    for problem in found.problems:
        yield _("WRONG: {what}").format(what=problem.say())
    if found.good:
        yield _("it is as it was signed")
        yield (
            _("a signed head of the log holds it")
            if found.signed
            else _("no signed head of the log holds it yet")
        )


def _plain(what: str) -> str:
    """The sentence of a type of record without its facts."""
    said = _(what)
    return said.partition("{")[0].rstrip(" :,(") or said
