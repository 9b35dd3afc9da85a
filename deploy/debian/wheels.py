"""The wheels of the Debian packages: fetched by the hashes of the lock, and split into packages.

    wheels.py fetch FOLDER --python 3.11 --arch amd64    what a box of that kind installs
    wheels.py split FOLDER --python 3.11 --arch amd64    PACKAGE and FILE, one wheel a line
    wheels.py install FOLDER PACKAGE SITE --python 3.11 --arch amd64

Each extra of pyproject.toml belongs to one package.  A wheel that two packages need is in `garita`,
but for NumPy, which is large and has a package of its own.  What only the build needs is in none.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Collection, Iterator
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = next(one for one in Path(__file__).parents if (one / "pyproject.toml").exists())
LOCK = ROOT / "requirements-gate.lock"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = {"3.11": 36, "3.13": 41}
"""The second number of glibc's version in bookworm and trixie: no wheel may ask for a newer one."""
EXTRAS = {
    "garita": ("ldap", "sql", "gpio", "witness"),
    "garita-face": ("face", "heic"),
    "garita-console": ("console", "evidence"),
    "garita-collector": ("collector",),
}
APART = {"numpy": "garita-numpy"}
SOURCES = ("face-recognition-models",)
"""Pure Python that is released as source alone; it needs nothing else."""
BUILD = "build"
"""What only the build needs: setuptools, and onnx, which makes the converted network."""


class Target:
    """A Debian release's Python on an architecture."""

    def __init__(self, python: str, arch: str) -> None:
        self.python, self.machine = python, MACHINES[arch]
        self.environment = {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "platform_machine": self.machine,
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }

    def wants(self, requirement: Requirement, extra: str = "") -> bool:
        marker = requirement.marker
        return marker is None or marker.evaluate({**self.environment, "extra": extra})

    def options(self) -> list[str]:
        """pip's options that choose this target's wheels."""
        newest = GLIBC[self.python]
        tags = [f"manylinux_2_{minor}" for minor in range(newest, 4, -1)]
        tags += ["manylinux2014", "manylinux2010", "manylinux1"]
        found = ["--implementation", "cp", "--python-version", self.python]
        return found + [word for tag in tags for word in ("--platform", f"{tag}_{self.machine}")]


def locked(target: Target) -> dict[str, str]:
    """Each requirement of the lock that `target` needs, by name: its lines, without the marker."""
    found = {}
    for entry in re.split(r"\n(?=\S)", LOCK.read_text("utf-8")):
        head, *hashes = entry.strip().split(" \\\n")
        requirement = Requirement(head)
        if target.wants(requirement):
            plain = f"{requirement.name}{requirement.specifier}"
            found[canonicalize_name(requirement.name)] = " \\\n".join([plain, *hashes])
    return found


def fetch(folder: Path, target: Target) -> None:
    """Put every wheel of the lock into `folder`, and the source of what has no wheel.

    Raises SystemExit that names all that is not to be had for this target.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {
        name: lines for name, lines in locked(target).items() if not _here(folder, name, lines)
    }
    sources = [wanted.pop(name) for name in SOURCES if name in wanted]
    lacking = [] if _download(folder, wanted.values(), target) else list(wanted)
    lacking = [name for name in lacking if not _download(folder, [wanted[name]], target)]
    if lacking:
        raise SystemExit(f"no wheel of {', '.join(lacking)} for {target.machine}, {target.python}")
    if not _download(folder, sources, None):
        raise SystemExit(f"no source of {', '.join(SOURCES)}")


def _download(folder: Path, entries: Collection[str], target: Target | None) -> bool:
    if not entries:
        return True
    listed = folder / "wanted.txt"
    listed.write_text("".join(f"{entry}\n" for entry in entries), "utf-8")
    kind = ["--no-binary", ":all:"] if target is None else ["--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes"]
    command += ["--no-build-isolation", "-d", str(folder), "-r", str(listed), *kind]
    command += target.options() if target is not None else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    listed.unlink()
    if done.returncode:
        sys.stderr.write(done.stderr)
    return done.returncode == 0


def verified(folder: Path, target: Target) -> list[Path]:
    """The wheels in `folder` that the lock names.  Raises SystemExit if the bytes of one are not
    those of the lock, or one is not there."""
    found = []
    for name, lines in locked(target).items():
        path = _here(folder, name, lines)
        if path is None:
            raise SystemExit(f"{name} in {folder} is not what the lock names")
        if name not in SOURCES:
            found.append(path)
    return found


def _here(folder: Path, name: str, lines: str) -> Path | None:
    """The file of `name` in `folder`, if the lock's `lines` have its hash."""
    for path in folder.iterdir():
        if _name(path) == name:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if f"sha256:{digest}" in lines:
                return path
    return None


def _name(path: Path) -> str:
    """The name of what `path` holds; "" if it is neither a wheel nor a source."""
    if path.suffix == ".whl":
        return str(parse_wheel_filename(path.name)[0])
    return str(canonicalize_name(path.name.rpartition("-")[0]))


def install(folder: Path, target: Target, package: str, site: Path) -> None:
    """Put the wheels of `package` into `site`.  Their scripts are left out: they name a path."""
    chosen = [str(path) for owner, path in split(folder, target) if owner == package]
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    command += ["--no-compile", "--only-binary", ":all:", "--target", str(site)]
    subprocess.run([*command, *target.options(), *chosen], check=True)
    shutil.rmtree(site / "bin", ignore_errors=True)


def split(folder: Path, target: Target) -> Iterator[tuple[str, Path]]:
    """Every wheel in `folder` with its package."""
    wheels = {_name(path): path for path in verified(folder, target)}
    needs = {name: _needs(path) for name, path in wheels.items()} | {name: [] for name in SOURCES}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    def closure(wanted: list[str]) -> set[str]:
        found: set[str] = set()
        left = [(Requirement(line), "") for line in wanted]
        while left:
            requirement, extra = left.pop()
            name = canonicalize_name(requirement.name)
            if not target.wants(requirement, extra):
                continue
            known = name in found
            found.add(name)
            for asked in requirement.extras or ("",):
                if asked or not known:
                    left += [(need, asked) for need in needs[name]]
        return found

    optional = project["optional-dependencies"]
    owned = {
        package: closure([line for extra in extras for line in optional[extra]])
        for package, extras in EXTRAS.items()
    }
    owned["garita"] |= closure(project["dependencies"])
    for name, path in sorted(wheels.items()):
        owners = [package for package in EXTRAS if name in owned[package]]
        shared = "garita" in owners or len(owners) > 1
        yield APART.get(name) or ("garita" if shared else owners[0] if owners else BUILD), path


def _needs(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as opened:
        inside = next(name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        about = Parser().parsestr(opened.read(inside).decode())
    return [Requirement(line) for line in about.get_all("Requires-Dist", [])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("act", choices=("fetch", "split", "install"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("package", nargs="?", help="install: whose wheels")
    parser.add_argument("site", nargs="?", type=Path, help="install: where to")
    parser.add_argument("--python", required=True, choices=sorted(GLIBC))
    parser.add_argument("--arch", required=True, choices=sorted(MACHINES))
    given = parser.parse_args()
    target = Target(given.python, given.arch)
    if given.act == "fetch":
        fetch(given.folder, target)
    elif given.act == "install":
        install(given.folder, target, given.package, given.site)
    else:
        for package, path in split(given.folder, target):
            print(package, path)


if __name__ == "__main__":
    main()
