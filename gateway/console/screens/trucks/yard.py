"""In the yard: signature, loading, seal, documents, release, spot check, departure."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from gateway.console import seconds
from gateway.console.page import Page
from gateway.console.roles import GUARDS
from gateway.console.routes import Pages
from gateway.console.screens.trucks.comparison import vvtt
from gateway.console.screens.trucks.view import acting, answer, done, version
from gateway.console.seconds import second
from gateway.desk.errors import DeskError
from gateway.desk.freight import arrivals, departures, inspections, loading, store
from gateway.desk.freight.act import Act
from gateway.desk.freight.transaction import Document, Transaction
from gateway.desk.second import Second

pages = Pages()


def _number(page: Page) -> int:
    return int(page.path("number"))


async def _second(
    page: Page, act: str, event: str, work: Callable[[Act, Second], object]
) -> Response:
    """An act of a second person, who is proven first."""
    number = _number(page)
    try:
        who = await second(page, f"{event} {number}")
    except DeskError as error:
        await page.nudge()
        return await answer(page, number, act=act, wrong=error.say(), status=409)

    def do() -> None:
        with acting(page) as acts:
            work(acts, who)

    return await done(page, number, act, do)


@pages.get("/trucks/badge", roles=GUARDS)
async def badge(page: Page) -> Response:
    """Whose badge the desk's reader reads, for the second person of an act."""
    return page.render("trucks/badge.html", waiting=await seconds.badge(page))


@pages.post("/trucks/{number:int}/sign", roles=GUARDS)
async def sign(page: Page) -> Response:
    """A supervisor signs the finished inspections."""
    number, seen = _number(page), version(page)
    return await _second(
        page,
        "sign",
        "freight.signed",
        lambda act, who: inspections.sign(act, number, supervisor=who, version=seen),
    )


@pages.post("/trucks/{number:int}/release", roles=GUARDS)
async def release(page: Page) -> Response:
    """A second person lets go what is held; never one who took part."""
    number, seen, codes = _number(page), version(page), page.fields("code")
    reason = "; ".join(filter(None, (page.field("why"), page.field("reason"))))
    if not codes:
        wrong = DeskError("missing", "choose what is released").say()
        return await answer(page, number, act="release", wrong=wrong, status=409)
    return await _second(
        page,
        "release",
        "freight.released",
        lambda act, who: departures.release(
            act, number, supervisor=who, reason=reason, codes=codes, version=seen
        ),
    )


@pages.post("/trucks/{number:int}/spot", roles=GUARDS)
async def spot(page: Page) -> Response:
    """The result of a spot check that chance drew."""
    number, seen, result = _number(page), version(page), page.field("result")
    if result not in ("ok", "bad"):
        wrong = DeskError("missing", "say whether it is good").say()
        return await answer(page, number, act="spot", wrong=wrong, status=409)
    return await _second(
        page,
        "spot",
        "freight.spot_checked",
        lambda act, who: inspections.spot_check(
            act, number, ok=result == "ok", checker=who, note=page.field("note"), version=seen
        ),
    )


def _papers(page: Page) -> list[Document]:
    """The documents that the form names: a field ``paper-KIND`` each."""
    names = [name for name in page.form if name.startswith("paper-")]
    return [
        arrivals.document(f"{name.removeprefix('paper-')}={page.field(name)}")
        for name in names
        if page.field(name)
    ]


def _seals(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").replace(";", " ").split() if part]


@pages.post("/trucks/{number:int}/load", roles=GUARDS)
async def load(page: Page) -> Response:
    """Loading begins, or is finished; documents come with it."""
    number = _number(page)

    def work() -> None:
        finished = page.field("finished") == "yes"
        with acting(page) as act:
            tx = store.load(act.db, number)
            if tx.loading is not None and not finished and not _papers(page):
                raise DeskError("missing", "type the number of a document")
            loading.load(
                act,
                number,
                done=finished,
                documents=_papers(page),
                document_seals=_seals(page.field("paper_seals")),
                version=version(page),
            )

    return await done(page, number, page.field("panel") or "load", work)


@pages.post("/trucks/{number:int}/papers", roles=GUARDS)
async def papers(page: Page) -> Response:
    """More documents, or the seals that they name."""
    number = _number(page)

    def work() -> None:
        found, named = _papers(page), _seals(page.field("paper_seals"))
        if not found and not named:
            raise DeskError("missing", "type the number of a document")
        with acting(page) as act:
            loading.load(act, number, documents=found, document_seals=named, version=version(page))

    return await done(page, number, "papers", work)


@pages.post("/trucks/{number:int}/unload", roles=GUARDS)
async def unload(page: Page) -> Response:
    """The cargo that it came with is off."""
    number = _number(page)

    def work() -> None:
        with acting(page) as act:
            loading.unload(act, number, version=version(page))

    return await done(page, number, "cargo", work)


@pages.post("/trucks/{number:int}/seal", roles=GUARDS)
async def seal(page: Page) -> Response:
    """A seal is on a unit; the guard did the four acts of VVTT."""
    number = _number(page)

    def work() -> None:
        text = page.field("seal-typed") or page.field("seal")
        unit = page.field("unit")
        with acting(page) as act:
            named = _named_seals(page, store.load(act.db, number), unit, text)
            loading.affix(
                act,
                number,
                text,
                vvtt=vvtt(page.field, 0),
                unit=unit,
                document_seals=named,
                version=version(page),
            )

    return await done(page, number, "seal", work)


def _named_seals(page: Page, tx: Transaction, unit: str, text: str) -> list[str]:
    """The seals on the documents: ``same`` says that they name this one, beside those of the other
    units."""
    if page.field("papers_name") == "same":
        where = unit or (tx.units[0].number if len(tx.units) == 1 else "")
        return [*(number for at, number in tx.seals_now if at != where), text]
    return _seals(page.field("paper_seals"))


@pages.post("/trucks/{number:int}/depart", roles=GUARDS)
async def depart(page: Page) -> Response:
    """The truck leaves, if nothing stands in its way."""
    number = _number(page)

    def work() -> None:
        with acting(page) as act:
            departures.depart(act, number, version=version(page))

    return await done(page, number, "", work)
