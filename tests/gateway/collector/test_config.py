"""collector.toml: what it takes, and what it says of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.collector.config import load
from gateway.config import ConfigError
from gateway.proof.note import COSIGNATURE, Signer

KEY = str(Signer("acme.example/gate-1/0a", Ed25519PrivateKey.generate()).key)
GOOD = f"""
name = "hq-1"
database = "postgresql://garita@db-1,db-2:5432/garita?target_session_attrs=read-write"
password_file = "db.password"

[mqtt]
brokers = ["broker-1", "broker-2:1884"]
password_file = "mqtt.password"
username = "auditor"

[mirror]
name = "acme.example/hq"

[gateways.gate-1]
key = "{KEY}"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "collector.toml"
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as found:
        load(written(folder, text))
    return str(found.value)


def test_paths_are_those_beside_the_file_and_the_password_is_read_each_time(tmp_path: Path) -> None:
    table = load(written(tmp_path, GOOD))
    assert table.is_postgres and table.discover and table.gateways["gate-1"].vkey.name
    assert table.mqtt.password_file == tmp_path / "mqtt.password"
    assert table.mirror is not None and table.mirror.key_file == tmp_path / "mirror.key"
    for secret in ("one", "two"):
        (tmp_path / "db.password").write_text(f"{secret}\n")
        assert table.connection_facts()["password"] == secret
    assert [str(a) for a in table.mqtt.addresses] == ["broker-1:1883", "broker-2:1884"]


def test_a_site_with_a_few_gateways_has_a_file(tmp_path: Path) -> None:
    table = load(written(tmp_path, 'name = "a"\ndatabase = "log.db"\n[mqtt]\nhost = "b"\n'))
    assert not table.is_postgres and table.database == str(tmp_path / "log.db")


def test_every_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    cosigner = str(Signer("w", Ed25519PrivateKey.generate(), COSIGNATURE).key)
    said = mistakes(
        tmp_path,
        f'name = "a b"\ndatabase = "mysql://x"\nbatch = 0\nfoo = 1\n[mqtt]\nhost = "b"\n'
        f'[gateways.g1]\nkey = "x"\n[gateways.g2]\nkey = "{cosigner}"\n[mirror]\nname = "a b"\n',
    )
    for part in (
        ":1: name:",
        ":2: database: write postgresql://",
        ":3: batch:",
        ":4: foo:",
        "'x' is not a log's key",
        "is the key of a witness",
        "no spaces and no plus",
    ):
        assert part in said
    assert "config/collector.toml" in said
    text = 'name = "a"\ndatabase = "f.db"\npassword_file = "p"\n[mqtt]\nhost = "b"\n'
    assert "an SQLite file has no password" in mistakes(tmp_path, text)
    assert "mqtt" in mistakes(tmp_path, 'name = "a"\ndatabase = "f.db"\n')


def test_the_example_is_a_configuration() -> None:
    table = load(Path(__file__).parents[3] / "config" / "collector.toml")
    assert table.is_postgres and table.mirror is not None
