"""The screens that an operator sees in the menu, by their roles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gateway.console.roles import ADMINISTRATORS, AUDITORS, EVERYBODY, GUARDS, PEOPLE, WATCHERS
from gateway.locale import N_


@dataclass(frozen=True, slots=True)
class Entry:
    """A screen: its address, its name (English; show it with `_`), its icon in icons.svg."""

    path: str
    title: str
    icon: str
    roles: frozenset[str]


ENTRIES = (
    Entry("/", N_("Live"), "live", WATCHERS),
    Entry("/alarms", N_("Alarms"), "alarm", WATCHERS),
    Entry("/visitors", N_("Visitors"), "visitor", WATCHERS),
    Entry("/trucks", N_("Trucks"), "truck", WATCHERS),
    Entry("/people", N_("People"), "people", EVERYBODY),
    Entry("/devices", N_("Devices"), "device", WATCHERS),
    Entry("/shift", N_("Shift"), "shift", GUARDS),
    Entry("/records", N_("Records"), "record", WATCHERS),
    Entry("/evidence", N_("Evidence"), "evidence", AUDITORS),
    Entry("/patterns", N_("Patterns"), "pattern", AUDITORS),
    Entry("/lists", N_("Lists"), "list", PEOPLE),
    Entry("/accounts", N_("Accounts"), "account", ADMINISTRATORS),
)


def menu(path: str, roles: Collection[str], known: Collection[str]) -> list[tuple[Entry, bool]]:
    """The entries for somebody with `roles`, each with whether it is the one of `path`; `known`
    are the addresses that there are."""
    return [
        (entry, entry.path == path or (entry.path != "/" and path.startswith(entry.path)))
        for entry in ENTRIES
        if entry.path in known and not entry.roles.isdisjoint(roles)
    ]
