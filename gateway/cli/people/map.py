"""`garita people map`: learn once how HR's own list is read, and write that down as a profile.

The command looks at the file, proposes what it can see and asks for what it can't: on a terminal
in questions, from a script by options.  It shows the first rows as it would read them before it
writes anything, and it never replaces a profile without `--replace`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common, keyed
from gateway.cli.context import Context
from gateway.config import Settings
from gateway.locale import _, system
from gateway.locale.text import fold
from gateway.people.sync import csvtext, profile, workbook
from gateway.people.sync.file import MAX_BYTES, cell_lines, parse
from gateway.people.sync.header import OTHERS as OTHER_HEADS
from gateway.people.sync.header import REQUIRES, column
from gateway.people.sync.profile import OTHERS, Profile, ProfileError
from gateway.people.sync.source import Source

SHOWN = 8
MAX_VALUES = 60
# Headers that a person must confirm: they may mean something else.
VAGUE = {
    "id": ("empleado", "nomina", "clave"),
    "name": ("trabajador",),
    "valid_from": ("ingreso",),
    "valid_until": ("vigencia",),
}
LEVELS_FROM = ("departamento", "depto", "depto.", "area", "department", "turno")
_ORDERED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}")


def map_(
    ctx: Context,
    file: Annotated[Path, typer.Argument(help="HR's list: Excel (.xlsx) or CSV.")],
    name: Annotated[str, typer.Option(help="The profile's name.")] = "hr",
    column: Annotated[
        list[str] | None,
        typer.Option(help="OURS=HEADER, such as id=Clave; may be said again. OURS= for none."),
    ] = None,
    dates: Annotated[str, typer.Option(help="day-first, month-first or year-first.")] = "",
    encoding: Annotated[str, typer.Option(help="utf-8, utf-16 or windows-1252.")] = "",
    delimiter: Annotated[str, typer.Option(help="What parts the columns of a CSV file.")] = "",
    sheet: Annotated[str, typer.Option(help="The sheet of a workbook.")] = "",
    header_row: Annotated[int, typer.Option(min=1, max=100, help="Where the headers are.")] = 1,
    prefix: Annotated[
        str, typer.Option(help="Before each card number: format:facility:, such as h10301:12:")
    ] = "",
    digits: Annotated[
        list[str] | None,
        typer.Option(help="id=N or credentials=N: numbers are filled with zeros to N digits."),
    ] = None,
    everybody: Annotated[
        str, typer.Option(help="Access levels that everybody gets, parted by commas.")
    ] = "",
    levels_from: Annotated[
        str, typer.Option(help="The header whose values decide access levels.")
    ] = "",
    level: Annotated[
        list[str] | None,
        typer.Option(help="VALUE=LEVELS of that column; *= for all others. May be said again."),
    ] = None,
    status: Annotated[
        list[str] | None, typer.Option(help="VALUE=active, suspended or revoked; repeatable.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; refuse what is open.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace this profile.")] = False,
) -> None:
    """Learn how HR's own list is read: ask, show the first rows, write the profile."""
    settings = ctx.settings
    raw = _bytes(file)
    try:
        path = profile.path_of(name, settings.profile_folders)
        if path.exists() and not replace:
            common.fail(_("{path} is there already; --replace replaces it").format(path=path), 1)
        values: dict[str, Any] = {"header_row": header_row, "sheet": sheet}
        if not workbook.is_workbook(raw):
            values["encoding"] = encoding or csvtext.guess(raw)
            values["delimiter"] = delimiter or None
        ask = _Asker(unattended=yes)
        heads, rows = _table(raw, values, settings)
        values["columns"] = _columns(heads, _pairs(column), ask)
        values["dates"] = dates or _order(heads, rows, values["columns"], ask)
        values["credential_prefix"] = prefix or _prefix(heads, rows, values["columns"], ask)
        values["digits"] = {key: int(number) for key, number in _pairs(digits).items()}
        values["statuses"] = _pairs(status)
        values |= _levels(heads, rows, settings, everybody, levels_from, _pairs(level), ask)
        made = profile.make({key: value for key, value in values.items() if value})
    except (ProfileError, workbook.WorkbookError, ValueError) as error:
        common.fail(str(error), common.REFUSED)
    errors = _preview(raw, file, made, settings)
    if errors and yes:
        common.fail(_("nothing was written: the list has errors"), common.CHECK_FAILED)
    if not ask.confirm(_("Write this profile?")):
        common.fail(_("nothing was written"), common.REFUSED)
    path = _write(settings, path, made, file.name, replace=replace)
    common.say(
        _("{path}: written; use it with garita people sync FILE --profile {name}").format(
            path=path, name=name
        )
    )


