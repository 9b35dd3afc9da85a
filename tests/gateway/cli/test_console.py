"""`garita console account` and `cert`: the ways into the console that only the box itself has."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest

from gateway import config
from gateway.console.security.store import Store
from gateway.ledger import LedgerReader
from tests.gateway.damage import DAMAGED, aside, hurt

from .conftest import Site


@pytest.fixture
def gate(site: Site) -> Site:
    text = site.config.read_text(encoding="utf-8")
    text = re.sub(r'data_dir = "/var/lib/garita-console"', f'data_dir = "{site.folder}/own"', text)
    site.config.write_text(text, encoding="utf-8")
    return site


def store(gate: Site) -> Store:
    return Store(config.load(gate.config).tables.console.data_dir / "console.db")


def kinds(gate: Site) -> list[str]:
    with closing(LedgerReader(config.load(gate.config).ledger_path)) as log:
        return [event.type for event in log.tail(10)]


def test_root_makes_the_first_administrator_and_gives_the_first_code(gate: Site) -> None:
    done = gate.run("console", "account", "add", "ada", "e1", "--role", "administrator")
    assert done.exit_code == 0, done.output
    code = gate.run("console", "account", "code", "ada").stdout.strip()
    with closing(store(gate)) as own:
        assert own.credentials.take_code("ada", code)
    (row,) = json.loads(gate.run("console", "account", "list", "--json").stdout)
    assert row["roles"] == ["administrator"] and not row["password"]
    assert kinds(gate)[-2:] == ["operator.added", "console.account_changed"]
    assert "ada" in gate.run("console", "account", "list").stdout


def test_the_last_administrator_is_not_ended(gate: Site) -> None:
    for name, person in (("ada", "e1"), ("eva", "e3")):
        gate.run("console", "account", "add", name, person, "--role", "administrator")
    assert gate.run("console", "account", "end", "eva").exit_code == 0
    done = gate.run("console", "account", "end", "ada")
    assert done.exit_code == 1 and "last administrator" in done.stderr


def test_a_lost_telephone_is_forgotten_and_sessions_end(gate: Site) -> None:
    gate.run("console", "account", "add", "ada", "e1", "--role", "guard")
    with closing(store(gate)) as own:
        own.credentials.set_totp("ada", "A" * 32, 0)
        own.begin("ada")
    assert gate.run("console", "account", "code", "ada", "--forget-second").exit_code == 0
    with closing(store(gate)) as own:
        assert not own.credentials.has_second("ada") and own.sessions() == []
        own.begin("ada")
    assert gate.run("console", "account", "sign-out", "ada").exit_code == 0
    with closing(store(gate)) as own:
        assert own.sessions() == []


@pytest.mark.parametrize("name", ["nobody", "[b]x[/b]", "x" * 200])
def test_nobody_gets_no_code(gate: Site, name: str) -> None:
    for act in ("code", "end", "sign-out"):
        done = gate.run("console", "account", act, name)
        assert done.exit_code == 1, done.output


def test_a_weak_password_is_not_taken_from_a_pipe(gate: Site) -> None:
    gate.run("console", "account", "add", "ada", "e1", "--role", "guard")
    assert gate.run("console", "password", "ada").exit_code == 1


def test_a_certificate_is_made_and_the_lines_for_the_file_are_said(gate: Site) -> None:
    done = gate.run("console", "cert", "gate.example.com", "192.0.2.7")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    (cert,) = re.findall(r'^cert_file = "(.*)"$', lines[0])
    assert Path(cert).read_text().startswith("-----BEGIN CERTIFICATE")
    text = gate.config.read_text()
    listen = 'listen = "0.0.0.0:8440"\n' + "\n".join(lines[:2])
    gate.config.write_text(text.replace('listen = "127.0.0.1:8440"', listen))
    assert not config.load(gate.config).tables.console.local
    assert gate.run("console", "cert", "not a name").exit_code == 1


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_code_is_given_and_the_damage_is_on_record(gate: Site, kind: str) -> None:
    gate.run("console", "account", "add", "ada", "e1", "--role", "administrator")
    with closing(store(gate)) as own:
        own.set_password("ada", "x")
        path = own.db.path
    hurt(path, kind)
    code = gate.run("console", "account", "code", "ada").stdout.strip()
    with closing(store(gate)) as own:
        assert not own.password("ada") and own.credentials.take_code("ada", code)
    assert "state.damaged" in kinds(gate) and len(aside(path)) == 1
