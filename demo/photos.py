"""Photographs for the tests and the demo, from packages of the package index.

The repository holds no pictures.  This takes portraits from the source distribution of
face_recognition 1.3.0 and one from scikit-image's wheel, both pinned by hash.  It keeps them in
.cache/photos, so the next time needs no network.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache" / "photos"
IMAGES = "face_recognition-1.3.0/tests/test_images/"
REFERENCE = "face_recognition-1.3.0/face_recognition/api.py"
PACKAGES = {
    # package: (pip's arguments, sha256 of the file)
    "face_recognition==1.3.0": (
        ["--no-binary", ":all:"],
        "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    ),
    # One wheel for every machine and Python, because only a picture is taken out of it.
    "scikit-image==0.26.0": (
        [
            "--only-binary",
            ":all:",
            "--python-version",
            "3.11",
            "--implementation",
            "cp",
            "--abi",
            "cp311",
            "--platform",
            "manylinux_2_28_x86_64",
        ],
        "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    ),
}
NAMES = (
    "obama.jpg",
    "obama2.jpg",
    "obama3.jpg",
    "obama_partial_face.jpg",
    "obama_partial_face2.jpg",
    "biden.jpg",
    "astronaut.png",
    "face_recognition_api.py",
)


class PhotosMissing(Exception):
    """The photographs are not in the cache, and the network did not give them."""


def fetch() -> Path:
    """The folder with the photographs; downloads those that are missing.  Raises PhotosMissing."""
    if not all((CACHE / name).is_file() for name in NAMES):
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            for package, (arguments, digest) in PACKAGES.items():
                _unpack(_download(package, arguments, digest, Path(folder)))
    return CACHE


def _download(package: str, arguments: list[str], digest: str, folder: Path) -> Path:
    before = set(folder.iterdir())
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "-d",
        str(folder),
        *arguments,
        package,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [path for path in folder.iterdir() if path not in before]
    if done.returncode or len(found) != 1:
        raise PhotosMissing(f"{package} could not be downloaded: {done.stderr.strip()[-300:]}")
    if hashlib.sha256(found[0].read_bytes()).hexdigest() != digest:
        raise PhotosMissing(f"{package}: what was downloaded is not what was pinned")
    return found[0]


def _unpack(path: Path) -> None:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            (CACHE / "astronaut.png").write_bytes(wheel.read("skimage/data/astronaut.png"))
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name == REFERENCE:
                name = "face_recognition_api.py"
            elif member.name.startswith(IMAGES) and member.isfile():
                name = Path(member.name).name
            else:
                continue
            file = archive.extractfile(member)
            if file is not None:
                (CACHE / name).write_bytes(file.read())


def main() -> int:
    """``python -m demo.photos [--quiet]``: fetch, and say what is there."""
    try:
        folder = fetch()
    except PhotosMissing as error:
        print(f"photographs: {error}", file=sys.stderr)
        return 1
    if "--quiet" not in sys.argv:
        print(*(folder / name for name in NAMES), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
