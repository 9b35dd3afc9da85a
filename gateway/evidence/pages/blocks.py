"""Blocks: what stands on a page, in order, as plain JSON that packet.typ sets.

Each function makes one block.  Texts are in the language in use already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Block = dict[str, Any]

WIDTH_MM, WIDE_MM = 177.9, 241.4
"""The width of the text on a page, and on one that lies."""

_SIZES = (8.4, 7.2)  # points: of tables with few columns, and with many
_MANY = 7
_MM_PER_PT = 0.3528
_LETTERS = (
    (" .,:;'!|iljí·", 0.27),
    ('()[]{}-/\\"ftIJr', 0.36),
    ("0123456789", 0.47),
    ("aceszxvykgáé?", 0.46),
    ("mwMW@%–—…&", 0.88),
)
_INSET_EM = 1.15  # the blanks at both sides of a cell
_PAGE_MM = 11.0  # the column of page numbers
_LITTLE = 4.0  # em that a column is given before the long ones share
_LONGEST_WORD, _LONGEST_CELL = 11.0, 90.0  # em that a column is widened for


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
    rows: Iterable[Sequence[str]],
    *,
    about: str,
    marks: Sequence[str] = (),
    keys: Sequence[str] = (),
    wide: bool = False,
) -> Block:
    """A table, its columns as wide as their words need.

    Args:
        about: What the table is, for whoever has it read aloud.
        marks: For each row ``open``, ``done`` or "": how its first column looks.
        keys: For each row the key of a heading, whose page stands in a last column.
        wide: Whether it stands on a page that lies.
    """
    told = [list(row) for row in rows]
    size = _SIZES[0] if len(titles) <= _MANY else _SIZES[1]
    room = ((WIDE_MM if wide else WIDTH_MM) - (_PAGE_MM if keys else 0)) / (size * _MM_PER_PT)
    widths = fitted([list(titles), *told], room - len(titles) * _INSET_EM)
    return {
        "is": "table",
        "size": size,
        "titles": [broken(text, most) for text, most in zip(titles, widths, strict=True)],
        "widths": [round(width + _INSET_EM, 2) for width in widths],
        "rows": [
            [broken(text, most) for text, most in zip(row, widths, strict=True)] for row in told
        ],
        "about": about,
        "marks": list(marks),
        "keys": list(keys),
    }


def see(words: str, key: str) -> Block:
    """A small paragraph that links to a heading; ``{page}`` in it is the heading's page."""
    return {"is": "see", "text": words, "key": key}


def chips(items: Iterable[tuple[str, str, str, bool]]) -> Block:
    """Small fields side by side, each a link: words, key, look (``open``, ``done``, ``shown`` or
    ``none``), and whether the words are bold."""
    return {"is": "chips", "items": [list(item) for item in items]}


def legend(items: Iterable[tuple[str, str]]) -> Block:
    """What the looks of chips mean: look, words."""
    return {"is": "legend", "items": [list(item) for item in items]}


def image(name: str, title: str, about: str) -> Block:
    """A picture by its name in the folder of the document; `about` says what is to be seen."""
    return {"is": "image", "name": name, "title": title, "about": about}


def code(words: str) -> Block:
    """Lines to type or to compare, as they are."""
    return {"is": "code", "text": words}


def page() -> Block:
    """What follows begins on a new page."""
    return {"is": "page"}


def fitted(rows: Sequence[Sequence[str]], room: float) -> list[float]:
    """Widths of columns in em, together `room`: each takes its longest word, and what remains goes
    to those whose texts are long."""
    columns = list(zip(*rows, strict=True))
    least = [
        min(_LONGEST_WORD, max(_wide(word) for cell in column for word in ["  ", *cell.split()]))
        for column in columns
    ]
    wanted = [
        max(low, sorted(min(_wide(cell), _LONGEST_CELL) for cell in column)[len(column) * 9 // 10])
        for low, column in zip(least, columns, strict=True)
    ]
    if (short := sum(least)) >= room:
        return [low * room / short for low in least]
    if sum(wanted) <= room:  # all in one line: the rest is spread by what they want
        return [want * room / sum(wanted) for want in wanted]
    widths, left = list(least), room - short
    # Those that want little get it; the longer ones share what is left by the root of their want.
    extra = [want - low for want, low in zip(wanted, least, strict=True)]
    order = sorted(range(len(least)), key=lambda at: extra[at])
    for done, at in enumerate(order):
        roots = sum(extra[other] ** 0.5 for other in order[done:])
        share = left * extra[at] ** 0.5 / roots if roots else 0.0
        more = min(extra[at], left / 2 if extra[at] < _LITTLE else share)
        widths[at] += more
        left -= more
    return [width + left / len(widths) for width in widths]


def broken(words: str, room: float) -> str:
    """`words` with places to break inside each word that is wider than `room` (in em).

    A name of 190 letters without a blank then goes on in the next line of its column.
    """
    if len(words) <= room and words.isascii():  # no such letter is wider than an em
        return words
    return " ".join(_parts(word, room) for word in words.split(" "))


def _parts(word: str, room: float) -> str:
    if _wide(word) <= room:
        return word
    made, used = [], 0.0
    for char in word:
        wide = _em(char) * 1.08
        if used + wide > room:
            made.append("\u200b")
            used = 0.0
        made.append(char)
        used += wide
    return "".join(made)


def _wide(text: str) -> float:
    """About how wide a text is in em; the bold of a title is a little wider."""
    return sum(map(_em, text)) * 1.08


def _em(char: str) -> float:
    """How wide a letter of the text's font is in em, to a few hundredths."""
    for letters, wide in _LETTERS:
        if char in letters:
            return wide
    if char.islower():
        return 0.5
    if char > "\u2fff":
        return 4.6  # it stands as its number, such as [U+738B]
    return 0.68 if char > "\u024f" or char.isupper() else 0.55