def _write(settings: Settings, path: Path, made: Profile, source: str, *, replace: bool) -> Path:
    """Where the profile was written: at `path`; or by the running gateway, in its own folder, if
    this account may not write there and nobody's profile of that name comes first."""
    by = common.operator(settings)
    ours = path.parent in settings.profile_folders
    try:
        profile.write(path, made, source=source, by=by, replace=replace)
    except PermissionError as error:
        why = f"{path}: {system(error.strerror)}"
        roots = path.parent == settings.profile_folders[0] and path.exists()
        if not ours or roots:
            common.fail(why, common.REFUSED)
        values = made.model_dump(mode="json", exclude_defaults=True)
        more = {"name": path.stem, "values": values, "source": source, "replace": replace}
        return Path(str(keyed.by_gateway(settings, why, "profile", **more)["path"]))
    except OSError as error:
        common.fail(f"{path}: {system(error.strerror)}", common.REFUSED)
    return path


class _Asker:
    """Questions on a terminal; unattended, each answer is the default, and none is a refusal."""

    def __init__(self, *, unattended: bool) -> None:
        self._unattended = unattended

    def text(self, question: str, default: str = "", *, option: str, needed: bool = True) -> str:
        if self._unattended:
            if not default and needed:
                raise ProfileError(
                    _("{question} Say it with {option}.").format(question=question, option=option)
                )
            return default
        answer: str = typer.prompt(question, default=default or None)
        return answer.strip()

    def confirm(self, question: str) -> bool:
        return self._unattended or typer.confirm(question)


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            raw = source.read(MAX_BYTES + 1)
    except OSError as error:
        common.fail(f"{file}: {system(error.strerror)}", common.REFUSED)
    if len(raw) > MAX_BYTES:
        common.fail(_("{file}: larger than {n} MiB").format(file=file, n=MAX_BYTES >> 20), 1)
    return raw


def _pairs(given: list[str] | None) -> dict[str, str]:
    """Options such as id=Clave."""
    found = {}
    for item in given or ():
        key, sign, value = item.rpartition("=") if item.startswith(OTHERS) else item.partition("=")
        if not sign or not key:
            raise ProfileError(_("{item}: expected NAME=VALUE").format(item=item))
        found[key] = value
    return found


def _table(
    raw: bytes, values: dict[str, Any], settings: Settings
) -> tuple[list[str], list[list[Any]]]:
    """The headers of the file and its rows."""
    shape = {key: value for key, value in values.items() if value}
    draft = Profile.model_construct(**{**_DRAFT, **shape})
    source = Source("")
    heads: list[str] = []
    rows = []
    for line, cells in cell_lines(raw, source, draft, settings.site.zone):
        if line == draft.header_row:
            heads = [str(cell).strip() for cell in cells]
        elif line > draft.header_row and any(str(cell).strip() for cell in cells):
            rows.append(cells)
    if source.errors:
        raise ProfileError(str(source.errors[0]))
    if not any(heads):
        raise ProfileError(_("the file has no header row; say where it is with --header-row"))
    return heads, rows


_DRAFT = {"encoding": "utf-8", "delimiter": None, "sheet": "", "header_row": 1}


def _columns(heads: list[str], given: dict[str, str], ask: _Asker) -> dict[str, str]:
    """Our columns to their headers."""
    common.out.print(
        _("Columns of the file: {names}").format(names=", ".join(filter(None, heads))),
        markup=False,
        soft_wrap=True,
    )
    known = {fold(head): head for head in heads if head}
    questions = {
        "id": _("Which column is the person's number?"),
        "name": _("Which column is the name?"),
        "credentials": _("Which column is the card number?"),
        "company": _("Which column is the company ('-' for none)?"),
        "role": _("Which column is the position ('-' for none)?"),
        "valid_from": _("Which column is the first day ('-' for none)?"),
        "valid_until": _("Which column is the last good day ('-' for none)?"),
        "status": _("Which column is the status ('-' for none)?"),
    }
    found = {key: head for key, head in given.items() if head}
    taken = {fold(head) for head in given.values()}
    for name, question in questions.items():
        if name in given:
            continue
        guess = _guess(name, known, taken)
        needed = name in ("id", "name", "credentials")
        option = f"--column {name}=..."
        head = ask.text(question, guess or ("" if needed else "-"), option=option, needed=needed)
        if head not in ("", "-"):
            found[name] = head
            taken.add(fold(head))
    for head in found.values():
        if fold(head) not in known:
            raise ProfileError(_("the file has no column {name}").format(name=head[:60]))
    return found


