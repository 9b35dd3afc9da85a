"""What every command shares: the configuration, exit codes, output for people and scripts.

Exit codes (documented in docs/operations.md): 0 done, 1 the thing asked for is refused or
not found, 2 wrong usage, 3 a check failed (log broken, list with errors), 4 the
configuration is wrong, 5 the gateway or a file it needs can't be reached.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway import config
from gateway.daemon import control
from gateway.ledger import LedgerBusy, LedgerUnavailable
from gateway.ledger.operator import Operator
from gateway.locale import _
from gateway.locale.text import TextError, clean
from gateway.people import RosterUnavailable, account
from gateway.people.operators import Operators

OK, REFUSED, USAGE, CHECK_FAILED, BAD_CONFIG, UNREACHABLE = 0, 1, 2, 3, 4, 5


def typed(value: str) -> str:
    """What somebody typed for the record, by the rule for all text: the callback of such options.

    At most 200 characters.  Ends with the usage exit code if it can't be taken.
    """
    try:
        return clean(value, needed=False)
    except TextError as error:
        raise typer.BadParameter(str(error)) from error


ReasonOption = Annotated[
    str, typer.Option("--reason", callback=typed, help="Why; it goes into the log.")
]
LimitOption = Annotated[
    int | None, typer.Option(min=0, help="How many to show; 0 is all, as with --json.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]

WHOLE = 10**9  # rows: all of them


def most(limit: int | None, json: bool, table: int = 200) -> int:
    """How many rows a list shows: what was asked for; else all to a script and `table` on the
    screen.  A script that gets the first rows alone, without a word, does wrong with them."""
    if limit is None:
        return WHOLE if json else table
    return limit or WHOLE


out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say_more(shown: int) -> None:
    """Say that a list has more rows than the `shown` ones; nothing if that is 0."""
    if shown:
        out.print(_("(only {shown} are shown; --limit 0 shows all)").format(shown=shown))


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on stderr, in one sentence, and end with `code`."""
    err.print(f"[red]garita:[/red] {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


def settings(path: Path) -> config.Settings:
    """The validated configuration, or every mistake on stderr and exit code 4."""
    try:
        return config.load(path)
    except config.ConfigError as error:
        mistaken(error.mistakes)


def mistaken(mistakes: Iterable[config.Mistake]) -> NoReturn:
    """Print the mistakes of the configuration on stderr, and end with exit code 4."""
    for mistake in mistakes:
        err.print(str(mistake), markup=False, soft_wrap=True)
    raise typer.Exit(BAD_CONFIG)


def say(text: str) -> None:
    """One sentence on stdout, as it is: brackets in a name are not markup."""
    out.print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout, never wrapped or coloured."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def percent(share: float) -> str:
    """Two significant digits, so that a small rate never looks like none: 0.19 %, 0.012 %."""
    if share < 5e-7:
        return "0 %"
    return f"{share * 100:.2g} %" if share < 0.995 else f"{share * 100:.0f} %"


def confirm(question: str) -> bool:
    """Ask a person yes or no; no answer is no.  Understands yes in English too."""
    choice = _("[y/N]")
    sys.stdout.write(f"{question} {choice}: ")
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise typer.Abort
    # The words for yes, parted by spaces.
    return answer.strip().casefold() in {"y", "yes", *_("y yes").split()}


def progress() -> Progress:
    """A progress bar on stderr: seen on a terminal, silent in a pipe."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def operator(site: config.Settings) -> Operator:
    """Who gives the order, for the record: the account that the kernel names, with its person."""
    return operators(site).of(account.own())


def operators(site: config.Settings) -> Operators:
    """The operators of the site."""
    return Operators(site.tables.operators, site.people_path)


def ask(site: config.Settings, op: str, **params: Any) -> dict[str, Any]:
    """Ask the running gateway; says so and ends with exit code 5 if it does not answer, or with
    that of a refusal if it says no."""
    try:
        return control.ask(site.socket_path, op, **params)
    except control.Refused as refusal:
        fail(str(refusal), REFUSED)
    except control.ControlError as error:
        fail(str(error), UNREACHABLE)


def nudge(site: config.Settings) -> None:
    """Have what was just done recorded at once: by the running gateway, or else by us.

    The act itself is in the list's outbox already, in one transaction with the change, so
    nothing is lost if neither is possible now: the gateway records it at its next start.
    """
    from gateway.daemon import stopped  # noqa: PLC0415 - brings the log's keys, for few commands

    try:
        stopped.record(site)
    except control.ControlError as error:
        err.print(
            _("note: {error}; the change will be recorded when it does").format(error=error),
            markup=False,
        )
    except (LedgerBusy, LedgerUnavailable, RosterUnavailable) as error:
        err.print(
            _("note: recorded when the gateway starts: {error}").format(error=error), markup=False
        )


@contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM (a shutdown) and SIGHUP (a terminal that went away) end the work as Ctrl-C does: what
    was begun is undone, and no process of ours stays behind."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
