#!/usr/bin/python3 -I
"""Makes the tree of the installed version, and leads the link `current` to it.

    assemble [--without PACKAGE]    make /usr/lib/garita/VERSION of the parts that are installed
    assemble --switch               lead `current` to it; `previous` leads to the one before

A link `next`, made by postinst, says that a version waits to be put in force in the quiet window.

dpkg owns /usr/lib/garita/parts/PACKAGE and replaces it during an upgrade.  The tree that runs is
made of hard links to those files, so that dpkg takes nothing away from a gateway that runs, and the
version before stays.  A kill at any point leaves `current` leading to a whole tree.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

ROOT = Path("/usr/lib/garita")
MAIN = "garita"
_AT_FDCWD, _EXCHANGE = -100, 2


def version(root: Path) -> str:
    """The version of the program that is installed.  Raises OSError."""
    return (root / "parts" / MAIN / "version").read_text("utf-8").strip()


def assemble(root: Path, without: str = "") -> Path:
    """Make the tree of the installed version, or make it anew; returns it.  Raises OSError."""
    wanted = version(root)
    new, tree = root / f".{wanted}.new", root / wanted
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    for part in sorted((root / "parts").iterdir()):
        told = part / "version"
        # A part of another version is about to be replaced.
        if part.name != without and told.exists() and told.read_text("utf-8").strip() == wanted:
            _link(part, new)
    os.sync()
    if tree.exists():
        _exchange(new, tree)
        shutil.rmtree(new)
    else:
        new.rename(tree)
    return tree


def switch(root: Path) -> None:
    """Lead `current` to the tree of the installed version, and forget older trees than the one
    before.  Raises OSError."""
    wanted, before = version(root), _led(root / "current")
    if not (root / wanted / "bin" / "python3").exists():
        raise FileNotFoundError(f"{root / wanted} is not whole")
    if before and before != wanted:
        _lead(root / "previous", before)
    _lead(root / "current", wanted)
    (root / "next").unlink(missing_ok=True)  # nothing waits for the quiet window any more
    kept = {"parts", wanted, _led(root / "previous")}
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink() and path.name not in kept and not _runs(path):
            shutil.rmtree(path, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    """The files of `source` below `target`, as hard links; copies where those can't be had."""
    for folder, folders, files in os.walk(source):
        here = target / Path(folder).relative_to(source)
        for name in [*files, *(one for one in folders if Path(folder, one).is_symlink())]:
            theirs, ours = Path(folder, name), here / name
            if theirs == source / "version":
                continue
            try:
                os.link(theirs, ours, follow_symlinks=False)
            except FileExistsError:  # two parts with the same file: the build is wrong
                raise
            except OSError:
                shutil.copy2(theirs, ours, follow_symlinks=False)
        for name in folders:
            if not Path(folder, name).is_symlink():
                (here / name).mkdir(exist_ok=True)


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders in one step, renameat2(2); in two where the file system can't."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, bytes(one), _AT_FDCWD, bytes(other), _EXCHANGE) == 0:
        return
    aside = other.with_name(f".{other.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def _lead(link: Path, name: str) -> None:
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(name)
    new.replace(link)


def _led(link: Path) -> str:
    with suppress(OSError):
        return str(link.readlink())
    return ""


def _runs(tree: Path) -> bool:
    """Whether a process was started from `tree`."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if process.read_bytes().startswith(bytes(tree) + b"/"):
                return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the tree of the installed Garita.")
    parser.add_argument("--without", default="", metavar="PACKAGE")
    parser.add_argument("--switch", action="store_true")
    given = parser.parse_args()
    os.umask(0o022)
    try:
        if given.switch:
            switch(ROOT)
        else:
            assemble(ROOT, given.without)
    except OSError as error:
        sys.exit(f"garita: {error}")


if __name__ == "__main__":
    main()
