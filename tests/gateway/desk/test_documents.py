"""Documents: what is kept, what is refused, twice, replaced, withdrawn, and odd records."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.desk import documentfile, documents
from gateway.desk.errors import Conflict, DeskError, NotFound, Unwritable
from tests.gateway.desk.papers import LAURA, PDF, TODAY, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def code(call: Callable[[], object]) -> str:
    with pytest.raises(DeskError) as caught:
        call()
    return caught.value.code


def test_a_document_is_a_file_by_its_hash_and_a_record(site: Site) -> None:
    due = date(2027, 11, 25)
    made = site.attach("10.2", "10.1", approved_by="Ana Ruiz", approved_on=TODAY, review_due=due)
    sha256 = hashlib.sha256(PDF).hexdigest()
    kept = site.settings.documents_path / f"{sha256}.pdf"
    assert kept.read_bytes() == PDF and kept.stat().st_mode & 0o777 == 0o640
    assert made.id == sha256[:16] and made.record == 0
    [(kind, data)] = site.waiting()
    assert kind == "document.attached" and data["by_name"] == "Laura Gil"
    assert (data["criteria"], data["bytes"]) == (["10.1", "10.2"], len(PDF))
    assert (data["approved_on"], data["review_due"]) == ("2026-11-25", "2027-11-25")
    site.record()
    [found] = site.register().in_force()
    assert (found.record, found.by, found.media) == (2, "Laura Gil", "application/pdf")
    assert not found.overdue(due) and found.overdue(date(2027, 11, 26))


def test_a_double_tap_is_one_record_and_other_words_replace_the_first(site: Site) -> None:
    first = site.attach("10.2")
    assert site.attach("10.2") == first
    site.record()
    assert site.attach("10.2").id == first.id and site.waiting() == []
    site.attach("10.2", "10.1", title="Visitors and badges")
    site.record()
    [found] = site.register().in_force()
    assert (found.title, found.criteria) == ("Visitors and badges", ("10.1", "10.2"))
    assert [one.in_force for one in site.register().documents] == [False, True]


def test_one_that_replaces_another_ends_it(site: Site) -> None:
    old = site.attach("10.2")
    site.record()
    new = site.attach("10.2", data=PDF.replace(b"1.7", b"1.6"), replaces=old.id[:6])
    site.record()
    ended, found = site.register().documents
    assert (ended.replaced_by, ended.in_force, found.id) == (new.id, False, new.id)
    assert code(lambda: site.attach("10.2", data=PDF + b"%%EOF", replaces=old.id)) == "no_document"


def test_withdrawn_it_is_out_of_force_and_its_file_stays(site: Site) -> None:
    made = site.attach()
    site.record()
    site.retire(made.id[:8], "the visitors go by another gate")
    assert code(lambda: site.retire(made.id)) == "no_document"  # twice
    site.record()
    [found] = site.register().documents
    assert found.why_ended == "the visitors go by another gate" and found.ended_by == "Laura Gil"
    assert documentfile.stored(site.settings, made.sha256) is not None
    site.attach()  # and in force again
    site.record()
    assert [one.in_force for one in site.register().documents] == [False, True]


@pytest.mark.parametrize("key", ["", "abc", "zzzz", "%", "../../x"])
def test_an_id_that_names_nothing(site: Site, key: str) -> None:
    site.attach()
    with pytest.raises(NotFound):
        site.retire(key)


def test_the_same_beginning_of_two_documents_is_refused_and_their_ids_differ(site: Site) -> None:
    made = site.attach()
    sha256 = hashlib.sha256(b"x").hexdigest()
    twin = made.sha256[:16] + sha256[16:]
    site.append("document.attached", twin[:17], document=twin[:17], title="Twin", criteria=["10.1"],
                sha256=twin, bytes=1, by="x")  # fmt: skip
    with pytest.raises(Conflict):
        site.register().get(made.id[:15])
    assert site.register().get(made.id) == made
    data = PDF.replace(b"1.7", b"1.5")
    other = hashlib.sha256(data).hexdigest()
    clash = other[:16] + "0" * 48
    site.append("document.attached", "c", document=other[:16], title="Clash", criteria=[],
                sha256=clash, bytes=1, by="x")  # fmt: skip
    assert site.attach(data=data).id == other[:17]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "document_empty"),
        (b"PK\x03\x04 a workbook", "not_pdf"),
        (b"<html>%PDF-1.7</html>%%EOF", "not_pdf"),
        (PDF[:30], "document_cut"),
        (PDF + b" " * 4096, "document_cut"),
    ],
)
def test_what_is_no_whole_pdf_is_refused(site: Site, data: bytes, why: str) -> None:
    assert code(lambda: site.attach(data=data)) == why
    assert site.waiting() == [] and not list(site.folder.glob("data/documents/*"))


def test_anything_else_is_kept_as_bytes_if_it_is_asked_for(site: Site) -> None:
    made = site.attach(data=b"PK\x03\x04", any_kind=True)
    assert made.media == "application/octet-stream"
    kept = documentfile.stored(site.settings, made.sha256)
    assert kept is not None and kept.suffix == ".bin"


def test_a_file_of_200_mb_is_refused_before_it_is_read(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.write(PDF)
        file.truncate(200 * 1024 * 1024)
    assert code(lambda: documentfile.read(path)) == "document_too_large"
    pieces = (b"%PDF-", *[b"\0" * (1 << 20)] * 51, b"%%EOF")
    assert code(lambda: documentfile.content(pieces)) == "document_too_large"


def test_links_folders_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    real = tmp_path / "real.pdf"
    real.write_bytes(PDF)
    link, pipe = tmp_path / "link.pdf", tmp_path / "pipe.pdf"
    link.symlink_to(real)
    os.mkfifo(pipe)
    for path in (link, pipe, tmp_path, Path("/dev/zero"), tmp_path / "none.pdf"):
        assert code(lambda path=path: documentfile.read(path)) == "document_unreadable"
    assert documentfile.read(real).sha256 == hashlib.sha256(PDF).hexdigest()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"criteria": ()}, "no_criterion"),
        ({"criteria": ("99.9",)}, "no_criterion"),
        ({"title": " "}, "missing"),
        ({"title": "x" * 121}, "too_long"),
        ({"title": "a\u202eb"}, "bad_text"),
        ({"approved_by": "\x00"}, "bad_text"),
        ({"approved_on": date(2026, 11, 26)}, "day_to_come"),
        ({"review_due": TODAY}, "bad_due_day"),
        ({"review_due": date(2040, 1, 1)}, "bad_due_day"),
        ({"approved_on": date(2025, 1, 1), "review_due": date(2024, 1, 1)}, "bad_due_day"),
    ],
)
def test_what_is_said_of_it_is_checked_and_nothing_is_kept(
    site: Site, given: dict[str, Any], why: str
) -> None:
    about = {"title": "Visitors", "criteria": ("10.2",), **given}
    file = documentfile.content((PDF,))
    paper = documents.About(**about)
    assert code(
        lambda: documents.attach(
            site.settings, site.db, site.reader, file, paper, by=LAURA, today=TODAY
        )
    ) == why  # fmt: skip
    assert site.waiting() == [] and not site.settings.documents_path.exists()


def test_a_kept_file_that_was_changed_or_is_a_link_is_not_the_documents(site: Site) -> None:
    made = site.attach()
    path = site.settings.documents_path / f"{made.sha256}.pdf"
    path.write_bytes(PDF + b"more")
    assert documentfile.stored(site.settings, made.sha256) is None
    path.unlink()
    other = site.folder / "other.pdf"
    other.write_bytes(PDF)
    path.symlink_to(other)
    assert documentfile.stored(site.settings, made.sha256) is None
    site.attach("10.1")  # the file is kept anew
    assert documentfile.stored(site.settings, made.sha256) == path and not path.is_symlink()


@pytest.mark.parametrize("sha256", ["", "..", "a" * 63, "../" + "a" * 61, "A" * 64])
def test_a_hash_of_another_form_names_no_file(site: Site, sha256: str) -> None:
    site.attach()
    assert documentfile.stored(site.settings, sha256) is None


def test_where_it_can_not_be_kept_nothing_is_registered(site: Site) -> None:
    site.settings.documents_path.write_bytes(b"a file is in the way")
    with pytest.raises(Unwritable) as caught:
        site.attach()
    assert caught.value.code == "document_not_kept" and site.waiting() == []


def test_records_of_another_form_are_skipped_and_counted(site: Site) -> None:
    good = {"document": "d", "sha256": "a" * 64, "bytes": 1, "criteria": ["10.1", 7, None]}
    for odd in (
        {},
        {**good, "sha256": "../x"},
        {**good, "criteria": "10.1"},
        {**good, "bytes": "1"},
        {**good, "document": 7},
    ):
        site.append("document.attached", "d", **odd)
    site.append("document.retired", "d", document=[])
    site.append("document.attached", "d", **good, review_due="soon", title=3, replaces=[])
    register = site.register()
    assert len(register.odd) == 6
    [found] = register.documents
    assert (found.criteria, found.review_due, found.title) == (("10.1",), "", "")
