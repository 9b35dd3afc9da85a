"""The threat level: who may change it, after a second factor, and what an old page can't do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.console.site import Site
from tests.gateway.console.screens.devices.test_pages import HOSTILE, Gateway
from tests.gateway.console.site import Desk, make, words_of, write_site

LEVELS = """
[threat_levels.normal]
title = { en = "Normal", es = "Normal" }
rank = 0

[threat_levels.elevated]
title = { en = "Elevated", es = "Elevado" }
rank = 5
factors = "badge+pin"
two_person = ["plant"]

[threat_levels.lockdown]
title = { en = "Lockdown", es = "Cierre total" }
rank = 9
closed = ["*"]
open_to = ["plant"]
"""
PATH = "/devices/threat"
Act = Callable[..., Any]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make(write_site(tmp_path, LEVELS))
    yield made
    made.store.close()


@pytest.fixture
def gateway(site: Site, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    made = Gateway(site, monkeypatch)
    made.answers["status"]["threat"] = {"level": "elevated", "by": "", "reason": "", "since": ""}
    return made


def put(desk: Callable[..., Desk], who: str, level: str, **fields: str) -> Any:
    sent = {"level": level, "was": "elevated", "reason": "a truck that nobody knows", **fields}
    return desk(who, stepped=True).post(PATH, sent)


def test_each_level_says_what_it_changes(desk: Callable[..., Desk], gateway: Gateway) -> None:
    said = words_of(desk("rosa").get(PATH).text)
    assert "Elevated in force" in said
    assert "Every door asks for: badge and PIN." in said and "Nobody enters alone: Plant." in said
    assert "Every door is closed." in said and "enter all the same: plant" in said


@pytest.mark.parametrize("path", [PATH, f"{PATH}/change"])
def test_without_a_second_factor_nothing_changes(
    desk: Callable[..., Desk], gateway: Gateway, path: str
) -> None:
    fields = {"level": "lockdown", "was": "elevated", "reason": "x"}
    rosa = desk("rosa")
    answer = rosa.post(path, fields) if path == PATH else rosa.get(path)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/confirm")
    assert gateway.acts() == []


def test_a_guard_raises_and_a_supervisor_lowers(
    desk: Callable[..., Desk], gateway: Gateway
) -> None:
    assert put(desk, "rosa", "lockdown").status_code == 303
    refused = put(desk, "rosa", "normal")
    assert refused.status_code == 409 and "a supervisor lowers the level" in refused.text
    assert put(desk, "samuel", "normal").status_code == 303
    why = {"reason": "a truck that nobody knows"}
    assert gateway.acts() == [
        ("rosa", "threat_set", {"level": "lockdown", **why}),
        ("samuel", "threat_set", {"level": "normal", **why}),
    ]
    form = desk("rosa", stepped=True).get(f"{PATH}/change").text
    assert 'value="lockdown"' in form and 'value="normal"' not in form


def test_an_old_page_does_not_lower_what_was_raised_meanwhile(
    desk: Callable[..., Desk], gateway: Gateway
) -> None:
    refused = put(desk, "samuel", "normal", was="normal")
    assert refused.status_code == 409 and "to elevated: look again" in words_of(refused.text)
    assert put(desk, "samuel", "elevated", was="normal").status_code == 303  # is so already
    assert [params["level"] for _, _, params in gateway.acts()] == ["elevated"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"reason": " "}, 200), ({"level": "none"}, 409), ({"level": ""}, 409)],
)
def test_what_is_missing_is_asked_for(
    desk: Callable[..., Desk], gateway: Gateway, fields: dict[str, str], status: int
) -> None:
    assert put(desk, "samuel", **{"level": "lockdown", **fields}).status_code == status
    assert gateway.acts() == []


def test_a_reason_with_markup_is_text(desk: Callable[..., Desk], gateway: Gateway) -> None:
    now = {"level": "elevated", "by": HOSTILE, "reason": HOSTILE, "since": "2026-11-27T05:00:00Z"}
    gateway.answers["status"]["threat"] = now
    text = desk("aurelio").get(PATH).text
    assert "<b onclick" not in text and "&lt;b onclick" in text
    assert put(desk, "aurelio", "lockdown").status_code == 403
    assert put(desk, "hilda", "lockdown").status_code == 403
    assert gateway.acts() == []
