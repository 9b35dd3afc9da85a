"""What differs between two configurations, and whether a running gateway can take it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.config.differences import TAKES, Change, Takes, differences, listed, takes
from gateway.config.tables import Tables

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "garita.toml"


def changed(*pairs: tuple[str, str]) -> tuple[Change, ...]:
    text = EXAMPLE.read_text("utf-8")
    new = text
    for old, fresh in pairs:
        assert old in new, old
        new = new.replace(old, fresh, 1)
    return differences(
        config.load_text(EXAMPLE, text.encode()), config.load_text(EXAMPLE, new.encode())
    )


def test_every_table_of_the_file_says_how_its_changes_count() -> None:
    assert {key[0] for key in TAKES} == set(Tables.model_fields)
    for table in Tables.model_fields:
        assert (table,) in TAKES


def test_every_key_in_the_table_is_one_of_the_file() -> None:
    known = re.findall(r"[a-z_]+", (ROOT / "gateway/config/tables.py").read_text("utf-8"))
    known += re.findall(r"[a-z_]+", (ROOT / "gateway/config/alarms.py").read_text("utf-8"))
    known += re.findall(r"[a-z_]+", (ROOT / "gateway/config/console.py").read_text("utf-8"))
    known += re.findall(r"[a-z_]+", (ROOT / "gateway/config/sync.py").read_text("utf-8"))
    for key in TAKES:
        assert set(key) - {"*"} <= set(known), key


@pytest.mark.parametrize("answer", list(Takes))
def test_the_example_names_the_keys_as_the_program_has_them(answer: Takes) -> None:
    text = re.sub(r"\n#   ", " ", EXAMPLE.read_text("utf-8"))
    assert f" {listed(answer)}\n" in text


@pytest.mark.parametrize(
    ("old", "new", "key", "answer"),
    [
        ('mode = "badge+face" ', 'mode = "badge" ', "doors.main-gate.mode", Takes.RELOAD),
        ("pulse_s = 3.0", "pulse_s = 4.0", "doors.main-gate.pulse_s", Takes.RESTART),
        ("maximum = 40", "maximum = 41", "areas.stock.maximum", Takes.RELOAD),
        ("port = 1883", "port = 1884", "mqtt.port", Takes.RELOAD),
        ("base_topic = ", 'client_id = "x"\nbase_topic = ', "mqtt.client_id", Takes.RESTART),
        ("attempts = 5", "attempts = 4", "pin.attempts", Takes.RELOAD),
        ("budget = 5", "budget = 6", "patterns.budget", Takes.ELSEWHERE),
        ('from = "05:30"', 'from = "05:31"', "schedules.day-shift.periods", Takes.RELOAD),
        ("[access_levels.night]", "[access_levels.late]", "access_levels.night", Takes.RELOAD),
        ("baudrate = 115200", "baudrate = 57600", "readers.shipping-in.baudrate", Takes.RESTART),
        ("few = 5", "few = 6", "sync.few", Takes.ELSEWHERE),
    ],
)
def test_a_change_by_its_key(old: str, new: str, key: str, answer: Takes) -> None:
    found = changed((old, new))
    assert found[0].key == key and {one.takes for one in found} == {answer}


def test_what_is_written_out_with_its_default_or_in_another_order_is_no_change() -> None:
    assert changed(("[patterns]\n", "# a comment\n[patterns]\n")) == ()
    assert changed(("# parity = ", "parity = ")) == ()


def test_an_area_that_other_gates_share_needs_a_restart_when_it_is_new() -> None:
    assert takes(("areas", "yard"), {"maximum": 3, "shared": []}) is Takes.RELOAD
    assert takes(("areas", "yard"), {"shared": ["gate-2"]}) is Takes.RESTART
    assert takes(("nobody", "knows")) is Takes.RESTART


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (
            ("cameras", "a", "options"),
            {"source": "rtsp://u:hunter2@c/1"},
            "(not shown)",
        ),
        (
            ("sync", "sources", "hr", "url"),
            "https://u:hunter2@h.example/x?t=hunter2",
            "https://h.example",
        ),
        (("x", "password"), "hunter2", "(not shown)"),
        (("x", "password_file"), "/etc/p", "/etc/p"),
        (("x", "name"), "a" * 500, "a" * 200 + "…"),
        (("x", "n"), 5, 5),
    ],
)
def test_no_secret_is_shown(path: tuple[str, ...], value: Any, shown: Any) -> None:
    made = Change(path, None, value, Takes.RESTART).shown()
    assert made["new"] == shown and "hunter2" not in str(made)
