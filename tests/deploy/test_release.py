"""What a release is made of: the wheel and sdist have every file, and the same bytes each time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy.repack import repack

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return set(filter(None, listed.stdout.split("\0")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of what is tracked here."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in tracked("."):
        if not name.startswith(("tests/", "docs/")) and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    for kind in ("--sdist", "--wheel"):
        done = subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", out, copy],
            capture_output=True,
            text=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"},
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return out


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_packages_and_the_catalogues(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        inside = set(wheel.namelist())
        about = next(name for name in inside if name.endswith("METADATA"))
        told = wheel.read(about).decode()
    assert not {name for name in tracked("gateway", "drivers") if name not in inside}
    assert "gateway/locale/es/LC_MESSAGES/garita.mo" in inside
    examples = f"{about.split('.dist-info')[0]}.data/data/share/garita/"
    others = {name for name in inside if not name.startswith(examples)}
    assert not {n for n in others if n.split("/")[0] not in ("gateway", "drivers", about[:-9])}
    for extra in ("face", "console", "collector", "ldap", "sql", "gpio"):
        assert f"Provides-Extra: {extra}\n" in told
    assert "Classifier: Private :: Do Not Upload" in told  # until there is a licence


@pytest.mark.slow
def test_an_sdist_has_the_same_bytes_whenever_it_was_made(built: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.tar.gz", tmp_path / "2.tar.gz"
    shutil.copy(next(built.glob("*.tar.gz")), first)
    with tarfile.open(first) as old:
        entries = [(entry, old.extractfile(entry) if entry.isfile() else None) for entry in old]
        with tarfile.open(second, "w:gz", compresslevel=1) as new:  # another day and account
            for entry, file in entries:
                entry.mtime, entry.uid, entry.uname = 1_600_000_000, 1000, "somebody"
                new.addfile(entry, file)
    repack(first, 1_700_000_000)
    repack(second, 1_700_000_000)
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"setup.py", "setup.sh", "systemd/garita.service", "config/garita.toml"} <= names
    assert not {name for name in names if name.endswith(".mo")}  # they are made by the build


@pytest.mark.slow
def test_what_is_inside_is_listed_with_versions_and_hashes(tmp_path: Path) -> None:
    listed = tmp_path / "sbom.json"
    lock = ROOT / "requirements-gate.lock"
    command = ["-m", "cyclonedx_py", "requirements", "--output-reproducible", "--of", "JSON"]
    subprocess.run(
        [sys.executable, "-W", "ignore", *command, "-o", listed, lock], check=True, cwd=ROOT
    )
    parts = json.loads(listed.read_text("utf-8"))["components"]
    assert {(part["name"], part["version"]) for part in parts} == set(
        NAME.findall(lock.read_text())
    )
    assert all(part["externalReferences"][0]["hashes"] for part in parts)
