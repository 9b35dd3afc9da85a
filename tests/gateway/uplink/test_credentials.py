"""What is wrong with our own password, certificate, key and CA is said, with a real mosquitto."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.config import MqttSettings
from gateway.uplink.check import check_broker
from gateway.uplink.connection import connect_options
from gateway.uplink.credentials import CredentialError, Credentials, examine, password
from tests.gateway.uplink.certificates import DAY, Authority


def settings(port: int = 1, **more: Any) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port, **more)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def tls(authority: Authority, cert: Path, key: Path, port: int = 1) -> MqttSettings:
    return settings(port, tls=True, ca_file=authority.ca_file, cert_file=cert, key_file=key)


def said(mqtt: MqttSettings) -> list[str]:
    return [f"{'wrong' if item.wrong else 'look'}: {item.message}" for item in examine(mqtt)]


def test_a_certificate_that_expired_is_named_at_once_and_not_after_a_time_out(
    authority: Authority, make_broker: Callable[..., Any]
) -> None:
    server = authority.make("server")
    broker = make_broker(
        f"allow_anonymous true\ncafile {authority.ca_file}\ncertfile {server[0]}\n"
        f"keyfile {server[1]}\nrequire_certificate true"
    )
    broker.start()
    good = authority.make("good")
    assert check_broker(tls(authority, *good, port=broker.port), "g").error == ""
    old = authority.make("old", begins=-60 * DAY, ends=-DAY)
    day = (datetime.now(UTC) - DAY).date()
    begun = time.monotonic()
    result = check_broker(tls(authority, *old, port=broker.port), "g")
    assert result.error == f"old.pem: the certificate expired on {day}"
    assert time.monotonic() - begun < 5


def test_an_expired_certificate_that_the_broker_does_not_ask_for_stops_nothing(
    authority: Authority, make_broker: Callable[..., Any]
) -> None:
    server = authority.make("server")
    broker = make_broker(f"allow_anonymous true\ncertfile {server[0]}\nkeyfile {server[1]}")
    broker.start()
    old = authority.make("old", begins=-60 * DAY, ends=-DAY)
    assert check_broker(tls(authority, *old, port=broker.port), "g").error == ""


def test_a_broker_that_expired_or_is_another_is_named(
    authority: Authority, make_broker: Callable[..., Any]
) -> None:
    server = authority.make("server", begins=-60 * DAY, ends=-DAY)
    broker = make_broker(f"allow_anonymous true\ncertfile {server[0]}\nkeyfile {server[1]}")
    broker.start()
    good = authority.make("good")
    assert "has expired" in check_broker(tls(authority, *good, port=broker.port), "g").error


def test_dates_of_certificates_are_told_before_and_after(authority: Authority) -> None:
    assert said(tls(authority, *authority.make("good"))) == []
    soon = authority.make("soon", ends=12.5 * DAY)
    assert [line[:40] for line in said(tls(authority, *soon))] == [
        "look: soon.pem: the certificate expires "
    ]
    assert said(tls(authority, *soon))[0].endswith("days left: 12")
    early = authority.make("early", begins=DAY)
    assert (
        "wrong: early.pem: the certificate is not valid before" in said(tls(authority, *early))[0]
    )


def test_a_ca_that_expired_is_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path, ends=-DAY)
    good = authority.make("good")
    assert said(tls(authority, *good))[0].startswith("wrong: ca.pem: the certificate expired on")
    (tmp_path / "new").mkdir()
    renewed = Authority(tmp_path / "new")  # beside the old one: one that is good is enough
    authority.ca_file.write_bytes(authority.ca_file.read_bytes() + renewed.ca_file.read_bytes())
    assert said(tls(authority, *good)) == []


def test_a_key_that_does_not_match_is_named(authority: Authority) -> None:
    one, other = authority.make("one"), authority.make("other")
    mixed = tls(authority, one[0], other[1])
    assert said(mixed) == ["wrong: other.key is not the key of one.pem"]
    with pytest.raises(CredentialError, match="is not the key of"):
        connect_options(mixed)
    swapped = tls(authority, one[1], one[0])
    assert said(swapped) == [
        "wrong: one.key does not hold a certificate (PEM)",
        "wrong: one.pem does not hold a private key (PEM)",
    ]


def test_an_encrypted_key_is_refused_and_nobody_is_asked(authority: Authority) -> None:
    """OpenSSL asked at the terminal for the pass phrase, and the gateway waited for the answer."""
    mqtt = tls(authority, *authority.make("locked", phrase=b"secret"))
    assert said(mqtt) == [
        "wrong: the client's key is encrypted: remove its pass phrase, and chmod 600 it"
    ]
    with pytest.raises(CredentialError, match="key is encrypted"):
        connect_options(mqtt)


@pytest.mark.parametrize("name", ["ca_file", "cert_file", "key_file"])
def test_a_file_that_is_missing_or_empty_is_named(authority: Authority, name: str) -> None:
    mqtt = tls(authority, *authority.make("good"))
    path = getattr(mqtt, name)
    path.write_bytes(b"")
    assert said(mqtt)[0].startswith(f"wrong: {path.name} does not hold a")
    path.unlink()
    assert said(mqtt)[0] == f"wrong: {path.name} can't be read: No such file or directory"
    with pytest.raises(CredentialError, match="can't be read"):
        connect_options(mqtt)


@pytest.mark.parametrize(
    ("data", "word", "finding"),
    [
        (b"p\xc3\xb1 w", "pñ w", ""),
        (b"word\n", "word", ""),
        (b"word\r\n", "word", "look: pw has a line end of Windows, which is left out"),
        (
            b"\xef\xbb\xbfword\n",
            "word",
            "look: pw begins with a byte order mark, which is left out",
        ),
        (b"word \n", "word ", "look: pw begins or ends with a space, which counts"),
        (b"p\xf1w\n", None, "wrong: pw is not UTF-8: save it as UTF-8 (not Latin-1, UTF-16)"),
        (
            "word\n".encode("utf-16"),
            None,
            "wrong: pw is not UTF-8: save it as UTF-8 (not Latin-1, UTF-16)",
        ),
        (b"\n", None, "wrong: pw is empty"),
        (b"one\ntwo\n", None, "wrong: pw must hold one line"),
    ],
)
def test_a_password_file_from_another_editor_is_read_or_named(
    tmp_path: Path, data: bytes, word: str | None, finding: str
) -> None:
    path = tmp_path / "pw"
    path.write_bytes(data)
    mqtt = settings(username="u", password_file=path)
    assert said(mqtt) == ([finding] if finding else [])
    if word is None:
        with pytest.raises(CredentialError):
            password(path)
    else:
        assert connect_options(mqtt)["password"] == word


async def test_status_says_it_as_text_with_facts(authority: Authority) -> None:
    soon = authority.make("soon", ends=12.5 * DAY)
    known = Credentials(tls(authority, *soon))
    await known.look()
    (item,) = known.status()
    assert item["facts"]["days"] == 12 and "{days}" in item["text"] and item["wrong"] is False
