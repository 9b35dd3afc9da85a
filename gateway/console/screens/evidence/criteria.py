"""The criteria of the site's set by chapter, to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from gateway.config import Settings
from gateway.locale import language


@dataclass(frozen=True, slots=True)
class Group:
    """The criteria of one chapter: its number, and each criterion's id and title."""

    number: str
    items: tuple[tuple[str, str], ...]


def criteria_of(settings: Settings) -> list[Group]:
    """The criteria of the site's set by chapter, titles in the language in use."""
    items = settings.criteria.criteria.values()
    return [
        Group(
            number,
            tuple((one.id, one.title.get(language(), one.title["en"])) for one in chapter),
        )
        for number, chapter in groupby(items, key=lambda one: one.id.partition(".")[0])
    ]
