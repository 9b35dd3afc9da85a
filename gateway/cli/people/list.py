"""`garita people ...`: the authorized-personnel list, from the command line."""

from __future__ import annotations

import json as jsonlib
import sqlite3
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common, words
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.personnel import PersonArgument, open_list
from gateway.decide.model import Credential
from gateway.locale import _
from gateway.locale.text import name_key
from gateway.people import permits
from gateway.people.sync import apply as sync

app = App()


@app.command("list")
def list_(
    ctx: Context,
    search: Annotated[str, typer.Option(help="Part of an id, name or company.")] = "",
    limit: Annotated[int, typer.Option(help="How many to show; 0 is all.")] = 200,
    json: common.JsonOption = False,
) -> None:
    """The people in force."""
    db = open_list(ctx.settings)
    fields = ("p.id", "p.name", "p.company")
    where = " OR ".join(f"instr(name_key({field}), :key)" for field in fields)
    key = name_key(search)
    rows = _rows(db, f"{_PERSON} WHERE :key = '' OR {where} ORDER BY p.id", {"key": key})
    shown = rows[:limit] if limit else rows
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
        status = "revoked" if row["revoked_at"] else row["status"]
        levels = ", ".join(_list(row["access_levels"]))
        status = words.word(status)
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
    db = open_list(ctx.settings)
    rows = _rows(db, f"{_PERSON} WHERE p.id = :id", {"id": person})
    if not rows:
        common.fail(
            _("nobody on the list has the id {person}").format(person=person), common.REFUSED
        )
    row = rows[0]
    badges = db.execute("SELECT key FROM credential WHERE person_id = ? ORDER BY key", (person,))
    keys = [key for (key,) in badges]
    row["access_levels"] = _list(row["access_levels"])
    row["credentials"] = [key if reveal else Credential(*key.split(":", 2)).masked for key in keys]
    if json:
        common.print_json(row)
        return
    table = Table(show_header=False, box=None)
    for key, value in row.items():
        text = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
        table.add_row(words.word(key), escape(text))
    common.out.print(table)


@app.command()
def revoke(
    ctx: Context,
    person: PersonArgument,
    reason: common.ReasonOption,
) -> None:
    """Let a person pass no more, from the next badge on, whatever any list says."""
    _set_revoked(ctx, person, reason, revoked=True)


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
        done = permits.set_escort(db, person, who, by=common.operator())
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


def _set_revoked(ctx: Context, person: str, reason: str, *, revoked: bool) -> None:
    settings = ctx.settings
    db = open_list(settings)
    try:
        done = sync.set_revoked(db, person, revoked=revoked, why=reason, by=common.operator())
    except sync.SyncError as error:
        common.fail(str(error), common.REFUSED)
    if not done:
        said = (
            _("nobody on the list has the id {person}")
            if revoked
            else _("nobody with the id {person} is revoked")
        )
        common.fail(said.format(person=person), common.REFUSED)
    db.close()
    common.nudge(settings)
    said = _("{person}: revoked") if revoked else _("{person}: reinstated")
    common.out.print(said.format(person=person), markup=False)


_PERSON = """
SELECT p.id, p.name, p.company, p.role, p.valid_from, p.valid_until, p.status, p.access_levels,
       r.at AS revoked_at, r.why AS revoked_why,
       (SELECT count(*) FROM template t WHERE t.person_id = p.id) AS templates
  FROM person p LEFT JOIN revocation r ON r.person_id = p.id"""


def _rows(db: sqlite3.Connection, sql: str, values: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of a query, each as column to value."""
    cursor = db.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _list(text: str) -> list[str]:
    names: list[str] = jsonlib.loads(text)
    return names
