"""The pages of the devices: who may do what, what reaches the daemon, what is refused and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.config.tables import CameraTable
from gateway.console.screens.devices import view
from gateway.console.site import Site
from gateway.daemon.control import ControlError, Refused
from tests.gateway.console.screens.devices.test_health import STATUS
from tests.gateway.console.site import Desk, words_of

HOSTILE = '<b onclick="x()">"\u202eacme</b>' + "x" * 200
SINCE = "2026-11-27T05:00:00+00:00"
DOOR = {"state": "locked", "released": False, "open": None, "tampered": [], "out_of_service": ""}


def running() -> dict[str, Any]:
    """What the status of a running gateway says; tests change it."""
    devices = [
        {
            "kind": kind,
            "name": name,
            "online": True,
            "state": "online",
            "detail": "",
            "since": SINCE,
        }
        for kind, name in (("lock", "board"), ("reader", "main-in"), ("reader", "office-in"))
    ]
    doors = {name: dict(DOOR) for name in ("main", "office")}
    return {**STATUS, "devices": devices, "doors": doors, "last": {}, "readers": {}, "threat": None}


class Gateway:
    """In place of the daemon: answers as told, and keeps what it was asked."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {"status": running()}
        monkeypatch.setattr(site, "ask", self.ask)

    async def ask(self, operator: Any, op: str, **params: Any) -> dict[str, Any]:
        self.asked.append((str(operator or ""), op, params))
        answer = self.answers.get(op, {})
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def acts(self) -> list[tuple[str, str, dict[str, Any]]]:
        return [item for item in self.asked if item[1] != "status"]


