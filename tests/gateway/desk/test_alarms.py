"""Acts on alarms: who may, twice, too late, while the cause goes on; each is one record."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import locale
from gateway.config.alarms import AlarmsTable
from gateway.desk import alarms
from gateway.desk.alarms import Policy
from gateway.desk.errors import Conflict, DeskError, NotFound
from gateway.ledger.operator import Operator
from gateway.people.schema import open_admin
from gateway.state.alarms.book import Book
from tests.gateway.state.alarms.records import Log

ROSA = Operator("rosa", person="e3", name="Rosa Díaz", roles=frozenset({"guard"}))
LUIS = Operator("luis", person="e4", name="Luis Vega", roles=frozenset({"guard"}))
LAURA = Operator("lgil", person="e9", name="Laura Gil", roles=frozenset({"supervisor"}))
POLICY = Policy(AlarmsTable(), named=True)


class Site:
    """people.db and a log whose records the test writes; `record` moves acts into the log."""

    def __init__(self, path: Path) -> None:
        self.db = open_admin(path)
        self.log = Log()

    def books(self) -> Book:
        return self.log.book

    def act(self, do: Callable[..., None], *given: Any, by: Operator = ROSA, **more: Any) -> None:
        policy = more.pop("policy", POLICY)
        do(self.db, self.books, *given, policy, by=by, now=self.log.now, **more)

    def waiting(self) -> list[tuple[str, dict[str, Any]]]:
        rows = self.db.execute("SELECT type, data FROM outbox ORDER BY rowid")
        return [(kind, json.loads(data)) for kind, data in rows]

    def record(self) -> None:
        for kind, data in self.waiting():
            self.log.add(kind, "yard", **data)
        with self.db:
            self.db.execute("DELETE FROM outbox")

    def book(self) -> Book:
        return alarms.current(self.db, self.books)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "people.db")
    yield made
    made.db.close()


def code(call: Callable[[], None]) -> str:
    with pytest.raises(DeskError) as caught:
        call()
    return caught.value.code


def test_seen_and_resolved_are_two_records_with_who_and_note(site: Site) -> None:
    number = site.log.add("door.forced")
    site.act(alarms.see, number, number, note="  on my way ")
    assert site.book().calling(site.log.now) == []  # before it is on record
    site.log.add("door.forced_cleared")
    site.act(alarms.resolve, number, number, "false_alarm", note="wind")
    assert site.book().open(site.log.now) == []
    first, second = site.waiting()
    assert first[0] == "alarm.seen" and first[1]["note"] == "on my way"
    assert first[1]["by"] == "rosa" and first[1]["by_person"] == "e3"
    assert second[0] == "alarm.resolved" and second[1]["outcome"] == "false_alarm"
    assert second[1]["stands"] is False and second[1]["kind"] == "forced"
    site.record()
    assert site.book().open(site.log.now) == []


def test_a_double_tap_is_one_record_and_a_second_guard_is_told_who_was_first(site: Site) -> None:
    number = site.log.add("door.forced")
    site.act(alarms.see, number, number)
    site.act(alarms.see, number, number)
    assert len(site.waiting()) == 1
    with pytest.raises(Conflict) as caught:
        site.act(alarms.see, number, number, by=LUIS)
    assert caught.value.code == "seen_already" and "Rosa Díaz" in caught.value.say()
    site.record()
    assert code(lambda: site.act(alarms.see, number, number, by=LUIS)) == "seen_already"
    assert site.waiting() == []


def test_two_at_once_on_two_connections(site: Site, tmp_path: Path) -> None:
    """The second writer waits for the first one's transaction, and then sees what it did."""
    number = site.log.add("door.forced")
    other = open_admin(tmp_path / "people.db")
    site.act(alarms.see, number, number)
    with pytest.raises(Conflict):
        alarms.see(other, site.books, number, number, POLICY, by=LUIS, now=site.log.now)
    other.close()


def test_an_alarm_that_came_again_must_be_looked_at_again(site: Site) -> None:
    number = site.log.add("door.forced")
    site.log.add("door.forced_cleared")
    site.log.add("door.forced")
    assert code(lambda: site.act(alarms.see, number, number)) == "came_again"
    again = site.log.book.get(number)
    assert again is not None
    site.act(alarms.see, number, again.seq)
    assert len(site.waiting()) == 1


def test_resolved_needs_an_outcome_and_that_somebody_saw_it(site: Site) -> None:
    number = site.log.add("alarm.lent_badge", person={"id": "e1"})
    assert code(lambda: site.act(alarms.resolve, number, number, "fixed")) == "not_seen"
    site.act(alarms.see, number, number)
    assert code(lambda: site.act(alarms.resolve, number, number, "")) == "no_outcome"
    assert code(lambda: site.act(alarms.resolve, number, number, "gone")) == "no_outcome"
    site.act(alarms.resolve, number, number, "fixed")
    assert code(lambda: site.act(alarms.resolve, number, number, "fixed")) == "closed"
    assert len(site.waiting()) == 2


def test_while_the_cause_goes_on_only_a_supervisor_closes_it_and_says_why(site: Site) -> None:
    number = site.log.add("door.forced")
    site.act(alarms.see, number, number)

    def close(by: Operator, note: str = "") -> None:
        site.act(alarms.resolve, number, number, "passed_on", by=by, note=note)

    assert code(lambda: close(ROSA, "let it be")) == "still_stands"
    assert code(lambda: close(LAURA)) == "missing"
    close(LAURA, "the frame is bent, a guard stands there")
    assert site.waiting()[-1][1]["stands"] is True


