"""Writes an sdist again so that the same files give the same bytes: ``repack.py FILE.tar.gz``.

setuptools puts the time of the build and the builder's account into the archive.  Here each entry
has the time SOURCE_DATE_EPOCH (reproducible-builds.org), no owner, and its place by name.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
from pathlib import Path


def repack(path: Path, when: int) -> None:
    """Replace the .tar.gz at `path`; `when` is seconds since 1970."""
    with tarfile.open(path) as old:  # in its own order: going back would unpack from the beginning
        found = [(e, old.extractfile(e).read() if e.isfile() else b"") for e in old]  # type: ignore[union-attr]
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as new:
        for entry, data in sorted(found, key=lambda item: item[0].name):
            entry.mtime, entry.uid, entry.gid = when, 0, 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            entry.pax_headers = {}
            new.addfile(entry, io.BytesIO(data))
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, when) as packed:
        packed.write(body.getvalue())


if __name__ == "__main__":
    repack(Path(sys.argv[1]), int(os.environ["SOURCE_DATE_EPOCH"]))
