"""Trucks for tests of the console: partners, seals, and a truck brought as far as a test needs."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from playwright.async_api import Page

from gateway.config import Settings
from gateway.desk import partners
from gateway.desk.freight import arrivals, seals, store
from gateway.desk.freight.act import Act
from gateway.desk.freight.settings import freight_policy
from gateway.desk.freight.transaction import Expected, Transaction
from gateway.desk.identity import Shown
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin
from tests.gateway.console.booth import Booth
from tests.gateway.console.site import Desk

FREIGHT = '\n[freight]\nspot_check_percent = 0.0\npictures_dir = "pictures"\n'
CARRIER = "Transportes Norte"
VVTT = dict.fromkeys(("view-0", "verify-0", "tug-0", "twist-0"), "yes")
LISTS = ("tractor-7", "trailer-10", "pests")
SAME = {
    "driver": "same",
    "carrier": "same",
    "tractor": "same",
    "unit-0": "same",
    "id_kind": "licence",
    "loaded": "no",
}


def stock(settings: Settings, to: str = "Rosa Ibarra") -> None:
    """A cleared carrier, and ten seals of which four are handed to the guard."""
    now = datetime.now(UTC)
    norte = partners.Partner(CARRIER, "carrier", "ctpat", "SVI-9", None, date(2036, 5, 31))
    with closing(open_admin(settings.people_path)) as db:
        partners.put(db, norte, partners.PartnerPolicy(), by="boss", now=now)
        numbers = seals.numbers(["AB100000..AB100009"])
        seals.receive(db, numbers, seal_class="H", certificate="T-1", by="boss", now=now)
        seals.issue(db, numbers[:4], to=to, by="boss", now=now)


def expected(settings: Settings, told: Expected) -> None:
    """A carrier announced a truck."""
    with closing(open_admin(settings.people_path)) as db:
        act = Act(db, freight_policy(settings), Operator("boss"), datetime.now(UTC))
        arrivals.expect(act, told)


@dataclass
class Yard:
    """Trucks at a desk, by what forms say."""

    desk: Desk

    def tx(self, number: int = 1) -> Transaction:
        """The truck as people.db has it."""
        with closing(open_admin(self.desk.site.settings.people_path)) as db:
            return store.load(db, number)

    def events(self, prefix: str = "freight.") -> list[str]:
        """The types of events, oldest first: of the log, then of the outbox."""
        with self.desk.site.ledger() as ledger:
            recorded = [event.type for event in ledger.tail(500)]
        with closing(open_admin(self.desk.site.settings.people_path)) as db:
            waiting = [kind for (kind,) in db.execute("SELECT type FROM outbox ORDER BY rowid")]
        return [kind for kind in (*recorded, *waiting) if kind.startswith(prefix)]

    def announce(self, **fields: str) -> None:
        """Announce the usual truck."""
        told = {"eta": datetime.now(UTC).isoformat(timespec="minutes"), "driver": "Juan Pérez"}
        told |= {"carrier": CARRIER, "tractor": "AB-123-C", "units": "5301", **fields}
        answer = self.desk.post("/trucks/new", told)
        assert answer.status_code == 303, answer.text

    def act(self, what: str, fields: dict[str, str] | None = None, number: int = 1) -> str:
        """Send a form of the truck's page with the version that the page has; returns where the
        answer leads, or the page that says why not."""
        answer = self.desk.post(
            f"/trucks/{number}/{what}", {"version": str(self.tx(number).version), **(fields or {})}
        )
        return answer.headers["location"] if answer.status_code == 303 else answer.text

    def inspect(self, number: int = 1, unit: str = "5301", lists: tuple[str, ...] = LISTS) -> None:
        """All points of all lists are good."""
        for name in lists:
            told = {"list": name, "unit": unit}
            self.act("inspect", {**told, "begin": "yes"}, number)
            assert self.act("inspect", {**told, "rest": "good"}, number) == f"/trucks/{number}"


def notice(page: str) -> str:
    """What the page says went wrong."""
    found = re.search(r'<p class="notice notice-bad"[^>]*>(.*?)</p>', page, re.DOTALL)
    return found[1].strip() if found else ""


class Hand:
    """A guard's finger: counts taps and typed fields.  A tap into a field counts as a tap unless
    the page has put the cursor there."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps, self.typed = page, 0, 0

    async def tap(self, selector: str) -> None:
        """Tap what `selector` finds."""
        await self.page.locator(selector).first.click()
        self.taps += 1

    async def follow(self, selector: str) -> None:
        """Tap what leads to another page, and wait for that page."""
        async with self.page.expect_navigation():
            await self.tap(selector)

    async def type(self, name: str, text: str) -> None:
        """Type into the field of that name."""
        field = self.page.locator(f"input[name='{name}']")
        if not await field.evaluate("field => field === document.activeElement"):
            await field.click()
            self.taps += 1
        await self.page.keyboard.type(text)
        self.typed += 1

    async def choose(self, name: str, value: str) -> None:
        """Tap one of the choices of a field."""
        await self.tap(f"label.pick:has(input[name='{name}'][value='{value}'])")


def tx_of(gate: Booth, number: int) -> Transaction:
    with closing(open_admin(gate.settings.people_path)) as db:
        return store.load(db, number)


def announce(gate: Booth, tractor: str, unit: str, seal: str = "") -> None:
    eta = datetime.now(UTC) + timedelta(minutes=10)
    told = Expected(eta, "Juan Pérez", CARRIER, tractor, (unit,), (seal,) if seal else ())
    expected(gate.settings, told)


def held(gate: Booth) -> None:
    """A truck that nobody announced is here, and so it is held."""
    came = arrivals.Came("Ana", CARRIER, "ZZ9", shown=Shown("ine"))
    with closing(open_admin(gate.settings.people_path)) as db:
        policy = freight_policy(gate.settings)
        arrivals.arrive(Act(db, policy, Operator("desk"), datetime.now(UTC)), None, came)


async def as_announced(hand: Hand, seal: bool, number: int = 1) -> None:
    """Check a truck in when all is as announced, from the board to its page."""
    await hand.follow(f"a.truck-card[data-truck='{number}']")
    for name in ("driver", "carrier", "tractor", "unit-0"):
        await hand.choose(name, "same")
    await hand.choose("id_kind", "licence")
    if seal:
        await hand.choose("seal-0", "same")
        for act in ("view", "verify", "tug", "twist"):
            await hand.choose(f"{act}-0", "yes")
    else:
        await hand.choose("loaded", "no")
    await hand.follow("#arrive button.btn-big")
