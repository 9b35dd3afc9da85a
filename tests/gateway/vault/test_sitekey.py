"""The site key: made once, read with care, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.vault.sitekey import KeyFileError, SiteKey


def test_a_new_key_is_private_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    SiteKey.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFileError, match="File exists"):
        SiteKey.create(path)
    key = SiteKey.load(str(path))
    assert path.read_text().strip() not in repr(key)


def test_subkeys_are_hkdf_sha256() -> None:
    secret = bytes(range(32))
    ours = SiteKey(secret).subkey("templates")
    theirs = HKDF(SHA256(), 32, salt=None, info=b"garita templates").derive(secret)
    assert ours == theirs
    assert ours != SiteKey(secret).subkey("other")


def test_keys_of_records_written_before_are_the_same() -> None:
    """Made with the code of version 0.1.0, which had an HKDF of its own."""
    key = SiteKey(bytes(range(32)))
    assert [key.subkey(name).hex() for name in ("badge fingerprint", "reader keys")] == [
        "45173788b50d7434164b3462ad6abc4b652129894f1b7e4b1ebf8c13b5c8c936",
        "de3cb699ba80cf30b4b0c283f981a68bb0a01115195ff2c22583bcc7ea3bfe93",
    ]
    assert key.fingerprint("rdm6300:1:2") == "bb8c8cb09822e22e"


def test_a_fingerprint_tells_badges_apart_and_needs_the_key() -> None:
    one, two = SiteKey(bytes(32)), SiteKey(bytes(31) + b"\1")
    assert one.fingerprint("h10301:1:2") == one.fingerprint("h10301:1:2")
    assert one.fingerprint("h10301:1:2") != one.fingerprint("h10301:1:3")
    assert one.fingerprint("h10301:1:2") != two.fingerprint("h10301:1:2")


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (b"not base64!", 0o600, "not base64"),
        (b"AAAA", 0o600, "32 bytes"),
        (b"", 0o600, "32 bytes"),
        (b"A" * 44, 0o644, "others may read"),
    ],
)
def test_bad_key_files(tmp_path: Path, content: bytes, mode: int, message: str) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=message) as caught:
        SiteKey.load(str(path))
    assert content.decode() == "" or content.decode() not in str(caught.value)


def test_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SiteKey.create(tmp_path / "site.key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert SiteKey.load("credential:site.key").subkey("x")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(KeyFileError, match="LoadCredential"):
        SiteKey.load("credential:site.key")
    with pytest.raises(KeyFileError, match="garita key new"):
        SiteKey.load(str(tmp_path / "none"))
