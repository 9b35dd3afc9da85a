"""The table [metrics]: this machine alone reads the figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import ConfigError
from gateway.config.metrics import MetricsTable
from tests.gateway.console.site import write_site


def test_off_by_default() -> None:
    assert MetricsTable().listen == ""


@pytest.mark.parametrize(
    ("listen", "where"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("127.8.8.8:1", ("127.8.8.8", 1)),
        ("localhost:9464", ("127.0.0.1", 9464)),  # whatever a file or a server says it is
        ("[::1]:9464", ("::1", 9464)),
        ("unix:/run/garita/metrics.sock", Path("/run/garita/metrics.sock")),
    ],
)
def test_this_machine_alone(listen: str, where: object) -> None:
    table = MetricsTable(listen=listen)
    assert (table.socket or table.address) == where


@pytest.mark.parametrize(
    "listen",
    [
        "0.0.0.0:9464",
        "[::]:9464",
        "192.168.1.7:9464",
        "gate.example.com:9464",
        "127.0.0.1.example.com:9464",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        ":9464",
        "9464",
        "unix:metrics.sock",
        "unix:/",
        "unix:/" + "x" * 107,
        "unix:",
        "http://127.0.0.1:9464",
    ],
)
def test_anything_else_is_a_mistake(listen: str) -> None:
    with pytest.raises(ValidationError, match=r"127\.0\.0\.1|unix:"):
        MetricsTable(listen=listen)


def test_the_console_shows_its_own_elsewhere(tmp_path: Path) -> None:
    same = 'listen = "127.0.0.1:9464"\n'
    with pytest.raises(ConfigError) as found:
        write_site(tmp_path, f"[console.metrics]\n{same}[metrics]\n{same}")
    assert "console.metrics.listen" in str(found.value.mistakes), found.value.mistakes
