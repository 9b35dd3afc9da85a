"""Who may pass: the authorized-personnel list.

`Roster` is what the daemon sees: one indexed look-up per badge, always in the list that is
current.  The admin side (`schema`, `source`, `sync`) is for commands; of it, the daemon takes
`schema.migrate` alone, once, when it starts.
"""

from gateway.people.lookup import (
    Found,
    ListVersion,
    LogMark,
    Roster,
    RosterUnavailable,
    SealedPin,
    SealedTemplate,
)

__all__ = [
    "Found",
    "ListVersion",
    "LogMark",
    "Roster",
    "RosterUnavailable",
    "SealedPin",
    "SealedTemplate",
]
