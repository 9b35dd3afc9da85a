"""What is done by the clock is done once a day, restarts included."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway import config
from gateway.daemon.jobs import Jobs, expiring, watch_clock
from gateway.desk.identity import Shown
from gateway.desk.visits import register
from gateway.desk.visits.settings import visit_policy
from gateway.desk.visits.visit import Plan
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.people import requirements
from gateway.people.requirements import Row
from gateway.people.schema import open_admin
from gateway.state.clock import Clock
from gateway.state.health import Health
from gateway.state.presence import Presence

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 25)


class Gateway:
    def __init__(self, folder: Path) -> None:
        text = (ROOT / "config" / "garita.toml").read_text()
        text = text.replace("../var/data", "data").replace(
            '# forgive_at = "04:00"', 'forgive_at = "04:00"'
        )
        text = text.replace(
            "# [requirements.background-check]\n",
            '[requirements.check]\ntitle = { en = "a", es = "b" }\nwarn_days = 30\n',
        )
        (folder / "garita.toml").write_text(text)
        self.settings = config.load(folder / "garita.toml")
        self.ledger = Ledger.open(self.settings.ledger_path, gateway="gate-1")
        self.clock = Clock(None, 60)
        self.presence = Presence({})
        self.health = Health(folder, disk_free_mb=1, list_max_age_h=None)

    def jobs(self) -> Jobs:
        """Jobs that have just started."""
        return Jobs(
            settings=self.settings,
            ledger=self.ledger,
            clock=self.clock,
            presence=self.presence,
            health=self.health,
        )

    def told(self, kind: str) -> list[str]:
        reader = LedgerReader(self.settings.ledger_path)
        events = [e.subject for e in reader.after(0, 1000) if e.type == kind]
        reader.close()
        return events


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    gateway = Gateway(tmp_path)
    path = gateway.settings.people_path
    open_admin(path).close()
    days = {"e1": 0, "e2": 30, "e3": 31, "e4": -1}
    rows = [Row("person", who, "check", TODAY + timedelta(days=n)) for who, n in days.items()]
    with closing(sqlite3.connect(path)) as db, db:
        requirements.put(db, [*rows, Row("person", "e5", "check")], by="x")
    return gateway


async def test_what_lapses_is_told_once_a_day(gateway: Gateway) -> None:
    jobs = gateway.jobs()
    await jobs.warn(TODAY)
    await jobs.warn(TODAY)
    await gateway.jobs().warn(TODAY)  # as after a restart
    assert gateway.told("requirement.expiring") == ["e1", "e2"]
    await jobs.warn(TODAY + timedelta(days=1))
    assert gateway.told("requirement.expiring") == ["e1", "e2", "e2", "e3"]
    gateway.ledger.close()


async def test_an_overdue_visitor_is_told_once(gateway: Gateway) -> None:
    now = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
    hour = timedelta(hours=1)
    settings = gateway.settings
    policy = visit_policy(settings)
    with closing(sqlite3.connect(settings.people_path)) as db:
        for name in ("Ana", "Eva"):
            plan = Plan(name, "Laura", now, now + hour)
            register.walk_in(db, plan, Shown("ine", "", ""), policy, by="g", now=now)
        jobs = gateway.jobs()
        await jobs.record_overdue(now + hour)  # the last minute is theirs
        assert gateway.told("visit.overdue") == []
        register.depart(db, 2, by="g", now=now)
        for _ in range(2):
            await jobs.record_overdue(now + 2 * hour)
            await gateway.jobs().record_overdue(now + 2 * hour)  # as after a restart
        assert gateway.told("visit.overdue") == ["visit-1"]
        register.extend(db, 1, now + 3 * hour, policy, by="g", now=now + 2 * hour)
        await jobs.record_overdue(now + 2 * hour)
        assert gateway.told("visit.overdue") == ["visit-1"]
        await jobs.record_overdue(now + 4 * hour)  # and again for the time they were given
        assert gateway.told("visit.overdue") == ["visit-1", "visit-1"]
    gateway.ledger.close()


def test_without_a_list_nothing_lapses(gateway: Gateway) -> None:
    gateway.settings.people_path.unlink()
    assert list(expiring(gateway.settings, TODAY)) == []
    gateway.ledger.close()


async def test_passbacks_are_forgiven_at_their_hour_and_once(gateway: Gateway) -> None:
    zone = gateway.settings.site.zone
    jobs = gateway.jobs()
    await jobs.forgive(datetime(2026, 11, 25, 3, 59, tzinfo=zone))
    assert gateway.told("area.forgiven") == []
    for hour in (4, 5):
        await jobs.forgive(datetime(2026, 11, 25, hour, 0, tzinfo=zone))
        await gateway.jobs().forgive(datetime(2026, 11, 25, hour, 1, tzinfo=zone))
    assert gateway.told("area.forgiven") == ["gate-1"]
    await jobs.forgive(datetime(2026, 11, 26, 4, 0, tzinfo=zone))
    assert len(gateway.told("area.forgiven")) == 2
    gateway.ledger.close()


async def test_a_checkpoint_that_cant_be_kept_is_no_end(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    path = gateway.settings.presence_path
    path.mkdir()
    await gateway.jobs().keep_presence()
    assert "can't be kept" in caplog.text and list(path.parent.glob(".*")) == []
    path.rmdir()
    await gateway.jobs().keep_presence()
    assert path.exists() and path.stat().st_mode & 0o777 == 0o640
    gateway.ledger.close()


async def test_a_start_with_a_clock_days_behind_is_on_record_with_by_how_far() -> None:
    noted: list[NewEvent] = []
    clock = Clock(datetime.now(UTC) + timedelta(days=3), 60)
    task = asyncio.create_task(watch_clock(clock, "gate-1", noted.append))
    while not noted:
        await asyncio.sleep(0)
    task.cancel()
    (event,) = noted
    assert event.type == "clock.stepped" and event.data["trusted"] is False
    assert event.data["behind_s"] == pytest.approx(3 * 86_400, abs=5)


async def test_the_list_is_asked_for_overdue_visitors_when_one_is_due_or_a_visit_changed(
    gateway: Gateway,
) -> None:
    now = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
    hour = timedelta(hours=1)
    jobs = gateway.jobs()
    assert jobs._overdue_may_be_due(now)  # nothing is known at a start
    await jobs.record_overdue(now)
    assert not jobs._overdue_may_be_due(now + hour)  # nobody is here
    with closing(sqlite3.connect(gateway.settings.people_path)) as db:
        policy = visit_policy(gateway.settings)
        plan = Plan("Ana", "Laura", now, now + hour)
        register.walk_in(db, plan, Shown("ine", "", ""), policy, by="g", now=now)
    jobs.on_act(NewEvent(EventType.PEOPLE_SYNCED))
    assert not jobs._overdue_may_be_due(now)
    jobs.on_act(NewEvent(EventType.VISIT_ARRIVED))
    assert jobs._overdue_may_be_due(now)
    await jobs.record_overdue(now)
    assert not jobs._overdue_may_be_due(now + hour)
    assert jobs._overdue_may_be_due(now + hour + timedelta(seconds=1))
    assert gateway.told("visit.overdue") == []
    gateway.ledger.close()
