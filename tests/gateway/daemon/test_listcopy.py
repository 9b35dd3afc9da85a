"""A damaged list: its verified copy takes over, and nobody passes by it who lost their access."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.daemon import listkeeper
from gateway.people import RosterUnavailable, lostbadges
from gateway.people.schema import open_admin
from gateway.people.sync import apply as lists
from tests.gateway.daemon.onesite import ANA, LUIS, Site

MakeSite = Callable[..., Site]


def noise(site: Site) -> None:
    for more in ("-wal", "-shm"):
        Path(f"{site.settings.people_path}{more}").unlink(missing_ok=True)
    site.settings.people_path.write_bytes(b"noise " * 5000)


async def test_at_a_start_the_copy_takes_over_and_each_decision_says_so(
    make_site: MakeSite,
) -> None:
    site = make_site()
    noise(site)
    await site.start()
    assert site.says("yard", ANA) == "granted"
    assert "list_copy" in site.verdict("yard", ANA).decision.degraded
    assert site.says("yard", LUIS) == "denied_revoked"
    (event,) = site.events("state.damaged")
    assert event.data["done"] == "list_copy" and "the copy is of 20" in event.data["detail"]
    assert (site.data / event.data["aside"]).read_bytes().startswith(b"noise")
    assert site.parts.lists.status()["in_force"]
    # It outlasts a restart, and a list that is applied ends it.
    await site.stop()
    await site.start()
    assert "list_copy" in site.verdict("yard", ANA).decision.degraded
    site.people(f"ana,{ANA.key}")
    await site.parts.lists.look()
    assert "list_copy" not in site.verdict("yard", ANA).decision.degraded
    assert site.says("yard", ANA) == "granted" and site.parts.lists.status()["in_force"] is None


async def test_damage_while_running_switches_over_without_a_restart(make_site: MakeSite) -> None:
    site = make_site()
    await site.start()
    assert site.says("yard", ANA) == "granted"
    noise(site)
    first = site.says("yard", ANA)
    assert first in ("denied_list_unavailable", "granted")  # what SQLite still held
    await site.parts.lists.look()
    await site.settled()
    assert site.says("yard", ANA) == "granted" and site.told() == {"people.db": "list_copy"}
    assert "list_copy" in site.verdict("yard", ANA).decision.degraded


async def test_a_page_that_only_a_look_up_touches_is_found_by_it(make_site: MakeSite) -> None:
    site = make_site()
    with closing(sqlite3.connect(site.settings.people_path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'credential'").fetchone()
        size = db.execute("PRAGMA page_size").fetchone()[0]
    with site.settings.people_path.open("r+b") as file:
        file.seek((root[0] - 1) * size)
        file.write(b"\xff" * size)
    await site.start()
    assert site.told() == {} and site.says("yard", ANA) == "denied_list_unavailable"
    await site.parts.lists.look()
    await site.settled()
    assert site.says("yard", ANA) == "granted" and site.told() == {"people.db": "list_copy"}


async def test_nobody_passes_by_the_copy_who_lost_access_after_it(make_site: MakeSite) -> None:
    """By a revocation, a lost badge, a list; on record, or in the damaged file's outbox."""
    site = make_site()
    with closing(open_admin(site.settings.people_path)) as db:
        lists.set_revoked(db, "luis", revoked=False, why="back", by="hr")
    await site.start()
    await site.parts.outbox.move()
    await site.parts.lists.look()  # a copy by which Luis passes
    with closing(open_admin(site.settings.people_path)) as db:
        lists.set_revoked(db, "luis", revoked=True, why="left again", by="hr")
        assert lostbadges.lose(db, "ana", 1, ANA.masked, why="lost", by="hr")
    await site.parts.outbox.move()
    noise(site)
    await site.parts.lists.look()
    assert site.says("yard", LUIS) == "denied_revoked"
    assert site.says("yard", ANA) == "denied_unknown_credential"


