"""An operator's key: sealed with a passphrase, and every file that is none gets a sentence."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from gateway.vault import commandkey
from gateway.vault.commandkey import CommandKeyError


def never() -> str:
    raise AssertionError("nobody should be asked")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stretch that takes no time; `test_a_guess_is_dear` holds the real one."""
    monkeypatch.setattr(commandkey, "WORK", 2**10)


def test_a_guess_is_dear(tmp_path: Path) -> None:
    assert 128 * commandkey.BLOCK * commandkey.WORK >= 2**27  # bytes of memory (RFC 7914)
    commandkey.make(tmp_path / "k", "correct horse")
    commandkey.load(tmp_path / "k", lambda: "correct horse")


@pytest.mark.usefixtures("quick")
def test_a_sealed_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "k"
    public = commandkey.make(path, "ñandú correct")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = commandkey.load(path, lambda: "n\u0303andu\u0301 correct")  # as another keyboard types it
    assert base64.b64encode(key.public_key().public_bytes_raw()).decode() == public
    assert key.private_bytes_raw() not in base64.b64decode(json.loads(path.read_text())["sealed"])
    for wrong in ("", "nandu correct"):
        with pytest.raises(CommandKeyError, match="passphrase is wrong"):
            commandkey.load(path, lambda wrong=wrong: wrong)  # type: ignore[misc]
    with pytest.raises(FileExistsError):
        commandkey.make(path, "")
    held = json.loads(path.read_text())
    other = base64.b64encode(bytes(16)).decode()
    path.write_text(json.dumps({**held, "salt": other}))
    with pytest.raises(CommandKeyError, match="passphrase is wrong"):
        commandkey.load(path, lambda: "ñandú correct")


def test_a_key_in_clear_asks_for_nothing(tmp_path: Path) -> None:
    commandkey.make(tmp_path / "k", "")
    commandkey.load(tmp_path / "k", never)
    (tmp_path / "old").write_text(base64.b64encode(bytes(range(32))).decode() + "\n")
    commandkey.load(tmp_path / "old", never)  # of `garita threat keygen`


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{" * 9_000,
        b"{}",
        b'{"form": "another"}',
        b'{"form": "garita command key 1", "salt": "", "sealed": ""}',
        b'{"form": "garita command key 1", "salt": 1, "sealed": []}',
        b"x" * 20_000,
        b"\xff\x00",
        b"AAAA",
        b"-----BEGIN PRIVATE KEY-----",
    ],
)
def test_what_is_no_key(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "k").write_bytes(raw)
    with pytest.raises(CommandKeyError, match="holds no private key"):
        commandkey.load(tmp_path / "k", never)
    with pytest.raises(CommandKeyError, match="can't be read"):
        commandkey.load(tmp_path / "none", never)
