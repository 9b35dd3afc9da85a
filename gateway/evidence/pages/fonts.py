"""The fonts of the pages, which are the same on every machine: those inside typst, and DejaVu,
which comes with matplotlib.  A site that needs other scripts (Chinese, Thai) names a folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

NAMES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf")
# Letters of Europe, punctuation and spaces: every font here has them.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_COMMON = re.compile(
    r"[\n\t\u0020-\u007e\u00a0-\u00ac\u00ae-\u017f\u200b\u2010-\u2026\u2030\u20ac]*"
)


def folder() -> Path:
    """Where DejaVu is.  Raises ImportError without matplotlib."""
    import matplotlib  # noqa: PLC0415 - only where pages are made

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def files(more: str = "") -> list[Path]:
    """The font files: DejaVu's, then those of the folder `more`."""
    found = [folder() / name for name in NAMES]
    if more:
        found += sorted(p for p in Path(more).glob("*") if p.suffix.lower() in {".ttf", ".otf"})
    return found


class Letters:
    """Knows which characters the fonts have."""

    def __init__(self, fonts: Iterable[Path]) -> None:
        self._fonts = tuple(fonts)

    def shown(self, text: str) -> str:
        """`text` with ``[U+738B]`` for each character that no font has, and without controls.

        PDF/A forbids a box that stands for an unknown letter, and a reader could not look it up.
        What turns the direction of reading is shown likewise.
        """
        if _COMMON.fullmatch(text):
            return text
        known = _characters(self._fonts)
        return "".join(
            char
            if _COMMON.fullmatch(char)
            or (ord(char) in known and unicodedata.category(char) not in _UNSEEN)
            else f"[U+{ord(char):04X}]"
            for char in text
        )

    def all(self, value: Any) -> Any:
        """The same of every text in a JSON value."""
        if isinstance(value, str):
            return self.shown(value)
        if isinstance(value, list):
            return [self.all(item) for item in value]
        if isinstance(value, dict):
            return {key: self.all(item) for key, item in value.items()}
        return value


@cache
def _characters(fonts: tuple[Path, ...]) -> frozenset[int]:
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - only where a letter is not common

    found: set[int] = set()
    for font in fonts:
        with TTFont(font, lazy=True) as opened:
            found.update(opened.getBestCmap() or ())
    return frozenset(found)
