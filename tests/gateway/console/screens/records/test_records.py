"""Records at the console: looked at, counted, taken along, verified."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from starlette.testclient import TestClient

from gateway.console.screens.records import view
from gateway.console.site import Site
from gateway.daemon.openlog import open_log
from gateway.ledger import LedgerReader, archiver
from gateway.ledger import export as proofs
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.console.site import Desk, desk_of, make, record, words_of, write_site

ANA = {"person": {"id": "e900", "name": "Ana <b>Núñez</b>"}, "door": "main", "reason": "granted"}
EVENTS = (
    NewEvent(EventType.ACCESS_GRANTED, "main", ANA),
    NewEvent(
        EventType.ACCESS_DENIED, "office", {**ANA, "door": "office", "reason": "denied_expired"}
    ),
    NewEvent(EventType.DOOR_FORCED, "office", {}),
    NewEvent(EventType.VISIT_ARRIVED, "visit-7", {"visit": 7, "name": "Iñaki", "host": "Luis"}),
    NewEvent(EventType.ALARM_DURESS, "main", {"door": "main"}),
)
DAY = timedelta(days=1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A log whose records are of today, but for the first person who passed ten days ago."""
    settings = write_site(tmp_path)
    with closing(open_log(settings)) as ledger:
        old = datetime.now(UTC) - 10 * DAY
        ledger.append_sync(NewEvent(EVENTS[0].type, "main", ANA, time=old))
        for event in EVENTS:
            ledger.append_sync(event)
    made = make(settings)
    for name in ("aurelio", "samuel", "rosa"):
        made.store.set_taste(name, "en", "light")
    yield made
    made.store.close()


@pytest.fixture
def aurelio(site: Site) -> Desk:
    return desk_of(site, "aurelio")


def log(site: Site) -> LedgerReader:
    return LedgerReader(site.settings.ledger_path)


def shown(desk: Desk, **asked: str) -> list[int]:
    """The numbers of the records on a page."""
    answer = desk.get(f"/records?{urlencode({k.rstrip('_'): v for k, v in asked.items()})}")
    assert answer.status_code == 200, answer.text
    return [
        int(found) for found in re.findall(r'<a class="num" href="/records/(\d+)">', answer.text)
    ]


def seqs(site: Site, *kinds: str) -> list[int]:
    with closing(log(site)) as reader:
        return [e.seq for e in reader.tail(1000) if e.type in kinds][::-1]


def today(site: Site) -> str:
    return datetime.now(site.settings.site.zone).date().isoformat()


# Looking


def test_each_filter_shows_its_records(site: Site, aurelio: Desk) -> None:
    granted, denied = seqs(site, "access.granted"), seqs(site, "access.denied")
    assert shown(aurelio, kind="access.") == sorted(granted + denied, reverse=True)
    assert shown(aurelio, kind="access.granted", from_=today(site)) == granted[:1]
    assert shown(aurelio, kind="access.granted", to=today(site)) == granted
    assert shown(aurelio, door="office") == sorted(denied + seqs(site, "door.forced"), reverse=True)
    assert shown(aurelio, person="e900") == sorted(granted + denied, reverse=True)
    assert shown(aurelio, visit="7") == seqs(site, "visit.arrived")
    assert shown(aurelio, criterion="10.2") == seqs(site, "visit.arrived")
    assert shown(aurelio, person="nobody") == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("from=lately", "expected a day"),
        ("to=2026-99-99", "write a day as"),
        ("from=2026-11-02&to=2026-11-01", "not after the beginning"),
        ("criterion=99.9", "there is no criterion"),
        ("kind=zzz", "there is no event of type"),
        ("visit=x", "is not a number"),
        ("truck=9999999999999999999999", "is not a number"),
        ("door=" + "%00", ""),
        ("before=-1", ""),
        ("person=%3Cscript%3E", ""),
    ],
)
def test_a_filter_that_can_not_be_is_a_sentence(aurelio: Desk, asked: str, said: str) -> None:
    answer = aurelio.get(f"/records?{asked}")
    assert answer.status_code == (409 if said else 200)
    assert said in unescape(words_of(answer.text))
    assert "<script>" not in answer.text


