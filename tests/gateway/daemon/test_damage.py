"""Each file of state, damaged in each way, at a start and while the gateway works.

The table of docs/damage.md is what this test found.  ``GARITA_WRITE=1`` writes it anew.  Without
``GARITA_LONG=1`` two kinds of damage are tried, and what is found must stand in the table.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.daemon import listkeeper
from gateway.daemon.logwatch import LogWatch
from gateway.daemon.openlog import set_aside
from gateway.ledger import LedgerDamaged
from gateway.locale import english
from gateway.people.schema import open_admin, put_event
from tests.gateway.daemon.onesite import ANA, LUIS, Site, keyed
from tests.gateway.damage import KINDS

PAGE = Path(__file__).parents[3] / "docs" / "damage.md"
BEGIN, END = "<!-- made by tests/gateway/daemon/test_damage.py -->\n", "<!-- end -->\n"
SMALL = (
    "doors.json",
    "threat.json",
    "commands.json",
    "presence.json",
    "mqtt.cursor",
    "log-head.json",
    "log-key.json",
    "reader-keys.json",
)


HEAD = (
    "| file | damage | when | a good badge at another door | told (`done`) |",
    "|---|---|---|---|---|",
)
LONG = bool(os.environ.get("GARITA_LONG") or os.environ.get("GARITA_WRITE"))
Row = tuple[str, str, str, str]
"""File, when, whether Ana passes at the yard, what is told."""


def hurt(site: Site, name: str, kind: str) -> None:
    for more in ("-wal", "-shm"):
        (site.data / f"{name}{more}").unlink(missing_ok=True)
    KINDS[kind](site.data / name)


def safe(site: Site, where: str) -> str:
    """What holds in each cell; returns what the yard says to Ana."""
    assert site.says("gate", ANA) == "denied_out_of_service", where
    assert site.says("yard", LUIS) != "granted", where
    assert site.parts.threat.level == "high", where
    assert site.take(4) and site.take(5), where  # taken before
    assert site.cursor(site.ledger.last_seq) <= site.ledger.last_seq, where
    return site.says("yard", ANA)


async def at_a_start(site: Site, name: str, kind: str, policy: str) -> tuple[str, str]:
    where = f"{name} {kind} at a start"
    before = site.ledger_records() if name == "ledger.db" else set()
    hurt(site, name, kind)
    try:
        await site.start()
    except LedgerDamaged as error:
        if policy == "stop":
            return "the gateway does not start", "exit code 5, with the reason"
        await site.start(set_aside(site.settings, english(error)))
    passes = safe(site, where)
    await site.settled()
    told = site.told().get(name, "")
    if name == "ledger.db":
        assert not before & site.ledger_records(), where  # no id comes twice
        first, *anew = site.events("ledger.created")
        assert anew and anew[-1].seq > len(before), where  # numbers go on
        if kind != "missing":
            assert first.data["aside"].startswith("ledger.db.damaged-"), where
            assert first.data["why"] and first.data["known"][0]["seq"], where
        told = told or "alarm.log_lost"
    elif name not in ("people.db",):
        assert told and keyed(site), where
    return passes, told


async def while_it_works(site: Site, name: str, kind: str) -> tuple[str, str]:
    where = f"{name} {kind} while it works"
    hurt(site, name, kind)
    before = len(site.events("state.damaged"))
    parts = site.parts
    match name:
        case "people.db":
            assert site.says("yard", ANA) in ("granted", "denied_list_unavailable")
            await parts.lists.look()
        case "doors.json":
            await parts.out_of_service.put("vault", "flood")
        case "threat.json":
            await parts.threat.set("normal", "ana", "drill", site.ledger.append)
            await parts.threat.set("high", "ana", "drill", site.ledger.append)
        case "commands.json":
            assert site.take(1_000 + list(KINDS).index(kind)) == ""
        case "presence.json":
            await parts.jobs.keep_presence()
        case "mqtt.cursor":
            site.cursor(site.ledger.last_seq)
        case "log-head.json":
            assert parts.checkpoints is not None
            await parts.checkpoints.make()
        case "reader-keys.json":
            parts.reader_keys.taken("vault-in", parts.reader_keys.new("vault-in"))
    await site.settled()
    passes = safe(site, where)
    told = [e for e in site.events("state.damaged")[before:] if e.subject == name]
    return passes, str(told[-1].data["done"]) if told else ""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_log_that_is_damaged_under_its_writer_is_found(
    make_site: Callable[..., Site], kind: str
) -> None:
    """But for a page in the middle, which is found when it is read or written."""
    site = make_site()
    await site.start()
    watch = LogWatch(site.settings.ledger_path, site.ledger)
    assert watch._look() == ""
    KINDS[kind](site.settings.ledger_path)
    assert bool(watch._look()) == (kind != "halved")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_no_damage_of_one_file_opens_a_door_or_closes_the_site(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listkeeper, "QUIET_S", 0.0)
    found: dict[Row, list[str]] = {}
    kinds = KINDS if LONG else ("emptied", "a folder")

    def fresh(policy: str = "stop") -> Site:
        shutil.rmtree(tmp_path / "site", ignore_errors=True)
        shutil.copytree(lived, tmp_path / "site")
        return Site(tmp_path / "site", on_damage=policy)

    for name in (*SMALL, "people.db", "ledger.db"):
        for policy in ("stop", "new") if name == "ledger.db" else ("stop",):
            shown = f'{name}, on_damage = "{policy}"' if name == "ledger.db" else name
            for kind in kinds:
                site = fresh(policy)
                passes, told = await at_a_start(site, name, kind, policy)
                found.setdefault((shown, "at a start", passes, told), []).append(kind)
                if hasattr(site, "ledger"):
                    site.crash()
    for name in (*SMALL, "people.db"):
        if name == "log-key.json":
            continue  # nobody reads or writes it between two starts
        site = fresh()
        await site.start()
        for kind in kinds:
            passes, told = await while_it_works(site, name, kind)
            found.setdefault((name, "while it works", passes, told), []).append(kind)
        site.crash()
    check(found)


def check(found: dict[Row, list[str]]) -> None:
    for (name, when, passes, told), kinds in found.items():
        if name.startswith("ledger.db"):
            continue
        assert passes == "granted", (name, when, kinds)
        known_meanwhile = when == "while it works" and name == "mqtt.cursor"
        assert told or "missing" in kinds or known_meanwhile, (name, when, kinds)
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    table, tail = rest.split(END)
    if LONG:
        lines = [_line(row, kinds) for row, kinds in found.items()]
        fresh = "\n".join([*HEAD, *lines, ""])
        if os.environ.get("GARITA_WRITE"):
            PAGE.write_text(head + BEGIN + fresh + END + tail)
            table = fresh
        assert table == fresh, "GARITA_WRITE=1 writes docs/damage.md anew"
    for row, kinds in found.items():
        for kind in kinds:
            name, damage, *rest = _line(row, [kind]).strip("| ").split(" | ")
            known = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
            same = [one for one in known if one[0] == name and one[2:] == rest]
            assert any(damage in one[1].split(", ") for one in same), (name, damage, rest)


def _line(row: Row, kinds: list[str]) -> str:
    name, when, passes, told = row
    code = f"`{told}`" if told and " " not in told else told or "-"
    passed = "passes" if passes == "granted" else passes
    return f"| {name} | {', '.join(kinds)} | {when} | {passed} | {code} |"


async def test_what_the_console_and_the_patterns_tell_is_on_record_and_shown(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    await site.start()
    data = {
        "detail": "console.db is empty",
        "done": "sign_in_anew",
        "aside": "console.db.damaged-1",
    }
    with closing(open_admin(site.settings.people_path)) as db, db:
        put_event(db, "state.damaged", "console.db", data)
    await site.parts.outbox.move()
    await site.settled()
    assert site.told() == {"console.db": "sign_in_anew"}
    assert {"file": "console.db", **data} in await site.parts.damages.shown()
    assert site.says("yard", ANA) == "granted"
