"""The wizard in a browser: nobody else gets in, no step is left out, and a badge opens the door."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright
from starlette.testclient import TestClient

from demo.broker import free_port
from demo.rig import ROOT
from gateway import config
from gateway.console.setup.web import COOKIE, app_of
from gateway.console.setup.wizard import Wizard, wizard
from gateway.ledger import LedgerReader
from gateway.ledger.event import EventType
from gateway.setup.trial import as_owner
from tests.gateway.console.booth import CHROMIUM, bars


@pytest.fixture
def run(tmp_path: Path) -> Wizard:
    return wizard(tmp_path / "gate" / "garita.toml")


@pytest.fixture
def client(run: Wizard) -> Iterator[TestClient]:
    with TestClient(app_of(run, lambda: None), base_url="http://127.0.0.1") as made:
        made.follow_redirects = False
        yield made


def entered(client: TestClient, run: Wizard) -> TestClient:
    client.cookies.set(COOKIE, run.code)
    return client


def test_only_the_browser_with_the_code_gets_in(client: TestClient, run: Wizard) -> None:
    for path in ("/", "/site", "/check", "/reader/heard", "/?code=", "/?code=" + "x" * 24):
        assert client.get(path).status_code == 403, path
    assert client.post("/end", data={"csrf": run.form}).status_code == 403
    opened = client.get(f"/?code={run.code}")
    assert opened.status_code == 303 and "HttpOnly" in opened.headers["set-cookie"]
    assert run.code not in opened.headers["location"]
    assert client.get("/site").status_code == 200
    csp = client.get("/site").headers["content-security-policy"]
    assert "script-src 'self'" in csp and "unsafe" not in csp


def test_a_page_of_another_name_or_site_does_nothing(client: TestClient, run: Wizard) -> None:
    """A name that leads here (DNS rebinding), and a form of a page elsewhere."""
    entered(client, run)
    assert client.get("/site", headers={"host": "evil.example"}).status_code == 400
    fields = {"gateway": "g", "timezone": "UTC"}
    assert client.post("/site", data=fields).status_code == 403
    assert client.post("/site", data={**fields, "csrf": "x"}).status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    sent = client.post("/site", data={**fields, "csrf": run.form}, headers=cross)
    assert sent.status_code == 403 and run.draft.gateway == ""
    big = {**fields, "csrf": run.form, "gateway": "g" * 20_000}
    assert client.post("/site", data=big).status_code == 413


def test_no_step_is_left_out(client: TestClient, run: Wizard) -> None:
    entered(client, run)
    for path in ("/reader", "/lock", "/camera", "/person", "/check", "/door"):
        assert client.get(path).headers["location"] == "/site", path
    assert client.post("/check", data={"csrf": run.form}).headers["location"] == "/site"
    assert not run.places.config.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"gateway": "", "timezone": "UTC"}, "Give this gate a name."),
        ({"gateway": "la caseta", "timezone": "UTC"}, "use letters, digits"),
        ({"gateway": '"]\n[x]', "timezone": "UTC"}, "use letters, digits"),
        ({"gateway": "g", "timezone": "Mars/Base"}, "IANA time zone"),
        ({"gateway": "<b>\u202e" + "x" * 200, "timezone": "UTC"}, "use letters, digits"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    client: TestClient, run: Wizard, fields: dict[str, str], said: str
) -> None:
    answer = entered(client, run).post("/site", data={**fields, "csrf": run.form})
    assert answer.status_code == 422
    assert said in answer.text.replace("&#39;", "'")
    assert "<b>" not in answer.text


def test_the_reader_is_taken_only_with_a_badge_and_only_from_the_list(
    client: TestClient, run: Wizard
) -> None:
    run.change(gateway="g", timezone="UTC")
    entered(client, run)
    client.post("/reader/port", data={"csrf": run.form, "port": "/etc/passwd"})
    assert run.listening is None
    answer = client.post("/reader", data={"csrf": run.form})
    assert answer.status_code == 422 and "hold a badge to it" in answer.text


def test_a_camera_is_a_number_or_an_address(client: TestClient, run: Wizard) -> None:
    run.change(gateway="g", timezone="UTC", reader_port="/dev/a", reader_driver="rdm6300")
    run.change(badge="em4100:1:2", lock_port="/dev/b", fail="secure")
    entered(client, run)
    for odd in ("/etc/passwd", "file:///etc/passwd", "concat:a|b", "0; rm", "-1"):
        client.post("/camera", data={"csrf": run.form, "use": "yes", "address": odd})
        assert run.draft.camera == "", odd
    client.post("/camera", data={"csrf": run.form, "use": "yes", "address": "rtsp://10.0.0.9/s"})
    assert run.draft.camera == "rtsp://10.0.0.9/s"


def test_what_root_starts_runs_as_the_owner_of_the_folder(tmp_path: Path) -> None:
    assert as_owner(tmp_path) == {}
    if os.geteuid() == 0:
        os.chown(tmp_path, 65534, 65534)
        assert as_owner(tmp_path)["user"] == 65534


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 360, "height": 780})
        context.set_default_timeout(30_000)
        yield await context.new_page()
        await browser.close()


@pytest.mark.slow
async def test_a_box_becomes_a_gate_and_a_badge_opens_its_door(tmp_path: Path, page: Page) -> None:
    """By `garita console setup`, in Spanish, on a telephone's width, with simulated devices."""
    path = tmp_path / "gate" / "garita.toml"
    path.parent.mkdir()
    words = ["-m", "gateway.cli.main", "-c", str(path), "console", "setup", "--simulated"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        "--port",
        str(free_port()),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        url = re.search(r"http://\S+", (await process.stdout.readline()).decode())
        assert url is not None
        for _ in range(600):
            try:
                await page.goto(url[0])
                break
            except Exception:
                await asyncio.sleep(0.1)
        await page.click("button[name=language][value=es]")
        await page.fill("[name=gateway]", "caseta-9")
        await page.click("main .btn-primary")
        await page.get_by_role("button", name="lector simulado").click()
        held = page.get_by_role("button", name="acercar el gafete simulado", exact=False)
        await held.click()
        await page.wait_for_selector("#badge")
        assert await page.inner_text("#badge") == "em4100:18:1001"
        assert await bars(page) == []
        await page.click("form[action='/reader'] button")
        await page.locator("label.port", has_text="relevadores").click()
        await page.check("[name=fail][value=secure]")
        await page.fill("[name=door]", "entrada")
        await page.click("main .btn-primary")
        await page.click("button[value=no]")
        await page.fill("[name=person]", "Ana Ruiz")
        await page.fill("[name=operator]", "Ana")
        await page.click("main .btn-primary")
        assert "La configuración está bien." in await page.inner_text("main")
        await page.click("form[action='/check'] button")
        await page.wait_for_selector(".huge")
        await held.click()
        await page.wait_for_selector(".opened")
        assert await bars(page) == []
        await page.click("form[action='/end'] button")
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    settings = config.load(path)
    assert settings.site.gateway == "caseta-9" and "ana" in settings.tables.operators
    assert settings.tables.site.language == "es"
    reader = LedgerReader(settings.ledger_path)
    types = [event.type for event in reader.tail(100)]
    reader.close()
    # In order: the grant is on record before the door is unlocked, and the gateway ended in order.
    granted = types.index(EventType.ACCESS_GRANTED)
    assert granted < types.index(EventType.DOOR_UNLOCKED)
    assert EventType.GATEWAY_STOPPED in types
