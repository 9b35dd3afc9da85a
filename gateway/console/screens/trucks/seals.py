"""The inventory of seals: batches come in, seals are handed out, voided, and compared with the
trucks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.responses import Response

from gateway.console import uploads
from gateway.console.page import Page
from gateway.console.roles import SUPERVISORS, WATCHERS
from gateway.console.routes import Pages
from gateway.desk.errors import DeskError
from gateway.desk.freight import seals, store
from gateway.desk.freight.transaction import Stage
from gateway.locale import _, pgettext

pages = Pages()

MOST = 200
CERTIFICATE = 8 * uploads.MEGABYTE
UPLOAD = CERTIFICATE + 64 * 1024


@dataclass(frozen=True, slots=True)
class Stock:
    """The inventory for its page: all batches, and the seals of one state (the first `MOST`)."""

    batches: list[seals.Batch]
    state: str
    seals: list[seals.Seal]
    more: bool
    holders: list[str]


@dataclass(frozen=True, slots=True)
class Said:
    """What an act answered: `wrong` why it was not done, `good` what was done, `mismatches` what
    does not agree with the trucks (None: nobody compared)."""

    wrong: str = ""
    good: str = ""
    mismatches: list[seals.Mismatch] | None = field(default=None)


def state_words() -> dict[str, str]:
    """The states of a seal, for people."""
    return {
        "stock": pgettext("seals", "in stock"),
        "issued": pgettext("seals", "handed out"),
        "used": pgettext("seals", "used"),
        "void": pgettext("seals", "void"),
    }


def mismatch_words(code: str) -> str:
    """How the inventory and the trucks disagree on a seal, for people."""
    words = {
        "on_several_trucks": _("it is on several trucks"),
        "not_in_inventory": _("it is on a truck and not in the inventory"),
        "on_no_truck": _("the inventory says used, and no truck has it"),
    }
    return words.get(code, _("it is on a truck, and the inventory says otherwise"))


def _read(page: Page, state: str) -> Stock:
    with page.site.people() as db:
        found = seals.listed(db, state=state, limit=MOST + 1) if state else []
        batches = seals.batches(db)
    names = sorted({item.name for item in page.site.operators if item.name})
    return Stock(batches, state, found[:MOST], len(found) > MOST, names)


async def _answer(page: Page, said: Said, state: str = "") -> Response:
    stock = await page.run(_read, page, state)
    return page.render(
        "trucks/seals.html",
        status=409 if said.wrong else 200,
        stock=stock,
        said=said,
        states=state_words(),
        mismatch_words=mismatch_words,
        supervisor=page.may(*SUPERVISORS),
    )


@pages.get("/trucks/seals", roles=WATCHERS)
async def inventory(page: Page) -> Response:
    """The batches; `?state=` lists the seals of a state."""
    state = page.query("state")
    return await _answer(page, Said(), state if state in seals.STATES else "")


async def _done(page: Page, work: Callable[[], object]) -> Response:
    try:
        await page.run(work)
    except (DeskError, uploads.UploadError) as error:
        return await _answer(page, Said(wrong=str(error)))
    await page.nudge()
    return page.back("/trucks/seals")


def _numbers(page: Page) -> list[str]:
    """The numbers or ranges of the form, which commas or spaces tell apart."""
    text = page.field("numbers").replace(",", " ").replace(";", " ")
    return seals.numbers(text.split())


@pages.post("/trucks/seals/receive", roles=SUPERVISORS, upload=UPLOAD)
async def receive(page: Page) -> Response:
    """A batch comes in with its test certificate; the hash of its file is kept."""
    digest = ""
    if (file := page.file("file")) is not None:
        try:
            digest = hashlib.sha256(await uploads.taken(file, CERTIFICATE)).hexdigest()
        except uploads.UploadError as error:
            return await _answer(page, Said(wrong=str(error)))

    def work() -> None:
        with page.site.people() as db:
            seals.receive(
                db,
                _numbers(page),
                seal_class=page.field("class"),
                certificate=page.field("certificate"),
                certificate_sha256=digest,
                supplier=page.field("supplier"),
                by=page.operator,
                now=datetime.now(UTC),
                criteria=page.site.settings.criteria,
            )

    return await _done(page, work)


@pages.post("/trucks/seals/issue", roles=SUPERVISORS)
async def issue(page: Page) -> Response:
    """Seals are handed to somebody by name."""

    def work() -> None:
        with page.site.people() as db:
            seals.issue(
                db,
                _numbers(page),
                to=page.field("to"),
                by=page.operator,
                now=datetime.now(UTC),
                criteria=page.site.settings.criteria,
            )

    return await _done(page, work)


@pages.post("/trucks/seals/void", roles=SUPERVISORS)
async def void(page: Page) -> Response:
    """A seal is lost, broken or destroyed."""

    def work() -> None:
        with page.site.people() as db:
            seals.void(
                db,
                seals.number(page.field("number")),
                reason=page.field("reason"),
                by=page.operator,
                now=datetime.now(UTC),
                criteria=page.site.settings.criteria,
            )

    return await _done(page, work)


@pages.post("/trucks/seals/reconcile", roles=SUPERVISORS)
async def reconcile(page: Page) -> Response:
    """Compare the inventory with the seals on all trucks; it is on record that it was done."""

    def work() -> list[seals.Mismatch]:
        stages = [s for s in Stage if s not in (Stage.EXPECTED, Stage.CANCELLED)]
        with page.site.people() as db:
            trucks = store.find(db, stages=stages, limit=10**9)
            on_trucks = [(tx.id, item.number) for tx in trucks for item in tx.affixed]
            return seals.reconcile(
                db, on_trucks, by=page.operator, criteria=page.site.settings.criteria
            )

    found = await page.run(work)
    await page.nudge()
    good = "" if found else _("The inventory and the trucks agree.")
    return await _answer(page, Said(good=good, mismatches=found))
