"""What `garita visit`, `partner` and `freight` share: people.db opened for an act, refusals in the
language in use, and common options."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common, personnel
from gateway.cli.keyed import Keyed
from gateway.config import Settings
from gateway.desk.errors import DeskError, Unwritable
from gateway.desk.identity import Shown, shown
from gateway.locale import _, choose

IdKind = Annotated[str, typer.Option("--id-kind", help="Kind of photo ID that you looked at.")]
IdNumber = Annotated[
    bool,
    typer.Option(
        "--id-number",
        help="Type the document's number too (asked for, or read from stdin in a pipe); only a "
        "keyed fingerprint is kept.",
    ),
]
Supervisor = Annotated[
    str,
    typer.Option(
        "--supervisor",
        help="Second person who lets in what is held: operator, id or name on the list; asks for "
        "their PIN unless this is their own account.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the log.")]
Version = Annotated[
    int | None, typer.Option("--version", help="Do it only if it is still this version.")
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
FromDay = Annotated[str, typer.Option("--from", help="First day, such as 2026-11-25 (today).")]
ToDay = Annotated[str, typer.Option("--to", help="Last day (the first).")]


@contextmanager
def opened(settings: Settings, *, act: bool = True) -> Iterator[sqlite3.Connection]:
    """people.db, opened for one act.

    If the desk refuses, it prints why in the language in use and ends with the exit code.
    Afterwards it has the act recorded at once.
    """
    db = personnel.open_list(settings)
    connection: sqlite3.Connection = db
    try:
        yield connection
    except DeskError as error:
        code = common.UNREACHABLE if isinstance(error, Unwritable) else common.REFUSED
        refused(settings, error, code)
    except sqlite3.Error as error:
        common.fail(f"{settings.people_path}: {error}", common.UNREACHABLE)
    finally:
        db.close()
        # Also after a refusal, because the try may be an event.
        if act:
            common.nudge(settings)


def refused(settings: Settings, error: DeskError, code: int = common.REFUSED) -> None:
    """Print why the desk refused, with the reason code and the criteria, and end with `code`."""
    criteria = ", ".join(settings.criteria.of(*error.serves))
    tail = f" [{'; '.join((error.code, *filter(None, [criteria])))}]"
    common.fail(error.say() + tail, code)


@contextmanager
def saying(settings: Settings) -> Iterator[None]:
    """Print a DeskError that comes before people.db is open, as `opened` does."""
    try:
        yield
    except DeskError as error:
        refused(settings, error)


def now() -> datetime:
    """The time of an act, in UTC."""
    return datetime.now(UTC)


def say(line: str) -> None:
    """Print a line for the person at the desk."""
    common.out.print(line, markup=False, soft_wrap=True)


def table(*heads: str) -> Table:
    """A table without lines around it."""
    return Table(*heads, box=None)


def add(rows: Table, *cells: object) -> None:
    """Add a row; Rich does not read its text as markup."""
    rows.add_row(*(escape("" if cell is None else str(cell)) for cell in cells))


def looked_at(settings: Settings, kind: str, *, number: bool) -> Shown | None:
    """The photo ID that the options name; None without --id-kind.  With `number` it asks for the
    document's number, or reads it from stdin in a pipe."""
    if not kind:
        return None
    kinds = {name: (k.en, k.es) for name, k in settings.tables.visits.id_kinds.items()}
    text = ""
    if number:
        if sys.stdin.isatty():
            text = typer.prompt(_("ID number"), hide_input=True, err=True)
        else:
            text = sys.stdin.readline()
        if not text.strip():
            common.fail(_("--id-number: no number came"), common.USAGE)
    with saying(settings):
        return shown(
            kind,
            text.strip(),
            kinds=kinds,
            key=Keyed(settings) if number else None,
            keep=settings.tables.visits.keep_id_number,
        )
    return None


def days(settings: Settings, first: str, last: str) -> tuple[date, date]:
    """The first and last local day from --from and --to; ends the command if they are wrong."""
    today = now().astimezone(settings.site.zone).date()
    try:
        begin = date.fromisoformat(first) if first else today
        end = date.fromisoformat(last) if last else (begin if first else today)
    except ValueError as error:
        common.fail(str(error), common.USAGE)
    if end < begin or end.year > 9000:
        common.fail(_("--to is not before --from"), common.USAGE)
    return begin, end


def day(text: str, option: str) -> date | None:
    """The day in an option, None if it is empty; ends the command if it is wrong."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        common.fail(f"{option}: {error}", common.USAGE)


def id_kind(settings: Settings, kind: str) -> str:
    """A kind of photo ID as the site names it; "" for none."""
    known = settings.tables.visits.id_kinds.get(kind)
    return choose((known.en, known.es)) if known else kind
