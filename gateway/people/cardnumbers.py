"""Badges on the list that no card can be: their numbers do not fit the format that they name.

Such a badge opens nothing, so it holds no list back; whoever keeps the list should know of it.  The
sentences name people and never a number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from drivers.readers.formats import Fault, Misfit, misfit
from gateway.decide.model import Credential
from gateway.locale import N_, Message, _

SHOWN = 5  # people who are named in one sentence

_SAID = {
    Fault.NO_FACILITY: N_("a badge of format {format} has no facility code: {people}"),
    Fault.FACILITY_MISSING: N_("a badge of format {format} has a facility code: {people}"),
    Fault.FACILITY_TOO_LARGE: N_(
        "no badge of format {format} has a facility code above {most}: {people}"
    ),
    Fault.NUMBER_TOO_LARGE: N_("no badge of format {format} has a number above {most}: {people}"),
}

_OF_ONE = {
    Fault.NO_FACILITY: N_("a badge of format {format} has no facility code"),
    Fault.FACILITY_MISSING: N_("a badge of format {format} has a facility code"),
    Fault.FACILITY_TOO_LARGE: N_("no badge of format {format} has a facility code above {most}"),
    Fault.NUMBER_TOO_LARGE: N_("no badge of format {format} has a number above {most}"),
}


def impossible(badges: Iterable[tuple[str, Credential]]) -> list[str]:
    """One sentence for each thing that is wrong, with the people who have such badges; `badges` are
    pairs of a person's id and a badge."""
    found: dict[tuple[str, Misfit], list[str]] = {}
    for person, badge in badges:
        wrong = misfit(badge.format, badge.facility, badge.number)
        if wrong is not None:
            found.setdefault((badge.format, wrong), []).append(person)
    return [_sentence(name, wrong, people) for (name, wrong), people in sorted(found.items())]


def flaw(badge: Credential) -> Message | None:
    """Why no card can be this badge, with the largest number that one can have; None if one can."""
    wrong = misfit(badge.format, badge.facility, badge.number)
    if wrong is None:
        return None
    return Message(_OF_ONE[wrong.fault], {"format": badge.format, "most": wrong.most})


def impossible_in_force(path: Path) -> list[str]:
    """The same of the list in force, in people.db at `path`; empty if there is no list, or if it
    can't be read, which others report."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT person_id, key FROM credential ORDER BY person_id").fetchall()
    except sqlite3.Error:
        return []
    return impossible((person, Credential(*key.split(":", 2))) for person, key in rows)


def _sentence(name: str, wrong: Misfit, people: list[str]) -> str:
    ids = list(dict.fromkeys(people))
    named = ", ".join(ids[:SHOWN])
    if len(ids) > SHOWN:
        named = _("{named} and {n} more").format(named=named, n=len(ids) - SHOWN)
    return _(_SAID[wrong.fault]).format(format=name, most=wrong.most, people=named)
