"""Brackets in a help text are no markup: Rich would eat `[visits]`."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from gateway.cli import tree
from gateway.cli.main import app


def test_no_help_loses_its_brackets() -> None:
    runner, seen = CliRunner(), 0
    for path, command in tree.walk():
        texts = [
            command.help or "",
            *(getattr(param, "help", "") or "" for param in command.params),
        ]
        names = {name for text in texts for name in re.findall(r"\[[a-z_.]+\]", text)}
        if not names:
            continue
        shown = runner.invoke(
            app, [*path, "--help"], env={"GARITA_LANG": "en", "COLUMNS": "200"}, prog_name="garita"
        ).stdout
        missing = {name for name in names if name not in shown}
        assert not missing, f"{' '.join(path)}: {missing}"
        seen += len(names)
    assert seen, "no help has brackets: this test looks at nothing"
