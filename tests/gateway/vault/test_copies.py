"""Copies that are kept before a schema changes: whole, bounded, and never half there."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.vault import copies, files
from gateway.vault.copies import CopyError, keep_copy, verify

NOW = datetime(2026, 11, 27, 3, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database at work: its newest row is in the write-ahead log alone."""
    made = tmp_path / "data" / "people.db"
    made.parent.mkdir()
    with closing(sqlite3.connect(made)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (a)")
        db.execute("PRAGMA user_version = 7")
        db.commit()
    return made


def rows(path: Path) -> list[Any]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return [row[0] for row in db.execute("SELECT a FROM t ORDER BY a")]


def test_a_copy_is_whole_while_the_file_is_written(path: Path) -> None:
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("INSERT INTO t VALUES (1)")
        writer.commit()
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (2)")
        kept = keep_copy(path, 7, now=NOW)
        writer.commit()
    assert kept.name == "people.db.schema7.20261127T030000Z"
    assert rows(kept) == [1] and rows(path) == [1, 2]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(item.name for item in kept.parent.iterdir()) == [kept.name]


def test_the_newest_three_stay_and_none_for_longer_than_a_month(path: Path) -> None:
    made = [keep_copy(path, 7, now=NOW + timedelta(hours=hour)) for hour in range(5)]
    made.append(keep_copy(path, 7, now=NOW + timedelta(hours=4)))  # in the same second
    found = [one.path for one in copies.copies(path)]
    assert set(found) == set(made[-3:]) and len(found) == 3
    (path.parent / "before-upgrade" / "notes.txt").write_text("ours")
    assert copies.forget(path, date(2026, 12, 27)) == 0
    assert copies.forget(path, date(2026, 12, 28)) == 3
    assert [item.name for item in (path.parent / "before-upgrade").iterdir()] == ["notes.txt"]


def test_a_full_disk_is_seen_before_anything_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for a full disk: the kernel's answer.  tests/system has a real one."""
    usage = shutil.disk_usage(path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=30_000_000))
    with pytest.raises(CopyError, match="34 MB.*30 MB are free"):
        keep_copy(path, 7)
    assert not (path.parent / "before-upgrade").exists()


@pytest.mark.parametrize("damage", ["schema", "half", "noise", "empty"])
def test_a_copy_that_is_not_whole_is_not_taken_for_one(path: Path, damage: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 2000,)] * 50)
        db.commit()
    kept = keep_copy(path, 7, now=NOW)
    data = kept.read_bytes()
    if damage == "half":
        kept.write_bytes(data[: len(data) // 2])
    elif damage == "noise":
        kept.write_bytes(data[:4096] + os.urandom(len(data) - 4096))
    elif damage == "empty":
        kept.write_bytes(b"")
    with pytest.raises(CopyError, match="not good"):
        verify(kept, 8 if damage == "schema" else 7)


def test_a_copier_that_is_killed_leaves_nothing_that_looks_like_a_copy(path: Path) -> None:
    """kill -9 while the part is read back; the next one clears what it left."""
    folder = path.parent / "before-upgrade"
    child = os.fork()
    if child == 0:
        keep_copy(path, 7, now=NOW, check=lambda _: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    left = [item.name for item in folder.iterdir()]
    assert left and all(name.startswith(".") for name in left)
    assert copies.copies(path) == []
    files._swept.clear()
    kept = keep_copy(path, 7, now=NOW)
    assert [item.name for item in folder.iterdir()] == [kept.name]
