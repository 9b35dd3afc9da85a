"""`garita freight inspect`, `sign`, `load`, `seal`, `depart` ...: trucks in the yard.

Thin: options in, one function of gateway/desk/freight, its answer out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.cli.desk import page as freightpage
from gateway.cli.desk.second import ByOption, InspectorOption, second
from gateway.cli.desk.second import inspector as looked_by
from gateway.cli.desk.truck import (
    Documents,
    DocumentSeals,
    Tx,
    UnitOption,
    VvttOption,
    acting,
    answer,
    app,
    site,
    usage,
    vvtt_of,
)
from gateway.desk.errors import DeskError
from gateway.desk.freight import (
    arrivals,
    departures,
    inspections,
    loading,
    pictures,
)
from gateway.desk.freight.inspections import Answers
from gateway.desk.freight.transaction import (
    PointAnswer,
)
from gateway.locale import _


@app.command()
def inspect(
    ctx: Context,
    tx: Tx,
    checklist: Annotated[str, typer.Argument(help="garita freight checklists shows them.")],
    ok: Annotated[str, typer.Option("--ok", help="Points found good: 1-17, or 1,2,5.")] = "",
    bad: Annotated[
        list[str] | None, typer.Option("--bad", help='POINT="what was found"; repeat it.')
    ] = None,
    na: Annotated[str, typer.Option("--na", help="Points that this truck does not have.")] = "",
    all_good: Annotated[
        bool,
        typer.Option("--all-good", help="All points without an answer are good; recorded as that."),
    ] = False,
    inspector: InspectorOption = "",
    unit: UnitOption = "",
    camera: Annotated[str, typer.Option(help="The camera that sees the place.")] = "",
    picture: Annotated[
        list[Path] | None, typer.Option("--picture", help="Its hash goes on record.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="A new one after a finished one.")] = False,
    json: common.JsonOption = False,
) -> None:
    """Begin a checklist, or answer all or some of its points."""
    settings, policy = site(ctx)
    name, person = looked_by(ctx, inspector)
    known = policy.checklists.lists.get(checklist)
    ids = [point.id for point in known.points] if known else []
    keep = settings.tables.freight.pictures_dir
    with acting(ctx) as act:
        if known is None:
            names = ", ".join(policy.checklists.lists)
            raise DeskError("no_checklist", "which list? {names}", names=names)
        answers = [PointAnswer(point, "ok") for point in _points(ok, ids)]
        answers += [PointAnswer(point, "na") for point in _points(na, ids)]
        for text in bad or ():
            which, _, note = text.partition("=")
            answers += [PointAnswer(point, "bad", note) for point in _points(which, ids)]
        done = inspections.inspect(
            act,
            tx,
            Answers(
                checklist=checklist,
                points=answers,
                inspector=name,
                person=person,
                rest_good=all_good,
                unit=unit,
                camera=camera,
                pictures=[pictures.reference(path, keep) for path in picture or ()],
            ),
            again=again,
        )
    answer(ctx, act.policy, done, json)


@app.command()
def sign(
    ctx: Context,
    tx: Tx,
    by: ByOption = "",
    json: common.JsonOption = False,
) -> None:
    """A supervisor signs the finished inspections."""
    supervisor = second(ctx, by, f"freight.signed {tx}")
    with acting(ctx) as act:
        done = inspections.sign(act, tx, supervisor=supervisor)
    answer(ctx, act.policy, done, json)


@app.command()
def unload(
    ctx: Context,
    tx: Tx,
    json: common.JsonOption = False,
) -> None:
    """The cargo that it came with is off."""
    with acting(ctx) as act:
        done = loading.unload(act, tx)
    answer(ctx, act.policy, done, json)


@app.command()
def load(
    ctx: Context,
    tx: Tx,
    done: Annotated[bool, typer.Option("--done", help="Loading is finished.")] = False,
    document: Documents = None,
    document_seal: DocumentSeals = None,
    json: common.JsonOption = False,
) -> None:
    """Loading begins, or is done; with the shipping documents."""
    with acting(ctx) as act:
        papers = [arrivals.document(item) for item in document or ()]
        result = loading.load(
            act,
            tx,
            done=done,
            documents=papers,
            document_seals=document_seal or (),
        )
    answer(ctx, act.policy, result, json)


@app.command("seal")
def seal_(
    ctx: Context,
    tx: Tx,
    number: Annotated[str, typer.Argument(help="The seal that you put on.")],
    vvtt: VvttOption = "",
    unit: UnitOption = "",
    document_seal: DocumentSeals = None,
    json: common.JsonOption = False,
) -> None:
    """A seal is on."""
    with acting(ctx) as act:
        done = loading.affix(
            act,
            tx,
            number,
            vvtt=vvtt_of(vvtt),
            unit=unit,
            document_seals=document_seal or (),
        )
    answer(ctx, act.policy, done, json)


@app.command()
def spot(
    ctx: Context,
    tx: Tx,
    result: Annotated[Literal["ok", "bad"], typer.Option(help="ok or bad.")],
    by: ByOption = "",
    note: Annotated[str, typer.Option(help="What was found.")] = "",
    json: common.JsonOption = False,
) -> None:
    """The result of a spot check that chance drew."""
    checker = second(ctx, by, f"freight.spot_checked {tx}")
    with acting(ctx) as act:
        done = inspections.spot_check(
            act,
            tx,
            ok=result == "ok",
            checker=checker,
            note=note,
        )
    answer(ctx, act.policy, done, json)


@app.command()
def release(
    ctx: Context,
    tx: Tx,
    reason: desk.Reason,
    by: ByOption = "",
    code: Annotated[list[str] | None, typer.Option("--code", help="Only these.")] = None,
    version: desk.Version = None,
    json: common.JsonOption = False,
) -> None:
    """A supervisor lets go what is held; never whoever took part in it."""
    supervisor = second(ctx, by, f"freight.released {tx}")
    with acting(ctx) as act:
        done = departures.release(
            act,
            tx,
            supervisor=supervisor,
            reason=reason,
            codes=code or (),
            version=version,
        )
    answer(ctx, act.policy, done, json)
    if not json:
        freightpage.print_released(act.policy, done)


@app.command()
def depart(
    ctx: Context,
    tx: Tx,
    version: desk.Version = None,
    json: common.JsonOption = False,
) -> None:
    """The truck leaves, if nothing stands in its way."""
    with acting(ctx) as act:
        done = departures.depart(act, tx, version=version)
    answer(ctx, act.policy, done, json)


@app.command("turn-away")
def turn_away(
    ctx: Context,
    tx: Tx,
    reason: desk.Reason,
    json: common.JsonOption = False,
) -> None:
    """The truck is sent away, or does not come."""
    with acting(ctx) as act:
        done = arrivals.turn_away(act, tx, reason=reason)
    answer(ctx, act.policy, done, json)


def _points(text: str, ids: list[str]) -> list[str]:
    """The ids of points that `text` gives by number, range or id."""
    found: list[str] = []
    for part in (piece.strip() for piece in text.split(",")):
        if not part:
            continue
        numbers = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part)
        if not numbers:
            found.append(part)
            continue
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        if not 1 <= first <= last <= len(ids):
            text = _("{part}: this list has points 1 to {last}")
            usage(text.format(part=part, last=len(ids)))
        found += ids[first - 1 : last]
    return found
