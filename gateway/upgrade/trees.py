"""The installed versions of the Debian package: which one runs, and which one is to run next.

`/usr/lib/garita/VERSION` is a whole tree, and the link `current` leads to the one in force
(deploy/debian/assemble.py makes them).  A checkout has none of it.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/usr/lib/garita")


@dataclass(frozen=True, slots=True)
class Trees:
    """What is under `root`; "" where there is no such version."""

    root: Path = ROOT

    @property
    def current(self) -> str:
        """The version that a start takes."""
        return _led(self.root / "current")

    @property
    def previous(self) -> str:
        """The version that was in force before."""
        return _led(self.root / "previous")

    @property
    def installed(self) -> str:
        """The version that dpkg unpacked last."""
        try:
            return (self.root / "parts" / "garita" / "version").read_text("utf-8").strip()
        except OSError:
            return ""

    @property
    def next(self) -> str:
        """The version that waits to be put in force: the link `next`, which postinst makes, names
        it.  One that somebody went back from does not wait."""
        new = _led(self.root / "next")
        whole = bool(new) and (self.root / new / "bin" / "python3").exists()
        return new if whole and new == self.installed and new != self.current else ""

    def command(self, version: str, *arguments: str) -> list[str]:
        """`garita` of that version."""
        return [str(self.root / version / "bin" / "python3"), "-I", "-m", "gateway.cli", *arguments]

    def switch(self) -> None:
        """Put the installed version in force.  Raises subprocess.CalledProcessError, OSError."""
        subprocess.run([str(self.root / "assemble"), "--switch"], check=True)

    def back(self) -> None:
        """Put the previous version in force again; raises OSError."""
        before, now = self.previous, self.current
        if not (self.root / before / "bin" / "python3").exists() or not before:
            raise FileNotFoundError(f"{self.root / 'previous'}")
        (self.root / "next").unlink(missing_ok=True)
        for name, target in (("current", before), ("previous", now)):
            new = self.root / f".{name}.new"
            new.unlink(missing_ok=True)
            new.symlink_to(target)
            new.replace(self.root / name)


def _led(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
