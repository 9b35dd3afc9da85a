"""Reads what we show to the broker: the password, our certificate and its key, and the broker's CA.

Each file is looked at before OpenSSL gets it.  OpenSSL and brokers say little: a client certificate
that has expired is a connection that just ends, and an encrypted key is a question at the terminal.
`examine` names what is wrong and what soon will be.  All of it reads files: call it in a thread.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from gateway.config import MqttSettings
from gateway.locale import GaritaError, Message, english, worded

if TYPE_CHECKING:
    from cryptography import x509

log = logging.getLogger("garita.uplink.credentials")

WARN_DAYS = 30
EVERY_S = 3600.0
MAX_FILE = 4 * 1024 * 1024  # the CAs of a whole system are a quarter megabyte


class CredentialError(GaritaError, OSError):
    """A file of ours is why the broker can't be asked.  The message is for people."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`wrong`: no connection can be expected.  Otherwise it works and is to be looked at."""

    message: Message
    wrong: bool = True


def password(path: Path) -> str:
    """The one line of a password file, without a byte order mark and line end.  Raises
    CredentialError."""
    data = _read(path)
    try:
        text = data.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as error:
        raise CredentialError(
            worded("{name} is not UTF-8: save it as UTF-8 (not Latin-1, UTF-16)", name=path.name)
        ) from error
    if not text:
        raise CredentialError(worded("{name} is empty", name=path.name))
    if "\n" in text or "\r" in text:
        raise CredentialError(worded("{name} must hold one line", name=path.name))
    return text


def context(settings: MqttSettings) -> ssl.SSLContext:
    """TLS as configured.  Raises CredentialError, and never asks for a pass phrase."""
    for name in (settings.ca_file, settings.cert_file, settings.key_file):
        if name is not None:
            _read(name)
    try:
        made = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            # Without `password` OpenSSL would ask whoever sits at the terminal, and wait.
            made.load_cert_chain(settings.cert_file, settings.key_file, _refuse_encrypted)
    except ssl.SSLError as error:
        wrong = next((item for item in examine(settings) if item.wrong), None)
        said = wrong.message if wrong else worded("TLS: {why}", why=str(error))
        raise CredentialError(said) from error
    return made


def examine(settings: MqttSettings, now: datetime | None = None) -> list[Finding]:
    """What is wrong with our files, or will be within WARN_DAYS, the worst first.  `now` is aware;
    by default the time of this box.  Raises nothing that a file can cause."""
    now = now or datetime.now(UTC)
    found = list(_password_findings(settings))
    if settings.ca_file is not None:
        found += _ca_findings(settings.ca_file, now)
    if settings.cert_file is not None and settings.key_file is not None:
        found += _pair_findings(settings.cert_file, settings.key_file, now)
    return sorted(found, key=lambda item: not item.wrong)


def ends(path: Path) -> datetime:
    """When the first certificate of a PEM file expires (UTC).  Raises CredentialError."""
    return _certificates(path)[0].not_valid_after_utc


class Credentials:
    """What is to be said of a gateway's files, for `garita status` and the log."""

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._found: list[Finding] = []

    def status(self) -> list[dict[str, Any]]:
        """Each finding: `text` and `facts` of its Message, and whether it is `wrong`."""
        return [
            {"text": item.message.text, "facts": dict(item.message.facts), "wrong": item.wrong}
            for item in self._found
        ]

    async def look(self) -> None:
        """Examine the files in a thread; what is new goes to the log."""
        found = await asyncio.to_thread(examine, self._settings)
        for item in found:
            if item not in self._found:
                log.warning("%s", english(item.message))
        self._found = found

    async def watch(self) -> None:
        """Look for ever: a connection may last longer than a certificate has left."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.look()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE)
    except OSError as error:
        raise CredentialError(
            worded("{name} can't be read: {why}", name=path.name, why=error.strerror or "")
        ) from error


def _password_findings(settings: MqttSettings) -> Iterator[Finding]:
    path = settings.password_file
    if path is None:
        return
    try:
        text, data = password(path), _read(path)
    except CredentialError as error:
        yield Finding(error.args[0])
        return
    if data.startswith(codecs.BOM_UTF8):
        yield Finding(
            worded("{name} begins with a byte order mark, which is left out", name=path.name), False
        )
    if b"\r" in data:
        yield Finding(
            worded("{name} has a line end of Windows, which is left out", name=path.name), False
        )
    if text != text.strip():
        yield Finding(
            worded("{name} begins or ends with a space, which counts", name=path.name), False
        )


def _certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file, at least one.  Raises CredentialError."""
    from cryptography import x509  # noqa: PLC0415 - two MB that a gate without TLS does not need

    data = _read(path)
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise CredentialError(
            worded("{name} does not hold a certificate (PEM)", name=path.name)
        ) from error
    return found


def _ca_findings(path: Path, now: datetime) -> Iterator[Finding]:
    """A file may hold many CAs: one that is good is enough."""
    try:
        each = [_of_time(path, item, now) for item in _certificates(path)]
    except CredentialError as error:
        yield Finding(error.args[0])
        return
    best = min((item for item in each), key=lambda item: 0 if item is None else 1 + item.wrong)
    if best is not None:
        yield best


def _pair_findings(cert_file: Path, key_file: Path, now: datetime) -> Iterator[Finding]:
    ours = None
    try:
        ours = _certificates(cert_file)[0]
        if (found := _of_time(cert_file, ours, now)) is not None:
            yield found
    except CredentialError as error:
        yield Finding(error.args[0])
    try:
        key = load_pem_private_key(_read(key_file), password=None)
    except CredentialError as error:
        yield Finding(error.args[0])
    except TypeError:
        yield Finding(_ENCRYPTED)
    except (ValueError, UnsupportedAlgorithm):
        yield Finding(worded("{name} does not hold a private key (PEM)", name=key_file.name))
    else:
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        if ours and ours.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
            yield Finding(
                worded("{key} is not the key of {cert}", key=key_file.name, cert=cert_file.name)
            )


def _of_time(path: Path, cert: x509.Certificate, now: datetime) -> Finding | None:
    """What the dates of a certificate say; days are those of UTC."""
    begins, ends = cert.not_valid_before_utc, cert.not_valid_after_utc
    if now > ends:
        return Finding(
            worded("{name}: the certificate expired on {day}", name=path.name, day=str(ends.date()))
        )
    if now < begins:
        return Finding(
            worded(
                "{name}: the certificate is not valid before {moment} UTC; is the clock right?",
                name=path.name,
                moment=begins.strftime("%Y-%m-%d %H:%M"),
            )
        )
    days = (ends - now).days
    if days >= WARN_DAYS:
        return None
    return Finding(
        worded(
            "{name}: the certificate expires on {day}; days left: {days}",
            name=path.name,
            day=str(ends.date()),
            days=days,
        ),
        False,
    )


_ENCRYPTED = worded("the client's key is encrypted: remove its pass phrase, and chmod 600 it")


def _refuse_encrypted() -> str:
    raise CredentialError(_ENCRYPTED)
