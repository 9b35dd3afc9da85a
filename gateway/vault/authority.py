"""A small certificate authority of the site's own (X.509, RFC 5280), for console and broker.

Keys are of P-256, signatures ECDSA with SHA-256 (FIPS 186-5).  Nothing here touches the disk.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.locale import GaritaError, worded

CA_DAYS = 3650
EARLY = timedelta(days=1)
"""A certificate begins so long before it is made: the other side's clock may be late."""


class CertError(GaritaError):
    """A certificate can't be made; the message says why."""


class Kind(StrEnum):
    """What a certificate is for."""

    AUTHORITY = "ca"
    SERVER = "server"
    CLIENT = "client"


_PURPOSE = {
    Kind.SERVER: ExtendedKeyUsageOID.SERVER_AUTH,
    Kind.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH,
}


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that signs others, with its key."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(
        cls, name: str, now: datetime, key: ec.EllipticCurvePrivateKey | None = None
    ) -> Authority:
        """An authority of that common name for ten years from `now` (aware).  With `key`, what the
        authority of that key and name signed before stays good."""
        key = key or new_key()
        subject = common_name(name)
        public = key.public_key()
        cert = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLY)
            .not_valid_after(now + timedelta(days=CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(cert, key)

    @classmethod
    def read(cls, cert: bytes, key: bytes) -> Authority:
        """An authority from PEM.  Raises CertError."""
        try:
            loaded = x509.load_pem_x509_certificate(cert)
        except ValueError as error:
            raise CertError(
                worded("{name} is damaged: {reason}", name="ca", reason=error)
            ) from error
        read = read_key(key)
        if read.public_key() != loaded.public_key():
            raise CertError(worded("the authority's key is not that of its certificate"))
        return cls(loaded, read)

    def issue(
        self,
        public: ec.EllipticCurvePublicKey,
        kind: Kind,
        names: Sequence[str],
        *,
        now: datetime,
        days: int,
    ) -> x509.Certificate:
        """A certificate of `days` for the names of machines and addresses in `names`; the first one
        is the common name.  It ends with the authority's at the latest.  Raises CertError."""
        subjects = [subject(name) for name in names]
        ends = min(now + timedelta(days=days), self.cert.not_valid_after_utc)
        if ends <= now:
            raise CertError(worded("the authority's certificate is over: renew it first"))
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(common_name(names[0]))
            .issuer_name(self.cert.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLY)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_PURPOSE[kind]]), critical=False)
            .add_extension(x509.SubjectAlternativeName(subjects), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(signer, critical=False)
            .sign(self.key, hashes.SHA256())
        )


def new_key() -> ec.EllipticCurvePrivateKey:
    """A private key."""
    return ec.generate_private_key(ec.SECP256R1())


def read_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """A private key of ours from PEM without a pass phrase.  Raises CertError."""
    try:
        loaded = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise CertError(worded("the key can't be read: {reason}", reason=error)) from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise CertError(worded("the key is of another kind than ours"))
    return loaded


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key for a file of mode 0600: PKCS #8 (RFC 5958), not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def cert_pem(cert: x509.Certificate) -> bytes:
    """The certificate as PEM (RFC 7468)."""
    return cert.public_bytes(serialization.Encoding.PEM)


def kind_of(cert: x509.Certificate) -> Kind:
    """What a certificate is for; a client's where it does not say so."""
    try:
        if cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return Kind.AUTHORITY
        purposes = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return Kind.CLIENT
    return Kind.SERVER if ExtendedKeyUsageOID.SERVER_AUTH in purposes else Kind.CLIENT


def names_of(cert: x509.Certificate) -> list[str]:
    """The names of a certificate, its common name first."""
    found = cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = [str(item.value) for item in found]
    try:
        others = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    return list(dict.fromkeys([*names, *(str(item.value) for item in others)]))


def common_name(name: str) -> x509.Name:
    """A subject of a common name alone; what is longer than the standard allows is cut off."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def subject(name: str) -> x509.GeneralName:
    """The name of a machine (``*.`` in front stands for all of a domain) or an address.  Raises
    CertError."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        parts = name.removeprefix("*.").split(".")
        if (
            not name
            or len(name) > 253
            or not all(
                part and part.replace("-", "").replace("_", "").isalnum() and part.isascii()
                for part in parts
            )
        ):
            raise ValueError(name)
        return x509.DNSName(name)
    except ValueError as error:
        raise CertError(worded("{name} is not a name or an address", name=name[:60])) from error


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
