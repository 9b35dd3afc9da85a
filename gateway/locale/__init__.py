"""Words for people, in their language: gettext catalogues, with the English of the code as the key.

The code says `_("badge {badge} is lost").format(badge=shown)`; `use("es")` makes every later
`_()` in this process answer in Spanish.  A catalogue is `<language>/LC_MESSAGES/garita.po`; `make
setup` and `make locale` compile it to the `.mo` that is read here.  What a catalogue lacks comes
out in English.  Records, topics and files hold codes and never these words.

An error that may cross a process or be shown twice carries a `Message`: the English with its
facts, put into words where somebody reads it.
"""

from __future__ import annotations

import gettext as _gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class GaritaError(Exception):
    """The root of all errors that this program raises on purpose.  It stands here because each of
    them has words for people: `str(error)` says them in the language in use."""


DOMAIN = "garita"
HERE = Path(__file__).parent
LANGUAGES = (
    "en",
    *sorted(path.parent.parent.name for path in HERE.glob("*/LC_MESSAGES/garita.po")),
)
"""The languages that have a catalogue, English first."""

_catalogues: dict[str, _gettext.NullTranslations] = {"en": _gettext.NullTranslations()}
_current: _gettext.NullTranslations = _catalogues["en"]
_language = "en"
_spoken: ContextVar[str] = ContextVar("garita_language", default="")


def catalogue(language: str) -> _gettext.NullTranslations:
    """The words of one language; English for a language without a catalogue."""
    if language not in _catalogues:
        _catalogues[language] = _gettext.translation(DOMAIN, HERE, [language], fallback=True)
    return _catalogues[language]


def use(language: str) -> None:
    """Say everything from now on in `language` (``en`` or ``es``).  Process-wide: a command calls
    it once, before it says anything; a server for people of many languages uses `speaking`."""
    global _current, _language
    _current, _language = catalogue(language), language
    # Click and Typer look their own words up in the default domain, by the environment.
    os.environ["LANGUAGE"] = language
    _gettext.bindtextdomain(DOMAIN, HERE)
    _gettext.textdomain(DOMAIN)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Inside it this task or thread, and what it starts, says everything in `language`."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def language() -> str:
    """The language in use: ``en`` or ``es``."""
    return _spoken.get() or _language


def _in_use() -> _gettext.NullTranslations:
    spoken = _spoken.get()
    return catalogue(spoken) if spoken else _current


def _(message: str) -> str:
    """`message` in the language in use.  Placeholders stand as ``{name}`` for `str.format`."""
    return _in_use().gettext(message) if message else ""


def ngettext(one: str, many: str, n: int) -> str:
    """`one` or `many` in the language in use, by its rule of plurals for `n`."""
    return _in_use().ngettext(one, many, n)


def pgettext(context: str, message: str) -> str:
    """Like `_` for a word that means different things in different places."""
    return _in_use().pgettext(context, message)


def N_(message: str) -> str:
    """Mark `message` for the catalogues where it is defined; show it by `_()`."""
    return message


# What the operating system says of a file or a port; it says it in English (strerror, LC_ALL=C).
SYSTEM = frozenset(
    {
        N_("No such file or directory"),
        N_("Permission denied"),
        N_("Input/output error"),
        N_("No such device"),
        N_("File exists"),
        N_("Is a directory"),
        N_("Not a directory"),
        N_("No space left on device"),
        N_("Read-only file system"),
        N_("Operation not permitted"),
        N_("Connection refused"),
    }
)


def system(error: str | None) -> str:
    """What the operating system said, in the language in use if we know it."""
    return _(error) if error in SYSTEM else str(error or "")


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence and its facts.  `text` is English with ``{name}`` placeholders, marked by `N_`;
    a fact may be a `Message`, or a tuple of them, which is then said in the same language.
    `context` tells apart uses of one English word (`in_context`)."""

    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    context: str = ""

    def words(self, language: str | None = None) -> str:
        """The text alone, with its placeholders, in `language`."""
        words = _in_use() if language is None else catalogue(language)
        if self.context:
            return words.pgettext(self.context, self.text)
        return words.gettext(self.text) if self.text else ""

    def say(self, language: str | None = None) -> str:
        """The sentence in `language`, by default the one in use."""
        facts = {name: _said(fact, language) for name, fact in self.facts.items()}
        return self.words(language).format(**facts)

    def __str__(self) -> str:
        return self.say()


@dataclass(frozen=True)
class Given(Message):
    """Words that a data file gives in two languages, as a `Message`: `text` is English."""

    es: str = ""

    def say(self, language: str | None = None) -> str:
        """The text in `language`, by default the one in use."""
        return choose((self.text, self.es), language)


def _said(fact: Any, language: str | None) -> Any:
    if isinstance(fact, Message):
        return fact.say(language)
    if isinstance(fact, tuple):
        return "; ".join(str(_said(item, language)) for item in fact)
    if isinstance(fact, str) and fact in SYSTEM:
        return Message(fact).words(language)
    return fact


def worded(text: str, /, **facts: Any) -> Message:
    """A `Message`, marked for the catalogues: `SomeError(worded("no {thing}", thing=name))`."""
    return Message(text, facts)


def in_context(context: str, text: str) -> Message:
    """A `Message` for a word that means different things in different places, marked for the
    catalogues: a visit and a truck are both ``expected``."""
    return Message(text, context=context)


def english(error: BaseException | Message) -> str:
    """What an error says, in English, for a record: people may see it in another language."""
    said = error if isinstance(error, Message) else next(iter(error.args), None)
    return said.say("en") if isinstance(said, Message) else str(error)


Words = tuple[str, str]
"""English and Spanish, as a site's own files give them (titles of areas, points of checklists)."""


def choose(words: Words, language: str | None = None) -> str:
    """Of words that a site gave in two languages those of `language`, by default the one in use;
    for a third one, what its catalogue has for the English."""
    spoken = language or _spoken.get() or _language
    if spoken == "es":
        return words[1]
    return catalogue(spoken).gettext(words[0]) if words[0] else ""
