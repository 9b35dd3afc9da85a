"""The life of a finding of the patterns (gateway/patterns), as records `pattern.finding` say it.

    new -> looked_at -> explained | confirmed -> acted_upon

Each step is a record with who did it.  Whoever explains a finding says why in words; whoever acts
upon it says what was done.  A finding that was explained may be confirmed later, and the other way
round; it never becomes new again.  Everything comes from the log and the outbox, so it is the same
on every machine that has them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.desk.act import writing
from gateway.desk.errors import Conflict, DeskError, NotFound
from gateway.desk.fromlog import outbox
from gateway.desk.text import clean
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType
from gateway.ledger.operator import Operator
from gateway.locale import N_, Message, language
from gateway.people.schema import put_event
from gateway.vault.statefile import Damage

STATES = ("new", "looked_at", "explained", "confirmed", "acted_upon")
TITLES: Mapping[str, str] = {
    "new": N_("nobody looked at it yet"),
    "looked_at": N_("it was looked at"),
    "explained": N_("it was explained"),
    "confirmed": N_("it was confirmed"),
    "acted_upon": N_("it was acted upon"),
}
USEFUL = ("confirmed", "acted_upon")
_AFTER: Mapping[str, tuple[str, ...]] = {
    "new": ("looked_at", "explained", "confirmed", "acted_upon"),
    "looked_at": ("explained", "confirmed", "acted_upon"),
    "explained": ("confirmed", "acted_upon"),
    "confirmed": ("explained", "acted_upon"),
    "acted_upon": (),
}
_WORDS_NEEDED = ("explained", "acted_upon")
_FAR = 4_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """One record of a finding's life: the state that it got, by whom (account and name), when (as
    records have times), the note, and the record's number (0: still in the outbox)."""

    state: str
    by: str
    by_name: str
    at: str
    note: str
    seq: int


@dataclass(frozen=True, slots=True)
class Known:
    """A finding as the log has it.

    `words` and each of `shares` have a text by language; `bits` is the score; `about` names what it
    is about; `records` are the numbers of the records that show it; `steps` begin with the oldest.
    """

    id: str
    detector: str
    day: str
    bits: float
    words: Mapping[str, str]
    shares: tuple[tuple[Mapping[str, str], float], ...]
    about: Mapping[str, str]
    records: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def state(self) -> str:
        return self.steps[-1].state

    @property
    def shown_at(self) -> str:
        """When it was put before people, as records have times."""
        return self.steps[0].at

    @property
    def may(self) -> tuple[str, ...]:
        """The states that it may get now."""
        return _AFTER.get(self.state, ())

    @property
    def useful(self) -> bool:
        """Whether people found it worth its place."""
        return self.state in USEFUL

    def say(self) -> str:
        """Its reason in the language in use."""
        return said(self.words)


def said(words: Mapping[str, str]) -> str:
    """Of a text by language the one in use, else English."""
    return words.get(language()) or words.get("en", "")


def known(
    db: sqlite3.Connection, reader: LedgerReader, *, since: str = "", most: int = _FAR
) -> dict[str, Known]:
    """All findings on record by id, in the order in which they were shown.

    `since` (RFC 3339 in UTC) ends the search where older records begin; it looks at the newest
    `most` records at most.  Raises LedgerUnavailable.
    """
    newest = list(reader.back(EventType.PATTERN_FINDING, since=since, most=most))
    found: dict[str, Known] = {}
    for event in (*reversed(newest), *outbox(db, (EventType.PATTERN_FINDING,))):
        take(found, event)
    return found


