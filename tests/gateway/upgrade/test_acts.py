"""`garita upgrade --check` and `--undo` as people run them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import typer

from demo.rig import Rig
from gateway.cli import upgradeacts
from gateway.cli.context import Context
from gateway.people.lookup import SCHEMA_VERSION
from gateway.people.schema import migrate
from gateway.upgrade.databases import version_of
from gateway.upgrade.trees import Trees
from tests.gateway.upgrade.schemas import make


@pytest.fixture
async def rig(make_rig: Callable[..., Rig]) -> Rig:
    """A gate with a list of the schema before, that was not started since."""
    made = make_rig()
    make("people", SCHEMA_VERSION - 1, made.people_path)
    return made


async def test_a_check_says_what_will_change_and_changes_nothing(rig: Rig) -> None:
    before = rig.people_path.read_bytes()
    done = rig.cli("upgrade", "--check")
    assert f"schema {SCHEMA_VERSION - 1} becomes {SCHEMA_VERSION}" in done.stdout
    found = json.loads(rig.cli("upgrade", "--check", "--json").stdout)
    assert found["ok"] and {"schema", "space", "people"} <= {f["name"] for f in found["findings"]}
    assert rig.people_path.read_bytes() == before


@pytest.mark.parametrize("what", ["newer", "noise", "broken", "config", "log", "record"])
async def test_a_check_refuses_what_the_program_can_not_take(rig: Rig, what: str) -> None:
    code, said = 3, ""
    with closing(sqlite3.connect(rig.people_path)) as db:
        if what == "newer":
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
            said = "newer"
        elif what == "broken":  # the migration fails: the table is there already
            db.execute("DROP TABLE person")
            said = "people.db"
    if what == "noise":
        rig.people_path.write_bytes(b"noise" * 10_000)
        said = "not a database"
    elif what == "config":
        rig.config.write_text(rig.config.read_text() + "\n[nothing]\na = 1\n")
        code, said = 4, "nothing"
    elif what == "log":
        rig.ledger_path.write_bytes(b"noise" * 10_000)
        said = "ledger.db"
    elif what == "record":
        make("ledger", 4, rig.ledger_path)
        with closing(sqlite3.connect(rig.ledger_path)) as db, db:
            db.execute("DROP TRIGGER events_no_update")
            db.execute("UPDATE events SET body = replace(body, '\"n\":2', '\"n\":9')")
        said = "record 4"
    done = rig.cli("upgrade", "--check", check=False)
    assert done.returncode == code, done
    assert said in " ".join(f"{done.stdout}{done.stderr}".split())


async def test_undo_says_first_what_is_lost_and_asks(rig: Rig) -> None:
    migrate(rig.people_path)
    with closing(sqlite3.connect(rig.people_path)) as db, db:
        db.execute("INSERT INTO lost_badge VALUES (9, 'em4100:18:1', 'e1', '', '', 'x')")
    done = await rig.acli("upgrade", "--undo", stdin="n\n", check=False)
    assert done.returncode == 1 and "lost: 1 rows of lost_badge" in done.stdout
    assert version_of(rig.people_path) == SCHEMA_VERSION
    await rig.start()
    done = await rig.acli("upgrade", "--undo", "--yes", check=False)
    assert done.returncode == 1 and "stop garita first" in done.stderr
    assert await rig.stop_daemon() == 0
    done = await rig.acli("upgrade", "--undo", "--yes")
    assert f"schema {SCHEMA_VERSION - 1} again" in done.stdout
    assert version_of(rig.people_path) == SCHEMA_VERSION - 1
    await rig.start()  # today's program again: the act is on record, and the list is brought up
    await rig.until(lambda s: s["people"] and not s["people"].get("error"))
    tail = (await rig.acli("log", "tail", "-n", "30", "--json")).stdout
    undone = [json.loads(line) for line in tail.splitlines() if "upgrade.undone" in line]
    assert len(undone) == 1 and undone[0]["data"]["lost"] == {"lost_badge": 1}


async def test_one_thing_at_a_time(rig: Rig) -> None:
    assert rig.cli("upgrade", check=False).returncode == 2
    assert rig.cli("upgrade", "--check", "--undo", check=False).returncode == 2


async def test_nothing_waits_for_a_restart(rig: Rig) -> None:
    assert "nothing waits" in rig.cli("upgrade", "--restart-in-window").stdout


async def test_the_data_folder_may_be_another_one(rig: Rig, tmp_path: Path) -> None:
    make("people", 3, tmp_path / "other" / "people.db")
    done = rig.cli("upgrade", "--check", "--data", str(tmp_path / "other"))
    assert "schema 3 becomes" in done.stdout


@pytest.mark.parametrize("reads", [True, False])
async def test_undo_asks_the_version_before_whether_it_reads_the_data(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: bool
) -> None:
    """Where no table changed there is no older copy, and the way back is the link alone."""
    migrate(rig.people_path)
    for copy in rig.people_path.parent.glob("before-upgrade/people.db*"):
        copy.unlink()
    root = tmp_path / "lib"
    for version, code in (("1", 0 if reads else 3), ("2", 0)):
        python = root / version / "bin" / "python3"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\necho "$@" >>{root}/asked\nexit {code}\n')
        python.chmod(0o755)
    (root / "current").symlink_to("2")
    (root / "previous").symlink_to("1")
    monkeypatch.setattr(upgradeacts, "Trees", lambda: Trees(root))
    ctx = Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
    ctx.meta["garita.config"] = rig.config
    if reads:
        assert upgradeacts.undo(ctx, yes=True) == 0
    else:
        with pytest.raises(typer.Exit):
            upgradeacts.undo(ctx, yes=True)
    assert (root / "asked").read_text().split()[3:] == ["upgrade", "--check", "-c", str(rig.config)]
    assert str((root / "current").readlink()) == ("1" if reads else "2")
    assert version_of(rig.people_path) == SCHEMA_VERSION
