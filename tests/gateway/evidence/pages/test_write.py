"""The PDF of a packet: what a person reads, in both languages, whatever the log holds."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from gateway.evidence.packet import LogState
from gateway.evidence.pages import annex, blocks, render
from gateway.evidence.pages.shared import records
from gateway.evidence.pages.write import MOST_ATTACHED, Attached, Plot, report, write
from gateway.evidence.spool import Spool
from gateway.locale import worded
from tests.gateway.evidence.pages import made


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Where rows go."""
    opened = Spool(tmp_path / "spool.db")
    yield opened
    opened.close()


def words(pdf: Path, *options: str) -> str:
    """The text of a PDF as poppler reads it."""
    done = subprocess.run(
        ["pdftotext", *options, str(pdf), "-"], check=True, capture_output=True, text=True
    )
    return " ".join(done.stdout.replace("\u200b", "").split())


def first_page(pdf: Path) -> str:
    """The text of the first page."""
    return words(pdf, "-l", "1")


pytestmark = pytest.mark.servers  # pdftotext reads what was written
SOME = ("10.1", "10.2", "10.4", "2.1")


@pytest.mark.slow
def test_first_page_answers_in_both_languages(tmp_path: Path, spool: Spool) -> None:
    packet = made.packet(spool, only=SOME)
    for language, asked in (
        ("en", ("Is this gate in order?", "whole and signed", "manzana", "sede-monterrey")),
        ("es", ("¿Está en orden esta caseta?", "completa y firmada", "manzana", "garita-check")),
    ):
        out = tmp_path / f"{language}.pdf"
        write(packet, spool, language, out)
        text = first_page(out)
        for one in asked:
            assert one in text, language
        assert re.search(r"(page 1 of|página 1 de) \d+", text)
        assert "D2" in text, "an open deviation stands on the first page"
    # The file is Spanish as a whole: none of the English of its pages is left.
    for english in ("still open", "Is this gate", "Deviations", "page 1 of", "nobody recorded"):
        assert english not in words(tmp_path / "es.pdf")


def test_it_is_pdf_a_tagged_with_bookmarks_and_its_language(tmp_path: Path, spool: Spool) -> None:
    out = tmp_path / "es.pdf"
    write(made.packet(spool, only=SOME), spool, "es", out)
    raw = out.read_bytes()
    assert b"<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in raw
    root = PdfFileReader(out.open("rb")).root
    assert str(root["/Lang"]).lower() == "es-mx"
    assert bool(root["/MarkInfo"]["/Marked"])
    assert int(root["/Outlines"]["/Count"]) != 0
    assert "/StructTreeRoot" in root


@pytest.mark.slow
def test_same_packet_same_bytes(tmp_path: Path, spool: Spool) -> None:
    packet = made.packet(spool, rows=30, only=("10.2",))
    hashes = set()
    for folder in ("a", "another-folder"):
        (tmp_path / folder).mkdir()
        out = tmp_path / folder / "packet.pdf"
        write(packet, spool, "es", out)
        annex.write(packet, spool, [made.VISITORS], "es", out.parent)
        hashes.add(
            tuple(
                hashlib.sha256(p.read_bytes()).digest()
                for p in (out, out.with_name("visitors.es.pdf"))
            )
        )
        assert sorted(p.name for p in out.parent.iterdir()) == ["packet.pdf", "visitors.es.pdf"]
    assert len(hashes) == 1


def test_hostile_names_are_shown_as_they_are(tmp_path: Path, spool: Spool) -> None:
    out = tmp_path / "en.pdf"
    packet = made.packet(spool, rows=6, only=("10.2",))
    write(packet, spool, "en", out)
    text = words(out)
    assert "*José* #strong[x]" in text
    assert "<script>alert(1)</script>" in text
    assert "X" * 190 in words(out, "-raw").replace(" ", "")
    assert "[U+738B]" in text, "a letter that no font has is shown by its number"
    assert "202E" in text, "what turns the direction of reading is shown"
    assert "[U+0000]" in text


