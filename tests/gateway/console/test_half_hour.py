"""Half an hour at the booth, sped up: twelve trucks, eight visitors, a forced door, a lent badge, a
dead camera, the broker down, and the browser killed twice.

Rosa works in Spanish, on a tablet, and types only what no tap can say.  Everything is real but the
devices: the daemon, the console, mosquitto, chromium, the face match on photographs.  With
GARITA_PICTURES=FOLDER it writes the pictures of docs/console.md there.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page

from drivers.simulated.camera import person_video
from gateway.desk.visits import register
from gateway.desk.visits.settings import visit_policy
from gateway.desk.visits.visit import Plan
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin
from tests.conftest import Mosquitto
from tests.gateway.console.booth import Booth
from tests.gateway.console.trucks import FREIGHT, Hand, announce, as_announced, stock, tx_of

PIN = "4715"
TABLET = {"viewport": {"width": 1024, "height": 768}, "has_touch": True}
PEOPLE = [
    {"id": "e1", "name": "Bruno Reyes", "credentials": "em4100:18:1001", "access_levels": "plant"},
    {"id": "e2", "name": "Elena Ortiz", "credentials": "em4100:18:1002", "access_levels": "plant"},
    {"id": "e3", "name": "Diego Luna", "credentials": "em4100:18:1003", "status": "suspended"},
]
BRUNO, ELENA, DIEGO, NOBODY = 1001, 1002, 1003, 1999


class HalfHour:
    """The gate, the guard's browser, and what happens to both."""

    def __init__(self, gate: Booth, photos: Path) -> None:
        self.gate, self.rig, self.photos = gate, gate.rig, photos
        self.page: Page

    async def sit_down(self) -> None:
        """Rosa signs in at the tablet."""
        self.page = await self.gate.sign_in("rosa", **TABLET)

    async def lose_the_browser(self) -> None:
        """Somebody pulls the plug of the tablet; Rosa begins anew."""
        await self.gate.kill_browser()
        await self.sit_down()

    async def picture(self, name: str) -> None:
        """Take a picture of the screen as it is, for the pages."""
        taken = await self.page.screenshot(animations="disabled")
        if folder := os.environ.get("GARITA_PICTURES"):
            await asyncio.to_thread((Path(folder) / f"{name}.png").write_bytes, taken)

    async def badge(self, door: str, number: int) -> str:
        """Somebody holds a badge to a reader; returns the reason."""
        reader = self.rig.gate_reader if door == "gate" else self.rig.yard_reader
        before = (await self.rig.until(lambda s: True))["last"].get(door)
        reader.present(18, number)
        status = await self.rig.until(lambda s: s["last"].get(door) not in (None, before), 60)
        return str(status["last"][door]["reason"])

    async def announced(self, plans: list[tuple[str, str]]) -> None:
        """The office announces visitors."""
        now = datetime.now(UTC)
        policy = visit_policy(self.gate.settings)
        with closing(open_admin(self.gate.settings.people_path)) as db:
            for name, host in plans:
                plan = Plan(name, host, now, now + timedelta(hours=2), escort=False)
                register.expect(db, plan, policy, by=Operator("boss"), now=now)

    async def visitor_comes(self, name: str) -> None:
        """An announced visitor shows an ID; Rosa lets them in and tells the host."""
        page = self.page
        await page.goto(f"{self.gate.url}/visitors")
        card = page.locator(".visit-card", has=page.get_by_role("link", name=name))
        await card.locator("a.btn-primary").click()
        await page.locator("label.pick:has(input[name='id_kind'][value='ine'])").click()
        await page.locator("form[action$='/arrive'] button.btn-big").click()
        await page.locator("form[action$='/host'] button.btn-primary").click()
        await page.locator(".steps li[data-state='done']").nth(1).wait_for()

    async def visitor_leaves(self, name: str) -> None:
        page = self.page
        await page.goto(f"{self.gate.url}/visitors")
        card = page.locator(".visit-card", has=page.get_by_role("link", name=name))
        await card.locator("form[action$='/left'] button").click()
        await card.wait_for(state="detached")

    async def somebody_new(self, name: str, host: str) -> None:
        """A walk-in: two fields, two taps."""
        page = self.page
        await page.goto(f"{self.gate.url}/visitors/new")
        await page.fill("input[name=name]", name)
        await page.fill("input[name=host]", host)
        await page.locator("label.pick:has(input[name='id_kind'][value='passport'])").click()
        await page.locator("form[action='/visitors/new'] button.btn-big").click()
        await page.wait_for_url(re.compile(r"/visitors/\d+$"))

    async def truck_comes(self, number: int) -> None:
        await self.page.goto(f"{self.gate.url}/trucks")
        hand = Hand(self.page)
        await as_announced(hand, seal=False, number=number)

    async def truck_all_the_way(self, number: int, seal: str) -> None:
        """From the board to the road; Samuel signs by his PIN at Rosa's screen."""
        await self.truck_comes(number)
        page, hand = self.page, Hand(self.page)
        while await page.locator(".now button[name='begin']").count():
            await hand.follow(".now button[name='begin']")
            await hand.follow(".rest button")
        await hand.type("pin", PIN)
        await hand.follow(".now button.btn-primary")
        await hand.follow(".now form[action$='/load'] button")
        await hand.type("paper-bill_of_lading", f"BL-{number}")
        await hand.follow(".now button.btn-primary")
        await hand.choose("seal", seal)
        for act in ("view", "verify", "tug", "twist"):
            await hand.choose(f"{act}-0", "yes")
        await hand.choose("papers_name", "same")
        await hand.follow(".now button.btn-primary")
        await hand.follow(".now button.btn-good")

    async def truck_with_another_driver(self, number: int) -> None:
        """Held; Samuel releases it at the same screen."""
        page = self.page
        await page.goto(f"{self.gate.url}/trucks/{number}/arrive")
        hand = Hand(page)
        await hand.choose("driver", "other")
        await page.fill("input[name='driver-seen']", "Pedro Paz")
        for name in ("carrier", "tractor", "unit-0"):
            await hand.choose(name, "same")
        await hand.choose("id_kind", "licence")
        await hand.choose("loaded", "no")
        await hand.follow("#arrive button.btn-big")
        await self.picture("truck")
        await page.goto(f"{self.gate.url}/trucks/{number}?do=release")
        await page.locator("label.pick:has(input[name='why'])").first.click()
        await hand.type("pin", PIN)
        await hand.follow(".now button.btn-danger")

    async def truck_is_sent_away(self, number: int) -> None:
        await self.truck_comes(number)
        await self.page.goto(f"{self.gate.url}/trucks/{number}?do=turn-away")
        away = self.page.locator("form[action$='/turn-away']")
        await away.locator("label.pick").first.click()
        async with self.page.expect_navigation():
            await away.locator("button.btn-danger").click()

    async def see(self, words: str) -> None:
        """An alarm calls; Rosa taps that she has seen it."""
        call = self.page.locator(".call", has_text=words).first
        await call.wait_for(timeout=60_000)
        await call.get_by_role("button", name=re.compile("Ya la vi")).click()

    async def see_all(self) -> None:
        """Rosa taps until no alarm calls."""
        await self.page.goto(f"{self.gate.url}/alarms")
        seen = self.page.get_by_role("button", name=re.compile("Ya la vi"))
        async with asyncio.timeout(120):
            while await seen.count():
                await seen.first.click()
                await self.page.wait_for_timeout(200)  # the list comes anew


