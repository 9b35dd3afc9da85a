"""The figures of a real console: right, few, and without anybody's name or an address."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from gateway import config
from gateway.console.measures import kind_of
from gateway.console.security.store import Store
from tests.gateway.console.site import write_site
from tests.gateway.metrics.scrape import check_known, scrape, values

REQUESTS = "garita_console_requests_total"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[config.Settings]:
    """A console, as `garita console` runs it, whose figures are at m.sock; no gateway answers."""
    listen = f'listen = "unix:{tmp_path}/m.sock"'
    settings = write_site(tmp_path, f"\n[console.metrics]\n{listen}\n")
    address = settings.tables.console.address
    command = [sys.executable, "-m", "gateway.console", "-c", str(tmp_path / "garita.toml")]
    with subprocess.Popen(command) as console:
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(address):
                    break
                time.sleep(0.05)
            yield settings
        finally:
            console.terminate()


def test_the_figures_say_what_the_console_did(running: config.Settings, tmp_path: Path) -> None:
    host, port = running.tables.console.address
    with closing(Store(running.tables.console.data_dir / "console.db")) as store:
        held = httpx.Cookies({"garita": store.begin("rosa")})
        store.begin("samuel", stage="second")  # who is not in yet is not counted
    with httpx.Client(base_url=f"http://{host}:{port}", cookies=held, timeout=30) as rosa:
        assert rosa.get("/").status_code == 200
        assert rosa.get("/visitors/Zacar%C3%ADas").status_code == 404
        assert rosa.get("/static/css/garita.css").status_code == 200
        assert rosa.post("/taste", data={"theme": "dark"}).status_code == 403  # without the token
        with rosa.stream("GET", "/stream") as stream:
            lines = stream.iter_lines()
            next(lines)
            body = scrape(tmp_path / "m.sock")
            found = values(body)
            assert found["garita_console_streams",] == 1
            assert found[REQUESTS, "2xx", "stream"] == 1
    assert found["garita_console_sessions",] == 1
    assert found[REQUESTS, "2xx", "page"] == 1 and found[REQUESTS, "4xx", "page"] == 1
    assert found[REQUESTS, "2xx", "asset"] == 1 and found[REQUESTS, "4xx", "act"] == 1
    assert found["garita_console_page_seconds_count", "page"] == 2
    assert 0 < found["garita_console_page_seconds_sum", "page"] < 10
    assert found["garita_console_gateway_answers",] == 0 and found["garita_disk_free_bytes",] > 0
    check_known(body)
    assert len(found) <= 120
    for word in ("rosa", "Zacar", "visitors", "taste", str(tmp_path)):
        assert word not in body, word


def test_nobody_reads_the_figures_at_the_consoles_own_address(running: config.Settings) -> None:
    host, port = running.tables.console.address
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=30) as nobody:
        answer = nobody.get("/metrics")
        assert answer.status_code == 404 and "garita_" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "part", "kind"),
    [
        ("GET", "/", False, "page"),
        ("HEAD", "/login", False, "page"),
        ("GET", "/alarms", True, "part"),
        ("POST", "/doors/main/open", True, "act"),
        ("BREW", "/coffee", False, "act"),
        ("GET", "/stream", False, "stream"),
        ("GET", "/static/js/live.js", False, "asset"),
    ],
)
def test_kinds_are_few(method: str, path: str, part: bool, kind: str) -> None:
    headers = [(b"hx-request", b"true")] if part else []
    assert kind_of({"type": "http", "method": method, "path": path, "headers": headers}) == kind
