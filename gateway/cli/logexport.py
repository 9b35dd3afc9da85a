"""`garita log copy` and `garita log export`: the log, or a part of it, for somebody else."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import checker, common, logfilter, logtrust
from gateway.cli.context import Context
from gateway.cli.logfresh import fresh
from gateway.desk.auditor import export
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger import export as proofs
from gateway.ledger.copies import copy_log
from gateway.ledger.signed import Covered
from gateway.locale import _, ngettext, system
from gateway.proof.note import Note, VerifierKey
from gateway.wording.details import detail


def verify(
    file: Path,
    noted: tuple[int, str] | None,
    json: bool,
    keys: Sequence[VerifierKey] | None = None,
    checkpoints: Sequence[Note] = (),
    trust: Path | None = None,
) -> None:
    """An export and its proof; exit code 3 if they are not part of one chain, and of what was
    signed."""
    logtrust.refuse(trust)
    beside = Path(f"{file}{export.PROOF}")
    problem = ""
    found = proofs.Checked()
    try:
        with file.open(encoding="utf-8") as shown, beside.open(encoding="utf-8") as proof:
            found = proofs.check(shown, proof, keys, checkpoints)
        if noted is not None and (noted[0], noted[1].lower()) != found.head:
            problem = _("the head noted elsewhere is not this export's")
    except proofs.NotProven as error:
        problem = str(error)
    except UnicodeDecodeError:
        problem = _("not UTF-8 text")
    except OSError as error:
        common.fail(f"{error.filename}: {system(error.strerror)}", common.UNREACHABLE)
    if json:
        common.print_json({"ok": not problem, "problem": problem, **asdict(found)})
    elif problem:
        common.out.print(detail(problem), markup=False)
        common.out.print(_("[red]BROKEN[/red]"))
    else:
        _say_proven(found)
        signed(found.covered, found.head[0], named=keys is not None)
    if problem:
        raise typer.Exit(common.CHECK_FAILED)


def _say_proven(found: proofs.Checked) -> None:
    common.say(
        _("{shown} events of {first} to {last}; the others are left out").format(
            shown=found.shown, first=found.first, last=found.head[0]
        )
    )
    if found.unlinked:
        common.say(
            _(
                "{count} of those left out are of an earlier version: the chain can't be"
                " followed over them"
            ).format(count=found.unlinked)
        )
    common.out.print(_("[green]good[/green]"))
    common.say(
        _("head {head_seq}:{head_hash}").format(head_seq=found.head[0], head_hash=found.head[1])
    )


def signed(covered: Covered, last_seq: int, *, named: bool) -> None:
    """Say how far signatures reach: what came later could be cut off, and nothing would show it."""
    for seq in covered.keys_lost:
        said = _("the log's key was lost before event {seq}: a new name and a new key begin there")
        common.say(said.format(seq=seq))
    if not covered.good:
        common.say(_("nothing of it is signed"))
        return
    common.say(
        _("signed up to event {seq}; {count} newer events are not covered yet").format(
            seq=covered.last_seq, count=last_seq - covered.last_seq
        )
    )
    if not named:
        common.say(
            _("by the key that the log itself names: compare it with one noted elsewhere (--key)")
        )


def copy(
    ctx: Context,
    to: Annotated[Path, typer.Argument(help="The new file; it must not be there yet.")],
    checkers: checker.ShipOption = True,
) -> None:
    """Copy the whole log into one file, while the gateway writes it."""
    fresh(ctx.settings)
    try:
        count = copy_log(ctx.settings.ledger_path, to)
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    except OSError as error:
        common.fail(f"{to}: {system(error.strerror)}", common.REFUSED)
    common.say(_("{count} events in {path}").format(count=count, path=to))
    if checkers:
        checker.ship(to.parent)


def export_(
    ctx: Context,
    format: Annotated[str, typer.Option(help="jsonl or csv.")] = "jsonl",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Not stdout.")] = None,
    type: logfilter.TypeOption = "",
    criterion: logfilter.CriterionOption = [],  # noqa: B006 - Typer's way
    person: logfilter.PersonOption = "",
    door: logfilter.DoorOption = "",
    visit: logfilter.VisitOption = 0,
    truck: logfilter.TruckOption = 0,
    since: logfilter.SinceOption = "",
    until: logfilter.UntilOption = "",
    checkers: checker.ShipOption = True,
) -> None:
    """Events as JSON lines or CSV; JSON lines in a file have their proof beside them."""
    if format not in export.FORMATS:
        common.fail(_("--format is jsonl or csv"), common.USAGE)
    settings = ctx.settings
    newest = fresh(settings) if output is not None else None
    with reading(settings.ledger_path) as ledger, common.progress() as bars:
        wanted = logfilter.wanted(
            settings,
            ledger,
            type=type,
            criteria=criterion,
            person=person,
            door=door,
            visit=visit,
            truck=truck,
            since=since,
            until=until,
        )
        head = export.head_of(ledger, newest.last_seq if newest is not None else None)
        if newest is not None and head is not None and head.seq < ledger.last_seq:
            said = _("note: events after {seq} are not in it: they are not signed yet")
            common.err.print(said.format(seq=head.seq), markup=False, soft_wrap=True)
        bar = bars.add_task(_("exporting"), total=ledger.last_seq)

        def progress(seq: int) -> None:
            bars.update(bar, completed=seq)

        zone = settings.site.zone
        if output is None:
            events = ledger.walk(progress, head.seq if head is not None else 0)
            export.write(proofs.chosen(events, wanted.fits), format, sys.stdout, zone)
            return
        try:
            count = export.into(
                output, format, settings.ledger_path, ledger, wanted, head, zone, progress
            )
        except FileExistsError as error:
            common.fail(f"{error.filename or output}: {system(error.strerror)}", common.REFUSED)
        except OSError as error:
            common.fail(f"{output}: {system(error.strerror)}", common.REFUSED)
    if format == "jsonl" and checkers:
        checker.ship(output.parent)
    common.err.print(
        ngettext("{count} event", "{count} events", count).format(count=count), markup=False
    )


@contextmanager
def reading(path: Path, *, copy: bool = False) -> Iterator[LedgerReader]:
    """The log at `path` for reading; a sentence and exit code 5 if it can't be read."""
    ledger = LedgerReader(path, copy=copy)
    try:
        yield ledger
    except LedgerUnavailable as error:
        common.fail(str(error), common.UNREACHABLE)
    finally:
        ledger.close()
