"""The acts of a visit, each with its event in one transaction: announced, arrived, the host told,
badge out and back, departed.

Every act names the operator (`by`) and takes the time (`now`, aware).  `version`, where given, is
the one that the operator looked at: if somebody was faster, Conflict says so and nothing changes.

A temporary badge is a row of `visit_badge`, beside the personnel list and not in it: no sync
counts, changes or removes visitors, and the look-up at the door reads both by key in its one
statement (gateway/roster/lookup.py).  A badge that both name is nobody's: it opens nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, fields, replace
from datetime import date, datetime, timedelta

from gateway.desk import (
    Conflict,
    DeskError,
    NotFound,
    clean,
    day_bounds,
    fold,
    parse,
    stamp,
    writing,
)
from gateway.keys import SiteKey
from gateway.model import Credential
from gateway.roster.schema import put_event
from gateway.visits import partners
from gateway.visits.identity import Shown, other_name
from gateway.visits.visit import (
    CRITERIA,
    KINDS,
    STATES,
    Plan,
    Release,
    Visit,
    VisitPolicy,
    expect_state,
)

_COLUMNS = tuple(item.name for item in fields(Visit))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM visit"  # noqa: S608 - our own names
_FLAGS = ("escort", "regular")


def expect(
    connection: sqlite3.Connection, plan: Plan, policy: VisitPolicy, *, by: str, now: datetime
) -> Visit:
    """Announce a visit; raises DeskError for a company that is denied here already."""
    plan = _checked(plan, policy)
    with writing(connection):
        cleared = _clearance(connection, plan.company, policy, now)
        if cleared.verdict == "deny":
            raise DeskError(cleared.code, *cleared.words, partners.CRITERIA)
        visit = _insert(connection, plan, by=by, now=now)
        _event(connection, "visit.expected", visit, by, clearance=cleared.code)
    return visit


def arrive(
    connection: sqlite3.Connection,
    visit_id: int,
    shown: Shown | None,
    policy: VisitPolicy,
    *,
    by: str,
    now: datetime,
    release: Release | None = None,
    version: int | None = None,
) -> Visit:
    """Somebody announced is here and showed `shown`; None only for a known regular visitor where
    the policy excuses them.  What is held needs `release`; raises DeskError with the reason."""
    with writing(connection):
        visit = _load(connection, visit_id, version)
        expect_state(visit, "expected")
        done = _tried(connection, visit, shown, policy, by=by, now=now, release=release)
    return _or_raise(done)


def walk_in(
    connection: sqlite3.Connection,
    plan: Plan,
    shown: Shown | None,
    policy: VisitPolicy,
    *,
    by: str,
    now: datetime,
    release: Release | None = None,
) -> Visit:
    """Somebody whom nobody announced: the visit and the arrival in one act, or neither."""
    plan = _checked(plan, policy)
    if not policy.walk_ins and release is None:
        raise DeskError(
            "visit_unexpected",
            "nobody announced this visit; a second person must let it in",
            "nadie anunció esta visita; una segunda persona debe autorizarla",
            CRITERIA,
        )
    with writing(connection):
        done = _tried(connection, plan, shown, policy, by=by, now=now, release=release)
    return _or_raise(done)


def contact_host(
    connection: sqlite3.Connection, visit_id: int, *, by: str, now: datetime, escort: str = ""
) -> Visit:
    """The host was told; `escort` is who comes for the visitor, if that is known."""
    name = clean(escort, ("escort", "acompañante"), most=120, needed=False)
    with writing(connection):
        visit = _load(connection, visit_id)
        expect_state(visit, "on_site")
        new = replace(visit, host_contacted_at=stamp(now), escort_name=name or visit.escort_name)
        return _save(connection, new, "visit.host_contacted", by, escort=new.escort_name)


def issue_badge(
    connection: sqlite3.Connection,
    visit_id: int,
    credential: Credential,
    policy: VisitPolicy,
    *,
    key: SiteKey,
    by: str,
    now: datetime,
    version: int | None = None,
) -> Visit:
    """Hand out a temporary badge, good at the doors of the policy's levels until the end of the
    visit (and some minutes of grace), and no longer than until it is returned or they depart."""
    levels = policy.levels(escort=False)
    mark = key.fingerprint(credential.key)
    with writing(connection):
        visit = _load(connection, visit_id, version)
        expect_state(visit, "on_site")
        if visit.badge_out:
            raise DeskError(
                "badge_out",
                f"visit {visit.id} has a badge already: {visit.badge}",
                f"la visita {visit.id} ya tiene gafete: {visit.badge}",
                CRITERIA,
            )
        levels = policy.levels(escort=visit.escort)
        if not levels:
            raise DeskError(
                "no_visitor_level",
                "[visits] has no access level for such a badge",
                "[visits] no tiene nivel de acceso para ese gafete",
                ("10.1",),
            )
        if visit.escort and not visit.escort_name:
            raise DeskError(
                "no_escort",
                "this visitor is escorted: say first who comes (garita visit contact --escort)",
                "va acompañada: diga primero quién viene (garita visit contact --escort)",
                CRITERIA,
            )
        if connection.execute(
            "SELECT 1 FROM credential WHERE key = ?", (credential.key,)
        ).fetchone():
            raise DeskError(
                "badge_of_employee",
                "this badge belongs to somebody on the personnel list",
                "ese gafete es de una persona de la lista de personal",
                ("10.1",),
            )
        other = connection.execute(
            "SELECT id FROM visit WHERE badge_fingerprint = ? AND badge_issued_at IS NOT NULL "
            "AND badge_returned_at IS NULL",
            (mark,),
        ).fetchone()
        if other:
            raise DeskError(
                "badge_out",
                f"this badge did not come back from visit {other[0]}",
                f"ese gafete no ha regresado de la visita {other[0]}",
                ("10.1", "10.2"),
            )
        until = parse(visit.expected_until) + timedelta(minutes=policy.badge_grace_min)
        if until <= now:
            raise DeskError(
                "visit_over",
                "the visit's time is over; extend it first (garita visit extend)",
                "el horario de la visita terminó; amplíelo primero (garita visit extend)",
                CRITERIA,
            )
        connection.execute(
            "INSERT INTO visit_badge (key, visit_id, person_id, name, company, role, since, until, "
            "access_levels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                credential.key, visit.id, visit.person_id, visit.name, visit.company, visit.kind,
                stamp(now), stamp(until), json.dumps(levels),
            ),
        )  # fmt: skip
        new = replace(
            visit,
            badge=credential.masked,
            badge_fingerprint=mark,
            badge_issued_at=stamp(now),
            badge_returned_at=None,
        )
        return _save(
            connection, new, "visit.badge_issued", by,
            badge=new.badge, fingerprint=mark, levels=list(levels), until=stamp(until),
        )  # fmt: skip


def return_badge(connection: sqlite3.Connection, visit_id: int, *, by: str, now: datetime) -> Visit:
    """The badge is back in the guard's hand; it opens nothing from the next reading on."""
    with writing(connection):
        visit = _load(connection, visit_id)
        if not visit.badge_out:
            raise DeskError(
                "no_badge",
                f"no badge of visit {visit.id} is out",
                f"la visita {visit.id} no tiene gafete fuera",
                CRITERIA,
            )
        _kill_badge(connection, visit.id)
        new = replace(visit, badge_returned_at=stamp(now))
        return _save(connection, new, "visit.badge_returned", by, badge=visit.badge)


