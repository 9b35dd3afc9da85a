"""What a guard typed into a form of visitors, as the functions of the desk take it."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.console.page import Page
from gateway.console.seconds import second
from gateway.desk.act import moment
from gateway.desk.errors import DeskError
from gateway.desk.identity import Shown, shown
from gateway.desk.visits.visit import Plan, Release, Visit

FIELDS = (
    "name",
    "company",
    "host",
    "purpose",
    "id_kind",
    "end",
    "begin",
    "other_end",
    "kind",
    "alone",
    "reason",
)
"""Fields that a form keeps when it comes back; a document's number and a PIN are typed anew."""


def kept(page: Page) -> dict[str, str]:
    """What was typed, to show it again."""
    return {name: page.field(name)[:400] for name in FIELDS}


def plan(page: Page, now: datetime) -> Plan:
    """The visit that a form describes.  Raises DeskError."""
    zone = page.zone
    begin, chosen = page.field("begin"), page.field("other_end") or page.field("end")
    if not chosen:
        raise DeskError("missing", "say until when the visit lasts")
    since = moment(begin, zone, now) if begin else now
    until = moment(chosen, zone, now)
    kind = page.field("kind") or "visitor"
    return Plan(
        page.field("name"),
        page.field("host"),
        since,
        until,
        page.field("company"),
        kind,
        page.field("purpose"),
        escort=not page.field("alone"),
    )


async def release(page: Page, act: str) -> Release | None:
    """The second person's word on the form, proven; None if nobody gave one.  `act` says in the
    log what it is for.  Raises DeskError."""
    if not (page.field("second") or page.field("badge")):
        return None
    return Release(await second(page, act), page.field("reason"))


async def document(page: Page) -> Shown | None:
    """The photo ID that the guard looked at; None if none was chosen.

    The running gateway makes the fingerprint of a number, because the console has no site key.
    Raises DeskError and ControlError.
    """
    kind, number = page.field("id_kind"), page.field("id_number")
    if not kind:
        return None
    table = page.site.settings.tables.visits
    kinds = {name: (item.en, item.es) for name, item in table.id_kinds.items()}
    asked = Asked()
    shown(kind, number, kinds=kinds, key=asked, keep=False)
    if not asked.text:
        return Shown(kind)
    answer = await page.ask("errand", act="mark", of="document", texts=[asked.text])
    marked = Asked(str(answer["marks"][0]))
    return shown(kind, number, kinds=kinds, key=marked, keep=table.keep_id_number)


class Asked:
    """Stands for the site key: keeps the text of which a fingerprint is wanted, and gives the one
    that the gateway made."""

    def __init__(self, mark: str = "") -> None:
        self.mark, self.text = mark, ""

    def fingerprint(self, credential_key: str) -> str:
        """`SiteKey.fingerprint`."""
        self.text = credential_key
        return self.mark

    def document(self, text: str) -> str:
        """`SiteKey.document`."""
        self.text = text
        return self.mark


def version(page: Page) -> int | None:
    """The version of the visit that the page showed."""
    text = page.field("version")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def same(visit: Visit, plan: Plan) -> bool:
    """Whether a visit is the one that the plan describes."""
    return (visit.name, visit.company, visit.host) == (
        " ".join(plan.name.split()),
        " ".join(plan.company.split()),
        " ".join(plan.host.split()),
    )


def now() -> datetime:
    """The time of an act, in UTC."""
    return datetime.now(UTC)
