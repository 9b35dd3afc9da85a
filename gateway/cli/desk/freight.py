"""`garita freight ...`: trucks at the guard's desk.

Thin: options in, one function of gateway/desk/freight, its answer and what is still in the way out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.desk import common as desk
from gateway.cli.desk import page as freightpage
from gateway.cli.desk import seal
from gateway.config import Settings
from gateway.desk.act import moment
from gateway.desk.errors import DeskError
from gateway.desk.freight import (
    announced,
    arrivals,
    departures,
    inspections,
    loading,
    pickuplog,
    pictures,
    store,
)
from gateway.desk.freight.findings import FreightPolicy, judge, status
from gateway.desk.freight.settings import freight_policy
from gateway.desk.freight.transaction import (
    STAGE_WORDS,
    Expected,
    PointAnswer,
    Stage,
    Transaction,
    Unit,
    UnitKind,
    Vvtt,
)
from gateway.locale import _, choose

app = App()
app.add_typer(seal.app, name="seals", help="The inventory of seals.")

CONFIG = common.DEFAULT_CONFIG
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


@app.command()
def expect(
    eta: Annotated[str, typer.Option("--eta", help="14:30, or 2026-11-25T14:30.")],
    driver: Annotated[str, typer.Option("--driver")],
    carrier: Annotated[str, typer.Option("--carrier")],
    tractor: Annotated[str, typer.Option("--tractor", help="Plates.")] = "",
    unit: Annotated[list[str] | None, typer.Option("--unit", help="Trailer, container.")] = None,
    seal: Annotated[list[str] | None, typer.Option("--seal", help="Seal it comes with.")] = None,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """A carrier announced a truck."""
    settings, policy = _site(config)
    with desk.saying(settings):
        when = moment(eta, policy.zone, desk.now())
    item = Expected(when, driver, carrier, tractor, tuple(unit or ()), tuple(seal or ()))
    with desk.opened(settings) as db:
        tx = arrivals.expect(db, item, policy, by=common.operator(), now=desk.now())
    _done(settings, policy, tx, json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV: eta, driver, carrier, tractor, units, seals.")],
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Announced trucks from a file: all of it or nothing; exit code 3 for a file with errors."""
    settings, policy = _site(config)
    items, errors = announced.read(file, policy.zone, desk.now())
    if errors:
        if json:
            rows = [{"line": e.line, "message": e.message} for e in errors]
            common.print_json({"imported": 0, "errors": rows})
        for error in [] if json else errors[:50]:
            where = f"{file.name}: line {error.line}" if error.line else file.name
            common.err.print(f"{where}: {error.message}", markup=False, soft_wrap=True)
        raise typer.Exit(common.CHECK_FAILED)
    with desk.opened(settings) as db:
        made = arrivals.expect_all(db, items, policy, by=common.operator(), now=desk.now())
    if json:
        common.print_json({"imported": len(made), "ids": [tx.id for tx in made]})
    else:
        first, last = made[0].id, made[-1].id
        desk.say(
            _("{n} trucks expected ({first} to {last})").format(n=len(made), first=first, last=last)
        )


