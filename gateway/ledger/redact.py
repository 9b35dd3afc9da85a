"""Takes a person out of archived records, and leaves chain, tree and proofs as they are.

A record that mentions the person is replaced by what is left of it (`rest`) and two digests of what
it was: SHA-256 of its body, which the chain takes in, and its leaf in the tree.  So all hashes and
all checkpoints stay good.  What is left is the gateway's word: a record of the act
(`ledger.redacted`) says who asked and why, and has the SHA-256 of each `rest`, so nobody can change
what is left unseen.

What goes, in a record that mentions the person by id or name (docs/privacy.md has the table):

- the id and each name, wherever they stand, also inside a text;
- every value of an object that describes them (`person`, `visitor`, `driver`, ...);
- if the record is about them: badge, face, picture, company, telephone, note and the like.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.ledger import chain
from gateway.ledger.archives import Archive, Archives
from gateway.ledger.errors import LedgerDamaged
from gateway.ledger.kept import Kept, Redaction
from gateway.ledger.segment import Segment, SegmentWriter
from gateway.locale import worded
from gateway.proof.merkle import Frontier
from gateway.vault.files import new_file, sync_folder

GONE = "[redacted]"
PER_RECORD = 200
"""So many redacted records are named by one `ledger.redacted`: it must fit a proof of 64 KB."""
LEAST = 3  # letters; a shorter name would be found inside other words
_DESCRIBES = frozenset(
    {"person", "visitor", "driver", "escort", "host", "holder", "contact", "owner", "duplicate_of"}
)
_THEIRS = frozenset(
    {
        *("badge", "badge_out", "company", "consent", "contact", "credential", "document", "email"),
        *("face", "licence", "license", "name", "note", "number", "phone", "photo", "picture"),
        *("plate", "quality", "telephone"),
    }
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is to be taken out: the id on the personnel list, and the names."""

    id: str
    names: frozenset[str] = frozenset()

    def texts(self) -> tuple[str, ...]:
        """What stands in a record that may mention them."""
        return tuple(json.dumps(one, ensure_ascii=False)[1:-1] for one in (self.id, *self.names))


