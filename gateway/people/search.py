"""Finds people of the list by what a guard types: beginnings of words, in any order.

`find` looks in the index `person_search` of people.db (schema version 15), which a sync keeps.
Case, accents and points do not matter.  A person is found by words of the name, of the id and of
the company.  Who has the typed words whole comes first, then who has them in the name or id, then
who has them in the company.

If nobody has the words as typed, `find` tries other spellings of the same sound (b and v, s, z and
c, y and ll ...), because a guard hears a name at a window.  If nobody has these either and digits
were typed, it looks for ids that end with them.

Standard library.  `find` raises RosterUnavailable if the list can't be read.
"""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gateway.locale.text import MAX_TEXT, fold
from gateway.people.lookup import SCHEMA_VERSION, RosterUnavailable
from gateway.people.standing import standing

MOST = 50  # people shown; who sees more than that types another word
CANDIDATES = 200  # people that are put in order
_WORDS = 8
_SPELLINGS = 64  # of one word
_CHANGES = 3  # in one of them
_DIGITS = 3  # at the end of an id

_SELECT = (
    "SELECT p.id, p.name, p.company, p.role, p.valid_from, p.valid_until, p.status, "
    "EXISTS (SELECT 1 FROM revocation r WHERE r.person_id = p.id) "
)
_BY_WORDS = _SELECT + (
    "FROM person_search f JOIN person p ON p.rowid = f.rowid WHERE person_search MATCH ? LIMIT ?"
)
_BY_END = _SELECT + (  # noqa: S608 - the inner query reads the index of ids alone
    "FROM person p WHERE p.id IN (SELECT id FROM person "
    "WHERE substr(id, -length(?1)) = ?1 LIMIT ?2)"
)
# Letters that sound alike in Mexico.
_ALIKE: Mapping[str, tuple[str, ...]] = {
    "ll": ("y",),
    "qu": ("k", "c"),
    "ph": ("f",),
    "sh": ("ch",),
    "ch": ("sh",),
    "s": ("z", "c"),
    "z": ("s", "c"),
    "c": ("s", "z", "k", "qu"),
    "k": ("c", "qu"),
    "b": ("v",),
    "v": ("b",),
    "g": ("j",),
    "j": ("g", "x"),
    "x": ("j", "s"),
    "y": ("i", "ll"),
    "i": ("y",),
    "f": ("ph",),
}
_SOUND = re.compile("|".join(sorted(_ALIKE, key=len, reverse=True)))


@dataclass(frozen=True, slots=True)
class Hit:
    """A person on the list: `standing` is a code of gateway/people/standing.py."""

    id: str
    name: str
    company: str
    role: str
    standing: str


@dataclass(frozen=True, slots=True)
class Hits:
    """Who was found, best first.  `more`: there are others; another word would tell them apart.
    `guessed`: nobody has the words as they were typed, and these sound or end alike."""

    people: tuple[Hit, ...] = ()
    more: bool = False
    guessed: bool = False


def find(path: Path, typed: str, today: date, most: int = MOST) -> Hits:
    """The people of `path` (people.db) whom `typed` means, at most `most`; nobody for text without
    a letter or digit.  `today` is the day at the site, for their standing."""
    words = re.findall(r"[^\W_]+", fold(typed[:MAX_TEXT]))[:_WORDS]
    if not words or not path.exists():
        return Hits()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("PRAGMA busy_timeout = 2000")
            if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                raise RosterUnavailable(f"{path.name}: schema")
            return _find(db, words, typed.strip(), today, most)
    except sqlite3.Error as error:
        raise RosterUnavailable(f"{path.name}: {error}") from error


@contextmanager
def kept(db: sqlite3.Connection, *, gone: Collection[str], come: Collection[str]) -> Iterator[None]:
    """Keep the index true while people are written, in the caller's transaction.

    `gone` are the ids of people who leave or are renamed, `come` of those who are new or renamed.
    All of them go in two statements and by the numbers of their rows, since FTS5 writes a part of
    its index after each statement, and at each number that is smaller than the one before.
    """
    db.execute(
        "INSERT INTO person_search (person_search, rowid, id, name, company) "
        "SELECT 'delete', rowid, id, name, company FROM person "
        "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY rowid",
        (json.dumps(list(gone)),),
    )
    yield
    db.execute(
        "INSERT INTO person_search (rowid, id, name, company) "
        "SELECT rowid, id, name, company FROM person "
        "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY rowid",
        (json.dumps(list(come)),),
    )


