"""The units name commands that there are, without a path: one file for packages and for source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.cli.main import Garita

UNITS = sorted((Path(__file__).parents[2] / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_garita_wherever_it_is_installed(unit: Path) -> None:
    lines = re.findall(r"^Exec\w+=(.*)$", unit.read_text("utf-8"), re.M)
    assert lines
    for line in lines:
        program, command, *_ = line.split()
        assert program == "garita" and command in Garita.entries
