"""`garita people confirm`: only a list that waits can be put in force."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demo.rig import example_config
from gateway import config
from gateway.cli.main import app
from gateway.vault.sitekey import SiteKey

HEAD = "id,name,credentials,access_levels\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = example_config(tmp_path)
    source = f'[sync.sources.hr]\nkind = "file"\npath = "{tmp_path}/hr.csv"\n'
    path.write_text(path.read_text() + source)
    SiteKey.create(Path(config.load(path).tables.site.key_file))
    return path


def test_a_list_that_was_overtaken_does_not_come_back(site: Path) -> None:
    """A process that is killed between forgetting a list and deleting its file leaves the file."""

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["people", *words, "-c", str(site)])
        return done.exit_code, done.output

    file = site.parents[1] / "hr.csv"
    file.write_text(HEAD + "".join(f"e{n},N,,plant\n" for n in range(9)))
    assert run("pull", "hr", "--apply")[0] == 0
    file.write_text(HEAD)
    assert run("pull", "hr", "--apply")[0] == 3
    pending = config.load(site).pending_path / "hr.json"
    kept = pending.with_name("kept")
    shutil.copy(pending, kept)
    file.write_text(HEAD + "".join(f"e{n},N,,plant\n" for n in range(8)))
    assert run("pull", "hr", "--apply")[0] == 0
    assert not pending.exists()
    kept.rename(pending)
    code, said = run("confirm", "hr", "empty,removed,losing_access")
    assert code == 1 and "no list of hr waits" in said
    assert run("confirm", "hr", "--drop")[0] == 1
    assert "8" in run("versions")[1]
