"""Prints trucks: a list, the state after an act, and one page for an auditor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter
from rich.markup import escape

from gateway.cli import common
from gateway.cli.desk import common as desk
from gateway.config import Settings
from gateway.desk.freight import report
from gateway.desk.freight.findings import FreightPolicy, judge, status
from gateway.desk.freight.transaction import (
    STAGE_WORDS,
    Transaction,
)
from gateway.locale import _, pgettext

_DOC = TypeAdapter(Transaction)
_COLOURS = {"held": "yellow", "refused": "red", "departed": "green"}


def public(tx: Transaction, policy: FreightPolicy) -> dict[str, Any]:
    """A transaction as JSON, with its status and findings."""
    findings = judge(tx, policy)
    return {
        **_DOC.dump_python(tx, mode="json"),
        "status": status(tx, findings),
        "findings": [
            {
                "code": f.code,
                "about": f.about,
                "action": f.action,
                "released": f.released,
                "open": f.open,
                "todo": f.kind.todo,
                "criteria": list(policy.criteria.of(f.code)),
                "en": f.message.say("en"),
                "es": f.message.say("es"),
            }
            for f in findings
        ],
    }


def print_list(settings: Settings, policy: FreightPolicy, found: Iterable[Transaction]) -> None:
    """Print one line for each truck."""
    rows = desk.table(
        _("no."),
        pgettext("column", "expected"),
        _("driver"),
        _("carrier"),
        _("tractor"),
        _("units"),
        _("state"),
    )
    for tx in found:
        arrival, expected = tx.arrival, tx.expected
        known = arrival or expected
        units = [unit.number for unit in tx.units] or list(expected.units if expected else ())
        desk.add(
            rows,
            tx.id,
            report.time_of(policy, expected.eta if expected else None),
            known.driver if known else "",
            known.carrier if known else "",
            known.tractor if known else "",
            ", ".join(units),
            STAGE_WORDS[status(tx, judge(tx, policy))].say(),
        )
    common.out.print(rows)


def print_state(settings: Settings, policy: FreightPolicy, tx: Transaction) -> None:
    """Print a truck's stage after an act, and what stops it."""
    findings = judge(tx, policy)
    state = status(tx, findings)
    word = STAGE_WORDS[state].say()
    head = _("transaction")
    colour = _COLOURS.get(state, "bold")
    common.out.print(f"{head} {tx.id}: [{colour}]{escape(word)}[/{colour}]")
    if tx.arrival is not None and tx.departed_at is None:
        for finding in findings:
            if finding.open:
                common.out.print(f"  {report.line(policy, finding)}", markup=False, soft_wrap=True)


def print_released(policy: FreightPolicy, tx: Transaction) -> None:
    """Print what the newest release let go, one finding a line."""
    keys = tx.releases[-1].keys
    for finding in judge(tx, policy):
        if finding.key in keys:
            common.out.print(f"  {report.line(policy, finding)}", markup=False, soft_wrap=True)


def print_page(settings: Settings, policy: FreightPolicy, tx: Transaction) -> None:
    """Print everything on record of a truck, section by section."""
    say = common.out.print
    print_state(settings, policy, tx)
    for title, lines in report.Report(policy, settings.tables.visits.id_kinds, tx).sections():
        body = [line for line in lines if line]
        if body:
            say(f"\n[bold]{escape(title)}[/bold]")
            for line in body:
                say(f"  {line}", markup=False, soft_wrap=True)
