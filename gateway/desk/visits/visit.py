"""One visit as a value.

A visit is expected, then on_site, then departed; or it is cancelled or refused while it is
expected.  Times are as rows hold them (RFC 3339, UTC).  Pure: no table, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.config.criteria import Criteria, standard
from gateway.desk.act import parse
from gateway.desk.errors import DeskError
from gateway.desk.partners import PartnerPolicy
from gateway.desk.second import Second
from gateway.locale import Message, in_context

STATES = ("expected", "on_site", "departed", "cancelled", "refused")
KINDS = ("visitor", "vendor", "service")


@dataclass(frozen=True, slots=True)
class Visit:
    """A row of the table `visit`, column by column.

    `host` is the criterion's company contact.  `arrived_by` and `departed_by` are accounts, with
    the ids of their persons in `arrived_person` and `departed_person`; `released_by` is the name
    of the second person, and `held_by` the account from which the arrival was tried first, when the
    desk held it.  `id_kind` is the kind of photo ID that the guard verified, "" for none.
    `badge` is masked.  `version` counts changes: if two operators act on the same version, the
    second has to look again.
    """

    id: int
    version: int
    state: str
    name: str
    company: str
    kind: str
    host: str
    purpose: str
    escort: bool
    regular: bool
    expected_from: str
    expected_until: str
    created_at: str
    created_by: str
    arrived_at: str | None = None
    arrived_by: str = ""
    id_kind: str = ""
    id_fingerprint: str = ""
    id_number: str = field(default="", repr=False)
    released_by: str = ""
    release_reason: str = ""
    host_contacted_at: str | None = None
    escort_name: str = ""
    badge: str = ""
    badge_fingerprint: str = ""
    badge_issued_at: str | None = None
    badge_returned_at: str | None = None
    departed_at: str | None = None
    departed_by: str = ""
    note: str = ""
    arrived_person: str = ""
    departed_person: str = ""
    released_account: str = ""
    released_person: str = ""
    held_by: str = ""
    held_person: str = ""

    @property
    def badge_out(self) -> bool:
        """Whether the visitor has a temporary badge that did not come back."""
        return self.badge_issued_at is not None and self.badge_returned_at is None

    @property
    def person_id(self) -> str:
        """The id by which records of doors name the badge's holder."""
        return f"visit-{self.id}"

    def overdue(self, now: datetime) -> bool:
        """Whether the visitor is still here after the end of the visit."""
        return self.state == "on_site" and parse(self.expected_until) < now


@dataclass(frozen=True, slots=True)
class VisitPolicy:
    """The site's rules for visitors; `[visits]` of the configuration explains each."""

    zone: ZoneInfo
    id_kinds: Mapping[str, tuple[str, str]]
    keep_id_number: bool = False
    regulars_without_id: bool = False
    walk_ins: bool = True
    company_needed: bool = False
    max_days: int = 31
    access_levels: tuple[str, ...] = ()
    escorted_access_levels: tuple[str, ...] = ()
    badge_grace_min: int = 30
    partners: PartnerPolicy = field(default_factory=PartnerPolicy)
    criteria: Criteria = field(default_factory=standard)

    def levels(self, *, escort: bool) -> tuple[str, ...]:
        """The access levels of a temporary badge, with or without an escort."""
        return self.escorted_access_levels if escort else self.access_levels


@dataclass(frozen=True, slots=True)
class Plan:
    """A visit as somebody announces it; times are aware."""

    name: str
    host: str
    since: datetime
    until: datetime
    company: str = ""
    kind: str = "visitor"
    purpose: str = ""
    escort: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """The second person who lets in a visitor whom the policy holds, and why."""

    by: Second
    reason: str


def expect_state(visit: Visit, *states: str) -> None:
    """Raise DeskError unless the visit is in one of `states`."""
    if visit.state not in states:
        raise DeskError(
            "wrong_state",
            "visit {id} is {state}",
            id=visit.id,
            state=WORDS[visit.state],
        )


WORDS: Mapping[str, Message] = {
    "expected": in_context("visit", "expected"),
    "on_site": in_context("visit", "on site"),
    "departed": in_context("visit", "over"),
    "cancelled": in_context("visit", "called off"),
    "refused": in_context("visit", "sent away"),
}
