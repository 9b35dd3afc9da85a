"""The udev rules, as udev(7) has their syntax; `make deb-test` has udev itself read them."""

from __future__ import annotations

import re
from pathlib import Path

RULES = Path(__file__).parents[2] / "deploy" / "debian" / "garita.udev"
PART = r'([A-Z]+)(?:\{([^{}"]+)\})?(==|!=|\+=|:=|=)"([^"]*)"'
MATCH = {"ACTION", "SUBSYSTEM", "SUBSYSTEMS", "ATTR", "ATTRS", "ENV"}
ASSIGN = {"GOTO": "=", "LABEL": "=", "SYMLINK": "+=", "ENV": "="}


def rules() -> list[list[tuple[str, str, str, str]]]:
    lines = [line for line in RULES.read_text("utf-8").splitlines() if line[:1] not in ("#", "")]
    assert all(re.fullmatch(f"{PART}(?:, {PART})*", line) for line in lines), lines
    return [re.findall(PART, line) for line in lines]


def test_each_rule_has_keys_and_operators_that_udev_knows() -> None:
    for rule in rules():
        for key, name, operator, value in rule:
            assert value
            if operator in ("==", "!="):
                assert key in MATCH
            else:
                assert ASSIGN[key] == operator
            assert bool(name) == (key in ("ENV", "ATTR", "ATTRS"))
    gone = {value for rule in rules() for key, _, _, value in rule if key == "GOTO"}
    labels = {value for rule in rules() for key, _, _, value in rule if key == "LABEL"}
    assert gone == labels


def test_a_link_is_made_only_where_what_it_is_named_after_is_known() -> None:
    links = [rule for rule in rules() if rule[-1][0] == "SYMLINK"]
    assert len(links) == 3
    for rule in links:
        (wanted,) = re.findall(r"\$env\{(\w+)\}", rule[-1][3])
        assert ("ENV", wanted, "==", "?*") in rule
    assert len({re.sub(r"\$.*", "", rule[-1][3]) for rule in links}) == len(links)