def test_nothing_is_cut_off_at_the_edge(tmp_path: Path, spool: Spool) -> None:
    out = tmp_path / "en.pdf"
    write(made.packet(spool, rows=6, only=("10.2",)), spool, "en", out)
    done = subprocess.run(
        ["pdftotext", "-bbox", str(out), "-"], check=True, capture_output=True, text=True
    )
    pages = re.split(r'<page width="([0-9.]+)"', done.stdout)[1:]
    for width, page in zip(pages[::2], pages[1::2], strict=True):
        boxes = [
            tuple(map(float, box))
            for box in re.findall(
                r'xMin="([0-9.]+)" yMin="([0-9.]+)" xMax="([0-9.]+)" yMax="([0-9.]+)"', page
            )
        ]
        assert boxes
        assert max(box[2] for box in boxes) < float(width) - 45, "the margin is 51 points"
        lines: dict[float, list[tuple[float, ...]]] = {}
        for box in boxes:
            lines.setdefault(round(box[1]), []).append(box)
        for line in lines.values():
            line.sort()
            for left, right in pairwise(line):
                assert left[2] <= right[0] + 2, f"words on top of each other: {left} {right}"


@pytest.mark.slow
def test_redacted_edition_names_nobody(tmp_path: Path, spool: Spool) -> None:
    packet = made.packet(spool, rows=30, redacted=True, only=SOME)
    packet.sections = [replace(one, documents=(), reviews=()) for one in packet.sections]
    out, beside = tmp_path / "es.pdf", tmp_path / "visitors.es.pdf"
    write(packet, spool, "es", out)
    annex.write(packet, spool, [made.VISITORS], "es", tmp_path)
    for text in (words(out), words(beside)):
        assert "(reservado)" in text
        for name in ("Gutiérrez", "José", "Rosa", "Ibarra", "XXXX", "Visitante"):
            assert name not in text


def test_broken_log_is_told_on_the_first_page(tmp_path: Path, spool: Spool) -> None:
    out = tmp_path / "es.pdf"
    write(made.packet(spool, log=made.broken(), only=SOME), spool, "es", out)
    text = first_page(out)
    assert "rota en 2 lugares, el primero en el registro 31007" in text
    assert "Faltan registros, como 1 a 4096" in text
    assert "reloj" in text
    assert "completa y firmada" not in text
    assert "its hash is wrong" in words(out)


def test_no_records_and_nothing_signed(tmp_path: Path, spool: Spool) -> None:
    packet = made.packet(spool, rows=0, wrong=0, only=SOME, log=LogState())
    packet.head, packet.records, packet.word = None, {"before": 3, "inside": 0}, ""
    out = tmp_path / "en.pdf"
    write(packet, spool, "en", out)
    text = first_page(out)
    assert "The log has no record of these days." in text
    assert "Nothing of this log is signed yet" in text
    assert "nobody named a word" in text


def test_attached_files_come_out_as_they_went_in(tmp_path: Path, spool: Spool) -> None:
    small, large = tmp_path / "packet.json", tmp_path / "large.json"
    small.write_bytes(b'{"a": "\xc3\xb1"}')
    with large.open("wb") as file:
        file.truncate(MOST_ATTACHED + 1)
    out = tmp_path / "en.pdf"
    files = [
        Attached(small, "packet.json", "application/json", worded("Visitor log"), "data"),
        Attached(large, "large.json", "application/json", worded("Visitor log"), "data"),
    ]
    write(made.packet(spool, only=("10.2",)), spool, "en", out, files)
    names = PdfFileReader(out.open("rb")).root["/Names"]["/EmbeddedFiles"]["/Names"]
    assert [str(names[0])] == ["packet.json"]
    assert len(names) == 2, "what is too large stays outside"
    assert names[1]["/EF"]["/F"].data == small.read_bytes()
    assert names[1]["/Desc"] == "Visitor log"


def test_plots_stand_on_the_last_pages(tmp_path: Path, spool: Spool) -> None:
    svg = tmp_path / "plot.svg"
    svg.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="90">'
        '<rect width="300" height="90" fill="#1f4e79"/></svg>'
    )
    out = tmp_path / "en.pdf"
    plot = Plot(svg, worded("Visitor log"), worded("visits that began"))
    write(made.packet(spool, only=("10.2",)), spool, "en", out, plots=[plot])
    assert "Patterns" in words(out)


def test_rows_are_bounded_and_the_rest_is_named(tmp_path: Path, spool: Spool) -> None:
    packet = made.packet(spool, wrong=400, only=("10.2",))
    packet.sections = [
        replace(one, deviations=tuple(packet.found["visitors"].deviations))
        for one in packet.sections
    ]
    out = tmp_path / "en.pdf"
    whole = write(packet, spool, "en", out)
    assert whole == frozenset(), "300 rows, of which 25 were drawn: worth an annex"
    assert "360 more are in annexes/deviations.en.pdf" in words(out)


