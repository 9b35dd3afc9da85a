"""The peer of `make bench ARGS=peer` is installed by hash, and its flow hangs together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.peer.nodered import HERE, TABS

FLOW = {node["id"]: node for node in json.loads((HERE / "flow.json").read_text(encoding="utf-8"))}


def test_every_package_has_a_hash_and_names_no_index() -> None:
    text = (HERE / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    bundled = {name for name, package in packages.items() if package.get("inBundle")}
    without = {name for name, package in packages.items() if "integrity" not in package}
    assert without - bundled == {""}
    assert '"resolved"' not in text
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    for name, version in (wanted["dependencies"] | wanted["optionalDependencies"]).items():
        assert packages[f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize("tab", TABS)
def test_a_badge_reaches_relay_log_and_broker(tab: str) -> None:
    reached, ahead = list[str](), [f"{tab}-reader"]
    while ahead:
        reached.append(ahead.pop())
        ahead += [one for wire in FLOW[reached[-1]]["wires"] for one in wire]
    assert {f"{tab}-{end}" for end in ("relay", "log", "mqtt", "lookup")} <= set(reached)
    log = [one for wire in FLOW[f"{tab}-log"]["wires"] for one in wire]
    assert bool(log) == (tab == "first")  # only there does the relay wait for the record
    for name in reached:
        node = FLOW[name]
        for key in ("serial", "mydb", "broker"):
            assert node.get(key, "db") in FLOW


def test_the_flow_takes_its_ports_from_the_benchmark() -> None:
    named = {n["serialport"] for n in FLOW.values() if n["type"] == "serial-port"}
    assert named == {
        f"${{GATE_{tab.upper()}_{end}}}" for tab in TABS for end in ("READER", "BOARD")
    }
    assert Path(HERE / "settings.js").exists()
