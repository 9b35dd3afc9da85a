"""Business partners: which companies may send visitors and trucks, and until when.

A partner has a programme status (CTPAT with its SVI number, or OEA, AEO, PIP ... with a
certificate), or else the date of a security questionnaire.  It also has a last good day.
`clearance()` is pure: it takes a partner, a day and the policy, and returns a verdict with its
reason.  `partner_history` keeps what a partner was before.  If the policy names a kind of
requirement, `put()` changes that requirement of the company in the same transaction; so the doors
and the desk always agree.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

from gateway.config.criteria import Criteria, standard
from gateway.desk.act import stamp, writing
from gateway.desk.errors import DeskError, NotFound
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.locale import N_, Message
from gateway.locale.text import name_key
from gateway.people import requirements
from gateway.people.days import day_of
from gateway.people.schema import put_event

KINDS = ("carrier", "supplier", "customer", "contractor", "broker", "other")
PROGRAMMES = ("ctpat", "oea", "aeo", "pip", "basc", "none")
STATUSES = ("active", "suspended")
Verdict = Literal["pass", "hold", "deny"]


@dataclass(frozen=True, slots=True)
class Partner:
    """A company in the register.

    `number` is the SVI number or the certificate's.  `questionnaire` is the day of the last one.
    `valid_until` is the last good day.  `version` counts the changes.
    """

    name: str
    kind: str
    programme: str
    number: str
    questionnaire: date | None
    valid_until: date
    status: str = "active"
    note: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class PartnerPolicy:
    """What the desk does with a company that is not cleared, by cause.

    `questionnaire_months` is how long a questionnaire counts for a partner without a programme.
    `requirement` is the kind of requirement that a company has while it is cleared; "" for none.
    """

    unknown: Verdict = "hold"
    lapsed: Verdict = "hold"
    suspended: Verdict = "deny"
    questionnaire_months: int = 12
    warn_days: int = 30
    requirement: str = ""
    zone: tzinfo = UTC
    criteria: Criteria = field(default_factory=standard)


@dataclass(frozen=True, slots=True)
class Clearance:
    """The verdict on a company.  `code` is ``partner_cleared`` or why not; `rule` is the date or
    number behind it, for the record."""

    verdict: Verdict
    code: str
    rule: str = ""

    @property
    def message(self) -> Message:
        """Why, in a sentence."""
        why = Message(WORDS[self.code])
        return Message("{why} ({rule})", {"why": why, "rule": self.rule}) if self.rule else why


WORDS: Mapping[str, str] = {
    "partner_cleared": N_("the company is cleared"),
    "partner_unknown": N_("the company is not in the register of partners"),
    "partner_suspended": N_("the company is suspended"),
    "partner_lapsed": N_("the company's status has lapsed"),
    "partner_questionnaire_old": N_("the company's questionnaire is too old"),
}


def clearance(partner: Partner | None, today: date, policy: PartnerPolicy) -> Clearance:
    """Whether a company may send people and trucks on `today`, a day in the site's zone."""
    if partner is None:
        return Clearance(policy.unknown, "partner_unknown")
    if partner.status != "active":
        return Clearance(policy.suspended, "partner_suspended")
    if today > partner.valid_until:
        return Clearance(policy.lapsed, "partner_lapsed", partner.valid_until.isoformat())
    if partner.programme == "none":
        day = partner.questionnaire
        if day is None or day > today or _months(day, today) >= policy.questionnaire_months:
            rule = day.isoformat() if day else ""
            return Clearance(policy.lapsed, "partner_questionnaire_old", rule)
    return Clearance("pass", "partner_cleared")


def checked(partner: Partner) -> Partner:
    """The partner with its text cleaned; raises DeskError for values that can't be right."""
    name = clean(partner.name, N_("name"), most=120)
    if not name_key(name):
        raise DeskError("missing", "the name has no letters")
    _one_of(partner.kind, KINDS, N_("kind"))
    _one_of(partner.programme, PROGRAMMES, N_("programme"))
    _one_of(partner.status, STATUSES, N_("status"))
    number = clean(partner.number, N_("number"), most=60, needed=False)
    if partner.programme != "none" and not number:
        raise DeskError("missing", "a programme status comes with its SVI or certificate number")
    if partner.programme == "none" and partner.questionnaire is None:
        raise DeskError(
            "missing", "a partner without a programme needs the date of a questionnaire"
        )
    note = clean(partner.note, N_("note"), needed=False)
    return Partner(
        name,
        partner.kind,
        partner.programme,
        number,
        partner.questionnaire,
        partner.valid_until,
        partner.status,
        note,
        partner.version,
    )


