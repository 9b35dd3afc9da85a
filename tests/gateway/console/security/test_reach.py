"""Who reaches what: nobody the sign-in and its assets, each role what its routes say, no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from gateway.console.app import app_of, screens
from gateway.console.roles import EVERYBODY, NOBODY
from gateway.console.routes import Screen
from gateway.console.site import Site
from gateway.console.words import STATIC
from tests.gateway.console.site import PEOPLE, Desk, desk_of

OPEN = {
    "GET /login",
    "POST /login",
    "GET /login/code",
    "POST /login/code",
    "GET /login/password",
    "POST /login/password",
    "GET /login/second",
    "POST /login/second",
    "GET /login/enrol",
    "POST /login/enrol",
    "GET /login/company",
    "GET /login/company/back",
    "POST /login/leave",
    "GET /desk/sign-in",
    "POST /desk/sign-in",
}
"""All that somebody without a session reaches, beside the assets of the sign-in."""
ALL = [f"{screen.method} {screen.path}" for screen in screens()]
BY_NAME = dict(zip(ALL, screens(), strict=True))


def address(screen: Screen) -> str:
    """An address of the screen, with something for each part of its path."""
    return re.sub(r"\{\w+(:\w+)?\}", "1", screen.path)


def send(desk: Desk, screen: Screen) -> tuple[int, str]:
    """Ask for the screen as its form would; returns the status and where it goes on."""
    ask = desk.get if screen.method == "GET" else desk.post
    answer = ask(address(screen))
    return answer.status_code, answer.headers.get("location", "")


@pytest.fixture
def nobody(site: Site) -> Desk:
    desk = desk_of(site)
    desk.client.raise_server_exceptions = False
    return desk


def test_no_two_screens_have_one_address() -> None:
    assert len(BY_NAME) == len(ALL)


def test_nobody_reaches_the_sign_in_and_nothing_else(site: Site, nobody: Desk) -> None:
    assert {name for name, screen in BY_NAME.items() if screen.roles is NOBODY} == OPEN & set(ALL)
    for name, screen in BY_NAME.items():
        status, onward = send(nobody, screen)
        if name in OPEN:
            assert status in (200, 303, 401, 404) and not onward.startswith("/?"), name
        else:
            assert status == 303 and onward.startswith("/login"), (name, status, onward)


def test_without_a_session_no_address_says_whether_it_exists(nobody: Desk) -> None:
    for path in ("/nothing", "/static/", "/static/../site.py", "/static/%2e%2e/site.py"):
        assert nobody.get(path).status_code == 404, path
    for path in ("/docs", "/openapi.json", "/metrics", "/favicon.ico", "/.git/config"):
        assert nobody.get(path).status_code == 404, path


def test_assets_hold_nothing_of_a_site(nobody: Desk) -> None:
    kinds = {path.suffix for path in STATIC.rglob("*") if path.is_file()}
    assert kinds <= {".css", ".js", ".svg", ".txt", ".md"}
    answer = nobody.get("/static/css/garita.css")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-cache"


def _walked() -> Iterator[tuple[str, str]]:
    for name, *_rest, role in PEOPLE:
        yield name, role


@pytest.mark.parametrize(("name", "role"), list(_walked()))
def test_every_route_as_every_role(site: Site, name: str, role: str) -> None:
    told: dict[str, int] = {}
    for route, screen in BY_NAME.items():
        if route in ("POST /logout", "GET /stream") or screen.roles is NOBODY:
            continue  # the one ends the session, the other does not end
        desk = desk_of(site, name)
        desk.client.raise_server_exceptions = False
        status, onward = send(desk, screen)
        allowed = screen.roles is EVERYBODY or role in screen.roles
        if not allowed:
            assert status == 403, (route, status)
        elif screen.fresh:
            assert status == 303 and onward.startswith("/confirm?next="), (route, status, onward)
        else:
            told[route] = status
            assert status != 403 or role in screen.roles, route
            assert not onward.startswith("/login"), route
    assert told  # each role reaches something


def test_an_act_with_a_fresh_second_factor_is_not_asked_again(site: Site) -> None:
    desk = desk_of(site, "ada", stepped=True)
    for screen in screens():
        if screen.fresh and screen.path.startswith("/accounts"):
            status, onward = send(desk, screen)
            assert not onward.startswith("/confirm"), screen.path
            assert status in (200, 303, 409)


def test_who_is_no_operator_any_more_reaches_nothing(site: Site, nobody: Desk) -> None:
    nobody.client.cookies.set("garita", site.store.begin("mallory"))
    for screen in screens():
        if screen.roles is not NOBODY:
            status, onward = send(nobody, screen)
            assert status == 303 and onward.startswith("/login"), screen.path


def test_a_session_by_badge_has_no_administrators_role(site: Site) -> None:
    desk = desk_of(site)
    desk.client.cookies.set("garita", site.store.begin("ada", how="badge", roles=[]))
    answer = desk.get("/accounts")
    assert answer.status_code == 303  # her second factor gives her the role
    assert answer.headers["location"] == "/confirm?next=/accounts"
    assert desk.get("/confirm?next=/accounts").headers["location"].startswith("/account/second")


@pytest.mark.parametrize("path", ["/", "/login", "/account", "/static/css/garita.css", "/nothing"])
def test_every_answer_carries_the_headers(site: Site, desk: Callable[..., Desk], path: str) -> None:
    for name in ("", "rosa"):
        headers = desk(name).get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")
        assert "server" not in headers


def test_what_a_page_needs_is_kept_only_under_a_name_that_changes_with_it(nobody: Desk) -> None:
    page = nobody.get("/login").text
    (mark,) = re.findall(r"/static/css/garita\.css\?v=(\w+)", page)
    kept = nobody.get(f"/static/css/garita.css?v={mark}").headers["cache-control"]
    assert "immutable" in kept
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)  # no other host


def test_no_template_has_script_or_style_of_its_own() -> None:
    wrong = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\bstyle=|\son\w+=|hx-on"
    )
    found = {
        path.name: hit[0]
        for path in (STATIC.parent / "templates").rglob("*.html")
        if (hit := wrong.search(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_tls_says_so_for_a_year(site: Site) -> None:
    desk = desk_of(site)
    desk.client.base_url = "https://127.0.0.1"
    assert desk.get("/login").headers["strict-transport-security"] == "max-age=31536000"
    assert app_of(site).state.screens


def test_no_address_hides_another() -> None:
    known: list[Screen] = []
    for screen in screens():
        for other in known:
            shape = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(other.path))
            same = other.method == screen.method
            assert not (same and re.fullmatch(shape, screen.path)), (other.path, screen.path)
        known.append(screen)


def test_an_administrator_ends_anybodys_session(site: Site) -> None:
    hers = desk_of(site, "rosa")
    (session,) = site.store.sessions("rosa")
    ada = desk_of(site, "ada")
    assert ada.post("/signed-in/end", {"key": session.digest}).status_code == 303
    assert hers.get("/").status_code == 303
    assert hers.post("/signed-in/end", {"key": "x"}).status_code == 303  # nobody now