def _find(db: sqlite3.Connection, words: Sequence[str], typed: str, today: date, most: int) -> Hits:
    found: dict[str, Hit] = {}
    for hits in _as_typed(db, words, typed, today):
        for hit in sorted(hits, key=lambda hit: (fold(hit.name), hit.id)):
            found.setdefault(hit.id, hit)
        if len(found) > most:
            break
    guessed = not found
    if not found:
        groups = [_spellings(word) for word in words]
        query = " AND ".join(f"({' OR '.join(map(_begins, group))})" for group in groups)
        hits = _rows(db, _BY_WORDS, query, today)
        if not hits and len(words) == 1 and words[0].isdigit() and len(words[0]) >= _DIGITS:
            hits = _rows(db, _BY_END, words[0], today)
        for hit in sorted(hits, key=lambda hit: (fold(hit.name), hit.id)):
            found[hit.id] = hit
    people = tuple(found.values())
    return Hits(people[:most], len(people) > most, guessed and bool(people))


def _as_typed(
    db: sqlite3.Connection, words: Sequence[str], typed: str, today: date
) -> Iterator[list[Hit]]:
    """People by how well they fit, the best first."""
    yield _rows(db, _SELECT + "FROM person p WHERE p.id = ? LIMIT ?", typed, today)
    begins = " AND ".join(map(_begins, words))
    anywhere = _rows(db, _BY_WORDS, begins, today)
    named = [hit for hit in anywhere if _fits(words, f"{hit.id} {hit.name}")]
    if len(anywhere) == CANDIDATES:  # there are more, and they may fit better
        whole = " AND ".join(map(_whole, words))
        yield _rows(db, _BY_WORDS, f"{{id name}} : ({whole})", today)
        if len(named) < CANDIDATES:
            named += _rows(db, _BY_WORDS, f"{{id name}} : ({begins})", today)
    else:
        yield [hit for hit in named if _fits(words, f"{hit.id} {hit.name}", whole=True)]
    yield named
    yield anywhere


def _fits(words: Sequence[str], text: str, *, whole: bool = False) -> bool:
    """Whether each of `words` is a word of `text`, or (unless `whole`) the beginning of one."""
    held = re.findall(r"[^\W_]+", fold(text))
    return all(any(h == word or (not whole and h.startswith(word)) for h in held) for word in words)


def _rows(db: sqlite3.Connection, sql: str, value: str, today: date) -> list[Hit]:
    return [
        Hit(key, name, company, role, standing(status, revoked, first, last, today))
        for key, name, company, role, first, last, status, revoked in db.execute(
            sql, (value, CANDIDATES)
        )
    ]


def _whole(word: str) -> str:
    """A word for FTS5; in quotes nothing of it is an operator."""
    return f'"{word}"'


def _begins(word: str) -> str:
    return f'"{word}"*'


def _spellings(word: str) -> list[str]:
    """`word` and other spellings of the same sound, those with the fewest changes first."""
    found = dict.fromkeys(itertools.islice(_spelled(word), _SPELLINGS))
    if word[0] in "aeiou":  # an h is silent
        found |= dict.fromkeys(f"h{text}" for text in tuple(found))
    elif word.startswith("h"):
        found |= dict.fromkeys(text[1:] for text in tuple(found))
    return [text for text in found if text]


def _spelled(word: str) -> Iterator[str]:
    yield word
    parts, places, at = [], [], 0
    for match in _SOUND.finditer(word):
        parts += [word[at : match.start()], match.group()]
        places.append(len(parts) - 1)
        at = match.end()
    parts.append(word[at:])
    for changes in range(1, _CHANGES + 1):
        for chosen in itertools.combinations(places, changes):
            for others in itertools.product(*(_ALIKE[parts[place]] for place in chosen)):
                changed = dict(zip(chosen, others, strict=True))
                yield "".join(changed.get(n, part) for n, part in enumerate(parts))
