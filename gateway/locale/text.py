"""The one rule for text from outside: lists, directories, bundles, commands, what people type.

Two texts that look the same must be the same: a person's face, PIN and revocation hang on an id,
and a guard reads names off a screen.  So no text is taken that has characters which can't be seen
or that turn the direction of reading; docs/people.md lists them.  `clean` is for text that people
read, `id_flaw` for ids, `tidy` for what must not be refused, `fold` and `name_key` for comparing.
Standard library only.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache

from gateway.locale import GaritaError, Message, worded

MAX_TEXT = 200

# Controls, formats (zero-width, soft hyphen, byte order mark, bidirectional, tags), halves of
# characters, private and unassigned code points, separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# What Unicode calls default ignorable, or draws as nothing, in other categories: the grapheme
# joiner, fillers of Hangul, vowels of Khmer, variation selectors, the empty Braille cell, the
# place of an object.
_EMPTY = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc"
    "\U000e0100-\U000e01ef]"
)
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_INITIAL = re.compile(r"\b([^\W\d_])\. ?(?=[^\W\d_]\b)")
_POINTS = str.maketrans(".,", "  ")


class TextError(GaritaError):
    """A text can't be taken.  `code` is ``bad_text``, ``too_long`` or ``missing``; `message` says
    why, without the name of the field."""

    def __init__(self, code: str, message: Message) -> None:
        self.code, self.message = code, message
        super().__init__(message)


def flaw(text: str) -> Message | None:
    """Why `text` is not taken: the first character that can't be seen, turns the direction of
    reading, or is an accent without its letter; None for good text."""
    if text.isprintable() and not _EMPTY.search(text) and not any(map(unicodedata.combining, text)):
        return None  # most texts, quickly: a list has a million of them
    before = " "
    for place, char in enumerate(text, 1):
        if _unseen(char):
            return worded(
                "character {place} can't be seen (U+{code}); delete it or type the text anew",
                **_where(place, char),
            )
        if unicodedata.combining(char) and before.isspace():
            return worded(
                "character {place} is an accent without a letter (U+{code})",
                **_where(place, char),
            )
        before = char
    return None


def clean(value: str, *, most: int = MAX_TEXT, needed: bool = True) -> str:
    """`value` in Unicode's NFC with single spaces.

    `most` is the largest number of characters.  Raises TextError if it is longer, if it is empty
    and `needed`, or if it has a `flaw`.
    """
    if len(value) > 4 * most:  # checked first, so that huge text costs nothing
        raise _too_long(most)
    if found := flaw(value):
        raise TextError("bad_text", found)
    text = plain(value)
    if len(text) > most:
        raise _too_long(most)
    if needed and not text:
        raise TextError("missing", worded("is empty"))
    return text


def id_flaw(text: str) -> Message | None:
    """Why `text` can't be an id: a `flaw`, or a letter that is written from right to left, which
    shows the digits beside it in another order; None if it can."""
    if (found := flaw(text)) or text.isascii():
        return found
    for place, char in enumerate(text, 1):
        if unicodedata.bidirectional(char) in _RIGHT_TO_LEFT:
            return worded(
                "character {place} is written from right to left (U+{code}): not in an id",
                **_where(place, char),
            )
    return None


def tidy(value: object, most: int = MAX_TEXT) -> str:
    """`value` as text of at most `most` characters, with ``?`` for each that can't be seen.

    For text that comes with something which must not be refused, such as a lockdown's reason.
    """
    text = str(value)[: 4 * most]
    if text.isprintable() and not _EMPTY.search(text):  # most texts, quickly
        return " ".join(text.split())[:most]
    return " ".join("".join("?" if _unseen(char) else char for char in text).split())[:most]


def fold(text: str) -> str:
    """`text` for comparing: without case, accents and doubled blanks."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(itertools.filterfalse(unicodedata.combining, plain))
    return " ".join(text.lower().split())


@lru_cache(4096)  # a list has a quarter of a million people and a few companies
def name_key(name: str) -> str:
    """The name of a person or company for comparing: folded, and without points and commas.

    ``Transportes Águila, S.A. de C.V.`` and ``TRANSPORTES AGUILA SA DE CV`` have the same key.
    ``S A de C V`` without points has another one: its letters may be words.
    """
    key = fold(name)
    if "." in key or "," in key:
        key = " ".join(_INITIAL.sub(r"\1", key).translate(_POINTS).split())
    return key


def _where(place: int, char: str) -> dict[str, object]:
    return {"place": place, "code": f"{ord(char):04X}"}


def _unseen(char: str) -> bool:
    return unicodedata.category(char) in _UNSEEN or bool(_EMPTY.match(char))


def plain(text: str) -> str:
    """`text` in Unicode's NFC with single spaces; `flaw` has let it pass."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _too_long(most: int) -> TextError:
    return TextError("too_long", worded("longer than {n} characters", n=most))
