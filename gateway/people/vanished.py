"""Access levels that people on the list in force hold and the configuration does not have.

Such a level opens nothing, so whoever changes the configuration should know of it.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from gateway.locale import ngettext


def vanished_levels(people: Path, known: Collection[str]) -> list[str]:
    """A sentence for each level that people of the list at `people` hold and that is not `known`,
    with how many they are; empty if there is no list or it can't be read, which others report."""
    held: Counter[str] = Counter()
    try:
        with closing(sqlite3.connect(f"{people.absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT access_levels, count(*) FROM person WHERE status = 'active' "
                "GROUP BY access_levels"
            )
            for levels, count in rows:
                for level in json.loads(levels):
                    held[str(level)] += count
    except (sqlite3.Error, ValueError, TypeError):
        return []
    return [
        ngettext(
            "the configuration has no level {level}, which {n} person on the list holds",
            "the configuration has no level {level}, which {n} people on the list hold",
            count,
        ).format(level=level, n=count)
        for level, count in sorted(held.items())
        if level not in known
    ]
