"""Who may pass: the authorized-personnel list.

`Roster` is what the daemon sees: one indexed look-up per badge, always in the list that is
current.  The admin side (`schema`, `source`, `sync`) is imported by commands only.
"""

from gateway.roster.lookup import Found, ListVersion, Roster, RosterUnavailable, SealedTemplate

__all__ = ["Found", "ListVersion", "Roster", "RosterUnavailable", "SealedTemplate"]
