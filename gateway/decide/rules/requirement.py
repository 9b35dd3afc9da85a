"""What an area requires of a person who enters, and of the company for which they come."""

from __future__ import annotations

from gateway.decide.model import Reason
from gateway.decide.policy import RequirementKind
from gateway.decide.rules.case import Case, End, deny
from gateway.locale.text import name_key


def missing(case: Case) -> End | None:
    """Deny if the person or their company never had what the area requires."""
    if case.leaving:
        return None
    for name in case.area.requires:
        kind = case.site.requirements.get(name)
        if kind is None:
            return deny(Reason.DENIED_REQUIREMENT_MISSING, f"{name}: no such kind")
        if _exempt(case, kind):
            continue
        case.criteria += kind.criteria
        held = any(r.kind == name and r.of == kind.of for r in case.person.requirements)
        if not held:
            whose = f" of {case.person.company or 'no company'}" if kind.of == "company" else ""
            return deny(Reason.DENIED_REQUIREMENT_MISSING, name + whose)
    return None


def lapsed(case: Case) -> End | None:
    """Deny if what the area requires was valid once and is not any more."""
    if case.leaving:
        return None
    today = case.local.date()
    for name in case.area.requires:
        kind = case.site.requirements[name]
        if _exempt(case, kind):
            continue
        days = [
            held.valid_until
            for held in case.person.requirements
            if held.kind == name and held.of == kind.of
        ]
        last = [day for day in days if day is not None]
        if len(last) == len(days) and max(last) < today:
            return deny(Reason.DENIED_REQUIREMENT_LAPSED, f"{name} until {max(last)}")
    return None


def _exempt(case: Case, kind: RequirementKind) -> bool:
    """Whether the person's company needs none, in whatever spelling."""
    company = name_key(case.person.company)
    return kind.of == "company" and company in map(name_key, kind.exempt)