def extend(
    connection: sqlite3.Connection,
    visit_id: int,
    until: datetime,
    policy: VisitPolicy,
    *,
    by: str,
    now: datetime,
) -> Visit:
    """A visit takes longer, or less long; its badge with it."""
    with writing(connection):
        visit = _load(connection, visit_id)
        expect_state(visit, "expected", "on_site")
        _check_times(parse(visit.expected_from), until, policy)
        if until <= now:
            raise DeskError("bad_time", "this time is over", "esa hora ya pasó", CRITERIA)
        new = replace(visit, expected_until=stamp(until))
        last = until + timedelta(minutes=policy.badge_grace_min)
        connection.execute(
            "UPDATE visit_badge SET until = ? WHERE visit_id = ?", (stamp(last), visit.id)
        )
        return _save(connection, new, "visit.extended", by, until=new.expected_until)


def depart(
    connection: sqlite3.Connection,
    visit_id: int,
    *,
    by: str,
    now: datetime,
    badge_returned: bool = False,
    version: int | None = None,
) -> Visit:
    """They left.  Their badge opens nothing any more, whether it came back or not; one that did
    not is listed until it does."""
    with writing(connection):
        visit = _load(connection, visit_id, version)
        expect_state(visit, "on_site")
        if visit.arrived_at and now < parse(visit.arrived_at):
            raise DeskError(
                "clock_odd",
                "the clock lies before the arrival; set it first",
                "el reloj está antes de la llegada; corríjalo primero",
                CRITERIA,
            )
        _kill_badge(connection, visit.id)
        back = visit.badge_out and badge_returned
        new = replace(
            visit,
            state="departed",
            departed_at=stamp(now),
            departed_by=by,
            badge_returned_at=stamp(now) if back else visit.badge_returned_at,
        )
        return _save(
            connection, new, "visit.departed", by, badge_out=new.badge_out, badge=visit.badge
        )


