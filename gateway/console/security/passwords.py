"""Passwords: argon2id (RFC 9106), by argon2-cffi.  A call blocks and takes 64 MiB for a while."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

LEAST = 10
MOST = 200
_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody's password")


def hashed(password: str) -> str:
    """The hash to keep."""
    return _hasher.hash(password)


def right(known: str, password: str) -> bool:
    """Whether `password` is the one of the hash `known`.  Takes as long for nobody's hash ("")."""
    try:
        return _hasher.verify(known or _NOBODY, password[:MOST]) and bool(known)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
