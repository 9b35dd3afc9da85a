"""Who must have signed: c2sp.org/tlog-policy.

An auditor's trust file.  It names the logs, the witnesses, groups of them, and the one group that
must have cosigned a checkpoint:

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <names...>
    quorum <name>|none
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.proof.checkpoint import Checkpoint, cosigned_at, open_checkpoint
from gateway.proof.note import COSIGNATURE, ED25519, Note, NoteError, VerifierKey

NONE = "none"
MOST_LINES = 10_000
# Space and tab alone part words, whatever else Unicode calls a space.
_BLANKS = re.compile(r"[ \t]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class PolicyError(ValueError):
    """The trust file is wrong; the message names the line."""


@dataclass(frozen=True, slots=True)
class Group:
    """At least `least` of `members` (witnesses or groups) must have signed."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trust:
    """What a trust file says.  `urls` are by the name of the log or witness."""

    logs: Mapping[str, VerifierKey]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str
    urls: Mapping[str, str] = field(default_factory=dict)

    def met(self, note: Note) -> bool:
        """Whether the quorum has cosigned this checkpoint.

        A cosignature that is wrong counts as none: nobody may make a good checkpoint worthless by
        adding a bad line to it.
        """
        return self.quorum == NONE or self._signed(self.quorum, note)

    def _signed(self, name: str, note: Note) -> bool:
        if name in self.witnesses:
            try:
                return cosigned_at(note, self.witnesses[name]) is not None
            except NoteError:
                return False
        group = self.groups[name]
        return sum(self._signed(member, note) for member in group.members) >= group.least

    def write(self) -> str:
        """The file: `parse` reads it as this."""
        lines = [f"log {key}{self._url(name)}" for name, key in self.logs.items()]
        lines += [f"witness {name} {key}{self._url(name)}" for name, key in self.witnesses.items()]
        lines += [
            f"group {name} {group.least} {' '.join(group.members)}"
            for name, group in self.groups.items()
        ]
        return "".join(f"{line}\n" for line in (*lines, f"quorum {self.quorum}"))

    def _url(self, name: str) -> str:
        return f" {self.urls[name]}" if name in self.urls else ""

    def open(self, note: Note) -> Checkpoint:
        """The checkpoint in a note, signed by a log that the file names and cosigned by the
        quorum.  Raises NoteError."""
        origin = note.text.split("\n", 1)[0]
        if (key := self.logs.get(origin)) is None:
            raise NoteError(f"the trust file does not name the log {origin}")
        checkpoint = open_checkpoint(note, key)
        if not self.met(note):
            raise NoteError("the witnesses that the trust file asks for have not signed")
        return checkpoint


def parse(text: str) -> Trust:
    """Read a trust file; raises PolicyError."""
    reading = _Reading()
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        raise PolicyError("the trust file is too long")
    for number, line in enumerate(lines, 1):
        if _CONTROL.search(line):
            raise PolicyError(f"line {number}: it holds a control character")
        words = [word for word in _BLANKS.split(line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reading.take(words)
        except (PolicyError, NoteError) as error:
            raise PolicyError(f"line {number}: {error}") from error
    return reading.trust()


class _Reading:
    """A trust file while it is read; a name must stand before it is used."""

    def __init__(self) -> None:
        self._logs: dict[str, VerifierKey] = {}
        self._witnesses: dict[str, VerifierKey] = {}
        self._groups: dict[str, Group] = {}
        self._urls: dict[str, str] = {}
        self._quorum = ""
        self._members: set[str] = set()

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                key = VerifierKey.parse(vkey)
                if key.kind != ED25519:
                    raise PolicyError("the key of a log can't be one for cosignatures")
                self._once(key, self._logs)
                if key.name in self._logs:
                    raise PolicyError(f"two logs are named {key.name}")
                self._logs[key.name] = key
                self._urls |= dict.fromkeys([key.name], *url) if url else {}
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._fresh(name)
                key = VerifierKey.parse(vkey)
                if key.kind != COSIGNATURE:
                    raise PolicyError("the key of a witness is one for cosignatures (type 0x04)")
                self._once(key, self._witnesses)
                self._witnesses[name] = key
                self._urls |= dict.fromkeys([name], *url) if url else {}
            case ["group", name, least, *members] if members:
                self._fresh(name)
                self._groups[name] = self._group(least, members)
            case ["quorum", name]:
                if self._quorum:
                    raise PolicyError("there is one quorum")
                if name != NONE and name not in self._witnesses | self._groups:
                    raise PolicyError(f"{name} is neither a witness nor a group above")
                self._quorum = name
            case _:
                raise PolicyError(f"a line that begins with {words[0]!r} is not understood")

    @staticmethod
    def _once(key: VerifierKey, known: Mapping[str, VerifierKey]) -> None:
        if any(key.public == other.public for other in known.values()):
            raise PolicyError("this key stands in the file twice")

    def _fresh(self, name: str) -> None:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise PolicyError(f"the name {name} is taken")

    def _group(self, least: str, members: list[str]) -> Group:
        known = self._witnesses | self._groups
        for member in members:
            if member not in known:
                raise PolicyError(f"{member} is neither a witness nor a group above")
            if member in self._members:
                raise PolicyError(f"{member} is a member already")
            self._members.add(member)
        if least in {"all", "any"}:
            return Group(len(members) if least == "all" else 1, tuple(members))
        if not (least.isascii() and least.isdigit()) or not 1 <= int(least) <= len(members):
            raise PolicyError(f"a group asks for all, any, or 1 to {len(members)} of its members")
        return Group(int(least), tuple(members))

    def trust(self) -> Trust:
        if not self._quorum:
            raise PolicyError("the trust file names no quorum (a group, or none)")
        return Trust(self._logs, self._witnesses, self._groups, self._quorum, self._urls)
