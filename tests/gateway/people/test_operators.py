"""Operators of the configuration and of people.db: one list of who acts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.config.operators import OperatorTable
from gateway.ledger.operator import Operator
from gateway.people import keptoperators as kept
from gateway.people.keptoperators import OperatorError
from gateway.people.operators import Operators
from gateway.people.schema import open_admin

TODAY = date(2026, 11, 27)
ADA = Operator("ada", person="e1", name="Ada")
AREAS = ("yard", "warehouse")


class Site:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "people.db"
        self.db = open_admin(self.path)
        for key, status in (
            ("e1", "active"),
            ("e2", "active"),
            ("e3", "active"),
            ("e4", "revoked"),
        ):
            self.db.execute(
                "INSERT INTO person VALUES (?, ?, '', '', NULL, NULL, ?, '[]')",
                (key, f"Person {key}", status),
            )
        self.db.commit()
        self.operators = Operators(
            {
                "ada": OperatorTable(account="adams", person="e1", roles=["administrator"]),
                "hugo": OperatorTable(person="e9", roles=["administrator"]),  # not on the list
            },
            self.path,
        )

    def add(self, name: str, person: str, *roles: str, **more: Any) -> None:
        kept.add(
            self.db, self.operators, name, person, roles=roles, known_areas=AREAS, by=ADA,
            today=TODAY, **more,
        )  # fmt: skip

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        rows = self.db.execute("SELECT type, data FROM outbox ORDER BY rowid")
        return [(kind, json.loads(data)) for kind, data in rows if kind.startswith("operator.")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    with closing(made.db):
        yield made


def test_an_operator_who_was_added_counts_at_once_with_their_event(site: Site) -> None:
    site.add("rosa", "e2", "guard", areas=["yard"])
    rosa = site.operators.named("rosa")
    assert rosa == "rosa" and rosa.person == "e2" and rosa.name == "Person e2"
    assert rosa.roles == {"guard"} and rosa.areas == {"yard"}
    assert site.operators.find("e2") is not None and site.operators.login("e2") == "rosa"
    assert site.operators.of("rosa").person == ""  # has no account of the machine
    ((kind, data),) = site.events()
    assert kind == "operator.added" and data["by_person"] == "e1" and data["roles"] == ["guard"]
    assert any(row.startswith("operator/rosa") for row in data["rows"])


@pytest.mark.parametrize(
    ("name", "person", "roles", "why"),
    [
        ("ada", "e2", ["guard"], "already"),
        ("adams", "e2", ["guard"], "already"),  # the account of another operator
        ("root", "e2", ["guard"], "account of this machine"),
        ("daemon", "e2", ["guard"], "account of this machine"),
        ("rosa", "e1", ["guard"], "already"),  # a person has one name
        ("rosa", "e4", ["guard"], "not active"),
        ("rosa", "nobody", ["guard"], "not active"),
        ("rosa", "e2", [], "one role"),
        ("rosa", "e2", ["king"], "one role"),
        ("Rosa", "e2", ["guard"], "small letters"),
        ("<b>", "e2", ["guard"], "small letters"),
        ("r" * 200, "e2", ["guard"], "small letters"),
        ("\u202erosa", "e2", ["guard"], "small letters"),
    ],
)
def test_what_may_not_be_an_operator(
    site: Site, name: str, person: str, roles: list[str], why: str
) -> None:
    with pytest.raises(OperatorError, match=why):
        site.add(name, person, *roles)
    assert site.events() == [] and site.operators.login("e2") == ""


def test_an_area_that_is_not_there_is_a_mistake_and_not_all_areas(site: Site) -> None:
    with pytest.raises(OperatorError, match="no area"):
        site.add("rosa", "e2", "guard", areas=["moon"])


def test_the_last_administrator_stays(site: Site) -> None:
    site.operators = Operators(
        {"hugo": OperatorTable(person="e9", roles=["administrator"])}, site.path
    )
    site.add("rosa", "e2", "administrator")
    change: dict[str, Any] = {"areas": [], "by": ADA, "today": TODAY}
    with pytest.raises(OperatorError, match="last administrator"):
        kept.change(site.db, site.operators, "rosa", roles=["guard"], **change)
    with pytest.raises(OperatorError, match="last administrator"):  # Hugo is not on the list
        kept.end(site.db, site.operators, "rosa", by=ADA, today=TODAY)
    site.add("luis", "e3", "administrator")
    assert kept.change(site.db, site.operators, "rosa", roles=["guard"], **change)
    assert not kept.change(site.db, site.operators, "rosa", roles=["guard"], **change)  # twice
    kept.end(site.db, site.operators, "rosa", by=ADA, today=TODAY)
    assert site.operators.named("rosa") is None
    with pytest.raises(OperatorError, match="no operator"):
        kept.end(site.db, site.operators, "rosa", by=ADA, today=TODAY)
    assert [kind for kind, _ in site.events()] == [
        "operator.added", "operator.added", "operator.changed", "operator.ended",
    ]  # fmt: skip


def test_the_configuration_is_changed_in_its_file(site: Site) -> None:
    with pytest.raises(OperatorError, match="garita.toml"):
        kept.end(site.db, site.operators, "ada", by=ADA, today=TODAY)


def test_a_name_never_becomes_another_persons(site: Site) -> None:
    site.add("rosa", "e2", "guard")
    kept.end(site.db, site.operators, "rosa", by=ADA, today=TODAY)
    with pytest.raises(OperatorError, match="somebody else's"):
        site.add("rosa", "e3", "guard")
    site.add("rosa", "e2", "hr")  # she came back
    rosa = site.operators.named("rosa")
    assert rosa is not None and rosa.roles == {"hr"}


def test_a_row_written_by_hand_takes_no_place_of_the_configuration(site: Site) -> None:
    with closing(sqlite3.connect(site.path)) as db, db:
        for name, person in (("ada", "e2"), ("adams", "e2"), ("mallory", "e1")):
            db.execute(
                "INSERT INTO operator VALUES (?, ?, '[\"administrator\"]', '[]', '', '', '', '')",
                (name, person),
            )
    assert [item.login for item in site.operators.all()] == ["ada", "hugo"]


def test_without_people_db_the_configuration_still_counts(tmp_path: Path) -> None:
    alone = Operators({"ada": OperatorTable(person="e1", roles=["guard"])}, tmp_path / "none.db")
    assert [item.login for item in alone.all()] == ["ada"]
    assert bool(alone) and not Operators({}, tmp_path / "none.db")
    assert alone.listed("e1", TODAY) is None
