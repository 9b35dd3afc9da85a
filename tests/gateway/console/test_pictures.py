"""Portraits and stills for other screens: from the gateway alone, on record, kept nowhere."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from gateway.console.site import Site
from gateway.daemon.control import Refused
from tests.gateway.console.site import Desk

JPEG = b"\xff\xd8\xff\xe0 somebody"
PATHS = ("/people/e101/portrait", "/cameras/gate/still")


@pytest.fixture
def asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """Stands for the gateway: has a picture of e101 and of the camera `gate`."""
    found: list[tuple[str, str, dict[str, Any]]] = []

    async def ask(operator: Any, op: str, **params: Any) -> dict[str, Any]:
        found.append((str(operator), op, params))
        if params not in ({"person": "e101"}, {"camera": "gate"}):
            raise Refused("no portrait is kept of them")
        return {"jpeg" if op == "portrait" else "still": base64.b64encode(JPEG).decode()}

    monkeypatch.setattr(site, "ask", ask)
    return found


def test_a_guard_sees_them_in_their_own_name_and_nothing_keeps_them(
    desk: Callable[[str], Desk], asked: list[Any]
) -> None:
    rosa = desk("rosa")
    for path in PATHS:
        answer = rosa.get(path)
        assert answer.status_code == 200 and answer.content == JPEG
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"
    assert asked == [
        ("rosa", "portrait", {"person": "e101"}),
        ("rosa", "still", {"camera": "gate"}),
    ]


@pytest.mark.parametrize("name", ["", "aurelio"])
def test_neither_a_stranger_nor_an_auditor_sees_a_face(
    desk: Callable[[str], Desk], asked: list[Any], name: str
) -> None:
    for path in PATHS:
        assert desk(name).get(path).status_code == (403 if name else 303)
    assert asked == []


def test_a_guard_of_one_area_sees_the_cameras_of_its_doors_alone(
    site: Site, desk: Callable[[str], Desk], asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = site.settings.tables
    for door, camera in (("main", "gate"), ("office", "desk")):
        monkeypatch.setitem(
            tables.doors, door, tables.doors[door].model_copy(update={"camera": camera})
        )
    rosa = desk("rosa")
    limited = tables.operators["rosa"].model_copy(update={"areas": ["office"]})
    monkeypatch.setitem(tables.operators, "rosa", limited)
    assert rosa.get("/cameras/gate/still").status_code == 404 and asked == []
    rosa.get("/cameras/desk/still")
    rosa.get("/cameras/yard/still")  # of no door
    assert [about["camera"] for _, _, about in asked] == ["desk", "yard"]
    assert desk("samuel").get("/cameras/gate/still").status_code == 200


def test_where_there_is_none_the_answer_is_plain_and_404(
    desk: Callable[[str], Desk], asked: list[Any]
) -> None:
    answer = desk("hilda").get("/people/%3Cscript%3E/portrait")
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/plain")
    assert asked[-1][2] == {"person": "<script>"}


def test_without_a_gateway_there_is_no_picture(desk: Callable[[str], Desk]) -> None:
    assert [desk("ada").get(path).status_code for path in PATHS] == [404, 404]
