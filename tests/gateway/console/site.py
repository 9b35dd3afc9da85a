"""A site for tests of the console: one person of each role, two doors, and their sessions."""

from __future__ import annotations

import re
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from demo.broker import free_port
from gateway import config
from gateway.cli import common
from gateway.console.app import app_of
from gateway.console.server import site_of
from gateway.console.site import Site
from gateway.people import account
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import read_people
from gateway.vault.sitekey import SiteKey

PEOPLE = (
    ("rosa", "e101", "Rosa Ibarra", "guard"),
    ("samuel", "e102", "Samuel Ochoa", "supervisor"),
    ("hilda", "e103", "Hilda Peña", "hr"),
    ("ada", "e104", "Ada Núñez", "administrator"),
    ("aurelio", "e105", "Aurelio Vega", "auditor"),
)
"""Name, person, name on the list and role of each operator."""
PASSWORD = "lluvia de las cinco"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
"""Of the codes of the administrator's app (base32)."""

OPERATORS = "".join(
    f'\n[operators.{name}]\nperson = "{person}"\nroles = ["{role}"]\n'
    for name, person, _, role in PEOPLE
)
GATE = """
[site]
gateway = "prueba"
timezone = "America/Tijuana"
data_dir = "data"
run_dir = "run"
key_file = "site.key"

[access_levels.plant]
areas = { plant = "always", office = "always" }

[areas.plant]
title = { en = "Plant", es = "Planta" }

[areas.office]
title = { en = "Office", es = "Oficina" }

[readers.main-in]
driver = "rdm6300"
port = "/dev/ttyUSB0"

[readers.office-in]
driver = "rdm6300"
port = "/dev/ttyUSB1"

[locks.board]
driver = "lcus"
port = "/dev/ttyUSB2"
options = { channels = 2 }

[doors.main]
mode = "badge"
reader = "main-in"
lock = "board"
channel = 1
fail = "secure"
area = "plant"

[doors.office]
mode = "badge"
reader = "office-in"
lock = "board"
channel = 2
fail = "secure"
area = "office"
"""


def console_table(port: int = 0) -> str:
    """[console] for a console of this account on a free port; its file is in the same folder."""
    own = account.own()
    return (
        f'\n[console]\nlisten = "127.0.0.1:{port or free_port()}"\naccount = "{own}"\n'
        'data_dir = "console"\n'
    )


def write_site(folder: Path, more: str = "") -> config.Settings:
    """A configuration in `folder` that a console can run on, with the operators on the list and a
    log; no gateway runs there."""
    path = folder / "garita.toml"
    path.write_text(GATE + OPERATORS + console_table() + more, encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    SiteKey.create(folder / "site.key")
    settings = config.load(path)
    rows = [f"{person},{name},Garita,plant," for _, person, name, _ in PEOPLE]
    people = folder / "people.csv"
    people.write_text(
        "\n".join(("id,name,company,access_levels,credentials", *rows)) + "\n", encoding="utf-8"
    )
    with closing(open_admin(settings.people_path)) as db:
        read = read_people(people, levels=("plant",), zone=UTC)
        assert not read.errors
        sync.apply(db, sync.plan(db, read), by="t")
    record(settings)
    return settings


def record(settings: config.Settings) -> None:
    """Put what was done into the log, as a running gateway does at once."""
    common.nudge(settings)


@dataclass
class Desk:
    """A browser without a screen: Starlette's client, signed in as one operator."""

    client: TestClient
    site: Site
    csrf: str = ""

    def get(self, path: str, *, part: bool = False, **options: Any) -> httpx.Response:
        """GET; `part` asks as htmx does."""
        headers = {"hx-request": "true"} if part else {}
        return self.client.get(path, headers=headers, follow_redirects=False, **options)

    def post(
        self, path: str, fields: dict[str, Any] | None = None, *, part: bool = False, **options: Any
    ) -> httpx.Response:
        """POST a form of this console, with its token."""
        headers = {"hx-request": "true"} if part else {}
        data = {"csrf": self.csrf, **(fields or {})}
        return self.client.post(path, data=data, headers=headers, follow_redirects=False, **options)


def desk_of(site: Site, name: str = "", *, stepped: bool = False) -> Desk:
    """A client; signed in as the operator `name` if it is given.  `stepped`: with a second factor
    shown just now."""
    client = TestClient(app_of(site), base_url="http://127.0.0.1")
    if not name:
        return Desk(client, site)
    token = site.store.begin(name, stepped=time.time() if stepped else 0.0)
    client.cookies.set("garita", token)
    session = site.store.session(token)
    assert session is not None
    return Desk(client, site, session.csrf)


def make(settings: config.Settings) -> Site:
    """What the screens work with, without a server."""
    return site_of(settings)


def words_of(page: str) -> str:
    """The text of a page of HTML, without tags and double spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
