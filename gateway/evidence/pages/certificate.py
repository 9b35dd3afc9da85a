"""The certificate that signs PDFs: the site's own, or one that the gateway makes for itself.

A certificate of the gateway's own says the same as the log's key: this box made it.  A reader of
PDFs shows it as not known until somebody trusts it; a site that wants the green tick has one of its
own from an authority that the reader trusts.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from gateway.config import Settings
from gateway.config.evidence import EvidenceTable
from gateway.locale import GaritaError, worded
from gateway.vault.files import write_whole
from gateway.vault.sitekey import KeyFileError, SealError, SiteKey

FILE = "pdf-key.json"
"""In the data folder: the key that the gateway made, sealed with the site key, and its
certificate."""
_PURPOSE = "pdf key"
_YEARS = 10
_MOST_BYTES = 200_000

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class SigningError(GaritaError):
    """A PDF can't be signed; the message names the file and says why, never the key."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A private key, its certificate, and the certificates between it and its authority."""

    key: Key
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hex: what an auditor compares."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def of(settings: Settings) -> Certified:
    """What this site signs with: its own certificate if it names one, else the gateway's own,
    which is made the first time.  Raises SigningError."""
    table = settings.tables.evidence
    if table.certificate is not None and table.certificate_key is not None:
        return _of_site(table, table.certificate, table.certificate_key)
    path = settings.tables.site.data_dir / FILE
    try:
        sealer = SiteKey.load(settings.tables.site.key_file).sealer(_PURPOSE)
    except KeyFileError as error:
        raise SigningError(worded("no PDF is signed: {error}", error=error)) from error
    if not path.exists():
        made = _make(settings.site.gateway)
        secret = made.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        held = {
            "sealed": base64.b64encode(sealer.seal(secret, _PURPOSE)).decode(),
            "certificate": made.certificate.public_bytes(Encoding.PEM).decode(),
        }
        try:
            write_whole(path, json.dumps(held).encode(), mode=0o600, replace=False)
            return made
        except FileExistsError:  # somebody else was quicker
            pass
        except OSError as error:
            raise SigningError(
                worded("{path}: {error}", path=path, error=error.strerror)
            ) from error
    try:
        held = json.loads(path.read_text("utf-8"))
        secret = sealer.open(base64.b64decode(held["sealed"], validate=True), _PURPOSE)
        return _agreeing(
            load_der_private_key(secret, None),
            [x509.load_pem_x509_certificate(held["certificate"].encode())],
            path,
        )
    except OSError as error:
        raise SigningError(worded("{path}: {error}", path=path, error=error.strerror)) from error
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, SealError) as error:
        raise SigningError(
            worded(
                "{path}: {error}; put it back from a backup, or move it away and a new one is made",
                path=path,
                error=error,
            )
        ) from error


def _of_site(table: EvidenceTable, certificate: Path, key: Path) -> Certified:
    try:
        chain = x509.load_pem_x509_certificates(_read(certificate))
    except ValueError as error:
        raise SigningError(worded("{path}: no certificate in PEM", path=certificate)) from error
    password = None
    if table.password_file is not None:
        password = _read(table.password_file).strip(b"\r\n")
    try:
        private = load_pem_private_key(_read(key), password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(
            worded("{path}: not a private key in PEM, or its password is another one", path=key)
        ) from error
    return _agreeing(private, chain, certificate)


def _agreeing(private: object, chain: list[x509.Certificate], path: Path) -> Certified:
    """The key with its certificate, if they belong together and can sign now."""
    first, now = chain[0], datetime.now(UTC)
    if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise SigningError(worded("{path}: only RSA and elliptic curves can sign", path=path))
    if private.public_key() != first.public_key():
        raise SigningError(
            worded("{path}: the certificate and the key do not belong together", path=path)
        )
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        raise SigningError(
            worded(
                "{path}: the certificate is valid from {first} to {last} only",
                path=path,
                first=first.not_valid_before_utc.date().isoformat(),
                last=first.not_valid_after_utc.date().isoformat(),
            )
        )
    return Certified(private, first, tuple(chain[1:]))


def _make(gateway: str) -> Certified:
    """A new key with a certificate that it signs itself, for `_YEARS` years."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Garita"),
            x509.NameAttribute(NameOID.COMMON_NAME, gateway),
        ]
    )
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # the clock of an auditor may be behind
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, content_commitment=True, **usage), critical=True
        )
        .sign(private, hashes.SHA256())
    )
    return Certified(private, certificate)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise SigningError(worded("{path}: {error}", path=path, error=error.strerror)) from error