@dataclass(slots=True)
class Plan:
    """What is left of each record that mentions somebody, by archive and number."""

    act: str
    rests: dict[str, dict[int, str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(len(found) for found in self.rests.values())

    def told(self) -> Iterator[list[list[Any]]]:
        """Numbers with SHA-256 of what is left, for the records of the act."""
        every = [
            [seq, hashlib.sha256(rest.encode()).hexdigest()]
            for found in self.rests.values()
            for seq, rest in sorted(found.items())
        ]
        for start in range(0, len(every), PER_RECORD):
            yield every[start : start + PER_RECORD]


def names_of(archives: Archives, person_id: str) -> frozenset[str]:
    """The names that archived records give to a person."""
    found: set[str] = set()
    for kept in archives.holding(json.dumps(person_id, ensure_ascii=False)):
        _names(json.loads(kept.body)["data"], person_id, found)
    return frozenset(name for name in found if len(name) >= LEAST and name != GONE)


def plan(archives: Archives, person: Person, act: str) -> Plan:
    """What would be left of each archived record that mentions `person`.

    A record that says so itself (`ledger.redacted`) is not touched, nor is the first of an origin.
    """
    made = Plan(act)
    for one in archives.all:
        if one.deleted:
            continue
        for kept in archives.segment(one).holding(*person.texts()):
            rest = rest_of(kept.body, person)
            if rest != kept.body:
                made.rests.setdefault(one.file, {})[kept.seq] = rest
    return made


def rest_of(body: str, person: Person) -> str:
    """What is left of a record's body; the body itself if it does not mention the person."""
    item = json.loads(body)
    if item["type"] in ("ledger.created", "ledger.redacted"):
        return body
    about = item["subject"] == person.id or _about(item["data"], person)
    item["subject"] = _text(item["subject"], person)
    item["data"] = _value(item["data"], person)
    if about:
        item["data"] = {
            key: _blank(value) if key in _THEIRS else value for key, value in item["data"].items()
        }
    return chain.canonical(item)


def carry_out(archives: Archives, made: Plan) -> int:
    """Replace the records of a plan; returns how many.  Call it when the act is on record.

    Each archive is written anew beside the old one, read again, held against the tree and chain as
    they were, and only then put in its place.  Whoever is interrupted does it again.  Raises
    LedgerUnavailable and OSError.
    """
    done = 0
    for one in archives.all:
        rests = made.rests.get(one.file)
        if rests:
            with closing(Segment(archives.path(one))) as segment:
                _rewrite(segment, one, rests, made.act)
            done += len(rests)
    archives.close()
    return done


def _rewrite(segment: Segment, one: Archive, rests: Mapping[int, str], act: str) -> None:
    begin = segment.first - segment.opening.origin
    tree = Frontier(begin, segment.opening.subtrees)
    new = segment.path.with_name(f".{segment.path.name}.new")
    new.unlink(missing_ok=True)
    with new_file(new) as part:
        with part.open("wb") as file:
            writer = SegmentWriter(file, segment.opening)
            for kept in segment.rows(segment.first, segment.last):
                rest = rests.get(kept.seq)
                writer.add(kept if rest is None else _redacted(kept, rest, act))
                tree.add(kept.leaf)
            writer.finish(segment.closing.consistency, segment.closing.checkpoints)
            file.flush()
            os.fsync(file.fileno())
        same = tree.roots == [one.roots[at : at + 32] for at in range(0, len(one.roots), 32)]
        _compare(part, segment, good=same and writer.closing.hash == one.hash)
    new.replace(segment.path)
    sync_folder(segment.path.parent)


def _compare(path: Path, old: Segment, *, good: bool) -> None:
    """The new archive has the same hashes and leaves as the old one.  Raises LedgerDamaged."""
    with closing(Segment(path)) as new:
        pairs = zip(old.rows(old.first, old.last), new.rows(new.first, new.last), strict=True)
        if not good or any((a.hash, a.leaf) != (b.hash, b.leaf) for a, b in pairs):
            raise LedgerDamaged(worded("{path} does not hold what was written to it", path=path))


def _redacted(kept: Kept, rest: str, act: str) -> Kept:
    """A record that was redacted before keeps the digests of what it was first."""
    gone = Redaction(act, kept.digest, kept.leaf, kept.old)
    return Kept(kept.seq, rest, kept.hash, kept.prev, gone, kept.old)


def _names(value: object, person_id: str, found: set[str]) -> None:
    if isinstance(value, dict):
        if value.get("id") == person_id and isinstance(value.get("name"), str):
            found.add(value["name"])
        for inner in value.values():
            _names(inner, person_id, found)
    elif isinstance(value, list):
        for inner in value:
            _names(inner, person_id, found)


def _about(data: Mapping[str, Any], person: Person) -> bool:
    """Whether a record is about the person: it describes them, or has their id as its own."""
    return any(
        value == person.id or (isinstance(value, dict) and mentions(value, person))
        for key, value in data.items()
        if key in _DESCRIBES
    )


def mentions(value: object, person: Person) -> bool:
    """Whether the id or a name of the person is a value in there."""
    if isinstance(value, str):
        return value == person.id or value in person.names
    if isinstance(value, dict):
        return any(mentions(inner, person) for inner in value.values())
    return isinstance(value, list) and any(mentions(inner, person) for inner in value)


def _value(value: object, person: Person) -> Any:
    if isinstance(value, str):
        return _text(value, person)
    if isinstance(value, list):
        return [_value(inner, person) for inner in value]
    if isinstance(value, dict):
        return {
            _text(key, person): _blank(inner)
            if key in _DESCRIBES and isinstance(inner, dict) and mentions(inner, person)
            else _value(inner, person)
            for key, inner in value.items()
        }
    return value


def _text(text: str, person: Person) -> str:
    if text == person.id:
        return GONE
    for name in sorted(person.names, key=len, reverse=True):
        text = text.replace(name, GONE)
    return text


def _blank(value: object) -> Any:
    """The same form without what it said."""
    if isinstance(value, dict):
        return {key: _blank(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blank(inner) for inner in value]
    return GONE if isinstance(value, str) and value else None
