"""The certificates of a site's broker and of those who log in there: `garita certs`.

One folder holds an authority (`ca.pem`, `ca.key`) and for each name a certificate and its key
(`NAME.pem`, `NAME.key`, mode 0600).  A key is written before its certificate, and never replaced:
after a kill in between, the next run goes on, and renewing replaces one file.  Nothing here reads
the clock.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.locale import worded
from gateway.vault.authority import (
    Authority,
    CertError,
    Kind,
    cert_pem,
    key_pem,
    kind_of,
    names_of,
    new_key,
    read_key,
    subject,
)
from gateway.vault.files import adopt, write_whole

DAYS = 825
WARN_DAYS = 30
"""`garita status` warns from here on too (gateway/uplink/credentials.py)."""
CA = "ca"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MAX = 1 << 20  # bytes of a file


class State(StrEnum):
    """What the dates of a certificate, or its file, say."""

    GOOD = "good"
    SOON = "soon"
    EXPIRED = "expired"
    EARLY = "early"  # made while a clock was ahead, or this clock is behind
    DAMAGED = "damaged"
    NO_KEY = "no_key"  # there is a certificate, and its key is missing or another's
    OPEN_KEY = "open_key"  # other accounts may read the key
    OTHER_CA = "other_ca"  # the authority in the folder did not sign it


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate of the folder.  Dates are in UTC; None, as `days_left`, for one that can't be
    read."""

    name: str
    path: Path
    state: State
    kind: Kind | None = None
    names: tuple[str, ...] = ()
    begins: datetime | None = None
    ends: datetime | None = None
    days_left: int | None = None


