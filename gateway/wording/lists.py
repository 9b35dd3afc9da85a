"""What a list changes, and what it would have done in the past, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.locale import N_, Message, _, in_context
from gateway.people.sync.rehearsal import Shift
from gateway.wording import text, words
from gateway.wording.details import detail

_OPS = {
    "added": in_context("person", "added"),
    "changed": in_context("person", "changed"),
    "removed": in_context("person", "removed"),
}
_KINDS = {"sync": N_("sync"), "delta": N_("changes"), "rollback": N_("rollback")}

_TRIPWIRES = {
    "empty": N_("Nobody is on the list"),
    "removed": N_("Many people go"),
    "losing_access": N_("Many people lose access"),
    "added": N_("Many people are new"),
    "widened": N_("Many people get more access"),
    "missing_column": N_("A column is missing"),
    "stranded": N_("People inside would not get out"),
    "badge_reissued": N_("A badge goes to somebody else soon"),
    "older": N_("Older than the list in force"),
    "rolled_back": N_("This list was rolled back before"),
    "similar_ids": N_("Ids that are nearly the same"),
}


def tripwire(name: str) -> str:
    """The title of what holds a list back."""
    return _(_TRIPWIRES.get(name, name))


def tripwire_message(name: str) -> Message | str:
    """The same as a fact of a sentence, in the language in which that is said."""
    return Message(_TRIPWIRES[name]) if name in _TRIPWIRES else name


def op(code: str) -> str:
    """What became of a person: added, changed or removed."""
    return _OPS[code].say()


def kind(code: str, to_version: int | None) -> str:
    """How a version of the list came about; `to_version` is that of a rollback."""
    said = _(_KINDS.get(code, N_("sync")))
    return said + (_(" to {n}").format(n=to_version) if to_version else "")


def cell(entry: Mapping[str, Any] | None, name: str) -> str:
    """A field of an entry (gateway/people/sync/history.py's `shown`) as text."""
    value = entry[name] if entry else None
    if isinstance(value, list):
        return ", ".join(value) or _("none")
    if isinstance(value, dict):
        good = _("for good")
        return ", ".join(f"{kind} {day or good}" for kind, day in value.items()) or _("none")
    if name == "status" and value:
        return words.word(value)
    return str(value or _("none"))


def now(shift: Shift) -> str:
    """What a new list does to a person at a door."""
    return _("refused") if shift.now == "refused" else _("let in")


def why(shift: Shift) -> str:
    """The reason of the new answer; for somebody who is let in the rule, and the reason before."""
    reason = text.reason(shift.was if shift.now == "let_in" else shift.reason)
    if shift.now == "let_in":
        return _("{rule} (was: {why})").format(rule=detail(shift.rule), why=reason)
    return f"{reason} ({detail(shift.rule)})" if shift.rule else reason
