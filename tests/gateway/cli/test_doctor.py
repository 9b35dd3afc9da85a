"""`garita doctor`: one table of all there is to look at."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from demo.rig import Rig
from gateway.cli import doctor
from gateway.people.lookup import SCHEMA_VERSION


async def test_the_doctor_looks_at_everything(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.cli("people", "sync", str(rig.write_people([])), "--apply", "--allow-empty")
    found = json.loads(rig.cli("doctor", "--json", check=False).stdout)["findings"]
    names = {item["name"] for item in found}
    assert {"config", "gateway", "sync", "space", "key", "schema", "people", "log"} <= names
    schema = next(item for item in found if item["name"] == "schema")
    assert schema["state"] == "good" and str(SCHEMA_VERSION) in schema["said"]


def test_a_unit_that_is_enabled_and_does_not_run_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for systemd, which a container does not have."""
    states = {"garita": "failed", "garita-console": "active"}

    def run(command: list[str], **_: Any) -> Any:
        _, verb, name = command
        enabled = "enabled" if name in states else "disabled"
        return SimpleNamespace(stdout=enabled if verb == "is-enabled" else states[name])

    monkeypatch.setattr(doctor.shutil, "which", lambda _: "/bin/systemctl")
    monkeypatch.setattr(subprocess, "run", run)
    found = {str(item.said): item.state.value for item in doctor.units()}
    assert found == {
        "garita is enabled and failed: systemctl status garita": "bad",
        "garita-console runs": "good",
    }
