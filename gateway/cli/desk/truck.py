"""What the commands of `garita freight` share: options, one act of the operator, the answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.context import Context
from gateway.cli.desk import common as desk
from gateway.cli.desk import page as freightpage
from gateway.config import Settings
from gateway.desk.errors import DeskError
from gateway.desk.freight import (
    arrivals,
)
from gateway.desk.freight.act import Act
from gateway.desk.freight.findings import FreightPolicy
from gateway.desk.freight.settings import freight_policy
from gateway.desk.freight.transaction import (
    Transaction,
    Unit,
    UnitKind,
    Vvtt,
)
from gateway.locale import _

app = App()
Tx = Annotated[int, typer.Argument(help="The transaction's number.")]
VvttOption = Annotated[
    str, typer.Option("--vvtt", help="What you did: all, or of view,verify,tug,twist.")
]
UnitOption = Annotated[str, typer.Option("--unit", help="Which unit, if there are several.")]
Documents = Annotated[
    list[str] | None, typer.Option("--document", help="bill_of_lading=NUMBER, manifest=NUMBER")
]
DocumentSeals = Annotated[
    list[str] | None, typer.Option("--document-seal", help="Seal number on the documents.")
]


def site(ctx: Context) -> tuple[Settings, FreightPolicy]:
    settings = ctx.settings
    try:
        return settings, freight_policy(settings)
    except DeskError as error:
        common.fail(error.say(), common.BAD_CONFIG)


@contextmanager
def acting(ctx: Context) -> Iterator[Act]:
    """An act of the operator on a truck, now, with people.db open."""
    settings, policy = site(ctx)
    with desk.opened(settings) as db:
        yield Act(db, policy, by=ctx.operator, now=desk.now())


def answer(ctx: Context, policy: FreightPolicy, tx: Transaction, json: bool) -> None:
    """Print the truck's stage after an act, and what stops it."""
    if json:
        common.print_json(freightpage.public(tx, policy))
    else:
        freightpage.print_state(ctx.settings, policy, tx)


def vvtt_of(text: str) -> Vvtt:
    """What --vvtt says; ends the command if it has an unknown word."""
    names = ("view", "verify", "tug", "twist")
    done = set(names) if text == "all" else {part.strip() for part in text.split(",") if part}
    if done - set(names):
        usage(_("--vvtt: all, or of view,verify,tug,twist"))
    return Vvtt(*(name in done for name in names))


def units_of(
    trailer: list[str] | None, reefer: list[str] | None, container: list[str] | None, painted: bool
) -> tuple[Unit, ...]:
    found = []
    kinds: tuple[tuple[UnitKind, list[str] | None], ...] = (
        ("trailer", trailer),
        ("reefer", reefer),
        ("container", container),
    )
    for kind, texts in kinds:
        for text in texts or ():
            number, _, plates = text.partition("/")
            found.append(arrivals.unit(kind, number, plates, as_painted=painted))
    return tuple(found)


def usage(message: str) -> NoReturn:
    """End the command with `message` and the exit code of wrong usage."""
    common.fail(message, common.USAGE)
