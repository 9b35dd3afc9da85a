"""Commands as processes of their own, one a group; everywhere else tests run them in process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.rig import ROOT, Rig
from gateway import __version__

GARITA = [sys.executable, "-m", "gateway.cli.main"]
GROUPS = {
    "people": ("people", "list"),
    "log": ("log", "verify"),
    "reader": ("reader", "list"),
    "area": ("area", "list"),
    "threat": ("threat", "keygen", "made.key"),
    "grant": ("grant", "list"),
    "requirement": ("requirement", "list"),
    "face": ("face", "keys"),
    "bundle": ("bundle", "keygen", "made-list"),
    "partner": ("partner", "list"),
    "visit": ("visit", "list"),
    "freight": ("freight", "list"),
    "check": ("check",),
    "muster": ("muster",),
}


def garita(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GARITA, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
        cwd=ROOT,
    )


async def test_one_command_of_each_group_as_a_process(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.cli("people", "sync", str(rig.write_people([])), "--apply", "--allow-empty")
    needs_none = {"threat", "bundle"}
    for group, command in GROUPS.items():
        words = [str(rig.folder / word) if word.startswith("made") else word for word in command]
        done = rig.cli(*words, process=True, config=group not in needs_none, check=False)
        assert done.returncode == 0 and done.stdout, (group, done)
        assert not done.stderr, (group, done.stderr)


def test_the_version_is_printed_without_loading_the_gateway() -> None:
    code = (
        "import sys; from gateway.cli.main import app\n"
        "try: app(['version'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'rich', 'cryptography', 'sqlite3', 'numpy', 'asyncio',"
        " 'gateway.config', 'gateway.ledger', 'gateway.people', 'gateway.doors', 'drivers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{__version__}\n[]\n"
    assert garita("--version").stdout == f"{__version__}\n"


def test_the_version_takes_a_fifth_of_a_second_at_most() -> None:
    """The processor's time, so that other work on this machine does not count."""
    took = []
    for _ in range(3):
        before = os.times()
        garita("version")
        after = os.times()
        took.append(
            after.children_user
            - before.children_user
            + after.children_system
            - before.children_system
        )
    assert min(took) <= 0.2, took


def test_help_names_every_group_and_loads_none() -> None:
    code = (
        "import sys; from gateway.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.startswith('gateway.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gateway.cli.area" not in done.stdout and "gateway.config" not in done.stdout
    for word in ("people", "freight", "Every day", "Setup", "Devices"):
        assert word in done.stdout


def test_a_reader_of_our_output_that_leaves_is_not_an_error(tmp_path: Path) -> None:
    pipe = subprocess.Popen(
        [*GARITA, "freight", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert pipe.stdout is not None and pipe.stderr is not None
    pipe.stdout.close()
    assert "Traceback" not in pipe.stderr.read()
    pipe.stderr.close()
    assert pipe.wait(timeout=30) in (0, 1, 120, 130)


@pytest.mark.parametrize("words", [("people", "shw"), ("door",), ("nothing",)])
def test_wrong_usage_has_code_2(words: tuple[str, ...]) -> None:
    done = garita(*words)
    assert done.returncode in (0, 2) and "Traceback" not in done.stderr
    assert (done.returncode == 2) == (words != ("door",)) or "Usage" in done.stdout


def test_a_part_that_is_not_installed_is_named(tmp_path: Path) -> None:
    config = tmp_path / "collector.toml"
    config.write_text('name = "hq"\ndatabase = "hq.db"\n[mqtt]\nhost = "127.0.0.1"\n')
    code = (
        "import sys; sys.modules['sqlalchemy'] = None;"
        f"sys.argv = ['garita', 'collect', '-c', {str(config)!r}];"
        "from gateway.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "sqlalchemy is not installed: pip install 'garita[collector]'" in done.stderr