def last_good_day(partner: Partner, policy: PartnerPolicy) -> date | None:
    """The last day on which `clearance` passes; None for a partner that is not active."""
    if partner.status != "active":
        return None
    if partner.programme != "none":
        return partner.valid_until
    day = partner.questionnaire
    if day is None:
        return None
    month = day.year * 12 + day.month - 1 + policy.questionnaire_months
    # If the month lacks that day, take the first of the next month, as `_months` counts.
    try:
        over = date(month // 12, month % 12 + 1, day.day)
    except ValueError:
        over = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(partner.valid_until, over - timedelta(days=1))


def put(
    connection: sqlite3.Connection,
    partner: Partner,
    policy: PartnerPolicy,
    *,
    by: str,
    now: datetime,
) -> Partner:
    """Register a partner or change one, with its event, in one transaction.

    `by` is the operator and `now` an aware time.  Returns the partner with its new version; the
    history keeps the old one.  Raises DeskError.
    """
    new = checked(partner)
    key = name_key(new.name)
    with writing(connection):
        old = find(connection, new.name)
        version = old.version + 1 if old else 1
        values = {**_values(new), "version": version}
        connection.execute(
            "INSERT OR REPLACE INTO partner (key, name, kind, programme, number, questionnaire, "
            "valid_until, status, note, version, set_at, by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, *values.values(), stamp(now), by),
        )
        connection.execute(
            "INSERT INTO partner_history (key, version, at, by, data) VALUES (?, ?, ?, ?, ?)",
            (key, version, stamp(now), by, json.dumps(values, ensure_ascii=False)),
        )
        kind = EventType.PARTNER_CHANGED if old else EventType.PARTNER_ADDED
        data = {**values, "by": by, **policy.criteria.marks(kind)}
        if policy.requirement:
            data["requirement"] = _require(connection, new, policy, by=by, now=now)
        put_event(
            connection,
            kind,
            new.name,
            data,
        )
    return replace(new, version=version)


def find(connection: sqlite3.Connection, name: str) -> Partner | None:
    """The partner of that name, compared without case and accents; None if there is none."""
    row = connection.execute(f"{_SELECT} WHERE key = ?", (name_key(name),)).fetchone()
    return _partner(row) if row else None


def get(connection: sqlite3.Connection, name: str) -> Partner:
    """Like `find`, but raises NotFound."""
    found = find(connection, name)
    if found is None:
        raise NotFound(
            "partner_unknown", "{name} is not in the register of partners", name=name[:60]
        )
    return found


def every(connection: sqlite3.Connection) -> list[Partner]:
    """All partners, by name."""
    return [_partner(row) for row in connection.execute(f"{_SELECT} ORDER BY key")]


def history(connection: sqlite3.Connection, name: str) -> list[dict[str, object]]:
    """Every version of a partner, oldest first: when it was set, by whom, and its values."""
    rows = connection.execute(
        "SELECT version, at, by, data FROM partner_history WHERE key = ? ORDER BY version",
        (name_key(name),),
    )
    return [{"version": n, "at": at, "by": by, **json.loads(data)} for n, at, by, data in rows]


_SELECT = (
    "SELECT name, kind, programme, number, questionnaire, valid_until, status, note, version "
    "FROM partner"
)


def _require(
    connection: sqlite3.Connection,
    partner: Partner,
    policy: PartnerPolicy,
    *,
    by: str,
    now: datetime,
) -> dict[str, object]:
    """Bring the company's requirement in line with its status.

    A cleared company has a row, which counts for every spelling of its name; any other has none.
    Returns what the event says of it, with the spellings that the list has now.
    """
    kind, key = policy.requirement, name_key(partner.name)
    before = requirements.held(connection, "company", partner.name, kind)
    connection.execute(
        "DELETE FROM requirement WHERE subject_kind = 'company' AND key = ? AND kind = ?",
        (key, kind),
    )
    until = last_good_day(partner, policy)
    asked, today = partner.questionnaire, day_of(now, policy.zone)
    if partner.programme == "none" and asked and asked > today:
        until = None  # the company has not answered it yet
    requirements.record_loss(connection, partner.name, kind, before, until, by=by)
    if until is None:
        return {"kind": kind, "valid_until": None, "companies": []}
    row = requirements.Row(
        "company", partner.name, kind, until, partner.number, partner.questionnaire
    )
    requirements.put(connection, [row], by=by)
    spelled = connection.execute("SELECT company FROM person UNION SELECT company FROM visit_badge")
    names = {partner.name} | {name for (name,) in spelled if name_key(name) == key}
    return {"kind": kind, "valid_until": until.isoformat(), "companies": sorted(names)}


def _values(partner: Partner) -> dict[str, object]:
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in asdict(partner).items()
    }


def _partner(row: tuple[str, str, str, str, str | None, str, str, str, int]) -> Partner:
    name, kind, programme, number, asked, until, status, note, version = row
    return Partner(
        name,
        kind,
        programme,
        number,
        date.fromisoformat(asked) if asked else None,
        date.fromisoformat(until),
        status,
        note,
        version,
    )


def _months(since: date, today: date) -> int:
    """Whole months from one day to another; negative for a day to come."""
    return (today.year - since.year) * 12 + today.month - since.month - (today.day < since.day)


def _one_of(value: str, known: tuple[str, ...], field: str) -> None:
    if value not in known:
        names = ", ".join(known)
        raise DeskError(
            "unknown_word", "{field}: one of {names}", field=Message(field), names=names
        )
