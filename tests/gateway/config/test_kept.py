"""The configurations that were in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import kept
from gateway.vault.files import DamagedFile


def test_the_newest_are_kept_and_one_of_them_is_found_by_the_beginning_of_its_version(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "config"
    assert kept.kept(folder) == []
    texts = [f"x = {number}\n".encode() for number in range(kept.MOST + 5)]
    for text in texts:
        path = kept.keep(folder, text)
        assert path is not None and path.stat().st_mode & 0o777 & ~0o640 == 0
        assert kept.keep(folder, text) is None  # it is the newest already
    found = kept.kept(folder)
    assert [one.read() for one in found] == texts[: -kept.MOST - 1 : -1]
    assert kept.find(folder, found[3].version[:8]) == found[3]
    assert kept.find(folder, "") is None and kept.find(folder, "zzzz") is None
    assert kept.keep(folder, texts[-2]) is not None  # back to one of before: it is the newest now
    assert kept.kept(folder)[0].version == found[1].version


def test_a_damaged_one_is_known_as_such_and_kept_again(tmp_path: Path) -> None:
    text = b"x = 1\n"
    path = kept.keep(tmp_path, text)
    assert path is not None
    path.write_bytes(text[:3])
    with pytest.raises(DamagedFile):
        kept.kept(tmp_path)[0].read()
    assert kept.keep(tmp_path, text) is not None
    assert kept.kept(tmp_path)[0].read() == text
    (tmp_path / "notes.txt").write_text("not ours")
    assert len(kept.kept(tmp_path)) == 2
