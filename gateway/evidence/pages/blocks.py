"""Blocks: what stands on a page, in order, as plain JSON that packet.typ sets.

Each function makes one block.  Texts are in the language in use already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Block = dict[str, Any]

WIDTH_MM = 178.0
"""The width of the text on a page."""

_NARROW_PT, _WIDE_PT = 8.4, 7.0
_MANY = 7  # columns; more than these get the smaller letters
_MM_PER_PT = 0.3528


def heading(level: int, text: str, *, key: str = "", outlined: bool = True) -> Block:
    """A heading, level 1 to 3; `key` can be linked to."""
    return {"is": "heading", "level": level, "text": text, "key": key, "outlined": outlined}


def text(words: str, style: str = "plain") -> Block:
    """A paragraph; `style` is ``plain``, ``lead``, ``small``, ``muted``, ``warn`` or
    ``under``, which stays on the page of what follows."""
    return {"is": "text", "text": words, "style": style}


def facts(rows: Iterable[tuple[str, str]], *, mono: Sequence[str] = ()) -> Block:
    """Names with their values, one a line; those of the names in `mono` are hashes and the like."""
    told = [[name, value, name in mono] for name, value in rows]
    return {"is": "facts", "rows": told}


def points(items: Iterable[str]) -> Block:
    """A list with a bullet before each item."""
    return {"is": "points", "items": list(items)}


def figures(items: Iterable[tuple[str, str, str]]) -> Block:
    """Figures: the value, what it counts, and what it is a part of."""
    return {"is": "figures", "items": [list(item) for item in items]}


def three(items: Iterable[tuple[str, str]]) -> Iterator[Block]:
    """Texts side by side, each under its title; those without a text are left out."""
    if told := [list(item) for item in items if item[1]]:
        yield {"is": "three", "items": told}


def table(
    titles: Sequence[str],
    widths: Sequence[float],
    rows: Iterable[Sequence[str]],
    *,
    about: str,
    marks: Sequence[str] = (),
    keys: Sequence[str] = (),
) -> Block:
    """A table.  `widths` are shares of the page's width.

    Args:
        about: What the table is, for whoever has it read aloud.
        marks: For each row ``open``, ``done`` or "": how its first column looks.
        keys: For each row the key of a heading, whose page stands in a last column.
    """
    size = _NARROW_PT if len(titles) <= _MANY else _WIDE_PT
    em = size * _MM_PER_PT
    room = [max(3.0, WIDTH_MM * width / sum(widths) / em - 1.5) for width in widths]
    return {
        "is": "table",
        "size": size,
        "titles": [broken(t, n) for t, n in zip(titles, room, strict=True)],
        "widths": list(widths),
        "rows": [[broken(c, n) for c, n in zip(row, room, strict=True)] for row in rows],
        "about": about,
        "marks": list(marks),
        "keys": list(keys),
    }


def image(name: str, title: str, about: str) -> Block:
    """A picture by its name in the folder of the document; `about` says what is to be seen."""
    return {"is": "image", "name": name, "title": title, "about": about}


def code(words: str) -> Block:
    """Lines to type or to compare, as they are."""
    return {"is": "code", "text": words}


def page() -> Block:
    """What follows begins on a new page."""
    return {"is": "page"}


def broken(words: str, room: float) -> str:
    """`words` with places to break inside each word that is wider than `room` (in em).

    A name of 190 letters without a blank then goes on in the next line of its column.
    """
    if len(words) <= room:  # no letter is wider than an em
        return words
    return " ".join(_parts(word, room) for word in words.split(" "))


def _parts(word: str, room: float) -> str:
    made, used = [], 0.0
    for char in word:
        wide = _em(char)
        if used + wide > room:
            made.append("\u200b")
            used = 0.0
        made.append(char)
        used += wide
    return "".join(made)


def _em(char: str) -> float:
    """About how wide a letter is, and not less."""
    if char in "mwMW@%":
        return 0.98
    if char.isdigit() or char.islower():
        return 0.54
    return 0.75 if char < "\u2000" else 5.0 if char > "\u2fff" else 0.75
