"""`garita console account ...`: who signs in at the console, from a terminal of the box itself.

It is the way in that no try at the sign-in can close: root gives the first administrator, or the
last one, a one-time code here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli import common, personnel
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.console.security.notes import Notes
from gateway.console.security.store import Store
from gateway.ledger.event import EventType
from gateway.locale import GaritaError, _
from gateway.people import keptoperators
from gateway.people.operators import Operators

app = App()

NameArgument = Annotated[str, typer.Argument(help="The operator's name to sign in with.")]
RoleOption = Annotated[
    list[str],
    typer.Option("--role", help="A role, as in garita.toml; may be repeated."),
]
AreaOption = Annotated[
    list[str], typer.Option("--area", help="An area that they see; none: all; may be repeated.")
]


@app.command("list")
def list_(ctx: Context, json: common.JsonOption = False) -> None:
    """Who may sign in, with which roles, and what they sign in with."""
    with opened(ctx) as store:
        held = store.credentials
        rows = [
            {
                "name": item.login,
                "person": item.person,
                "roles": sorted(item.roles),
                "areas": sorted(item.areas),
                "password": bool(held.password(item.login)),
                "second_factor": held.has_second(item.login),
                "sessions": len(store.sessions(item.login)),
            }
            for item in ctx.operators.all()
        ]
    if json:
        common.print_json(rows)
        return
    table = Table(_("name"), _("person"), _("roles"), _("password"), _("second factor"))
    for row in rows:
        yes = [_("yes") if row[key] else _("no") for key in ("password", "second_factor")]
        table.add_row(str(row["name"]), str(row["person"]), ", ".join(row["roles"]), *yes)  # type: ignore[arg-type]
    common.out.print(table)


@app.command()
def code(
    ctx: Context,
    name: NameArgument,
    forget_second: Annotated[
        bool, typer.Option("--forget-second", help="Their telephone or key is lost: forget it.")
    ] = False,
) -> None:
    """Give an operator a one-time code: they choose a password with it, within a day."""
    _known(ctx.operators, name)
    with opened(ctx) as store:
        if forget_second:
            store.credentials.forget_second(name)
            store.end_all(name)
            _note(ctx, store, name, "second_forgotten")
        given = store.credentials.new_code(name)
        _note(ctx, store, name, "new_code")
    common.say(given)


@app.command()
def add(
    ctx: Context,
    name: NameArgument,
    person: Annotated[str, typer.Argument(help="The id of the person on the list.")],
    role: RoleOption,
    area: AreaOption = [],  # noqa: B006 - Typer's way
) -> None:
    """Make a person of the list an operator of the console."""
    settings = ctx.settings
    with _saying(), closing(personnel.open_list(settings)) as db:
        keptoperators.add(
            db,
            ctx.operators,
            name,
            person,
            roles=role,
            areas=area,
            known_areas=settings.tables.areas,
            by=ctx.operator,
            today=datetime.now(settings.site.zone).date(),
        )
    common.nudge(settings)


@app.command()
def end(ctx: Context, name: NameArgument) -> None:
    """Let an operator sign in no more.  The last administrator stays."""
    settings = ctx.settings
    today = datetime.now(settings.site.zone).date()
    with _saying(), closing(personnel.open_list(settings)) as db:
        keptoperators.end(db, ctx.operators, name, by=ctx.operator, today=today)
    with opened(ctx) as store:
        store.credentials.forget(name)
        _note(ctx, store, name, "closed")


@app.command("sign-out")
def sign_out(ctx: Context, name: NameArgument) -> None:
    """End all sessions of an operator."""
    _known(ctx.operators, name)
    with opened(ctx) as store:
        store.end_all(name)
        data = {"name": name, "why": "ended", "by": ctx.operator}
        Notes(store.db, ctx.settings.people_path).put(EventType.CONSOLE_SESSION_ENDED, name, data)
    common.nudge(ctx.settings)


def _known(operators: Operators, name: str) -> None:
    if all(item.login != name for item in operators.all()):
        said = _("there is no operator {name}").format(name=name)
        common.fail(said, common.REFUSED)


def _note(ctx: Context, store: Store, name: str, what: str) -> None:
    data = {"name": name, "what": what, "by": ctx.operator}
    Notes(store.db, ctx.settings.people_path).put(EventType.CONSOLE_ACCOUNT_CHANGED, name, data)
    common.nudge(ctx.settings)


@contextmanager
def opened(ctx: Context) -> Iterator[Store]:
    """The console's own file; ends the command if this account may not use it."""
    folder = ctx.settings.tables.console.data_dir
    try:
        store = Store(folder / "console.db")
    except (OSError, sqlite3.Error, GaritaError) as error:
        said = _("{path}: {error}; root or the console's account may").format(
            path=folder, error=error
        )
        common.fail(said, common.UNREACHABLE)
    with closing(store):
        Notes(store.db, ctx.settings.people_path).look()
        yield store


@contextmanager
def _saying() -> Iterator[None]:
    try:
        yield
    except GaritaError as error:
        common.fail(str(error), common.REFUSED)
