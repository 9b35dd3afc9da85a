"""Refusals at the desk: a stable code, and a sentence that is put into words where it is shown."""

from __future__ import annotations

from typing import Any

from gateway import GaritaError
from gateway.locale import Message


class DeskError(GaritaError):
    """The desk did not do what was asked, and nothing is half done.

    `code` is stable and documented.  `text` is a `Message`, or its English with ``{name}``
    placeholders that `facts` fill.  `serves` are the codes and event types whose criteria the
    refusal serves; by default its own code.
    """

    def __init__(
        self, code: str, text: str | Message, serves: tuple[str, ...] = (), **facts: Any
    ) -> None:
        self.code, self.serves = code, serves or (code,)
        self.message = text if isinstance(text, Message) else Message(text, facts)
        super().__init__(self.message.say("en"))

    def say(self, language: str | None = None) -> str:
        """The sentence in `language`, by default the one in use."""
        return self.message.say(language)


class NotFound(DeskError):
    """There is nothing of that number or name."""


class Conflict(DeskError):
    """Somebody else changed it in the meantime: look again, then decide again."""


class Unwritable(DeskError):
    """people.db can't be written or read."""