@app.command()
def arrive(
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
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """A truck is at the gate; you have looked at the driver's photo ID."""
    settings, policy = _site(config)
    shown = desk.looked_at(settings, id_kind, number=id_number)
    confirmed = _vvtt(vvtt)
    with desk.opened(settings) as db:
        units = _units(trailer, reefer, container, as_painted)
        if as_expected:
            told = store.load(db, tx).expected if tx is not None else None
            if told is None:
                common.fail("--as-expected goes with the number of an announced truck", 2)
            driver, carrier = driver or told.driver, carrier or told.carrier
            tractor = tractor or told.tractor
            if not units:
                units = tuple(_told(number, as_painted) for number in told.units)
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
        done = arrivals.arrive(
            db, tx, came, policy, by=common.operator(), now=desk.now(), version=version
        )
    _done(settings, policy, done, json)


@app.command()
def identify(
    tx: Tx,
    id_kind: desk.IdKind,
    id_number: desk.IdNumber = False,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """The driver's photo ID was looked at after the arrival."""
    settings, policy = _site(config)
    shown = desk.looked_at(settings, id_kind, number=id_number)
    if shown is None:
        _usage("--id-kind: which photo ID did you look at?")
    with desk.opened(settings) as db:
        done = arrivals.identify(db, tx, shown, policy, by=common.operator(), now=desk.now())
    _done(settings, policy, done, json)


@app.command()
def hook(
    tx: Tx,
    trailer: Annotated[list[str] | None, typer.Option(help="NUMBER or NUMBER/PLATES.")] = None,
    reefer: Annotated[list[str] | None, typer.Option(help="NUMBER or NUMBER/PLATES.")] = None,
    container: Annotated[list[str] | None, typer.Option(help="ISO 6346 number.")] = None,
    nothing: Annotated[bool, typer.Option("--nothing", help="The tractor leaves alone.")] = False,
    loaded: Annotated[bool, typer.Option("--loaded", help="What it takes carries cargo.")] = False,
    as_painted: Annotated[
        bool, typer.Option("--as-painted", help="Record a wrong check digit; it is held.")
    ] = False,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """It leaves what it pulled and takes another unit, which is inspected anew."""
    settings, policy = _site(config)
    with desk.saying(settings):
        units = _units(trailer, reefer, container, as_painted)
    if bool(units) == nothing:
        _usage("name what it takes, or --nothing")
    with desk.opened(settings) as db:
        done = arrivals.hook(
            db, tx, units, policy, loaded=loaded, by=common.operator(), now=desk.now()
        )
    _done(settings, policy, done, json)


@app.command()
def check(
    tx: Tx,
    seal: Annotated[str, typer.Argument(help="Its number.")],
    vvtt: VvttOption = "",
    unit: UnitOption = "",
    broken: Annotated[bool, typer.Option("--broken", help="Broken or altered.")] = False,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Look (again) at the seal that a unit came with."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        done = arrivals.see_seal(
            db,
            tx,
            seal,
            policy,
            vvtt=_vvtt(vvtt),
            by=common.operator(),
            now=desk.now(),
            unit=unit,
            intact=not broken,
        )
    _done(settings, policy, done, json)


@app.command()
def inspect(
    tx: Tx,
    checklist: Annotated[str, typer.Argument(help="garita freight checklists shows them.")],
    ok: Annotated[str, typer.Option("--ok", help="Points found good: 1-17, or 1,2,5.")] = "",
    bad: Annotated[
        list[str] | None, typer.Option("--bad", help='POINT="what was found"; repeat it.')
    ] = None,
    na: Annotated[str, typer.Option("--na", help="Points that this truck does not have.")] = "",
    inspector: Annotated[str, typer.Option(help="Who looked (you).")] = "",
    unit: UnitOption = "",
    camera: Annotated[str, typer.Option(help="The camera that sees the place.")] = "",
    picture: Annotated[
        list[Path] | None, typer.Option("--picture", help="Its hash goes on record.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="A new one after a finished one.")] = False,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Answers to points of a checklist, all or some of them."""
    settings, policy = _site(config)
    by = common.operator()
    known = policy.checklists.lists.get(checklist)
    ids = [point.id for point in known.points] if known else []
    keep = settings.tables.freight.pictures_dir
    with desk.opened(settings) as db:
        if known is None:
            names = ", ".join(policy.checklists.lists)
            raise DeskError("no_checklist", "which list? {names}", names=names)
        answers = [PointAnswer(point, "ok") for point in _points(ok, ids)]
        answers += [PointAnswer(point, "na") for point in _points(na, ids)]
        for text in bad or ():
            which, _, note = text.partition("=")
            answers += [PointAnswer(point, "bad", note) for point in _points(which, ids)]
        done = inspections.inspect(
            db,
            tx,
            checklist,
            answers,
            policy,
            inspector=inspector or by,
            by=by,
            now=desk.now(),
            unit=unit,
            camera=camera,
            pictures=[pictures.reference(path, keep) for path in picture or ()],
            again=again,
        )
    _done(settings, policy, done, json)


@app.command()
def sign(
    tx: Tx,
    supervisor: Annotated[str, typer.Option("--by", help="The supervisor's name.")],
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """A supervisor signs the finished inspections."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        done = inspections.sign(
            db, tx, policy, supervisor=supervisor, by=common.operator(), now=desk.now()
        )
    _done(settings, policy, done, json)


@app.command()
def unload(tx: Tx, config: common.ConfigOption = CONFIG, json: common.JsonOption = False) -> None:
    """The cargo that it came with is off."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        done = loading.unload(db, tx, policy, by=common.operator(), now=desk.now())
    _done(settings, policy, done, json)


@app.command()
def load(
    tx: Tx,
    done: Annotated[bool, typer.Option("--done", help="Loading is finished.")] = False,
    document: Documents = None,
    document_seal: DocumentSeals = None,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """Loading begins, or is done; with the shipping documents."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        papers = [arrivals.document(item) for item in document or ()]
        result = loading.load(
            db,
            tx,
            policy,
            by=common.operator(),
            now=desk.now(),
            done=done,
            documents=papers,
            document_seals=document_seal or (),
        )
    _done(settings, policy, result, json)


@app.command("seal")
def seal_(
    tx: Tx,
    number: Annotated[str, typer.Argument(help="The seal that you put on.")],
    vvtt: VvttOption = "",
    unit: UnitOption = "",
    document_seal: DocumentSeals = None,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """A seal is on."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        done = loading.affix(
            db,
            tx,
            number,
            policy,
            vvtt=_vvtt(vvtt),
            by=common.operator(),
            now=desk.now(),
            unit=unit,
            document_seals=document_seal or (),
        )
    _done(settings, policy, done, json)


@app.command()
def spot(
    tx: Tx,
    checker: Annotated[str, typer.Option("--by", help="Who checked.")],
    result: Annotated[Literal["ok", "bad"], typer.Option(help="ok or bad.")],
    note: Annotated[str, typer.Option(help="What was found.")] = "",
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """The result of a spot check that chance drew."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        done = inspections.spot_check(
            db,
            tx,
            policy,
            ok=result == "ok",
            checker=checker,
            note=note,
            by=common.operator(),
            now=desk.now(),
        )
    _done(settings, policy, done, json)


@app.command()
def release(
    tx: Tx,
    by: Annotated[str, typer.Option("--by", help="Second person who lets it go.")],
    reason: desk.Reason,
    code: Annotated[list[str] | None, typer.Option("--code", help="Only these.")] = None,
    version: desk.Version = None,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """A supervisor lets go what is held; never whoever took part in it."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        done = departures.release(
            db,
            tx,
            policy,
            by=by,
            operator=common.operator(),
            reason=reason,
            now=desk.now(),
            codes=code or (),
            version=version,
        )
    _done(settings, policy, done, json)


@app.command()
def depart(
    tx: Tx,
    version: desk.Version = None,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """The truck leaves, if nothing stands in its way."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        done = departures.depart(
            db, tx, policy, by=common.operator(), now=desk.now(), version=version
        )
    _done(settings, policy, done, json)


@app.command("turn-away")
def turn_away(
    tx: Tx,
    reason: desk.Reason,
    config: common.ConfigOption = CONFIG,
    json: common.JsonOption = False,
) -> None:
    """The truck is sent away, or does not come."""
    settings, policy = _site(config)
    with desk.opened(settings) as db:
        done = arrivals.turn_away(
            db, tx, policy, reason=reason, by=common.operator(), now=desk.now()
        )
    _done(settings, policy, done, json)


@app.command("list")
def list_(
    config: common.ConfigOption = CONFIG,
    stage: Annotated[str, typer.Option(help="expected, arrived, ..., or all.")] = "",
    held: Annotated[bool, typer.Option("--held", help="Only held or refused ones.")] = False,
    search: Annotated[str, typer.Option(help="Driver, carrier, plates, unit or seal.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 200,
    json: common.JsonOption = False,
) -> None:
    """Trucks expected and here."""
    settings, policy = _site(config)
    stages: Sequence[str] = [
        s.value for s in Stage if s not in ("departed", "turned_away", "cancelled")
    ]
    if stage == "all" or (search and not stage):
        stages = ()
    elif stage:
        if stage not in STAGE_WORDS or stage in ("held", "refused"):
            common.fail(f"--stage: one of {', '.join(Stage)}", common.USAGE)
        stages = (stage,)
    with desk.opened(settings, act=False) as db:
        found = store.find(db, stages=stages, search=search, limit=limit)
    if held:
        found = [tx for tx in found if status(tx, judge(tx, policy)) in ("held", "refused")]
    if json:
        common.print_json([freightpage.public(tx, policy) for tx in found])
    else:
        freightpage.print_list(settings, policy, found)


@app.command()
def show(tx: Tx, config: common.ConfigOption = CONFIG, json: common.JsonOption = False) -> None:
    """One truck on one page, for an auditor: who, what, when, and every finding."""
    settings, policy = _site(config)
    with desk.opened(settings, act=False) as db:
        found = store.load(db, tx)
    if json:
        common.print_json(freightpage.public(found, policy))
    else:
        freightpage.print_page(settings, policy, found)


@app.command()
def log(
    config: common.ConfigOption = CONFIG,
    first: desk.FromDay = "",
    last: desk.ToDay = "",
    csv: desk.Csv = False,
    json: common.JsonOption = False,
) -> None:
    """The cargo pickup log with the fields of CTPAT 10.4, by day of arrival."""
    settings, policy = _site(config)
    begin, end = desk.days(settings, first, last)
    with desk.opened(settings, act=False) as db:
        rows = pickuplog.rows(store.arrived_between(db, begin, end, policy), policy.zone)
    if json:
        common.print_json(rows)
    elif csv:
        pickuplog.write_csv(rows, sys.stdout)
    else:
        shown = desk.table(*map(_, pickuplog.HEADS))
        for row in rows:
            desk.add(shown, *row.values())
        common.out.print(shown)


@app.command()
def checklists(
    name: Annotated[str, typer.Argument(help="One of them, with its points.")] = "",
    config: common.ConfigOption = CONFIG,
) -> None:
    """The inspection checklists and their points by number."""
    _settings, policy = _site(config)
    lists = policy.checklists.lists
    if name and name not in lists:
        common.fail(f"there is no checklist {name}: {', '.join(lists)}", common.REFUSED)
    for item in [lists[name]] if name else lists.values():
        title = choose(item.title)
        common.out.print(f"{item.name}: {title}", markup=False, soft_wrap=True)
        for number, point in enumerate(item.points, 1) if name else ():
            common.out.print(f"{number:>4}  {choose(point.words)}", markup=False)


def _site(config: Path) -> tuple[Settings, FreightPolicy]:
    settings = common.settings(config)
    try:
        return settings, freight_policy(settings)
    except DeskError as error:
        common.fail(error.say(), common.BAD_CONFIG)


def _done(settings: Settings, policy: FreightPolicy, tx: Transaction, json: bool) -> None:
    if json:
        common.print_json(freightpage.public(tx, policy))
    else:
        freightpage.print_state(settings, policy, tx)


def _vvtt(text: str) -> Vvtt:
    names = ("view", "verify", "tug", "twist")
    done = set(names) if text == "all" else {part.strip() for part in text.split(",") if part}
    if done - set(names):
        _usage("--vvtt: all, or of view,verify,tug,twist")
    return Vvtt(*(name in done for name in names))


def _units(
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


def _told(number: str, painted: bool) -> Unit:
    """An announced unit: a container if its number has that form, else a trailer."""
    kind: UnitKind = "container" if re.fullmatch(r"[A-Z]{3}[UJZ]\d{7}", number) else "trailer"
    return arrivals.unit(kind, number, as_painted=painted)


def _points(text: str, ids: list[str]) -> list[str]:
    """Points by number, range or id."""
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
            _usage(f"{part}: this list has points 1 to {len(ids)}")
        found += ids[first - 1 : last]
    return found


def _usage(message: str) -> NoReturn:
    common.fail(message, common.USAGE)