def test_few_rows_stand_there_whole(tmp_path: Path, spool: Spool) -> None:
    out = tmp_path / "en.pdf"
    whole = write(made.packet(spool, rows=20, only=("10.2", "10.4")), spool, "en", out)
    assert whole == frozenset({"visitors", "deviations"})
    text = words(out)
    assert re.search(r"Visitor log, page \d+: All of them: 20", text)
    assert re.search(r"Visitor log: page \d+\.", text), "the second criterion points to it"
    assert text.count("Visitante 19 Guti") == 1, "a table for two criteria is printed once"


def test_report_has_figures_and_rows(tmp_path: Path, spool: Spool) -> None:
    packet = made.packet(spool, rows=30)
    out = tmp_path / "es.pdf"
    found = [packet.found["visitors"]]
    report(packet.settings, packet.span, worded("Visitor log"), found, spool, "es", out, made.AS_OF)
    text = words(out)
    assert "Bitácora de visitas" in text
    assert "Visitante 29 Gutiérrez" in text
    assert "96,3 %" in text or "96.3 %" in text


def test_what_typst_says_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(render.PagesError, match="could not be made: .+"):
        render.run({"is": "document", "fonts": "", "document": {}, "timestamp": 0}, tmp_path)


def test_a_file_that_is_not_there_leaves_nothing(tmp_path: Path, spool: Spool) -> None:
    out = tmp_path / "out"
    out.mkdir()
    gone = Attached(tmp_path / "gone", "gone", "text/plain", worded("Visitor log"))
    with pytest.raises(FileNotFoundError):
        write(made.packet(spool, only=("10.2",)), spool, "en", out / "en.pdf", [gone])
    assert list(out.iterdir()) == []


@pytest.mark.slow
def test_all_deviations_have_an_annex_if_a_section_has_not_room(
    tmp_path: Path, spool: Spool
) -> None:
    packet = made.packet(spool, rows=30, wrong=90, only=("10.2",))
    packet.sections = [
        replace(one, deviations=tuple(packet.found["visitors"].deviations))
        for one in packet.sections
    ]
    whole = write(packet, spool, "es", tmp_path / "es.pdf")
    assert "deviations" not in whole
    text = words(tmp_path / "es.pdf")
    assert "50 más están en annexes/deviations.es.pdf" in text
    assert "y 44 más" in first_page(tmp_path / "es.pdf"), "those of one rule are one line"
    assert annex.write(packet, spool, [], "es", tmp_path, deviations=True) == ["deviations.es.pdf"]
    annexed = words(tmp_path / "deviations.es.pdf")
    assert all(f"D{number} " in annexed for number in (1, 45, 90))


def test_widths_of_columns_follow_their_words() -> None:
    narrow, long, mark = blocks.fitted(
        [["N.", "What was found", "M"], ["1", "a long text " * 30, "x" * 190]], 60.0
    )
    assert narrow < 4 < min(long, mark)
    assert abs(narrow + long + mark - 60) < 0.01
    assert blocks.broken("x" * 190, 10).count("\u200b") > 8
    assert blocks.broken("short words stay", 10) == "short words stay"


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((), ""),
        ((7,), "7"),
        ((7, 8), "7, 8"),
        ((7, 8, 9, 12), "7-9, 12"),
        ((1, 3, 5, 7, 8, 9), "1, 3, 5 +3"),
    ],
)
def test_records_are_named_shortly(numbers: tuple[int, ...], told: str) -> None:
    assert records(numbers) == told


def test_tables_that_are_too_long_for_an_annex_have_none(
    tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    packet = made.packet(spool, rows=30)
    short = replace(made.VISITORS, key="short")
    spool.add("short", {"name": "Única"}, (1,))
    tables = [made.VISITORS, short, replace(short, key="empty")]
    monkeypatch.setattr(annex, "MOST_ROWS", 29)
    assert annex.write(packet, spool, tables, "en", tmp_path / "annexes") == ["short.en.pdf"]
    assert "Única" in words(tmp_path / "annexes" / "short.en.pdf")
    monkeypatch.setattr(annex, "MOST_OF_ALL", 0)
    assert annex.write(packet, spool, tables, "en", tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
