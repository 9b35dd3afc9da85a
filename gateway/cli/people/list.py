"""`garita people ...`: the authorized-personnel list, from the command line."""

from __future__ import annotations

import json as jsonlib
import sqlite3
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.people.permit import moment
from gateway.cli.personnel import PersonArgument, open_list
from gateway.config import Settings
from gateway.decide.model import Credential
from gateway.locale import _
from gateway.locale.text import name_key
from gateway.people import losses, permits
from gateway.people.losses import Loss
from gateway.people.standing import standing
from gateway.people.sync import apply as sync
from gateway.wording import words

app = App()


@app.command("list")
def list_(
    ctx: Context,
    search: Annotated[str, typer.Option(help="Part of an id, name or company.")] = "",
    limit: common.LimitOption = None,
    json: common.JsonOption = False,
) -> None:
    """The people in force."""
    db = open_list(ctx.settings)
    fields = ("p.id", "p.name", "p.company")
    where = " OR ".join(f"instr(name_key({field}), :key)" for field in fields)
    key = name_key(search)
    rows = _rows(db, f"{_PERSON} WHERE :key = '' OR {where} ORDER BY p.id", {"key": key})
    shown = rows[: common.most(limit, json)]
    today = datetime.now(ctx.settings.site.zone).date()
    if json:
        common.print_json(shown)
        return
    table = Table(
        _("id"),
        _("name"),
        _("company"),
        _("role"),
        _("valid"),
        _("status"),
        _("levels"),
        _("faces"),
        box=None,
    )
    for row in shown:
        valid = f"{row['valid_from'] or '…'} – {row['valid_until'] or '…'}"
        levels = ", ".join(_list(row["access_levels"]))
        status = words.word(_standing(row, today))
        cells = (row["id"], row["name"], row["company"], row["role"], valid, status, levels)
        table.add_row(*map(escape, cells), str(row["templates"]))
    common.out.print(table)
    if len(rows) > len(shown):
        common.out.print(
            _("... and {count} more (--limit 0 shows all)").format(count=len(rows) - len(shown))
        )


@app.command()
def show(
    ctx: Context,
    person: PersonArgument,
    reveal: Annotated[bool, typer.Option(help="Show badge numbers in full.")] = False,
    json: common.JsonOption = False,
) -> None:
    """One person: validity, badges (masked), levels, enrolled faces."""
    settings = ctx.settings
    db = open_list(settings)
    rows = _rows(db, f"{_PERSON} WHERE p.id = :id", {"id": person})
    if not rows:
        common.fail(_not_there(settings, db, person), common.REFUSED)
    row = rows[0]
    badges = db.execute("SELECT key FROM credential WHERE person_id = ? ORDER BY key", (person,))
    keys = [key for (key,) in badges]
    row["access_levels"] = _list(row["access_levels"])
    row["credentials"] = [key if reveal else Credential(*key.split(":", 2)).masked for key in keys]
    row |= _inactive(settings, db, row)
    db.close()
    if json:
        common.print_json(row)
        return
    row["status"] = words.word(_standing(row, datetime.now(settings.site.zone).date()))
    hidden = _INACTIVE if row["revoked_at"] else ("list_status",)  # it says the same once more
    table = Table(show_header=False, box=None)
    for key, value in row.items():
        if (key in _WHEN_THERE and not value) or key in hidden:
            continue
        text = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
        if key in ("revoked_at", "inactive_since") and "T" in text:
            text = words.moment(text, settings.site.zone, named=True)
        elif key == "list_status":
            text = words.word(text)
        elif key in ("valid_from", "valid_until"):
            text = words.day(text)
        table.add_row(words.word(key), escape(text))
    common.out.print(table)


@app.command()
def revoke(
    ctx: Context,
    person: PersonArgument,
    reason: common.ReasonOption,
    at: Annotated[
        str, typer.Option("--at", help="When it was decided, if earlier: 2026-11-30T09:00.")
    ] = "",
) -> None:
    """Let a person pass no more, from the next badge on, whatever any list says."""
    said = moment(ctx.settings, at) if at else None
    if said is not None and said > datetime.now(UTC):
        common.fail(_("{at} is not in the past").format(at=at), common.USAGE)
    _set_revoked(ctx, person, reason, revoked=True, said=said)


@app.command()
def reinstate(
    ctx: Context,
    person: PersonArgument,
    reason: common.ReasonOption,
) -> None:
    """Take a revocation back; the list decides again."""
    _set_revoked(ctx, person, reason, revoked=False)