def records(gate: Booth) -> list[Event]:
    with closing(LedgerReader(gate.settings.ledger_path)) as ledger:
        return ledger.after(0, 5000)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_half_an_hour_at_the_booth(
    booth: Callable[..., Booth], broker: Mosquitto, photos: Path
) -> None:
    gate = booth(
        FREIGHT,
        osdp=True,
        camera=True,
        face_timeout_s=3.0,
        mqtt=f'host = "127.0.0.1"\nport = {broker.port}',
        policy="[areas.yard]\n",
        yard_more='area = "yard"',
    )
    rig = gate.rig
    await asyncio.to_thread(person_video, photos / "biden.jpg", rig.video, seconds=1.0)
    await gate.start(PEOPLE)
    names = ("obama.jpg", "obama2.jpg", "obama_partial_face.jpg")
    await rig.acli("people", "enroll", "e1", *(str(photos / name) for name in names))
    await rig.acli("people", "pin", "e102", stdin=f"{PIN}\n")
    for reader in ("vault-in", "vault-out"):
        await rig.acli("reader", "install", reader)
    await rig.until_online("reader", "lock", "camera", "face", "broker", timeout_s=90)
    await rig.acli("people", "enroll", "e2", "--camera", "gate")
    await asyncio.to_thread(person_video, photos / "obama3.jpg", rig.video, seconds=1.0)
    stock(gate.settings)
    for number in range(12):
        announce(gate, f"AB{number}23C", f"53{number:02}")
    shift = HalfHour(gate, photos)
    await shift.announced([(f"Visita {n}", "Samuel Ochoa") for n in range(1, 6)])
    await shift.sit_down()

    # The first trucks and visitors, while badges are held to the readers.
    await shift.truck_all_the_way(1, "AB100000")
    assert tx_of(gate, 1).stage == "departed"
    assert await shift.badge("yard", BRUNO) == "granted"
    assert await shift.badge("yard", NOBODY) == "denied_unknown_credential"
    for name in ("Visita 1", "Visita 2", "Visita 3"):
        await shift.visitor_comes(name)

    # Somebody forces the vault, and the guard's browser dies while the alarm calls.
    rig.vault_in.input(1, False)
    await shift.page.goto(gate.url)
    await shift.page.locator(".call", has_text="puerta forzada").wait_for()
    await shift.picture("live")
    await shift.page.locator(".call a.call-what").first.click()
    await shift.page.locator("#one").wait_for()
    await shift.picture("alarm")
    await shift.lose_the_browser()
    await shift.see("puerta forzada")
    rig.vault_in.input(1, True)
    for number in (2, 3, 4, 5):
        await shift.truck_comes(number)

    # Elena's badge in Bruno's hand.
    assert await shift.badge("gate", ELENA) == "denied_face_mismatch"
    await shift.see("gafete prestado")
    assert await shift.badge("gate", BRUNO) == "granted"
    assert await shift.badge("yard", DIEGO) == "denied_suspended"
    await shift.somebody_new("Laura Gil", "Samuel Ochoa")
    await shift.somebody_new("José Paz", "Hilda Peña")
    await shift.truck_with_another_driver(6)
    assert tx_of(gate, 6).releases[0].by == "Samuel Ochoa"

    # The broker goes down and the camera dies; the doors go on or say why not.
    broker.stop()
    await rig.until(lambda s: not s["mqtt"]["connected"], 60)
    rig.video.unlink()
    await rig.until(
        lambda s: not all(d["online"] for d in s["devices"] if d["kind"] == "camera"), 90
    )
    assert await shift.badge("gate", BRUNO) != "granted"
    assert await shift.badge("yard", BRUNO) == "granted"
    await shift.lose_the_browser()
    await shift.truck_all_the_way(7, "AB100001")
    await shift.truck_is_sent_away(8)
    for number in (9, 10, 11):
        await shift.truck_comes(number)
    await shift.visitor_comes("Visita 4")
    await shift.somebody_new("Ana Sol", "Rosa Ibarra")
    for name in ("Visita 1", "Visita 2", "Laura Gil"):
        await shift.visitor_leaves(name)
    broker.start()
    await rig.until(lambda s: s["mqtt"]["connected"], 60)
    await shift.see_all()

    # The end of the shift: Rosa signs, Samuel takes over, and anybody can check it.
    page = shift.page
    await page.goto(f"{gate.url}/shift")
    await page.get_by_role("button", name=re.compile("Firmo")).click()
    await page.wait_for_url(re.compile(r"/shift/\d+$"))
    number = page.url.rpartition("/")[2]
    samuel = await gate.sign_in("samuel")
    await samuel.goto(f"{gate.url}/shift/{number}")
    await samuel.locator("form[action$='/take'] button").click()
    await samuel.locator(".sign-name", has_text="Samuel Ochoa").wait_for()
    handed = await rig.acli("shift", "verify", number, check=False)
    assert handed.returncode == 0, handed.stdout
    verified = await rig.acli("log", "verify", check=False)
    assert verified.returncode == 0, verified.stdout
    _judge(gate, records(gate))


def _judge(gate: Booth, log: list[Event]) -> None:
    """No wrong admission, and no alarm that nobody saw."""
    granted = [event for event in log if event.type == "access.granted"]
    admitted = {(e.subject, (e.data.get("person") or {}).get("id")) for e in granted}
    assert admitted == {("yard", "e1"), ("gate", "e1")}
    pulses = [switch for switch in gate.rig.board.log if switch.on]
    assert len(pulses) == len(granted)
    kinds = {event.type for event in log}
    assert {"door.forced", "alarm.lent_badge", "shift.handed_over", "shift.taken_over"} <= kinds
    acts = [e for e in log if e.type.startswith(("freight.", "visit.")) and e.data.get("by")]
    assert {e.data["by"] for e in acts} <= {"boss", "rosa"}
    with closing(open_admin(gate.settings.people_path)) as db:
        inside = db.execute("SELECT count(*) FROM visit WHERE state = 'on_site'").fetchone()[0]
    assert inside == 4
