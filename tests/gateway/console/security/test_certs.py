"""The console's certificate: browsers that trust the authority trust it, for its names alone."""

from __future__ import annotations

import contextlib
import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.console.security import certs
from gateway.console.security.certs import CertError

NOW = certs.now()


def handshake(cert: Path, key: Path, ca: Path, name: str) -> None:
    """TLS between a server with the certificate and a browser that knows the authority."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    client = ssl.create_default_context(cafile=str(ca))
    c_in, c_out, s_in, s_out = (ssl.MemoryBIO() for _ in range(4))
    mine = client.wrap_bio(c_in, c_out, server_hostname=name)
    theirs = server.wrap_bio(s_in, s_out, server_side=True)
    for _ in range(5):
        for side in (mine, theirs):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            s_in.write(c_out.read())
            c_in.write(s_out.read())


def test_a_browser_that_knows_the_authority_trusts_the_console(tmp_path: Path) -> None:
    made = certs.make(tmp_path, ["gate.example.com", "192.0.2.10"], "north", now=NOW)
    for name in ("gate.example.com", "192.0.2.10"):
        handshake(made.cert, made.key, made.ca, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made.cert, made.key, made.ca, "evil.example.com")


def test_a_new_certificate_needs_no_other_visit_to_the_browsers(tmp_path: Path) -> None:
    first = certs.make(tmp_path, ["gate.example.com"], "north", now=NOW)
    before = first.cert.read_bytes()
    again = certs.make(tmp_path, ["gate.example.com"], "north", now=NOW)
    assert first.new_ca and not again.new_ca
    assert again.cert.read_bytes() != before
    handshake(again.cert, again.key, first.ca, "gate.example.com")
    assert timedelta(days=396) < again.ends - NOW < timedelta(days=398)


def test_keys_are_for_one_account_alone(tmp_path: Path) -> None:
    certs.make(tmp_path, ["gate.example.com"], "north", now=NOW)
    for name in (certs.CA_KEY, certs.CERT_KEY):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "a b", "https://gate", "ñandú.example", "x" * 300, "a..b"])
def test_what_is_no_name_gets_no_certificate(tmp_path: Path, name: str) -> None:
    with pytest.raises(CertError):
        certs.make(tmp_path, [name], "north", now=NOW)
    assert not list(tmp_path.iterdir())


def test_damaged_files_of_the_authority_are_named(tmp_path: Path) -> None:
    with pytest.raises(CertError):
        certs.make(tmp_path, [], "north", now=NOW)
    (tmp_path / certs.CA_CERT).write_text("no certificate")
    (tmp_path / certs.CA_KEY).write_text("no key")
    with pytest.raises(CertError):
        certs.make(tmp_path, ["gate.example.com"], "north", now=NOW)
