"""Codes of an app on a telephone: TOTP (RFC 6238) by pyotp, six digits, 30 seconds.

A code of the step before or after is taken too, for clocks that differ; no code is taken twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pyotp

from gateway.console.security.credentials import Credentials

STEP_S = 30
AROUND = 1


def offered(key: bytes, session: str) -> str:
    """The secret that one session is offered: the same each time, until it is taken.  `key` is
    known to the console alone."""
    made = hmac.digest(key, session.encode(), hashlib.sha1)
    return base64.b32encode(made).decode()


def picture(address: str) -> str:
    """A QR code of an address, as SVG to stand in a page."""
    import segno  # noqa: PLC0415 - for this page alone

    return segno.make(address, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")


def address_of(secret: str, operator: str, site: str) -> str:
    """What an app reads from a QR code: an otpauth address."""
    return pyotp.TOTP(secret).provisioning_uri(name=operator, issuer_name=f"Garita {site}")


def step_of(secret: str, typed: str, now: float | None = None) -> int | None:
    """The step whose code `typed` is; None if it is none of those around now."""
    code = "".join(typed.split())
    if not (secret and len(code) == 6 and code.isascii() and code.isdigit()):
        return None
    app = pyotp.TOTP(secret)
    here = int((time.time() if now is None else now) // STEP_S)
    for step in range(here - AROUND, here + AROUND + 1):
        if pyotp.utils.strings_equal(code, app.generate_otp(step)):
            return step
    return None


def shown(credentials: Credentials, operator: str, typed: str) -> bool:
    """Whether `typed` is a code of the operator's app that was not used before; it is from now."""
    step = step_of(credentials.totp(operator), typed)
    return step is not None and credentials.take_step(operator, step)
