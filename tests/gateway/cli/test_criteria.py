"""A record of the first table of criteria is shown with the numbers of today beside its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from demo.rig import example_config
from gateway import config
from gateway.cli.main import app
from gateway.config import criteria
from gateway.decide import decide
from gateway.decide.model import Credential, Lookup, Request
from gateway.decide.record import access_event
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey

CARD = Credential("em4100", "1", "2")
DESK = ("visit", "partner", "seal", "freight")
OUTBOX = "SELECT type, data FROM outbox ORDER BY rowid"
Run = Callable[..., Result]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = example_config(tmp_path)
    settings = config.load(path)
    SiteKey.create(Path(settings.tables.site.key_file))
    (tmp_path / "p.csv").write_text(",".join(COLUMNS) + "\ne1,Ana,,,,,,,\n")
    db = open_admin(settings.people_path)
    sync.apply(db, sync.plan(db, read_people(tmp_path / "p.csv", levels=(), zone=UTC)), by="t")
    db.close()
    return path


@pytest.fixture
def run(site: Path) -> Run:
    return lambda *words: CliRunner().invoke(app, [*words, "--config", str(site)])


async def recorded(site: Path, *events: NewEvent) -> None:
    settings = config.load(site)
    ledger = Ledger.open(settings.ledger_path, gateway=settings.site.gateway)
    try:
        for event in events:
            await ledger.append(event)
    finally:
        ledger.close()


async def test_an_old_record_says_what_its_numbers_are_today(site: Path, run: Run) -> None:
    old = {"criteria": ["5.29", "10.4"], "drawn": True}
    new = {"drawn": True, **criteria.standard().marks(EventType.FREIGHT_SPOT_DRAWN)}
    await recorded(
        site,
        NewEvent(EventType.FREIGHT_SPOT_DRAWN, "freight-1", old),
        NewEvent(EventType.FREIGHT_SPOT_DRAWN, "freight-2", new),
        NewEvent(EventType.DOOR_OPENED, "gate", {}),
    )
    first = json.loads(run("log", "tail", "-n", "3", "--json").stdout.splitlines()[0])["seq"]
    shown = run("log", "show", str(first)).stdout
    assert "5.29 (old table; now 5.8)  Management searches conveyances at random" in shown
    assert "\n10.4  A cargo pickup log" in shown
    found = json.loads(run("log", "show", str(first), "--json").stdout)
    assert (
        found["criteria_now"] == {"5.29": ["5.8"]} and found["data"]["criteria"] == old["criteria"]
    )
    shown = run("log", "show", str(first + 1)).stdout
    assert "\n5.8  Management" in shown and "old table" not in shown
    for seq in (first + 1, first + 2):
        assert "criteria_now" not in json.loads(run("log", "show", str(seq), "--json").stdout)


async def test_an_old_record_in_spanish(site: Path, run: Run) -> None:
    site.write_text(site.read_text().replace('language = "en"', 'language = "es"'))
    await recorded(site, NewEvent(EventType.FREIGHT_HOOKED, "freight-1", {"criteria": ["5.2"]}))
    seq = json.loads(run("log", "tail", "-n", "1", "--json").stdout)["seq"]
    assert "5.2 (tabla anterior; ahora 5.3)  Los vehículos" in run("log", "show", str(seq)).stdout


async def test_explain_and_replay_name_the_criteria(site: Path, run: Run) -> None:
    settings = config.load(site)
    request = Request("warehouse", CARD, Lookup.UNKNOWN, None, 1)
    key = SiteKey.load(settings.tables.site.key_file)
    decision = decide(request, settings.site, datetime.now(UTC))
    about = {"reader": "r", "way": "in", "took_ms": 1.0}
    event = access_event(request, decision, settings.site, key, about)
    assert event.data["criteria_edition"] == "ctpat-msc-2020/2"
    assert event.data["criteria"] == ["7.24", "9.4", "10.1"]
    old = {**event.data, "criteria": ["9.4", "9.12"]}
    del old["criteria_edition"]
    await recorded(site, NewEvent(event.type, event.subject, old))
    seq = json.loads(run("log", "tail", "-n", "1", "--json").stdout)["seq"]
    done = run("replay", str(seq))
    assert "9.4, 9.12 (old table; now 9.14)" in done.stdout and "7.24, 9.4, 10.1" in done.stdout
    done = run("explain", "e1", "warehouse")
    assert "\n  9.4  Gates are manned or monitored" in done.stdout, done.output
    assert "old table" not in done.stdout


def test_a_sites_own_file_says_what_every_act_at_the_desk_is_evidence_for(
    site: Path, run: Run
) -> None:
    desk = [kind for kind in EventType if kind.split(".")[0] in DESK]
    own = '[criteria."OEA-7"]\nkind = "must"\ntitle = { en = "a", es = "b" }\n[evidence]\n'
    own += "".join(f'"{kind}" = ["OEA-7"]\n' for kind in desk)
    (site.parent / "criteria.toml").write_text(own)
    example = site.read_text()
    site.write_text(example.replace('# file = "criteria.toml"', 'file = "criteria.toml"'))
    for command in (
        "partner add Norte --until 2099-01-01 --programme oea --number 1",
        "visit expect José --host Laura --until 23:59",
        "visit arrive 1",  # held: no ID
        "visit arrive 1 --id-kind ine",
        "visit contact 1",
        "visit extend 1 --until 2099-01-01T10:00",  # too long
        "visit depart 1",
        "visit expect Ana --host Laura --until 23:59",
        "visit cancel 2 --reason ill",
        "visit regular add Ana --company Norte",
        "freight seals receive AB100000..AB100002 --certificate T",
        "freight seals issue AB100000 --to Rosa",
        "freight seals void AB100001 --reason lost",
        "freight seals reconcile",
        "freight expect --eta 23:59 --driver Juan --carrier Norte --tractor A1 --unit 5301",
        "freight turn-away 1 --reason late",
    ):
        assert run(*command.split()).exit_code in (0, 1), command
    settings = config.load(site)
    with closing(sqlite3.connect(settings.people_path)) as db:
        found = [(kind, json.loads(data)) for kind, data in db.execute(OUTBOX)]
    if settings.ledger_path.exists():  # what is on record already is in the outbox no longer
        with closing(LedgerReader(settings.ledger_path)) as reader:
            found += [(event.type, dict(event.data)) for event in reader.after(0, 1000)]
    assert len({kind for kind, _ in found}) >= 12
    for kind, data in found:
        if kind.split(".")[0] in DESK:
            assert "OEA-7" in data["criteria"], kind
            assert data["criteria_edition"] == "ctpat-msc-2020/2"


def test_the_checklists_say_which_of_them_a_truck_needs(site: Path, run: Run) -> None:
    shown = run("freight", "checklists").stdout
    assert "What a truck needs (msc-2020):" in shown
    assert "\n  trailer: tractor-7, trailer-10\n" in shown and "tractor-trailer-17: " in shown
    site.write_text(
        site.read_text()
        .replace('# checklist_set = "msc-2020"', 'checklist_set = "oea-sat"')
        .replace('language = "en"', 'language = "es"')
    )
    assert "\n  tractor solo: tractor-10\n" in run("freight", "checklists").stdout
    assert run("freight", "checklists", "trailer-10").stdout.count("\n") == 11
    site.write_text(site.read_text().replace('"oea-sat"', '"oea"'))
    done = run("freight", "list")
    assert done.exit_code == 4 and "legacy, msc-2020, oea-sat" in done.output
