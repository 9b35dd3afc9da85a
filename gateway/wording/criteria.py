"""The criteria that a record or a decision serves, in words.

A record of the first table of criteria is never changed.  What it names is shown with the number
of today beside it: "5.29 (old table; now 5.8)".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.config import Settings
from gateway.config.criteria.editions import Named
from gateway.locale import _, language


def number(item: Named) -> str:
    """The number, and which number of today it stands for, if that is another one."""
    if not item.moved:
        return item.id
    return _("{old} (old table; now {new})").format(old=item.id, new=", ".join(item.now))


def numbers(found: Iterable[Named]) -> str:
    """All on one line, such as ``9.4, 9.7 (old table; now 9.8)``."""
    return ", ".join(number(item) for item in found)


def lines(settings: Settings, found: Iterable[Named]) -> Iterator[str]:
    """One line for each, with its title of today in the language in use; a criterion that the
    site's set does not have stands without a title."""
    for item in found:
        titles = [
            known.title.get(language(), known.title["en"])
            for new in item.now
            if (known := settings.criteria.criteria.get(new)) is not None
        ]
        yield "  ".join(filter(None, (number(item), "; ".join(titles))))
