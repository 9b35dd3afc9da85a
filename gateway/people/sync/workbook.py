"""The rows of an Excel workbook (.xlsx), within limits.

A workbook is a ZIP archive of XML.  It is looked at before it is unpacked: an archive that would
unpack to more than `MAX_UNPACKED`, or holds more parts than a workbook does, is refused.  Macros
never run, links are never followed.  openpyxl reads row by row; defusedxml keeps XML from
expanding.

What Excel has lost can't be brought back, so such a cell is `Spoiled` and says why: a formula
without a value, an error such as #N/A, a number of more than 15 digits.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import repeat
from typing import Any

from gateway.locale import GaritaError, worded
from gateway.people.sync.cells import EXCEL_ERROR, Spoiled

MAX_UNPACKED = 256 * 1024 * 1024
MAX_PARTS = 2000
MAX_ROWS = 1_048_576  # what Excel has
MAX_COLUMNS = 200
EXACT = 10**15  # Excel keeps 15 digits of a number
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

Line = tuple[int, list[Any]]


class WorkbookError(GaritaError):
    """This file gives no rows; the message says why."""


def is_workbook(raw: bytes) -> bool:
    """Whether these bytes begin as an Excel file does, old or new."""
    return raw.startswith((ZIP, OLE))


def rows(raw: bytes, sheet: str, zone: tzinfo) -> Iterator[Line]:
    """The rows of a sheet ("": the only visible one), each with its number from 1.

    Texts are text, whole numbers too (with the zeros in front that their format shows), dates are
    dates, times are aware times of the site's `zone`; see `Spoiled` for the rest.  Raises
    WorkbookError.
    """
    formulas = _look(raw)
    from openpyxl import load_workbook  # noqa: PLC0415 - only for workbooks

    try:
        values = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        name = _sheet(values, sheet)
        found = _lines(values[name])
        written: Iterator[Any] = repeat(())
        if formulas:
            both = load_workbook(io.BytesIO(raw), read_only=True, keep_links=False)
            written = _lines(both[name])
        width = 0
        for number, (cells, sources) in enumerate(zip(found, written, strict=False), 1):
            if number > MAX_ROWS:
                raise WorkbookError(worded("more than {n} rows", n=MAX_ROWS))
            if len(cells) > MAX_COLUMNS and any(c.value is not None for c in cells[MAX_COLUMNS:]):
                raise WorkbookError(worded("more than {n} columns", n=MAX_COLUMNS))
            line = [_value(cell, zone) for cell in cells[:MAX_COLUMNS]]
            for at, source in enumerate(sources[: len(line)]):
                if source.data_type == "f" and cells[at].value is None:
                    line[at] = Spoiled(_NO_VALUE)
            width = max(width, len(line))
            yield number, line + [""] * (width - len(line))  # empty cells at the end are left out
    except WorkbookError:
        raise
    except Exception as error:  # openpyxl and its XML parser raise whatever a damaged file makes
        raise WorkbookError(
            worded("not a workbook that can be read: {why}", why=type(error).__name__)
        ) from error


def _look(raw: bytes) -> bool:
    """Refuse what is not a workbook of a sane size; returns whether it holds formulas."""
    if raw.startswith(OLE):
        raise WorkbookError(
            worded("protected by a password, or an old .xls: save it as .xlsx without a password")
        )
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise WorkbookError(
                    worded("would unpack to more than {n} MiB", n=MAX_UNPACKED >> 20)
                )
            if "xl/workbook.xml" not in archive.namelist():
                raise WorkbookError(worded("not an Excel workbook (.xlsx)"))
            sheets = [part for part in parts if part.filename.startswith("xl/worksheets/")]
            return any(_holds_formula(archive, part) for part in sheets)
    except WorkbookError:
        raise
    except Exception as error:  # as above: zipfile, zlib and codecs raise a dozen kinds
        raise WorkbookError(
            worded("not a workbook that can be read: {why}", why=type(error).__name__)
        ) from error


def _holds_formula(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Whether a sheet has formulas: only then is it read a second time."""
    tail = b""
    with archive.open(part) as file:
        while piece := file.read(1 << 20):  # never more than the archive says: zipfile stops there
            if re.search(rb"<(\w+:)?f[ >/]", tail + piece):
                return True
            tail = piece[-40:]
    return False


def _sheet(book: Any, wanted: str) -> str:
    names = [str(sheet.title) for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if wanted:
        if wanted not in book.sheetnames:
            raise WorkbookError(
                worded(
                    "there is no sheet {name} (there are: {names})",
                    name=wanted,
                    names=", ".join(names),
                )
            )
        return wanted
    if len(names) != 1:
        raise WorkbookError(
            worded(
                "several sheets ({names}): a profile says which one (garita people map)",
                names=", ".join(names),
            )
        )
    return names[0]


def _lines(sheet: Any) -> Iterator[tuple[Any, ...]]:
    sheet.reset_dimensions()  # what the file says of its size may be anything
    lines: Iterator[tuple[Any, ...]] = sheet.iter_rows()
    return lines


_NO_VALUE = worded("a formula whose value is not in the file; open it in Excel and save it again")
_LOST = worded(
    "Excel keeps only 15 digits of a number, so this one is not what was typed; format the column "
    "as Text and type it again"
)
_ODD = worded("a yes/no value or a length of time, where text belongs")


def _value(cell: Any, zone: tzinfo) -> Any:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return Spoiled(EXCEL_ERROR) if cell.data_type == "e" else value
    if isinstance(value, datetime):
        return value.date() if value.time() == time(0) else value.replace(tzinfo=zone)
    if isinstance(value, date):
        return value
    if isinstance(value, bool | time | timedelta):
        return Spoiled(_ODD)
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or ""))
    return Spoiled(_ODD)


def _number(value: float, form: str) -> str | Spoiled:
    if abs(value) >= EXACT:
        return Spoiled(_LOST)
    if value != int(value):
        return repr(value)
    # A cell formatted as 00000 shows 00123 for 123, and 00123 is what people know it as.
    return str(int(value)).zfill(len(form)) if re.fullmatch("0{2,30}", form) else str(int(value))