def cancel(
    connection: sqlite3.Connection, visit_id: int, *, by: str, reason: str, refused: bool = False
) -> Visit:
    """Somebody announced does not come, or (`refused`) is sent away at the gate."""
    why = clean(reason, ("reason", "motivo"))
    with writing(connection):
        visit = _load(connection, visit_id)
        expect_state(visit, "expected")
        kind = "visit.refused" if refused else "visit.cancelled"
        new = replace(visit, state="refused" if refused else "cancelled", note=why)
        return _save(connection, new, kind, by, reason=why)


# Known regular visitors: may be excused from showing the ID, and are logged all the same.


def set_regular(
    connection: sqlite3.Connection,
    name: str,
    company: str,
    *,
    regular: bool,
    by: str,
    now: datetime,
) -> bool:
    """Call somebody a known regular visitor, or no longer; False if nothing changes."""
    name = clean(name, ("name", "nombre"), most=120)
    company = clean(company, ("company", "empresa"), most=120, needed=False)
    with writing(connection):
        if regular:
            done = connection.execute(
                "INSERT INTO regular_visitor (key, name, company, added_at, by) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (_regular_key(name, company), name, company, stamp(now), by),
            ).rowcount
        else:
            done = connection.execute(
                "DELETE FROM regular_visitor WHERE key = ?", (_regular_key(name, company),)
            ).rowcount
        if done:
            kind = "visit.regular_added" if regular else "visit.regular_removed"
            data = {"name": name, "company": company, "by": by, "criteria": list(CRITERIA)}
            put_event(connection, kind, name, data)
    return bool(done)


def regulars(connection: sqlite3.Connection) -> list[dict[str, str]]:
    """The known regular visitors, by name."""
    rows = connection.execute(
        "SELECT name, company, added_at, by FROM regular_visitor ORDER BY key"
    )
    return [dict(zip(("name", "company", "added_at", "by"), row, strict=True)) for row in rows]


# Looking


def get(connection: sqlite3.Connection, visit_id: int) -> Visit:
    """One visit; raises NotFound."""
    return _load(connection, visit_id)


def find(
    connection: sqlite3.Connection,
    *,
    states: Iterable[str] = (),
    search: str = "",
    limit: int = 500,
) -> list[Visit]:
    """Visits in some states (none: all), newest expectation last, with a part of a name,
    company or host."""
    wanted = tuple(states) or STATES
    marks = ", ".join("?" * len(wanted))
    rows = connection.execute(
        f"SELECT * FROM ({_SELECT} WHERE state IN ({marks}) AND (? = '' OR "  # noqa: S608
        "instr(lower(name || ' ' || company || ' ' || host), lower(?)) > 0) "
        "ORDER BY expected_from DESC, id DESC LIMIT ?) ORDER BY expected_from, id",
        (*wanted, search, search, limit),
    )
    return [_visit(row) for row in rows]


