"""`garita log verify`, the Python file and the page agree on every attack."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.proof import standalone
from tests.gateway.proof.browser import asked, opened

from .attacks import Case, cases
from .conftest import Site

PROGRAM = Path(standalone.__file__).with_name("garita_check.py")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return list(cases(tmp_path_factory.mktemp("attacks")))


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with opened() as made:
        yield made


def by_program(case: Case) -> tuple[int, str]:
    """Run as an auditor does, with nothing installed."""
    keys = [word for key in case.keys for word in ("--key", key)]
    keys += ["--trust", str(case.trust)] if case.trust else []
    words = [*keys, str(case.file), *map(str, case.kept)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), *words],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": "C", "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"},
    )
    about = done.stdout.split(f"{case.file}: ", 1)[1]
    return {"RIGHT": 0, "WRONG": 3}[about.split("\n", 1)[0]], done.stdout + done.stderr


def by_page(page: Any, case: Case) -> tuple[int, str]:
    files = [case.file, *case.kept]
    if (proof := Path(f"{case.file}.proof")).exists():
        files.append(proof)
    trust = case.trust.read_text() if case.trust else "\n".join(case.keys)
    (card,) = (c for c in asked(page, files, trust) if c.name == case.file.name)
    return {"right": 0, "own word": 0, "wrong": 3, "unread": 2}[card.state], card.text


def by_command(site: Site, case: Case) -> tuple[int, str]:
    keys = [word for key in case.keys for word in ("--key", key)]
    keys += ["--trust", str(case.trust)] if case.trust else []
    kept = [word for path in case.kept for word in ("--checkpoint", str(path))]
    done = site.run("log", "verify", str(case.file), *keys, *kept)
    return done.exit_code, done.output


def test_all_three_agree_on_every_attack(site: Site, corpus: list[Case], page: Any) -> None:
    wrong = []
    for case in corpus:
        found = [by_command(site, case), by_program(case), by_page(page, case)]
        if {code for code, _ in found} != {0 if case.good else 3}:
            wrong.append((case.name, found))
        wrong += [(case.name, case.said, text) for _, text in found if case.said not in text]
    assert not wrong, "\n\n".join(map(str, wrong))
    assert len(corpus) > 40