@app.command()
def escort(
    ctx: Context,
    person: PersonArgument,
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Only by this person; may be said again.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="They pass alone again.")] = False,
) -> None:
    """Let a person pass with an escort's badge alone."""
    settings = ctx.settings
    db = open_list(settings)
    who = None if clear else list(by or ())
    try:
        done = permits.set_escort(db, person, who, by=common.operator(settings))
    except sqlite3.Error as error:
        common.fail(_("the list could not be written: {error}").format(error=error), common.REFUSED)
    if not done:
        said = (
            _("nobody with the id {person} needs an escort")
            if clear
            else _("nobody on the list has the id {person}")
        )
        common.fail(said.format(person=person), common.REFUSED)
    db.close()
    common.nudge(settings)
    if clear:
        said = _("{person}: needs no escort")
    elif by:
        said = _("{person}: passes with {escorts}")
    else:
        said = _("{person}: passes with an escort")
    common.out.print(said.format(person=person, escorts=", ".join(by or ())), markup=False)


def _set_revoked(
    ctx: Context, person: str, reason: str, *, revoked: bool, said: datetime | None = None
) -> None:
    settings = ctx.settings
    db = open_list(settings)
    try:
        done = sync.set_revoked(
            db,
            person,
            revoked=revoked,
            why=reason,
            by=common.operator(settings),
            said=said,
        )
    except sync.SyncError as error:
        common.fail(str(error), common.REFUSED)
    was = _rows(db, f"{_PERSON} WHERE p.id = :id", {"id": person})
    if not done and revoked and was and was[0]["revoked_at"]:
        common.out.print(
            _("{person}: revoked already, since {at} by {by}: {why}").format(
                person=person,
                at=words.moment(was[0]["revoked_at"], settings.site.zone),
                by=was[0]["revoked_by"] or "?",
                why=was[0]["revoked_why"] or "",
            ),
            markup=False,
        )
        return
    if not done:
        refusal = (
            _("nobody on the list has the id {person}")
            if revoked
            else _("nobody with the id {person} is revoked")
        )
        common.fail(refusal.format(person=person), common.REFUSED)
    db.close()
    common.nudge(settings)
    done_text = _("{person}: revoked") if revoked else _("{person}: reinstated")
    common.out.print(done_text.format(person=person), markup=False)


_PERSON = """
SELECT p.id, p.name, p.company, p.role, p.valid_from, p.valid_until,
       CASE WHEN r.at IS NULL THEN p.status ELSE 'revoked' END AS status,
       p.status AS list_status, p.access_levels,
       r.at AS revoked_at, r.by AS revoked_by, r.why AS revoked_why,
       (SELECT count(*) FROM template t WHERE t.person_id = p.id) AS templates
  FROM person p LEFT JOIN revocation r ON r.person_id = p.id"""
_INACTIVE = ("inactive_since", "inactive_by", "inactive_why")
_WHEN_THERE = ("revoked_at", "revoked_by", "revoked_why", *_INACTIVE)


def _standing(row: dict[str, Any], today: date) -> str:
    """Whether a person may pass at all today: the code of a word."""
    revoked = row["revoked_at"] is not None
    return standing(row["status"], revoked, row["valid_from"], row["valid_until"], today)


def _inactive(settings: Settings, db: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """Since when a person who may not pass may not, by whom, and why; None where they may."""
    found: dict[str, Any] = dict.fromkeys(_INACTIVE)
    standing = _standing(row, datetime.now(settings.site.zone).date())
    if row["revoked_at"]:
        values = (row["revoked_at"], row["revoked_by"], row["revoked_why"])
    elif standing == "expired":
        last = date.fromisoformat(row["valid_until"])
        why = _("valid until {until}").format(until=words.day(last))
        values = ((last + timedelta(days=1)).isoformat(), "", why)
    elif standing in ("suspended", "revoked"):
        wanted = (loss for loss in losses.of(db, row["id"]) if "shut_off" in loss.how.split(","))
        loss = next(wanted, None)
        if loss is None:  # from the first list on, or by a list of an older version
            return found
        values = (loss.effective_at.isoformat(), loss.by, _list_of(loss))
    else:
        return found
    return dict(zip(_INACTIVE, values, strict=True))


def _list_of(loss: Loss) -> str:
    return _("list version {version} ({source})").format(version=loss.version, source=loss.why)


def _not_there(settings: Settings, db: sqlite3.Connection, person: str) -> str:
    """That somebody is not on the list; and since when, by whom and by which list they left it."""
    said = _("nobody on the list has the id {person}").format(person=person)
    for loss in losses.of(db, person):
        if loss.how == "left_list":
            return said + _("; {person} left it on {at}: {list}, by {by}").format(
                person=person,
                at=words.moment(loss.effective_at, settings.site.zone),
                list=_list_of(loss),
                by=loss.by or "?",
            )
    return said


def _rows(db: sqlite3.Connection, sql: str, values: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of a query, each as column to value."""
    cursor = db.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _list(text: str) -> list[str]:
    names: list[str] = jsonlib.loads(text)
    return names
