"""Every screen, in a real browser: with hostile names, on a telephone and on a desk, by day and by
night, in both languages.  Nothing serious for axe-core, nothing wider than the screen, no script
that is not ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page

from gateway.console.app import screens
from gateway.console.roles import NOBODY
from gateway.desk import documentfile, documents, findings, reviews
from gateway.ledger import LedgerReader
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin
from tests.gateway.console.booth import Booth, bars

MARKUP = "<img src=x onerror=document.title='taken'><script>document.title='taken'</script>"
LONG = "Ma. Guadalupe " + "Ñandú-Ortíz " * 15
TURNED = "מרים אלקיים"
POLICY = """
[areas.yard]
title = { en = "Yard", es = "Patio" }

[requirements.training]
title = { en = "Security training", es = "Capacitación" }

[freight]
spot_check_percent = 0.0

[threat_levels.normal]
title = { en = "Normal", es = "Normal" }
rank = 0

[threat_levels.lockdown]
title = { en = "Lockdown", es = "Cierre" }
rank = 9
closed = ["*"]
"""
NOT_PAGES = re.compile(
    r"^/(stream|login|live/clock|people/.*/portrait|cameras/.*/still)|\.(csv|svg)$|/(label|proof|file)$|/plot/"
)
"""What is not a page of its own: a stream, pictures, files, and the sign-in without a session."""
VALUES = {
    "person": "e1",
    "number": "1",
    "number:int": "1",
    "door": "yard",
    "reader": "yard-in",
    "seq": "3",
    "name": "rosa",
    "document": "none",
    "finding": "a1b2c3d4e5",
}
ELSEWHERE = (
    "enrolment",  # tests/gateway/console/test_enrol.py
    "draft",  # tests/gateway/console/test_lists.py
    "sha256",  # a picture
    "key",  # tests/gateway/console/screens/records/test_records_flow.py
    "camera",
)


MUST_STAND = {
    "/",
    "/trucks/1",
    "/visitors/1",
    "/people/e1",
    "/records",
    "/alarms",
    "/shift",
    "/patterns",
    "/patterns/a1b2c3d4e5",
    "/evidence",
    "/evidence/readiness",
    "/evidence/profile",
    "/evidence/documents",
    "/evidence/reviews",
}


def addresses() -> list[str]:
    """Every page, with something in the place of each part that varies."""
    found = []
    for screen in screens():
        public = screen.roles is NOBODY
        if screen.method != "GET" or public or NOT_PAGES.search(screen.path):
            continue
        names = re.findall(r"{([^}]+)}", screen.path)
        if any(name in ELSEWHERE for name in names):
            continue
        assert all(name in VALUES for name in names), screen.path
        found.append(re.sub(r"{([^}]+)}", lambda m: VALUES[m[1]], screen.path))
    return sorted(set(found))


async def hostile_gate(gate: Booth) -> None:
    """A person, a visitor and a truck whose names are a test of any page."""
    rig = gate.rig
    names = [
        {"id": "e1", "name": MARKUP, "credentials": "em4100:18:1001", "access_levels": "plant"},
        {"id": "e2", "name": LONG.strip()[:190], "credentials": "em4100:18:1002"},
        {"id": "e3", "name": TURNED, "access_levels": "plant"},
    ]
    await gate.start(names)
    company = LONG[:110].strip()
    known = ("--programme", "oea", "--number", MARKUP[:40], "--until", "2035-12-31")
    await rig.acli("partner", "add", company, *known)
    until = (datetime.now(UTC) + timedelta(hours=2)).isoformat(timespec="minutes")
    visit = ("visit", "walk-in", MARKUP, "--company", company, "--host", TURNED)
    await rig.acli(*visit, "--id-kind", "ine", "--no-escort", "--until", until)
    arrive = ("freight", "arrive", "--driver", MARKUP, "--carrier", company)
    await rig.acli(*arrive, "--tractor", "AB-123-C", "--trailer", "5301", "--id-kind", "licence")
    hostile_papers(gate)
    for badge in (1001, 1002, 9999):
        rig.yard_reader.present(18, badge)
        await rig.until(lambda s, n=badge: (s["last"].get("yard") or {}).get("seq"))
    await rig.acli("door", "out-of-service", "gate", "--reason", MARKUP[:100])


def hostile_papers(gate: Booth) -> None:
    """A document, a review and a finding, likewise."""
    settings, by = gate.settings, Operator("samuel", person="e102", name=MARKUP)
    today = datetime.now(settings.site.zone).date()
    words = {"en": MARKUP, "es": MARKUP}
    finding = {"finding": "a1b2c3d4e5", "detector": "pickup", "day": today.isoformat()}
    about = {"driver": TURNED, "carrier": LONG.strip()[:190], "person": MARKUP, MARKUP: "x"}
    more = {"bits": 20.0, "words": words, "shares": [[words, 20.0]], "about": about, "records": [1]}
    file = documentfile.content((b"%PDF-1.7\n%%EOF\n",))
    of_it = documents.About(MARKUP[:110], ("10.1",), LONG[:110].strip())
    told = reviews.Told("log", today, today, MARKUP, LONG)
    with (
        closing(open_admin(settings.people_path)) as db,
        closing(LedgerReader(settings.ledger_path)) as ledger,
    ):
        documents.attach(settings, db, ledger, file, of_it, by=by, today=today)
        reviews.record(db, ledger, told, by=by, today=today)
        findings.put_new(db, ledger, [{**finding, **more}], by=by)


async def faults(page: Page, url: str, path: str, width: int, *, axe: bool) -> list[str]:
    """What is wrong with one screen."""
    answer = await page.goto(url + path)
    assert answer is not None
    if "<!doctype html>" not in await answer.text():  # a part of a page, or a file
        return []
    # Refused with a reason, or about something that is not here: that is a page as well.
    good = (200,) if path in MUST_STAND else (200, 404, 409)
    wrong = [] if answer.status in good else [f"status {answer.status}"]
    if await page.title() == "taken" or await page.locator("img[src=x]").count():
        wrong.append("a name became markup")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        wrong.append(f"{wide} px wide on a screen of {width}")
    if axe:
        wrong += await bars(page)
    return [f"{path} at {width} px: {fault}" for fault in wrong]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_screen_stands_hostile_names(booth: Callable[..., Booth]) -> None:
    gate = booth(policy=POLICY, yard_more='area = "yard"')
    await hostile_gate(gate)
    paths = addresses()
    assert set(paths) >= MUST_STAND
    wrong: list[str] = []
    for language, width, scheme in (("es", 360, "light"), ("en", 1280, "dark")):
        page = await gate.sign_in(
            "ada", language, viewport={"width": width, "height": 800}, color_scheme=scheme
        )
        said: list[str] = []
        page.on("console", lambda m, said=said: said.append(m.text) if m.type == "error" else None)
        lost: list[str] = []
        page.on("response", lambda r, lost=lost: lost.append(r.url) if r.status == 404 else None)
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        for path in paths:
            said.clear()
            lost.clear()
            wrong += await faults(page, gate.url, path, width, axe=True)
            # The browser reports what is refused with a reason as well.
            wrong += [f"{path}: {text}" for text in said if "the server responded" not in text]
            wrong += [f"{path}: {url} is not there" for url in lost if not url.endswith(path)]
    assert not wrong, "\n".join(wrong)
