"""`garita people map`: asks once, shows what it would read, writes the profile; and the list that
the profile then reads is put in force."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from demo.rig import example_config
from gateway import config
from gateway.cli.main import app
from gateway.decide.model import Credential
from gateway.people import Roster
from gateway.vault.sitekey import SiteKey

CSV = (
    "No. empleado;Nombre completo;Empresa;Tarjeta;Departamento;Vence\r\n"
    "1001;José Núñez;Maquila;5550;Producción;31/12/2026\r\n"
    "1002;Ana López;Maquila;5551;Almacén;01/02/2027\r\n"
)
ANSWERED = (
    "--yes",
    "--dates",
    "day-first",
    "--prefix",
    "em4100:18:",
    "--level",
    "Producción=plant",
    "--level",
    "Almacén=shipping,plant",
)
Run = Callable[..., Result]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = example_config(tmp_path)
    SiteKey.create(Path(config.load(path).tables.site.key_file))
    (tmp_path / "lista.csv").write_bytes(CSV.encode("windows-1252"))
    return path


@pytest.fixture
def run(site: Path) -> Run:
    def run(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, [*words, "--config", str(site)], input=typed)

    return run


def test_asked_once_and_then_synced(site: Path, run: Run) -> None:
    file = str(site.parents[1] / "lista.csv")
    # Each column as proposed, no role, no first day, no status; then what can't be seen.
    answers = ["", "", "", "", "", "", "", "", "day-first", "em4100:18:", "", "shipping", "plant"]
    done = run("people", "map", file, typed="\n".join([*answers, "y"]) + "\n")
    assert done.exit_code == 0, done.output
    shown = done.output
    assert "2026-12-31" in shown and "em4100:…50" in shown and "em4100:18:5550" not in shown
    assert "2 people read, 0 errors" in shown
    profile = site.parent / "profiles" / "hr.toml"
    assert 'encoding = "windows-1252"' in profile.read_text("utf-8")
    done = run("people", "sync", file, "--profile", "hr", "--apply")
    assert done.exit_code == 0, done.output
    person = Roster(config.load(site).people_path).find(Credential("em4100", "18", "5551")).person
    assert person is not None and (person.name, person.company) == ("Ana López", "Maquila")
    assert (person.valid_until, person.access_levels) == (date(2027, 2, 1), ("shipping",))


def test_nothing_is_guessed_without_somebody_to_ask(site: Path, run: Run) -> None:
    file = str(site.parents[1] / "lista.csv")
    given = list(ANSWERED)
    for option, why in (
        ("--dates", "--dates"),
        ("--prefix", "--prefix"),
        ("--level", "Producción"),
    ):
        at = given.index(option)
        done = run("people", "map", file, *given[:at], *given[at + 2 :])
        assert done.exit_code == 1 and why in done.stderr, done.output
    assert not (site.parent / "profiles").exists()
    assert run("people", "map", file, *ANSWERED).exit_code == 0


def test_a_profile_is_replaced_only_when_that_is_said_and_whole(site: Path, run: Run) -> None:
    file = site.parents[1] / "lista.csv"
    assert run("people", "map", str(file), *ANSWERED).exit_code == 0
    path = site.parent / "profiles" / "hr.toml"
    before = path.read_bytes()
    done = run("people", "map", str(file), *ANSWERED)
    assert done.exit_code == 1 and "--replace" in done.stderr and path.read_bytes() == before
    wrong = [word.replace("day-first", "month-first") for word in ANSWERED]
    done = run("people", "map", str(file), *wrong, "--replace")
    assert done.exit_code == 3 and "errors" in done.stderr and path.read_bytes() == before
    done = run("people", "map", str(file), *ANSWERED[1:], "--replace", typed="\n" * 8 + "\nn\n")
    assert done.exit_code == 1 and path.read_bytes() == before
    again = run("people", "map", str(file), *ANSWERED, "--replace", "--digits", "id=6")
    assert again.exit_code == 0 and b"id" in path.read_bytes() != before


def test_a_workbook_and_what_is_wrong_with_it(site: Path, run: Run) -> None:
    made = openpyxl.Workbook()
    made.active.append(["Clave", "Nombre", "Gafete", "Vence"])
    made.active.append([7, "Ana", 5550, date(2026, 12, 31)])
    file = site.parents[1] / "lista.xlsx"
    made.save(file)
    plain = ("--yes", "--prefix", "em4100:18:", "--everybody", "plant", "--name", "libro")
    done = run("people", "map", str(file), *plain)
    assert done.exit_code == 0, done.output
    assert "encoding" not in (site.parent / "profiles" / "libro.toml").read_text()
    done = run("people", "sync", str(file), "--profile", "libro", "--json")
    assert json.loads(done.stdout)["people"]["added"] == ["7"]
    done = run("people", "map", str(file), *plain[:4], "plants", "--name", "x")
    assert done.exit_code == 1 and "no level plants" in done.stderr
    done = run("people", "map", str(file), *plain[:-1], "../x")
    assert done.exit_code == 1 and "letters, digits" in done.stderr
    done = run("people", "map", str(file), *plain[:-1], "y", "--column", "id=Número")
    assert done.exit_code == 1 and "no column Número" in done.stderr
    for raw, why in ((b"", "header row"), (b"PK\x03\x04", "workbook"), (b"a;b\0", "NUL")):
        file.write_bytes(raw)
        done = run("people", "map", str(file), *plain[:-1], "z")
        assert done.exit_code == 1 and why in done.stderr
    done = run("people", "sync", str(file), "--profile", "none")
    assert done.exit_code == 1 and "profile none.toml" in done.stderr
