"""Temporary badges: the guard hands one out and takes it back.

A badge is a row of `visit_badge`.  That table is beside the personnel list, so a sync neither
counts nor changes visitors.  The look-up at the door reads both tables in one statement
(gateway/people/lookup.py).  A badge that is in both opens nothing.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.config.criteria import Criteria
from gateway.decide.model import Credential
from gateway.desk import partners
from gateway.desk.act import parse, stamp, writing
from gateway.desk.errors import DeskError
from gateway.desk.visits.records import load, save
from gateway.desk.visits.visit import Visit, VisitPolicy, expect_state
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.people import cardnumbers
from gateway.vault.sitekey import Marks


def issue_badge(
    connection: sqlite3.Connection,
    visit_id: int,
    credential: Credential,
    policy: VisitPolicy,
    *,
    key: Marks,
    by: Operator,
    now: datetime,
    version: int | None = None,
) -> Visit:
    """Hand out a temporary badge.

    It opens the doors of the policy's levels until the end of the visit and `badge_grace_min` more.
    It ends earlier when the visitor returns it or departs.  `key` makes the badge's
    fingerprint; `version` is the one that the operator looked at.  Raises DeskError with the
    reason, and Conflict if the visit has changed.
    """
    if (wrong := cardnumbers.flaw(credential)) is not None:
        raise DeskError("badge_impossible", wrong)
    mark = key.fingerprint(credential.key)
    with writing(connection):
        visit = load(connection, visit_id, version)
        expect_state(visit, "on_site")
        if visit.badge_out:
            raise DeskError(
                "badge_out",
                "visit {id} has a badge already: {badge}",
                id=visit.id,
                badge=visit.badge,
            )
        levels = policy.levels(escort=visit.escort)
        if not levels:
            raise DeskError("no_visitor_level", "[visits] has no access level for such a badge")
        named = connection.execute(
            "SELECT 1 FROM escort WHERE person_id = ?", (visit.person_id,)
        ).fetchone()
        if visit.escort and not named:
            raise DeskError(
                "no_escort",
                "this visitor is escorted: say first who comes (garita visit contact --escort ID)",
            )
        if connection.execute(
            "SELECT 1 FROM credential WHERE key = ?", (credential.key,)
        ).fetchone():
            raise DeskError(
                "badge_of_employee", "this badge belongs to somebody on the personnel list"
            )
        other = connection.execute(
            "SELECT id FROM visit WHERE badge_fingerprint = ? AND badge_issued_at IS NOT NULL "
            "AND badge_returned_at IS NULL",
            (mark,),
        ).fetchone()
        if other:
            raise DeskError(
                "badge_out", "this badge did not come back from visit {other}", other=other[0]
            )
        until = parse(visit.expected_until) + timedelta(minutes=policy.badge_grace_min)
        if until <= now:
            raise DeskError(
                "visit_over", "the visit's time is over; extend it first (garita visit extend)"
            )
        partner = partners.find(connection, visit.company) if visit.company else None
        company = partner.name if partner else visit.company  # as requirements spell it
        connection.execute(
            "INSERT INTO visit_badge (key, visit_id, person_id, name, company, role, since, until, "
            "access_levels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                credential.key,
                visit.id,
                visit.person_id,
                visit.name,
                company,
                visit.kind,
                stamp(now),
                stamp(until),
                json.dumps(levels),
            ),
        )
        new = replace(
            visit,
            badge=credential.masked,
            badge_fingerprint=mark,
            badge_issued_at=stamp(now),
            badge_returned_at=None,
        )
        return save(
            connection,
            new,
            EventType.VISIT_BADGE_ISSUED,
            by,
            policy.criteria,
            badge=new.badge,
            fingerprint=mark,
            levels=list(levels),
            until=stamp(until),
        )


def return_badge(
    connection: sqlite3.Connection,
    visit_id: int,
    *,
    by: Operator,
    now: datetime,
    criteria: Criteria | None = None,
) -> Visit:
    """Record that the visitor returned the badge; it opens nothing from the next reading on."""
    with writing(connection):
        visit = load(connection, visit_id)
        if not visit.badge_out:
            raise DeskError("no_badge", "no badge of visit {id} is out", id=visit.id)
        kill_badge(connection, visit.id)
        new = replace(visit, badge_returned_at=stamp(now))
        return save(connection, new, EventType.VISIT_BADGE_RETURNED, by, criteria, badge=new.badge)


def kill_badge(connection: sqlite3.Connection, visit_id: int) -> None:
    """Make the visit's badge open nothing, inside the caller's transaction."""
    connection.execute("DELETE FROM visit_badge WHERE visit_id = ?", (visit_id,))
