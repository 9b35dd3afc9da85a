"""`garita log archive` and `redact` on a stopped gate, and what every command reads afterwards."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from gateway import config
from gateway.daemon.openlog import open_log
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.cli.conftest import Site
from tests.gateway.cli.test_log_proof import signed

READ = (
    ("log", "show", "3", "--json"),
    ("log", "export"),
    ("log", "export", "--format", "csv"),
    ("log", "export", "--person", "e900"),
    ("visit", "log"),
    ("freight", "log"),
    ("area", "list"),
)


def _filled(site: Site) -> None:
    """Records that name one person, and a checkpoint over them."""
    with closing(open_log(config.load(site.config))) as ledger:
        for n in range(30):
            data = {
                "person": {"id": "e900", "name": "Ana Núñez", "company": "Acme"},
                "credential": {"masked": "**123"},
                "reason": "granted",
                "door": "main",
                "face": {"distance": 0.31},
                "n": n,
            }
            ledger.append_sync(NewEvent(EventType.ACCESS_GRANTED, "main", data))
    signed(site)


def test_all_commands_read_archived_events_as_before(site: Site) -> None:
    _filled(site)
    said = site.run("log", "archive")
    assert "no archives" in said.output
    before = [(done.exit_code, done.stdout) for done in (site.run(*one) for one in READ)]
    done = site.run("log", "archive", "--now")
    assert done.exit_code == 0, done.output
    after = [(done.exit_code, done.stdout) for done in (site.run(*one) for one in READ)]
    for command, was, now in zip(READ, before, after, strict=True):
        assert now[0] == was[0], command
        lines = was[1].splitlines()
        assert now[1].splitlines()[: len(lines)] == lines, command
    (held,) = json.loads(site.run("log", "archive", "--json").stdout)
    assert held["first"] == 1
    report = site.run("log", "verify")
    assert report.exit_code == 0, report.output


def test_one_archive_is_verified_by_itself(site: Site, tmp_path: Path) -> None:
    _filled(site)
    site.run("log", "archive", "--now")
    key = site.run("log", "key").output.strip()
    (file,) = (config.load(site.config).ledger_path.parent / "archive").iterdir()
    done = site.run("log", "verify", "--key", key, str(file))
    assert done.exit_code == 0, done.output
    assert "good" in done.output
    assert json.loads(site.run("log", "verify", "--json", str(file)).stdout)["signed"] is False
    bad = tmp_path / file.name
    whole = file.read_bytes()
    bad.write_bytes(whole[:200] + b"\0" + whole[201:])
    done = site.run("log", "verify", "--key", key, str(bad))
    assert done.exit_code == 3, done.output


def test_a_person_is_taken_out_of_the_log_for_a_reason(site: Site) -> None:
    _filled(site)
    assert site.run("log", "redact", "e900").exit_code == 2  # no reason
    assert site.run("log", "redact", "nobody", "--reason", "asked").exit_code == 1
    done = site.run("log", "redact", "e900", "--reason", "asked")  # nobody says yes
    assert done.exit_code == 1, done.output
    assert "Ana" in site.run("log", "export").stdout
    done = site.run("log", "redact", "e900", "--reason", "letter of 3 May", "--yes")
    assert done.exit_code == 0, done.output
    exported = site.run("log", "export").stdout
    assert "Ana" not in exported
    assert '"e900"' not in exported
    assert "letter of 3 May" in exported
    report = site.run("log", "verify")
    assert report.exit_code == 0, report.output
    assert "30 events are redacted" in report.output
    for command in (("log", "tail", "-n", "60"), ("log", "export", "--format", "csv"), *READ):
        done = site.run(*command)
        assert not done.exception or isinstance(done.exception, SystemExit), command
    assert site.run("log", "show", "5").exit_code == 0


@pytest.mark.parametrize("command", [("log", "archive", "--now"), ("log", "archive")])
def test_in_spanish(site: Site, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    _filled(site)
    monkeypatch.setenv("GARITA_LANG", "es")
    done = site.run(*command)
    assert done.exit_code == 0, done.output
    assert "archiv" in done.output or "eventos" in done.output