def overdue(connection: sqlite3.Connection, now: datetime) -> list[Visit]:
    """Who should have left and did not, longest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE state = 'on_site' AND expected_until < ? ORDER BY expected_until",
        (stamp(now),),
    )
    return [_visit(row) for row in rows]


def badges_out(connection: sqlite3.Connection, *, departed_only: bool = False) -> list[Visit]:
    """Temporary badges that did not come back, oldest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE badge_issued_at IS NOT NULL AND badge_returned_at IS NULL "
        "AND (? = 0 OR state = 'departed') ORDER BY badge_issued_at",
        (departed_only,),
    )
    return [_visit(row) for row in rows]


def arrived_between(
    connection: sqlite3.Connection, first: date, last: date, policy: VisitPolicy
) -> list[Visit]:
    """Visits whose arrival lies on one of the local days from `first` to `last`."""
    begin, end = day_bounds(first, last, policy.zone)
    rows = connection.execute(
        f"{_SELECT} WHERE arrived_at >= ? AND arrived_at < ? ORDER BY arrived_at, id", (begin, end)
    )
    return [_visit(row) for row in rows]


# Inside


def _tried(
    connection: sqlite3.Connection,
    who: Visit | Plan,
    shown: Shown | None,
    policy: VisitPolicy,
    *,
    by: str,
    now: datetime,
    release: Release | None,
) -> Visit | DeskError:
    """The arrival; or why it was held back, with the record of that and nothing else of it."""
    connection.execute("SAVEPOINT arrival")
    try:
        visit = who if isinstance(who, Visit) else _insert(connection, who, by=by, now=now)
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
            "criteria": list(error.criteria or CRITERIA),
        }
        subject = who.person_id if isinstance(who, Visit) else "visit"
        put_event(connection, "visit.held", subject, data)
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
    by: str,
    now: datetime,
    release: Release | None,
) -> Visit:
    expect_state(visit, "expected")
    regular = _is_regular(connection, visit)
    if shown is None and not (regular and policy.regulars_without_id):
        raise DeskError(
            "id_missing",
            "a photo ID must be shown and looked at",
            "hay que mostrar y revisar una identificación con fotografía",
            CRITERIA,
        )
    held: list[tuple[str, str, str, tuple[str, ...]]] = []
    cleared = _clearance(connection, visit.company, policy, now)
    if cleared.verdict == "deny":
        raise DeskError(cleared.code, *cleared.words, partners.CRITERIA)
    if cleared.verdict == "hold":
        held.append((cleared.code, *cleared.words, partners.CRITERIA))
    if shown is not None and (other := other_name(connection, shown.fingerprint, visit.name)):
        held.append(
            (
                "id_of_other_name",
                f"this document was shown before as that of {other}",
                f"ese documento se mostró antes como el de {other}",
                CRITERIA,
            )
        )
    second = Release("", "")
    if release is not None:
        second = Release(
            clean(release.by, ("who lets it in", "quién autoriza"), most=120),
            clean(release.reason, ("reason", "motivo")),
        )
        if fold(second.by) == fold(by):
            raise DeskError(
                "same_person",
                "a second person must let it in, not the same operator",
                "debe autorizarlo una segunda persona, no el mismo operador",
                CRITERIA,
            )
    if held and release is None:
        code, en, es, criteria = held[0]
        raise DeskError(
            code,
            f"{en}: held, a second person must let it in",
            f"{es}: retenido, una segunda persona debe autorizarlo",
            criteria,
        )
    new = replace(
        visit,
        state="on_site",
        regular=regular,
        arrived_at=stamp(now),
        arrived_by=by,
        id_kind=shown.kind if shown else "",
        id_fingerprint=shown.fingerprint if shown else "",
        id_number=shown.number if shown and policy.keep_id_number else "",
        released_by=second.by,
        release_reason=second.reason,
    )
    return _save(
        connection, new, "visit.arrived", by,
        name=new.name, company=new.company, host=new.host, id_kind=new.id_kind,
        id_fingerprint=new.id_fingerprint, regular=regular, held=[item[0] for item in held],
        released_by=new.released_by, reason=new.release_reason,
    )  # fmt: skip


