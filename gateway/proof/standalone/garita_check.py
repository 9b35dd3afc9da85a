#!/usr/bin/env python3
"""Check a log of Garita without Garita: this one file and Python 3.9 or newer, nothing else.

    python3 garita_check.py [--trust FILE] [--key VKEY] FILE...

A FILE is a copy of ledger.db, an export (JSON lines), a checkpoint, or a proof (NAME.tlog-proof,
with the record beside it in NAME.json).  --trust names a trust file (c2sp.org/tlog-policy), --key a
log's public key, as `garita log key` prints it.  Without either, a signature proves nothing about
who made it, and the program says so.

It prints what is proven and what is not.  Exit code 0: all that was checked is right.  3: something
is wrong.  2: it can't be read.

The program says it in Spanish if LANG begins with es.
"""

from __future__ import annotations

import hashlib

# ---------------------------------------------------------------------------------------------
# Ed25519 (RFC 8032, section 5.1), to check signatures.  Slow, and enough: 3 ms for each.

_Point = tuple[int, int, int, int]
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)


def _recover_x(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _I % _P
    if (x * x - x2) % _P:
        return None
    return _P - x if x & 1 != sign else x


_BY = 4 * pow(5, _P - 2, _P) % _P
_BX = _recover_x(_BY, 0) or 0
_BASE = (_BX, _BY, 1, _BX * _BY % _P)
_ZERO = (0, 1, 1, 0)


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(s: int, p: _Point) -> _Point:
    total = _ZERO
    while s:
        if s & 1:
            total = _add(total, p)
        p = _add(p, p)
        s >>= 1
    return total


def _point(data: bytes) -> _Point | None:
    number = int.from_bytes(data, "little")
    y = number & (2**255 - 1)
    x = _recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


def _packed(p: _Point) -> bytes:
    z = pow(p[2], _P - 2, _P)
    x, y = p[0] * z % _P, p[1] * z % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key with the 32 bytes `public` made the 64-byte `signature` of `message`."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, s = _point(public), int.from_bytes(signature[32:], "little")
    if key is None or s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    minus = (_P - key[0], key[1], 1, _P - key[3])
    return _packed(_add(_times(s, _BASE), _times(k, minus))) == signature[:32]
