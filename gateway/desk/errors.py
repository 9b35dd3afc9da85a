"""Refusals at the desk: a stable code, and words in both languages."""

from __future__ import annotations

from gateway import GaritaError

Words = tuple[str, str]
"""A sentence in English and in Spanish."""


class DeskError(GaritaError):
    """What was asked is not done, and nothing is half done.  `code` is stable; `words` says why
    in both languages; `serves` are the codes and event types whose criteria the refusal
    serves; () is its own code."""

    def __init__(self, code: str, en: str, es: str, serves: tuple[str, ...] = ()) -> None:
        self.code, self.words, self.serves = code, (en, es), serves or (code,)
        super().__init__(en)

    def say(self, language: str) -> str:
        return self.words[1 if language == "es" else 0]


class NotFound(DeskError):
    """There is nothing of that number or name."""


class Conflict(DeskError):
    """Somebody else changed it in the meantime: look again, then decide again."""


class Unwritable(DeskError):
    """people.db can't be written or read."""