def take(found: dict[str, Known], event: Event) -> None:
    """Take one more record `pattern.finding` into `found`; one of another form changes nothing."""
    data = event.data
    name, state = data.get("finding"), data.get("state")
    if not isinstance(name, str) or state not in STATES:
        return
    step = Step(
        str(state),
        str(data.get("by") or ""),
        str(data.get("by_name") or data.get("by") or ""),
        event.time,
        str(data.get("note") or ""),
        event.seq,
    )
    before = found.get(name)
    if before is None:
        try:
            found[name] = _begun(name, data, step)
        except (TypeError, ValueError, KeyError):
            return
    elif step.seq == 0 or all(step.seq != one.seq for one in before.steps):
        found[name] = Known(
            before.id,
            before.detector,
            before.day,
            before.bits,
            before.words,
            before.shares,
            before.about,
            before.records,
            (*before.steps, step),
        )


def put_new(
    db: sqlite3.Connection, reader: LedgerReader, items: Iterable[Mapping[str, Any]], *, by: str
) -> list[str]:
    """Put findings before people; returns the ids of those that were not on record yet.

    Each item has `finding` (the id), `detector`, `day`, `bits`, `words`, `shares`, `about`,
    `records`.  Raises Unwritable and LedgerUnavailable.
    """
    wanted = list(items)
    made: list[str] = []
    if not wanted:
        return made
    with writing(db):
        there = known(db, reader)
        for item in wanted:
            if item["finding"] in there or item["finding"] in made:
                continue
            data = {**item, "state": "new", "note": "", "by": by}
            put_event(db, EventType.PATTERN_FINDING, str(item["finding"]), data)
            made.append(str(item["finding"]))
    return made


def put_damage(db: sqlite3.Connection, damage: Damage) -> None:
    """Put on record that the patterns' file was damaged.  Raises Unwritable."""
    data = {"detail": damage.detail, "done": damage.done, "aside": damage.aside}
    with writing(db):
        put_event(db, EventType.STATE_DAMAGED, damage.file, data)


def move(
    db: sqlite3.Connection,
    reader: LedgerReader,
    finding: str,
    state: str,
    *,
    by: Operator,
    note: str = "",
) -> Known:
    """Give a finding its next state; returns it as it is then.

    The same step twice (a double tap) is one.  Raises DeskError (`unknown_word`, `text_missing`),
    NotFound (`no_finding`), Conflict (`finding_state`), Unwritable.
    """
    if state not in STATES[1:]:
        raise DeskError("unknown_word", "a finding is one of {names}", names=", ".join(STATES[1:]))
    words = clean(note, N_("note"), most=500, needed=state in _WORDS_NEEDED)
    with writing(db):
        one = known(db, reader).get(finding)
        if one is None:
            raise NotFound("no_finding", "there is no finding {id}", id=finding[:40])
        if one.state == state and one.steps[-1].by == str(by):
            return one
        if state == "looked_at" and one.state != "new":
            return one  # somebody was faster, and more is known by now
        if state not in one.may:
            raise Conflict(
                "finding_state",
                "finding {id}: {state} already",
                id=one.id,
                state=Message(TITLES[one.state]),
            )
        data = {
            "finding": one.id,
            "detector": one.detector,
            "state": state,
            "day": one.day,
            "bits": one.bits,
            "words": dict(one.words),
            "shares": [[dict(text), bits] for text, bits in one.shares],
            "about": dict(one.about),
            "records": list(one.records),
            "note": words,
            "by": by,
        }
        put_event(db, EventType.PATTERN_FINDING, one.id, data)
        return known(db, reader)[finding]


def _begun(name: str, data: Mapping[str, Any], step: Step) -> Known:
    shares = data.get("shares") or ()
    return Known(
        name[:40],
        str(data["detector"]),
        str(data["day"]),
        float(data.get("bits") or 0.0),
        _by_language(data["words"]),
        tuple((_by_language(words), float(bits)) for words, bits in shares),
        {str(key): str(value) for key, value in (data.get("about") or {}).items()},
        tuple(int(seq) for seq in data.get("records") or ()),
        (step,),
    )


def _by_language(words: Any) -> Mapping[str, str]:
    return {str(key): str(value) for key, value in dict(words).items()}