class Certificates:
    """The certificates in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def cert_path(self, name: str) -> Path:
        """Where the certificate of `name` is, or will be."""
        return self.folder / f"{name}.pem"

    def key_path(self, name: str) -> Path:
        """Where its private key is."""
        return self.folder / f"{name}.key"

    def new_authority(self, site: str, now: datetime) -> Held:
        """Make the authority.  Raises CertError if there is one, or a file can't be written."""
        if self.cert_path(CA).exists():
            raise CertError(
                worded("{path} is there already, and is not replaced", path=self.cert_path(CA))
            )
        with self._writing():
            key = self._key(CA, None)
            made = Authority.new(f"Garita {site}", now, key)
            write_whole(self.cert_path(CA), cert_pem(made.cert), mode=0o644, replace=False)
        return self._held(self.cert_path(CA), now)

    def issue(
        self,
        name: str,
        kind: Kind,
        now: datetime,
        *,
        names: Sequence[str] = (),
        reader: Path | None = None,
    ) -> Held:
        """Make the certificate `name` with its key.  The names of machines in it are `names`, or
        `name`.  A key that root makes belongs to the owner of the folder `reader`, if that is
        given: the gateway's account, which has to read it.  Raises CertError if the certificate is
        there already, the name is not one, or there is no authority."""
        _check(name)
        if self.cert_path(name).exists():
            raise CertError(
                worded(
                    "{path} is there already: garita certs renew {name}",
                    path=self.cert_path(name),
                    name=name,
                )
            )
        wanted = list(names) or [name]
        for one in wanted:
            subject(one)
        authority = self._authority()
        with self._writing():
            key = self._key(name, reader)
            cert = authority.issue(key.public_key(), kind, wanted, now=now, days=DAYS)
            write_whole(self.cert_path(name), cert_pem(cert), mode=0o644, replace=False)
        return self._held(self.cert_path(name), now)

    def renew(
        self, names: Sequence[str], now: datetime, *, names_of_server: Sequence[str] = ()
    ) -> list[Held]:
        """Make the certificates of `names` anew for the keys that they have; without `names`, each
        that is not good.  The authority's comes first, so that the others outlive the old one.
        Raises CertError."""
        wanted = list(names) or [
            item.name
            for item in self.all(now)
            if item.state in (State.SOON, State.EXPIRED, State.EARLY, State.OTHER_CA)
        ]
        return [
            self._renewed(name, now, names_of_server)
            for name in sorted(wanted, key=lambda name: (name != CA, name))
        ]

    def all(self, now: datetime) -> list[Held]:
        """Every certificate of the folder, the authority first; none if there is no folder.  Raises
        CertError if it can't be read."""
        try:
            paths = sorted(self.folder.glob("*.pem")) if self.folder.exists() else []
        except OSError as error:
            raise CertError(worded("{path}: {error}", path=self.folder, error=error)) from error
        held = [self._held(path, now) for path in paths]
        return sorted(held, key=lambda item: (item.name != CA, item.kind or "", item.name))

    def _renewed(self, name: str, now: datetime, others: Sequence[str]) -> Held:
        path = self.cert_path(name)
        if not path.exists():
            raise CertError(worded("{path} is not there", path=path))
        try:
            old = x509.load_pem_x509_certificate(_read(path))
        except ValueError as error:
            raise CertError(
                worded("{name} is damaged: {reason}", name=path.name, reason=error)
            ) from error
        key = read_key(_read(self.key_path(name)))
        if name == CA:
            cert = Authority.new(names_of(old)[0], now, key).cert
        else:
            kind, said = kind_of(old), list(others) or names_of(old)
            cert = self._authority().issue(key.public_key(), kind, said, now=now, days=DAYS)
        with self._writing():
            write_whole(path, cert_pem(cert), mode=0o644)
        return self._held(path, now)

    def _authority(self) -> Authority:
        if not self.cert_path(CA).exists():
            raise CertError(
                worded("there is no authority in {folder}: garita certs new", folder=self.folder)
            )
        return Authority.read(_read(self.cert_path(CA)), _read(self.key_path(CA)))

    def _key(self, name: str, reader: Path | None) -> ec.EllipticCurvePrivateKey:
        """The key of `name`: what a run that was killed left, or a new one."""
        path = self.key_path(name)
        if path.exists():
            return read_key(_read(path))
        key = new_key()
        write_whole(path, key_pem(key), mode=0o600, replace=False)
        if reader is not None and os.geteuid() == 0:
            os.chown(path, reader.stat().st_uid, -1)
        return key

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            if not self.folder.exists():
                self.folder.mkdir(mode=0o750, parents=True)
                adopt(self.folder)
            yield
        except OSError as error:
            path = error.filename or self.folder
            raise CertError(worded("{path}: {error}", path=path, error=error.strerror)) from error

    def _held(self, path: Path, now: datetime) -> Held:
        name = path.stem
        try:
            cert = x509.load_pem_x509_certificate(_read(path))
        except (ValueError, CertError):
            return Held(name, path, State.DAMAGED)
        begins, ends = cert.not_valid_before_utc, cert.not_valid_after_utc
        left = (ends - now).days
        return Held(
            name,
            path,
            self._state(name, cert, now, left),
            kind_of(cert),
            tuple(names_of(cert)),
            begins,
            ends,
            left,
        )

    def _state(self, name: str, cert: x509.Certificate, now: datetime, left: int) -> State:
        if now > cert.not_valid_after_utc:
            return State.EXPIRED
        if now < cert.not_valid_before_utc:
            return State.EARLY
        path = self.key_path(name)
        with contextlib.suppress(OSError):
            if path.stat().st_mode & 0o077:
                return State.OPEN_KEY
        try:
            if read_key(_read(path)).public_key() != cert.public_key():
                return State.NO_KEY
        except CertError:
            # The authority's key may be kept elsewhere; another account's can't be looked at.
            if name != CA and not path.exists():
                return State.NO_KEY
        if name != CA and not self._signed(cert):
            return State.OTHER_CA
        return State.SOON if left < WARN_DAYS else State.GOOD

    def _signed(self, cert: x509.Certificate) -> bool:
        try:
            ca = x509.load_pem_x509_certificate(_read(self.cert_path(CA)))
            cert.verify_directly_issued_by(ca)
        except (CertError, InvalidSignature, ValueError, TypeError):
            return False
        return True


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or name == CA:
        raise CertError(worded("{name} is not a name or an address", name=name[:60]))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX)
    except OSError as error:
        raise CertError(worded("{path}: {error}", path=path, error=error.strerror)) from error
