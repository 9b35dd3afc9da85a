"""Checkers that need nothing of this package: they are handed to auditors with what they check."""

from __future__ import annotations

from pathlib import Path

PAGE, PROGRAM = "garita-check.html", "garita_check.py"


def source(name: str) -> Path:
    """Where the program `name` (PAGE or PROGRAM) lies in this installation."""
    return Path(__file__).with_name(name)
