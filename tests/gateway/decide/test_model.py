"""Credentials as lists and readers write them."""

from __future__ import annotations

import pytest

from gateway.decide.model import Credential


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("EM4100: 018 : 0001001", "em4100:18:1001"),
        ("em4100:000:000", "em4100:0:0"),
        ("wiegand26::42", "wiegand26::42"),
        ("text::0042:x", "text::0042:x"),  # a QR code keeps its zeros and its colons
    ],
)
def test_a_credential_is_read_into_one_form(text: str, key: str) -> None:
    assert Credential.parse(text).key == key
    assert Credential.parse(key).key == key


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1001", "expected"),
        (":18:1001", "empty"),
        ("em4100:18:", "empty"),
        ("em4100:x:1001", "facility"),
        ("em4100:18:10 01", "digits"),
        ("em4100:18:١٢", "digits"),  # digits of another script would be another badge
        ("em4100:²:1", "facility"),
    ],
)
def test_what_is_not_a_credential_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Credential.parse(text)


def test_a_number_never_shows_whole_in_a_traceback() -> None:
    assert repr(Credential("em4100", "18", "12345678")) == "Credential(em4100:…5678)"
    assert Credential("em4100", "18", "123").masked == "em4100:…3"
    assert Credential("em4100", "18", "1").masked == "em4100:…"
