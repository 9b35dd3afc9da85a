"""Roles of operators, and the sets of them that screens are for."""

from __future__ import annotations

GUARD, SUPERVISOR, HR = "guard", "supervisor", "hr"
ADMINISTRATOR, AUDITOR = "administrator", "auditor"

NOBODY: frozenset[str] = frozenset()
"""Also without a session: the sign-in and nothing else."""
GUARDS = frozenset({GUARD, SUPERVISOR, ADMINISTRATOR})
SUPERVISORS = frozenset({SUPERVISOR, ADMINISTRATOR})
PEOPLE = frozenset({HR, SUPERVISOR, ADMINISTRATOR})
ADMINISTRATORS = frozenset({ADMINISTRATOR})
AUDITORS = frozenset({SUPERVISOR, ADMINISTRATOR, AUDITOR})
"""Who audits the gate: takes records along, makes packets, looks at patterns."""
WATCHERS = frozenset({GUARD, SUPERVISOR, ADMINISTRATOR, AUDITOR})
EVERYBODY = frozenset({GUARD, SUPERVISOR, HR, ADMINISTRATOR, AUDITOR})
