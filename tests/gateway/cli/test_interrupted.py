"""A command that is killed, or refused, leaves people.db as it was or as it should be, never less.

Each command runs in a child process that is killed (SIGKILL) at a write to the database: the first
and the second, one in the middle, the last two.  A commit is a write too.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.people import schema
from gateway.people.schema import Admin
from tests.gateway.cli.conftest import Site

pytestmark = pytest.mark.slow  # each kill is a process

WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|COMMIT|END)\b", re.IGNORECASE)


class Doomed(sqlite3.Connection):
    """A connection whose process is killed at write number `at`."""

    at = 0

    def _step(self) -> None:
        Doomed.at -= 1
        if Doomed.at == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        if WRITES.match(sql):
            self._step()
        return super().execute(sql, *more)

    def executemany(self, sql: str, *more: Any) -> sqlite3.Cursor:
        if WRITES.match(sql):
            self._step()
        return super().executemany(sql, *more)

    def commit(self) -> None:
        self._step()
        super().commit()

    def __exit__(self, *raised: Any) -> Any:
        if self.in_transaction:
            self._step()
        return super().__exit__(*raised)


def dump(path: Path) -> dict[str, list[Any]]:
    """Every row of people.db but those of the outbox, which empties itself into the log, and the
    mark of how far it did."""
    with closing(sqlite3.connect(path)) as db:
        tables = [
            name
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name not in ("outbox", "log_mark") and not name.startswith("sqlite_")
        ]
        return {name: sorted(map(repr, db.execute(f"SELECT * FROM {name}"))) for name in tables}


CONFIRM = ("--confirm", "removed,losing_access")
ACME = ("partner", "add", "ACME", "--questionnaire", "2026-01-01", "--until")


def counts(path: Path) -> Counter[str]:
    return Counter({name: len(rows) for name, rows in dump(path).items()})


class DoomedAdmin(Doomed, Admin):
    """The same for a connection of a command."""


def run_in_child(site: Site, arguments: tuple[str, ...], at: int = 0) -> int | None:
    """How many writes the command made; None if it was killed at write `at`."""
    child = os.fork()
    if child == 0:  # nothing may get out of the child: it would run the tests twice
        code = 251
        try:
            Doomed.at = at
            real = sqlite3.connect

            def connect(path: Any, *a: Any, **k: Any) -> sqlite3.Connection:
                """Writes to people.db count; the log has a thread of its own, and tests too."""
                if "people.db" in str(path):
                    k["factory"] = DoomedAdmin if k.get("factory") is Admin else Doomed
                made: sqlite3.Connection = real(path, *a, **k)
                return made

            schema.sqlite3.connect = connect  # type: ignore[attr-defined]
            done = site.run(*arguments)
            os.write(2, done.output.encode())
            code = min(250, at - Doomed.at) if done.exit_code == 0 else 252
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    writes = os.waitstatus_to_exitcode(status)
    assert writes < 251, arguments
    return writes


def listed(site: Site, *ids: str) -> str:
    """A list of these people, as a file."""
    path = site.folder / "list.csv"
    rows = [f"{key},Name {key},em4100:18:{n},\n" for n, key in enumerate(ids, 1001)]
    path.write_text("id,name,credentials,access_levels\n" + "".join(rows))
    return str(path)


BEFORE: dict[str, list[tuple[str, ...]]] = {
    "people pin --clear": [("people", "pin", "e1", "--generate")],
    "people pin again": [
        ("people", "pin", "e1", "--generate"),
        ("people", "pin", "e1", "--duress", "--generate"),
    ],
    "people reinstate": [("people", "revoke", "e1", "--reason", "t")],
    "people rollback": [("people", "sync", "LIST e1 e4", "--apply", *CONFIRM)],
    "grant end": [
        (
            "grant",
            "add",
            "e1",
            "--door",
            "warehouse",
            "--until",
            "2030-01-01T00:00",
            "--reason",
            "t",
        )
    ],
    "partner add again": [(*ACME, "2030-01-01")],
    "visit cancel": [("visit", "expect", "Eva", "--host", "Ana", "--until", "TOMORROW")],
    "seals issue": [("freight", "seals", "receive", "AB1", "AB9", "--kind", "bolt")],
}
COMMANDS: dict[str, tuple[str, ...]] = {
    "people sync": (
        "people",
        "sync",
        "LIST e1 e4",
        "--apply",
        "--confirm",
        "removed,losing_access",
    ),
    "people rollback": ("people", "rollback", "--apply", *CONFIRM),
    "people revoke": ("people", "revoke", "e1", "--reason", "t"),
    "people reinstate": ("people", "reinstate", "e1", "--reason", "t"),
    "people escort": ("people", "escort", "e1", "--by", "e2"),
    "people pin": ("people", "pin", "e1", "--generate"),
    "people pin again": ("people", "pin", "e1", "--generate"),
    "people pin --clear": ("people", "pin", "e1", "--clear"),
    "grant add": (
        "grant",
        "add",
        "e1",
        "--door",
        "warehouse",
        "--until",
        "2030-01-01T00:00",
        "--reason",
        "t",
    ),
    "grant end": ("grant", "end", "1"),
    "face consent": ("face", "consent", "e1", "--date", "2026-01-02", "--until", "2030-01-01"),
    "face forget": ("face", "forget", "e1", "--reason", "asked for it"),
    "partner add": (
        "partner",
        "add",
        "ACME",
        "--until",
        "2030-01-01",
        "--questionnaire",
        "2026-01-01",
    ),
    "partner add again": (
        "partner",
        "add",
        "ACME",
        "--until",
        "2031-01-01",
        "--questionnaire",
        "2026-01-01",
    ),
    "visit expect": ("visit", "expect", "Eva", "--host", "Ana", "--until", "TOMORROW"),
    "visit cancel": ("visit", "cancel", "1", "--reason", "t"),
    "freight expect": (
        "freight",
        "expect",
        "--eta",
        "TOMORROW",
        "--driver",
        "Leo",
        "--carrier",
        "ACME",
    ),
}


def prepare(site: Site, arguments: tuple[str, ...]) -> tuple[str, ...]:
    tomorrow = (datetime.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    return tuple(
        listed(site, *item.split()[1:]) if item.startswith("LIST ") else item
        for item in (tomorrow if item == "TOMORROW" else item for item in arguments)
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_write_a_command_has_done_all_of_it_or_nothing(site: Site, name: str) -> None:
    for command in BEFORE.get(name, ()):
        done = site.run(*prepare(site, command))
        assert done.exit_code == 0, done.output
    arguments = prepare(site, COMMANDS[name])
    before, kept = dump(site.people), site.folder / "kept.db"
    with closing(sqlite3.connect(site.people)) as db, closing(sqlite3.connect(kept)) as copy:
        db.backup(copy)
    writes = run_in_child(site, arguments)
    assert writes and writes > 1
    after = counts(site.people)
    assert dump(site.people) != before, f"{name} writes nothing"
    for at in sorted({1, 2, writes // 2, writes - 1, writes} - {0}):
        with closing(sqlite3.connect(kept)) as copy, closing(sqlite3.connect(site.people)) as db:
            copy.backup(db)
        assert run_in_child(site, arguments, at) is None
        rows = dump(site.people)
        assert rows == before or counts(site.people) == after, f"killed at {at} of {writes}"


REFUSED: dict[str, tuple[str, ...]] = {
    "people sync, errors": ("people", "sync", "LIST e1 e1", "--apply"),
    "people sync, tripped": ("people", "sync", "LIST ", "--apply"),
    "people rollback": ("people", "rollback", "7", "--apply"),
    "people revoke": ("people", "revoke", "nobody", "--reason", "t"),
    "people pin, nobody": ("people", "pin", "nobody", "--generate"),
    "people pin, duress first": ("people", "pin", "e1", "--duress", "--generate"),
    "grant add": ("grant", "add", "e1", "--door", "none", "--until", "2030-01-01", "--reason", "t"),
    "face consent": ("face", "consent", "e1", "--date", "2026-01-02", "--until", "2025-01-01"),
    "face forget": ("face", "forget", "nobody", "--reason", "t"),
    "partner add": ("partner", "add", "ACME", "--until", "tomorrow"),
    "visit badge": ("visit", "badge", "7", "em4100:18:1"),
    "people enroll": ("people", "enroll", "nobody", "none.jpg"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_a_command_changes_nothing(site: Site, name: str) -> None:
    before = dump(site.people)
    done = site.run(*prepare(site, REFUSED[name]))
    assert done.exit_code not in (0, None) and dump(site.people) == before, done.output
