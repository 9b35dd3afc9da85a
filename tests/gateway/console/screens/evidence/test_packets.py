"""The auditor's packet at the console: asked for, made by a process of its own, taken along."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from gateway import config
from gateway.console.screens.evidence.asked import last_month
from gateway.console.screens.evidence.packets import made_of, presets
from gateway.console.site import Site
from gateway.daemon import stopped
from gateway.daemon.logkeys import at_start
from gateway.daemon.openlog import open_log
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.vault.sitekey import SiteKey
from tests.gateway.console.site import Desk, desk_of, make, record, words_of, write_site

PATH = "/evidence/make"
VISIT = {"visit": 7, "name": "Iñaki <b>Sáenz</b>", "host": "Luis", "id_kind": "ine"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A signed log with a visitor of three days ago."""
    settings = write_site(tmp_path)
    with closing(open_log(settings)) as ledger:
        at = datetime.now(UTC) - timedelta(days=3)
        ledger.append_sync(NewEvent(EventType.VISIT_ARRIVED, "visit-7", VISIT, time=at))
        ledger.append_sync(NewEvent(EventType.DOOR_OPENED, "main", {}))
    key = SiteKey.load(settings.tables.site.key_file)
    at_start(settings.log_key_path, key, settings.ledger_path)  # as a gateway that starts does
    assert stopped.sign(settings)
    made = make(settings)
    for name in ("aurelio", "samuel", "rosa"):
        made.store.set_taste(name, "en", "light")
    yield made
    made.store.close()


@pytest.fixture
def aurelio(site: Site) -> Desk:
    return desk_of(site, "aurelio")


def asks(site: Site, **more: object) -> dict[str, object]:
    first = (site.today() - timedelta(days=6)).isoformat()
    last = (site.today() - timedelta(days=1)).isoformat()
    return {
        "from": first,
        "to": last,
        "criterion": "10.2",
        "word": "nopal",
        "language": "en",
        **more,
    }


def begin(desk: Desk, fields: dict[str, object]) -> str:
    """The address of the job."""
    data = {"csrf": desk.csrf, **fields}
    answer = desk.client.post(PATH, data=data, follow_redirects=False)
    assert answer.status_code == 303, words_of(answer.text)
    return answer.headers["location"]


