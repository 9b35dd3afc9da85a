"""What is done by the clock is done once a day, restarts included."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.config.inforce import InForce
from gateway.daemon.jobs import Jobs, Retention, expiring, look_at_clock, watch_clock
from gateway.desk.identity import Shown
from gateway.desk.visits import register
from gateway.desk.visits.settings import visit_policy
from gateway.desk.visits.visit import Plan
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.operator import Operator
from gateway.people import requirements
from gateway.people.requirements import Row
from gateway.people.schema import now_text, open_admin
from gateway.state.clock import Clock
from gateway.state.health import Health
from gateway.state.presence import Presence
from gateway.wording import text

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 25)


class Gateway:
    def __init__(self, folder: Path) -> None:
        text = (ROOT / "config" / "garita.toml").read_text()
        text = text.replace("/var/lib/garita", "data").replace(
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
            in_force=InForce(self.settings),
            ledger=self.ledger,
            clock=self.clock,
            presence=self.presence,
            health=self.health,
        )

    def retention(self) -> Retention:
        return Retention(
            in_force=InForce(self.settings),
            clock=self.clock,
            note=self.ledger.note,
            destroyed=lambda: None,
        )

    def events(self, prefix: str) -> list[Event]:
        with closing(LedgerReader(self.settings.ledger_path)) as reader:
            return [e for e in reader.after(0, 1000) if e.type.startswith(prefix)]

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
            register.walk_in(db, plan, Shown("ine", "", ""), policy, by=Operator("g"), now=now)
        jobs = gateway.jobs()
        await jobs.record_overdue(now + hour)  # the last minute is theirs
        assert gateway.told("visit.overdue") == []
        register.depart(db, 2, by=Operator("g"), now=now)
        for _ in range(2):
            await jobs.record_overdue(now + 2 * hour)
            await gateway.jobs().record_overdue(now + 2 * hour)  # as after a restart
        assert gateway.told("visit.overdue") == ["visit-1"]
        register.extend(db, 1, now + 3 * hour, policy, by=Operator("g"), now=now + 2 * hour)
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
    gateway: Gateway, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(handle: int) -> None:
        raise OSError(28, "No space left on device")

    path = gateway.settings.presence_path
    path.mkdir()
    path.chmod(0o755)
    with monkeypatch.context() as full:
        full.setattr("gateway.vault.files.os.fsync", no_room)  # a full disk can't be had here
        await gateway.jobs().keep_presence()
    assert "can't be kept" in caplog.text and list(path.parent.glob(".*")) == []
    await gateway.jobs().keep_presence()
    assert len(list(path.parent.glob("presence.json.damaged-*"))) == 1  # the folder
    assert path.exists() and path.stat().st_mode & 0o777 == 0o640
    gateway.ledger.close()


async def test_a_start_with_a_clock_days_behind_is_on_record_with_by_how_far(
    gateway: Gateway,
) -> None:
    clock = Clock(datetime.now(UTC) + timedelta(days=3), 60)
    task = asyncio.create_task(watch_clock(clock, "gate-1", gateway.ledger))
    await gateway.ledger.wait_beyond(1)
    task.cancel()
    (event,) = gateway.events("clock.stepped")
    assert event.data["trusted"] is False
    assert event.data["behind_s"] == pytest.approx(3 * 86_400, abs=5)
    gateway.ledger.close()


def leapt(gateway: Gateway, **options: Any) -> Clock:
    """A clock that is ten years ahead of the newest record; the wall clock itself stays right."""
    then = datetime.now(UTC) - timedelta(days=3650)
    return Clock(then, 60, sure=then, **options)


async def test_a_clock_thrown_forward_destroys_no_face_and_no_picture_and_forgives_nothing(
    gateway: Gateway,
) -> None:
    """A2: a start in another year ended every retention."""
    with closing(open_admin(gateway.settings.people_path)) as db, db:
        db.execute("INSERT INTO person_key VALUES ('e1', x'00', '2020-01-01T00:00:00Z', 'k')")
        db.execute("INSERT INTO face_consent VALUES ('e1', '2020-01-01', '2020-12-31', '', 'x')")
        db.execute("INSERT INTO released_badge VALUES ('h10301:1:1', 'e1', '2020-01-01T00:00:00Z')")
        db.execute("INSERT INTO released_badge VALUES ('h10301:1:2', 'e1', ?)", (now_text(),))
    pictures = gateway.settings.evidence_path / "2020-01-01"
    pictures.mkdir(parents=True)
    (pictures / "a-1.sealed").write_bytes(b"x")
    gateway.clock = leapt(gateway)
    retention = gateway.retention()
    assert not await retention.purge()
    task = asyncio.create_task(gateway.jobs().run())
    await asyncio.sleep(0.3)
    task.cancel()
    with closing(open_admin(gateway.settings.people_path)) as db:
        assert db.execute("SELECT count(*) FROM person_key").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM released_badge").fetchone() == (2,)
    assert pictures.exists()
    assert gateway.events("area.") == gateway.events("requirement.") == []

    gateway.clock.accept()  # an operator
    assert await gateway.retention().purge()
    with closing(open_admin(gateway.settings.people_path)) as db:
        assert db.execute("SELECT count(*) FROM person_key").fetchone() == (0,)
        assert db.execute("SELECT key FROM released_badge").fetchall() == [("h10301:1:2",)]
    assert not pictures.exists()
    gateway.ledger.close()


async def test_the_kernels_word_for_a_clock_is_on_record_before_it_counts(
    gateway: Gateway,
) -> None:
    kernel = [False]
    clock = leapt(gateway, synchronised=lambda: kernel[0])
    await look_at_clock(clock, "gate-1", gateway.ledger)
    await gateway.ledger.wait_beyond(1)
    (event,) = gateway.events("clock.")
    assert event.data["trusted"] and event.data["ahead_s"] > 3649 * 86_400
    kernel[0] = True
    with closing(sqlite3.connect(gateway.settings.ledger_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # the log can't be written
        await look_at_clock(clock, "gate-1", gateway.ledger)
        assert not clock.sure
        other.execute("ROLLBACK")
    await look_at_clock(clock, "gate-1", gateway.ledger)
    assert clock.sure
    accepted = gateway.events("clock.accepted")[-1]
    assert (accepted.data["by"], accepted.data["why"]) == ("gate-1", "kernel")
    assert "synchronised" in text.describe(accepted)
    assert gateway.ledger.marks.sure == accepted.time
    gateway.ledger.close()


async def test_after_a_start_in_a_wrong_year_the_gate_heals_when_the_kernel_says_so(
    gateway: Gateway,
) -> None:
    """A2: without an operator, and for the starts after it too."""
    path, ledger = gateway.settings.ledger_path, gateway.ledger
    ledger.judge_clock_by(lambda: True)
    await ledger.append(NewEvent(EventType.DOOR_OPENED, "gate"))
    ledger.judge_clock_by(lambda: False)
    wrong = datetime.now(UTC) + timedelta(days=3650)
    await ledger.append(NewEvent(EventType.GATEWAY_STARTED, "gate-1", time=wrong))
    ledger.close()

    def started() -> Clock:
        gateway.ledger = Ledger.open(path, gateway="gate-1")
        marks = gateway.ledger.marks
        return Clock(marks.newest, 60, sure=marks.proven, synchronised=lambda: True)

    clock = started()
    assert not clock.trusted
    await look_at_clock(clock, "gate-1", gateway.ledger)
    assert clock.trusted and clock.sure
    gateway.ledger.close()
    assert started().sure
    gateway.ledger.close()


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
        register.walk_in(db, plan, Shown("ine", "", ""), policy, by=Operator("g"), now=now)
    jobs.on_act(NewEvent(EventType.PEOPLE_SYNCED))
    assert not jobs._overdue_may_be_due(now)
    jobs.on_act(NewEvent(EventType.VISIT_ARRIVED))
    assert jobs._overdue_may_be_due(now)
    await jobs.record_overdue(now)
    assert not jobs._overdue_may_be_due(now + hour)
    assert jobs._overdue_may_be_due(now + hour + timedelta(seconds=1))
    assert gateway.told("visit.overdue") == []
    gateway.ledger.close()
