"""Every report of a simulated month, as a reader gets it."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.site import write
from demo.rig import example_config
from gateway import config
from gateway.cli import common
from gateway.cli.main import app
from gateway.evidence.model import Span
from gateway.evidence.reports import REPORTS
from gateway.people.schema import open_admin

FIRST, LAST = date(2026, 10, 5), date(2026, 10, 11)


@dataclass(frozen=True)
class Month:
    config: Path
    ledger: Path
    folder: Path

    def run(self, *words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["report", *words, "-c", str(self.config)])
        return done.exit_code, done.output


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    folder = tmp_path_factory.mktemp("month")
    example_config(folder)
    path = folder / "config" / "garita.toml"
    settings = config.load(path)
    settings.people_path.parent.mkdir(parents=True, exist_ok=True)
    open_admin(settings.people_path).close()
    write(settings.ledger_path, first=date(2026, 10, 1), days=11, people=25)
    yield Month(path, settings.ledger_path, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", REPORTS)
def test_each_report_names_its_tables_and_its_rows_name_records(month: Month, name: str) -> None:
    output = month.folder / name
    days = ("--from", str(FIRST), "--to", str(LAST))
    code, said = month.run("make", name, *days, "--format", "csv", "-o", str(output))
    assert code == common.OK, said
    files = sorted(output.glob("*.csv"))
    wanted = REPORTS[name].tables
    assert files and len(files) >= len(wanted)
    with closing(sqlite3.connect(month.ledger)) as db:
        last = db.execute("SELECT max(seq) FROM events").fetchone()[0]
    for path in files:
        heads, *rows = csv.reader(io.StringIO(path.read_text("utf-8-sig")))
        for row in rows:
            assert len(row) == len(heads)
            assert all(1 <= int(one) <= last for one in row[-1].split())


@pytest.mark.slow
def test_the_visitors_of_a_week_are_those_of_the_records(month: Month) -> None:
    output = month.folder / "sql"
    days = ("--from", str(FIRST), "--to", str(LAST))
    code, said = month.run("make", "visitors", *days, "--format", "csv", "-o", str(output))
    assert code == common.OK, said
    text = (output / f"gate-1-visitors-{FIRST}-{LAST}.csv").read_text("utf-8-sig")
    zone = config.load(month.config).site.zone
    sql = (
        "SELECT count(*) FROM events WHERE json_extract(body, '$.type') = 'visit.arrived' "
        "AND json_extract(body, '$.time') >= ? AND json_extract(body, '$.time') < ?"
    )
    span = Span(FIRST, LAST, zone)
    with closing(sqlite3.connect(month.ledger)) as db:
        (count,) = db.execute(sql, (span.begin, span.end)).fetchone()
    assert len(list(csv.reader(io.StringIO(text)))) - 1 == count > 5


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_report_is_a_pdf_in_the_language_that_was_asked_for(month: Month, language: str) -> None:
    output = month.folder / language
    days = ("--from", str(FIRST), "--to", str(LAST))
    code, said = month.run("make", "visitors", *days, "--lang", language, "-o", str(output))
    assert code == common.OK, said
    raw = (output / f"gate-1-visitors-{FIRST}-{LAST}.pdf").read_bytes()
    assert raw.startswith(b"%PDF-1.7") and raw.rstrip().endswith(b"%%EOF")
    assert f"/Lang({language}".encode() in raw.replace(b" ", b"")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("make", "nothing"), common.USAGE),
        (("make", "visitors", "--format", "exe"), common.USAGE),
        (("make", "visitors", "--lang", "fr"), common.USAGE),
        (("make", "visitors", "--from", "2026-13-01"), common.USAGE),
        (("make", "visitors", "--from", "2026-10-02", "--to", "2026-10-01"), common.USAGE),
    ],
)
def test_what_can_not_be_made_is_said(month: Month, words: tuple[str, ...], code: int) -> None:
    assert month.run(*words)[0] == code


def test_days_without_records_make_empty_tables(month: Month) -> None:
    output = month.folder / "empty"
    day = ("--from", "2020-01-01", "--to", "2020-01-07")
    code, said = month.run("make", "visitors", *day, "--format", "csv", "-o", str(output))
    assert code == common.OK, said
    (heads,) = csv.reader(
        io.StringIO((output / "gate-1-visitors-2020-01-01-2020-01-07.csv").read_text("utf-8-sig"))
    )
    assert heads[-1]
    code, said = month.run("make", "visitors", *day, "--format", "csv", "-o", str(output))
    assert code == common.REFUSED  # nobody's file is written over