def test_a_long_log_is_shown_page_by_page(
    site: Site, aurelio: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("STEP", 64), ("MOST", 64), ("STAYS", 10)):
        monkeypatch.setattr(archiver, name, value)
    with closing(open_log(site.settings)) as ledger:
        for n in range(120):
            ledger.append_sync(NewEvent(EventType.DOOR_OPENED, "main", {"n": n}))
    found, path = [], "/records?kind=door.opened"
    while path:
        page = aurelio.get(path).text
        found += re.findall(r'<a class="num" href="/records/(\d+)">', page)
        further = re.search(r'class="further"><a class="btn btn-big" href="([^"]+)"', page)
        path = unescape(further[1]) if further else ""
    assert list(map(int, found)) == seqs(site, "door.opened")
    assert len(found) == 120


def test_one_record_is_shown_whole_with_ways_to_what_belongs_to_it(
    site: Site, aurelio: Desk
) -> None:
    (seq,) = seqs(site, "access.denied")
    page = aurelio.get(f"/records/{seq}").text
    said = unescape(words_of(page))
    assert "denied_expired" in said and "10.1" in said and "<b>Núñez</b>" in unescape(said)
    assert "<b>Núñez" not in page
    with closing(log(site)) as reader:
        event = reader.get(seq)
    assert event is not None and event.hash in said and event.prev in said
    for link in ("/records?person=e900", "/records?door=office", f"/records/{seq - 1}"):
        assert f'href="{link}"' in page
    for number in ("999", str(2**70)):
        answer = aurelio.get(f"/records/{number}")
        assert answer.status_code == 409 and "there is no event" in answer.text
    assert aurelio.get("/records/x").status_code == 404


def test_every_figure_links_to_as_many_records(site: Site, aurelio: Desk) -> None:
    page = aurelio.get(f"/records/figures?from={today(site)}", part=True).text
    assert "<html" not in page
    numbers = re.findall(r'<a (?:class="num" )?href="(/records\?[^"]+)">(\d+)</a>', page)
    assert len(numbers) > 8
    for link, count in numbers:
        found = aurelio.get(unescape(link)).text
        assert len(re.findall(r'<a class="num" href="/records/\d+">', found)) == int(count), link
    assert "<html" in aurelio.get(f"/records/figures?from={today(site)}").text


def test_duress_is_shown_to_those_whom_the_site_names(site: Site, aurelio: Desk) -> None:
    (seq,) = seqs(site, "alarm.duress")
    for name in site.settings.tables.operators:
        one = desk_of(site, name)
        roles = site.settings.tables.operators[name].roles
        if "hr" in roles:
            continue
        sees = bool(set(roles) & set(site.settings.tables.alarms.see_duress))
        assert (seq in shown(one)) == sees, name
        assert (one.get(f"/records/{seq}").status_code == 200) == sees, name
        figures = one.get(f"/records/figures?from={today(site)}").text
        assert ("alarm.duress" in figures) == sees, name


def test_every_kind_of_record_has_words() -> None:
    prefixes = {kind.partition(".")[0] for kind in EventType}
    assert set(view.KINDS) <= prefixes
    assert all(words for _, words in view.kinds())


# Taking along


