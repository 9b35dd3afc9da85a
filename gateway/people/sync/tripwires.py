"""Tripwires: what holds a list back until a person confirms it by name.

`check()` looks at a plan and adds what it finds to `plan.tripped`; `sync.apply` refuses such a
plan unless each name is among those confirmed.  A first list trips `empty` and `similar_ids` only.

empty          nobody is on it: no door opens any more
removed        more than so many percent of the people go
losing_access  more than so many percent lose what lets them in today
added          more than so many percent are new
widened        more than so many percent get more access than they have
missing_column a column that people have something in is not on the list
stranded       somebody who is inside would not get out by badge
badge_reissued a badge of somebody who left or was revoked of late goes to another
older          the source made it before the list in force
rolled_back    the very list that was rolled back
similar_ids    a new id differs from another one by case or accents alone
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateway.locale import Message, _, worded
from gateway.locale.text import fold
from gateway.people.sync.header import both_names
from gateway.people.sync.plan import Entry, Plan, Tripped, entry

NAMES = (
    "empty",
    "removed",
    "losing_access",
    "added",
    "widened",
    "missing_column",
    "stranded",
    "badge_reissued",
    "older",
    "rolled_back",
    "similar_ids",
)
SHOWN = 20
Inside = Callable[[], Collection[str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Percentages are of the people in force; up to `few` people trip none of them."""

    removed_percent: float = 5.0
    losing_percent: float = 5.0
    added_percent: float = 20.0
    widened_percent: float = 10.0
    few: int = 5
    reissue_days: int = 30


def check(
    db: sqlite3.Connection, plan: Plan, limits: Limits, *, inside: Inside, today: date
) -> None:
    """Write the tripwires that a plan trips to `plan.tripped`.

    `inside` returns the ids of the people who are inside now.  If it raises OSError nobody knows
    who is inside, so that everybody who loses access counts as inside.  `today` is the site's day.
    """
    plan.tripped = list(_look(db, plan, limits, inside, today))


def _look(
    connection: sqlite3.Connection, plan: Plan, limits: Limits, inside: Inside, today: date
) -> Iterator[Tripped]:
    if plan.total == 0:
        yield Tripped(
            "empty", plan.held, worded("nobody is on this list: no badge would pass any more")
        )
    yield from _similar(connection, plan)
    if not plan.base:
        return
    removed = [key for key, _ in plan.removed]
    losing = list(_losing(plan, today))
    yield from _share("removed", removed, plan.held, limits.removed_percent, limits, _REMOVED)
    yield from _share("losing_access", losing, plan.held, limits.losing_percent, limits, _LOSING)
    added = [person.id for person in plan.added]
    yield from _share("added", added, plan.held, limits.added_percent, limits, _NEW)
    widened = list(plan.widened)
    yield from _share("widened", widened, plan.held, limits.widened_percent, limits, _WIDER)
    yield from _missing(plan)
    if gone := {*removed, *losing}:
        yield from _stranded(gone, inside)
    reissued = list(_reissued(connection, plan, limits))
    if reissued:
        why = worded(
            "{n} ({names}) get a badge of somebody who left or was revoked within {days} days",
            days=limits.reissue_days,
        )
        yield _tripped("badge_reissued", reissued, why)
    yield from _older(connection, plan)
    yield from _rolled_back(connection, plan)


_REMOVED, _LOSING, _NEW = worded("removed"), worded("losing access"), worded("new")
_WIDER = worded("with more access than now")


def _missing(plan: Plan) -> Iterator[Tripped]:
    """Columns that are not on the list, where people would lose what stands there now: without
    `valid_until` nobody's access would end any more.  Nobody asked for that by leaving a column
    out of an export."""
    lost = {
        name: [key for key, fields in plan.changed.items() if name in fields]
        for name in sorted(plan.absent)
    }
    columns = [f"{both_names(name)}: {len(people)}" for name, people in lost.items() if people]
    if columns:
        people = sorted({key for found in lost.values() for key in found})
        why = worded(
            "the list has no column {columns}; {n} people ({names}) would lose what stands there",
            columns=", ".join(columns),
        )
        yield _tripped("missing_column", people, why)


