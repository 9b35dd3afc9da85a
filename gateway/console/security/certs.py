"""An own certificate for the console: `garita console cert`.

A small authority of the site's own signs the certificate of the server.  The authority's
certificate is put into the browsers once (`ca.crt`); the server's is made anew every year without
another visit to them.  The authority's key is needed for that alone and can be kept elsewhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.locale import GaritaError, worded
from gateway.vault.files import adopt, write_whole

CA_DAYS = 3650
SERVER_DAYS = 397
"""The longest that browsers take (CA/Browser Forum, 2020)."""
CA_CERT, CA_KEY, CERT, CERT_KEY = "ca.crt", "ca.key", "console.crt", "console-tls.key"


class CertError(GaritaError):
    """A certificate can't be made; the message says why."""


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
    subjects = [_subject(name) for name in names]
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
        adopt(folder)
    ca_path, ca_key_path = folder / CA_CERT, folder / CA_KEY
    new_ca = not ca_path.exists()
    try:
        if new_ca:
            ca, ca_key = _authority(site, now)
            write_whole(ca_key_path, _pem(ca_key), mode=0o600)
            write_whole(ca_path, ca.public_bytes(serialization.Encoding.PEM), mode=0o644)
        else:
            ca = x509.load_pem_x509_certificate(ca_path.read_bytes())
            loaded = serialization.load_pem_private_key(ca_key_path.read_bytes(), None)
            if not isinstance(loaded, ec.EllipticCurvePrivateKey):
                raise CertError(worded("{path} is not a key of ours", path=ca_key_path))
            ca_key = loaded
        key = ec.generate_private_key(ec.SECP256R1())
        cert = _server(ca, ca_key, key, names[0], subjects, now)
        write_whole(folder / CERT_KEY, _pem(key), mode=0o600)
        chain = cert.public_bytes(serialization.Encoding.PEM)
        write_whole(folder / CERT, chain, mode=0o644)
    except (OSError, ValueError) as error:
        raise CertError(worded("{path}: {error}", path=folder, error=error)) from error
    ends = cert.not_valid_after_utc
    return Made(folder / CERT, folder / CERT_KEY, ca_path, ends, new_ca)


def _subject(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        if (
            not name
            or len(name) > 253
            or not all(
                part and part.replace("-", "").isalnum() and part.isascii()
                for part in name.removeprefix("*.").split(".")
            )
        ):
            raise ValueError(name)
        return x509.DNSName(name)
    except ValueError as error:
        raise CertError(worded("{name} is not a name or an address", name=name[:60])) from error


def _authority(site: str, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Garita {site}"[:60])])
    public = key.public_key()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a tablet's clock may be late
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made, key


def _server(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    name: str,
    subjects: Sequence[x509.GeneralName],
    now: datetime,
) -> x509.Certificate:
    ends = min(now + timedelta(days=SERVER_DAYS), ca.not_valid_after_utc)
    if ends <= now:
        raise CertError(worded("the authority's certificate is over: remove {ca}", ca=CA_CERT))
    public = key.public_key()
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:60])]))
        .issuer_name(ca.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(list(subjects)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(signer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def now() -> datetime:
    """The present time."""
    return datetime.now(UTC)
