"""What is damage to a database, and what only passes."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.vault.databases import damage_of, identity, is_damage
from tests.gateway.damage import KINDS, hurt


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "some.db"
    with closing(sqlite3.connect(made)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (a TEXT)")
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 100)
    return made


@pytest.fixture
def no_more_files() -> Iterator[None]:
    """This process has as many open files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = os.open("/", os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (held, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    os.close(held)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_damage_is_named(path: Path, kind: str) -> None:
    assert damage_of(path) == ""
    before = identity(path)
    hurt(path, kind)
    assert "some.db" in damage_of(path)
    assert (identity(path) == before) == (kind in ("halved", "noise"))


def test_a_file_that_is_in_use_is_good(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("BEGIN EXCLUSIVE")
        assert damage_of(path) == ""
        db.execute("ROLLBACK")


def test_a_file_is_good_while_no_more_files_can_be_opened(path: Path, no_more_files: None) -> None:
    with pytest.raises(OSError, match="open files"):
        os.close(os.open(path, os.O_RDONLY))
    assert damage_of(path) == ""


def test_a_journal_that_a_killed_writer_left_is_undone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    if (pid := os.fork()) == 0:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA cache_size = 1")  # so that pages go to the disk before the commit
        db.execute("BEGIN")
        db.execute("UPDATE t SET a = a || 'y'")
        os._exit(0)
    os.waitpid(pid, 0)
    assert path.with_name("some.db-journal").stat().st_size > 0
    assert damage_of(path) == ""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM t WHERE a LIKE '%y'").fetchone()[0] == 0


def test_a_mistake_in_a_statement_is_no_damage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.Error) as found:
        db.execute("SELECT nothing FROM nowhere")
    assert not is_damage(found.value) and not is_damage(OSError())
