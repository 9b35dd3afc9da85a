"""An operator's key: sealed with a passphrase, and every file that is none gets a sentence."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.vault import commandkey
from gateway.vault.commandkey import CommandKeyError


def never() -> str:
    raise AssertionError("nobody should be asked")


def test_a_sealed_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "k"
    public = commandkey.make(path, "ñandú correct")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and b"ENCRYPTED" in path.read_bytes()
    key = commandkey.load(path, lambda: "ñandú correct")
    assert base64.b64encode(key.public_key().public_bytes_raw()).decode() == public
    for wrong in ("", "ñandu correct", "x" * 10_000):
        with pytest.raises(CommandKeyError, match="passphrase is wrong"):
            commandkey.load(path, lambda wrong=wrong: wrong)  # type: ignore[misc]
    with pytest.raises(FileExistsError):
        commandkey.make(path, "another")


def test_a_key_in_clear_asks_for_nothing(tmp_path: Path) -> None:
    commandkey.make(tmp_path / "k", "")
    commandkey.load(tmp_path / "k", never)
    (tmp_path / "old").write_text(base64.b64encode(bytes(range(32))).decode() + "\n")
    commandkey.load(tmp_path / "old", never)  # of `garita threat keygen`


@pytest.mark.parametrize("raw", [b"", b"-----BEGIN", b"x" * 20_000, b"\xff\x00", b"AAAA"])
def test_what_is_no_key(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "k").write_bytes(raw)
    with pytest.raises(CommandKeyError):
        commandkey.load(tmp_path / "k", never)


def test_a_key_of_another_kind_and_no_file(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    text = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "k").write_bytes(text)
    with pytest.raises(CommandKeyError, match="Ed25519"):
        commandkey.load(tmp_path / "k", never)
    with pytest.raises(CommandKeyError, match="can't be read"):
        commandkey.load(tmp_path / "none", never)
