"""The files that come with the program and belong elsewhere on a box: units, and the broker's."""

from __future__ import annotations

import sys
from pathlib import Path

_TREE = Path(__file__).parents[2]
_INSTALLED = Path(sys.prefix) / "share" / "garita"


def shipped(name: str) -> Path:
    """The file `name`, such as ``systemd/garita.service``: of the source tree if the program runs
    from one, else of the installed package.  Raises FileNotFoundError."""
    for folder in (_TREE, _INSTALLED):
        if (path := folder / name).exists():
            return path
    raise FileNotFoundError(name)
