"""Names as people type them: on the list, in a search, in a reason, of a company."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest

from gateway.people.sync.file import COLUMNS
from tests.gateway.cli.conftest import Site

CONFIRM = "removed,losing_access"
KIND = '[requirements.partner]\ntitle = { en = "Partner", es = "Socio" }\nof = "company"\n'


@pytest.fixture
def named(site: Site, tmp_path: Path) -> Site:
    path = tmp_path / "names.csv"
    rows = (
        "e3,Elena,,,,,,,",
        "e1,Íñigo Muñoz Peña,,,,,,,",
        f"e2,{unicodedata.normalize('NFD', 'Ángela Ruiz')},TRANSPORTES AGUILA SA DE CV,,,,,,",
    )
    path.write_text("\n".join((",".join(COLUMNS), *rows)) + "\n", "utf-8")
    done = site.run("people", "sync", str(path), "--apply", "--confirm", CONFIRM)
    assert done.exit_code == 0, done.output
    return site


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("munoz", ["e1"]),
        ("MUÑOZ", ["e1"]),
        (unicodedata.normalize("NFD", "muñoz"), ["e1"]),
        ("pena", ["e1"]),
        ("E1", ["e1"]),
        ("angela", ["e2"]),
        ("Águila, S.A. de C.V.", ["e2"]),
        ("%", []),
        ("", ["e1", "e2", "e3"]),
    ],
)
def test_a_search_without_the_accent_found_nobody(
    named: Site, search: str, found: list[str]
) -> None:
    done = named.run("people", "list", "--search", search, "--json")
    assert [row["id"] for row in json.loads(done.stdout)] == found


def test_a_reason_with_characters_that_cannot_be_seen_is_refused(site: Site) -> None:
    for reason in ("lost\u202e", "x" * 201, "a\nb"):
        done = site.run("people", "revoke", "e1", "--reason", reason)
        assert done.exit_code == 2, done.output
    assert "U+202E" in site.run("people", "revoke", "e1", "--reason", "lost\u202e").output
    assert site.run("people", "revoke", "e1", "--reason", "perdió su gafete").exit_code == 0


def test_a_requirement_of_a_company_without_a_name(site: Site) -> None:
    site.config.write_text(site.config.read_text("utf-8") + KIND, "utf-8")
    for name, code in ((". .", 2), ("Acme\u200b", 2), ("Acme", 0)):
        done = site.run("requirement", "set", name, "partner", "--company")
        assert done.exit_code == code, done.output


DUE = """
[requirements.training]
title = { en = "Training", es = "Capacitación" }

[requirements.partner]
title = { en = "Partner", es = "Socio" }
of = "company"
exempt = ["acme de mexico"]

[areas.plant]
title = { en = "Plant", es = "Planta" }
requires = ["training", "partner"]

[access_levels.due]
areas = { plant = "always" }
"""


def test_requirement_due_showed_neither_what_lapsed_nor_who_has_none(
    site: Site, tmp_path: Path
) -> None:
    text = site.config.read_text("utf-8")
    site.config.write_text(text + DUE.replace("always", re.findall(r"\[schedules\.(.*)]", text)[0]))
    head = "id,name,company,credentials,access_levels,valid_until,requires:training\n"
    rows = (
        "a,A,Acmé de México,,due,,2020-01-31",  # lapsed
        "b,B,Acme de México,,due,,",  # none
        "c,C,NORTE SA,,due,,2099-01-31",
        "d,D,Norte S.A.,,due,2020-01-01,",  # may not enter anyway
        "e,E,,,,,",  # has no level that leads there
    )
    path = tmp_path / "due.csv"
    path.write_text(head + "\n".join(rows) + "\n", "utf-8")
    done = site.run("people", "sync", str(path), "--apply", "--confirm", CONFIRM)
    assert done.exit_code == 0, done.output
    found = json.loads(site.run("requirement", "due", "--json").stdout)
    assert [(row["subject"], row["kind"], row["state"]) for row in found] == [
        ("a", "training", "lapsed"),
        ("b", "training", "none"),
        ("NORTE SA", "partner", "none"),
    ]
    assert "never shown" in site.run("requirement", "due").stdout
    done = site.run("requirement", "set", "Norté, S. A.", "partner", "--company")
    assert done.exit_code == 0, done.output
    found = json.loads(site.run("requirement", "due", "--json").stdout)
    assert [row["subject"] for row in found] == ["a", "b"]
