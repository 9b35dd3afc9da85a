"""Reads announced trucks from a CSV file: all of it, or every error with its line.

Columns, in English or Spanish: eta (llegada), driver (chofer), carrier (transportista); optional
are tractor, units (unidades) and seals (sellos).  ``;`` or ``|`` separates several units or seals.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.desk.act import moment
from gateway.desk.errors import DeskError
from gateway.desk.freight import seals
from gateway.desk.freight.transaction import Expected
from gateway.desk.text import clean
from gateway.locale import N_, _

_NAMES = {
    "eta": "eta",
    "llegada": "eta",
    "driver": "driver",
    "chofer": "driver",
    "carrier": "carrier",
    "transportista": "carrier",
    "tractor": "tractor",
    "units": "units",
    "unidades": "units",
    "seals": "seals",
    "sellos": "seals",
}
MAX_BYTES = 4 * 1024 * 1024
MAX_ROWS = 5000


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with one line; line 0 is the whole file."""

    line: int
    message: str


def read(path: Path, zone: ZoneInfo, now: datetime) -> tuple[list[Expected], list[LineError]]:
    """The trucks that the file announces, and its errors.  `zone` is for times without offset,
    `now` for times without a day.  Raises nothing, whatever the file holds."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return [], [LineError(0, _("larger than 4 MB"))]
        data = path.read_bytes()
    except OSError as error:
        return [], [LineError(0, str(error.strerror))]
    return parsed(data, zone, now)


def apart(data: bytes, args: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """`parsed` for a process of its own: `zone` (a name) and `now` (ISO 8601) come in `args`, and
    the answer is made of what JSON can hold."""
    now = datetime.fromisoformat(str(args["now"]))
    found, errors = parsed(data, ZoneInfo(str(args["zone"])), now)
    trucks = [{**asdict(item), "eta": item.eta.isoformat()} for item in found]
    return {"trucks": trucks, "errors": [[e.line, e.message] for e in errors]}, b""


def parsed(data: bytes, zone: ZoneInfo, now: datetime) -> tuple[list[Expected], list[LineError]]:
    """The same as `read`, of the bytes of a file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], [LineError(0, _("not UTF-8 text"))]
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    found: list[Expected] = []
    errors: list[LineError] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        columns = [_NAMES.get(name, "") for name in head]
        if unknown := [n for n, c in zip(head, columns, strict=True) if not c]:
            return [], [LineError(1, _("unknown column: {column}").format(column=unknown[0][:40]))]
        if missing := {"eta", "driver", "carrier"} - set(columns):
            return [], [LineError(1, _("column missing: {column}").format(column=min(missing)))]
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > len(columns):
                errors.append(LineError(reader.line_num, _("more cells than columns")))
                continue
            if len(found) >= MAX_ROWS:
                return [], [
                    LineError(reader.line_num, _("more than {most} rows").format(most=MAX_ROWS))
                ]
            try:
                found.append(_row(dict(zip(columns, row, strict=False)), zone, now))
            except DeskError as error:
                errors.append(LineError(reader.line_num, error.say()))
    except csv.Error as error:
        errors.append(LineError(reader.line_num, str(error)))
    if not found and not errors:
        errors.append(LineError(0, _("no truck in this file")))
    return found, errors


def _row(cells: dict[str, str], zone: ZoneInfo, now: datetime) -> Expected:
    return Expected(
        moment(cells.get("eta", ""), zone, now),
        clean(cells.get("driver", ""), N_("driver"), most=120),
        clean(cells.get("carrier", ""), N_("carrier"), most=120),
        clean(cells.get("tractor", ""), N_("tractor"), most=20, needed=False),
        tuple(clean(u, N_("unit"), most=20) for u in split(cells.get("units", ""))),
        tuple(seals.number(seal) for seal in split(cells.get("seals", ""))),
    )


def split(text: str) -> list[str]:
    """The parts of a cell that names several units or seals."""
    return [part.strip() for part in re.split(r"[;|]", text) if part.strip()]