def _checked(plan: Plan, policy: VisitPolicy) -> Plan:
    if plan.kind not in KINDS:
        names = ", ".join(KINDS)
        raise DeskError("unknown_word", f"kind: one of {names}", f"tipo: uno de {names}")
    _check_times(plan.since, plan.until, policy)
    return replace(
        plan,
        name=clean(plan.name, ("name", "nombre"), most=120),
        host=clean(plan.host, ("company contact", "contacto en la empresa"), most=120),
        company=clean(plan.company, ("company", "empresa"), most=120, needed=policy.company_needed),
        purpose=clean(plan.purpose, ("purpose", "asunto"), needed=False),
        note=clean(plan.note, ("note", "nota"), needed=False),
    )


def _check_times(since: datetime, until: datetime, policy: VisitPolicy) -> None:
    if until <= since:
        raise DeskError(
            "bad_time", "a visit ends after it begins", "una visita termina después de empezar"
        )
    if until - since > timedelta(days=policy.max_days):
        raise DeskError(
            "too_long",
            f"a visit lasts at most {policy.max_days} days",
            f"una visita dura máximo {policy.max_days} días",
        )


def _clearance(
    connection: sqlite3.Connection, company: str, policy: VisitPolicy, now: datetime
) -> partners.Clearance:
    if not company:
        return partners.Clearance("pass", "partner_cleared", "")
    found = partners.find(connection, company)
    return partners.clearance(found, now.astimezone(policy.zone).date(), policy.partners)


def _regular_key(name: str, company: str) -> str:
    return f"{fold(name)}\n{fold(company)}"


def _is_regular(connection: sqlite3.Connection, visit: Visit) -> bool:
    found = connection.execute(
        "SELECT 1 FROM regular_visitor WHERE key = ?", (_regular_key(visit.name, visit.company),)
    )
    return found.fetchone() is not None


def _kill_badge(connection: sqlite3.Connection, visit_id: int) -> None:
    connection.execute("DELETE FROM visit_badge WHERE visit_id = ?", (visit_id,))


def _insert(connection: sqlite3.Connection, plan: Plan, *, by: str, now: datetime) -> Visit:
    number = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM visit").fetchone()[0]
    visit = Visit(
        number, 1, "expected", plan.name, plan.company, plan.kind, plan.host, plan.purpose,
        plan.escort, False, stamp(plan.since), stamp(plan.until), stamp(now), by, note=plan.note,
    )  # fmt: skip
    marks = ", ".join("?" * len(_COLUMNS))
    connection.execute(
        f"INSERT INTO visit ({', '.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608
        astuple(visit),
    )
    return visit


def _load(connection: sqlite3.Connection, visit_id: int, version: int | None = None) -> Visit:
    row = None
    if 0 < visit_id < 2**62:
        row = connection.execute(f"{_SELECT} WHERE id = ?", (visit_id,)).fetchone()
    if row is None:
        raise NotFound("no_visit", f"there is no visit {visit_id}", f"no hay visita {visit_id}")
    visit = _visit(row)
    if version is not None and version != visit.version:
        raise Conflict(
            "changed",
            f"visit {visit_id} was changed in the meantime; look at it again",
            f"la visita {visit_id} cambió entre tanto; véala otra vez",
        )
    return visit


def _save(
    connection: sqlite3.Connection, visit: Visit, kind: str, by: str, **data: object
) -> Visit:
    """Write a changed visit and its event, inside the caller's transaction."""
    new = replace(visit, version=visit.version + 1)
    sets = ", ".join(f"{name} = ?" for name in _COLUMNS)
    connection.execute(
        f"UPDATE visit SET {sets} WHERE id = ?",  # noqa: S608 - our own names
        (*astuple(new), new.id),
    )
    _event(connection, kind, new, by, **data)
    return new


def _event(
    connection: sqlite3.Connection, kind: str, visit: Visit, by: str, **data: object
) -> None:
    base = {"visit": visit.id, "name": visit.name, "company": visit.company, "host": visit.host}
    put_event(
        connection, kind, visit.person_id, {**base, **data, "by": by, "criteria": list(CRITERIA)}
    )


def _visit(row: tuple[object, ...]) -> Visit:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _FLAGS:
        values[name] = bool(values[name])
    return Visit(**values)  # type: ignore[arg-type]
