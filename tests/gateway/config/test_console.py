"""The table [console]: where it listens, and what it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.config.console import ConsoleTable
from tests.gateway.console.site import GATE

DESK = '\n[readers.desk]\ndriver = "rdm6300"\nport = "/dev/ttyUSB3"\n'


def loaded(folder: Path, more: str) -> ConsoleTable:
    path = folder / "garita.toml"
    path.write_text(GATE + more, encoding="utf-8")
    return load(path).tables.console


def test_without_a_table_it_listens_on_this_machine_alone(tmp_path: Path) -> None:
    table = loaded(tmp_path, "")
    assert table.local and table.address == ("127.0.0.1", 8440) and table.desk_reader == ""


@pytest.mark.parametrize("where", ["127.0.0.1:9000", "localhost:9000", "[::1]:9000", "unix:/run/x"])
def test_what_this_machine_alone_reaches_needs_no_tls(tmp_path: Path, where: str) -> None:
    assert loaded(tmp_path, f'[console]\nlisten = "{where}"').local


@pytest.mark.parametrize(
    "where", ["0.0.0.0:8440", "[::]:8440", "192.0.2.1", "gate.example.com:443"]
)
def test_what_others_reach_needs_tls(tmp_path: Path, where: str) -> None:
    with pytest.raises(ConfigError, match="needs TLS"):
        loaded(tmp_path, f'[console]\nlisten = "{where}"')
    files = 'cert_file = "a.crt"\ncert_key_file = "a.key"'
    table = loaded(tmp_path, f'[console]\nlisten = "{where}"\n{files}')
    assert not table.local and table.cert_file == tmp_path / "a.crt"


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ('[console]\ndesk_reader = "desk"', "there is no [readers.desk]"),
        (DESK + '[console]\ndesk_reader = "main-in"', "belongs to door main already"),
        ('[operators.x]\nperson = "e1"\nroles = ["guard"]\nareas = ["moon"]', "[areas.moon]"),
        ('[console]\nlisten = "here and there"', "write HOST:PORT"),
        ('[console]\ncert_file = "a.crt"', "come together"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, more: str, mistake: str) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(tmp_path, more)
    assert mistake in str(told.value)


def test_a_desks_reader_belongs_to_no_door(tmp_path: Path) -> None:
    assert loaded(tmp_path, DESK + '[console]\ndesk_reader = "desk"').desk_reader == "desk"