def _guess(name: str, known: dict[str, str], taken: set[str]) -> str:
    """The header that seems to be our column `name`, or ""."""
    free = {key: head for key, head in known.items() if key not in taken}
    heads = (*OTHER_HEADS.get(name, ()), *VAGUE.get(name, ()))
    sure = [head for key, head in free.items() if column(head) == name and key not in heads]
    return next((free[key] for key in heads if key in free), sure[0] if sure else "")


def _cells(heads: list[str], rows: list[list[Any]], head: str) -> Iterator[Any]:
    at = [fold(item) for item in heads].index(fold(head))
    return (row[at] for row in rows if at < len(row))


def _order(
    heads: list[str], rows: list[list[Any]], columns: dict[str, str], ask: _Asker
) -> str | None:
    """Which number of a date is the day.  It is asked for, never guessed, if any is ambiguous."""
    days = [c for c in columns if c in ("valid_from", "valid_until") or c.startswith(REQUIRES)]
    for name in days:
        for cell in _cells(heads, rows, columns[name]):
            if isinstance(cell, str) and (found := _ORDERED.match(cell.strip())):
                return ask.text(
                    _("Dates such as {example}: day-first or month-first?").format(
                        example=found[0]
                    ),
                    option="--dates",
                )
    return None


def _prefix(heads: list[str], rows: list[list[Any]], columns: dict[str, str], ask: _Asker) -> str:
    """What stands before a card number, unless the cells say it themselves."""
    cells = [str(cell) for cell in _cells(heads, rows, columns["credentials"]) if str(cell).strip()]
    if cells and all(cell.count(":") >= 2 for cell in cells):
        return ""
    return ask.text(
        _(
            "What stands before a card number, as format:facility: such as h10301:12: "
            "(garita reader watch NAME shows it)?"
        ),
        option="--prefix",
    )


def _levels(
    heads: list[str],
    rows: list[list[Any]],
    settings: Settings,
    everybody: str,
    head: str,
    given: dict[str, str],
    ask: _Asker,
) -> dict[str, Any]:
    """Who gets which access levels."""
    known = {fold(item): item for item in heads if item}
    there = ", ".join(sorted(settings.site.access_levels))
    if not head and not everybody:
        guess = next((known[g] for g in LEVELS_FROM if g in known), "-")
        head = ask.text(
            _("Which column decides the access levels ('-': everybody gets the same)?"),
            guess,
            option="--levels-from",
        )
        head = "" if head == "-" else head
    if not head:
        names = everybody or ask.text(
            _("Access levels of everybody ({there})?").format(there=there), option="--everybody"
        )
        return {"access_levels": _names(names)}
    if fold(head) not in known:
        raise ProfileError(_("the file has no column {name}").format(name=head[:60]))
    levels = {value: _names(names) for value, names in given.items()}
    named = {fold(value) for value in levels}
    values = sorted({str(cell).strip() for cell in _cells(heads, rows, head)})
    if len(values) > MAX_VALUES:
        raise ProfileError(
            _("{name} has more than {n} values").format(name=head[:60], n=MAX_VALUES)
        )
    for value in values if OTHERS not in levels else ():
        if fold(value) not in named:
            levels[value] = _names(
                ask.text(
                    _("Access levels for '{value}' ({there}; '-' for none)?").format(
                        value=value, there=there
                    ),
                    option=f"--level '{value}=...'",
                )
            )
    return {"levels_from": head, "levels": levels, "access_levels": _names(everybody)}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip() not in ("", "-")]


def _preview(raw: bytes, file: Path, made: Profile, settings: Settings) -> int:
    """Show the first rows as they would be read; returns how many errors there are."""
    levels = settings.site.access_levels
    if unknown := made.unknown_levels(levels):
        common.fail(
            _("the configuration has no level {levels}").format(levels=", ".join(unknown)),
            common.REFUSED,
        )
    source = Source(file.name)
    parse(raw, source, json=False, levels=levels, zone=settings.site.zone, profile=made)
    table = Table(
        "id",
        _("name"),
        _("company"),
        _("from"),
        _("until"),
        _("status"),
        _("badges"),
        _("levels"),
        box=None,
    )
    for person in source.people[:SHOWN]:
        cells = (
            person.id,
            person.name,
            person.company,
            _day(person.valid_from),
            _day(person.valid_until),
            person.status.value,
            ", ".join(badge.masked for badge in person.credentials),
            ", ".join(person.access_levels),
        )
        table.add_row(*map(escape, cells))
    common.out.print(table)
    for error in source.errors[:SHOWN]:
        common.err.print(f"{file.name}: {error}", markup=False, soft_wrap=True)
    common.say(
        _("{n} people read, {errors} errors").format(
            n=len(source.people), errors=len(source.errors)
        )
    )
    return len(source.errors)


def _day(day: date | None) -> str:
    return str(day) if day else "…"