def _similar(connection: sqlite3.Connection, plan: Plan) -> Iterator[Tripped]:
    """New ids that are like another one: a typing mistake gives one person two entries, or takes
    their face and PIN away because their old id leaves the list."""
    if not plan.added:
        return
    ids: dict[str, list[str]] = {}
    for person in plan.added:
        ids.setdefault(fold(person.id), []).append(person.id)
    new = {person.id for person in plan.added}
    for (key,) in connection.execute("SELECT id FROM person"):
        if key not in new and (like := ids.get(fold(key))) is not None:
            like.append(key)
    found = [" / ".join(sorted(group)) for group in ids.values() if len(group) > 1]
    if found:
        yield _tripped(
            "similar_ids", found, worded("{n} ({names}) differ by case or accents alone")
        )


def _stranded(gone: set[str], inside: Inside) -> Iterator[Tripped]:
    try:
        stranded = sorted(gone.intersection(inside()))
    except OSError as error:
        yield Tripped("stranded", len(gone), _unknown(error), tuple(sorted(gone)[:SHOWN]))
        return
    if stranded:
        yield _tripped(
            "stranded", stranded, worded("{n} ({names}) are inside and would lose access")
        )


def _unknown(error: OSError) -> Message:
    """Why nobody knows who is inside."""
    said = error.args[0] if error.args else ""
    return said if isinstance(said, Message) else worded("who is inside: {why}", why=error)


def _share(
    name: str, people: list[str], held: int, percent: float, limits: Limits, what: Message
) -> Iterator[Tripped]:
    share = 100 * len(people) / held if held else 100.0
    shown, limit = f"{share:.1f}", f"{percent:g}"
    if len(people) > limits.few and share > percent:
        why = worded(
            "{n} of {held} people ({share} %) {what}; the limit is {percent} %",
            n=len(people),
            held=held,
            share=shown,
            what=what,
            percent=limit,
        )
        yield Tripped(name, len(people), why, tuple(people[:SHOWN]))


def _tripped(name: str, people: list[str], what: Message) -> Tripped:
    shown = ", ".join(people[:5]) + (" ..." if len(people) > 5 else "")
    why = Message(what.text, {**what.facts, "n": len(people), "names": shown})
    return Tripped(name, len(people), why, tuple(people[:SHOWN]))


def _losing(plan: Plan, today: date) -> Iterator[str]:
    """People who can pass somewhere today and could not with the new list."""
    for key, _name in plan.removed:
        if _able(plan.before[key], today) and key not in plan.revoked:
            yield key
    for person in plan.updates:
        before = plan.before[person.id]
        if person.id in plan.revoked or not _able(before, today):
            continue
        if not _able(entry(person), today):
            yield person.id


def _able(held: Entry, today: date) -> bool:
    _, _, _, first, last, status, levels, badges, _ = held
    day = today.isoformat()
    return bool(
        status == "active"
        and (not first or first <= day)
        and (not last or day <= last)
        and levels != "[]"
        and badges
    )


def _reissued(connection: sqlite3.Connection, plan: Plan, limits: Limits) -> Iterator[str]:
    """People who get a badge that was another's until that one left or was revoked."""
    if limits.reissue_days == 0:
        return
    since = (datetime.now(UTC) - timedelta(days=limits.reissue_days)).isoformat()
    fresh = plan.added + [p for p in plan.updates if "credentials" in plan.changed[p.id]]
    owners = {badge.key: person.id for person in fresh for badge in person.credentials}
    known = set(_leaving_now(plan))
    if owners:
        wanted = json.dumps(list(owners)) if len(owners) < 10_000 else None
        sql = "SELECT key, person_id FROM released_badge WHERE at >= ?"
        if wanted is not None:
            sql += " AND key IN (SELECT value FROM json_each(?))"
        known |= set(connection.execute(sql, (since, wanted) if wanted else (since,)))
        known |= set(_revoked_here(connection))
    seen = set()
    for badge, former in known:
        owner = owners.get(badge)
        if owner is not None and owner != former and owner not in seen:
            seen.add(owner)
            yield owner


