"""A site for commands that run in this process: configuration, key and a list of three people."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from demo.rig import example_config
from gateway import config
from gateway.cli import common
from gateway.cli.main import app
from gateway.people import faces
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Site:
    """`run` gives a command to the CLI in this process; no gateway is running."""

    folder: Path
    config: Path
    people: Path
    key: SiteKey
    run: Callable[..., Result]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    example_config(folder)
    done = CliRunner().invoke(app, ["key", "new", str(folder / "var" / "site.key")])
    assert done.exit_code == 0, done.output
    (folder / "p.csv").write_text(
        ",".join(COLUMNS) + "\ne1,Ana [x],,,,,,,\ne2,Luis,,,,,,,\ne3,Elena,,,,,,,\n"
    )
    db = open_admin(folder / "var" / "data" / "people.db")
    sync.apply(db, sync.plan(db, read_people(folder / "p.csv", levels=(), zone=UTC)), by="t")
    for person in ("e1", "e2", "e3"):
        faces.set_consent(db, person, given_at=date(2026, 1, 1), until=None, note="", by="t")
    db.close()
    common.nudge(config.load(folder / "config" / "garita.toml"))  # what was done is in the log
    return folder


@pytest.fixture
def site(prepared: Path, tmp_path: Path) -> Site:
    folder = tmp_path / "site"
    shutil.copytree(prepared, folder)
    config = folder / "config" / "garita.toml"

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--config", str(config)])

    return Site(
        folder=folder,
        config=config,
        people=folder / "var" / "data" / "people.db",
        key=SiteKey.load(str(folder / "var" / "site.key")),
        run=run,
    )
