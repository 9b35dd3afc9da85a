"""The console's own files, damaged in each way: it goes on, and nobody gets in by it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.console.security import passwords
from gateway.console.security.codes import shown
from gateway.console.security.store import ENROL, Store
from gateway.console.site import Site
from gateway.ledger import LedgerReader
from gateway.people.schema import open_admin
from tests.gateway.console.site import PASSWORD, SECRET, Desk, desk_of, make, record
from tests.gateway.damage import DAMAGED, KINDS, aside, away, hurt

HASHED = passwords.hashed(PASSWORD)


@pytest.fixture
def lived(site: Site) -> Site:
    """Rosa and Ada have passwords, Ada a second factor, Rosa a session."""
    for name in ("rosa", "ada"):
        site.store.set_password(name, HASHED)
    site.store.credentials.set_totp("ada", SECRET, 0)
    return site


def db_of(site: Site) -> Path:
    return site.settings.tables.console.data_dir / "console.db"


def told(site: Site) -> list[tuple[str, str]]:
    """What waits to be on record of damage: the file and what was done."""
    site.notes.look()
    with closing(open_admin(site.settings.people_path)) as db:
        rows = db.execute("SELECT subject, data FROM outbox WHERE type = 'state.damaged'")
        return [(subject, json.loads(data)["done"]) for subject, data in rows]


def nobody_gets_in(site: Site, cookie: str) -> None:
    """Neither by a session of before, nor by a password of before, nor without one."""
    desk = desk_of(site)
    desk.client.cookies.set("garita", cookie)
    assert desk.get("/").headers["location"].startswith("/login")
    for name in ("rosa", "ada", ""):
        for password in (PASSWORD, ""):
            fresh = desk_of(site)
            answer = fresh.post("/login", {"name": name, "password": password})
            assert answer.status_code in (401, 429), (name, password, answer.status_code)
            assert fresh.get("/").headers["location"].startswith("/login")


def one_gets_in_by_a_code(site: Site) -> None:
    """Root gives Ada a code; she chooses a password and has to set up a second factor."""
    code = site.store.credentials.new_code("ada")
    desk = desk_of(site)
    answer = desk.post("/login/code", {"name": "ada", "code": code})
    assert answer.headers["location"].startswith("/login/password"), answer.text[-600:]
    (session,) = site.store.sessions("ada")
    desk.csrf = session.csrf
    new = {"password": PASSWORD, "again": PASSWORD}
    answer = desk.post("/login/password", new)
    assert answer.headers["location"].startswith("/login/enrol"), answer.text[-600:]
    assert site.store.sessions("ada")[0].stage == ENROL
    assert desk.get("/").headers["location"].startswith("/login")


@pytest.mark.parametrize("kind", KINDS)
def test_console_db_at_a_start(lived: Site, kind: str) -> None:
    path, cookie = db_of(lived), lived.store.begin("rosa")
    lived.store.close()
    hurt(path, kind)
    site = make(lived.settings)
    assert len(aside(path)) == (kind != "missing")
    nobody_gets_in(site, cookie)
    one_gets_in_by_a_code(site)
    assert told(site) == [("console.db", "sign_in_anew")]
    record(site.settings)
    with closing(LedgerReader(site.settings.ledger_path)) as log:
        events = [e for e in log.after(0, 1000) if e.type == "state.damaged"]
    assert [e.data["aside"] for e in events] == ([one.name for one in aside(path)] or [""])
    site.store.close()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "halved"])
def test_console_db_while_it_works(lived: Site, kind: str) -> None:
    """But for a page that SQLite holds in memory: that damage is found at the next start."""
    path, cookie = db_of(lived), lived.store.begin("rosa")
    with lived.store.db.transaction():  # all of it is in the file, nothing beside it
        pass
    lived.store.db.one("PRAGMA wal_checkpoint(TRUNCATE)")
    if kind == "noise":
        away(path)
        path.write_bytes(os.urandom(40_000))  # another file, as a restore or a bad disk leaves it
    else:
        KINDS[kind](path)
    nobody_gets_in(lived, cookie)
    one_gets_in_by_a_code(lived)
    assert len(aside(path)) == (kind != "missing")
    assert told(lived) == [("console.db", "sign_in_anew")]


def test_a_page_that_is_damaged_is_found_when_it_is_read(lived: Site) -> None:
    path, cookie = db_of(lived), lived.store.begin("rosa")
    lived.store.db.one("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:  # in place: the same file, its tables gone
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    lived.store.db.one("PRAGMA shrink_memory")
    nobody_gets_in(lived, cookie)
    assert told(lived) == [("console.db", "sign_in_anew")] and len(aside(path)) == 1


@pytest.mark.parametrize("kind", DAMAGED)
def test_console_key(lived: Site, kind: str) -> None:
    """The second factor that it sealed is not forgotten: it is asked for, and no code is right."""
    path = db_of(lived).with_name("console.key")
    lived.store.close()
    KINDS[kind](path)
    site = make(lived.settings)
    assert len(aside(path)) == 1 and told(site) == [("console.key", "apps_anew")]
    held = site.store.credentials
    assert held.has_second("ada") and not shown(held, "ada", "000000")
    desk = desk_of(site)
    answer = desk.post("/login", {"name": "ada", "password": PASSWORD})
    assert answer.headers["location"].startswith("/login/second")
    assert desk_of(site).post("/login", {"name": "rosa", "password": PASSWORD}).status_code == 303
    site.store.close()


def test_a_key_that_others_may_read_stays(lived: Site) -> None:
    path = db_of(lived).with_name("console.key")
    before = path.read_bytes()
    path.chmod(0o644)
    with pytest.raises(Exception, match="600"):
        Store(db_of(lived))
    assert path.read_bytes() == before and not aside(path)


def test_whoever_signed_in_without_a_password_sets_up_no_second_factor(lived: Site) -> None:
    """Neither by their badge nor by the company's account: it takes the password, and after a loss
    there is one only by a code of root's or an administrator's."""
    lived.store.close()
    hurt(db_of(lived), "noise")
    site = make(lived.settings)
    desk = desk_of(site)
    token = site.store.begin("ada", how="oidc", roles=["guard"])
    session = site.store.session(token)
    assert session is not None
    desk.client.cookies.set("garita", token)
    desk.csrf = session.csrf
    assert desk.get("/accounts").headers["location"].startswith("/confirm")
    for old in ("", PASSWORD):
        assert desk.post("/account/second", {"old": old, "code": "000000"}).status_code == 403
    assert not site.store.credentials.has_second("ada")
    site.store.close()


def test_two_who_open_it_at_once_make_one_file(tmp_path: Path, desk: Callable[..., Desk]) -> None:
    path = tmp_path / "both" / "console.db"
    first, second = Store(path), Store(path)
    token = first.begin("rosa")
    assert second.session(token) is not None and not first.db.damages + second.db.damages
    first.close()
    second.close()
