"""The columns of a personnel list: their names in English, in Spanish and as HR writes them.

In: the header's cells and the lines under it.  Out: which column is which, and the cells of each
line under its header.  Excel leaves out empty cells at the end of a line, or writes more of them
than there are columns, and keeps empty columns without a header: none of that changes what a list
says, so it is read.  A value without a header, and a file that ends in the middle of a line, are
errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gateway.locale import worded
from gateway.locale.text import fold
from gateway.people.sync.cells import hint
from gateway.people.sync.source import RowError, Source

COLUMNS = (
    "id",
    "name",
    "company",
    "role",
    "valid_from",
    "valid_until",
    "status",
    "credentials",
    "access_levels",
)
REVOKED_AT = "revoked_at"
REQUIRES = "requires:"
OP = "op"
REQUIRED = ("id", "name", "credentials", "access_levels")
OPTIONAL = tuple(name for name in COLUMNS if name not in REQUIRED)
SPANISH = {
    "nombre": "name",
    "empresa": "company",
    "puesto": "role",
    "vigente_desde": "valid_from",
    "vigente_hasta": "valid_until",
    "estado": "status",
    "credenciales": "credentials",
    "niveles": "access_levels",
    "revocado_el": REVOKED_AT,
}
# Other headers as they are met, folded, the most telling first.
OTHERS: dict[str, tuple[str, ...]] = {
    "id": (
        "no. empleado",
        "no empleado",
        "no. de empleado",
        "numero de empleado",
        "num. empleado",
        "no. nomina",
        "employee number",
        "employee id",
        "employee no.",
    ),
    "name": ("nombre completo", "full name", "employee name"),
    "credentials": (
        "tarjeta",
        "no. tarjeta",
        "no. de tarjeta",
        "numero de tarjeta",
        "gafete",
        "no. gafete",
        "credencial",
        "card",
        "card number",
        "badge",
    ),
    "company": ("compania", "razon social", "contratista", "contractor"),
    "role": ("cargo", "position", "job title"),
    "valid_from": ("fecha de alta", "fecha de ingreso", "start date"),
    "valid_until": ("vence", "vencimiento", "fecha de vencimiento", "fin de contrato", "expires"),
    "status": ("estatus", "situacion"),
}
MAX_KINDS = 50
KIND = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_KNOWN = {head: name for name, heads in OTHERS.items() for head in heads}


class Unended(list[Any]):
    """The cells of a file's last line, if no line end follows it: more may have been to come."""


def column(cell: str) -> str:
    """A header cell as the English name of its column; one that is not known, in small letters."""
    name = cell.strip().lower().replace(" ", "_")
    if name.startswith("requisito:"):
        name = REQUIRES + name.removeprefix("requisito:")
    if name.startswith(REQUIRES):
        return name
    head = fold(cell)
    plain = head.replace(" ", "_")
    return SPANISH.get(plain) or _KNOWN.get(head.rstrip(" :*")) or plain


def both_names(name: str) -> str:
    """A column as both languages write it, for people who look for it in a sheet."""
    spanish = next((said for said, ours in SPANISH.items() if ours == name), "")
    return f"{name} ({spanish})" if spanish else name


def read_header(cells: Sequence[Any], source: Source) -> list[str]:
    """The columns of a header, "" for one without a name; how the sheet writes them goes to
    `source.heads`.  Empty cells at the end are left out."""
    heads = [str(cell).strip() for cell in cells]
    while heads and not heads[-1]:
        heads.pop()
    names = [column(head) for head in heads]
    for name, head in zip(names, heads, strict=True):
        if name:  # the name of a requirement has a colon, and is not a badge
            source.heads[name] = head[:80] if name.startswith(REQUIRES) else hint(head)
    return names


def good_header(names: list[str], source: Source) -> bool:
    """Whether these columns make a list; what is wrong goes to `source.errors`."""
    before = len(source.errors)
    if not any(names):
        source.errors.append(RowError(1, "", worded("the file is empty")))
        return False
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        source.errors.append(RowError(1, name, worded("this column is there twice")))
    for name in filter(None, names):
        if name.startswith(REQUIRES):
            if not KIND.fullmatch(name.removeprefix(REQUIRES)):
                message = worded("a requirement is named by letters, digits, '-', '_' or '.'")
                source.errors.append(RowError(1, hint(name), message))
        elif name not in COLUMNS and name != REVOKED_AT and not (source.delta and name == OP):
            message = worded(
                "unknown column; known are {names} (HR's own list is read by a profile: garita "
                "people map)",
                names=", ".join(map(both_names, COLUMNS)),
            )
            source.errors.append(RowError(1, hint(name), message))
    for name in (OP, "id") if source.delta else REQUIRED:
        if name not in names:
            message = worded("this column is missing")
            source.errors.append(RowError(1, both_names(name), message))
    kinds = [name for name in names if name.startswith(REQUIRES)]
    if len(kinds) > MAX_KINDS:
        source.errors.append(RowError(1, "", worded("more than {n} requirements", n=MAX_KINDS)))
    source.kinds.update(name.removeprefix(REQUIRES) for name in kinds)
    source.absent.update(set(OPTIONAL).difference(names))
    return len(source.errors) == before


def fit(line: int, cells: list[Any], heads: Sequence[str], source: Source) -> list[Any] | None:
    """The cells of a line, as many as there are `heads` ("" for a column without a header).

    Cells that are missing at the end are empty.  None for an empty line, and for one that is
    wrong, which goes to `source.errors`.
    """
    if not any(str(cell).strip() for cell in cells):
        return None
    width = len(heads)
    odd = len(cells) > width or not all(heads)  # seldom, and a list has a million lines
    for at, cell in enumerate(cells if odd else ()):
        if str(cell).strip() and (at >= width or not heads[at]):
            message = worded("the cell of column {n} has no header above it", n=at + 1)
            source.errors.append(RowError(line, "", message))
            return None
    if isinstance(cells, Unended) and not any(str(cell).strip() for cell in cells[width - 1 :][:2]):
        message = worded(
            "the file ends in the middle of this line; if it is whole, end the line with Enter"
        )
        source.errors.append(RowError(line, "", message))
        return None
    return [*cells[:width], *[""] * (width - len(cells))]
