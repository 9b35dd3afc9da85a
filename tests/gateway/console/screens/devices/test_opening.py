"""A door opens from afar to the browser's key and the operator's second factor, together."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.console.site import Site
from gateway.daemon.signed import sender_key, verify
from gateway.ledger.chain import canonical
from tests.gateway.console.booth import Booth, bars
from tests.gateway.console.screens.devices.test_pages import Gateway
from tests.gateway.console.site import Desk, make, write_site

BOOT = "9f2c51d07a3be644"
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
KEY = """
[command_keys.rosa-booth]
public_key = "{public}"
operator = "rosa"
commands = ["door_open"]
doors = ["{door}"]
through = "console"
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    settings = write_site(tmp_path, KEY.format(public=PUBLIC, door="main"))
    text = settings.path.read_text().replace("[doors.main]", "[doors.main]\nremote_open = true")
    settings.path.write_text(text)
    from gateway import config

    made = make(config.load(settings.path))
    yield made
    made.store.close()


@pytest.fixture
def gateway(site: Site, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    made = Gateway(site, monkeypatch)
    made.answers["status"]["boot"] = BOOT
    made.answers["command"] = {"done": True, "why": "", "seq": 77}
    return made


def order(rosa: Desk, door: str = "main", **fields: str) -> Any:
    sent = {"reason": "Ana, forgot her badge", "public": PUBLIC, **fields}
    return rosa.post(f"/devices/doors/{door}/order", sent)


def signed(answer: Any, private: Ed25519PrivateKey = PRIVATE, **changes: str) -> str:
    body = {**json.loads(answer.json()["text"]), **changes}
    signature = base64.b64encode(private.sign(canonical(body).encode())).decode()
    return json.dumps({"key": answer.json()["key"], "body": body, "signature": signature})


def test_the_order_is_one_that_the_daemon_takes(
    site: Site, desk: Callable[..., Desk], gateway: Gateway
) -> None:
    rosa = desk("rosa", stepped=True)
    answer = order(rosa)
    message = signed(answer)
    keys = {"rosa-booth": sender_key(PUBLIC, ["door_open"], "rosa", ["main"], "console")}
    from datetime import UTC, datetime

    name, now = site.settings.site.gateway, datetime.now(UTC)
    command = verify(
        message.encode(), keys, name, now, retained=False, boot=BOOT, through="console"
    )
    assert (command.name, command.text("door")) == ("door_open", "main")
    assert command.text("reason") == "Ana, forgot her badge" and len(command.nonce) == 32
    # Two orders are two commands.
    assert json.loads(order(rosa).json()["text"])["nonce"] != command.nonce
    opened = rosa.post("/devices/doors/main/open", {"message": message})
    assert opened.json() == {"record": 77}
    assert gateway.acts() == [("rosa", "command", {"message": message})]


@pytest.mark.parametrize("path", ["order", "open"])
def test_without_a_second_factor_no_order_is_made_or_passed_on(
    desk: Callable[..., Desk], gateway: Gateway, path: str
) -> None:
    answer = order(desk("rosa", stepped=True))
    rosa = desk("rosa")
    for sent in ({"reason": "x", "public": PUBLIC}, {"message": signed(answer)}):
        refused = rosa.post(f"/devices/doors/main/{path}", sent)
        assert refused.status_code == 303 and "/confirm" in refused.headers["location"]
    assert rosa.get("/devices/doors/main/open").status_code == 303
    assert gateway.acts() == []


def test_the_order_is_for_the_operator_the_door_and_the_browser(
    desk: Callable[..., Desk], gateway: Gateway
) -> None:
    rosa = desk("rosa", stepped=True)
    other = base64.b64encode(bytes(32)).decode()
    for fields in ({"public": other}, {"public": ""}, {"reason": " "}):
        assert order(rosa, **fields).status_code == 409
    # The key is Rosa's: nobody else gets an order for it.
    assert order(desk("samuel", stepped=True)).status_code == 409
    assert order(desk("aurelio", stepped=True)).status_code == 403
    # A door without remote_open, and one that is not there.
    for door in ("office", "attic"):
        assert order(rosa, door).status_code == 409
        assert rosa.get(f"/devices/doors/{door}/open").status_code == 409
    assert gateway.acts() == []


def test_what_is_not_an_order_for_this_door_is_not_passed_on(
    desk: Callable[..., Desk], gateway: Gateway
) -> None:
    rosa = desk("rosa", stepped=True)
    good = order(rosa)
    wrong = [
        "",
        "{}",
        "[" * 3000,
        "x" * 5000,
        json.dumps({"body": []}),
        signed(good, door="office"),
        signed(good, command="door_in_service"),
    ]
    for message in wrong:
        answer = rosa.post("/devices/doors/main/open", {"message": message})
        assert answer.status_code == 409 and answer.json()["why"], message[:40]
    assert gateway.acts() == []


def test_the_gates_reason_is_told_in_words(desk: Callable[..., Desk], gateway: Gateway) -> None:
    rosa = desk("rosa", stepped=True)
    for why, said in (
        ("denied_out_of_service", "the door is out of service"),
        ("signed with the key of another operator", "signed with the key of another operator"),
    ):
        gateway.answers["command"] = {"done": False, "why": why}
        answer = rosa.post("/devices/doors/main/open", {"message": signed(order(rosa))})
        assert answer.status_code == 409 and answer.json()["why"] == said


async def test_a_guard_opens_a_door_with_the_key_of_their_browser(
    booth: Callable[..., Booth],
) -> None:
    """The key is made in the browser, written into the configuration, and opens the door once."""
    gate = booth(yard_more="remote_open = true")
    await gate.start()
    page = await gate.sign_in("ada")
    path = f"{gate.url}/devices/doors/yard/open"
    await page.goto(path)
    await page.click("#make")
    lines = await page.locator("#lines:visible").inner_text()
    assert 'operator = "ada"' in lines and 'through = "console"' in lines
    assert await bars(page) == []
    # The key can't be taken out of the browser.
    taken = await page.evaluate(
        """async () => {
          const db = await new Promise((good) => {
            const asked = indexedDB.open("garita-keys", 1);
            asked.onsuccess = () => good(asked.result);
          });
          const pair = await new Promise((good) => {
            const asked = db.transaction("keys").objectStore("keys").get("ada");
            asked.onsuccess = () => good(asked.result);
          });
          try { await crypto.subtle.exportKey("pkcs8", pair.privateKey); return "taken"; }
          catch { return "kept"; }
        }"""
    )
    assert taken == "kept"
    text = gate.rig.config.read_text()
    gate.rig.config.write_text(f"{text}\n{lines}\n")
    await gate.stop_console()
    await gate.rig.stop_daemon()
    await gate.rig.start()
    await gate.start_console()
    await page.goto(path)
    before = len(gate.rig.board.log)
    await page.fill("#open [name=reason]", "Ana, olvidó su gafete")
    await page.click("#open button")
    await page.get_by_text("Se abrió una vez.").wait_for()
    await gate.rig.board.energised(before)
    assert await bars(page) == []
    # The same again is another order; while the door is out of service it stays shut.
    await gate.rig.acli("door", "out-of-service", "yard", "--reason", "prueba")
    before = len(gate.rig.board.log)
    await page.fill("#open [name=reason]", "otra vez")
    await page.click("#open button")
    await page.get_by_text("la puerta está fuera de servicio").wait_for()
    assert not any(switch.on for switch in gate.rig.board.log[before:])
    told = (await gate.rig.acli("log", "tail", "-n", "40", "--json")).stdout
    assert "door.remote_opened" in told and '"through": "console"' in told.replace('":"', '": "')