def over(client: TestClient, job: str) -> str:
    """The page of a job that has ended."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        page = client.get(job).text
        if "hx-trigger" not in page.split('id="job"')[1].split(">")[0]:
            return page
        time.sleep(0.1)
    raise AssertionError("it does not end")


@pytest.mark.slow
def test_a_packet_is_made_and_taken_and_is_on_record(site: Site, aurelio: Desk) -> None:
    with aurelio.client as client:
        job = begin(aurelio, asks(site))
        page = over(client, job)
        assert "The packet is made" in page, words_of(page)
        answer = client.get(f"{job}/file")
        assert answer.headers["content-type"] == "application/zip"
        assert desk_of(site, "samuel").get(f"{job}/file").status_code == 200  # all auditors' work
        assert desk_of(site, "rosa").get(f"{job}/file").status_code == 403
        listed = client.get("/evidence").text
        links = map(unescape, re.findall(r'href="([^"]+)"', listed))
        again = next(link for link in links if "word=nopal" in link)
        form = client.get(again).text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        names = packed.namelist()
        name = next(name for name in names if name.endswith("manifest.json"))
        told = packed.read(name)
    sha256 = hashlib.sha256(told).hexdigest()
    assert sha256 in page
    with closing(LedgerReader(site.settings.ledger_path)) as reader:
        event = next(e for e in reader.tail(9) if e.type == EventType.EVIDENCE_MADE)
    assert (event.data["by"], event.data["manifest"]) == ("aurelio", sha256)
    assert event.data["by_person"] == "e105" and event.data["word"] == "nopal"
    assert sha256[:16] in listed and f'href="{job}/file"' in listed
    asked = parse_qs(urlsplit(again).query)
    assert asked["criterion"] == ["10.2"] and asked["from"] == [asks(site)["from"]]
    assert 'value="nopal"' in form and re.search(r'value="10.2"\s+checked', form)


@pytest.mark.slow
def test_one_that_is_stopped_leaves_nothing_and_is_not_on_record(site: Site, aurelio: Desk) -> None:
    with aurelio.client as client:
        job = begin(aurelio, asks(site, criterion=[]))
        second = client.post(PATH, data={"csrf": aurelio.csrf, **asks(site)})
        assert second.status_code == 409 and "under way" in second.text
        other = desk_of(site, "samuel")
        assert other.post(f"{job}/stop").status_code == 409  # whoever began it stops it
        client.post(f"{job}/stop", data={"csrf": aurelio.csrf})
        page = over(client, job)
        assert client.get(f"{job}/file").status_code == 409
    assert "It was stopped" in page or "it was stopped" in page
    assert not list((site.settings.tables.console.data_dir / "exports").iterdir())
    record(site.settings)
    with closing(LedgerReader(site.settings.ledger_path)) as reader:
        assert not [e for e in reader.tail(20) if e.type == EventType.EVIDENCE_MADE]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"from": "2026-99-01"}, "write a day as"),
        ({"from": ""}, "write a day as"),
        ({"to": "1999-01-01"}, "write a day as"),
        ({"from": "2001-01-01"}, "at most 1500 days"),
        ({"to": "2999-01-01"}, "still to come"),
        ({"criterion": "99.99"}, "there is no criterion 99.99"),
        ({"criterion": ["10.2", "<script>"]}, "there is no criterion"),
        ({"word": "x" * 500}, "word"),
        ({"word": "a\x00b"}, "word"),
        ({"language": "fr"}, "choose a language"),
    ],
)
def test_what_can_not_be_is_a_sentence_and_nothing_begins(
    site: Site, aurelio: Desk, more: dict[str, object], said: str
) -> None:
    answer = aurelio.post(PATH, asks(site, **more))
    assert answer.status_code == 409 and said in unescape(words_of(answer.text))
    assert "<script>" not in answer.text
    assert "being made" not in aurelio.get("/evidence").text


def test_who_sees_a_part_of_the_records_makes_no_packet(tmp_path: Path) -> None:
    settings = write_site(tmp_path)
    told = settings.path.read_text(encoding="utf-8")
    scoped = told.replace('["supervisor"]', '["supervisor"]\nareas = ["office"]')
    settings.path.write_text(scoped, encoding="utf-8")
    site = make(config.load(settings.path))
    try:
        sol = desk_of(site, "samuel")
        assert sol.get("/evidence").status_code == 200
        assert PATH not in sol.get("/evidence").text
        assert sol.post(PATH, asks(site)).status_code == 409
    finally:
        site.store.close()


def test_guards_and_the_personnel_office_see_no_evidence(site: Site) -> None:
    for name in ("rosa", "hilda"):
        assert desk_of(site, name).get("/evidence").status_code == 403
        assert desk_of(site, name).post(PATH, asks(site)).status_code == 403


def test_the_form_offers_the_last_month_and_takes_no_nonsense(aurelio: Desk, site: Site) -> None:
    offered = last_month(site.today())
    page = aurelio.get("/evidence?from=x&to=%00&criterion=%3Cscript%3E&language=fr&word=%3Cb%3E")
    assert page.status_code == 200
    assert f'value="{offered.first}"' in page.text
    assert 'value="&lt;b&gt;"' in page.text and "<script>" not in page.text
    day = datetime(2026, 3, 31).date()
    spans = {key: (str(one.first), str(one.last)) for key, one in presets(day)}
    assert spans == {
        "month": ("2026-02-01", "2026-02-28"),
        "quarter": ("2025-12-01", "2026-02-28"),
        "year": ("2025-03-01", "2026-02-28"),
    }


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"first": 7, "last": None},
        {"first": "2026-10-01", "last": "<b>"},
        {"first": "2026-10-01", "last": "2026-10-31", "criteria": "10.2", "word": {"a": 1}},
    ],
)
def test_a_record_of_another_form_ends_no_page(data: dict[str, object]) -> None:
    event = Event(9, "id", "2026-11-01T00:00:00Z", "evidence.made", "gate", data, "", "")
    made = made_of(event, {}, ())
    assert made is None or (made.criteria == 0 and json.dumps(made.word))
