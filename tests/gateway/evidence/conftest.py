"""A site without a running gateway, whose log has visits of October 2026 and later."""

from __future__ import annotations

import re
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


@pytest.fixture
def bare(tmp_path: Path) -> Gate:
    """A gate with a signed log that has no record of October."""
    example_config(tmp_path)
    made = CliRunner().invoke(app, ["key", "new", str(tmp_path / "var" / "site.key")])
    assert made.exit_code == 0, made.output
    path = tmp_path / "config" / "garita.toml"
    # Without broker and witnesses a command may sign while the gateway is stopped.
    path.write_text(re.sub(r"(?ms)^\[mqtt\]$.*?(?=^\[)", "", path.read_text()))
    settings = config.load(path)
    settings.people_path.parent.mkdir(parents=True, exist_ok=True)
    open_admin(settings.people_path).close()
    site = SiteKey.load(settings.tables.site.key_file)
    with closing(open_log(settings)):
        pass
    logkeys.at_start(settings.log_key_path, site, settings.ledger_path)
    return Gate(settings)


@pytest.fixture
def gate(bare: Gate) -> Gate:
    """A gate with forty visits in October, one before and some after, signed in two parts."""
    before = OCTOBER - timedelta(days=20)
    events = visit(1, before, "Before")
    for n in range(40):
        events += visit(2 + n, OCTOBER + timedelta(hours=12 * n), f"Visitor {n}")
    bare.note(events)
    bare.sign()
    bare.note(visit(90, OCTOBER + timedelta(days=40), "After"))
    bare.sign()
    return bare