async def test_whom_a_later_list_changed_or_removed_is_refused(make_site: MakeSite) -> None:
    site = make_site()
    await site.start()
    site.people(f"luis,{LUIS.key}")  # Ana is gone
    await site.parts.outbox.move()
    noise(site)
    await site.parts.lists.look()
    assert site.says("yard", ANA) == "denied_suspended"
    site.people(f"ana,{ANA.key}", f"luis,{LUIS.key}")
    assert site.says("yard", ANA) == "granted"


async def test_acts_in_the_damaged_outbox_are_saved_and_count(make_site: MakeSite) -> None:
    site = make_site()
    await site.start()
    with closing(open_admin(site.settings.people_path)) as db:
        lists.set_revoked(db, "ana", revoked=True, why="now", by="hr")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'credential'").fetchone()
        size = db.execute("PRAGMA page_size").fetchone()[0]
    with site.settings.people_path.open("r+b") as file:
        file.seek((root[0] - 1) * size)
        file.write(b"\xff" * size)
    assert site.says("yard", ANA) == "denied_list_unavailable"
    await site.parts.lists.look()
    assert site.says("yard", ANA) == "denied_revoked"
    await site.parts.outbox.move()
    assert [e.subject for e in site.events("people.revoked")] == ["luis", "ana"]


async def test_a_copy_counts_so_long_and_no_longer(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(health="list_max_age_h = 2")
    noise(site)
    await site.start()
    assert site.says("yard", ANA) == "granted"
    later = datetime.now(UTC) + timedelta(hours=2, minutes=1)
    monkeypatch.setattr(site.parts.lists, "_now", lambda: later)
    assert site.says("yard", ANA) == "denied_list_unavailable"
    roster = site.parts.plant.doors["yard"].readers[0]._services.roster
    assert isinstance(roster, listkeeper.GuardedRoster)
    for asked in (roster.pin, roster.templates, roster.find_person):  # faces and PINs as well
        with pytest.raises(RosterUnavailable, match="older than 2 h"):
            asked("ana")


@pytest.mark.parametrize("what", ["no copy", "copy", "note", "log"])
async def test_without_a_good_copy_and_its_log_nobody_passes_and_the_file_stays(
    make_site: MakeSite, what: str
) -> None:
    site = make_site()
    folder = site.data / "list-copy"
    if what == "no copy":
        shutil.rmtree(folder)
    elif what == "copy":
        (copy,) = folder.glob("people-*.db")
        raw = bytearray(copy.read_bytes())
        raw[len(raw) // 2] ^= 1
        copy.write_bytes(raw)
    elif what == "note":
        for path in folder.glob("about.json*"):
            path.write_text("{}")
    else:
        for path in site.data.glob("ledger.db*"):
            path.unlink()
    noise(site)
    await site.start()
    assert site.says("yard", ANA) == "denied_list_unavailable"
    (event,) = [e for e in site.events("state.damaged") if e.subject == "people.db"]
    assert event.data["done"] == "denies" and site.settings.people_path.read_bytes()[:5] == b"noise"
    await site.parts.lists.look()
    assert len(site.events("state.damaged")) <= 2  # it is told once


async def test_a_list_that_is_restored_ends_it(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site()
    with closing(sqlite3.connect(site.settings.people_path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(site.settings.people_path, tmp_path / "good.db")
    noise(site)
    await site.start()
    assert site.parts.lists.failing()
    shutil.copy(tmp_path / "good.db", tmp_path / "back.db")
    (tmp_path / "back.db").replace(site.settings.people_path)
    await site.parts.lists.look()
    assert not site.parts.lists.failing() and site.says("yard", ANA) == "granted"


async def test_a_damaged_list_is_not_copied_over_the_good_copy(make_site: MakeSite) -> None:
    site = make_site()
    await site.start()
    before = sorted(p.name for p in (site.data / "list-copy").glob("people-*.db"))
    noise(site)
    site.parts.lists._keep()
    assert sorted(p.name for p in (site.data / "list-copy").glob("people-*.db")) == before
    assert site.parts.lists.status()["error"]
