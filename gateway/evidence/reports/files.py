"""A standard report as files: a PDF for people, or CSV, one file for each table."""

from __future__ import annotations

from pathlib import Path

from gateway.config import Settings
from gateway.desk.text import write_csv
from gateway.evidence import saying
from gateway.evidence.pages.write import report
from gateway.evidence.reports import Made
from gateway.evidence.spool import Spool
from gateway.locale import N_, language
from gateway.vault.files import new_text_file

FORMS = ("pdf", "csv")


def write(settings: Settings, made: Made, spool: Spool, form: str, folder: Path) -> list[Path]:
    """Write the report into new files of `folder`, in the language in use.  Raises OSError, and
    FileExistsError if there is such a file already."""
    stem = f"{settings.site.gateway}-{made.report.key}-{made.span.first}-{made.span.last}"
    if form == "pdf":
        output = folder / f"{stem}.pdf"
        title = made.report.title
        report(settings, made.span, title, made.found, spool, language(), output, made.as_of)
        return [output]
    files = []
    for table in (table for found in made.found for table in found.tables):
        name = stem if table.key == made.report.key else f"{stem}-{table.key}"
        files.append(folder / f"{name}.csv")
        with new_text_file(files[-1]) as file:
            write_csv(
                file,
                [*(column.title for column in table.columns), N_("Records")],
                (
                    [
                        *(
                            saying.cell(column, row.cells.get(column.key), zone=made.span.zone)
                            for column in table.columns
                        ),
                        " ".join(map(str, row.records)),
                    ]
                    for row in spool.rows(table.key)
                ),
            )
    return files
