"""Parts of the log for an auditor: chosen by filters, proven by the chain, copied whole."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.cli.logfilter import begin
from gateway.daemon.openlog import open_log
from gateway.ledger import Ledger, LedgerReader, chain
from gateway.ledger.event import EventType, NewEvent

from .conftest import ROOT, Site

DAY = datetime(2026, 10, 5, 20, tzinfo=UTC)


@pytest.fixture
def full(site: Site) -> Iterator[Site]:
    """A log in use, whose newest records are in its -wal file."""
    settings = config.load(site.config)
    ledger = open_log(settings)
    ana = {"person": {"id": "e1", "name": "Ana"}, "criteria": ["9.4", "10.1"]}
    for number, event in enumerate(
        (
            NewEvent(EventType.ACCESS_GRANTED, "main", {**ana, "criteria_edition": "x"}),
            NewEvent(EventType.DOOR_OPENED, "main"),
            NewEvent(EventType.VISIT_ARRIVED, "visit-7", {"visit": 7, "name": "Iñaki"}),
            NewEvent(
                EventType.FREIGHT_SPOT_DRAWN, "freight-3", {"freight": 3, "criteria": ["5.29"]}
            ),
            NewEvent(EventType.PEOPLE_REVOKED, "e1", {"by": "t"}),
            NewEvent(EventType.DOOR_FORCED, "yard"),
        )
    ):
        moment = DAY + timedelta(days=number)
        ledger.append_sync(NewEvent(event.type, event.subject, event.data, time=moment))
    yield site
    ledger.close()


def shown(site: Site, *filters: str) -> list[str]:
    done = site.run("log", "export", *filters)
    assert done.exit_code == 0, done.output
    return [json.loads(line)["type"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("filters", "types"),
    [
        (["--criterion", "10.2"], ["visit.arrived"]),
        (["--criterion", "5.8"], ["freight.spot_drawn"]),  # an old record, by today's number
        (["--criterion", "7.24", "--criterion", "10.2"], ["visit.arrived", "door.forced"]),
        (["--person", "e1", "--since", "2026-10-01", "--until", "2026-10-31"], None),
        (["--door", "main"], ["access.granted", "door.opened"]),
        (["--visit", "7"], ["visit.arrived"]),
        (["--truck", "3"], ["freight.spot_drawn"]),
        (["--since", "2026-10-06", "--until", "2026-10-08", "--type", "door"], ["door.opened"]),
    ],
)
def test_a_filter_takes_what_it_says(
    full: Site, filters: list[str], types: list[str] | None
) -> None:
    assert shown(full, *filters) == (types or ["access.granted", "people.revoked"])


@pytest.mark.parametrize(
    ("filters", "code", "said"),
    [
        (["--type", "zzz"], 2, "access"),
        (["--since", "lately"], 2, "today or yesterday"),
        (["--criterion", "99.9"], 2, "10.2"),
        (["--door", "nowhere"], 2, "main"),
        (["--person", "nobody"], 1, "garita people list"),
        (["--visit", "99"], 1, "visit-99"),
        (["--since", "2026-10-08", "--until", "2026-10-01"], 2, "--until"),
    ],
)
def test_a_filter_that_can_fit_nothing_is_a_mistake_and_makes_no_file(
    full: Site, filters: list[str], code: int, said: str
) -> None:
    out = full.folder / "part.jsonl"
    done = full.run("log", "export", "-o", str(out), *filters)
    assert done.exit_code == code and said in done.stderr, done.output
    assert list(full.folder.glob("part*")) == []


def test_today_and_yesterday_are_days_of_the_site(full: Site) -> None:
    settings = config.load(full.config)
    assert begin(settings, "ayer") < begin(settings, "hoy") == begin(settings, "today")


def test_a_part_of_the_log_is_proven_by_its_chain(full: Site) -> None:
    out = full.folder / "part.jsonl"
    assert full.run("log", "export", "-o", str(out), "--criterion", "10.2").exit_code == 0
    assert checked(full, out) == ("ok", 0)
    assert by_script(full.folder, "check_export.py", out) == 0
    head = json.loads(full.run("log", "verify", "--json").stdout)["head"]
    noted = f"{head['seq']}:{head['hash']}"
    assert full.run("log", "verify", str(out), "--head", noted).exit_code == 0
    assert full.run("log", "verify", str(out), "--head", f"1:{'0' * 64}").exit_code == 3
    assert "Ana" not in Path(f"{out}.proof").read_text()  # what is left out stays hidden


def _change(records: list[dict[str, Any]], proof: list[dict[str, Any]]) -> None:
    records[0]["data"]["name"] = "Otro"


def _hide(records: list[dict[str, Any]], proof: list[dict[str, Any]]) -> None:
    del records[1]


def _hide_left_out(records: list[dict[str, Any]], proof: list[dict[str, Any]]) -> None:
    del proof[1]


def _other_body(records: list[dict[str, Any]], proof: list[dict[str, Any]]) -> None:
    proof[1]["body"] = "0" * 64


def _add(records: list[dict[str, Any]], proof: list[dict[str, Any]]) -> None:
    last = records[-1]
    item = {key: last[key] for key in ("id", "time", "type", "subject", "data")}
    digest = chain.digest_of(chain.canonical(item))
    seq = last["seq"] + 1
    linked = chain.link(bytes.fromhex(last["hash"]), seq, digest).hex()
    records.append({**item, "seq": seq, "prev": last["hash"], "hash": linked})


def _cut(records: list[dict[str, Any]], proof: list[dict[str, Any]]) -> None:
    del proof[-1]


@pytest.mark.parametrize("forge", [_change, _hide, _hide_left_out, _other_body, _add, _cut])
def test_a_forged_part_is_found(
    full: Site, forge: Callable[[list[dict[str, Any]], list[dict[str, Any]]], None]
) -> None:
    out = full.folder / "part.jsonl"
    full.run("log", "export", "-o", str(out), "--person", "e1", "--since", "2026-10-01")
    files = (out, Path(f"{out}.proof"))
    records, proof = ([json.loads(line) for line in f.read_text().splitlines()] for f in files)
    forge(records, proof)
    for file, lines in zip(files, (records, proof), strict=True):
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert checked(full, out)[1] == 3
    assert by_script(full.folder, "check_export.py", out) == 1


def test_records_of_an_earlier_version_are_shown_and_counted_as_not_linked(full: Site) -> None:
    settings = config.load(full.config)
    path = settings.ledger_path
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER events_no_update")
        prev = chain.GENESIS
        for seq, body in db.execute("SELECT seq, body FROM events ORDER BY seq").fetchall():
            prev = chain.old_link(prev, seq, body)
            db.execute("UPDATE events SET hash = ? WHERE seq = ?", (prev, seq))
    assert LedgerReader(path).verify().ok
    out = full.folder / "part.jsonl"
    full.run("log", "export", "-o", str(out), "--criterion", "10.2")
    done = full.run("log", "verify", str(out), "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0 and (told["shown"], told["unlinked"]) == (1, 3)
    assert by_script(full.folder, "check_export.py", out) == 0


@pytest.mark.parametrize("text", ["", "{}", "[1]\n", "x\n", '{"seq": "a"}\n', "\xff"])
def test_what_is_no_export_is_said_so(full: Site, text: str) -> None:
    out = full.folder / "part.jsonl"
    full.run("log", "export", "-o", str(out), "--criterion", "10.2")
    Path(f"{out}.proof").write_text(text, encoding="latin-1")
    assert checked(full, out)[1] == 3


def test_a_copy_without_its_wal_is_good_and_warned_of(full: Site) -> None:
    settings = config.load(full.config)
    lone = full.folder / "audit" / "ledger.db"
    lone.parent.mkdir()
    shutil.copy(settings.ledger_path, lone)
    lone.parent.chmod(0o555)
    try:
        done = full.run("log", "verify", str(lone))
        assert done.exit_code == 0 and "garita log copy" in done.stderr
        assert "garita status" in done.stderr
        assert json.loads(full.run("log", "verify", str(lone), "--json").stdout)["wal_missing"]
        assert "WARNING" in said_by_script(full.folder, "check.py", lone)
    finally:
        lone.parent.chmod(0o755)
    assert [path.name for path in lone.parent.iterdir()] == ["ledger.db"]


def test_log_copy_is_whole_while_the_gateway_writes(full: Site) -> None:
    settings = config.load(full.config)
    to = full.folder / "copy.db"
    assert full.run("log", "copy", str(to)).exit_code == 0
    done = full.run("log", "verify", str(to), "--json")
    told = json.loads(done.stdout)
    with closing(LedgerReader(settings.ledger_path)) as reader:
        assert told["count"] == reader.last_seq
    assert told["ok"] and not told["wal_missing"]
    assert "WARNING" not in said_by_script(full.folder, "check.py", to)
    assert full.run("log", "copy", str(to)).exit_code == 1  # it is there already
    assert full.run("log", "copy", str(full.folder / "no" / "x.db")).exit_code == 1
    assert list(full.folder.glob("*.part")) + list(full.folder.glob(".*part*")) == []


def test_a_file_that_is_not_there_is_said_so(full: Site) -> None:
    assert full.run("log", "verify", str(full.folder / "no.db")).exit_code == 5


def test_an_old_log_goes_on_in_the_new_form(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    body = chain.body_of(NewEvent(EventType.LEDGER_CREATED, "g", {"chain": "c"}), "c-1", DAY)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(chain.SCHEMA)
        first = chain.old_link(chain.GENESIS, 1, body)
        db.execute("INSERT INTO events VALUES (1, NULL, ?, ?)", (body, first))
    with closing(Ledger.open(path, gateway="g")) as ledger:
        ledger.append_sync(NewEvent(EventType.DOOR_OPENED, "main"))
    assert LedgerReader(path).verify().ok
    assert "2 records" in said_by_script(tmp_path, "check.py", path)


def checked(site: Site, out: Path) -> tuple[str, int]:
    done = site.run("log", "verify", str(out), "--json")
    return "ok" if json.loads(done.stdout)["ok"] else "broken", done.exit_code


def by_script(folder: Path, name: str, path: Path) -> int:
    return _run(folder, name, path).returncode


def said_by_script(folder: Path, name: str, path: Path) -> str:
    return _run(folder, name, path).stdout


def _run(folder: Path, name: str, path: Path) -> subprocess.CompletedProcess[str]:
    docs = (ROOT / "docs" / "ledger.md").read_text()
    script = re.findall(r"`(check\w*\.py)`.*?```python\n(.*?)```", docs, re.DOTALL)
    (folder / name).write_text(dict(script)[name])
    command = [sys.executable, str(folder / name), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
