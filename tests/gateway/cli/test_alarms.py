"""`garita alarms` and `garita shift`, on a gate that is stopped."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import config
from gateway.cli import common
from gateway.daemon.openlog import open_log
from gateway.desk.handover import acts
from gateway.desk.handover.page import digest
from gateway.desk.handover.verify import verify
from gateway.ledger import LedgerReader, chain
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin
from tests.gateway.cli.conftest import Site
from tests.gateway.cli.test_log_proof import signed


def add(site: Site, kind: EventType, subject: str = "yard", /, **data: Any) -> int:
    with closing(open_log(config.load(site.config))) as ledger:
        return ledger.append_sync(NewEvent(kind, subject, data)).seq


def told(site: Site, *arguments: str) -> Any:
    done = site.run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_an_alarm_from_its_record_to_its_end(site: Site) -> None:
    number = add(site, EventType.DOOR_FORCED)
    (alarm,) = told(site, "alarms", "list")
    assert (alarm["alarm"], alarm["kind"], alarm["priority"]) == (number, "forced", "high")
    shown = site.run("alarms", "show", str(number))
    assert shown.exit_code == 0 and "FORCED OPEN" in shown.stdout
    assert site.run("alarms", "resolved", str(number), "--outcome", "fixed").exit_code == 1
    assert site.run("alarms", "seen", str(number), "--note", "I go").exit_code == 0
    assert site.run("alarms", "step", str(number), "1").exit_code == 0
    assert site.run("alarms", "step", str(number), "99").exit_code == 1
    add(site, EventType.DOOR_FORCED_CLEARED, open_s=4.0)
    done = site.run("alarms", "resolved", str(number), "--outcome", "false_alarm")
    assert done.exit_code == 0, done.output
    assert told(site, "alarms", "list") == []
    (alarm,) = told(site, "alarms", "list", "--closed")
    assert alarm["resolved"]["outcome"] == "false_alarm" and alarm["seen"]["note"] == "I go"
    shown = site.run("alarms", "show", str(number))
    assert "false alarm" in shown.stdout and "I go" in shown.stdout
    assert site.run("alarms", "seen", "9999").exit_code == 1
    assert site.run("alarms", "resolved", "1", "--outcome", "magic").exit_code == 2


def test_shelving_kinds_and_figures(site: Site) -> None:
    number = add(site, EventType.DOOR_HELD, open_s=30.0)
    shelve = ("alarms", "shelve", str(number), "--reason", "wind")
    assert site.run(*shelve, "--hours", "99").exit_code == 1
    assert site.run(*shelve, "--hours", "2").exit_code == 0
    assert told(site, "alarms", "list")[0]["shelved_until"]
    assert "shelved" in site.run("alarms", "list").stdout
    assert site.run("alarms", "unshelve", "held", "yard").exit_code == 0
    assert told(site, "alarms", "list")[0]["shelved_until"] is None
    kinds = {row["kind"]: row for row in told(site, "alarms", "kinds")}
    assert kinds["duress"]["priority"] == "high" and kinds["duress"]["shelvable"] is False
    assert "forced" in site.run("alarms", "kinds").stdout
    assert told(site, "alarms", "figures")["count"] == 1
    assert "ten minutes" in site.run("alarms", "figures").stdout


def hand_over(site: Site) -> int:
    """What `garita shift leave` does; returns the number of the record."""
    assert site.run("shift", "leave", "--note", "the yard light is broken").exit_code == 0
    return int(told(site, "shift", "list")[0]["seq"])


def other_takes(site: Site, seq: int) -> None:
    settings = config.load(site.config)
    other = Operator("laura", person="e2", name="Laura Gil")
    db, ledger = open_admin(settings.people_path), LedgerReader(settings.ledger_path)
    acts.take_over(db, ledger, seq, by=other)
    acts.take_over(db, ledger, seq, by=other)  # a double tap
    db.close()
    ledger.close()
    common.nudge(settings)


def test_a_shift_is_handed_over_by_one_and_taken_over_by_another(site: Site) -> None:
    signed(site)
    forced = add(site, EventType.DOOR_FORCED)
    duress = add(site, EventType.ALARM_DURESS, person="e1", name="Ana [x]")
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    add(site, EventType.GRANT_GIVEN, "e1", by="boss", kind="door", target="yard", until=until)
    page = told(site, "shift", "show")
    assert [one["alarm"] for one in page["alarms"]] == [forced] and page["inside"] is None
    assert duress not in [one["alarm"] for one in page["alarms"]]
    assert [one["type"] for one in page["overridden"]] == ["grant.given"]
    seq = hand_over(site)
    checked = site.run("shift", "verify", str(seq))
    assert checked.exit_code == 0 and "nobody has taken over yet" in checked.stdout
    mine = site.run("shift", "take", str(seq))
    assert mine.exit_code == 1 and "somebody else" in mine.output
    other_takes(site, seq)
    checked = site.run("shift", "verify", str(seq))
    assert checked.exit_code == 0 and "Laura Gil" in checked.stdout
    assert [row["taken"] for row in told(site, "shift", "list")] == [True]
    shown = site.run("shift", "show", str(seq))
    assert shown.exit_code == 0 and "NOT SEEN" in shown.stdout
    kinds = [
        event.type for event in acts.handovers(LedgerReader(config.load(site.config).ledger_path))
    ]
    assert kinds == ["shift.taken_over", "shift.handed_over"]
    assert site.run("shift", "verify", "1").exit_code == 1


@pytest.mark.parametrize("what", ["page", "before", "taker"])
def test_what_was_changed_afterwards_is_found(site: Site, what: str) -> None:
    """Somebody who may write the log's file changes what was signed: a check finds it."""
    signed(site)
    add(site, EventType.DOOR_FORCED)
    seq = hand_over(site)
    other_takes(site, seq)
    path = config.load(site.config).ledger_path
    good = verify(LedgerReader(path), path, seq)
    assert good is not None and good.good and good.taken is not None and good.signed is False
    target, old, new = {
        "page": (seq, "forced", "opened"),
        "before": (seq - 1, "{", '{"x": 1, '),
        "taker": (good.taken.seq, "laura", "petra"),
    }[what]
    with closing(sqlite3.connect(path)) as db, db:
        found = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in found:
            db.execute(f"DROP TRIGGER {name}")
        body = db.execute("SELECT body FROM events WHERE seq = ?", (target,)).fetchone()[0]
        item = json.loads(body)
        item["data"] = json.loads(json.dumps(item["data"]).replace(old, new))
        body = chain.canonical(item)
        db.execute("UPDATE events SET body = ? WHERE seq = ?", (body, target))
    checked = verify(LedgerReader(path), path, seq)
    assert checked is not None and not checked.good
    done = site.run("shift", "verify", str(seq))
    assert done.exit_code == 3 and "WRONG" in done.stdout


def test_what_is_no_page_any_more_is_said(site: Site) -> None:
    """A record of the type that is in another form, as another program might write it."""
    for data in ({}, {"page": 5, "sha256": "x"}, {"page": {}, "sha256": digest({})}):
        seq = add(site, EventType.SHIFT_HANDED_OVER, "gate", **data, by="x")
        path = config.load(site.config).ledger_path
        found = verify(LedgerReader(path), path, seq)
        assert found is not None and not found.good
