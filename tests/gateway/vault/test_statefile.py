"""A small file of state: whole, with a checksum, and the version before beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.vault.files import read_object
from gateway.vault.statefile import MOST_ASIDE, Damage, StateFile, json_object, put_aside

OLD, NEW = b'{"a": 1, "\xc3\xa9": "old"}', b'{"a": 2}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


@pytest.fixture
def told() -> list[Damage]:
    return []


@pytest.fixture
def file(path: Path, told: list[Damage]) -> StateFile[dict[str, Any]]:
    made = StateFile(path, json_object, tell=told.append)
    made.write(OLD)
    made.write(NEW)
    return made


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("x")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def one_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[5] ^= 1  # it is JSON still
    path.write_bytes(raw)


KINDS = {
    "emptied": lambda p: p.write_bytes(b""),
    "zeros": lambda p: p.write_bytes(bytes(4096)),
    "halved": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2 - 34]),
    "noise": lambda p: p.write_bytes(bytes(range(256)) * 4),
    "one bit": one_bit,
    "too large": lambda p: os.truncate(p, 5_000_000),
    "folder": folder,
    "loop": loop,
    "pipe": pipe,
}


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_damaged_file_the_version_before_is_had_and_it_is_put_aside(
    file: StateFile[dict[str, Any]], path: Path, told: list[Damage], kind: str
) -> None:
    KINDS[kind](path)
    kept = file.read()
    assert kept.value == json.loads(OLD) and "state.json" in kept.damage and not told
    file.restore()
    (damage,) = told
    assert damage.done == "previous" and os.path.lexists(path.parent / damage.aside)
    assert file.read().value == json.loads(OLD) and not file.read().damage
    assert file.restore().value is not None and len(told) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_damaged_meanwhile_is_put_aside_when_the_next_is_written(
    file: StateFile[dict[str, Any]], path: Path, told: list[Damage], kind: str
) -> None:
    KINDS[kind](path)
    file.write(b'{"a": 3}')
    assert [d.done for d in told] == ["written_anew"]
    assert os.path.lexists(path.parent / told[0].aside)
    assert file.read().value == {"a": 3}
    path.write_bytes(b"")  # the damaged one did not become the version before
    assert file.read().value == json.loads(OLD)


def test_both_damaged_is_told_apart_from_none_there(
    file: StateFile[dict[str, Any]], path: Path, told: list[Damage]
) -> None:
    path.write_bytes(b"")
    file.previous.write_bytes(b"{")
    assert file.read().value is None and file.read().damage and not file.read().missing
    file.restore(otherwise="begun_anew")
    assert [d.done for d in told] == ["begun_anew"] and not path.exists()
    file.previous.unlink()
    assert file.read().missing


def test_a_file_that_is_gone_is_damage_if_there_was_one(
    file: StateFile[dict[str, Any]], path: Path, told: list[Damage]
) -> None:
    path.unlink()
    assert file.read().damage == "state.json is missing"
    assert file.restore().value == json.loads(OLD)
    assert [(d.done, d.aside) for d in told] == [("previous", "")] and path.exists()


def test_the_first_version_is_its_own_version_before(path: Path) -> None:
    file = StateFile(path, json_object)
    file.write(NEW)
    os.truncate(path, 3)
    assert file.read().value == json.loads(NEW)


def test_an_older_program_reads_it_and_this_one_reads_the_older_ones(path: Path) -> None:
    file = StateFile(path, json_object)
    path.write_bytes(OLD)
    assert file.read().value == json.loads(OLD) and not file.read().damage
    file.write(NEW)
    assert read_object(path) == json.loads(path.read_text()) == {"a": 2}
    assert file.previous.read_bytes() == OLD
    path.write_bytes(OLD + b"\n \n")  # by hand
    assert file.read().value == json.loads(OLD)


def test_what_the_box_lacks_just_now_is_not_the_files_fault(
    file: StateFile[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, told: list[Damage]
) -> None:
    def too_many(*args: Any, **kwargs: Any) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("gateway.vault.statefile.os.open", too_many)  # can't be had in one process
    with pytest.raises(OSError, match="Too many"):
        file.restore()
    assert not told


def test_so_many_damaged_versions_are_kept_and_no_more(
    file: StateFile[dict[str, Any]], path: Path, told: list[Damage]
) -> None:
    for n in range(MOST_ASIDE + 3):
        path.write_text(f"damage {n}")
        file.restore()
    aside = sorted(path.parent.glob("state.json.damaged-*Z"))
    assert len(aside) == MOST_ASIDE and aside[0].read_text() == "damage 0"
    assert len(told) == MOST_ASIDE + 3 and told[-1].aside == ""
    assert file.read().value is not None


def test_a_database_goes_with_what_belongs_to_it(tmp_path: Path) -> None:
    for name in ("x.db", "x.db-wal"):
        (tmp_path / name).write_text(name)
    aside = put_aside(tmp_path / "x.db", "-wal", "-shm")
    assert (tmp_path / f"{aside}-wal").read_text() == "x.db-wal"
    assert sorted(p.name for p in tmp_path.iterdir()) == [aside, f"{aside}-wal"]
    assert put_aside(tmp_path / "x.db", "-wal") == ""


WRITER = """
import sys; from pathlib import Path
from gateway.vault.statefile import StateFile, json_object
file = StateFile(Path(sys.argv[1]), json_object)
for n in range(10**9):
    file.write(b'{"n": %d, "pad": "%s"}' % (n, b"x" * (n % 3000)))
    print(n, flush=True)
"""


def test_a_writer_that_is_killed_leaves_two_good_versions(path: Path) -> None:
    for wanted in (1, 5, 20):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        said = 0
        for line in process.stdout:
            said = int(line)
            if said >= wanted:
                process.kill()
                break
        process.wait()
        process.stdout.close()
        kept = StateFile(path, json_object).read()
        assert kept.value is not None and not kept.damage and kept.value["n"] >= said
        path.unlink()  # killed between two renames, both names are of one content
        path.write_bytes(b"")
        before = StateFile(path, json_object).read()
        assert before.value is not None and before.value["n"] >= said - 1
