"""Signing in with the company's account: to the provider, and back."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from gateway.console.page import Page, cookie_name, inside
from gateway.console.roles import ADMINISTRATOR, NOBODY
from gateway.console.routes import Pages
from gateway.console.screens.account import begin
from gateway.ledger.operator import Operator
from gateway.locale import GaritaError, worded
from gateway.people import keptoperators

pages = Pages()
COOKIE = "garita-company"
BACK = "/login/company/back"
ORIGIN = "oidc"


@pages.get("/login/company", roles=NOBODY)
async def leave(page: Page) -> Response:
    """Send the browser to the provider."""
    if page.site.settings.tables.console.oidc is None:
        return Response(status_code=404)
    company = await page.run(_company, page)
    url, asked = await company.ask(inside(page.query("next")))
    response = RedirectResponse(url, 303)
    response.set_cookie(
        cookie_name(page.request, COOKIE),
        asked.sealed(page.site.store.key.sealer(ORIGIN)),
        max_age=600,
        httponly=True,
        samesite="lax",  # the provider sends the browser back from another site
        secure=page.secure,
        path="/",
    )
    return response


@pages.get(BACK, roles=NOBODY)
async def back(page: Page) -> Response:
    """The browser comes back with a code."""
    if page.site.settings.tables.console.oidc is None:
        return Response(status_code=404)
    company = await page.run(_company, page)
    from gateway.console.security.company import Asked  # noqa: PLC0415 - 30 MB

    sealed = page.request.cookies.get(cookie_name(page.request, COOKIE), "")
    asked = Asked.opened(sealed, page.site.store.key.sealer(ORIGIN))
    found = await company.answered(asked, page.query("state"), page.query("code"))
    if not (found.name and found.person and found.roles):
        await begin.refused(page, found.name, "no_role")
        raise GaritaError(worded("your account has no role at this site"))
    roles = await page.run(_operator, page, found.name, found.person, found.roles)
    signed_in = await begin.begin(
        page, found.name, how="oidc", onward=asked.onward, roles=roles - {ADMINISTRATOR}
    )
    # A page of ours goes on: after a way over another site a browser keeps its strict cookies back.
    response = page.render("security/onward.html", onward=signed_in.headers["location"])
    for cookie in signed_in.headers.getlist("set-cookie"):
        response.headers.append("set-cookie", cookie)
    response.delete_cookie(cookie_name(page.request, COOKIE), path="/", secure=page.secure)
    return response


def _company(page: Page):  # type: ignore[no-untyped-def]
    from gateway.console.security.company import Company  # noqa: PLC0415 - 30 MB

    table = page.site.settings.tables.console
    assert table.oidc is not None
    return Company(table.oidc, table.public_url.rstrip("/") + BACK)


def _operator(page: Page, name: str, person: str, roles: frozenset[str]) -> frozenset[str]:
    """The roles of the operator whom the provider names; adds them, or changes theirs, by their
    groups.  An operator of garita.toml or of an administrator keeps the roles that are there.
    Raises GaritaError."""
    operators = page.site.operators
    known = next((item for item in operators.all() if item.login == name), None)
    if known is not None and known.person != person:
        raise GaritaError(worded("{name} is another person here", name=name))
    if known is not None and known.origin != ORIGIN:
        return known.roles
    with page.site.people() as db:
        by, today = Operator(ORIGIN), page.today
        if known is None:
            keptoperators.add(
                db, operators, name, person, roles=roles, by=by, today=today, origin=ORIGIN
            )
        else:
            areas = known.areas
            keptoperators.change(
                db, operators, name, roles=roles, areas=areas, known_areas=areas, by=by,
                today=today,
            )  # fmt: skip
    return roles
