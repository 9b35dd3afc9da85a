"""A truck at the gate: what came beside what was announced; and what the guard does about it later:
the driver's ID, the seal it came with, another trailer, the way back."""

from __future__ import annotations

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import GUARDS
from gateway.console.routes import Pages
from gateway.console.screens.trucks import comparison, view
from gateway.console.screens.trucks.view import acting, done, version
from gateway.console.screens.visitors.typed import document
from gateway.daemon.control import ControlError
from gateway.desk import partners
from gateway.desk.errors import DeskError
from gateway.desk.freight import arrivals, iso6346, store
from gateway.desk.freight.report import unit_kind
from gateway.desk.freight.transaction import Stage, Transaction, Unit
from gateway.desk.identity import Shown
from gateway.locale import _

pages = Pages()


@pages.get("/trucks/arrive", roles=GUARDS)
async def stranger(page: Page) -> Response:
    """The form for a truck that nobody announced."""
    return await _form(page, None)


@pages.post("/trucks/arrive", roles=GUARDS)
async def stranger_came(page: Page) -> Response:
    """A truck that nobody announced is at the gate."""
    return await _came(page, None)


@pages.get("/trucks/{number:int}/arrive", roles=GUARDS)
async def announced(page: Page) -> Response:
    """The form for an announced truck: field by field, as announced or not."""
    return await _form(page, int(page.path("number")))


@pages.post("/trucks/{number:int}/arrive", roles=GUARDS)
async def announced_came(page: Page) -> Response:
    """An announced truck is at the gate."""
    return await _came(page, int(page.path("number")))


@pages.get("/trucks/unit", roles=GUARDS)
async def unit(page: Page) -> Response:
    """What the check digit of a number says, while it is typed."""
    text = next(iter(page.request.query_params.values()), "")[:40]
    number = iso6346.compact(text)
    state, told = "", ""
    if iso6346.looks_like(number):
        good = iso6346.is_valid(number)
        state = "good" if good else "bad"
        digit = iso6346.check_digit(number[:10])
        told = (
            _("check digit is right")
            if good
            else _("wrong check digit: after {number} comes {digit}").format(
                number=number[:10], digit=digit
            )
        )
    elif number:
        state, told = "plain", _("characters typed: {n}").format(n=len(number))
        if len(number) >= 4 and number[:4].isalpha() and number[3] in "UJZ":
            told = _("container number: {n} of 11").format(n=len(number))
    return page.render("trucks/digit.html", state=state, told=told)


async def _form(
    page: Page, number: int | None, *, wrong: str = "", painted: bool = False, status: int = 200
) -> Response:
    def read() -> tuple[Transaction | None, partners.Clearance | None, object, list[str]]:
        with acting(page) as act:
            tx = store.load(act.db, number) if number is not None else None
            told = tx.expected if tx else None
            cleared = act.clearance(told.carrier) if told else None
            names = [item.name for item in partners.every(act.db)]
            return tx, cleared, view.paper_kinds(None, act.policy), names

    tx, cleared, papers, carriers = await page.run(read)
    if tx is not None and tx.stage is not Stage.EXPECTED:
        return page.back(f"/trucks/{tx.id}")
    told = tx.expected if tx else None
    return page.render(
        "trucks/arrive.html",
        status=status,
        tx=tx,
        told=told,
        cleared=cleared,
        carriers=carriers,
        papers=papers,
        id_kinds=view.id_kinds(page),
        kinds=[(kind, unit_kind(kind)) for kind in comparison.KINDS],
        kind_of=comparison.kind_of,
        words=comparison.VVTT_WORDS,
        unit_kind=unit_kind,
        wrong=wrong,
        painted=painted,
    )


async def _came(page: Page, number: int | None) -> Response:
    def arrive(shown: Shown | None) -> int:
        with acting(page) as act:
            tx = store.load(act.db, number) if number is not None else None
            told = tx.expected if tx else None
            came = comparison.came(page.field, told, shown)
            return arrivals.arrive(act, number, came, version=version(page)).id

    try:
        made = await page.run(arrive, await document(page))
    except (DeskError, ControlError) as error:
        painted = isinstance(error, DeskError) and error.code == "unit_number_wrong"
        return await _form(page, number, wrong=str(error), painted=painted, status=409)
    finally:
        await page.nudge()
    return page.back(f"/trucks/{made}")


@pages.post("/trucks/{number:int}/identify", roles=GUARDS)
async def identify(page: Page) -> Response:
    """The guard looked at the driver's photo ID after the arrival."""
    number = int(page.path("number"))
    try:
        shown = await document(page)
    except (DeskError, ControlError) as error:
        return await view.answer(page, number, act="identify", wrong=str(error), status=409)

    def work() -> None:
        if shown is None:
            raise DeskError("missing", "choose which photo ID you looked at")
        with acting(page) as act:
            arrivals.identify(act, number, shown, version=version(page))

    return await done(page, number, "identify", work)


@pages.post("/trucks/{number:int}/check", roles=GUARDS)
async def check(page: Page) -> Response:
    """The guard looked (again) at the seal that a unit came with."""
    number = int(page.path("number"))

    def work() -> None:
        with acting(page) as act:
            arrivals.see_seal(
                act,
                number,
                page.field("seal"),
                vvtt=comparison.vvtt(page.field, 0),
                unit=page.field("unit"),
                intact=page.field("broken") != "yes",
                version=version(page),
            )

    return await done(page, number, "check", work)


@pages.post("/trucks/{number:int}/hook", roles=GUARDS)
async def hook(page: Page) -> Response:
    """It leaves what it pulled and takes another unit, or nothing."""
    number = int(page.path("number"))

    def work() -> None:
        painted = page.field("as_painted") == "yes"
        units: tuple[Unit, ...] = ()
        kind = page.field("unit-more-kind")
        if not kind:
            raise DeskError("missing", "say what the tractor pulls, or that it leaves alone")
        if kind != "none":
            found = comparison.kind(kind, "trailer")
            told, plates = page.field("unit-more-seen"), page.field("unit-more-plates")
            units = (arrivals.unit(found, told, plates, as_painted=painted),)
        loaded = page.field("loaded") == "yes"
        with acting(page) as act:
            arrivals.hook(act, number, units, loaded=loaded, version=version(page))

    return await done(page, number, "hook", work)


@pages.post("/trucks/{number:int}/turn-away", roles=GUARDS)
async def turn_away(page: Page) -> Response:
    """The truck is sent away, or an announced one does not come."""
    number = int(page.path("number"))

    def work() -> None:
        why = "; ".join(filter(None, (page.field("why"), page.field("reason"))))
        with acting(page) as act:
            arrivals.turn_away(act, number, reason=why, version=version(page))

    return await done(page, number, "turn-away", work, to="/trucks")
