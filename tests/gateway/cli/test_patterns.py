"""`garita patterns ...` over a real log: look, the life of a finding, the weekly report."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from gateway import config
from gateway.daemon.openlog import open_log
from gateway.ledger import LedgerReader
from gateway.ledger.event import NewEvent

from .conftest import Site

DAYS = 30
AHEAD = timedelta(days=DAYS + 1)


class Later(datetime):
    """The clock a month on."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Later:
        moment = datetime.now(tz) + AHEAD
        return cls.fromtimestamp(moment.timestamp(), tz)


def records(zone: ZoneInfo) -> Iterator[NewEvent]:
    """Thirty people on thirty days; on the last whole day one of them is refused twelve times.

    A log begins with a record of now, so the days are those to come and the clock is put forward.
    """
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0) + AHEAD
    for n in range(DAYS, -1, -1):
        for who in range(30):
            person = {"id": f"p{who}", "name": f"Person [{who}]", "company": ""}
            data = {"door": "yard", "way": "in", "person": person, "reason": "granted"}
            at = today - timedelta(days=n) + timedelta(hours=7, minutes=who)
            yield NewEvent("access.granted", "yard", data, at)  # type: ignore[arg-type]
        if n == 1:
            for k in range(12):
                odd = {**data, "person": {"id": "p3", "name": "Person [3]"}, "reason": "denied_x"}
                later = at + timedelta(minutes=10 + 5 * k)
                yield NewEvent("access.denied", "yard", odd, later)  # type: ignore[arg-type]


@pytest.fixture
def looked(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr("gateway.cli.patterns.datetime", Later)
    settings = config.load(site.config)
    with closing(open_log(settings)) as ledger:

        async def write() -> None:
            await asyncio.gather(*(ledger.append(event) for event in records(settings.site.zone)))

        asyncio.run(write())
    done = site.run("patterns", "look")
    assert done.exit_code == 0, done.output
    assert "1 new finding" in done.output
    return site


def listed(site: Site, *more: str) -> list[dict[str, object]]:
    done = site.run("patterns", "list", "--json", *more)
    assert done.exit_code == 0, done.output
    found: list[dict[str, object]] = json.loads(done.output)
    return found


def test_a_second_look_takes_nothing_in_twice(looked: Site) -> None:
    done = looked.run("patterns", "look")
    assert "0 days and 0 records" in done.output and "0 new findings" in done.output
    assert len(listed(looked)) == 1


def test_the_life_of_a_finding_is_on_record(looked: Site) -> None:
    (one,) = listed(looked)
    name = str(one["finding"])
    assert one["words"] == "Person [3] was refused 12 times on one day"
    shown = looked.run("patterns", "show", name)
    assert "Person [3]" in shown.output and str(one["records"][0]) in shown.output  # type: ignore[index]
    assert looked.run("patterns", "seen", name).exit_code == 0
    assert looked.run("patterns", "seen", name).exit_code == 0  # a double tap
    none = looked.run("patterns", "explain", name, "--note", " ")
    assert none.exit_code != 0 and listed(looked)[0]["state"] == "looked_at"
    note = "he forgot his [new] badge"
    assert looked.run("patterns", "explain", name, "--note", note).exit_code == 0
    assert listed(looked) == []
    late = looked.run("patterns", "seen", name)
    assert late.exit_code == 0  # somebody was faster: nothing is taken back
    (kept,) = listed(looked, "--all")
    assert [step["state"] for step in kept["steps"]] == ["new", "looked_at", "explained"]  # type: ignore[attr-defined]
    assert kept["steps"][2]["note"] == note  # type: ignore[index]
    assert looked.run("patterns", "act", name, "--note", "called").exit_code == 0
    after = looked.run("patterns", "confirm", name)
    assert after.exit_code == 1 and "finding_state" in after.output
    with closing(LedgerReader(config.load(looked.config).ledger_path)) as ledger:
        kinds = [event.data["state"] for event in ledger.back("pattern.finding")]
    assert kinds == ["acted_upon", "explained", "looked_at", "new"]


def test_the_weekly_report_prints_its_own_record(looked: Site) -> None:
    (one,) = listed(looked)
    looked.run("patterns", "confirm", str(one["finding"]))
    report = looked.run("patterns", "week", "--of", str(one["day"]))
    assert "was refused 12 times" in report.output
    assert "of 1 shown so far, 1 were useful, 0 were explained, 0 wait" in report.output
    before = looked.run("patterns", "week", "--of", "2026-01-01", "--json")
    assert json.loads(before.output)["findings"] == []


def test_a_finding_that_is_not_there(looked: Site) -> None:
    for command in (("show", "zz"), ("seen", "zz"), ("confirm", "'; DROP TABLE outbox")):
        done = looked.run("patterns", *command)
        assert done.exit_code == 1 and "there is no finding" in done.output
