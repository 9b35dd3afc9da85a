"""Debian's Prometheus reads a real daemon, and what we ship for it is sound."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.broker import free_port
from demo.rig import ROOT, Rig
from gateway.config.metrics import MetricsTable
from gateway.metrics.names import BY_NAME

FOLDER = ROOT / "deploy" / "prometheus"
OTHERS = {"up", "process_resident_memory_bytes", "label_values", "ALERTS"}


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"the tests need {name}: sudo apt install prometheus")
    return found


def unknown_metrics(expr: str) -> set[str]:
    """Names in an expression that no metric has; labels and their values are left out."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\b(by|on)\s*\([^)]*\)', " ", expr)
    names = set(re.findall(r"\b(?:garita|process)_\w+|\bup\b", bare))
    names = {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}
    return names - set(BY_NAME) - OTHERS


def test_a_name_that_is_wrong_is_found() -> None:
    assert unknown_metrics('rate(garita_decision_total{door="x"}[5m])') == {"garita_decision_total"}
    assert not unknown_metrics("sum by (le) (rate(garita_commit_seconds_bucket[5m]))")


def test_promtool_takes_rules_and_their_tests() -> None:
    for command in (
        ("check", "rules", "garita.rules.yml"),
        ("test", "rules", "garita.rules.test.yml"),
        ("check", "config", "prometheus.yml"),
    ):
        done = subprocess.run(
            (program("promtool"), *command), check=False, cwd=FOLDER, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_asks_for_what_there_is_and_says_what_to_do() -> None:
    text = (FOLDER / "garita.rules.yml").read_text()
    rules = re.split(r"^\s+- alert: ", text, flags=re.M)[1:]
    assert len(rules) > 15
    for rule in rules:
        assert not unknown_metrics(rule.split("expr:", 1)[1].split("labels:", 1)[0]), rule
        assert "todo:" in rule and "summary:" in rule
        assert re.search(r"severity: (critical|warning)$", rule, re.M)
    for alert, expr in re.findall(r"alert: (\w+)\n\s+expr: (.*)", text):
        kinds = {m.kind for m in BY_NAME.values() if re.search(rf"\b{m.name}(\b|_bucket)", expr)}
        assert "histogram" not in kinds or "histogram_quantile" in expr, alert


def test_the_dashboard_is_sane() -> None:
    board = json.loads((FOLDER / "garita.dashboard.json").read_text())
    assert board["title"] and board["schemaVersion"] >= 30 and board["uid"]
    variables = {item["name"] for item in board["templating"]["list"]}
    assert variables == {"source", "gateway"}
    taken: set[tuple[int, int]] = set()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        assert panel["title"] and panel["targets"]
        assert panel["datasource"]["uid"] == "${source}"
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        for target in panel["targets"]:
            assert not unknown_metrics(target["expr"]), target
            assert re.search(r"\b(garita|process)_|\bup\b", target["expr"])
            assert "$gateway" in target["expr"]


def test_the_page_has_every_metric() -> None:
    page = (ROOT / "docs" / "watch.md").read_text(encoding="utf-8")
    for metric in BY_NAME.values():
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        assert f"| `{metric.name}` | {metric.kind} | {labels} | {metric.text} |" in page
    assert set(re.findall(r"^\| `(garita_\w+)`", page, re.M)) == set(BY_NAME)


def test_the_example_configuration_names_an_address_that_is_good() -> None:
    text = (ROOT / "config" / "garita.toml").read_text(encoding="utf-8")
    table = re.search(r"^# \[metrics\]\n# (listen = .*)$", text, re.M)
    assert table is not None
    listen = MetricsTable(**tomllib.loads(table[1])).listen
    assert listen in (FOLDER / "prometheus.yml").read_text()


@pytest.mark.servers
@pytest.mark.slow
async def test_debians_prometheus_reads_a_real_daemon(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """With the rules and the scrape that we ship; only the port and the intervals differ."""
    port, at = free_port(), free_port()
    rig = make_rig()
    with rig.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[metrics]\nlisten = "127.0.0.1:{at}"\n')
    person = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}
    await rig.acli("people", "sync", str(rig.write_people([person])), "--apply")
    folder = tmp_path / "prometheus"
    folder.mkdir()
    config = (FOLDER / "prometheus.yml").read_text().replace("15s", "1s")
    assert "127.0.0.1:9464" in config
    (folder / "prometheus.yml").write_text(config.replace("127.0.0.1:9464", f"127.0.0.1:{at}"))
    shutil.copy(FOLDER / "garita.rules.yml", folder)
    server = await asyncio.create_subprocess_exec(
        program("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await rig.start()
        rig.yard_reader.present(18, 1001)
        await rig.until(lambda s: (s["last"]["yard"] or {}).get("reason") == "granted")

        def query(expr: str) -> list[dict[str, Any]]:
            url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(expr)}"
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
                result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
                return result
            return []

        async def until(expr: str) -> dict[str, Any]:
            async with asyncio.timeout(30):
                while not (found := await asyncio.to_thread(query, expr)):
                    await asyncio.sleep(0.1)
            return found[0]

        granted = await until('garita_decisions_total{door="yard",reason="granted"} == 1')
        assert granted["metric"]["gateway"] == "gate-1"
        assert (await until('up{job="garita"} == 1'))["value"][1] == "1"
        await until('histogram_quantile(0.5, garita_stage_seconds_bucket{stage="total"}) < 5')
        await rig.acli("door", "out-of-service", "gate", "--reason", "hinge")
        await until('garita_doors{state="out_of_service"} == 1')
    finally:
        server.terminate()
        await server.wait()
