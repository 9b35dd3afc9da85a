"""Passwords: argon2id (RFC 9106) by argon2-cffi.

19 MiB and three passes: OWASP's smallest setting of memory, so that a console of 70 MB hashes one
password beside its work.  Each call blocks for some 50 ms: call it in a thread, one at a time.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gateway.locale import GaritaError, worded
from gateway.locale.text import TextError, clean

LEAST = 12
"""NIST SP 800-63B-4 asks for 15 characters of a password alone and for 8 beside a second factor;
guards change operators by badge and PIN and type it once a shift."""
MOST = 200
_hasher = PasswordHasher(time_cost=3, memory_cost=19 * 1024, parallelism=1)
_COMMON = ("password", "contraseña", "contrasena", "qwerty", "garita", "12345", "abcdef")


class WeakPassword(GaritaError):
    """A password that may not be chosen; the message says why and never repeats it."""


def hashed(password: str) -> str:
    """The hash to keep."""
    return _hasher.hash(password.encode("utf-8", "surrogatepass"))


_NOBODY = hashed("nobody's password")


def right(known: str, password: str) -> bool:
    """Whether `password` is the one of the hash `known`.  Takes as long for nobody's hash ("")."""
    try:
        typed = password[: MOST + 1].encode("utf-8", "surrogatepass")
        return _hasher.verify(known or _NOBODY, typed) and bool(known)
    except (Argon2Error, InvalidHashError):
        return False


def check_new(password: str, again: str, *names: str) -> None:
    """Whether `password`, typed twice, may be chosen by somebody of these `names`.  Raises
    WeakPassword."""
    if password != again:
        raise WeakPassword(worded("the two passwords differ: type them again"))
    if len(password) < LEAST:
        raise WeakPassword(
            worded("a password has at least {n} characters: four words are a good one", n=LEAST)
        )
    try:
        clean(password, most=MOST)
    except TextError as error:
        raise WeakPassword(
            worded("this password can't be typed safely: {why}", why=error.message)
        ) from error
    low = password.casefold()
    if len(set(low)) < 5 or any(low.startswith(word) for word in _COMMON):
        raise WeakPassword(worded("this password is among the first that are guessed"))
    if any(len(name) >= 4 and name.casefold() in low for name in names):
        raise WeakPassword(worded("a password must not hold your own name"))
