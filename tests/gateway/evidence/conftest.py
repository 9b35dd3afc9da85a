"""A site without a running gateway, whose log has visits of October 2026 and later."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from demo.rig import example_config
from gateway import config
from gateway.cli.main import app
from gateway.config import Settings
from gateway.daemon import logkeys, stopped
from gateway.daemon.openlog import open_log
from gateway.evidence.model import Span
from gateway.ledger.event import EventType, NewEvent
from gateway.people.schema import open_admin
from gateway.vault.sitekey import SiteKey

OCTOBER = datetime(2026, 10, 1, 15, tzinfo=UTC)


@dataclass
class Gate:
    """A site's settings; `note` writes records, `sign` makes a checkpoint of them."""

    settings: Settings

    @property
    def span(self) -> Span:
        return Span(date(2026, 10, 1), date(2026, 10, 31), self.settings.site.zone)

    def note(self, events: Sequence[NewEvent]) -> None:
        with closing(open_log(self.settings)) as ledger:
            for event in events:
                ledger.append_sync(event)

    def sign(self) -> None:
        assert stopped.sign(self.settings)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "-c", str(self.settings.path)])


def visit(number: int, at: datetime, name: str = "Rosa") -> list[NewEvent]:
    """A visit that arrives and leaves an hour later."""
    data: dict[str, Any] = {"visit": number, "name": name, "host": "Ana", "company": "Acme"}
    return [
        NewEvent(EventType.VISIT_ARRIVED, str(number), {**data, "id_kind": "INE"}, at),
        NewEvent(EventType.VISIT_DEPARTED, str(number), data, at + timedelta(hours=1)),
    ]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sites, each in a folder: `bare` and `gate`."""
    folder = tmp_path_factory.mktemp("gates")
    for name in ("bare", "gate"):
        _made(folder / name)
    gate = _loaded(folder / "gate")
    events = visit(1, OCTOBER - timedelta(days=20), "Before")
    for n in range(40):
        events += visit(2 + n, OCTOBER + timedelta(hours=12 * n), f"Visitor {n}")
    gate.note(events)
    gate.sign()
    gate.note(visit(90, OCTOBER + timedelta(days=40), "After"))
    gate.sign()
    return folder


def _made(folder: Path) -> None:
    example_config(folder)
    made = CliRunner().invoke(app, ["key", "new", str(folder / "var" / "site.key")])
    assert made.exit_code == 0, made.output
    path = folder / "config" / "garita.toml"
    # Without broker and witnesses a command may sign while the gateway is stopped.
    path.write_text(re.sub(r"(?ms)^\[mqtt\]$.*?(?=^\[)", "", path.read_text()))
    settings = config.load(path)
    settings.people_path.parent.mkdir(parents=True, exist_ok=True)
    open_admin(settings.people_path).close()
    with closing(open_log(settings)):
        pass
    site = SiteKey.load(settings.tables.site.key_file)
    logkeys.at_start(settings.log_key_path, site, settings.ledger_path)


def _loaded(folder: Path) -> Gate:
    return Gate(config.load(folder / "config" / "garita.toml"))


@pytest.fixture
def bare(prepared: Path, tmp_path: Path) -> Gate:
    """A gate with a key, whose log has no record of October and is not signed."""
    shutil.copytree(prepared / "bare", tmp_path / "site")
    return _loaded(tmp_path / "site")


@pytest.fixture
def gate(prepared: Path, tmp_path: Path) -> Gate:
    """A gate with forty visits in October, one before and some after, signed in two parts."""
    shutil.copytree(prepared / "gate", tmp_path / "site")
    return _loaded(tmp_path / "site")
