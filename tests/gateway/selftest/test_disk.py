"""The simulated disk: what was synced survives a cut, and what was not may survive in any part."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from gateway.selftest.disk import SECTOR, Disk, Names, Trouble, Write, survivors, torn


class Cut(Exception):
    pass


def die(*_: int) -> None:
    raise Cut


def make(folder: Path, seed: int = 1, **options: Any) -> tuple[Disk, Path, Path]:
    root, after = folder / "root", folder / "after"
    root.mkdir(parents=True, exist_ok=True)
    disk = Disk(
        root,
        folder / "store",
        after,
        chance=random.Random(seed),
        cut_at=options.pop("cut_at", 0),
        die=die,
        **options,
    )
    return disk, root, after


@pytest.mark.parametrize("seed", range(20))
def test_what_was_synced_survives_and_what_was_not_may(tmp_path: Path, seed: int) -> None:
    disk, _, after = make(tmp_path, seed)
    number = disk.created("a")
    disk.synced_folder()
    disk.wrote(number, 0, b"x" * 2 * SECTOR)
    disk.synced(number)
    disk.wrote(number, SECTOR, b"y" * SECTOR)
    with pytest.raises(Cut):
        disk.cut()
    left = (after / "a").read_bytes()
    assert left[:SECTOR] == b"x" * SECTOR
    assert len(left) == 2 * SECTOR


def test_every_outcome_of_an_unsynced_write_comes(tmp_path: Path) -> None:
    outcomes = set()
    for seed in range(200):
        disk, _, after = make(tmp_path / str(seed), seed)
        number = disk.created("a")
        disk.wrote(number, 0, b"y" * 2 * SECTOR)
        with pytest.raises(Cut):
            disk.cut()
        path = after / "a"
        outcomes.add(path.read_bytes() if path.exists() else None)
    assert {None, b"", b"y" * 2 * SECTOR} <= outcomes
    assert any(o is not None and 0 < len(o.strip(b"\0")) <= SECTOR for o in outcomes)


def test_a_name_that_was_not_synced_may_be_the_old_one(tmp_path: Path) -> None:
    found = set()
    for seed in range(50):
        folder = tmp_path / str(seed)
        (folder / "root").mkdir(parents=True)
        (folder / "root" / "a").write_bytes(b"old")
        disk, _, after = make(folder, seed)
        part = disk.created("a.part")
        disk.synced_whole(part, b"new")
        disk.renamed("a.part", "a")
        with pytest.raises(Cut):
            disk.cut()
        found.add((after / "a").read_bytes())
    assert found == {b"old", b"new"}


def test_a_file_whose_content_was_not_synced_before_its_name_may_be_empty(tmp_path: Path) -> None:
    found = set()
    for seed in range(100):
        folder = tmp_path / str(seed)
        (folder / "root").mkdir(parents=True)
        disk, root, after = make(folder, seed)
        (root / "b").write_bytes(b"new")
        disk.dirtied(disk.created("b.part"), "b.part")
        disk.renamed("b.part", "b")
        disk.synced_folder()
        with pytest.raises(Cut):
            disk.cut()
        found.add((after / "b").read_bytes())
    assert {b"", b"new"} <= found


def test_a_disk_that_lies_keeps_nothing_safe(tmp_path: Path) -> None:
    lost = 0
    for seed in range(30):
        folder = tmp_path / str(seed)
        folder.mkdir()
        disk, _, after = make(folder, seed, lies=True)
        number = disk.created("a")
        disk.wrote(number, 0, b"x")
        disk.synced(number, folder=True)
        with pytest.raises(Cut):
            disk.cut()
        lost += not (after / "a").exists()
    assert lost


def test_the_cut_comes_with_its_operation(tmp_path: Path) -> None:
    disk, _, _ = make(tmp_path, cut_at=3)
    number = disk.created("a")
    disk.wrote(number, 0, b"x")
    with pytest.raises(Cut):
        disk.synced(number)


def test_a_disk_fails_for_as_long_as_it_is_told(tmp_path: Path) -> None:
    disk, _, _ = make(tmp_path, trouble=Trouble(code=28, begin=1, end=3))
    number = disk.created("a")
    assert [disk.failing(), disk.failing(), disk.failing()] == [28, 28, 0]
    disk.wrote(number, 0, b"x")


def test_a_torn_write_stays_inside_its_place_and_a_name_is_whole_or_not() -> None:
    chance = random.Random(1)
    write = Write(1, 4096, bytes(range(256)) * 8)
    for _ in range(200):
        for piece in torn(write, chance):
            assert isinstance(piece, Write)
            assert piece.offset >= 4096
            assert piece.offset + len(piece.data) <= 4096 + len(write.data)
    assert torn(Names((("a", 1),)), chance) == ()
    assert list(survivors([], chance)) == []
