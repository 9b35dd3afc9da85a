"""The acts of a visit: announce, arrive, tell the host, depart.  Each writes its event in the same
transaction.

`by` is the operator, as the kernel and the configuration know them, and `now` an aware time.
`version` is the one that the operator looked at: if somebody else changed the visit since, the act
raises Conflict and changes nothing.  `criteria` is the site's set, which says what the event is
evidence for; None is the standard one.  Every act raises DeskError with the reason if it refuses.

A few more than 400 lines: all acts of a visit, from its announcement to its end.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.config.criteria import Criteria
from gateway.desk import partners
from gateway.desk.act import parse, stamp, writing
from gateway.desk.errors import DeskError, Held
from gateway.desk.identity import Shown, other_name
from gateway.desk.second import Second, not_among
from gateway.desk.text import clean
from gateway.desk.visits.badges import kill_badge
from gateway.desk.visits.records import event, insert, load, save
from gateway.desk.visits.regulars import is_regular
from gateway.desk.visits.visit import (
    KINDS,
    Plan,
    Release,
    Visit,
    VisitPolicy,
    expect_state,
)
from gateway.ledger.event import EventType
from gateway.ledger.operator import Operator
from gateway.locale import N_, Message
from gateway.people import losses
from gateway.people.permits import put_escort
from gateway.people.schema import put_event


def expect(
    connection: sqlite3.Connection, plan: Plan, policy: VisitPolicy, *, by: Operator, now: datetime
) -> Visit:
    """Announce a visit; raises DeskError if the site denies the company."""
    plan = _checked(plan, policy)
    with writing(connection):
        cleared = _clearance(connection, plan.company, policy, now)
        if cleared.verdict == "deny":
            raise DeskError(cleared.code, cleared.message)
        visit = insert(connection, plan, by=by, now=now)
        kind = EventType.VISIT_EXPECTED
        event(
            connection,
            kind,
            visit,
            by,
            policy.criteria,
            clearance=cleared.code,
            since=visit.expected_from,
            until=visit.expected_until,
        )
    return visit


def arrive(
    connection: sqlite3.Connection,
    visit_id: int,
    shown: Shown | None,
    policy: VisitPolicy,
    *,
    by: Operator,
    now: datetime,
    release: Release | None = None,
    version: int | None = None,
) -> Visit:
    """An announced visitor is here.

    `shown` is the photo ID; None only for a known regular visitor whom the policy excuses.
    `release` is the second person's word, for a visit that the policy holds.  Raises DeskError.
    """
    with writing(connection):
        visit = load(connection, visit_id, version)
        expect_state(visit, "expected")
        done = _tried(connection, visit, shown, policy, by=by, now=now, release=release)
    return _or_raise(done)


def walk_in(
    connection: sqlite3.Connection,
    plan: Plan,
    shown: Shown | None,
    policy: VisitPolicy,
    *,
    by: Operator,
    now: datetime,
    release: Release | None = None,
) -> Visit:
    """A visitor whom nobody announced is here: writes the visit and the arrival, or neither."""
    plan = _checked(plan, policy)
    if not policy.walk_ins and release is None:
        raise Held(
            "visit_unexpected", "nobody announced this visit; a second person must let it in"
        )
    with writing(connection):
        done = _tried(connection, plan, shown, policy, by=by, now=now, release=release)
    return _or_raise(done)


def contact_host(
    connection: sqlite3.Connection,
    visit_id: int,
    *,
    by: Operator,
    now: datetime,
    escort: str = "",
    criteria: Criteria | None = None,
) -> Visit:
    """The guard told the host.

    `escort` is the id of the person who comes for the visitor, or "".  The visitor's badge then
    opens a door only together with that person's.  Raises DeskError if nobody active has the id.
    """
    who = clean(escort, N_("escort"), most=120, needed=False)
    with writing(connection):
        visit = load(connection, visit_id)
        expect_state(visit, "on_site")
        name = _escort_name(connection, who) if who else visit.escort_name
        new = replace(visit, host_contacted_at=stamp(now), escort_name=name)
        if who:
            put_escort(connection, visit.person_id, [who], by=by)
        return save(
            connection,
            new,
            EventType.VISIT_HOST_CONTACTED,
            by,
            criteria,
            escort=name,
            **({"escort_id": who} if who else {}),
        )


def extend(
    connection: sqlite3.Connection,
    visit_id: int,
    until: datetime,
    policy: VisitPolicy,
    *,
    by: Operator,
    now: datetime,
) -> Visit:
    """Make the visit, and its badge, last until another time."""
    with writing(connection):
        visit = load(connection, visit_id)
        expect_state(visit, "expected", "on_site")
        _check_times(parse(visit.expected_from), until, policy)
        if until <= now:
            raise DeskError("bad_time", "this time is over")
        new = replace(visit, expected_until=stamp(until))
        last = until + timedelta(minutes=policy.badge_grace_min)
        connection.execute(
            "UPDATE visit_badge SET until = ? WHERE visit_id = ?", (stamp(last), visit.id)
        )
        kind = EventType.VISIT_EXTENDED
        return save(connection, new, kind, by, policy.criteria, until=new.expected_until)


def depart(
    connection: sqlite3.Connection,
    visit_id: int,
    *,
    by: Operator,
    now: datetime,
    badge_returned: bool = False,
    version: int | None = None,
    criteria: Criteria | None = None,
) -> Visit:
    """The visitor left.  The badge opens nothing any more, even if it did not come back; then
    `badges_out` lists it until it does."""
    with writing(connection):
        visit = load(connection, visit_id, version)
        expect_state(visit, "on_site")
        if visit.arrived_at and now < parse(visit.arrived_at):
            raise DeskError(
                "clock_odd",
                "the clock lies before the arrival; set it first",
                (EventType.VISIT_DEPARTED,),
            )
        kill_badge(connection, visit.id)
        connection.execute("DELETE FROM escort WHERE person_id = ?", (visit.person_id,))
        back = visit.badge_out and badge_returned
        if visit.badge_out and not back:
            losses.put_act(connection, visit.person_id, "visitor_badge", by=by, detail=visit.badge)
        new = replace(
            visit,
            state="departed",
            departed_at=stamp(now),
            departed_by=str(by),
            departed_person=by.person,
            badge_returned_at=stamp(now) if back else visit.badge_returned_at,
        )
        return save(
            connection,
            new,
            EventType.VISIT_DEPARTED,
            by,
            criteria,
            arrived_at=visit.arrived_at,
            departed_at=new.departed_at,
            badge_out=new.badge_out,
            badge=visit.badge,
        )


def cancel(
    connection: sqlite3.Connection,
    visit_id: int,
    *,
    by: Operator,
    reason: str,
    refused: bool = False,
    criteria: Criteria | None = None,
) -> Visit:
    """The announced visitor does not come, or (`refused`) the guard sends them away."""
    why = clean(reason, N_("reason"))
    with writing(connection):
        visit = load(connection, visit_id)
        expect_state(visit, "expected")
        kind = EventType.VISIT_REFUSED if refused else EventType.VISIT_CANCELLED
        new = replace(visit, state="refused" if refused else "cancelled", note=why)
        return save(connection, new, kind, by, criteria, reason=why)


def _tried(
    connection: sqlite3.Connection,
    who: Visit | Plan,
    shown: Shown | None,
    policy: VisitPolicy,
    *,
    by: Operator,
    now: datetime,
    release: Release | None,
) -> Visit | DeskError:
    """The arrival, or why the desk held it back.  In that case only the record of the try stays."""
    connection.execute("SAVEPOINT arrival")
    try:
        visit = who if isinstance(who, Visit) else insert(connection, who, by=by, now=now)
        return _arrive(connection, visit, shown, policy, by=by, now=now, release=release)
    except DeskError as error:
        connection.execute("ROLLBACK TO arrival")
        data = {
            "visit": who.id if isinstance(who, Visit) else None,
            "name": who.name,
            "company": who.company,
            "host": who.host,
            "reason": error.code,
            "by": by,
            **policy.criteria.marks(EventType.VISIT_HELD, *error.serves),
        }
        subject = who.person_id if isinstance(who, Visit) else "visit"
        if isinstance(who, Visit):
            connection.execute(
                "UPDATE visit SET held_by = ?, held_person = ? WHERE id = ? AND held_by = ''",
                (str(by), by.person, who.id),
            )
        put_event(connection, EventType.VISIT_HELD, subject, data)
        return error


def _or_raise(done: Visit | DeskError) -> Visit:
    if isinstance(done, DeskError):
        raise done
    return done


def _arrive(
    connection: sqlite3.Connection,
    visit: Visit,
    shown: Shown | None,
    policy: VisitPolicy,
    *,
    by: Operator,
    now: datetime,
    release: Release | None,
) -> Visit:
    expect_state(visit, "expected")
    regular = is_regular(connection, visit)
    if shown is None and not (regular and policy.regulars_without_id):
        raise DeskError("id_missing", "a photo ID must be shown and looked at")
    held: list[tuple[str, Message]] = []
    cleared = _clearance(connection, visit.company, policy, now)
    if cleared.verdict == "deny":
        raise DeskError(cleared.code, cleared.message)
    if cleared.verdict == "hold":
        held.append((cleared.code, cleared.message))
    if shown is not None and (other := other_name(connection, shown.fingerprint, visit.name)):
        held.append(
            (
                "id_of_other_name",
                Message("this document was shown before as that of {other}", {"other": other}),
            )
        )
    second, reason = release.by if release else None, ""
    if release is not None:
        reason = clean(release.reason, N_("reason"))
        check_second(visit, release.by, by)
    if held and release is None:
        code, why = held[0]
        raise Held(code, "{why}: held, a second person must let it in", why=why)
    new = replace(
        visit,
        state="on_site",
        regular=regular,
        arrived_at=stamp(now),
        arrived_by=str(by),
        arrived_person=by.person,
        id_kind=shown.kind if shown else "",
        id_fingerprint=shown.fingerprint if shown else "",
        id_number=shown.number if shown and policy.keep_id_number else "",
        released_by=second.name if second else "",
        released_account=second.account if second else "",
        released_person=second.person if second else "",
        release_reason=reason,
    )
    return save(
        connection,
        new,
        EventType.VISIT_ARRIVED,
        by,
        policy.criteria,
        id_kind=new.id_kind,
        id_fingerprint=new.id_fingerprint,
        regular=regular,
        arrived_at=new.arrived_at,
        held=[item[0] for item in held],
        released_by=new.released_by,
        second=second.record() if second else None,
        reason=new.release_reason,
    )


def check_second(who: Visit | Plan, second: Second, by: Operator) -> None:
    """Raise DeskError unless `second` is somebody else than whoever received the visitor.

    At the terminal of the first person they proved it by their PIN.  From their own account they
    let in whom another account received, and whom the desk held then.
    """
    first, person = str(by), by.person
    if second.proof == "account":
        held = who if isinstance(who, Visit) and who.held_by else None
        if held is None:
            raise DeskError(
                "same_person",
                "a second person must let it in, not the same operator",
                (EventType.VISIT_HELD,),
            )
        first, person = held.held_by, held.held_person
    not_among(second, {first}, {person}, (first, who.name))


def _escort_name(connection: sqlite3.Connection, person_id: str) -> str:
    row = connection.execute(
        "SELECT name FROM person WHERE id = ? AND status = 'active' "
        "AND id NOT IN (SELECT person_id FROM revocation)",
        (person_id,),
    ).fetchone()
    if row is None:
        raise DeskError(
            "escort_unknown",
            "{person_id}: nobody active on the list has this id; an escort is named by it",
            person_id=person_id[:60],
        )
    return str(row[0])


def _checked(plan: Plan, policy: VisitPolicy) -> Plan:
    if plan.kind not in KINDS:
        names = ", ".join(KINDS)
        raise DeskError("unknown_word", "kind: one of {names}", names=names)
    _check_times(plan.since, plan.until, policy)
    return replace(
        plan,
        name=clean(plan.name, N_("name"), most=120),
        host=clean(plan.host, N_("company contact"), most=120),
        company=clean(plan.company, N_("company"), most=120, needed=policy.company_needed),
        purpose=clean(plan.purpose, N_("purpose"), needed=False),
        note=clean(plan.note, N_("note"), needed=False),
    )


def _check_times(since: datetime, until: datetime, policy: VisitPolicy) -> None:
    if until <= since:
        raise DeskError("bad_time", "a visit ends after it begins")
    if until - since > timedelta(days=policy.max_days):
        raise DeskError(
            "too_long", "a visit lasts at most {max_days} days", max_days=policy.max_days
        )


def _clearance(
    connection: sqlite3.Connection, company: str, policy: VisitPolicy, now: datetime
) -> partners.Clearance:
    if not company:
        return partners.Clearance("pass", "partner_cleared", "")
    found = partners.find(connection, company)
    return partners.clearance(found, now.astimezone(policy.zone).date(), policy.partners)