def run(desk: Desk, path: str, fields: dict[str, str]) -> tuple[TestClient, str, str]:
    """Begin a job with a client that keeps its loop, and wait until it has ended."""
    client = desk.client
    answer = client.post(path, data={"csrf": desk.csrf, **fields}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    job = answer.headers["location"]
    end = time.monotonic() + 120
    while time.monotonic() < end:
        page = client.get(job).text
        if "hx-trigger" not in page.split('id="job"')[1].split(">")[0]:
            return client, job, page
        time.sleep(0.1)
    raise AssertionError("it does not end")


def test_an_export_has_its_proof_and_is_on_record(site: Site, aurelio: Desk) -> None:
    with aurelio.client:
        client, job, page = run(aurelio, "/records/export", {"format": "jsonl", "person": "e900"})
        assert "3 records" in words_of(page)
        answer = client.get(f"{job}/file")
        assert desk_of(site, "samuel").get(f"{job}/file").status_code == 409  # not theirs
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        names = packed.namelist()
        plain = next(name for name in names if name.endswith(".jsonl"))
        lines = packed.read(plain).decode().splitlines()
        proof = packed.read(f"{plain}.proof").decode().splitlines()
    assert {"garita-check.html", "garita_check.py"} < set(names)
    checked = proofs.check(lines, proof)
    assert checked.shown == 3 and checked.asked == {"person": "e900"}
    record(site.settings)
    with closing(log(site)) as reader:
        told = next(e for e in reader.tail(5) if e.type == "records.exported")
    assert (told.data["by"], told.data["n"], told.data["asked"]) == ("aurelio", 3, "person e900")


def test_a_spreadsheet_gets_no_formula_and_no_record_of_duress(site: Site, aurelio: Desk) -> None:
    sees = "auditor" in site.settings.tables.alarms.see_duress
    with aurelio.client:
        client, job, _page = run(aurelio, "/records/export", {"format": "csv"})
        text = client.get(f"{job}/file").text
    assert "access.denied" in text and ("alarm.duress" in text) == sees
    assert not [row for row in text.splitlines() if row.startswith(("=", "+", "@"))]


def test_the_log_is_verified_and_what_is_wrong_is_found(site: Site, aurelio: Desk) -> None:
    with aurelio.client:
        _client, _job, page = run(aurelio, "/records/verify", {})
        assert "The log is good" in words_of(page)
        with closing(sqlite3.connect(site.settings.ledger_path)) as db, db:
            db.execute("DROP TRIGGER events_no_update")
            db.execute("UPDATE events SET body = replace(body, 'e900', 'e901') WHERE seq = 4")
        _client, _job, page = run(aurelio, "/records/verify", {})
    said = words_of(page)
    assert "BROKEN" in said and "the record or its link was changed" in said
    assert 'href="/records/4"' in page
    with site.people() as db:
        rows = db.execute("SELECT data FROM outbox WHERE type = 'records.verified' ORDER BY rowid")
        assert [json.loads(data)["result"] for (data,) in rows] == ["good", "broken"]


def test_one_job_at_a_time_and_none_of_another_form(site: Site, aurelio: Desk) -> None:
    with aurelio.client as client:
        form = {"csrf": aurelio.csrf}
        first = client.post("/records/verify", data=form, follow_redirects=False)
        second = client.post("/records/verify", data=form, follow_redirects=False)
        assert first.status_code == 303
        assert second.status_code == 409 and "under way" in second.text
        wrong = client.post("/records/export", data={**form, "format": "exe"})
        assert wrong.status_code == 409
        assert client.get("/records/jobs/../../etc/passwd").status_code in (404, 409)
        job = first.headers["location"]
        assert f'href="{job}"' in client.get("/records/jobs").text


def test_a_guard_looks_and_takes_nothing_along(site: Site) -> None:
    rosa = desk_of(site, "rosa")
    assert rosa.get("/records").status_code == 200
    assert "/records/export" not in rosa.get("/records").text
    answers: list[httpx.Response] = [
        rosa.post("/records/export", {"format": "csv"}),
        rosa.post("/records/verify"),
        rosa.get("/records/jobs"),
        rosa.get("/records/1/proof"),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert desk_of(site, "hilda").get("/records").status_code == 403


def test_a_record_that_no_checkpoint_covers_has_no_proof_yet(aurelio: Desk) -> None:
    answer = aurelio.get("/records/2/proof")
    assert answer.status_code == 409 and "no checkpoint covers event 2 yet" in answer.text
