"""Drivers by name: what is found, and what is wrong with one that can't be used."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from drivers import registry
from drivers.locks.lcus import LcusBoard


def test_drivers_by_name() -> None:
    assert registry.names("readers") == ["line", "rdm6300"]
    assert isinstance(registry.load("locks", "lcus").make({"channels": 4}), LcusBoard)
    with pytest.raises(registry.UnknownDriver, match="there are: line, rdm6300"):
        registry.load("readers", "osdp2")


def test_somebody_elses_broken_driver_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        registry.EntryPoint("broken", "no.such.module:X", "garita.readers"),
        registry.EntryPoint("odd", "os:getcwd", "garita.readers"),
    ]
    monkeypatch.setattr(registry, "_points", lambda kind: points)
    assert registry.names("readers") == ["broken", "odd"]
    with pytest.raises(registry.UnknownDriver, match="'broken' .* fails: No module"):
        registry.load("readers", "broken")
    with pytest.raises(registry.UnknownDriver, match="not a driver class"):
        registry.load("readers", "odd")


def test_options_of_a_camera_cost_no_opencv() -> None:
    code = (
        "import sys; from drivers import registry;"
        "registry.load('cameras', 'opencv').check({'source': 0});"
        "sys.exit('cv2' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", ["readers", "locks", "inputs", "buses", "cameras"])
def test_a_class_that_lacks_a_method_is_named(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    point = registry.EntryPoint("half", f"{__name__}:Half", f"garita.{kind}")
    monkeypatch.setattr(registry, "_points", lambda kind: [point])
    monkeypatch.setattr(registry.EntryPoint, "load", lambda self: Half)
    with pytest.raises(registry.UnknownDriver, match="'half' .* lacks"):
        registry.load(kind, "half")


class Half:
    class Options:
        pass
