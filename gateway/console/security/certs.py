"""An own certificate for the console: `garita console cert`.

A small authority of the site's own signs the certificate of the server.  The authority's
certificate is put into the browsers once (`ca.crt`); the server's is made anew every year without
another visit to them.  The authority's key is needed for that alone and can be kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.locale import worded
from gateway.vault.authority import Authority, CertError, Kind, cert_pem, key_pem, new_key, subject
from gateway.vault.files import adopt, write_whole

SERVER_DAYS = 397
"""The longest that browsers take (CA/Browser Forum, 2020)."""
CA_CERT, CA_KEY, CERT, CERT_KEY = "ca.crt", "ca.key", "console.crt", "console-tls.key"


@dataclass(frozen=True, slots=True)
class Made:
    """The files, when the server's certificate ends, and whether the authority is new."""

    cert: Path
    key: Path
    ca: Path
    ends: datetime
    new_ca: bool


def make(folder: Path, names: Sequence[str], site: str, *, now: datetime) -> Made:
    """Make the server's certificate for `names` (names of machines and addresses) in `folder`, and
    the authority if there is none.  Raises CertError."""
    if not names:
        raise CertError(worded("name the console as browsers call it, such as gate.example.com"))
    for name in names:
        subject(name)
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
        adopt(folder)
    ca_path, ca_key_path = folder / CA_CERT, folder / CA_KEY
    new_ca = not ca_path.exists()
    try:
        if new_ca:
            ca = Authority.new(f"Garita {site}"[:60], now)
            write_whole(ca_key_path, key_pem(ca.key), mode=0o600)
            write_whole(ca_path, cert_pem(ca.cert), mode=0o644)
        else:
            ca = Authority.read(ca_path.read_bytes(), ca_key_path.read_bytes())
        if ca.cert.not_valid_after_utc <= now:
            raise CertError(worded("the authority's certificate is over: remove {ca}", ca=CA_CERT))
        key = new_key()
        cert = ca.issue(key.public_key(), Kind.SERVER, names, now=now, days=SERVER_DAYS)
        write_whole(folder / CERT_KEY, key_pem(key), mode=0o600)
        write_whole(folder / CERT, cert_pem(cert), mode=0o644)
    except (OSError, ValueError) as error:
        raise CertError(worded("{path}: {error}", path=folder, error=error)) from error
    ends = cert.not_valid_after_utc
    return Made(folder / CERT, folder / CERT_KEY, ca_path, ends, new_ca)


def now() -> datetime:
    """The present time."""
    return datetime.now(UTC)
