"""Answers from files and flags: every mistake at once, with its line or its flag."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner, Result

from gateway import locale
from gateway.cli.main import app
from gateway.config import ConfigError
from gateway.setup import clock
from gateway.setup.answers import Answers, flag, from_file, from_flags, plain_name, together

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "setup.toml"


def setup(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["-c", str(folder / "garita.toml"), "setup", *words])


def test_every_answer_is_a_flag_and_stands_in_the_example() -> None:
    root = typer.main.get_command(app)
    command = root.get_command(root.context_class(root), "setup")
    flags = {option for param in command.params for option in param.opts}
    text = EXAMPLE.read_text("utf-8")
    for key in Answers.model_fields:
        assert flag(key) in flags, key
        assert f"\n{key} = " in text or f"\n# {key} = " in text, key
    said = set(tomllib.loads(text.replace("\n# re", "\nre").replace("\n# broker", "\nbroker")))
    assert said <= set(Answers.model_fields)
    from_file(EXAMPLE)


def test_all_mistakes_of_a_file_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        'gatway = "gate-1"\ngateway = "la caseta"\ntimezone = "Mars/Base"\n\nfail = "maybe"\n'
        'channel = 0\nreader_baudrate = "fast"\nadmins = ["root", "no-such-account"]\n'
        'operator = "ñ"\ncolour = 1\n'
    )
    with pytest.raises(ConfigError) as caught:
        from_file(path)
    found = {(item.line, item.key) for item in caught.value.mistakes}
    assert found == {
        (1, "gatway"),
        (2, "gateway"),
        (3, "timezone"),
        (5, "fail"),
        (6, "channel"),
        (7, "reader_baudrate"),
        (8, "admins.1"),
        (9, "operator"),
        (10, "colour"),
    }
    done = setup(tmp_path, "--answers", str(path), "--yes", "--pulse-s", "-1")
    assert done.exit_code == 4
    assert f"{path}:10: colour: unknown key; see config/setup.toml" in done.output
    assert "--pulse-s: Input should be greater than 0" in done.output
    assert not (tmp_path / "garita.toml").exists()


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"gateway = ", b"a" * 100_000, b"[gateway]\nx = 1", b""]
)
def test_a_file_that_is_none_changes_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    assert setup(tmp_path, "--answers", str(path), "--yes").exit_code == 4
    assert setup(tmp_path, "--answers", str(tmp_path / "none.toml"), "--yes").exit_code == 4
    assert [item.name for item in tmp_path.iterdir()] == ["a.toml"]


def test_what_is_missing_is_named_all_at_once_where_nobody_can_be_asked(tmp_path: Path) -> None:
    done = setup(tmp_path, "--gateway", "g")
    assert done.exit_code == 4
    for key in ("reader_port", "lock_port", "fail", "person", "badge", "operator"):
        assert f"{key} ({flag(key)}): " in done.output
    assert "gateway (" not in done.output
    assert list(tmp_path.iterdir()) == []


def test_flags_win_over_the_file() -> None:
    first, wrong = from_flags({"gateway": "a", "channel": 2, "fail": None})
    second, _ = from_flags({"gateway": "b"})
    assert wrong == [] and together(first, second).said == {"gateway": "b", "channel": 2}


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Puerta Ñandú 1", "puerta-nandu-1"),
        ("  --x  ", "x"),
        ("gate.1_b", "gate.1_b"),
        ("日本", ""),
        ("a" * 99, "a" * 64),
    ],
)
def test_a_name_without_spaces_and_accents_is_proposed(typed: str, name: str) -> None:
    assert plain_name(typed) == name


def test_nothing_is_set_up_while_the_clock_can_not_be_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = clock.now().replace(year=1999)
    monkeypatch.setattr(clock, "now", lambda: early)
    done = setup(tmp_path, "--yes", "--language", "es")
    assert done.exit_code == 1 and "ponga primero el reloj" in " ".join(done.output.split())
    assert list(tmp_path.iterdir()) == []
    locale.use("en")


def test_only_root_sets_the_service_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    done = CliRunner().invoke(app, ["-c", "/etc/garita/garita.toml", "setup", "--yes"])
    assert done.exit_code == 1 and "sudo garita setup" in done.output
