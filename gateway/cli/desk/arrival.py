"""`garita freight expect`, `import`, `arrive`, `identify`, `hook` and `check`: trucks that come.

Thin: options in, one function of gateway/desk/freight/arrivals.py, its answer out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.cli.desk.truck import (
    Documents,
    Tx,
    UnitOption,
    VvttOption,
    acting,
    answer,
    app,
    site,
    units_of,
    usage,
    vvtt_of,
)
from gateway.desk.act import moment
from gateway.desk.freight import (
    announced,
    arrivals,
    store,
)
from gateway.desk.freight.transaction import (
    Expected,
)
from gateway.locale import _


@app.command()
def expect(
    ctx: Context,
    eta: Annotated[str, typer.Option("--eta", help="14:30, or 2026-11-25T14:30.")],
    driver: Annotated[str, typer.Option("--driver")],
    carrier: Annotated[str, typer.Option("--carrier")],
    tractor: Annotated[str, typer.Option("--tractor", help="Plates.")] = "",
    unit: Annotated[list[str] | None, typer.Option("--unit", help="Trailer, container.")] = None,
    seal: Annotated[list[str] | None, typer.Option("--seal", help="Seal it comes with.")] = None,
    json: common.JsonOption = False,
) -> None:
    """A carrier announced a truck."""
    settings, policy = site(ctx)
    with desk.saying(settings):
        when = moment(eta, policy.zone, desk.now())
    item = Expected(when, driver, carrier, tractor, tuple(unit or ()), tuple(seal or ()))
    with acting(ctx) as act:
        tx = arrivals.expect(act, item)
    answer(ctx, act.policy, tx, json)


@app.command("import")
def import_(
    ctx: Context,
    file: Annotated[Path, typer.Argument(help="CSV: eta, driver, carrier, tractor, units, seals.")],
    json: common.JsonOption = False,
) -> None:
    """Announced trucks from a file: all of it or nothing; exit code 3 for a file with errors."""
    _settings, policy = site(ctx)
    items, errors = announced.read(file, policy.zone, desk.now())
    if errors:
        if json:
            rows = [{"line": e.line, "message": e.message} for e in errors]
            common.print_json({"imported": 0, "errors": rows})
        for error in [] if json else errors[:50]:
            where = f"{file.name}: line {error.line}" if error.line else file.name
            common.err.print(f"{where}: {error.message}", markup=False, soft_wrap=True)
        raise typer.Exit(common.CHECK_FAILED)
    with acting(ctx) as act:
        made = arrivals.expect_all(act, items)
    if json:
        common.print_json({"imported": len(made), "ids": [tx.id for tx in made]})
    else:
        first, last = made[0].id, made[-1].id
        desk.say(
            _("{n} trucks expected ({first} to {last})").format(n=len(made), first=first, last=last)
        )


@app.command()
def arrive(
    ctx: Context,
    tx: Annotated[int | None, typer.Argument(help="The announced one; none: unannounced.")] = None,
    driver: Annotated[str, typer.Option("--driver", help="Name on the ID.")] = "",
    carrier: Annotated[str, typer.Option("--carrier", help="Employer.")] = "",
    tractor: Annotated[str, typer.Option("--tractor", help="Plates.")] = "",
    economic: Annotated[str, typer.Option("--economic", help="Economic number.")] = "",
    trailer: Annotated[list[str] | None, typer.Option(help="NUMBER or NUMBER/PLATES.")] = None,
    reefer: Annotated[list[str] | None, typer.Option(help="NUMBER or NUMBER/PLATES.")] = None,
    container: Annotated[list[str] | None, typer.Option(help="ISO 6346 number.")] = None,
    as_expected: Annotated[
        bool, typer.Option("--as-expected", help="You compared: all is as announced.")
    ] = False,
    as_painted: Annotated[
        bool, typer.Option("--as-painted", help="Record a wrong check digit; it is held.")
    ] = False,
    loaded: Annotated[bool, typer.Option("--loaded", help="It comes with cargo.")] = False,
    seal: Annotated[
        list[str] | None, typer.Option("--seal", help="NUMBER, or UNIT=NUMBER.")
    ] = None,
    seal_broken: Annotated[bool, typer.Option("--seal-broken", help="Broken or altered.")] = False,
    vvtt: VvttOption = "",
    document: Documents = None,
    id_kind: desk.IdKind = "",
    id_number: desk.IdNumber = False,
    version: desk.Version = None,
    json: common.JsonOption = False,
) -> None:
    """A truck is at the gate; you have looked at the driver's photo ID."""
    settings = ctx.settings
    shown = desk.looked_at(settings, id_kind, number=id_number)
    confirmed = vvtt_of(vvtt)
    with acting(ctx) as act:
        units = units_of(trailer, reefer, container, as_painted)
        if as_expected:
            told = store.load(act.db, tx).expected if tx is not None else None
            if told is None:
                usage(_("--as-expected goes with the number of an announced truck"))
            driver, carrier = driver or told.driver, carrier or told.carrier
            tractor = tractor or told.tractor
            if not units:
                units = tuple(
                    arrivals.told_unit(number, as_painted=as_painted) for number in told.units
                )
        seals = []
        for text in seal or ():
            where, equals, number = text.rpartition("=")
            seals.append((where if equals else "", number, not seal_broken, confirmed))
        came = arrivals.Came(
            driver,
            carrier,
            tractor,
            economic,
            units,
            loaded or bool(seals),
            shown,
            tuple(arrivals.document(item) for item in document or ()),
            tuple(seals),
        )
        done = arrivals.arrive(act, tx, came, version=version)
    answer(ctx, act.policy, done, json)


