"""A small file is replaced whole or not at all, whatever happens to whoever replaces it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.vault import files
from gateway.vault.files import FileThread, write_json, write_whole

OLD, NEW = b"old" * 5_000, b"new and longer" * 5_000


@pytest.fixture(autouse=True)
def nothing_swept() -> None:
    """Each test is a process that has just started."""
    files._swept.clear()


def parts(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir() if item.name.endswith(".part")]


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a process of its own; the wait status."""
    pid = os.fork()
    if not pid:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1]


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that is killed before line `step` of files.py; whether it was."""
    left = step

    def trace(frame: Any, what: str, arg: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename != files.__file__:
            return None
        if what == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    def child() -> None:
        sys.settrace(trace)
        work()

    return os.WIFSIGNALED(in_child(child))


@pytest.mark.parametrize("before", [OLD, None])
def test_a_kill_at_each_step_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, before: bytes | None
) -> None:
    path, found = tmp_path / "f.json", set()
    step = 1
    while True:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        if not killed_at(step, lambda: write_whole(path, [NEW[:9000], NEW[9000:]])):
            break
        found.add(path.read_bytes() if path.exists() else None)
        step += 1
    assert step > 20 and path.read_bytes() == NEW
    assert found == {before, NEW}


def test_what_killed_writers_leave_does_not_pile_up(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    for step in range(1, 40):
        killed_at(step, lambda: write_whole(path, NEW))
        assert len(parts(tmp_path)) <= 1
    assert in_child(lambda: write_whole(tmp_path / "other", OLD)) == 0
    assert parts(tmp_path) == []


def test_a_file_that_is_being_written_is_not_swept_away(tmp_path: Path) -> None:
    path = tmp_path / "f.json"

    def pieces() -> Any:
        yield OLD
        files._swept.clear()
        assert in_child(lambda: write_whole(tmp_path / "other", OLD)) == 0
        yield NEW

    write_whole(path, pieces())
    assert path.read_bytes() == OLD + NEW


def test_a_part_swept_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock, times = tmp_path / "f.json", files.fcntl.flock, 0

    def slow(handle: int, how: int) -> None:
        nonlocal times
        times += 1
        if times == 1:
            files._remove_abandoned(str(tmp_path / parts(tmp_path)[0]))
        flock(handle, how)

    monkeypatch.setattr(files.fcntl, "flock", slow)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW and parts(tmp_path) == [] and times > 2


def test_files_of_others_are_not_swept(tmp_path: Path) -> None:
    others = [".f.json.part", "f.json.0123456789abcdef.part", ".x.0123456789abcdef.party", "f.new"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".f.json.0123456789abcdef.part").touch()
    write_whole(tmp_path / "f.json", NEW)
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted([*others, "f.json"])


def test_two_writers_at_once_never_mix(tmp_path: Path) -> None:
    """As the cursor and the bundle did, which shared the temporary file mqtt.new."""
    cursor, bundle = tmp_path / "mqtt.cursor", tmp_path / "mqtt.bundle"
    stop = threading.Event()
    wrong: list[bytes] = []

    def write(path: Path, content: bytes) -> None:
        while not stop.is_set():
            write_whole(path, content)

    writers = [(cursor, OLD), (cursor, OLD[::-1]), (bundle, NEW), (bundle, NEW[::-1])]
    threads = [threading.Thread(target=write, args=pair) for pair in writers]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 1
    while time.monotonic() < end:
        for path, good in ((cursor, (OLD, OLD[::-1])), (bundle, (NEW, NEW[::-1]))):
            if path.exists() and (found := path.read_bytes()) not in good:
                wrong.append(found[:50])
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == [] and parts(tmp_path) == []


FULL = """
import sys
from pathlib import Path
from gateway.vault.files import write_whole
path = Path(sys.argv[1]) / "f.json"
write_whole(path, b"old" * 5000)
for size in (10_000, 200_000):
    try:
        write_whole(path, b"n" * size)
    except OSError as error:
        print(error.strerror)
print(path.read_bytes() == b"n" * 10_000, [p.name for p in path.parent.iterdir()])
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """On a real file system of 64 KiB."""
    script = f"mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -c '{FULL}' $0"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "No space left on device\nTrue ['f.json']\n", done.stderr


def test_a_folder_in_its_way_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "f.json").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "f.json", NEW)
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "f.json", NEW)
    assert parts(tmp_path) == []


def test_a_file_that_must_not_be_replaced_is_not(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    write_whole(path, OLD, mode=0o600, replace=False)
    with pytest.raises(FileExistsError):
        write_whole(path, NEW, mode=0o600, replace=False)
    assert path.read_bytes() == OLD and path.stat().st_mode & 0o777 == 0o600
    assert parts(tmp_path) == [] and path.stat().st_nlink == 1


def test_the_umask_takes_from_the_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "doors.json", {"gate": "painting"})
    finally:
        os.umask(before)
    assert (tmp_path / "doors.json").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "doors.json").read_text() == '{"gate": "painting"}'


async def test_file_work_is_done_in_order_and_the_loop_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    thread, done = FileThread("scenes"), []
    begun = threading.Event()

    def work(number: int) -> int:
        begun.wait(5)
        done.append(number)
        return number

    def fails() -> None:
        raise OSError("no space")

    for number in range(5):
        thread.soon(work, number)
    assert done == []
    thread.soon(fails)
    last = asyncio.create_task(thread.run(work, 5))
    await asyncio.sleep(0)
    begun.set()
    assert await last == 5 and done == [0, 1, 2, 3, 4, 5]
    assert "scenes: no space" in caplog.text
    with pytest.raises(OSError, match="no space"):
        await thread.run(fails)
    thread.close()


def test_half_of_an_export_is_never_taken_for_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    def dies() -> None:
        with files.new_text_file(path) as file:
            file.write("half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    assert os.WTERMSIG(in_child(dies)) == signal.SIGKILL
    assert not path.exists()
    with pytest.raises(KeyError), files.new_text_file(path) as file:
        file.write("half")
        raise KeyError
    assert not path.exists()
    with files.new_text_file(path) as file:
        file.write("all\n")
    assert path.read_text() == "all\n"
    with pytest.raises(FileExistsError), files.new_text_file(path) as file:
        file.write("other")
    assert path.read_text() == "all\n"


def test_a_stick_without_hard_links_takes_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with files.new_text_file(tmp_path / "out.csv") as file:
        file.write("all\n")
    assert (tmp_path / "out.csv").read_text() == "all\n" and parts(tmp_path) == []


def test_a_shared_folder_lets_the_group_add_files_and_take_away_its_own_alone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "documents"
    before = os.umask(0o077)
    try:
        files.make_shared(folder)
    finally:
        os.umask(before)
    mode = folder.stat().st_mode & 0o7777
    assert mode == 0o1770  # without the set-group-ID bit, which the service may not set
    folder.chmod(0o700)
    files.make_shared(folder)  # what is there stays
    assert folder.stat().st_mode & 0o7777 == 0o700
