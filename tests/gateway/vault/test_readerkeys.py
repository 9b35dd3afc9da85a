"""Keys of readers on the disk: sealed, never lost between old and new, refused when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.vault.readerkeys import ReaderKeys, ReaderKeysError
from gateway.vault.sitekey import SiteKey

SITE = SiteKey(bytes(32))


def test_a_key_is_kept_before_it_is_sent_and_the_old_one_until_it_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = ReaderKeys(path, SITE)
    assert keys.candidates("r") == []
    first = keys.new("r")
    assert ReaderKeys(path, SITE).candidates("r") == [first]  # we may die here
    keys.taken("r", first)
    second = keys.new("r")
    assert first != second and len(second) == 16
    assert ReaderKeys(path, SITE).candidates("r") == [first, second]
    keys.taken("r", second)
    assert ReaderKeys(path, SITE).candidates("r") == [second]
    assert path.stat().st_mode & 0o077 == 0
    for key in (first, second):
        assert key not in path.read_bytes() and key.hex() not in path.read_text()


def test_a_window_that_came_to_nothing_may_have_given_its_key_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = ReaderKeys(path, SITE)
    first, second = keys.new("r"), keys.new("r")
    assert ReaderKeys(path, SITE).candidates("r") == [first, second]
    keys.taken("r", first)  # it was the answer that got lost
    assert ReaderKeys(path, SITE).candidates("r") == [first]
    many = [keys.new("r") for _ in range(50)]
    held = ReaderKeys(path, SITE).candidates("r")
    assert held[0] == first and held[-1] == many[-1] and len(held) == 6


def test_another_site_key_or_another_reader_opens_none(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ReaderKeys(path, SITE).new("r")
    with pytest.raises(ReaderKeysError, match="does not open"):
        ReaderKeys(path, SiteKey(bytes(31) + b"\1")).candidates("r")
    held = json.loads(path.read_text())
    path.write_text(json.dumps({"other": held["r"]}))
    with pytest.raises(ReaderKeysError):
        ReaderKeys(path, SITE).candidates("other")


@pytest.mark.parametrize("text", ["", "[]", '{"r": 1}', "{", "\0"])
def test_a_damaged_file_is_said_to_be_so_and_stays_as_it_is(tmp_path: Path, text: str) -> None:
    """A7: it kept the gateway from starting, and every door with it."""
    path = tmp_path / "keys.json"
    path.write_text(text)
    keys = ReaderKeys(path, SITE)
    assert keys.damage
    for use in (
        lambda: keys.candidates("r"),
        lambda: keys.new("r"),
        lambda: keys.taken("r", bytes(16)),
    ):
        with pytest.raises(ReaderKeysError, match=r"install every reader again|damaged"):
            use()
    assert path.read_text() == text


def test_a_damaged_key_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"r": {"current": "no base64!"}}')
    with pytest.raises(ReaderKeysError):
        ReaderKeys(path, SITE).candidates("r")