@app.command()
def identify(
    ctx: Context,
    tx: Tx,
    id_kind: desk.IdKind,
    id_number: desk.IdNumber = False,
    json: common.JsonOption = False,
) -> None:
    """The driver's photo ID was looked at after the arrival."""
    settings = ctx.settings
    shown = desk.looked_at(settings, id_kind, number=id_number)
    if shown is None:
        usage(_("--id-kind: which photo ID did you look at?"))
    with acting(ctx) as act:
        done = arrivals.identify(act, tx, shown)
    answer(ctx, act.policy, done, json)


@app.command()
def hook(
    ctx: Context,
    tx: Tx,
    trailer: Annotated[list[str] | None, typer.Option(help="NUMBER or NUMBER/PLATES.")] = None,
    reefer: Annotated[list[str] | None, typer.Option(help="NUMBER or NUMBER/PLATES.")] = None,
    container: Annotated[list[str] | None, typer.Option(help="ISO 6346 number.")] = None,
    nothing: Annotated[bool, typer.Option("--nothing", help="The tractor leaves alone.")] = False,
    loaded: Annotated[bool, typer.Option("--loaded", help="What it takes carries cargo.")] = False,
    as_painted: Annotated[
        bool, typer.Option("--as-painted", help="Record a wrong check digit; it is held.")
    ] = False,
    json: common.JsonOption = False,
) -> None:
    """It leaves what it pulled and takes another unit, which is inspected anew."""
    settings = ctx.settings
    with desk.saying(settings):
        units = units_of(trailer, reefer, container, as_painted)
    if bool(units) == nothing:
        usage(_("name what it takes, or --nothing"))
    with acting(ctx) as act:
        done = arrivals.hook(act, tx, units, loaded=loaded)
    answer(ctx, act.policy, done, json)


@app.command()
def check(
    ctx: Context,
    tx: Tx,
    seal: Annotated[str, typer.Argument(help="Its number.")],
    vvtt: VvttOption = "",
    unit: UnitOption = "",
    broken: Annotated[bool, typer.Option("--broken", help="Broken or altered.")] = False,
    json: common.JsonOption = False,
) -> None:
    """Look (again) at the seal that a unit came with."""
    with acting(ctx) as act:
        done = arrivals.see_seal(
            act,
            tx,
            seal,
            vvtt=vvtt_of(vvtt),
            unit=unit,
            intact=not broken,
        )
    answer(ctx, act.policy, done, json)
