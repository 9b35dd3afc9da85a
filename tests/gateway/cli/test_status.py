"""`garita status`: one screen, what needs a person first, and what to do."""

from __future__ import annotations

import copy
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.text import Text

from demo.rig import ROOT, Rig
from gateway import locale
from gateway.cli.status import PARTS, screen
from gateway.wording.needs import needs

ZONE = ZoneInfo("America/Tijuana")


def device(kind: str, name: str, state: str = "online", detail: str = "") -> dict[str, Any]:
    return {"kind": kind, "name": name, "state": state, "online": state == "online"} | {
        "detail": detail,
        "since": "",
    }


def door(state: str = "locked") -> dict[str, Any]:
    return {"state": state, "released": False, "open": None, "tampered": [], "out_of_service": ""}


GOOD: dict[str, Any] = {
    "gateway": "gate-1",
    "version": "0.1.0",
    "pid": 812,
    "uptime_s": 273_000,
    "people": {"version": 17, "total": 1204, "applied_at": "2026-11-27T08:00:00+00:00"},
    "ledger": {"ok": True, "refused": 0, "follows": None},
    "last_seq": 48211,
    "clock_trusted": True,
    "clock_sure": True,
    "clock_behind_s": 0.0,
    "clock_ahead_s": 0.0,
    "devices": [
        *(device("reader", f"dock-{n}-in") for n in range(8)),
        *(device("camera", f"dock-{n}") for n in range(4)),
        device("lock", "board"),
        device("inputs", "board-in"),
        device("broker", "mqtt"),
        device("face", "face"),
    ],
    "doors": {f"dock-{n}": door() for n in range(8)},
    "last": {f"dock-{n}": {"reason": "denied_unknown_credential"} for n in range(8)},
    "areas": {"stock": {"inside": 12, "maximum": 40}, "yard": {"inside": 3, "maximum": None}},
    "threat": {"level": "normal"},
    "mqtt": {
        "connected": True,
        "published": 48211,
        "waiting": 0,
        "version": "5",
        "broker": "b",
        "brokers": ["b"],
        "name_taken_by": None,
        "credentials": [],
        "skipped": None,
    },
    "face": {"embedder": "dlib", "model": "dlib-1", "enrolled": 1100},
    "damage": [],
    "disk": {"free_mb": 9000, "least_mb": 200},
}


def bad() -> dict[str, Any]:
    """Everything that can be wrong at once."""
    made = copy.deepcopy(GOOD)
    made["ledger"] = {"ok": False, "refused": 3, "follows": None}
    made["people"] = {"error": "people.db: no list yet (garita people sync)"}
    made["clock_trusted"], made["clock_behind_s"] = False, 90_000.0
    for one in made["devices"]:
        one.update(state="offline", online=False, detail="[Errno 2] No such file or directory")
    states = ("forced", "tampered", "held", "out_of_service", "locked", "open", "held", "forced")
    made["doors"] = {f"dock-{n}": door(state) for n, state in enumerate(states)}
    file = {"file": "doors.json", "detail": "doors.json is empty", "done": "previous"}
    made["damage"] = [{**file, "aside": "doors.json.damaged-20261127T100000Z"}] * 3
    made["disk"] = {"free_mb": 12, "least_mb": 200}
    made["mqtt"] |= {"connected": False, "waiting": 211}
    made["mqtt"]["credentials"] = [
        {"text": "{name} is empty", "facts": {"name": "broker.pass"}, "wrong": True}
    ]
    return made


def plain(lines: list[str]) -> list[str]:
    return [Text.from_markup(line).plain for line in lines]


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("answer", [GOOD, bad()], ids=["good", "bad"])
def test_it_fits_one_screen(answer: dict[str, Any], language: str) -> None:
    locale.use(language)
    lines = plain(screen(answer, ZONE, 80, 24))
    assert len(lines) < 24 and max(map(len, lines)) <= 80


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_need_says_what_to_do_and_the_gravest_come_first(language: str) -> None:
    locale.use(language)
    found = needs(bad(), ZONE)
    assert len(found) > 12
    grave = [need.grave for need in found]
    assert grave == sorted(grave, reverse=True) and 5 <= sum(grave) < len(grave)
    for need in found:
        assert need.text and (need.todo or "clock accept" in need.text), need
    lines = plain(screen(bad(), ZONE, 80, 24))
    assert lines[2].startswith("!!") and "garita status --all" in "\n".join(lines)
    whole = "\n".join(plain(screen(bad(), ZONE, 80, 10**6, every=True)))
    assert "doors.json.damaged" in whole and "broker.pass" in whole and "--all" not in whole


def test_what_is_in_order_needs_nobody() -> None:
    assert needs(GOOD, ZONE) == []
    assert plain(screen(GOOD, ZONE, 80, 24))[1] == "Nothing needs you."


def test_many_devices_are_one_sentence() -> None:
    answer = copy.deepcopy(GOOD)
    for one in answer["devices"][:8]:
        one.update(state="offline", online=False, detail="no answer")
    (need,) = needs(answer, ZONE)
    assert need.text == (
        "reader dock-0-in, dock-1-in, dock-2-in, dock-3-in and 4 more: offline, no answer"
    )


@pytest.mark.parametrize("missing", ["damage", "disk", "face"])
def test_an_older_gateway_that_says_less_is_shown_too(missing: str) -> None:
    """The command may be newer than the gateway that runs."""
    answer = {key: value for key, value in GOOD.items() if key != missing}
    assert needs(answer, ZONE) == [] and screen(answer, ZONE, 80, 24)


async def test_the_command_on_a_real_terminal(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(osdp=True)
    await rig.start()
    rig.board.unplug()
    await rig.until(lambda s: any(d["name"] == "board" and not d["online"] for d in s["devices"]))
    ends, screen_end = pty.openpty()
    command = (sys.executable, "-m", "gateway.cli.main", "status", "-c", str(rig.config))
    size = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm", "LANG": "C.UTF-8"}
    done = subprocess.Popen(
        command, stdout=screen_end, stderr=screen_end, cwd=ROOT, env={**os.environ, **size}
    )
    os.close(screen_end)
    shown = b""
    try:
        while chunk := os.read(ends, 65536):
            shown += chunk
    except OSError:  # as a pty ends
        pass
    os.close(ends)
    assert done.wait() == 0
    lines = Text.from_ansi(shown.decode().replace("\r\n", "\n")).plain.splitlines()
    assert len(lines) < 24 and max(map(len, lines)) <= 80, shown.decode()
    text = "\n".join(lines)
    assert "lock board: offline" in text and "Its doors stay shut" in text
    assert b"\x1b[" in shown  # red is red
    told = json.loads((await rig.acli("status", "--json")).stdout)
    assert any("board" in need["text"] for need in told["needs"])
    for part in PARTS:
        assert (await rig.acli("status", part)).returncode == 0
    devices = (await rig.acli("status", "devices")).stdout
    assert "yard-in: online" in devices and "people" not in devices
    every = (await rig.acli("status", "--all")).stdout
    assert "yard-in: online" in every and "list" in every
    wrong = await rig.acli("status", "moon", check=False)
    assert wrong.returncode == 2 and "there is no part moon" in wrong.stderr