def _leaving_now(plan: Plan) -> Iterator[tuple[str, str]]:
    """Badges of people whom this list removes, suspends or revokes."""
    left = [key for key, _ in plan.removed]
    left += [p.id for p in plan.updates if p.status != "active" or p.id in plan.revoked]
    for key in left:
        for badge in (plan.before[key][7] or "").split("\n"):
            if badge:
                yield badge, key


def _revoked_here(connection: sqlite3.Connection) -> Iterable[tuple[str, str]]:
    return connection.execute(
        "SELECT c.key, c.person_id FROM revocation r JOIN credential c ON c.person_id = r.person_id"
    ).fetchall()


def _older(connection: sqlite3.Connection, plan: Plan) -> Iterator[Tripped]:
    """Whether the source made this list before the one in force.  A rollback does not say when."""
    if plan.generated_at is None:
        return
    row = connection.execute(
        "SELECT generated_at FROM version_detail WHERE generated_at IS NOT NULL "
        "ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if row and plan.generated_at < (newest := datetime.fromisoformat(row[0])):
        why = worded(
            "made {at}, the list in force {newest}",
            at=_minute(plan.generated_at),
            newest=_minute(newest),
        )
        yield Tripped("older", plan.total, why)


def _rolled_back(connection: sqlite3.Connection, plan: Plan) -> Iterator[Tripped]:
    """Whether this list was rolled back: the next pull of the source would bring it again."""
    if plan.kind == "rollback" or not plan.sha256:
        return
    row = connection.execute(
        "SELECT v.number, d.number FROM version_detail d JOIN list_version v "
        "ON v.number > d.to_version AND v.number < d.number "
        "WHERE d.kind = 'rollback' AND v.source_sha256 = ? ORDER BY d.number DESC LIMIT 1",
        (plan.sha256,),
    ).fetchone()
    if row:
        why = worded(
            "this is list version {n} again, which version {by} rolled back", n=row[0], by=row[1]
        )
        yield Tripped("rolled_back", plan.total, why)


def warnings(db: sqlite3.Connection, plan: Plan, now: datetime) -> list[str]:
    """What is odd about a list and does not hold it back: the times of files say little."""
    found = []
    row = db.execute(
        "SELECT modified_at FROM version_detail WHERE modified_at IS NOT NULL "
        "ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if plan.modified_at and row and plan.modified_at < datetime.fromisoformat(row[0]):
        found.append(
            _("the file was last changed {at}, before the last one").format(
                at=_minute(plan.modified_at)
            )
        )
    for what, at in (
        ("generated_at", plan.generated_at),
        (_("the file's time"), plan.modified_at),
    ):
        if at and at > now + timedelta(minutes=10):
            found.append(_("{what} lies in the future: {at}").format(what=what, at=_minute(at)))
    return found


def people_inside(path: Path) -> frozenset[str]:
    """The ids in presence.json: a header, then a line ``[id, name, company, area, since, free]``
    for each person who was seen, where area "" is outside.  Returns nobody if there is no such
    file.  Raises OSError if the file can't be read: then nobody knows who is inside."""
    try:
        with path.open(encoding="utf-8") as lines:
            header = json.loads(next(lines, ""))
            rows = [json.loads(line) for line in lines]
        if not isinstance(header, dict):
            raise ValueError
        return frozenset(str(row[0]) for row in rows if row[3])
    except FileNotFoundError:
        return frozenset()
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise OSError(
            worded("{file} is damaged: who is inside is not known", file=path.name)
        ) from error


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
