"""Markdown from plain words."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\*_\[\]{}#|])")


def plain(text: str) -> str:
    """Plain text as Markdown that shows it as it is; what stands between backticks stays code."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(
        part.replace("|", "\\|")
        if n % 2
        else _SPECIAL.sub(r"\\\1", part).replace("<", "&lt;").replace(">", "&gt;")
        for n, part in enumerate(parts)
    )


def code(text: str) -> str:
    """Text as code in a table."""
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table; its cells are Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