@pytest.fixture
def gateway(site: Site, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    return Gateway(site, monkeypatch)


def test_without_a_gateway_every_page_says_so(desk: Callable[[str], Desk]) -> None:
    rosa = desk("rosa")
    assert "The gateway does not answer. No badge opens a door." in rosa.get("/devices").text
    for path in ("doors", "readers", "inputs"):
        answer = rosa.get(f"/devices/{path}")
        assert answer.status_code == 200, path
        said = words_of(answer.text)
        assert "not known" in said or "is not running" in said, path


def test_a_device_that_is_away_is_named_with_its_reason(
    desk: Callable[[str], Desk], gateway: Gateway
) -> None:
    away = gateway.answers["status"]["devices"][1]
    away |= {"online": False, "state": "offline", "detail": "in use by another program"}
    said = words_of(desk("rosa").get("/devices", part=True).text)
    assert "Not working now" in said and "main-in" in said and "in use by another program" in said


def test_a_door_goes_out_of_service_for_a_reason_and_comes_back(
    desk: Callable[[str], Desk], gateway: Gateway
) -> None:
    rosa = desk("rosa")
    path = "/devices/doors/main/service"
    refused = rosa.post(path, {"act": "out", "reason": "   "})
    assert refused.status_code == 409 and gateway.acts() == []
    assert rosa.post(path, {"act": "out", "reason": "strike broken"}).status_code == 303
    assert rosa.post(path, {"act": "in"}).status_code == 303
    assert gateway.acts() == [
        ("rosa", "door_service", {"door": "main", "reason": "strike broken (Rosa Ibarra)"}),
        ("rosa", "door_service", {"door": "main", "reason": ""}),
    ]
    gone = rosa.post("/devices/doors/attic/service", {"act": "in"})
    assert gone.status_code == 409 and "there is no door attic" in gone.text
    assert len(gateway.acts()) == 2


def test_what_a_device_says_of_itself_breaks_no_page(
    desk: Callable[[str], Desk], gateway: Gateway
) -> None:
    status = gateway.answers["status"]
    status["doors"]["main"] |= {"state": "out_of_service", "out_of_service": HOSTILE}
    status["doors"]["office"] |= {"state": "tampered", "tampered": [HOSTILE]}
    for device in status["devices"]:
        device |= {"online": False, "state": "offline", "detail": HOSTILE}
    for path in ("", "/doors", "/readers"):
        text = desk("rosa").get(f"/devices{path}").text
        assert "<b onclick" not in text and "&lt;b onclick" in text


@pytest.mark.parametrize(
    ("path", "who", "fields"),
    [
        ("/devices/doors/main/service", "aurelio", {"act": "in"}),
        ("/devices/doors/main/service", "hilda", {"act": "in"}),
        ("/devices/readers/main-in/install", "rosa", {}),
        ("/devices/readers/main-in/install", "samuel", {}),
        ("/devices/readers/main-in/test", "aurelio", {}),
        ("/devices/cameras/gate/accept", "rosa", {"reason": "moved"}),
    ],
)
def test_an_act_that_is_not_of_the_role_does_not_reach_the_gateway(
    desk: Callable[[str], Desk], gateway: Gateway, path: str, who: str, fields: dict[str, str]
) -> None:
    assert desk(who).post(path, fields).status_code == 403
    assert gateway.acts() == []


def test_a_reader_is_tested(desk: Callable[[str], Desk], gateway: Gateway) -> None:
    gateway.answers["reader_test"] = {"good": True, "detail": "", "took_ms": [9.0, 11.0, 40.0]}
    said = words_of(desk("rosa").post("/devices/readers/main-in/test", part=True).text)
    assert "3 answers: median 11.0 ms, slowest 40.0 ms" in said
    gateway.answers["reader_test"] = {"good": False, "detail": "no answer", "took_ms": []}
    said = words_of(desk("rosa").post("/devices/readers/main-in/test").text)
    assert "no answer" in said
    gateway.answers["reader_test"] = Refused("main-in is no reader on a bus")
    answer = desk("rosa").post("/devices/readers/main-in/test")
    assert answer.status_code == 409 and "no reader on a bus" in answer.text


def test_an_install_window_is_opened_and_closed_by_an_administrator(
    desk: Callable[[str], Desk], gateway: Gateway
) -> None:
    ada = desk("ada")
    ada.post("/devices/readers/main-in/install")
    ada.post("/devices/readers/main-in/install", {"act": "end"})
    assert [op for _, op, _ in gateway.acts()] == ["reader_install", "reader_install_end"]
    assert ada.get("/devices/readers/nothing").status_code == 409


def test_a_camera_is_accepted_with_a_reason(desk: Callable[[str], Desk], gateway: Gateway) -> None:
    samuel = desk("samuel")
    assert samuel.post("/devices/cameras/gate/accept", {"reason": ""}).status_code == 409
    samuel.post("/devices/cameras/gate/accept", {"reason": "new pole"})
    assert gateway.acts() == [("samuel", "camera_accept", {"camera": "gate", "reason": "new pole"})]


def test_the_test_of_inputs_marks_what_changed(
    site: Site, desk: Callable[[str], Desk], gateway: Gateway
) -> None:
    level = {"device": "io", "input": 1, "closed": True, "online": True, "changes": 3}
    gateway.answers["inputs"] = {"inputs": [{**level, "changed_at": 2e9}], "number": 4}
    text = desk("rosa").get("/devices/inputs").text
    assert "begin a test" in text and "it changed" not in text
    began = 1.9e9
    found = list(view.inputs(site.settings, gateway.answers["inputs"]["inputs"], began))
    assert [item.changed for item in found] == [True]
    for odd in ("nan", "inf", "-1", "x", "1e300", "<b>"):
        answer = desk("rosa").get(f"/devices/inputs?began={odd}")
        assert answer.status_code == 200 and "begin a test" in answer.text, odd
    gateway.answers["inputs"] = ControlError("the gateway is not running")
    assert "the gateway is not running" in desk("rosa").get("/devices/inputs", part=True).text


def test_each_part_that_is_loaded_anew_is_like_its_page(
    site: Site, desk: Callable[[str], Desk], gateway: Gateway
) -> None:
    """What a page shows at first it shows as well when something changed."""
    tables = site.settings.tables
    camera = CameraTable(options={"source": "rtsp://user:geheim@10.0.0.9/live"})
    door = tables.doors["main"].model_copy(update={"camera": "front"})
    changed = {"cameras": {"front": camera}, "doors": {**tables.doors, "main": door}}
    site.settings = replace(site.settings, tables=tables.model_copy(update=changed))
    away = {"kind": "camera", "name": "front", "online": False, "state": "offline"}
    gateway.answers["status"]["devices"].append({**away, "detail": "covered 0.9", "since": SINCE})
    gateway.answers["inputs"] = {"inputs": [], "number": 0}
    rosa = desk("rosa")
    for path in ("", "/doors", "/readers", "/readers/main-in", "/cameras", "/inputs"):
        whole, part = rosa.get(f"/devices{path}"), rosa.get(f"/devices{path}", part=True)
        assert (whole.status_code, part.status_code) == (200, 200), path
        assert "<html" in whole.text and "<html" not in part.text
        said = words_of(part.text)
        assert said.strip() and said.strip()[:60] in words_of(whole.text), path
        assert "geheim" not in whole.text + part.text
    assert "covered" in words_of(rosa.get("/devices/cameras", part=True).text)
