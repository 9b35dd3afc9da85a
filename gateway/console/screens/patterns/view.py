"""What the pages of the patterns show, in the language in use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from gateway.config import Settings
from gateway.console.page import Page
from gateway.console.papers import papers
from gateway.console.screens.records import view as records
from gateway.console.screens.records.asked import Asked, eyes
from gateway.desk import findings
from gateway.desk.findings import Known
from gateway.desk.fromlog import outbox
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import N_, _

OPEN = ("new", "looked_at")
PILLS: Mapping[str, str] = {
    "new": "info",
    "looked_at": "plain",
    "explained": "good",
    "confirmed": "warn",
    "acted_upon": "good",
}
ABOUT: Mapping[str, str] = {
    "person": N_("person"),
    "other": N_("with"),
    "operator": N_("operator"),
    "visitor": N_("visitor"),
    "inspector": N_("inspector"),
    "signer": N_("signer"),
    "supervisor": N_("supervisor"),
    "driver": N_("driver"),
    "carrier": N_("carrier"),
    "door": N_("door"),
    "hour": N_("hour"),
    "load": N_("load"),
    "freight": N_("truck"),
    "camera": N_("camera"),
    "reader": N_("reader"),
    "area": N_("area"),
    "escort": N_("escort"),
    "seal": N_("seal"),
}
"""What a finding is about; a key without an entry is shown as it is."""
_SELF = ("person", "other", "operator", "inspector", "signer", "supervisor", "escort")
_ACTS: Mapping[str, str] = {
    "looked_at": N_("I looked at it"),
    "explained": N_("It is in order"),
    "confirmed": N_("It is what it looks like"),
    "acted_upon": N_("Something was done"),
}


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the score: why, how many bits, and how much of the largest (0 to 100)."""

    words: str
    bits: float
    percent: int


@dataclass(frozen=True, slots=True)
class About:
    """Something that a finding is about, with the page that has more of it ("" for none)."""

    name: str
    value: str
    link: str


@dataclass(frozen=True, slots=True)
class Act:
    """What may be done with a finding: its next state, and whether words are needed for it."""

    state: str
    words: str
    needs: bool


def all_of(page: Page) -> dict[str, Known]:
    """The findings that the operator may see, by id, oldest first.  Blocks.  Raises
    LedgerUnavailable and RosterUnavailable."""
    kinds = [EventType.PATTERN_FINDING]
    with page.site.people() as db, page.site.ledger() as ledger:
        waiting = outbox(db, kinds)  # first: what is on record meanwhile is then known twice
        events = papers(page.site, kinds).events(ledger)
    on_record = {event.id for event in events}
    found: dict[str, Known] = {}
    for event in (*events, *(one for one in waiting if one.id not in on_record)):
        findings.take(found, event)
    return {key: one for key, one in found.items() if sees(page, one)}


def sees(page: Page, one: Known) -> bool:
    """Whether the finding belongs to the operator's part of the site: what is about no door belongs
    to all of it."""
    door = one.about.get("door", "")
    return not page.operator.areas or not door or page.may_door(door)


def monday_of(text: str, today: date) -> date:
    """The Monday of the week that the address asks for; of this week by default."""
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        day = today
    day = day if 2000 <= day.year <= 9000 else today
    return day - timedelta(days=day.weekday())


def looked_at(settings: Settings) -> datetime | None:
    """When the patterns last went through the log; None if they never did.  Blocks."""
    path = settings.patterns_path
    times = []
    for one in (path, Path(f"{path}-wal")):
        try:
            times.append(one.stat().st_mtime)
        except OSError:
            continue
    return datetime.fromtimestamp(max(times), UTC) if times else None


def shares(one: Known) -> list[Share]:
    """The parts of its score, the largest first."""
    most = max((bits for _words, bits in one.shares), default=0.0)
    return [
        Share(findings.said(words), bits, round(100 * bits / most) if most > 0 and bits > 0 else 0)
        for words, bits in sorted(one.shares, key=lambda pair: -pair[1])
    ]


def about(one: Known, doors: Collection[str]) -> list[About]:
    """What it is about, in the order of ABOUT."""
    order = list(ABOUT)
    keys = sorted(one.about, key=lambda key: (order.index(key) if key in order else 99, key))
    return [
        About(
            _(ABOUT.get(key, key)), _value(key, one.about[key]), _link(key, one.about[key], doors)
        )
        for key in keys
    ]


def acts(one: Known) -> list[Act]:
    """What may be done with it now."""
    return [Act(state, _(_ACTS[state]), state in ("explained", "acted_upon")) for state in one.may]


def is_about(one: Known, by: Operator) -> bool:
    """Whether it is about the operator themself, who then does not deal with it."""
    names = {str(by), by.person} - {""}
    return any(one.about.get(key) in names for key in _SELF)


def lines(page: Page, one: Known) -> list[records.Line]:
    """The records that show it, as far as the operator may see them.  Blocks."""
    mine = eyes(page)
    found = []
    with page.site.ledger() as ledger:
        for seq in one.records[:60]:
            event = ledger.get(seq) if 0 < seq < 2**62 else None
            if event is not None and mine.may(event):
                found.append(records.line(event, page.zone))
    return found


def _value(key: str, value: str) -> str:
    return f"{value}:00" if key == "hour" and value.isdecimal() else value


def _link(key: str, value: str, doors: Collection[str]) -> str:
    if key in ("person", "other", "inspector", "signer", "supervisor") and value:
        return f"/people/{quote(value, safe='')}"
    if key == "door" and value in doors:
        return Asked({"door": value}).link()
    if key == "freight" and value.isascii() and value.isdigit() and len(value) < 15:
        return f"/trucks/{value}"
    return ""
