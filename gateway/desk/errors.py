"""Refusals at the desk: a stable code, and a sentence that is translated where it is shown."""

from __future__ import annotations

from typing import Any

from gateway.locale import GaritaError, Message


class DeskError(GaritaError):
    """The desk refused an act; it did nothing of it.

    `code` is stable (docs/visitors.md lists all).  `text` is a `Message`, or its English with
    ``{name}`` placeholders that `facts` fill.  `serves` names the codes and event types that decide
    which criteria this refusal is evidence for; by default its own code.
    """

    def __init__(
        self, code: str, text: str | Message, serves: tuple[str, ...] = (), **facts: Any
    ) -> None:
        self.code, self.serves = code, serves or (code,)
        self.message = text if isinstance(text, Message) else Message(text, facts)
        super().__init__(self.message)

    def say(self, language: str | None = None) -> str:
        """The sentence in `language`, by default the one in use."""
        return self.message.say(language)


class NotFound(DeskError):
    """Nothing has that number or name."""


class Held(DeskError):
    """The desk held it; a second person can let it pass."""


class Conflict(DeskError):
    """Somebody else changed it in the meantime: the operator has to look again."""


class Unwritable(DeskError):
    """The program can't write or read people.db."""
