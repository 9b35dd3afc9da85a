"""The configuration's reference and JSON Schema are those of the settings' own tables."""

from __future__ import annotations

import copy
import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.config.tables import Tables
from manual import configuration
from manual.comments import comments

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return configuration.described()


def test_page_and_schema_are_current() -> None:
    for path, text in configuration.files().items():
        assert path.read_text("utf-8") == text, (
            f"{path.name} is old: python -m manual.configuration"
        )


def test_every_key_is_explained(schema: dict[str, Any]) -> None:
    assert configuration.unexplained(schema) == [], "explain it in config/garita.toml"


def test_the_command_prints_the_schema(schema: dict[str, Any]) -> None:
    done = CliRunner().invoke(app, ["config", "schema"])
    assert done.exit_code == 0 and json.loads(done.stdout) == json.loads(json.dumps(schema))


def _json(value: Any) -> Any:
    """TOML's values as JSON has them."""
    if isinstance(value, dict):
        return {key: _json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_json(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def _example(name: str = "garita.toml") -> dict[str, Any]:
    read: dict[str, Any] = _json(tomllib.loads((ROOT / "config" / name).read_text("utf-8")))
    return read


@pytest.mark.parametrize("name", ["garita.toml", "one-door.toml"])
def test_the_examples_fit(name: str, schema: dict[str, Any]) -> None:
    Draft7Validator.check_schema(schema)
    assert [error.message for error in Draft7Validator(schema).iter_errors(_example(name))] == []


def test_the_example_names_its_schema() -> None:
    first = (ROOT / "config" / "garita.toml").read_text("utf-8").splitlines()[0]
    assert (ROOT / "config" / first.removeprefix("#:schema ")).is_file()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("site", "gatway"), "gate-1"),
        (("doors", "main-gate", "mode"), "face"),
        (("doors", "main-gate", "fail"), "open"),
        (("doors", "main-gate", "pulse_s"), 600),
        (("readers", "main-in", "baudrate"), 1),
        (("schedules", "guards", "periods", 0, "days"), ["monday"]),
        (("pin", "attempts"), 0),
        (("mqtt", "port"), 70000),
        (("face",), []),
        (("degraded", "moon"), "badge"),
        (("operators", "rosa"), {"roles": ["guard"]}),
        (("alarms", "siren"), {"second": 3}),
    ],
)
def test_what_the_program_refuses_the_schema_refuses(
    path: tuple[Any, ...], value: Any, schema: dict[str, Any]
) -> None:
    wrong = copy.deepcopy(_example())
    here: Any = wrong
    for name in path[:-1]:
        here = here.setdefault(name, {}) if isinstance(here, dict) else here[name]
    here[path[-1]] = value
    assert list(Draft7Validator(schema).iter_errors(wrong))
    with pytest.raises(ValueError):
        Tables.model_validate(wrong)


def test_comments_are_those_of_the_line_and_of_the_lines_below() -> None:
    text = """
[doors.a]          # a door
mode = "badge"     # what it asks
                   # of everybody
# area = "x"       # where it leads
reader = "r"
"""
    found = comments(text, Tables.model_json_schema(by_alias=True))
    assert found == {
        ("doors", "*"): "a door",
        ("doors", "*", "mode"): "what it asks of everybody",
        ("doors", "*", "area"): "where it leads",
    }
