"""witness.toml: every mistake with its line; and the key's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from gateway.config import ConfigError
from gateway.vault.signkey import SignKeyError, load_or_make
from gateway.witness.config import load
from tests.gateway.witness.conftest import LOG, WITNESS

EXAMPLE = Path(__file__).parents[3] / "config/witness.toml"


def test_the_example_is_valid() -> None:
    table = load(EXAMPLE)
    assert table.address.port == 8390
    assert len(table.known.keys) == 1
    assert table.known.new_origins


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "missing"),
        ('name = "w 1"', "no spaces"),
        ('name = "w"\nlogs = []', "at least 1"),
        ('name = "w"\nlogs = ["x"]', "not a log's key"),
        (f'name = "w"\nlogs = ["{WITNESS.key}"]', "key of a witness"),
        (f'name = "w"\nlogs = ["{LOG.key}"]\nlisten = "x:99999"', "host:port"),
        (f'name = "w"\nlogs = ["{LOG.key}"]\nport = 1', "config/witness.toml"),
        ("name = ", "not valid TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "witness.toml"
    path.write_text(line)
    with pytest.raises(ConfigError, match=said):
        load(path)
    with pytest.raises(ConfigError):
        load(tmp_path / "none.toml")


def test_the_key_is_made_once_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "witness.key"
    made = load_or_make(path)
    assert load_or_make(path).private_bytes_raw() == made.private_bytes_raw()
    path.chmod(0o640)
    with pytest.raises(SignKeyError, match="others may read it"):
        load_or_make(path)
    path.chmod(0o600)
    for text in (b"", b"rubbish", b"\0" * 5000, _rsa()):
        path.write_bytes(text)
        with pytest.raises(SignKeyError):
            load_or_make(path)
        assert path.read_bytes() == text
    with pytest.raises(SignKeyError):
        load_or_make(tmp_path / "no" / "folder")
    assert isinstance(made, Ed25519PrivateKey)


def _rsa() -> bytes:
    return generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
