"""A sealed template opens for its person alone."""

from __future__ import annotations

import os

import pytest

from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault, VaultError

KEY = SiteKey(bytes(range(32)))


def test_a_template_opens_only_where_it_belongs() -> None:
    vault = Vault(KEY)
    plain = os.urandom(512)
    sealed = vault.seal("e1", "t1", "m", plain)
    assert vault.open("e1", "t1", "m", sealed) == plain
    assert vault.seal("e1", "t1", "m", plain) != sealed
    flipped = bytearray(sealed)
    flipped[40] ^= 1
    for wrong in (
        ("e2", "t1", "m", sealed),
        ("e1", "t2", "m", sealed),
        ("e1t", "1", "m", sealed),
        ("e1", "t1", "n", sealed),
        ("e1", "t1", "m", bytes(flipped)),
        ("e1", "t1", "m", sealed[:10]),
        ("e1", "t1", "m", b""),
    ):
        with pytest.raises(VaultError):
            vault.open(*wrong)
    with pytest.raises(VaultError):
        Vault(SiteKey(bytes(32))).open("e1", "t1", "m", sealed)
