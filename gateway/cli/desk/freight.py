"""`garita freight ...`: trucks at the guard's desk.

The acts are in arrival.py and yard.py; here are the views: a list, one truck's page, the pickup
log, the checklists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.cli import common, logexport
from gateway.cli.context import Context
from gateway.cli.desk import arrival, logs, seal, yard
from gateway.cli.desk import common as desk
from gateway.cli.desk import page as freightpage
from gateway.cli.desk.truck import (
    Tx,
    app,
    site,
)
from gateway.desk.freight import (
    pickuplog,
    report,
    store,
)
from gateway.desk.freight.findings import judge, status
from gateway.desk.freight.transaction import (
    STAGE_WORDS,
    Stage,
)
from gateway.locale import _, choose

app.add_typer(seal.app, name="seals", help="The inventory of seals.")
__all__ = ["app", "arrival", "yard"]  # importing them adds their commands


@app.command("list")
def list_(
    ctx: Context,
    stage: Annotated[str, typer.Option(help="expected, arrived, ..., or all.")] = "",
    held: Annotated[bool, typer.Option("--held", help="Only held or refused ones.")] = False,
    search: Annotated[str, typer.Option(help="Driver, carrier, plates, unit or seal.")] = "",
    limit: common.LimitOption = None,
    json: common.JsonOption = False,
) -> None:
    """Trucks expected and here."""
    settings, policy = site(ctx)
    stages: Sequence[str] = [
        s.value for s in Stage if s not in ("departed", "turned_away", "cancelled")
    ]
    if stage == "all" or (search and not stage):
        stages = ()
    elif stage:
        if stage not in STAGE_WORDS or stage in ("held", "refused"):
            common.fail(_("--stage: one of {names}").format(names=", ".join(Stage)), common.USAGE)
        stages = (stage,)
    with desk.opened(settings, act=False) as db:
        most = common.most(limit, json)
        wanted = common.WHOLE if held else most + 1
        found = store.find(db, stages=stages, search=search, limit=wanted)
    if held:
        found = [tx for tx in found if status(tx, judge(tx, policy)) in ("held", "refused")]
    more, found = len(found) > most, found[-most:]
    if json:
        common.print_json([freightpage.public(tx, policy) for tx in found])
    else:
        freightpage.print_list(settings, policy, found)
        common.say_more(most if more else 0)


@app.command()
def show(
    ctx: Context,
    tx: Tx,
    json: common.JsonOption = False,
) -> None:
    """One truck on one page, for an auditor: who, what, when, and every finding."""
    settings, policy = site(ctx)
    with desk.opened(settings, act=False) as db:
        found = store.load(db, tx)
    if json:
        common.print_json(freightpage.public(found, policy))
    else:
        freightpage.print_page(settings, policy, found)


@app.command()
def log(
    ctx: Context,
    first: desk.FromDay = "",
    last: desk.ToDay = "",
    csv: desk.Csv = False,
    json: common.JsonOption = False,
) -> None:
    """The cargo pickup log with the fields of CTPAT 10.4, from the records, by day of arrival."""
    settings, policy = site(ctx)
    begin, end = desk.days(settings, first, last)
    with desk.opened(settings, act=False) as db, logexport.reading(settings.ledger_path) as ledger:
        found = pickuplog.read(ledger, db, begin, end, policy.zone)
    logs.show(found, csv=csv, json=json)


@app.command()
def checklists(
    ctx: Context,
    name: Annotated[str, typer.Argument(help="One of them, with its points.")] = "",
) -> None:
    """The inspection checklists and their points by number."""
    _settings, policy = site(ctx)
    lists = policy.checklists.lists
    if name and name not in lists:
        unknown = _("there is no checklist {name}: {names}")
        common.fail(unknown.format(name=name, names=", ".join(lists)), common.REFUSED)
    for item in [lists[name]] if name else lists.values():
        title = choose(item.title)
        common.out.print(f"{item.name}: {title}", markup=False, soft_wrap=True)
        for number, point in enumerate(item.points, 1) if name else ():
            common.out.print(f"{number:>4}  {choose(point.words)}", markup=False)
    if not name:
        title = _("What a truck needs ({set}):").format(set=policy.checklists.name)
        common.out.print(f"\n{title}", markup=False)
        for kind, needed in policy.checklists.required.items():
            line = f"  {report.unit_kind(kind)}: {', '.join(needed)}"
            common.out.print(line, markup=False, soft_wrap=True)
