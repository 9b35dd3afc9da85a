"""Signing in: with a password, a code, a second factor; and what ends it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing

import pyotp
import pytest

from gateway import locale
from gateway.console.security import passwords
from gateway.console.site import Site
from gateway.ledger.event import EventType
from gateway.people import Roster
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from tests.gateway.console.site import PASSWORD, SECRET, Desk, words_of

HASH = passwords.hashed(PASSWORD)
MakeDesk = Callable[..., Desk]


def events(site: Site, *kinds: str) -> list[tuple[str, dict[str, object]]]:
    """What waits to be recorded, of these types."""
    with closing(Roster(site.settings.people_path)) as roster:
        found = [(e.type, dict(e.data)) for e in roster.outbox(10_000)]
    return [(kind, data) for kind, data in found if kind.startswith(kinds or ("console.",))]


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]*)"', page)
    return found[1] if found else ""


def sign_in(desk: Desk, name: str = "rosa", password: str = PASSWORD, **more: str) -> str:
    """Send the form; returns where it goes on, or the words of the page."""
    answer = desk.post("/login", {"name": name, "password": password, **more})
    if answer.status_code != 303:
        return f"{answer.status_code} {words_of(answer.text)}"
    return answer.headers["location"]


def go_on(desk: Desk, path: str) -> str:
    """Open a page and take its token."""
    answer = desk.get(path)
    desk.csrf = csrf_of(answer.text)
    return answer.text


def test_name_and_password_open_the_console_and_are_on_record(site: Site, desk: MakeDesk) -> None:
    site.store.set_password("rosa", HASH)
    browser = desk("")
    assert sign_in(browser, next="/trucks") == "/trucks"
    assert browser.get("/").status_code == 200
    ((kind, data),) = events(site)
    assert (kind, data["how"]) == ("console.signed_in", "password")
    assert data["by_person"] == "e101" and data["address"] == "testclient"


@pytest.mark.parametrize(
    "onward", ["//evil.example", "https://evil.example", "/\\evil", "evil", ""]
)
def test_a_sign_in_never_goes_on_to_another_host(site: Site, desk: MakeDesk, onward: str) -> None:
    site.store.set_password("rosa", HASH)
    assert sign_in(desk(""), next=onward) == "/"


def test_a_wrong_password_and_a_name_that_nobody_has_look_the_same(
    site: Site, desk: MakeDesk
) -> None:
    site.store.set_password("rosa", HASH)
    wrong = sign_in(desk(""), password="no")
    nobody = sign_in(desk(""), name="mallory")
    assert wrong.replace("rosa", "") == nobody.replace("mallory", "")
    assert wrong.startswith("401") and "name or password is wrong" in wrong
    names = [data["name"] for _, data in events(site, "console.sign_in_refused")]
    assert names == ["rosa", "?"]  # what is no name may be a password


def test_after_five_wrong_passwords_the_right_one_has_to_wait(site: Site, desk: MakeDesk) -> None:
    site.store.set_password("rosa", HASH)
    browser = desk("")
    for _ in range(5):
        assert sign_in(browser, password="no").startswith("401")
    for _ in range(3):
        assert sign_in(browser).startswith("429")
    whys = [data["why"] for _, data in events(site, "console.sign_in_refused")]
    assert whys == ["wrong"] * 5 + ["limited"]  # a flood fills no log


def test_a_stranger_at_another_browser_cant_lock_the_administrator_out(
    site: Site, desk: MakeDesk
) -> None:
    site.store.set_password("rosa", HASH)
    hers = desk("")
    assert sign_in(hers) == "/"
    stranger = desk("")
    while not sign_in(stranger, password="guess").startswith("429"):
        pass
    assert sign_in(stranger).startswith("429")
    hers.csrf = csrf_of(hers.get("/login").text)
    assert sign_in(hers) == "/"  # her browser is known


def test_a_one_time_code_is_a_way_in_whatever_is_tried(site: Site, desk: MakeDesk) -> None:
    stranger = desk("")
    for _ in range(300):
        stranger.post("/login/code", {"name": "ada", "code": "AAAA-BBBB-CCCC"})
    assert len(events(site)) < 5
    code = site.store.credentials.new_code("ada")
    answer = desk("").post("/login/code", {"name": "ada", "code": code})
    assert answer.headers["location"].startswith("/login/password")


def test_a_first_sign_in_chooses_a_password(site: Site, desk: MakeDesk) -> None:
    code = site.store.credentials.new_code("rosa")
    browser = desk("")
    assert browser.post("/login/code", {"name": "rosa", "code": code}).status_code == 303
    assert browser.get("/").headers["location"] == "/login?next=/"  # not in yet
    go_on(browser, "/login/password")
    weak = browser.post("/login/password", {"password": "short", "again": "short"})
    assert weak.status_code == 409 and "at least" in words_of(weak.text)
    good = browser.post("/login/password", {"password": PASSWORD, "again": PASSWORD})
    assert good.headers["location"] == "/" and browser.get("/").status_code == 200
    again = desk("").post("/login/code", {"name": "rosa", "code": code})
    assert again.status_code == 401  # used up
    assert sign_in(desk("")) == "/"
    kinds = [data.get("what", kind) for kind, data in events(site)]
    assert kinds[:2] == ["new_password", "console.signed_in"]


def test_an_administrator_sets_up_a_second_factor_first(site: Site, desk: MakeDesk) -> None:
    site.store.set_password("ada", HASH)
    browser = desk("")
    assert sign_in(browser, "ada") == "/login/enrol?next=/"
    for path in ("/", "/accounts", "/account"):
        assert browser.get(path).headers["location"].startswith("/login?")
    page = go_on(browser, "/login/enrol")
    secret = re.search(r'class="secret">([^<]*)<', page)
    assert secret and "<svg" in page
    assert browser.post("/login/enrol", {"code": "000000"}).status_code == 409
    code = pyotp.TOTP(secret[1].replace(" ", "")).now()
    assert browser.post("/login/enrol", {"code": code}).headers["location"] == "/"
    assert browser.get("/accounts").status_code == 200
    assert browser.get("/account").status_code == 200
    whats = [data.get("what") or data.get("how") for _, data in events(site)]
    assert whats == ["totp_on", "password+code"]


def test_a_second_factor_is_asked_for_and_its_code_counts_once(site: Site, desk: MakeDesk) -> None:
    site.store.set_password("ada", HASH)
    site.store.credentials.set_totp("ada", SECRET, 0)
    browser, other = desk(""), desk("")
    code = pyotp.TOTP(SECRET).now()
    assert sign_in(browser, "ada", next="/accounts") == "/login/second?next=/accounts"
    go_on(browser, "/login/second?next=/accounts")
    assert browser.post("/login/second", {"code": "123456"}).status_code == 401
    done = browser.post("/login/second", {"code": code, "next": "/accounts"})
    assert done.headers["location"] == "/accounts"
    assert sign_in(other, "ada").startswith("/login/second")
    go_on(other, "/login/second")
    assert other.post("/login/second", {"code": code}).status_code == 401
    assert other.get("/accounts").status_code == 303


def test_codes_are_not_guessed(site: Site, desk: MakeDesk) -> None:
    site.store.set_password("ada", HASH)
    site.store.credentials.set_totp("ada", SECRET, 0)
    browser = desk("")
    sign_in(browser, "ada")
    go_on(browser, "/login/second")
    for number in range(8):
        browser.post("/login/second", {"code": f"{number:06}"})
    said = browser.post("/login/second", {"code": pyotp.TOTP(SECRET).now()})
    assert said.status_code == 401 and "too many tries" in words_of(said.text)


def test_who_leaves_the_list_is_out_at_the_next_tap(site: Site, desk: MakeDesk) -> None:
    rosa = desk("rosa")
    assert rosa.get("/").status_code == 200
    with closing(open_admin(site.settings.people_path)) as db:
        sync.set_revoked(db, "e101", revoked=True, why="left", by="t")
    assert rosa.get("/").status_code == 303
    site.store.set_password("rosa", HASH)
    assert "not active on the list" in sign_in(desk(""))


def test_a_session_that_is_carried_to_another_browser_ends(site: Site, desk: MakeDesk) -> None:
    site.store.set_password("rosa", HASH)
    hers, thief = desk(""), desk("")
    sign_in(hers)
    thief.client.cookies.set("garita", hers.client.cookies["garita"])
    thief.client.headers["user-agent"] = "curl"
    assert thief.get("/").status_code == 303
    assert hers.get("/").status_code == 303  # it may have been stolen, so it is over for both
    assert [kind for kind, _ in events(site)][-1] == "console.session_ended"


def test_a_session_ends_when_she_signs_out_or_ends_it_elsewhere(site: Site, desk: MakeDesk) -> None:
    one, two = desk("rosa"), desk("rosa")
    assert two.post("/account/sessions/end").status_code == 303
    assert one.get("/").status_code == 303 and two.get("/").status_code == 200
    assert two.post("/logout").headers["location"] == "/login"
    assert two.get("/").status_code == 303 and site.store.sessions() == []


def test_what_a_page_loads_by_itself_does_not_keep_a_session_alive(
    site: Site, desk: MakeDesk
) -> None:
    rosa = desk("rosa")
    old = time.time() - 3600
    site.store.db.do("UPDATE session SET seen = ?", old)
    rosa.get("/", part=True)
    assert site.store.sessions()[0].seen == old
    rosa.get("/")
    assert site.store.sessions()[0].seen > old


def test_a_session_is_over_after_its_time(site: Site, desk: MakeDesk) -> None:
    rosa = desk("rosa")
    site.store.db.do("UPDATE session SET began = began - 13 * 3600")
    assert rosa.get("/").status_code == 303


def test_cookies_are_for_this_console_alone(site: Site, desk: MakeDesk) -> None:
    site.store.set_password("rosa", HASH)
    browser = desk("")
    browser.client.base_url = "https://127.0.0.1"
    answer = browser.post("/login", {"name": "rosa", "password": PASSWORD})
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        parts = {part.strip().lower() for part in cookie.split(";")}
        assert {"httponly", "secure", "samesite=strict", "path=/"} <= parts
        assert cookie.startswith("__Host-garita") and "domain" not in cookie.lower()


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"host": "evil.example"},
    ],
)
def test_a_form_of_another_site_does_nothing(
    site: Site, desk: MakeDesk, headers: dict[str, str]
) -> None:
    site.store.set_password("rosa", HASH)
    rosa = desk("rosa")
    data = {"csrf": rosa.csrf}
    said = rosa.client.post("/logout", data=data, headers=headers, follow_redirects=False)
    assert said.status_code in (403, 421) and rosa.get("/").status_code == 200
    form = {"name": "rosa", "password": PASSWORD}
    said = desk("").client.post("/login", data=form, headers=headers, follow_redirects=False)
    assert said.status_code in (403, 421)


@pytest.mark.parametrize("token", ["", "x", "é", "\U0001f512" * 50])
def test_a_form_without_its_token_does_nothing(site: Site, desk: MakeDesk, token: str) -> None:
    rosa = desk("rosa")
    said = rosa.client.post("/logout", data={"csrf": token}, follow_redirects=False)
    assert said.status_code == 403 and rosa.get("/").status_code == 200


@pytest.mark.parametrize("name", ["<b>x</b>", "\u202easor", "x" * 200, "' OR 1=1 --", "../..", "é"])
def test_hostile_names_are_only_wrong_names(site: Site, desk: MakeDesk, name: str) -> None:
    locale.use("en")
    answer = desk("").post("/login", {"name": name, "password": name})
    assert answer.status_code == 401 and "<b>x</b>" not in answer.text


def test_a_huge_form_is_not_read(desk: MakeDesk) -> None:
    assert desk("").post("/login", {"name": "x" * 100_000}).status_code == 413


def test_events_wait_while_the_list_cant_be_written(site: Site, desk: MakeDesk) -> None:
    site.store.set_password("rosa", HASH)
    aside = site.settings.people_path.rename(site.settings.people_path.with_suffix(".away"))
    site.settings.people_path.mkdir()  # nothing can be opened there
    site.put(EventType.CONSOLE_SIGNED_OUT, "rosa", {"by": "rosa"})
    site.settings.people_path.rmdir()
    aside.rename(site.settings.people_path)
    assert sign_in(desk("")) == "/"
    assert [kind for kind, _ in events(site)] == ["console.signed_out", "console.signed_in"]


def test_a_sign_in_forgets_the_sessions_whose_time_is_over(site: Site, desk: MakeDesk) -> None:
    old = site.store.session(site.store.begin("aurelio"))
    assert old is not None
    long_ago = time.time() - site.settings.tables.console.session_h * 3600 - 1
    site.store.db.do("UPDATE session SET began = ? WHERE token = ?", long_ago, old.digest)
    site.store.set_password("rosa", HASH)
    assert sign_in(desk("")) == "/"
    assert site.store.by_digest(old.digest) is None
    assert [one.operator for one in site.store.sessions()] == ["rosa"]
