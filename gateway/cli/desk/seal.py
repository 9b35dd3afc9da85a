"""`garita freight seals ...`: the inventory of high-security seals."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.desk.freight import pictures, seals, store
from gateway.desk.freight.transaction import Stage
from gateway.locale import N_, _

app = App()
Numbers = Annotated[list[str], typer.Argument(help="Numbers, or a range AB000100..AB000199.")]
WORDS = {
    "stock": N_("stock"),
    "issued": N_("issued"),
    "used": N_("used"),
    "void": N_("void"),
}


@app.command()
def receive(
    ctx: Context,
    numbers: Numbers,
    certificate: Annotated[str, typer.Option(help="Number of the ISO 17712 test certificate.")],
    seal_class: Annotated[str, typer.Option("--class", help="H, S or I (ISO 17712).")] = "H",
    supplier: Annotated[str, typer.Option()] = "",
    file: Annotated[Path | None, typer.Option(help="The certificate; its hash is kept.")] = None,
    json: common.JsonOption = False,
) -> None:
    """A batch comes in."""
    settings = ctx.settings
    with desk.opened(settings) as db:
        items = seals.numbers(numbers)
        digest = pictures.reference(file).sha256 if file is not None else ""
        batch = seals.receive(
            db,
            items,
            seal_class=seal_class,
            certificate=certificate,
            certificate_sha256=digest,
            supplier=supplier,
            by=common.operator(settings),
            now=desk.now(),
            criteria=settings.criteria,
        )
    if json:
        common.print_json({"batch": batch, "count": len(items)})
    else:
        desk.say(_("batch {batch}: {n} seals").format(batch=batch, n=len(items)))


@app.command()
def issue(
    ctx: Context,
    numbers: Numbers,
    to: Annotated[str, typer.Option("--to", help="Who gets them.")],
) -> None:
    """Hand seals out of stock to somebody."""
    settings = ctx.settings
    with desk.opened(settings) as db:
        items = seals.numbers(numbers)
        seals.issue(
            db,
            items,
            to=to,
            by=common.operator(settings),
            now=desk.now(),
            criteria=settings.criteria,
        )
    desk.say(_("{n} seals to {to}").format(n=len(items), to=to))


@app.command()
def void(
    ctx: Context,
    number: Annotated[str, typer.Argument(help="The seal.")],
    reason: desk.Reason,
) -> None:
    """A seal is lost, broken or destroyed."""
    settings = ctx.settings
    with desk.opened(settings) as db:
        text = seals.number(number)
        seals.void(
            db,
            text,
            reason=reason,
            by=common.operator(settings),
            now=desk.now(),
            criteria=settings.criteria,
        )
    desk.say(_("{number}: void").format(number=text))


@app.command("list")
def list_(
    ctx: Context,
    state: Annotated[str, typer.Option(help="stock, issued, used or void.")] = "",
    batch: Annotated[int, typer.Option(help="Of this batch.")] = 0,
    limit: common.LimitOption = None,
    json: common.JsonOption = False,
) -> None:
    """Batches, or with --state or --batch the seals."""
    settings = ctx.settings
    if state and state not in seals.STATES:
        names = ", ".join(seals.STATES)
        common.fail(_("--state: one of {names}").format(names=names), common.USAGE)
    with desk.opened(settings, act=False) as db:
        batches = seals.batches(db)
        most = common.most(limit, json, 1000)
        every = state or batch
        items = seals.listed(db, state=state, batch=batch, limit=most + 1) if every else []
    more, items = len(items) > most, items[:most]
    if json:
        found = items if every else batches
        common.print_json([asdict(item) for item in found])
        return
    if every:
        rows = desk.table(
            _("seal"),
            _("class"),
            _("state"),
            _("to"),
            _("truck"),
            _("by"),
            _("note"),
        )
        for item in items:
            words = _(WORDS[item.state])
            desk.add(
                rows,
                item.number,
                item.seal_class,
                words,
                item.issued_to,
                item.freight,
                item.by,
                item.note,
            )
    else:
        rows = desk.table(
            _("batch"),
            _("class"),
            _("certificate"),
            _("supplier"),
            *map(_, WORDS.values()),
        )
        for one in batches:
            desk.add(
                rows,
                one.id,
                one.seal_class,
                one.certificate,
                one.supplier,
                one.stock,
                one.issued,
                one.used,
                one.void,
            )
    common.out.print(rows)
    common.say_more(most if more else 0)


@app.command()
def reconcile(
    ctx: Context,
    json: common.JsonOption = False,
) -> None:
    """Compare the inventory with the seals on trucks; exit code 3 if they do not agree."""
    settings = ctx.settings
    with desk.opened(settings) as db:
        stages = [stage for stage in Stage if stage not in (Stage.EXPECTED, Stage.CANCELLED)]
        trucks = store.find(db, stages=stages, limit=10**9)
        on_trucks = [(tx.id, item.number) for tx in trucks for item in tx.affixed]
        found = seals.reconcile(
            db, on_trucks, by=common.operator(settings), criteria=settings.criteria
        )
    if json:
        common.print_json([asdict(item) for item in found])
    else:
        for item in found:
            common.out.print(f"{item.number}: {item.code} ({item.detail})", markup=False)
        desk.say(_("{n} seals on trucks, {n2} mismatches").format(n=len(on_trucks), n2=len(found)))
    if found:
        raise typer.Exit(common.CHECK_FAILED)
