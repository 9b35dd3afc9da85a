"""Man pages: every command has its words there, and roff finds nothing to complain of."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import locale
from gateway.cli import manpages, tree


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("man")
    before = locale.language()
    manpages.write(folder)
    locale.use(before)
    yield folder


def test_every_command_and_option_has_its_place_in_both_languages(made: Path) -> None:
    for language in ("", ".es"):
        texts = {path.name: path.read_text("utf-8") for path in made.glob(f"*{language}.1")}
        for path, command in tree.walk():
            page = texts["-".join(("garita", *path[:1])) + f"{language}.1"]
            assert " ".join(("garita", *path)) in page.replace("\\-", "-"), path
            for param in command.params:
                if (path and param.name in ("config", "help")) or getattr(param, "hidden", False):
                    continue
                for option in (*param.opts, *param.secondary_opts):
                    if option.startswith("-"):
                        assert f"\\fB{option.replace('-', chr(92) + '-')}\\fR" in page, (
                            path,
                            option,
                        )


def test_the_spanish_pages_are_spanish(made: Path) -> None:
    page = (made / "garita-people.es.1").read_text("utf-8")
    assert ".SH NOMBRE" in page and "La lista de personal autorizado" in page
    assert ".SH NAME" not in page


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")
def test_mandoc_has_no_warning(made: Path) -> None:
    files = sorted(map(str, made.glob("*.1")))
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *files], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man-db")
@pytest.mark.parametrize("name", ["garita.1", "garita-people.es.1", "garita-explain.1"])
def test_man_has_no_warning_and_shows_the_page(made: Path, name: str) -> None:
    words = ["man", "--warnings", "-E", "UTF-8", "-l", str(made / name)]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, env={"MANPAGER": "cat"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert name.removesuffix(".1").removesuffix(".es") in done.stdout


@pytest.mark.parametrize("text", [".so /etc/passwd", "'br", "a\\fBb", 'say "no"', ". .. ..x"])
def test_no_help_text_becomes_a_request(text: str) -> None:
    shown = manpages._text(text)
    assert not shown.startswith((".", "'")) and '"' not in shown
    assert "\\f" not in shown.replace("\\e", "")


def test_a_build_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    name, text = next(manpages.pages())
    assert name == "garita" and ' 1 2023-11-14 "garita ' in text


def test_without_a_folder_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert manpages.main([]) == 2
    assert "FOLDER" in capsys.readouterr().err
