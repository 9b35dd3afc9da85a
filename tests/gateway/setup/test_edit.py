"""A gate that is there is changed in what is asked, and in nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway import config
from gateway.cli.main import app
from gateway.config import ConfigError
from gateway.setup.draft import Draft, Places
from gateway.setup.edit import NotEditable, as_it_is, changed, checked
from gateway.setup.steps import Wanted, perform, steps

ROOT = Path(__file__).parents[3]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A gate with the whole example's configuration: four doors, comments, everything."""
    path = tmp_path / "garita.toml"
    shutil.copy(ROOT / "config" / "garita.toml", path)
    return path


def edited(path: Path, door: str = "", **asked: Any) -> tuple[list[str], list[str]]:
    """The lines that go and those that come when `asked` is changed."""
    before = as_it_is(config.load(path).tables, door)
    text = path.read_text("utf-8")
    new = changed(text, before, replace(before, **asked), Places.of(path))
    checked(new, Places.of(path))
    old, fresh = text.splitlines(), new.splitlines()
    gone = [line for line in old if line not in fresh]
    return gone, [line for line in fresh if line not in old]


def test_nothing_asked_changes_nothing(gate: Path) -> None:
    text = gate.read_text("utf-8")
    before = as_it_is(config.load(gate).tables)
    assert changed(text, before, before, Places.of(gate)) == text


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"timezone": "Europe/Madrid"}, 'timezone = "Europe/Madrid"'),
        ({"gateway": "north"}, 'gateway = "north"'),
        ({"pulse_s": 4.5}, "pulse_s = 4.5"),
        ({"fail": "secure"}, 'fail = "secure"'),
        ({"reader_port": "/dev/ttyS9"}, 'port = "/dev/ttyS9"'),
        ({"credential": True}, 'key_file = "credential:site.key"'),
    ],
)
def test_one_answer_changes_one_line_and_keeps_its_comment(
    gate: Path, asked: dict[str, Any], line: str
) -> None:
    gone, new = edited(gate, **asked)
    assert len(gone) == len(new) == 1 and new[0].startswith(line)
    assert gone[0].partition("#")[2] == new[0].partition("#")[2]


def test_a_further_door_on_a_board_that_is_there(gate: Path) -> None:
    tables = config.load(gate).tables
    board = tables.locks["board"]
    before = replace(as_it_is(tables, "yard"), door="", reader_port="", camera="")
    asked = {"reader_port": "/dev/r9", "reader_driver": "line", "lock_port": board.port}
    after = replace(before, door="yard", channels=9, channel=9, fail="safe", **asked)  # type: ignore[arg-type]
    text = gate.read_text("utf-8")
    new = changed(text, before, after, Places.of(gate))
    made = checked(new, Places.of(gate)).tables
    assert set(made.doors) == {*tables.doors, "yard"}
    assert (made.doors["yard"].lock, made.doors["yard"].channel) == ("board", 9)
    assert (
        made.locks["board"].options["channels"] == 9 and made.readers["yard-in"].port == "/dev/r9"
    )
    assert set(made.locks) == set(tables.locks)
    assert text.count("#") == new.count("#")


def test_a_reader_on_a_bus_is_left_to_people(gate: Path) -> None:
    before = as_it_is(config.load(gate).tables, "warehouse")
    after = replace(before, reader_port="/dev/x", reader_driver="line")
    with pytest.raises(NotEditable, match="readers.warehouse-in is not on a port of its own"):
        changed(gate.read_text("utf-8"), before, after, Places.of(gate))


def test_the_old_file_is_kept_and_a_mistake_changes_nothing(gate: Path) -> None:
    gate.chmod(0o600)
    before, old = as_it_is(config.load(gate).tables), gate.read_bytes()
    wanted = Wanted(places=Places.of(gate), before=before, after=replace(before, channel=2))
    with pytest.raises(ConfigError, match="garita.toml"):
        steps(wanted)  # the relay of another door
    assert gate.read_bytes() == old and not list(gate.parent.glob(".garita*"))
    todo = steps(replace(wanted, after=replace(before, pulse_s=9.0)))
    assert [str(step.what) for step in todo] == [f"changes in {gate}"]
    perform(todo[0])
    kept = list(gate.parent.glob("garita.toml.*.old"))
    assert [path.read_bytes() for path in kept] == [old]
    assert gate.stat().st_mode & 0o777 == kept[0].stat().st_mode & 0o777 == 0o600
    assert config.load(gate).tables.doors[before.door].pulse_s == 9.0


def setup(gate: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["-c", str(gate), "setup", "--wait-s", "0", *words])


def test_the_command_shows_the_difference_and_does_nothing_without_yes(gate: Path) -> None:
    old = gate.read_bytes()
    done = setup(gate, "--timezone", "Europe/Madrid")
    assert done.exit_code == 1 and '+timezone = "Europe/Madrid"' in done.output
    assert gate.read_bytes() == old
    assert setup(gate, "--timezone", "Europe/Madrid", "--yes").exit_code == 0
    again = setup(gate, "--timezone", "Europe/Madrid", "--yes")
    assert again.exit_code == 0 and "Nothing to change." in again.output


def test_a_configuration_with_mistakes_is_not_touched(gate: Path) -> None:
    gate.write_text(gate.read_text("utf-8") + "\n[nonsense]\n")
    old = gate.read_bytes()
    done = setup(gate, "--timezone", "Europe/Madrid", "--yes")
    assert done.exit_code == 4 and "mend them first" in done.output and "nonsense" in done.output
    assert gate.read_bytes() == old


def test_a_draft_of_a_file_is_the_file(tmp_path: Path) -> None:
    """What a set-up wrote reads back as what it was told."""
    said = Draft(
        gateway="g",
        timezone="UTC",
        reader_driver="line",
        reader_port="/dev/a",
        lock_port="/dev/b",
        channels=4,
        channel=3,
        fail="safe",
        pulse_s=2.5,
        camera="rtsp://10.0.0.9/s",
        broker="localhost",
    )
    from gateway.setup.draft import toml

    path = tmp_path / "garita.toml"
    path.write_text(toml(replace(said, person="-", operator="x"), Places.of(path)))
    assert as_it_is(config.load(path).tables) == said
