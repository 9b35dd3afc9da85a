"""The tree of hard links that a Debian package runs: whole, or not there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[2] / "deploy" / "debian" / "assemble.py"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("assemble", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unpack(root: Path, package: str, version: str, **files: str) -> None:
    """What dpkg does with a part: every file is a new one."""
    part = root / "parts" / package
    for old in part.rglob("*"):
        if not old.is_dir():
            old.unlink()
    (part / "bin").mkdir(parents=True, exist_ok=True)
    (part / "version").write_text(version + "\n")
    for name, text in files.items():
        (part / "bin" / name).write_text(text)


def seen(root: Path, link: str = "current") -> dict[str, str]:
    return {path.name: path.read_text() for path in (root / link / "bin").iterdir()}


def test_an_upgrade_leaves_the_version_that_runs_whole(program: ModuleType, tmp_path: Path) -> None:
    unpack(tmp_path, "garita", "1-1", python3="old", only="1")
    program.assemble(tmp_path)
    program.switch(tmp_path)
    assert seen(tmp_path) == {"python3": "old", "only": "1"}
    unpack(tmp_path, "garita", "2-1", python3="new")
    assert seen(tmp_path) == {"python3": "old", "only": "1"}  # dpkg took nothing away
    program.assemble(tmp_path)
    assert seen(tmp_path)["python3"] == "old"
    program.switch(tmp_path)
    assert seen(tmp_path) == {"python3": "new"}
    assert seen(tmp_path, "previous") == {"python3": "old", "only": "1"}
    here = tmp_path / "current" / "bin" / "python3"
    assert here.samefile(tmp_path / "parts" / "garita" / "bin" / "python3")


def test_the_version_before_the_one_before_is_forgotten(
    program: ModuleType, tmp_path: Path
) -> None:
    for number in "123":
        unpack(tmp_path, "garita", number, python3=number)
        program.assemble(tmp_path)
        program.switch(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in {"parts"}) == [
        "2", "3", "current", "previous",
    ]  # fmt: skip
    program.switch(tmp_path)  # once more, as `dpkg --configure` may do
    assert seen(tmp_path) == {"python3": "3"} and seen(tmp_path, "previous") == {"python3": "2"}


def test_an_old_version_that_still_runs_is_kept(program: ModuleType, tmp_path: Path) -> None:
    unpack(tmp_path, "garita", "1", python3="")
    program.assemble(tmp_path)
    running = tmp_path / "1" / "bin" / "running"
    running.symlink_to(sys.executable)
    process = subprocess.Popen([running, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        for number in "23":
            unpack(tmp_path, "garita", number, python3="")
            program.assemble(tmp_path)
            program.switch(tmp_path)
        assert (tmp_path / "1").exists()
    finally:
        process.communicate()
    program.switch(tmp_path)
    assert not (tmp_path / "1").exists()


def test_parts_come_and_go_in_the_tree_that_runs(program: ModuleType, tmp_path: Path) -> None:
    unpack(tmp_path, "garita", "1", python3="")
    unpack(tmp_path, "garita-face", "0.9", old="of another version")
    program.assemble(tmp_path)
    program.switch(tmp_path)
    assert set(seen(tmp_path)) == {"python3"}
    unpack(tmp_path, "garita-face", "1", face="")
    program.assemble(tmp_path)
    assert set(seen(tmp_path)) == {"python3", "face"}
    program.assemble(tmp_path, "garita-face")
    assert set(seen(tmp_path)) == {"python3"}


def test_what_a_kill_left_is_made_anew(program: ModuleType, tmp_path: Path) -> None:
    unpack(tmp_path, "garita", "1", python3="")
    half = tmp_path / ".1.new" / "bin"
    half.mkdir(parents=True)
    (half / "python3").write_text("half")
    (tmp_path / ".current.new").symlink_to("nowhere")
    program.assemble(tmp_path)
    program.switch(tmp_path)
    assert seen(tmp_path) == {"python3": ""}
    (tmp_path / "parts" / "garita" / "version").write_text("2")
    with pytest.raises(FileNotFoundError):
        program.switch(tmp_path)
    assert (tmp_path / "current").readlink() == Path("1")


def test_a_file_that_two_parts_have_is_an_error(program: ModuleType, tmp_path: Path) -> None:
    unpack(tmp_path, "garita", "1", python3="")
    unpack(tmp_path, "garita-face", "1", python3="")
    with pytest.raises(FileExistsError):
        program.assemble(tmp_path)