@pytest.mark.parametrize("note", ["x" * 201, "a\u202eb", "\x00"])
def test_a_note_that_can_not_be_taken_changes_nothing(site: Site, note: str) -> None:
    number = site.log.add("door.forced")
    assert code(lambda: site.act(alarms.see, number, number, note=note)) in {"too_long", "bad_text"}
    assert site.waiting() == []


def test_steps_are_the_sites_or_ours_in_the_language_in_use(site: Site) -> None:
    number = site.log.add("door.forced")
    alarm = site.log.book.get(number)
    assert alarm is not None
    ours, required = alarms.steps_of(alarm, AlarmsTable())
    assert len(ours) == 3 and not required
    with locale.speaking("es"):
        spanish, _required = alarms.steps_of(alarm, AlarmsTable())
    assert [one.key for one in spanish] == [one.key for one in ours]
    step = {"en": "Ring the bell", "es": "Toque la campana"}
    general = {"kinds": ["forced"], "steps": [{"en": "Wait", "es": "Espere"}]}
    here = {"kinds": ["forced"], "subjects": ["yard"], "steps": [step], "required": True}
    table = AlarmsTable.model_validate({"instructions": {"all": general, "yard": here}})
    with locale.speaking("es"):
        own, required = alarms.steps_of(alarm, table)
    assert [(one.key, one.text) for one in own] == [("Ring the bell", "Toque la campana")]
    assert required


def test_required_steps_are_done_before_it_is_closed(site: Site) -> None:
    step = {"en": "Ring the bell", "es": "Toque la campana"}
    here = {"kinds": ["lent_badge"], "steps": [step], "required": True}
    policy = Policy(AlarmsTable.model_validate({"instructions": {"x": here}}), named=True)
    number = site.log.add("alarm.lent_badge", person={"id": "e1"})
    site.act(alarms.see, number, number)

    def close() -> None:
        site.act(alarms.resolve, number, number, "fixed", policy=policy)

    assert code(close) == "steps_open"
    assert code(lambda: site.act(alarms.tick, number, "Dance", policy=policy)) == "no_step"
    site.act(alarms.tick, number, "Ring the bell", policy=policy)
    site.act(alarms.tick, number, "Ring the bell", policy=policy)  # a double tap
    close()
    kinds = [kind for kind, _data in site.waiting()]
    assert kinds == ["alarm.seen", "alarm.step", "alarm.resolved"]


def test_only_a_supervisor_shelves_for_a_time_and_with_a_reason(site: Site) -> None:
    number = site.log.add("door.held")

    def shelve(by: Operator, hours: float, reason: str) -> None:
        site.act(alarms.shelve, number, timedelta(hours=hours), reason, by=by)

    assert code(lambda: shelve(ROSA, 1, "wind")) == "supervisor_needed"
    assert code(lambda: shelve(LAURA, 9, "wind")) == "shelf_too_long"
    assert code(lambda: shelve(LAURA, 0, "wind")) == "shelf_too_long"
    assert code(lambda: shelve(LAURA, 1, " ")) == "missing"
    shelve(LAURA, 1, "wind")
    assert site.book().calling(site.log.now) == []
    assert site.waiting()[-1][1]["source"] == "yard"
    site.record()
    site.act(alarms.unshelve, "held", "yard", by=LAURA)
    site.act(alarms.unshelve, "held", "yard", by=LAURA)
    assert [kind for kind, _data in site.waiting()] == ["alarm.unshelved"]
    assert len(site.book().calling(site.log.now)) == 1
    assert code(lambda: site.act(alarms.unshelve, "held", "yard")) == "supervisor_needed"


@pytest.mark.parametrize("kind", ["alarm.duress", "door.fire", "alarm.lent_badge"])
def test_what_can_not_be_shelved(site: Site, kind: str) -> None:
    number = site.log.add(kind, person="e1")

    def shelve() -> None:
        site.act(alarms.shelve, number, timedelta(hours=1), "quiet", by=LAURA)

    assert code(shelve) == "not_shelvable"


def test_whoever_may_not_see_a_duress_alarm_is_told_that_there_is_none(site: Site) -> None:
    number = site.log.add("alarm.duress", person="e1", name="Ana")
    nobody = 999
    said = set()
    for wanted in (number, nobody):
        with pytest.raises(NotFound) as caught:
            site.act(alarms.see, wanted, wanted)
        said.add(caught.value.say().replace(str(wanted), "N"))
    assert len(said) == 1  # the same words for both
    site.act(alarms.see, number, number, by=LAURA)
    site.act(alarms.resolve, number, number, "passed_on", by=LAURA)
    assert len(site.waiting()) == 2


def test_without_operators_everybody_who_may_use_the_box_may_do_all(site: Site) -> None:
    policy = replace(POLICY, named=False)
    number = site.log.add("alarm.duress", person="e1", name="Ana")
    site.act(alarms.see, number, number, by=Operator("root"), policy=policy)
    held = site.log.add("door.held")
    hour = timedelta(hours=1)
    site.act(alarms.shelve, held, hour, "wind", by=Operator("root"), policy=policy)
    assert len(site.waiting()) == 2


def test_nothing_is_half_done_if_people_db_can_not_be_written(site: Site, tmp_path: Path) -> None:
    number = site.log.add("door.forced")
    blocker = sqlite3.connect(tmp_path / "people.db")
    blocker.execute("BEGIN IMMEDIATE")
    site.db.execute("PRAGMA busy_timeout = 50")
    assert code(lambda: site.act(alarms.see, number, number)) == "unwritable"
    blocker.rollback()
    blocker.close()
    site.act(alarms.see, number, number)
    assert len(site.waiting()) == 1
