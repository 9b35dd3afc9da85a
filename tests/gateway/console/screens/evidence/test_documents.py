"""Documents at the console: attached, shown, replaced, withdrawn; and what is no document."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import httpx
import pytest

from gateway.console.screens.evidence import documents as screen
from gateway.console.site import Site
from gateway.desk import documentfile
from tests.gateway.console.site import Desk, desk_of, record, words_of

PDF = b"%PDF-1.7\n1 0 obj << /S /JavaScript /JS (app.alert(1)) >>\n%%EOF\n"
PATH = "/evidence/documents"


def attach(desk: Desk, data: bytes = PDF, name: str = "P-07.pdf", **more: object) -> httpx.Response:
    fields = {"criterion": ["10.1", "10.2"], "title": "Visitors", **more}
    return desk.post(PATH, fields, files={"file": (name, data, "application/pdf")})


@pytest.fixture
def samuel(site: Site) -> Desk:
    for name in ("samuel", "aurelio"):
        site.store.set_taste(name, "en", "light")
    return desk_of(site, "samuel")


def test_a_document_is_attached_and_taken_as_it_was(site: Site, samuel: Desk) -> None:
    due = (site.today() + timedelta(days=20)).isoformat()
    more = {"approved_by": "Lucía", "approved_on": site.today().isoformat(), "review_due": due}
    assert attach(samuel, **more).status_code == 303
    waiting = samuel.get(PATH).text
    assert "not on record yet" in waiting  # no gateway runs that would record it
    record(site.settings)
    page = desk_of(site, "aurelio").get(PATH).text
    said = unescape(words_of(page))
    assert "Visitors" in said and "10.1, 10.2" in said and "Lucía" in said and "soon" in said
    assert "Withdraw it" not in page and "Attach it" not in page  # an auditor changes nothing
    key = page.split(f"{PATH}/")[1].split("/")[0]
    answer = desk_of(site, "aurelio").get(f"{PATH}/{key}/file")
    assert answer.content == PDF
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"  # no browser opens it here


def test_twice_is_once_and_another_takes_its_place(site: Site, samuel: Desk) -> None:
    for _n in range(2):
        assert attach(samuel).status_code == 303
    record(site.settings)
    first = samuel.get(PATH).text.split(f"{PATH}/")[1].split("/")[0]
    assert (
        attach(samuel, PDF + b"%%EOF\n", title="Visitors, new", replaces=first).status_code == 303
    )
    record(site.settings)
    page = samuel.get(PATH).text
    assert "No longer in force: 1" in words_of(page)
    assert samuel.get(f"{PATH}/{first}/file").content == PDF  # for packets of its time
    with site.people() as db:
        rows = db.execute("SELECT count(*) FROM outbox").fetchone()
    assert rows[0] == 0


def test_withdrawn_with_a_reason_and_only_so(site: Site, samuel: Desk) -> None:
    attach(samuel)
    record(site.settings)
    key = samuel.get(PATH).text.split(f"{PATH}/")[1].split("/")[0]
    assert samuel.post(f"{PATH}/{key}/retire", {"reason": ""}).status_code == 409
    assert samuel.post(f"{PATH}/{key}/retire", {"reason": "<b>old</b>"}).status_code == 303
    assert samuel.post(f"{PATH}/{key}/retire", {"reason": "again"}).status_code == 409
    page = samuel.get(PATH).text
    assert "No document is registered" in page and "&lt;b&gt;old" in page


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        (b"PK\x03\x04 a workbook", {}, "not a PDF"),
        (b"", {}, "empty"),
        (PDF[:-8], {}, "no end"),
        (PDF, {"criterion": ["99.99"]}, "99.99"),
        (PDF, {"criterion": []}, "at least one criterion"),
        (PDF, {"approved_on": "yesterday"}, "write a day as"),
        (PDF, {"review_due": "2020-01-01"}, "within ten years"),
        (PDF, {"title": "x" * 500}, "title"),
        (PDF, {"replaces": "ffffffff"}, "no document"),
    ],
)
def test_what_can_not_be_is_a_sentence_and_the_form_stays(
    site: Site, samuel: Desk, data: bytes, more: dict[str, object], said: str
) -> None:
    fields = {"approved_by": "<i>Lucía</i>", **more}
    answer = attach(samuel, data, **fields)
    assert answer.status_code == 409
    assert said in unescape(words_of(answer.text))
    assert "&lt;i&gt;Lucía" in answer.text and "<i>Lucía" not in answer.text
    with site.people() as db:
        assert db.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0


def test_a_form_without_a_file_and_one_that_is_too_large(
    site: Site, samuel: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = samuel.post(PATH, {"criterion": "10.1"})
    assert answer.status_code == 409 and "choose a file first" in answer.text
    monkeypatch.setattr(documentfile, "MAX_BYTES", 1000)
    assert "larger than" in attach(samuel, PDF + b"x" * 2000).text
    huge = {"content-length": str(screen.UPLOAD + 1)}
    answer = samuel.client.post(PATH, content=b"x", headers=huge)
    assert answer.status_code == 413


def test_a_file_that_was_changed_is_not_given_out(site: Site, samuel: Desk) -> None:
    attach(samuel)
    record(site.settings)
    key = samuel.get(PATH).text.split(f"{PATH}/")[1].split("/")[0]
    (kept,) = site.settings.documents_path.iterdir()
    kept.chmod(0o600)
    kept.write_bytes(PDF.replace(b"alert", b"ALERT"))
    answer = samuel.get(f"{PATH}/{key}/file")
    assert answer.status_code == 409 and "was changed" in answer.text
    assert samuel.get(f"{PATH}/..%2F..%2Fsite.key/file").status_code in (404, 409)


def test_who_may_attach(site: Site) -> None:
    for name, status in (("rosa", 403), ("hilda", 403), ("aurelio", 403), ("ada", 303)):
        assert attach(desk_of(site, name)).status_code == status, name
